'use strict'

const { it } = require('node:test')
const assert = require('node:assert/strict')
const { readdirSync, readFileSync } = require('node:fs')
const { availableParallelism } = require('node:os')
const { setTimeout: sleep } = require('node:timers/promises')
const { createPool } = require('../index.js')
const { testServer } = require('./support/server.js')

const TICKS_A_SECOND = 100

// The processor time of each of our threads in seconds, the longest first.
function threadTimes() {
  const stats = readdirSync('/proc/self/task').map((id) =>
    readFileSync(`/proc/self/task/${id}/stat`, 'latin1'),
  )
  return stats
    .filter((stat) => stat.includes('(hegar-native)'))
    .map((stat) => stat.slice(stat.lastIndexOf(')') + 2).split(' '))
    .map((fields) => (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND)
    .sort((a, b) => b - a)
}

const skip =
  process.platform !== 'linux'
    ? 'threads are counted in /proc'
    : availableParallelism() < 2 && 'one core has one thread'

// Much work for a thread of ours, little for the server and for JavaScript.
const HEAVY = `SELECT seq, CONCAT(seq, ' "', REPEAT('naïve\\n', 60), '"') AS text FROM mysql.seq_1_to_5000`

async function poolOf(use) {
  const { host, port, user, password } = await testServer()
  const db = createPool({ host, port, user, password, connectionLimit: 8, workerThreads: 2 })
  try {
    await use(db)
  } finally {
    await db.close()
  }
}

// Asks in `lanes` lanes until the second thread has worked for another 0.3 s. It has to within 10 s in which the first had
// most of a core; where other programs leave it none, nothing can be said.
async function joins(t, lanes, ask) {
  const [, before] = threadTimes()
  let isOver = false
  const lane = async () => {
    while (!isOver) await ask()
  }
  const asking = Promise.all(Array.from({ length: lanes }, lane))
  try {
    await Promise.race([secondJoins(t, before + 0.3), asking])
  } finally {
    isOver = true
  }
  await asking
}

async function secondJoins(t, wanted) {
  let busy = 0
  const began = performance.now()
  for (let since = began; performance.now() - began < 20_000; since = performance.now()) {
    const [first] = threadTimes()
    await sleep(500)
    const times = threadTimes()
    if (times[1] > wanted) return
    const passed = (performance.now() - since) / 1000
    if (times[0] - first > 0.85 * passed) busy += passed
    assert.ok(busy < 10, `the first thread was busy for ${busy.toFixed(1)} s, and the second did nothing`)
  }
  t.skip('other programs left the first thread no core')
}

it('connections keep to one thread until it is busy, then another takes some over', { skip }, (t) =>
  poolOf(async (db) => {
    for (let i = 0; i < 500; i++) assert.deepEqual(await db.query('SELECT ? AS n', [i]), [{ n: i }])
    const [, second] = threadTimes()
    assert.ok(second < 0.05, `the second thread worked for ${second} s`)

    const expected = await db.queryJson(HEAVY)
    await joins(t, 16, async () => assert.ok(expected.equals(await db.queryJson(HEAVY))))
    assert.equal(db.stats().connections.created, 8, 'connections move without being opened again')
  }),
)

it('also when there is a connection for every call', { skip }, (t) =>
  poolOf((db) => joins(t, 8, () => db.queryJson(HEAVY))),
)

it('also when all calls are pages', { skip }, (t) =>
  poolOf((db) => joins(t, 4, () => db.paginateJson(`${HEAVY} WHERE seq > 0`, [], { page: 1, limit: 5000 }))),
)
