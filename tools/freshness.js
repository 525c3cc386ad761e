'use strict'

// `npm run check:freshness -- [--quick] [--out FILE]`: looks for a cached read that is older than a write which had
// returned before the read began. Writers and readers share rows that carry a version; between them and the server a
// proxy holds answers back, so that results come to be kept after others have written.
//
// - In one process every such read is a defect.
// - Across processes, which hear of each other by Redis, a read may be as old as `maxStalenessMs`, whatever becomes of
//   Redis: it is paused, restarted, emptied and cut off meanwhile.
// - Last, the check shows that it can find what it looks for: with the fence removed it must.

const { fork } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { setTimeout: sleep } = require('node:timers/promises')
const Redis = require('ioredis')
const mysql2 = require('mysql2/promise')
const { readArguments } = require('./arguments.js')
const { startMariadb } = require('./mariadb.js')
const { startRedis } = require('./redis.js')
const { startProxy } = require('../__test__/support/proxy.js')

const CHILD = path.join(__dirname, 'freshness', 'child.js')
const ROWS = 40
const PROCESSES = 4
const BOUND_MS = 1000
const DEADLINE_MS = 15 * 60_000

// Reads, and for how long they go on at least: most take no time, and without time there are no writes.
const FULL = { inProcess: 1_000_000, aloneMs: 40_000, across: 200_000, acrossMs: 60_000, selfTest: 50_000 }
const QUICK = { inProcess: 200_000, aloneMs: 6_000, across: 40_000, acrossMs: 14_000, selfTest: 20_000 }
const SELF_TEST_MS = 4_000

async function main() {
  const { quick, out } = readArguments(process.argv.slice(2))
  const size = quick ? QUICK : FULL
  const server = await startMariadb({ log: console.log })
  const redis = await startRedis({ log: console.log })
  const proxy = await startProxy({ host: server.host, port: server.port })
  try {
    await fill(server)
    // Of all answers some are held back, for longer than most writes take.
    proxy.delay = () => (Math.random() < 0.2 ? Math.random() * 8 : 0)
    const place = { host: proxy.host, port: proxy.port, user: server.user, database: 'freshness' }

    console.log(`one process: ${size.inProcess} reads`)
    const [alone] = await run(1, {
      place,
      reads: size.inProcess,
      forMs: size.aloneMs,
      redis: null,
      isFenced: true,
    })
    console.log(`${PROCESSES} processes: ${size.across} reads while Redis fails`)
    const across = run(PROCESSES, {
      place,
      reads: Math.ceil(size.across / PROCESSES),
      forMs: size.acrossMs,
      redis: { host: redis.host, port: redis.port },
      isFenced: true,
    })
    const faults = await trouble(redis, across)
    const shared = await across
    console.log('the same without the fence, which has to be found')
    const [unfenced] = await run(1, {
      place,
      reads: size.selfTest,
      forMs: SELF_TEST_MS,
      redis: null,
      isFenced: false,
    })

    const { worstMs, past } = judge(shared)
    const result = {
      processes: PROCESSES,
      reads: alone.reads + sum(shared, 'reads'),
      writes: alone.writes + sum(shared, 'writes'),
      staleInProcess: alone.stale + sum(shared, 'stale'),
      staleAcross: past,
      worstStalenessMs: Math.round(worstMs * 10) / 10,
      boundMs: BOUND_MS,
      faults,
      readsInProcess: alone.reads,
      readsAcross: sum(shared, 'reads'),
      hits: alone.hits + sum(shared, 'hits'),
      fenced: alone.fenced + sum(shared, 'fenced'),
      selfTest: { reads: unfenced.reads, staleFound: unfenced.stale },
    }
    if (out !== null) fs.writeFileSync(out, `${JSON.stringify(result, null, 2)}\n`)
    console.log(JSON.stringify(result, null, 2))
    const complaints = complaintsOf(result)
    for (const complaint of complaints) console.error(`FAILED: ${complaint}`)
    if (complaints.length > 0) process.exitCode = 1
  } finally {
    await proxy.close()
    await redis.stop()
    await server.stop()
  }
}

