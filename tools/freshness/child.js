'use strict'

// One process of the check of freshness: writes the rows that are its own and reads those of all.

const { setTimeout: sleep } = require('node:timers/promises')
const { createPool } = require('../../index.js')
const { cacheRemoveFence } = require('../../native.js')
const mysql2 = require('../../lib/dropin/mysql2-promise.js')

const READ = 'SELECT id, version FROM versions WHERE id = ?'
const READ_ALL = 'SELECT id, version FROM versions ORDER BY id'
const READ_JOINED = 'SELECT v.id, v.version FROM versions v JOIN others o ON o.id = v.id WHERE v.id = ?'
const TTL = 600
const READERS = 12
// After so many reads other events get their turn; most reads are given without waiting for anything.
const BURST = 25
// The writers of all processes are at work for a part of each period.
const PERIOD_MS = 150
const BURST_MS = 60

// Milliseconds of a clock that all processes of the machine share.
const now = () => Number(process.hrtime.bigint()) / 1e6

process.once('message', async (job) => {
  const result = await work(job)
  process.send(result, () => process.disconnect())
})

async function work({ index, processes, rows, place, redis, boundMs, reads, forMs = 0, isFenced }) {
  if (!isFenced) cacheRemoveFence()
  const cache = { redis, maxStalenessMs: boundMs }
  const db = createPool({ ...place, connectionLimit: 8, cache })
  const other = createPool({ ...place, connectionLimit: 4, cache: { maxBytes: 0 } })
  const dropin = mysql2.createPool({ ...place, connectionLimit: 2 })
  const own = Array.from({ length: rows }, (_, id) => id).filter((id) => id % processes === index)
  const start = await db.query('SELECT id, version FROM versions')
  /** The version of each row that a write of this process has returned for; of others' rows nothing is known here. */
  const committed = new Map(
    start.filter(({ id }) => own.includes(id)).map(({ id, version }) => [id, version]),
  )
  const log = { writes: [], reads: [] }
  let isOver = false
  let made = 0
  let stale = 0
  const ends = performance.now() + forMs
  const isDone = () => made >= reads && performance.now() >= ends

  const update = 'UPDATE versions SET version = ? WHERE id = ?'
  const ways = [
    (id, version) => db.execute(update, [version, id]),
    (id, version) => other.execute(update, [version, id]),
    (id, version) => dropin.query(update, [version, id]),
    (id, version) =>
      db.transaction(async (tx) => {
        await tx.execute('UPDATE others SET version = ? WHERE id = ?', [version, id])
        await tx.execute(update, [version, id])
        await sleep(Math.random() * 3)
      }),
    (id, version) => db.batch('UPDATE versions SET version = ? WHERE id = ?', [[version, id]]),
    (id, version) =>
      db.execute('INSERT INTO versions VALUES (?, ?) ON DUPLICATE KEY UPDATE version = VALUES(version)', [
        id,
        version,
      ]),
  ]

  async function writer(ids) {
    for (let turn = 0; !isOver; turn++) {
      const id = ids[turn % ids.length]
      const version = committed.get(id) + 1
      await ways[Math.floor(Math.random() * ways.length)](id, version)
      committed.set(id, version)
      log.writes.push([id, version, now()])
      await sleep(Math.random() * 2)
      // Together in bursts, with quiet times in which results are kept.
      while (!isOver && now() % PERIOD_MS > BURST_MS) await sleep(5)
    }
  }

  async function reader() {
    while (!isDone()) {
      for (let count = 0; count < BURST; count++) await readOne()
      await new Promise(setImmediate)
      // Enough have been made, and time has to pass.
      if (processes > 1 || made >= reads) await sleep(1)
    }
  }

  async function readOne() {
    const id = Math.floor(Math.random() * rows)
    const way = Math.random()
    const readsAll = way >= 0.95
    // What is known before the read begins.
    const known = readsAll ? new Map(committed) : committed.get(id)
    const began = now()
    let found
    if (way < 0.6) found = await db.cachedQuery(READ, [id], TTL)
    else if (way < 0.8) found = JSON.parse(await db.cachedQueryJson(READ, [id], TTL))
    else if (readsAll) found = await db.cachedQuery(READ_ALL, [], { ttl: TTL, graceTtl: 60 })
    else found = await db.cachedQuery(READ_JOINED, [id], { ttl: TTL, staleTtl: 60, key: `version:${id}` })
    made++
    for (const { id, version } of found) {
      if (version < ((readsAll ? known.get(id) : known) ?? 0)) stale++
      if (processes > 1 && !readsAll) log.reads.push([id, version, began])
    }
  }

  const groups = [0, 1, 2]
    .map((group) => own.filter((_, place) => place % 3 === group))
    .filter((ids) => ids.length > 0)
  const writers = groups.map(writer)
  await Promise.all(Array.from({ length: READERS }, reader))
  isOver = true
  await Promise.all(writers)
  const figures = Object.values(db.stats().cache.prefixes)
  const total = (name) => figures.reduce((sum, one) => sum + one[name], 0)
  const result = {
    reads: made,
    writes: log.writes.length,
    stale,
    hits: total('hits') + total('remoteHits'),
    fenced: total('fenced'),
    log: processes > 1 ? log : { writes: [], reads: [] },
  }
  await dropin.end()
  await other.close()
  await db.close()
  return result
}
