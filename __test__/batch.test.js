'use strict'

const assert = require('node:assert/strict')
const { after, before, describe, it } = require('node:test')
const { createPool } = require('../index.js')
const { ownServer } = require('./support/own-server.js')
const { mariadbOnly } = require('./support/mysql.js')
const { rejects, until } = require('./support/outcome.js')
const { testServer } = require('./support/server.js')
const { withoutBulk } = require('./support/without-bulk.js')

const EXECUTE = 0x17
const BULK = 0xfa

let server, db, uri
let tables = 0

before(async () => {
  server = await testServer()
  uri = server.url(await server.database())
  db = createPool({ uri, connectionLimit: 4 })
})
after(() => db.close())

// A table of its own for a test; `columns` follow an automatic id.
async function table(columns, settings = '') {
  const name = `batch_${++tables}`
  await db.execute(
    `CREATE TABLE ${name} (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, ${columns}) ${settings}`,
  )
  return name
}

const countOf = async (name) => (await db.queryOne(`SELECT COUNT(*) AS n FROM ${name}`)).n

const KINDS = [
  ['in the bulk protocol', (t) => ({ pool: open(t, { uri }), commands: null })],
  [
    'without the bulk protocol',
    async (t) => {
      const { host, port, commands } = await withoutBulk(t, server)
      const { password, user } = server
      const database = new URL(uri).pathname.slice(1)
      return { pool: open(t, { host, port, user, password, database }), commands }
    },
  ],
]

function open(t, options) {
  const pool = createPool(options)
  t.after(() => pool.close())
  return pool
}

