'use strict'

// `npm run check:http -- [--quick] [--out FILE]`: has two processes serve pages, cached and limited, while their Redis is
// emptied, cut off, paused, stopped and restarted.
//
// - No request fails or waits for long because of Redis.
// - No answer is older than a write through its own process, nor by more than `maxStalenessMs` than one through the other.
// - A limiter lets through what its limit says, or its insurance while Redis is away.
// - Last, the check shows that it can find old answers: with the fence removed it must.

const fs = require('node:fs')
const { setTimeout: sleep } = require('node:timers/promises')
const mysql2 = require('mysql2/promise')
const { readArguments } = require('./arguments.js')
const { startMariadb } = require('./mariadb.js')
const { startRedis } = require('./redis.js')
const { startProxy } = require('../__test__/support/proxy.js')
const { checksOf } = require('./http-faults/checks.js')
const { faultsOf, inspect } = require('./http-faults/faults.js')
const { Load } = require('./http-faults/load.js')
const { startProcess } = require('./http-faults/process.js')
const { rounded } = require('./http-faults/times.js')

const PROCESSES = 2
const ROWS = 12
const TTL = 2
const MAX_BYTES = 256 * 1024
const LIMITS = {
  api: { windowMs: 1000, limit: 20.5, insuranceLimit: 6 },
  // Each hit is taken back, so counts come near to zero.
  wide: { windowMs: 5000, limit: 1_000_000.5, insuranceLimit: 1_000_000, skipSuccessfulRequests: true },
}
const BOUNDS = {
  commandTimeoutMs: 100,
  // Two servers and all clients share the machine with whatever else is there.
  slackMs: 300,
  // How long Redis may be silent before it is missed: till then one process waits for the other's answer.
  silenceMs: 1000,
  acrossMs: 1000 + 100,
  ageMs: TTL * 1000 + 50,
  limit: Math.floor(LIMITS.api.limit),
  insuranceLimit: LIMITS.api.insuranceLimit,
  // The longest pause of the breaker, and what connecting takes.
  recoveryMs: 13_000,
}
const SELF_TEST_MOST_MS = 12_000
const FULL = {
  quietMs: 6000,
  awayMs: 2500,
  gapMs: 1500,
  rounds: 4,
  afterMs: 4000,
  selfTestMs: 4000,
  writes: 2000,
  maxSlackMs: 300,
}
const QUICK = {
  quietMs: 1500,
  awayMs: 1000,
  gapMs: 300,
  rounds: 1,
  afterMs: 1500,
  selfTestMs: 1500,
  writes: 40,
  // The short form is a test among others: each of its slowest answers may have met with what those do, and the plain page
  // is not asked for often enough to show it. Whoever waits for the lease of a process, 3000 ms, still stands out.
  maxSlackMs: 1000,
}

async function main() {
  const { quick, out } = readArguments(process.argv.slice(2))
  const size = quick ? QUICK : FULL
  const began = performance.now()
  const server = await startMariadb({ log: console.log })
  const redis = await startRedis({ log: console.log })
  const proxy = await startProxy({ host: server.host, port: server.port })
  try {
    // Of all answers some are held back, for longer than most writes take.
    proxy.delay = () => (Math.random() < 0.2 ? Math.random() * 8 : 0)
    const place = { host: proxy.host, port: proxy.port, user: server.user, database: 'shop' }
    await fill(server)
    const shared = await serveThroughFaults(place, redis, size)
    await fill(server)
    proxy.delay = () => (Math.random() < 0.5 ? Math.random() * 20 : 0)
    const selfTest = await serveWithoutFence(place, size)
    const bounds = { ...BOUNDS, writes: size.writes, maxSlackMs: size.maxSlackMs }
    const result = { seconds: rounded((performance.now() - began) / 1000), bounds, ...shared, selfTest }
    report(result, out)
  } finally {
    await proxy.close()
    await redis.stop()
    await server.stop()
  }
}

async function serveThroughFaults(place, redis, size) {
  const job = {
    place,
    redis: { host: redis.host, port: redis.port },
    isFenced: true,
    maxBytes: MAX_BYTES,
    ttl: TTL,
    limits: LIMITS,
  }
  const processes = await Promise.all(Array.from({ length: PROCESSES }, () => startProcess(job)))
  const watch = watchMemory(processes)
  try {
    await inUse(processes)
    const load = new Load(processes, { rows: ROWS, allowedMs: BOUNDS.acrossMs, limits: LIMITS })
    load.start()
    // Connections are opened, code is compiled, and the schema is read.
    await sleep(1000)
    load.times.phase = 'quiet'
    await sleep(size.quietMs)
    const { faults, recoveries } = await trouble(redis, processes, load, size)
    load.times.phase = 'after'
    const since = Date.now()
    const before = await statsOf(processes)
    await sleep(size.afterMs)
    const after = await statsOf(processes)
    await load.stop()
    const mostBytes = await watch.stop()
    const found = await inspect(redis)
    const endings = await Promise.all(processes.map((process) => process.close()))
    return {
      faults,
      ...seenBy(load, { recoveries, since, before, after }),
      memory: memoryOf(after, mostBytes),
      redis: found,
      endings,
    }
  } finally {
    for (const process of processes) process.kill()
  }
}

