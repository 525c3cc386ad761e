'use strict'

// One case of benchmark/cache.js in a process of its own: checks its answers, warms up, and measures hits one at a time.

const fs = require('node:fs')
const { deepStrictEqual } = require('node:assert')
const { performance } = require('node:perf_hooks')
const { createPool } = require('../index.js')
const { MANY, cases, SQL } = require('./cache-cases')
const { Histogram, threadCpuUs } = require('./measure')

// How many hits are made between two looks at the clock.
const BATCH = 50

async function main() {
  const { name: title, place, redis, documents, quick } = JSON.parse(process.env.HEGAR_BENCH_JOB)
  const name = title.replace('-alone', '')
  const inflight = MANY.includes(title) ? 64 : 1
  const source = createPool(place)
  const ids = Array.from({ length: documents }, (_, index) => index + 1)
  const load = (id) => source.queryJson(SQL, [id])
  const { hit, read, close, stats } = await cases[name]({ place, redis, load, ids })
  for (const id of ids) {
    await hit(id)
    await settled(name)
    deepStrictEqual(read(await hit(id)), JSON.parse(await load(id)), `${name} gives another document`)
  }
  const { length: bytes } = await load(1)
  const loadsBefore = stats?.().prefixes['(query)']?.loads
  const run = inflight === 1 ? batches : lanes(inflight)
  await run(hit, documents, quick ? 100 : 500)
  const cpu = threadCpuUs()
  const { hits, ms } = await run(hit, documents, quick ? 300 : 2000)
  const mainNsPerHit = ((threadCpuUs() - cpu) * 1000) / hits
  const latencies = await timed(hit, documents, inflight, quick ? 200 : 1000)
  if (stats !== undefined && name.startsWith('tier') && stats().prefixes['(query)'].loads !== loadsBefore)
    throw new Error('not all were hits')
  const [p50Us, p99Us] = [0.5, 0.99].map((share) => latencies.quantile(share))
  const result = { inflight, nsPerHit: (ms * 1e6) / hits, mainNsPerHit, p50Us, p99Us, bytes }
  await close()
  await source.close()
  fs.writeSync(3, JSON.stringify(result))
}

// What is stored in Redis is stored behind the answer.
function settled(name) {
  return name.startsWith('tier2') ? new Promise((resolve) => setTimeout(resolve, 5)) : undefined
}

async function batches(hit, documents, ms) {
  const began = performance.now()
  let hits = 0
  let id = 0
  while (performance.now() - began < ms) {
    for (let count = 0; count < BATCH; count++) {
      id = id === documents ? 1 : id + 1
      await hit(id)
    }
    hits += BATCH
  }
  return { hits, ms: performance.now() - began }
}

// Many callers, each asking again when it has its answer.
function lanes(inflight) {
  return async (hit, documents, ms) => {
    const began = performance.now()
    let hits = 0
    const lane = async (_, first) => {
      for (let id = first; performance.now() - began < ms; id++) {
        await hit((id % documents) + 1)
        hits++
      }
    }
    await Promise.all(Array.from({ length: inflight }, lane))
    return { hits, ms: performance.now() - began }
  }
}

async function timed(hit, documents, inflight, ms) {
  const latencies = new Histogram()
  const began = performance.now()
  const lane = async (_, first) => {
    let last = performance.now()
    for (let id = first; last - began < ms; id++) {
      await hit((id % documents) + 1)
      const now = performance.now()
      latencies.add(now - last)
      last = now
    }
  }
  await Promise.all(Array.from({ length: inflight }, lane))
  return latencies
}

main().catch((error) =>
  fs.writeSync(3, JSON.stringify({ error: `${process.env.HEGAR_BENCH_JOB}: ${error.stack}` })),
)
