'use strict'

const { it } = require('node:test')
const assert = require('node:assert/strict')
const { readdirSync, readFileSync } = require('node:fs')
const { availableParallelism } = require('node:os')
const { createPool } = require('../index.js')
const { until } = require('./support/outcome.js')
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

it('connections keep to one thread until it is busy, then another takes some over', { skip }, async () => {
  const { host, port, user, password } = await testServer()
  const db = createPool({ host, port, user, password, connectionLimit: 8, workerThreads: 2 })
  try {
    for (let i = 0; i < 500; i++) assert.deepEqual(await db.query('SELECT ? AS n', [i]), [{ n: i }])
    const [, second] = threadTimes()
    assert.ok(second < 0.05, `the second thread worked for ${second} s`)

    const sql = "SELECT seq, CONCAT(seq, ' ', REPEAT('naïve ', 30)) AS text FROM mysql.seq_1_to_5000"
    const expected = await db.queryJson(sql)
    let isOver = false
    const lane = async () => {
      while (!isOver) assert.ok(expected.equals(await db.queryJson(sql)))
    }
    const lanes = Promise.all(Array.from({ length: 16 }, lane))
    const joined = until('the second thread works', () => threadTimes()[1] > 0.3, 30_000)
    await Promise.race([joined, lanes])
    isOver = true
    await Promise.all([joined, lanes])
    assert.equal(db.stats().connections.created, 8, 'connections move without being opened again')
  } finally {
    await db.close()
  }
})
