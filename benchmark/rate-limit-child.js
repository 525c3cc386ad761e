'use strict'

// One case of benchmark/rate-limit.js in a process of its own: checks what is counted, warms up, and measures.

const fs = require('node:fs')
const { strictEqual, ok } = require('node:assert')
const { performance } = require('node:perf_hooks')
const { MemoryStore } = require('express-rate-limit')
const { RedisStore } = require('rate-limit-redis')
const Redis = require('ioredis')
const { rateLimitStore } = require('../lib/express/rate-limit.js')
const { threadCpuUs } = require('./measure')

const CLIENTS = 10_000
// Looking at the clock takes time too.
const BATCH = 50
const WINDOW_MS = 15 * 60 * 1000

// A string of its own for each hit, as each request has one: of a string that it has seen V8 knows the hash.
const addresses = Array.from({ length: CLIENTS }, (_, client) =>
  Buffer.from(`203.0.${client >> 8}.${client & 255}`),
)
const keyOf = (client) => addresses[client].latin1Slice()

async function openStore(name, redis) {
  // So that each run begins at zero.
  const prefix = `rl:${process.pid}:${Date.now()}:`
  if (name === 'memory') return { store: rateLimitStore(), close() {} }
  if (name === 'memory-rival') {
    const store = new MemoryStore()
    return { store, close: () => store.shutdown() }
  }
  if (name.startsWith('redis-rival')) {
    const client = new Redis({ ...redis, enableAutoPipelining: name.endsWith('pipelined') })
    const store = new RedisStore({ sendCommand: (...args) => client.call(...args), prefix })
    return { store, close: () => client.quit() }
  }
  const store = rateLimitStore({ redis, prefix })
  while (!store.stats().redis.connected) await new Promise((resolve) => setTimeout(resolve, 5))
  return { store, close: () => store.shutdown() }
}

async function main() {
  const { name, redis, quick } = JSON.parse(process.env.HEGAR_BENCH_JOB)
  const { store, close } = await openStore(name, redis)
  const isBlocked = name === 'redis-blocked'
  await store.init({ windowMs: WINDOW_MS, limit: isBlocked ? 0 : 1e9 })
  for (const hits of [1, 2]) {
    const { totalHits, resetTime } = await store.increment('check')
    strictEqual(totalHits, hits)
    ok(Math.abs(resetTime - Date.now() - WINDOW_MS) < 1000)
  }
  const inflight = name.startsWith('redis') && !name.endsWith('alone') && !isBlocked ? 64 : 1
  // Whoever is to be past his limit has to come once.
  if (isBlocked) for (let client = 0; client < CLIENTS; client++) await store.increment(keyOf(client))
  await run(store, inflight, quick ? 100 : 500)
  const cpu = threadCpuUs()
  const { hits, ms } = await run(store, inflight, quick ? 300 : 2000)
  const mainNsPerHit = ((threadCpuUs() - cpu) * 1000) / hits
  if (store.stats?.().insured > 0) throw new Error('Redis did not count all of them')
  const result = { inflight, nsPerHit: (ms * 1e6) / hits, mainNsPerHit }
  await close()
  fs.writeSync(3, JSON.stringify(result))
}

// Callers that each come again when they have their answer.
async function run(store, inflight, limitMs) {
  const began = performance.now()
  let next = 0
  let hits = 0
  const lane = async () => {
    while (performance.now() - began < limitMs) {
      for (let count = 0; count < BATCH; count++) {
        next = next + 1 === CLIENTS ? 0 : next + 1
        await store.increment(keyOf(next))
      }
      hits += BATCH
    }
  }
  await Promise.all(Array.from({ length: inflight }, lane))
  return { hits, ms: performance.now() - began }
}

main().catch((error) =>
  fs.writeSync(3, JSON.stringify({ error: `${process.env.HEGAR_BENCH_JOB}: ${error.stack}` })),
)