for (const [kind, connect] of KINDS) {
  describe(`batch ${kind}`, () => {
    it('stores every type of value as execute does', async (t) => {
      const { pool } = await connect(t)
      const columns =
        'i BIGINT, u BIGINT UNSIGNED, d DOUBLE, m DECIMAL(12,4), s TEXT, b BLOB, t DATETIME(6), f BOOLEAN'
      const [one, many] = [await table(columns), await table(columns)]
      const into = (name) => `INSERT INTO ${name} (i, u, d, m, s, b, t, f) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
      const rows = [
        [1, 2, 0.5, 10, 'text', Buffer.from([0, 255]), new Date('2024-02-29T12:34:56.789Z'), true],
        [null, null, null, null, null, null, null, null],
        [-(2n ** 63n), 2n ** 64n - 1n, 3, 10.25, '', Buffer.alloc(0), new Date(0), false],
        [Number.MAX_SAFE_INTEGER, 2 ** 40, -0.1, '7.5', '💾 ß', Buffer.from('x'), '2024-01-01', 0],
        [5, 6n, 1e300, 1e7, 1e15, 'text', null, 1],
        [7, 8, 2, 1.5, 0.25, Buffer.alloc(300, 1), new Date(1e12), true],
      ]
      for (const row of rows) await pool.execute(into(one), row)
      const done = await pool.batch(into(many), rows)
      assert.deepEqual(done, { affectedRows: 6, insertId: 1, warningStatus: 0 })
      assert.deepEqual(
        await db.query(`SELECT i, u, d, m, s, b, t, f FROM ${many} ORDER BY id`),
        await db.query(`SELECT i, u, d, m, s, b, t, f FROM ${one} ORDER BY id`),
      )
    })

    it('takes rows as objects for :name', async (t) => {
      const { pool } = await connect(t)
      const name = await table('a INT, b VARCHAR(9)')
      await pool.batch(`INSERT INTO ${name} (a, b) VALUES (:a, CONCAT(:b, :a))`, [
        { a: 1, b: 'x' },
        { b: 'y', a: 2, other: 'ignored' },
      ])
      assert.deepEqual(await db.query(`SELECT a, b FROM ${name} ORDER BY id`), [
        { a: 1, b: 'x1' },
        { a: 2, b: 'y2' },
      ])
    })

    it('updates and deletes, and adds up what that touched', async (t) => {
      const { pool, commands } = await connect(t)
      const name = await table('a INT, b INT')
      const rows = Array.from({ length: 500 }, (_, index) => [index, 0])
      await pool.batch(`INSERT INTO ${name} (a, b) VALUES (?, ?)`, rows)
      const updates = rows.map(([a]) => [a + 1, a * 2])
      const changed = await pool.batch(`UPDATE ${name} SET b = ? WHERE a = ?`, updates)
      assert.deepEqual(changed, { affectedRows: 250, insertId: 0, warningStatus: 0 })
      const wrong = await db.queryOne(`SELECT COUNT(*) AS n FROM ${name} WHERE a % 2 = 0 AND b <> a / 2 + 1`)
      assert.equal(wrong.n, 0)
      const deleted = await pool.batch(`DELETE FROM ${name} WHERE a = ?`, [[1], [3], [9999]])
      assert.equal(deleted.affectedRows, 2)
      if (commands !== null) {
        assert.ok(!commands.includes(BULK))
        // One for each update and deletion, fewer for the inserts.
        assert.ok(commands.filter((command) => command === EXECUTE).length < 503 + 20)
      }
    })

    it('brings tens of thousands of rows', async (t) => {
      const { pool } = await connect(t)
      const name = await table('a INT, b VARCHAR(40), c DOUBLE')
      const rows = Array.from({ length: 25_000 }, (_, index) => [index, `row ${index}`, index / 4])
      const done = await pool.batch(`INSERT INTO ${name} (a, b, c) VALUES (?, ?, ?)`, rows)
      assert.deepEqual([done.affectedRows, done.insertId], [25_000, 1])
      const sums = await db.queryOne(
        `SELECT COUNT(DISTINCT a) AS n, SUM(a) = 312487500 AND SUM(c) = 78121875 AND MIN(b = CONCAT('row ', a)) AS ok
         FROM ${name}`,
      )
      assert.deepEqual(sums, { n: 25_000, ok: 1 })
    })

    it('takes rows whose types change all the time', async (t) => {
      const { pool } = await connect(t)
      const name = await table('a VARCHAR(20), b VARCHAR(30)')
      const values = [7, 'seven', 7.5, null, true, 2n ** 60n, Buffer.from('bytes'), 2n ** 64n - 1n]
      const rows = Array.from({ length: 1000 }, (_, index) => [`${index}`, values[index % values.length]])
      const connection = await pool.getConnection()
      await connection.batch(`INSERT INTO ${name} (a, b) VALUES (?, ?)`, rows)
      const stored = await connection.query(`SELECT a, b FROM ${name} ORDER BY id`)
      const texts = ['7', 'seven', '7.5', null, '1', `${2n ** 60n}`, 'bytes', `${2n ** 64n - 1n}`]
      assert.deepEqual(
        stored,
        rows.map(([a], index) => ({ a, b: texts[index % texts.length] })),
      )
      assert.deepEqual(await connection.query('SELECT @@autocommit AS on_again'), [{ on_again: 1 }])
      await connection.release()
    })

    it('is all or nothing, and an error names the row', async (t) => {
      const { pool } = await connect(t)
      const name = await table('a INT, b VARCHAR(3)')
      const rows = Array.from({ length: 12_000 }, (_, index) => [index, 'abc'])
      rows[11_111] = [1, 'too long']
      const sql = `INSERT INTO ${name} (a, b) VALUES (?, ?)`
      const error = await rejects(pool.batch(sql, rows), 'ER_DATA_TOO_LONG')
      assert.equal(error.row, 11_111)
      assert.deepEqual(error.rows, [11_111, 11_111])
      assert.match(error.message, /\(row 11112 of the batch\)$/)
      assert.doesNotMatch(error.sqlMessage, /batch/)
      assert.equal(error.sql, sql)
      assert.equal(await countOf(name), 0)
    })

    it('names the rows among which a duplicate is', mariadbOnly('its errors name the row'), async (t) => {
      const { pool } = await connect(t)
      const name = await table('a INT UNIQUE')
      const error = await rejects(
        pool.batch(`INSERT INTO ${name} (a) VALUES (?)`, [[1], [2], [3], [2]]),
        'ER_DUP_ENTRY',
      )
      assert.deepEqual(error.rows, [3, 3])
      assert.equal(await countOf(name), 0)
    })

    it('leaves a transaction that it is in as it was when it fails', async (t) => {
      const { pool } = await connect(t)
      const name = await table('a INT UNIQUE')
      const sql = `INSERT INTO ${name} (a) VALUES (?)`
      await pool.transaction(async (tx) => {
        await tx.batch(sql, [[1], [2]])
        await rejects(tx.batch(sql, [[3], [1]]), 'ER_DUP_ENTRY')
        // Two at a time do not mix.
        const [, failed] = await Promise.allSettled([tx.batch(sql, [[4], [5]]), tx.batch(sql, [[6], [4]])])
        assert.equal(failed.reason.code, 'ER_DUP_ENTRY')
      })
      assert.deepEqual(await pool.query(`SELECT a FROM ${name} ORDER BY a`), [
        { a: 1 },
        { a: 2 },
        { a: 4 },
        { a: 5 },
      ])
      await pool.transaction((tx) => tx.batch(sql, [[7]]).then(() => tx.rollback()))
      assert.equal(await countOf(name), 4)
    })

    it('commits by itself on a held connection, unless a transaction is open there', async (t) => {
      const { pool } = await connect(t)
      const name = await table('a INT')
      const sql = `INSERT INTO ${name} (a) VALUES (?)`
      const connection = await pool.getConnection()
      await connection.batch(sql, [[1], [2]])
      assert.equal(await countOf(name), 2)
      await connection.execute('START TRANSACTION')
      await connection.batch(sql, [[3]])
      assert.equal(await countOf(name), 2)
      await connection.rollback()
      await connection.release()
      assert.equal(await countOf(name), 2)
    })

    it('keeps what was written before an error when it may not use a transaction', async (t) => {
      const { pool } = await connect(t)
      const name = await table('a INT UNIQUE', 'ENGINE=InnoDB')
      const sql = `UPDATE ${name} SET a = ? WHERE a = ?`
      await pool.batch(`INSERT INTO ${name} (a) VALUES (?)`, [[1], [2], [3]])
      const moves = [
        [10, 1],
        [3, 2],
      ]
      await rejects(pool.batch(sql, moves, { transaction: false }), 'ER_DUP_ENTRY')
      assert.deepEqual(await pool.query(`SELECT a FROM ${name} ORDER BY a`), [{ a: 2 }, { a: 3 }, { a: 10 }])
    })

    it('writes nothing when a deadlock ends its transaction', async (t) => {
      const { pool } = await connect(t)
      const name = await table('a INT UNIQUE, b INT')
      await pool.batch(`INSERT INTO ${name} (a, b) VALUES (?, 0)`, [[1], [2], [3], [4], [5]])
      const other = await pool.begin()
      // What has changed more rows is not chosen as the victim.
      await other.execute(`UPDATE ${name} SET b = 1 WHERE a = 2`)
      await other.execute(`INSERT INTO ${name} (a) VALUES (11), (12), (13), (14), (15), (16), (17), (18)`)
      const changes = [1, 2, 3].map((a) => [a])
      const batch = pool.batch(`UPDATE ${name} SET b = 9 WHERE a = ?`, changes)
      const failed = rejects(batch, 'ER_LOCK_DEADLOCK', 20_000)
      await until('the batch waits for row 2', async () => {
        // The tables of information_schema about that are as old as the last time that somebody looked.
        const { Status } = await db.queryOne('SHOW ENGINE INNODB STATUS')
        return new RegExp(`LOCK WAIT[^]*\\.\`${name}\`.* waiting`).test(Status)
      })
      await other.execute(`UPDATE ${name} SET b = 1 WHERE a = 1`)
      await other.commit()
      await failed
      const touched = await db.queryOne(`SELECT COUNT(*) AS n FROM ${name} WHERE b = 9`)
      assert.equal(touched.n, 0)
    })

    it('commits what is executed behind a batch and its transaction', async (t) => {
      const { pool } = await connect(t)
      const name = await table('a INT')
      const connection = await pool.getConnection()
      await connection.batch(`INSERT INTO ${name} (a) VALUES (?)`, [[1], [2], [3]])
      await connection.beginTransaction()
      await connection.batch(`UPDATE ${name} SET a = a + 10 WHERE a = ?`, [[1], [2]])
      await connection.commit()
      await connection.execute(`INSERT INTO ${name} (a) VALUES (4)`)
      assert.equal(await countOf(name), 4)
      await connection.execute('START TRANSACTION')
      await connection.batch(`DELETE FROM ${name} WHERE a = ?`, [[11], [12]])
      await rejects(connection.execute('SELECT nothing'), 'ER_BAD_FIELD_ERROR')
      await connection.query('ROLLBACK')
      await connection.execute(`INSERT INTO ${name} (a) VALUES (5)`)
      assert.equal(await countOf(name), 5)
      const { mode } = await connection.queryOne('SELECT @@autocommit AS mode')
      assert.equal(mode, 1)
      await connection.release()
    })

    it('ends at its deadline, and undoes what it had done', async (t) => {
      const { pool } = await connect(t)
      const name = await table('a INT UNIQUE, b INT')
      await pool.batch(`INSERT INTO ${name} (a, b) VALUES (?, 0)`, [[1], [2]])
      const other = await db.begin()
      await other.execute(`UPDATE ${name} SET b = 1 WHERE a = 2`)
      const batch = pool.batch(`UPDATE ${name} SET b = 9 WHERE a = ?`, [[1], [2]], { timeoutMs: 200 })
      await rejects(batch, 'HEGAR_QUERY_TIMEOUT', 3000)
      await other.commit()
      await until('the update is undone', async () => {
        const [{ b }] = await db.query(`SELECT b FROM ${name} WHERE a = 1`)
        return b === 0
      })
    })
  })
}

