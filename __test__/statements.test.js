'use strict'

const assert = require('node:assert/strict')
const { after, before, describe, it } = require('node:test')
const { openDrivers } = require('./support/drivers.js')
const { isMysql, mariadbOnly } = require('./support/mysql.js')

describe('statements', () => {
  let drivers, db
  before(async () => {
    drivers = await openDrivers()
    ;({ db } = drivers)
    await drivers.run('CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20), UNIQUE (v))')
  })
  after(() => drivers.close())

  describe('with more than one in a text are refused', () => {
    for (const sql of [
      'SELECT 1; SELECT 2',
      'SELECT 1; DROP TABLE t',
      "SELECT ';' ; DELETE FROM t",
      'SELECT 1;; SELECT 2',
      'SELECT 1 /* ; */ ; SELECT 2',
    ]) {
      it(sql, async () => {
        await assert.rejects(db.query(sql), { code: 'ER_PARSE_ERROR', errno: 1064 })
        await assert.rejects(db.execute(sql), { code: 'ER_PARSE_ERROR' })
        await assert.rejects(db.queryJson(sql), { code: 'ER_PARSE_ERROR' })
      })
    }

    // Stacked queries: what an injection ends the first statement for. Nothing but `script` takes two.
    it('by every call, with parameters and without (stacked queries)', async () => {
      const stacked = [
        (first, value) => `${first} ${value}; DELETE FROM t`,
        (first, value) => `${first} ${value};DELETE FROM t;`,
        (first, value) => `${first} ${value}; /*! DELETE FROM t */`,
        (first, value) => `${first} ${value} -- \n; DELETE FROM t`,
        (first, value) => `${first} ${value}; CALL nothing()`,
      ]
      const wide = await openDrivers({ connectionLimit: 4 })
      const pool = wide.db
      await wide.run('CREATE TABLE t (v VARCHAR(20))', "INSERT INTO t VALUES ('kept')")
      for (const text of stacked) {
        for (const [params, named] of [[undefined], [null], [[]], [{}], [[1]], [{ v: 1 }, ':v']]) {
          const has = params !== undefined && params !== null && Object.keys(params).length > 0
          const sql = text('SELECT', has ? (named ?? '?') : '1')
          const options = { page: 1, limit: 2, count: 'none' }
          const connection = await pool.getConnection()
          const transaction = await pool.begin()
          for (const face of [pool, connection, transaction]) {
            for (const run of [
              () => face.query(sql, params),
              () => face.queryOne(sql, params),
              () => face.execute(sql, params),
              () => face.queryJson(sql, params),
              () => face.call(sql, params),
              () => face.paginate(sql, params, options),
              () => face.paginateJson(sql, params, options),
            ]) {
              await assert.rejects(run(), { code: /^(ER_PARSE_ERROR|HEGAR_PARAM_INVALID)$/ }, sql)
            }
            await assert.rejects(face.batch(text('INSERT INTO t (v) VALUES', '(?)'), [['x']]), {
              code: 'ER_PARSE_ERROR',
            })
          }
          await transaction.rollback()
          await connection.release()
        }
      }
      assert.deepEqual(await pool.query('SELECT v FROM t'), [{ v: 'kept' }])
      await wide.close()
    })

    it('also when the first one can not be prepared', async () => {
      for (const sql of [
        'LOCK TABLES t READ; SELECT 1',
        'UNLOCK TABLES; DROP TABLE t',
        'BEGIN; DROP TABLE t; COMMIT',
      ]) {
        await assert.rejects(db.execute(sql), { name: 'HegarError' }, sql)
      }
      assert.equal((await db.query("SHOW TABLES LIKE 't'")).length, 1)
    })
  })

  it('may end in a semicolon and comments', async () => {
    for (const sql of [
      'SELECT 1 AS a;',
      'SELECT 1 AS a ; -- done',
      '/* first */ SELECT 1 AS a; # done\n',
      '\n(SELECT 1 AS a)\n',
    ]) {
      assert.deepEqual(await db.query(sql), [{ a: 1 }])
    }
  })

  const only = mariadbOnly('MySQL has no EXECUTE IMMEDIATE')
  describe('that the server can not prepare (error 1295)', only, () => {
    const unpreparable = ["PREPARE p FROM 'SELECT 1'", "EXECUTE IMMEDIATE 'SELECT 1 AS one'"]

    it('are indeed refused by the server', async () => {
      for (const sql of unpreparable) await assert.rejects(drivers.my.execute(sql), { errno: 1295 })
    })

    it('go as text when they have no parameters', async () => {
      assert.deepEqual(await db.execute(unpreparable[0]), {
        affectedRows: 0,
        insertId: 0,
        info: 'Statement prepared',
        warningStatus: 0,
        changedRows: 0,
      })
      assert.deepEqual(await db.query(unpreparable[1]), [{ one: 1 }])
      assert.deepEqual(await db.query(unpreparable[1], {}), [{ one: 1 }])
      assert.equal((await db.queryJson(`${unpreparable[1]} ; -- done`)).toString(), '[{"one":1}]')
    })

    it('are refused when they have parameters', async () => {
      for (const [sql, params] of [
        ['EXECUTE IMMEDIATE ?', ['SELECT 1']],
        ["EXECUTE IMMEDIATE 'SELECT ?' USING ?", [1]],
        ["EXECUTE IMMEDIATE 'SELECT 1' USING :v", { v: 1 }],
      ]) {
        await assert.rejects(db.query(sql, params), {
          name: 'HegarError',
          code: 'ER_UNSUPPORTED_PS',
          errno: 1295,
        })
      }
    })

    it('are refused when there is more than one in the text', async () => {
      for (const sql of [
        "EXECUTE IMMEDIATE 'SELECT 1'; DROP TABLE t",
        "PREPARE p FROM 'SELECT 1' ; EXECUTE p",
        "EXECUTE IMMEDIATE 'SELECT 1' /*! ; DROP TABLE t */",
        "EXECUTE IMMEDIATE 'SELECT 1\\'; DROP TABLE t; -- '",
      ]) {
        await assert.rejects(db.query(sql), { name: 'HegarError' }, sql)
      }
      assert.equal((await db.query("SHOW TABLES LIKE 't'")).length, 1)
    })

    it('leave nothing prepared on the connection for whoever comes next', async () => {
      await db.execute(unpreparable[0])
      for (let round = 0; round < 4; round++) {
        await assert.rejects(db.query('EXECUTE p'), { code: 'ER_UNKNOWN_STMT_HANDLER' })
      }
    })

    it('have their rows read as those of prepared ones', async () => {
      await drivers.run(
        `CREATE TABLE mixed (i INT, u BIGINT UNSIGNED, z INT(6) ZEROFILL, d DECIMAL(10,2), f DOUBLE, x DOUBLE(10,2), y YEAR,
          day DATE, at DATETIME(3), ts TIMESTAMP(6) NULL, t TIME(2), s VARCHAR(20), b BLOB, bit BIT(9), e ENUM('a','b'),
          st SET('a','b'), j JSON, g POINT)`,
        `INSERT INTO mixed VALUES (-5, 18446744073709551615, 42, 1.50, 9.123456789012345, 2.345, 2024, '2024-02-29',
          '2024-02-29 01:02:03.456', '2024-02-29 01:02:03.456789', '-12:34:56.78', 'é😀"', X'00ff', b'101010101', 'b',
          'a,b', '{"b":1, "1":2}', POINT(1, -2.5))`,
        `INSERT INTO mixed () VALUES ()`,
      )
      await drivers.same("EXECUTE IMMEDIATE 'SELECT * FROM mixed'")
      await drivers.same("EXECUTE IMMEDIATE 'SELECT 2, 1, NULL AS a, 1.5 AS a FROM mixed'")
      await drivers.run('DROP TABLE mixed')
    })
  })

  describe('give what they did', () => {
    it('INSERT, UPDATE and DELETE as mysql2 does', async () => {
      for (const sql of [
        "INSERT INTO t (v) VALUES ('a'), ('b'), ('c')",
        "UPDATE t SET v = 'z' WHERE v = 'a'",
        'UPDATE t SET v = v',
        "UPDATE t SET v = 'none' WHERE v = 'nowhere'",
        "INSERT IGNORE INTO t (v) VALUES ('z'), ('d')",
        "REPLACE INTO t (v) VALUES ('z')",
        "INSERT INTO t (v) VALUES ('z') ON DUPLICATE KEY UPDATE v = 'y'",
        "DELETE FROM t WHERE v IN ('b', 'nothing')",
        'DELETE FROM t',
        'CREATE TABLE other (x INT)',
        // MySQL counts a warning for each table that is not there.
        ...(isMysql ? [] : ['DROP TABLE IF EXISTS other, missing']),
        'DO 1',
      ]) {
        // The same on both sides: mysql2 first, then everything back, then ours.
        await drivers.run('DROP TABLE IF EXISTS backup', 'CREATE TABLE backup AS SELECT * FROM t')
        const [header] = await drivers.my.query(sql)
        await drivers.run(
          'DROP TABLE IF EXISTS other',
          'TRUNCATE t',
          'INSERT INTO t SELECT * FROM backup',
          'DROP TABLE backup',
        )
        const [[{ next }]] = await drivers.my.query('SELECT COALESCE(MAX(id), 0) + 1 AS next FROM t')
        await drivers.run(`ALTER TABLE t AUTO_INCREMENT = ${next}`)
        const result = await db.execute(sql)
        const { affectedRows, info, warningStatus, changedRows } = header
        assert.deepEqual(
          { ...result, insertId: result.insertId > 0 },
          { affectedRows, insertId: header.insertId > 0, info, warningStatus, changedRows },
          sql,
        )
      }
    })

    it('the id that was generated', async () => {
      const first = await db.execute('INSERT INTO t (v) VALUES (?), (?)', ['i1', 'i2'])
      const [row] = await db.query('SELECT id FROM t WHERE v = ?', ['i1'])
      assert.equal(first.insertId, row.id)
      assert.equal(first.affectedRows, 2)
    })

    it('an id past what a number holds, as a BigInt to the last digit', async () => {
      for (const first of [2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 2n]) {
        await drivers.run(
          'DROP TABLE IF EXISTS far',
          `CREATE TABLE far (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, v INT) AUTO_INCREMENT = ${first}`,
        )
        assert.equal((await db.execute('INSERT INTO far (v) VALUES (1)')).insertId, first)
        assert.equal((await db.queryOne('SELECT CAST(id AS CHAR) AS id FROM far')).id, String(first))
      }
      await drivers.run('DROP TABLE far')
    })

    it('by query and queryJson too', async () => {
      const done = {
        affectedRows: 1,
        insertId: 0,
        info: 'Rows matched: 1  Changed: 1  Warnings: 0',
        warningStatus: 0,
        changedRows: 1,
      }
      await db.execute("INSERT INTO t (v) VALUES ('q0')")
      assert.deepEqual(await db.query("UPDATE t SET v = 'q1' WHERE v = 'q0'"), done)
      assert.deepEqual(JSON.parse(await db.queryJson("UPDATE t SET v = 'q2' WHERE v = 'q1'")), done)
      assert.equal(await db.queryOne("UPDATE t SET v = 'q3' WHERE v = 'q2'"), null)
    })

    it('rows where a change returns rows', mariadbOnly('MySQL has no RETURNING'), async () => {
      const rows = await db.execute('INSERT INTO t (v) VALUES (?), (?) RETURNING v, 1 AS one', ['r1', 'r2'])
      assert.deepEqual(rows, [
        { v: 'r1', one: 1 },
        { v: 'r2', one: 1 },
      ])
      assert.equal(
        (await db.queryJson('DELETE FROM t WHERE v = ? RETURNING v', ['r1'])).toString(),
        '[{"v":"r1"}]',
      )
    })

    it('changedRows without the rows that merely matched, and affectedRows without them by a flag', async () => {
      await db.execute("INSERT INTO t (v) VALUES ('f1')")
      const matched = await db.execute("UPDATE t SET v = 'f1' WHERE v = 'f1'")
      assert.deepEqual([matched.affectedRows, matched.changedRows], [1, 0])
      const changing = await openDrivers({ flags: '-FOUND_ROWS' })
      try {
        await changing.run('CREATE TABLE t (v INT)', 'INSERT INTO t VALUES (1)')
        assert.equal((await changing.db.execute('UPDATE t SET v = 1')).affectedRows, 0)
      } finally {
        await changing.close()
      }
    })
  })

  it('queryOne gives the first row or null, however many there are', async () => {
    assert.deepEqual(await db.queryOne('SELECT seq AS n FROM seq_1_to_30000 ORDER BY seq DESC'), { n: 30000 })
    assert.equal(await db.queryOne('SELECT 1 AS n FROM DUAL WHERE FALSE'), null)
  })

  it('are prepared once per connection and found again', async () => {
    const one = await openDrivers({ connectionLimit: 1 })
    try {
      const prepared = () => one.db.stats().statements
      for (let i = 0; i < 5; i++) await one.db.query('SELECT ? AS v', [i])
      assert.deepEqual(prepared(), { prepared: 1, cacheHits: 4, cacheMisses: 1, pipelined: 0 })
      await one.db.query('SELECT 1 IN (?) AS v', [[1, 2]])
      await one.db.query('SELECT 1 IN (?) AS v', [[1, 2, 3]])
      await one.db.query('SELECT 1 IN (?) AS v', [[3, 4]])
      assert.deepEqual(prepared(), { prepared: 3, cacheHits: 5, cacheMisses: 3, pipelined: 0 })
    } finally {
      await one.close()
    }
  })

  it('beyond maxPreparedStatements are closed on the server', async () => {
    const few = await openDrivers({ connectionLimit: 1, maxPreparedStatements: 3 })
    try {
      for (let i = 0; i < 20; i++) assert.deepEqual(await few.db.query(`SELECT ${i} AS v`), [{ v: i }])
      const counters = await few.db.query("SHOW SESSION STATUS WHERE Variable_name LIKE 'Com_stmt_%'")
      const count = (name) => Number(counters.find((row) => row.Variable_name === name).Value)
      assert.equal(count('Com_stmt_prepare'), 21)
      assert.ok(count('Com_stmt_close') >= 21 - 4, 'all but three, and the one to be closed next')
    } finally {
      await few.close()
    }
  })

  it('of thousands of different texts all answer, from a cache that is bounded', async () => {
    for (let batch = 0; batch < 15; batch++) {
      const texts = Array.from({ length: 100 }, (_, i) => batch * 100 + i)
      const rows = await Promise.all(texts.map((n) => db.queryOne(`SELECT ? + ${n} AS v`, [1])))
      assert.deepEqual(
        rows.map(({ v }) => v),
        texts.map((n) => n + 1),
      )
    }
    assert.deepEqual(await db.queryOne('SELECT ? + 0 AS v', [1]), { v: 1 })
  })

  it('that are no text are refused', async () => {
    for (const sql of [undefined, null, 7, {}, ['SELECT 1'], Buffer.from('SELECT 1'), Symbol('x')]) {
      await assert.rejects(db.query(sql), { name: 'HegarTypeError', message: /must be a string/ })
    }
    await assert.rejects(db.query(''), { code: 'ER_EMPTY_QUERY' })
    await assert.rejects(db.query(';'), { code: 'ER_EMPTY_QUERY' })
  })

  it('may hold any text, a zero byte and half a character included', async () => {
    assert.deepEqual(await db.query("SELECT 'a\0b' AS v"), [{ v: 'a\0b' }])
    assert.deepEqual(await db.query("SELECT '漢😀' AS v"), [{ v: '漢😀' }])
  })
})