function complaintsOf({
  staleInProcess,
  staleAcross,
  worstStalenessMs,
  selfTest,
  hits,
  reads,
  writes,
  fenced,
}) {
  const complaints = []
  if (staleInProcess > 0)
    complaints.push(`${staleInProcess} reads were older than a write of their own process`)
  if (staleAcross > 0)
    complaints.push(
      `${staleAcross} reads were older than ${BOUND_MS} ms, the oldest by ${worstStalenessMs} ms`,
    )
  if (selfTest.staleFound === 0)
    complaints.push('without the fence no stale read was found, so the check proves nothing')
  if (hits < reads / 20) complaints.push(`only ${hits} of ${reads} reads were given from the cache`)
  if (writes < 1000) complaints.push(`only ${writes} writes were made`)
  if (fenced === 0) complaints.push('no result met a write on its way, so the fence was never needed')
  return complaints
}

/** Has Redis fail in all ways in turn until `work` is over; the names of what was done, with how often. */
async function trouble(redis, work) {
  const done = {}
  let isOver = false
  work.then(
    () => (isOver = true),
    () => (isOver = true),
  )
  const faults = {
    flush: () => tell(redis, 'FLUSHALL'),
    pause: async () => {
      redis.pause()
      await sleep(1500)
      redis.resume()
    },
    cut: () => tell(redis, 'CLIENT', 'KILL', 'TYPE', 'normal'),
    restart: async () => {
      await redis.kill()
      await sleep(700)
      await redis.restart()
    },
    scripts: () => tell(redis, 'SCRIPT', 'FLUSH'),
    still: () => tell(redis, 'CLIENT', 'PAUSE', '800', 'ALL'),
  }
  await sleep(2000)
  while (!isOver) {
    for (const [name, fault] of Object.entries(faults)) {
      if (isOver) break
      await fault()
      done[name] = (done[name] ?? 0) + 1
      await sleep(500 + Math.random() * 700)
    }
  }
  return done
}

async function tell({ host, port }, ...command) {
  const client = new Redis({ host, port, retryStrategy: null, maxRetriesPerRequest: 0, commandTimeout: 3000 })
  client.on('error', () => {})
  // Killing all connections kills this one.
  await client.call(...command).catch(() => {})
  client.disconnect()
}

/** How old the oldest read of several processes was, and how many were older than the bound. */
function judge(processes) {
  // When each version of each row was written, as its writer saw it; the clock is the same for all processes.
  const commits = new Map()
  for (const { writes } of processes.map(({ log }) => log)) {
    for (const [id, version, at] of writes) {
      if (!commits.has(id)) commits.set(id, [])
      commits.get(id)[version] = at
    }
  }
  let worstMs = 0
  let past = 0
  for (const { reads } of processes.map(({ log }) => log)) {
    for (const [id, version, began] of reads) {
      const replaced = commits.get(id)?.[version + 1]
      if (replaced === undefined || replaced >= began) continue
      worstMs = Math.max(worstMs, began - replaced)
      if (began - replaced > BOUND_MS) past++
    }
  }
  return { worstMs, past }
}

function run(processes, job) {
  const children = Array.from({ length: processes }, (_, index) =>
    child({ ...job, index, processes, rows: ROWS, boundMs: BOUND_MS }),
  )
  return Promise.all(children)
}

function child(job) {
  return new Promise((resolve, reject) => {
    const process = fork(CHILD, [], {
      serialization: 'advanced',
      timeout: DEADLINE_MS,
      killSignal: 'SIGKILL',
    })
    let result = null
    process.on('message', (message) => (result = message))
    process.on('error', reject)
    process.on('exit', (code) => {
      if (result !== null && code === 0) resolve(result)
      else
        reject(
          new Error(`a process of the check ended with ${code} and ${result === null ? 'no' : 'a'} result`),
        )
    })
    process.send(job)
  })
}

async function fill({ host, port, user }) {
  const admin = await mysql2.createConnection({ host, port, user })
  await admin.query('CREATE DATABASE freshness')
  await admin.query('CREATE TABLE freshness.versions (id INT PRIMARY KEY, version INT NOT NULL)')
  await admin.query('CREATE TABLE freshness.others (id INT PRIMARY KEY, version INT NOT NULL)')
  for (const table of ['versions', 'others']) {
    const rows = Array.from({ length: ROWS }, (_, id) => [id, 0])
    await admin.query(`INSERT INTO freshness.${table} VALUES ?`, [rows])
  }
  await admin.end()
}

function sum(list, name) {
  return list.reduce((total, one) => total + one[name], 0)
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