describe('the rows of a batch', () => {
  it('may come from anything that can be iterated over', async () => {
    const name = await table('a INT')
    const sql = `INSERT INTO ${name} (a) VALUES (?)`
    await db.batch(sql, new Set([[1], [2]]))
    await db.batch(
      sql,
      (function* () {
        for (let index = 0; index < 20_000; index++) yield [index]
      })(),
    )
    const done = await db.batch(
      sql,
      (async function* () {
        yield [1]
        await null
        yield [2]
      })(),
    )
    assert.equal(done.affectedRows, 2)
    assert.equal(await countOf(name), 20_004)
  })

  it('undo everything when their source fails or gives a wrong one, and the source is ended', async () => {
    const name = await table('a INT')
    const sql = `INSERT INTO ${name} (a) VALUES (?)`
    let ended = 0
    const source = async function* (last) {
      try {
        for (let index = 0; index < 5000; index++) yield [index]
        yield last()
      } finally {
        ended++
      }
    }
    const failure = new Error('the file ended early')
    const failing = db.batch(
      sql,
      source(() => {
        throw failure
      }),
    )
    await assert.rejects(failing, (error) => error === failure)
    const error = await rejects(
      db.batch(
        sql,
        source(() => [undefined]),
      ),
      'HEGAR_PARAM_INVALID',
    )
    assert.equal(error.row, 5000)
    await rejects(
      db.batch(
        'INSERT INTO nowhere VALUES (?)',
        source(() => [1]),
      ),
      'ER_NO_SUCH_TABLE',
    )
    assert.equal(ended, 3)
    assert.equal(await countOf(name), 0)
  })

  it('may be none, which does nothing', async () => {
    for (const rows of [[], new Set(), (async function* () {})()]) {
      const pool = createPool({ uri })
      assert.deepEqual(await pool.batch('INSERT INTO nowhere VALUES (?)', rows), {
        affectedRows: 0,
        insertId: 0,
        warningStatus: 0,
      })
      assert.equal(pool.stats().pool.total, 0)
      await pool.close()
    }
  })

  it('are checked before anything is sent', async (t) => {
    const pool = open(t, { uri })
    const many = Array.from({ length: 60_000 }, (_, index) => [index, `a text for row ${index}`])
    const wrong = (row) => many.with(59_999, row)
    for (const [rows, message] of [
      [wrong([1, undefined]), /^row 60000 of the batch: the parameter at position 2 is undefined/],
      [wrong([1]), /^row 60000 of the batch: the statement has 2 placeholders and 1 parameter was given/],
      [wrong({ a: 1 }), /^row 60000 of the batch: it is of type Object/],
      [[{ a: 1 }], /mixing named and positional/],
      [[[1, [2, 3]]], /^row 1 of the batch: the parameter at position 2 is an array/],
      [[[1, { a: 1 }]], /^row 1 .* of type Object/],
      [[[1, new Date(NaN)]], /^row 1 .* an invalid Date/],
      [[[1, Infinity]], /^row 1 /],
      [[null], /^row 1 of the batch: it is null/],
      [5, /must be an array of rows/],
      ['ab', /must be an array of rows/],
      [null, /must be an array of rows/],
    ]) {
      const error = await rejects(pool.batch('INSERT INTO t VALUES (?, ?)', rows), 'HEGAR_PARAM_INVALID')
      assert.match(error.message, message)
      if (message.source.startsWith('^row')) assert.equal(error.row, rows.length - 1)
    }
    const missing = pool.batch('INSERT INTO t VALUES (:a, :b)', [{ a: 1, b: 2 }, { a: 1 }])
    assert.match((await rejects(missing, 'HEGAR_PARAM_INVALID')).message, /^row 2 of the batch: .*:b/)
    await rejects(pool.batch('INSERT INTO t VALUES (1)', [[]]), 'HEGAR_PARAM_INVALID')
    await rejects(pool.batch('SELECT ?', [[1]], { transction: false }), 'HEGAR_OPTION_UNKNOWN')
    await rejects(pool.batch('SELECT ?', [[1]], { transaction: 1 }), 'HEGAR_OPTION_INVALID')
    await rejects(pool.batch('SELECT ?', [[1]], { timeoutMs: -1 }), 'HEGAR_OPTION_INVALID')
    assert.equal(pool.stats().pool.total, 0)
  })
})

