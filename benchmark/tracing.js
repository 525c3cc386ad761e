'use strict'

// `node benchmark/tracing.js [--quick] [--out FILE]`: rows by key with nobody listening to the tracing channels, with a
// listener on hegar-native:query, and nobody again, in windows that take turns; and what a call asks the channels by
// itself. Figures are medians over the windows.

const { tracingChannel } = require('node:diagnostics_channel')
const fs = require('node:fs')
const { performance } = require('node:perf_hooks')
const { createPool } = require('../index.js')
const tracing = require('../lib/tracing.js')
const { readArguments } = require('../tools/arguments')
const { startMariadb } = require('../tools/mariadb')
const { collectFacts } = require('./facts')
const { median, threadCpuUs } = require('./measure')

const INFLIGHT = 64
const listener = { start() {}, end() {}, asyncStart() {}, asyncEnd() {}, error() {} }

async function main() {
  const { quick, out } = readArguments(process.argv.slice(2))
  const server = await startMariadb({ log: console.log })
  const pool = createPool({ host: server.host, port: server.port, user: server.user, database: 'mysql' })
  try {
    await pool.execute('CREATE TABLE test_tracing (id INT PRIMARY KEY, name VARCHAR(50)) ENGINE=InnoDB')
    await pool.execute("INSERT INTO test_tracing SELECT seq, CONCAT('product ', seq) FROM seq_1_to_10000")
    await window(pool, quick ? 300 : 2000)
    const rounds = quick ? 3 : 15
    const samples = { silent: [], listened: [] }
    const channel = tracingChannel('hegar-native:query')
    for (let round = 0; round < rounds; round++) {
      samples.silent.push(await window(pool, quick ? 300 : 1000))
      channel.subscribe(listener)
      samples.listened.push(await window(pool, quick ? 300 : 1000))
      channel.unsubscribe(listener)
    }
    const results = {
      checkNs: checkNs(),
      silentCallUs: median(samples.silent),
      listenedCallUs: median(samples.listened),
      samples,
    }
    const facts = collectFacts({ serverVersion: server.version, drivers: ['hegar'] })
    if (out !== null) fs.writeFileSync(out, `${JSON.stringify({ facts, rounds, results }, null, 2)}\n`)
    console.log(`asking all channels that a call asks, nobody listening: ${results.checkNs.toFixed(1)} ns`)
    console.log(`JavaScript thread a call, nobody listening: ${results.silentCallUs.toFixed(2)} µs`)
    console.log(`JavaScript thread a call, with a listener:  ${results.listenedCallUs.toFixed(2)} µs`)
  } finally {
    await pool.close()
    await server.stop()
  }
}

/** Microseconds of the JavaScript thread for one call, with many in flight. */
async function window(pool, ms) {
  const end = performance.now() + ms
  let calls = 0
  const cpu = threadCpuUs()
  const lane = async () => {
    while (performance.now() < end) {
      await pool.query('SELECT id, name FROM test_tracing WHERE id = ?', [1 + (calls % 10_000)])
      calls++
    }
  }
  await Promise.all(Array.from({ length: INFLIGHT }, lane))
  return (threadCpuUs() - cpu) / calls
}

/** What a call asks: whether somebody listens to queries, and to connections. */
function checkNs() {
  const times = 10_000_000
  let watched = 0
  const run = () => {
    const started = performance.now()
    for (let count = 0; count < times; count++) {
      if (tracing.isWatched(tracing.query) || tracing.isWatched(tracing.connect)) watched++
    }
    return ((performance.now() - started) * 1e6) / times
  }
  run()
  const ns = median([run(), run(), run()])
  if (watched > 0) throw new Error('somebody listens')
  return ns
}

main().catch((error) => {
  console.error(error.message)
  process.exitCode = 1
})
