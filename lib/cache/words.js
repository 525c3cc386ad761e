'use strict'

const { cacheClock } = require('../native.js')

// Memory that Rust writes and JavaScript reads, so that a hit needs no call: epochs (src/cache/epochs.rs) and tokens
// (src/cache/memory.rs).

/** Behind the epochs: until when others' writes have been heard of, in tenths of seconds of Rust's clock, */
const HORIZON = 2 ** 15
const TICK_MS = 100
// a word that Rust changes to show that we see it,
const PROBE = HORIZON + 1
/** and the number of the last change of anything. */
const SEQUENCE = PROBE + 1

/** From Rust's clock to `performance.now()`: both are the system's monotonic one and differ in where they begin. */
const offset = performance.now() - cacheClock()

function wordsOf(buffer) {
  return new Uint32Array(buffer.buffer, buffer.byteOffset, buffer.length / 4)
}

/** Whether the epochs are Rust's own, which `probe` has it show: a runtime may hand out a copy, and then nothing may be kept. */
function seesChanges(epochs, probe) {
  const before = epochs[PROBE]
  probe()
  return epochs[PROBE] !== before
}

module.exports = { HORIZON, SEQUENCE, TICK_MS, offset, seesChanges, wordsOf }
