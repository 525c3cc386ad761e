'use strict'

const assert = require('node:assert/strict')
const { after, before, describe, it } = require('node:test')
const { inspect } = require('node:util')
const { createPool, HegarError } = require('../index.js')
const { openDrivers } = require('./support/drivers.js')
const { isMysql } = require('./support/mysql.js')

describe('errors of a real server', () => {
  let drivers, db
  before(async () => {
    drivers = await openDrivers()
    ;({ db } = drivers)
    await drivers.run(
      'CREATE TABLE parents (id INT PRIMARY KEY)',
      `CREATE TABLE t (id INT PRIMARY KEY, u VARCHAR(9) UNIQUE, n TINYINT NOT NULL, c INT CHECK (c > 0),
        p INT, FOREIGN KEY (p) REFERENCES parents (id))`,
      "INSERT INTO t VALUES (1, 'one', 1, 1, NULL)",
    )
  })
  after(() => drivers.close())

  const failures = {
    ER_DUP_ENTRY: "INSERT INTO t VALUES (1, 'x', 1, 1, NULL)",
    ER_BAD_NULL_ERROR: "INSERT INTO t VALUES (2, 'x', NULL, 1, NULL)",
    ER_NO_DEFAULT_FOR_FIELD: 'INSERT INTO t (id) VALUES (3)',
    ER_DATA_TOO_LONG: "INSERT INTO t VALUES (4, 'much too long', 1, 1, NULL)",
    ER_WARN_DATA_OUT_OF_RANGE: "INSERT INTO t VALUES (5, 'x', 1000, 1, NULL)",
    ER_NO_REFERENCED_ROW_2: "INSERT INTO t VALUES (6, 'x', 1, 1, 7)",
    ER_PARSE_ERROR: 'SELEC 1',
    ER_NO_SUCH_TABLE: 'SELECT * FROM missing',
    ER_BAD_FIELD_ERROR: 'SELECT missing FROM t',
    ER_SP_DOES_NOT_EXIST: 'SELECT missing_function()',
    ER_BAD_DB_ERROR: 'USE missing_database',
    ER_TABLE_EXISTS_ERROR: 'CREATE TABLE t (x INT)',
    ER_DATA_OUT_OF_RANGE: 'SELECT 9223372036854775807 + 1',
    ER_SUBQUERY_NO_1_ROW: 'SELECT (SELECT 1 UNION SELECT 2)',
    ER_SIGNAL_EXCEPTION: "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'é our own 😀'",
    ER_WRONG_VALUE_COUNT_ON_ROW: 'INSERT INTO t VALUES (1)',
    ER_CANT_DROP_FIELD_OR_KEY: 'ALTER TABLE t DROP COLUMN missing',
  }
  for (const [code, sql] of Object.entries(failures)) {
    it(`${code} has what mysql2 tells about it, by every method`, async () => {
      const theirs = await drivers.my.query(sql).then(assert.fail, (error) => error)
      for (const call of [
        () => db.query(sql),
        () => db.queryOne(sql),
        () => db.execute(sql),
        () => db.queryJson(sql),
        () => db.query(sql, {}),
      ]) {
        const error = await call().then(assert.fail, (error) => error)
        assert.ok(error instanceof HegarError && error instanceof Error)
        assert.equal(error.name, 'HegarError')
        assert.equal(error.code, code)
        assert.equal(error.code, theirs.code)
        assert.equal(error.errno, theirs.errno)
        assert.equal(error.sqlState, theirs.sqlState)
        assert.equal(error.sqlMessage, theirs.sqlMessage)
        assert.equal(error.message, theirs.message)
        assert.equal(error.fatal, false)
        assert.equal(error.sql, sql)
      }
    })
  }

  it('name the check that failed as the server names it', async () => {
    const error = await db
      .execute("INSERT INTO t VALUES (8, 'x', 1, -1, NULL)")
      .then(assert.fail, (error) => error)
    assert.equal(error.errno, isMysql ? 3819 : 4025)
    assert.equal(error.sqlState, isMysql ? 'HY000' : '23000')
    assert.match(error.sqlMessage, /constraint/i)
  })

  it('in the middle of a result end the call, and the connection goes on', async () => {
    const one = await openDrivers({ connectionLimit: 1 })
    try {
      const sql = 'SELECT IF(seq < 20000, seq, (SELECT 1 UNION SELECT 2)) AS n FROM seq_1_to_20001'
      for (const method of ['query', 'queryJson']) {
        await assert.rejects(one.db[method](sql), { code: 'ER_SUBQUERY_NO_1_ROW', fatal: false })
        assert.deepEqual(await one.db.query('SELECT 1 AS a'), [{ a: 1 }])
      }
      assert.equal(one.db.stats().connections.created, 1)
    } finally {
      await one.close()
    }
  })

  it('of one call leave the others alone', async () => {
    const calls = Array.from({ length: 60 }, (_, i) =>
      i % 3 === 0 ? db.query('SELECT missing FROM t') : db.query('SELECT ? AS v', [i]),
    )
    const results = await Promise.allSettled(calls)
    for (const [i, { status, value, reason }] of results.entries()) {
      if (i % 3 === 0) assert.equal(reason.code, 'ER_BAD_FIELD_ERROR')
      else assert.deepEqual([status, value], ['fulfilled', [{ v: i }]])
    }
  })

  it('are counted by code', async () => {
    const counted = await openDrivers()
    try {
      for (let i = 0; i < 3; i++) await assert.rejects(counted.db.query('SELECT * FROM missing'))
      await assert.rejects(counted.db.query('SELEC'))
      const { errors, queries } = counted.db.stats()
      assert.equal(
        Object.values(errors).reduce((sum, count) => sum + count, 0),
        4,
      )
      assert.equal(queries.errors, 4)
      assert.deepEqual(Object.values(errors).sort(), [1, 3])
    } finally {
      await counted.close()
    }
  })

  it('can be logged as JSON and show the statement, never its values', async () => {
    const error = await db
      .query('SELECT missing FROM t WHERE u = ?', ['a-value'])
      .then(assert.fail, (error) => error)
    assert.deepEqual(JSON.parse(JSON.stringify(error)), {
      code: 'ER_BAD_FIELD_ERROR',
      errno: 1054,
      sql: 'SELECT missing FROM t WHERE u = ?',
      sqlState: '42S22',
      sqlMessage: error.message,
      fatal: false,
    })
    assert.doesNotMatch(inspect(error, { depth: 9 }), /a-value/)
  })

  describe('a pool that is closed', () => {
    it('refuses every call with HEGAR_POOL_CLOSED, and closing again is one close', async () => {
      const pool = createPool(drivers.target)
      await pool.query('SELECT 1')
      const closing = pool.close()
      assert.equal(pool.close(), closing)
      assert.equal(await closing, undefined)
      for (const call of [
        () => pool.query('SELECT 1'),
        () => pool.queryOne('SELECT 1'),
        () => pool.execute('DO 1'),
        () => pool.queryJson('SELECT 1'),
        () => pool.paginate('SELECT 1', [], { page: 1, limit: 1 }),
        () => pool.paginateJson('SELECT 1', [], { page: 1, limit: 1 }),
      ]) {
        await assert.rejects(call(), { name: 'HegarError', code: 'HEGAR_POOL_CLOSED' })
      }
      const health = await pool.health()
      assert.equal(health.status, 'Error')
      assert.equal(health.code, 'HEGAR_POOL_CLOSED')
      assert.equal(pool.stats().pool.total, 0)
    })

    it('lets calls in flight finish within drainMs', async () => {
      const pool = createPool(drivers.target)
      const call = pool.query('SELECT SLEEP(0.2) AS s')
      // Nothing announces that the call has its connection.
      while (pool.stats().pool.active === 0) await new Promise(setImmediate)
      await pool.close({ drainMs: 10_000 })
      assert.deepEqual(await call, [{ s: 0 }])
    })

    it('ends calls that take longer than drainMs', async () => {
      const pool = createPool(drivers.target)
      await pool.query('SELECT 1')
      const call = assert.rejects(pool.query('SELECT SLEEP(30)'), { code: 'HEGAR_POOL_CLOSED' })
      const started = Date.now()
      await pool.close({ drainMs: 100 })
      await call
      assert.ok(Date.now() - started < 10_000)
    })

    it('was never connected, closes too', async () => {
      const pool = createPool({ ...drivers.target, port: 1 })
      await pool.close()
      await assert.rejects(pool.query('SELECT 1'), { code: 'HEGAR_POOL_CLOSED' })
    })

    it('wants a drainMs that is one', async () => {
      const pool = createPool(drivers.target)
      for (const drainMs of [-1, NaN, '5', null])
        await assert.rejects(pool.close({ drainMs }), { name: 'HegarTypeError' })
      await pool.close({})
    })
  })

  describe('secrets', () => {
    const password = 'p4ssw0rd-that-must-not-show'

    it('do not show in a refused login, the pool or its metrics', async () => {
      const pool = createPool({ ...drivers.target, user: 'nobody_here', password })
      try {
        const error = await pool.query('SELECT 1').then(assert.fail, (error) => error)
        assert.match(error.code, /^(ER_ACCESS_DENIED|HEGAR_AUTH)/)
        const shown = [
          inspect(error, { depth: 9, showHidden: true }),
          JSON.stringify(error),
          error.stack,
          String(error.cause),
          inspect(pool, { depth: 9, showHidden: true }),
          JSON.stringify(pool),
          String(pool),
          pool.metricsText(),
          JSON.stringify(pool.stats()),
          JSON.stringify(await pool.health()),
        ]
        for (const text of shown) assert.ok(!String(text).includes(password))
      } finally {
        await pool.close()
      }
    })

    it('do not show in a refused uri or option', () => {
      for (const options of [
        `mysql://root:${password}@localhost:99999/x`,
        `mysql://root:${password}@local host/x`,
        { ...drivers.target, password, passwort: 1 },
        { ...drivers.target, password: [password] },
        { uri: `mysql://root:${password}@localhost/a/b` },
      ]) {
        assert.throws(
          () => createPool(options),
          (error) => !inspect(error, { depth: 9, showHidden: true }).includes(password),
        )
      }
    })
  })
})
