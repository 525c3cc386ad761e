'use strict'

const assert = require('node:assert/strict')
const { describe, it } = require('node:test')
const { monitorEventLoopDelay } = require('node:perf_hooks')
const { createPool } = require('../index.js')
const { settledMemory } = require('./support/memory.js')
const { testServer } = require('./support/server.js')

const MiB = 2 ** 20

describe('a process that goes on and on', () => {
  it('grows by nothing, whatever its calls end in', async () => {
    const { host, port, user, password } = await testServer()
    const options = {
      host,
      port,
      user,
      password,
      database: 'mysql',
      connectionLimit: 4,
      maxPreparedStatements: 16,
    }
    const db = createPool(options)
    let texts = 0
    const refused = (error) => assert.match(error.code, /^(HEGAR|ER)_/)
    const round = async () => {
      await Promise.all([
        db.query('SELECT ? AS a, REPEAT(?, 2000) AS t', [1, 'x']),
        db.queryJson('SELECT ? AS a, REPEAT(?, 2000) AS t', [1, 'ü']),
        db.query(`SELECT ${texts++} AS n`),
        db.query('SELECT 1 AS a WHERE 1 IN (?)', [Array.from({ length: texts % 40 || 1 }, (_, i) => i)]),
        db.paginateJson('SELECT 1 AS a', [], { page: 1, limit: 1 }),
        db.query('SELECT nothing FROM nowhere').catch(refused),
        db.query('SELECT ?', [undefined]).catch(refused),
        db.transaction((tx) => tx.query('SELECT 1')),
        db.query('SET @a = 1'),
      ])
      if (texts % 20 === 0) {
        const other = createPool({ ...options, connectionLimit: 1 })
        await other.query('SELECT 1')
        await other.close()
      }
    }
    for (let i = 0; i < 300; i++) await round()
    const before = await settledMemory()
    for (let i = 0; i < 900; i++) await round()
    const after = await settledMemory()
    await db.close()
    const grown = (name) => after[name] - before[name]
    assert.ok(grown('heapUsed') < 3, `the heap by ${grown('heapUsed').toFixed(1)} MiB`)
    assert.ok(grown('rss') < 32, `the process by ${grown('rss').toFixed(1)} MiB`)
  })
})

describe('the event loop', () => {
  it('goes on while a large result becomes JSON', async () => {
    const { host, port, user, password } = await testServer()
    const db = createPool({ host, port, user, password })
    // 8 columns of a cross join: 40,000 rows on any server.
    const digits =
      '(SELECT 0 d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6)'
    const from = ['a', 'b', 'c', 'd', 'e'].map((name) => `${digits} ${name}`).join(', ')
    const sql = `SELECT a.d a, b.d b, c.d c, d.d d, e.d e, REPEAT('ü"', 60) t, 1.5 n, NOW() w FROM ${from}`
    // The best of some, against the same work on this thread, because the machine may have other things to do.
    let least = Infinity
    let here = 0
    for (let round = 0; round < 6; round++) {
      const delay = monitorEventLoopDelay({ resolution: 2 })
      delay.enable()
      const bytes = await db.queryJson(sql)
      delay.disable()
      assert.ok(bytes.length > 4 * MiB, `${bytes.length} bytes`)
      least = Math.min(least, delay.max / 1e6)
      const started = performance.now()
      JSON.stringify(JSON.parse(bytes))
      here = Math.max(here, performance.now() - started)
    }
    await db.close()
    assert.ok(
      least < here / 2,
      `held up for ${least.toFixed(0)} ms, and ${here.toFixed(0)} ms by JSON itself`,
    )
  })
})
