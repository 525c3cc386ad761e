'use strict'

const { before, test } = require('node:test')
const assert = require('node:assert/strict')
const { join } = require('node:path')
const { Worker } = require('node:worker_threads')
const { createPool } = require('../index.js')
const { until } = require('./support/outcome.js')
const { testServer } = require('./support/server.js')

let workerData
before(async () => {
  const { host, port, user, password } = await testServer()
  workerData = {
    root: join(__dirname, '..'),
    options: { host, port, user, password, database: 'mysql', connectionLimit: 2 },
  }
})

const head = `
  const { parentPort, workerData } = require('node:worker_threads')
  const { createPool } = require(workerData.root)
  const db = createPool(workerData.options)
`

function work(source) {
  return new Worker(`${head}\n${source}`, { eval: true, workerData })
}

function next(worker, event) {
  return new Promise((resolve, reject) => {
    worker.once('error', reject)
    worker.once(event, resolve)
  })
}

test('several threads use the addon at the same time, each with its own answers', async () => {
  const source = `
    async function main() {
      const sums = await Promise.all(Array.from({ length: 200 }, async (_, n) => {
        if (n % 2) return Number(JSON.parse(await db.queryJson('SELECT ? AS n', [n]))[0].n)
        return (await db.query('SELECT seq + ? AS n FROM seq_1_to_50', [n])).length + n
      }))
      parentPort.postMessage(sums.reduce((sum, n) => sum + n, 0))
      await db.close()
    }
    main()`
  const workers = Array.from({ length: 4 }, () => work(source))
  const expected = (199 * 200) / 2 + 100 * 50
  const ends = Promise.all(workers.map((worker) => next(worker, 'exit')))
  assert.deepEqual(
    await Promise.all(workers.map((worker) => next(worker, 'message'))),
    Array(4).fill(expected),
  )
  assert.deepEqual(await ends, [0, 0, 0, 0])
})

test('a thread ends by itself when nothing is in flight, although its pool is open', async () => {
  const worker = work("db.query('SELECT 1')")
  assert.equal(await next(worker, 'exit'), 0)
})

test('threads ended in the middle of queries, a hundred times, harm nobody', async () => {
  const own = createPool(workerData.options)
  const source = `
    const ask = () => db.query("SELECT seq, REPEAT('x', 200) AS x FROM seq_1_to_500").then(ask)
    const json = () => db.queryJson("SELECT seq, REPEAT('y', 200) AS y FROM seq_1_to_500").then(json)
    ask(); json(); db.query('SELECT SLEEP(20)').catch(() => {})
    db.query('SELECT 1').then(() => parentPort.postMessage('busy'))`
  const ends = async () => {
    for (let round = 0; round < 25; round++) {
      const worker = work(source)
      // Some end before their first answer, some after.
      if (round % 5 !== 0) await next(worker, 'message')
      await worker.terminate()
      assert.deepEqual(await own.query('SELECT ? AS n', [round]), [{ n: round }])
    }
  }
  await Promise.all([ends(), ends(), ends(), ends()])
  const mine =
    "SELECT id FROM information_schema.processlist WHERE info LIKE '%SLEEP(20)%' AND id <> CONNECTION_ID()"
  await until('their statements end on the server', async () => (await own.query(mine)).length === 0)
  await own.close()
})