describe('a batch', () => {
  it('refuses statements that return rows', mariadbOnly('RETURNING'), async () => {
    const name = await table('a INT')
    await rejects(db.batch('SELECT ?', [[1]]), 'HEGAR_UNSUPPORTED')
    await rejects(db.batch(`INSERT INTO ${name} (a) VALUES (?) RETURNING id`, [[1]]), 'HEGAR_UNSUPPORTED')
    await db.execute(`CREATE PROCEDURE ${name}_rows(IN x INT) SELECT x`)
    await rejects(db.batch(`CALL ${name}_rows(?)`, [[1], [2]]), 'HEGAR_UNSUPPORTED')
    assert.equal(await countOf(name), 0)
  })

  it('runs any other statement for each row', async () => {
    const name = await table('a INT')
    await db.execute(`CREATE PROCEDURE ${name}_add(IN x INT) INSERT INTO ${name} (a) VALUES (x)`)
    assert.equal((await db.batch(`CALL ${name}_add(?)`, [[1], [2]])).affectedRows, 2)
    await db.batch(`INSERT INTO ${name} (a) SELECT ? + COUNT(*) FROM ${name}`, [[0], [0]])
    assert.deepEqual(await db.query(`SELECT a FROM ${name} ORDER BY id`), [
      { a: 1 },
      { a: 2 },
      { a: 2 },
      { a: 3 },
    ])
  })

  it('ends at its deadline, or its signal, while the rows hang', async () => {
    const name = await table('a INT')
    const hanging = {
      [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }),
    }
    const sql = `INSERT INTO ${name} (a) VALUES (?)`
    await rejects(db.batch(sql, hanging, { timeoutMs: 50 }), 'HEGAR_QUERY_TIMEOUT')
    const gone = new Error('the client left')
    const controller = new AbortController()
    const work = db.batch(sql, hanging, { signal: controller.signal })
    setTimeout(() => controller.abort(gone), 20)
    await assert.rejects(work, (error) => error.code === 'HEGAR_ABORTED' && error.cause === gone)
    assert.equal((await db.queryOne(`SELECT COUNT(*) AS n FROM ${name}`)).n, 0)
  })

  it('takes no rows for a statement of named parameters', async () => {
    const name = await table('a INT')
    const { affectedRows } = await db.batch(`INSERT INTO ${name} (a) VALUES (:a)`, [])
    assert.equal(affectedRows, 0)
    const none = await db.batch(`INSERT INTO ${name} (a) VALUES (:a)`, (function* () {})())
    assert.equal(none.affectedRows, 0)
  })

  it('refuses two statements in one text', async () => {
    const name = await table('a INT')
    const sql = `INSERT INTO ${name} (a) VALUES (?); DELETE FROM ${name}`
    await rejects(db.batch(sql, [[1]]), 'ER_PARSE_ERROR')
  })

  it('gives an id past 2^53 as a BigInt', async () => {
    const name = await table('a INT', 'AUTO_INCREMENT = 9223372036854775807')
    const { insertId } = await db.batch(`INSERT INTO ${name} (a) VALUES (?)`, [[1], [2]])
    assert.equal(insertId, 9223372036854775807n)
  })

  it('counts as batch in the metrics, and gives its connection back', async (t) => {
    const pool = open(t, { uri })
    const name = await table('a INT')
    await pool.batch(`INSERT INTO ${name} (a) VALUES (?)`, [[1], [2]])
    const { latency, pool: gauges } = pool.stats()
    assert.equal(latency.operations.batch.count, 1)
    assert.deepEqual([gauges.active, gauges.idle], [0, 1])
  })

  it('takes a row that is longer than one frame of the protocol', async (t) => {
    const own = await ownServer({ args: ['--max-allowed-packet=64M'] })
    t.after(() => own.remove())
    await own.run('CREATE DATABASE large', 'CREATE TABLE large.t (a INT, b LONGBLOB)')
    for (const { host, port } of [own.options, await withoutBulk(t, own.options)]) {
      const pool = open(t, { ...own.options, host, port, database: 'large' })
      const lengths = [1, 20 * 2 ** 20, 2, 2 ** 24 - 30, 3]
      const rows = lengths.map((length) => [length, Buffer.alloc(length, 7)])
      assert.equal((await pool.batch('INSERT INTO t VALUES (?, ?)', rows)).affectedRows, 5)
      assert.deepEqual(await pool.queryOne('SELECT COUNT(*) AS n, MIN(LENGTH(b) = a) AS ok FROM t'), {
        n: 5,
        ok: 1,
      })
      await pool.execute('TRUNCATE t')
    }
  })

  it('keeps its packets within what the server takes', async (t) => {
    const own = await ownServer({ args: ['--max-allowed-packet=64K'] })
    t.after(() => own.remove())
    await own.run('CREATE DATABASE small', 'CREATE TABLE small.t (a INT, b MEDIUMTEXT)')
    for (const { host, port } of [own.options, await withoutBulk(t, own.options)]) {
      const pool = open(t, { ...own.options, host, port, database: 'small' })
      const rows = Array.from({ length: 300 }, (_, index) => [index, 'x'.repeat(index * 50)])
      await pool.batch('INSERT INTO t VALUES (?, ?)', rows)
      const stored = await pool.queryOne('SELECT COUNT(*) AS n, MIN(LENGTH(b) = a * 50) AS ok FROM t')
      assert.deepEqual(stored, { n: 300, ok: 1 })
      rows.push([0, 'x'.repeat(70_000)])
      const error = await rejects(pool.batch('INSERT INTO t VALUES (?, ?)', rows), 'HEGAR_PARAM_INVALID')
      assert.equal(error.row, 300)
      assert.match(error.message, /max_allowed_packet/)
      assert.equal((await pool.queryOne('SELECT COUNT(*) AS n FROM t')).n, 300)
      await pool.execute('TRUNCATE t')
    }
  })
})
