'use strict'

const { markAsUntransferable } = require('node:worker_threads')

// Memory for results that are a little too large for the pool of Node's Buffers. One of its own for each costs the allocator
// and the collector as much as to send a small query.

const SIZE = 64 * 1024
// Below that Node has a pool itself; above it the rest of a slab would be lost too often.
const SMALLEST = 4096
const LARGEST = 16 * 1024

let slab = null
let used = SIZE

/** A Buffer of that length, not zeroed. Like Node's small ones it may share its memory with others, and keep it. */
function allocate(length) {
  if (length < SMALLEST || length > LARGEST) return Buffer.allocUnsafe(length)
  if (used + length > SIZE) {
    slab = Buffer.allocUnsafeSlow(SIZE)
    // Whoever sends one away would take its neighbours along.
    markAsUntransferable(slab.buffer)
    used = 0
  }
  const bytes = slab.subarray(used, used + length)
  // Each begins where words and doubles may.
  used = (used + length + 7) & ~7
  return bytes
}

module.exports = { allocate }