function seenBy(
  { requests, versions, limited, wide, failures, times, oldestMs },
  { recoveries, since, before, after },
) {
  const grown = (read) => total(after, read) - total(before, read)
  return {
    processes: PROCESSES,
    requests,
    failures: { count: failures.length, first: failures.slice(0, 10) },
    recoveryMs: { most: Math.max(...recoveries), all: recoveries },
    phases: times.read(),
    freshness: {
      reads: versions.reads,
      writes: versions.writes,
      stale: versions.stale,
      past: versions.past,
      worstMs: rounded(versions.worstMs),
      oldestMs,
    },
    limiter: { ...limited.judge(), mostAfter: limited.mostSince(since) },
    wide: wide.judge(),
    after: {
      remoteHits: grown(({ cache }) => cache.remoteHits),
      redisCalls: grown(({ limits }) => limits.api.redisCalls),
      connected: after.map(({ cache }) => cache.redis.connected),
    },
  }
}

function memoryOf(stats, mostBytes) {
  const names = ['hits', 'remoteHits', 'collapsed', 'evicted', 'fenced', 'failures']
  const totals = names.map((name) => [name, total(stats, ({ cache }) => cache[name])])
  return { maxBytes: MAX_BYTES, mostBytes, ...Object.fromEntries(totals) }
}

/** Has Redis fail in all ways in turn: how often each was done, and how long it took until it was in use again. */
async function trouble(redis, processes, load, { awayMs, gapMs, rounds }) {
  const lost = () => load.limited.lost()
  const done = {}
  const recoveries = []
  for (let round = 0; round < rounds; round++) {
    for (const [name, fault] of Object.entries(faultsOf(redis, { awayMs, lost }))) {
      load.times.phase = name
      await fault()
      recoveries.push(await inUse(processes))
      done[name] = (done[name] ?? 0) + 1
      await sleep(gapMs)
    }
  }
  return { faults: done, recoveries }
}

/** Resolves when all processes use Redis, with the milliseconds that it took; with those of the deadline if they do not. */
async function inUse(processes) {
  const began = performance.now()
  const deadline = began + BOUNDS.recoveryMs + 2000
  for (;;) {
    const before = await statsOf(processes)
    await sleep(100)
    const now = await statsOf(processes)
    const took = performance.now() - began
    if (now.every((stats, at) => usesRedis(stats, before[at])) || performance.now() > deadline)
      return Math.round(took)
  }
}

function usesRedis({ cache: { redis }, limits }, before) {
  const isCounting = limits.api.insured === before.limits.api.insured
  return redis.connected && redis.breaker === 'closed' && isCounting
}

/** Has a process serve whose fence is removed, as long as it takes to find old answers. */
async function serveWithoutFence(place, { selfTestMs }) {
  const job = { place, redis: null, isFenced: false, maxBytes: MAX_BYTES, ttl: TTL, limits: LIMITS }
  const process = await startProcess(job)
  try {
    const load = new Load([process], { rows: ROWS, allowedMs: BOUNDS.acrossMs, limits: LIMITS })
    load.startVersions()
    const deadline = performance.now() + SELF_TEST_MOST_MS
    await sleep(selfTestMs)
    // One is enough, and on a busy machine few requests are made in that time.
    while (load.versions.stale === 0 && performance.now() < deadline) await sleep(100)
    await load.stop()
    await process.close()
    return { reads: load.versions.reads, writes: load.versions.writes, stale: load.versions.stale }
  } finally {
    process.kill()
  }
}

function watchMemory(processes) {
  let mostBytes = 0
  let isOver = false
  const watching = (async () => {
    while (!isOver) {
      for (const { cache } of await statsOf(processes)) mostBytes = Math.max(mostBytes, cache.bytes)
      await sleep(100)
    }
  })()
  // It is awaited later.
  watching.catch(() => {})
  return {
    async stop() {
      isOver = true
      await watching
      return mostBytes
    },
  }
}

function statsOf(processes) {
  return Promise.all(processes.map((process) => process.stats()))
}

function total(stats, read) {
  return stats.reduce((sum, one) => sum + read(one), 0)
}

async function fill({ host, port, user }) {
  const admin = await mysql2.createConnection({ host, port, user })
  await admin.query('CREATE DATABASE IF NOT EXISTS shop')
  await admin.query('CREATE OR REPLACE TABLE shop.versions (id INT PRIMARY KEY, version INT NOT NULL)')
  await admin.query('INSERT INTO shop.versions VALUES ?', [Array.from({ length: ROWS }, (_, id) => [id, 0])])
  await admin.end()
}

function report(result, out) {
  const checks = checksOf(result)
  const whole = { ...result, checks }
  if (out !== null) fs.writeFileSync(out, `${JSON.stringify(whole, null, 2)}\n`)
  console.table(result.phases)
  for (const { what, route, phase } of result.failures.first) console.log(`${phase}: ${route}: ${what}`)
  for (const { name, isKept, seen, allowed } of checks) {
    const say = isKept ? console.log : console.error
    say(`${isKept ? 'ok    ' : 'BROKEN'} ${name}: ${seen} (allowed: ${allowed})`)
  }
  if (checks.some(({ isKept }) => !isKept)) process.exitCode = 1
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
