'use strict'

const { after, before, describe, test } = require('node:test')
const assert = require('node:assert/strict')
const { createPool } = require('../index.js')
const { rejects, until } = require('./support/outcome.js')
const { rogueServer } = require('./support/rogue.js')
const { testServer } = require('./support/server.js')

let options
let database
let admin
before(async () => {
  const server = await testServer()
  const { host, port, user, password } = server
  database = await server.database()
  options = { host, port, user, password, database }
  admin = createPool({ host, port, user, password })
})
after(() => admin.close())

async function withPool(extra, use) {
  const pool = createPool({ ...options, ...extra })
  try {
    return await use(pool)
  } finally {
    await pool.close({ drainMs: 1000 })
  }
}

const running = (mark) =>
  admin
    .query('SELECT id FROM information_schema.processlist WHERE info LIKE ? AND id <> CONNECTION_ID()', [
      `%${mark}%`,
    ])
    .then((rows) => rows.length)

describe('the query deadline', () => {
  test('rejects the call and ends the statement on the server', async () => {
    await withPool({ queryTimeoutMs: 1500 }, async (pool) => {
      const mark = `late_${process.pid}`
      // Both are connected already when the time begins, within which the statement has to be seen.
      await Promise.all([pool.query('SELECT 1'), running(mark)])
      const call = rejects(pool.query(`SELECT /* ${mark} */ SLEEP(30)`), 'HEGAR_QUERY_TIMEOUT')
      await until('the server runs it', async () => (await running(mark)) === 1)
      const error = await call
      assert.match(error.message, /1500 ms/)
      assert.equal(error.fatal, true)
      await until('the server has ended it', async () => (await running(mark)) === 0, 5000)
    })
  })

  test('holds for JSON, for pages and for statements that write', async () => {
    await withPool({ queryTimeoutMs: 150 }, async (pool) => {
      await Promise.all([
        rejects(pool.queryJson('SELECT SLEEP(30)'), 'HEGAR_QUERY_TIMEOUT', 2000),
        rejects(pool.execute('DO SLEEP(30)'), 'HEGAR_QUERY_TIMEOUT', 2000),
        rejects(
          pool.paginateJson('SELECT SLEEP(30) AS s', [], { page: 1, limit: 10 }),
          'HEGAR_QUERY_TIMEOUT',
          2000,
        ),
      ])
    })
  })

  test('lets the pool recover to its size', async () => {
    await withPool({ queryTimeoutMs: 100, connectionLimit: 3 }, async (pool) => {
      const late = Array.from({ length: 9 }, () =>
        rejects(pool.query('SELECT SLEEP(30)'), 'HEGAR_QUERY_TIMEOUT', 3000),
      )
      await Promise.all(late)
      const rows = await Promise.all(Array.from({ length: 9 }, (_, n) => pool.query('SELECT ? AS n', [n])))
      assert.deepEqual(
        rows.flat().map((row) => row.n),
        [0, 1, 2, 3, 4, 5, 6, 7, 8],
      )
      assert.equal(pool.stats().pool.active, 0)
    })
  })
})

describe('what one call leaves in its session never reaches the next', () => {
  const one = (extra, use) => withPool({ connectionLimit: 1, ...extra }, use)

  test('user variables', () =>
    one({}, async (pool) => {
      await pool.query('SET @secret = 42')
      assert.deepEqual(await pool.query('SELECT @secret AS v'), [{ v: null }])
      await pool.query('SELECT @other := 7')
      assert.deepEqual(await pool.query('SELECT @other AS v'), [{ v: null }])
      await pool.query('SELECT 5 INTO @third')
      assert.deepEqual(await pool.query('SELECT @third AS v'), [{ v: null }])
    }))

  test('session settings, with the character set of the connection', () =>
    one({}, async (pool) => {
      const settings =
        'SELECT @@sql_mode AS m, @@autocommit AS a, @@character_set_client AS c, @@collation_connection AS k, @@time_zone AS z'
      const fresh = await pool.query(settings)
      for (const sql of [
        "SET sql_mode = ''",
        'SET autocommit = 0',
        'SET NAMES latin1',
        "SET time_zone = '+05:00'",
      ]) {
        await pool.query(sql)
        assert.deepEqual(await pool.query(settings), fresh, sql)
      }
    }))

  test('the database', () =>
    one({}, async (pool) => {
      await pool.query('USE mysql')
      assert.deepEqual(await pool.query('SELECT DATABASE() AS d'), [{ d: database }])
    }))

  test('the database, when the pool has none', () =>
    one({ database: undefined }, async (pool) => {
      await pool.query('USE mysql')
      assert.deepEqual(await pool.query('SELECT DATABASE() AS d'), [{ d: null }])
    }))

  test('temporary tables', () =>
    one({}, async (pool) => {
      await pool.query('CREATE TEMPORARY TABLE mine (a INT)')
      await rejects(pool.query('SELECT * FROM mine'), 'ER_NO_SUCH_TABLE')
    }))

  test('named locks', () =>
    one({}, async (pool) => {
      const name = `lock_${process.pid}`
      await pool.query('SELECT GET_LOCK(?, 0) AS got', [name])
      assert.deepEqual(await admin.query('SELECT IS_FREE_LOCK(?) AS free', [name]), [{ free: 1 }])
    }))

  test('locked tables', () =>
    one({}, async (pool) => {
      await pool.query('CREATE TABLE locked (a INT)')
      await pool.query('LOCK TABLES locked WRITE')
      await admin.query(`INSERT INTO ${database}.locked VALUES (1)`)
    }))

  test('prepared statements of SQL', () =>
    one({}, async (pool) => {
      await pool.query("PREPARE mine FROM 'SELECT 1'")
      await rejects(pool.query('EXECUTE mine'), 'ER_UNKNOWN_STMT_HANDLER')
    }))

  test('an open transaction', () =>
    one({}, async (pool) => {
      await pool.query('CREATE TABLE tx (a INT) ENGINE=InnoDB')
      for (const begin of ['BEGIN', 'START TRANSACTION', 'START TRANSACTION READ WRITE']) {
        await pool.query(begin)
        await pool.query('INSERT INTO tx VALUES (1)')
        await pool.query('ROLLBACK')
      }
      assert.deepEqual(await pool.query('SELECT COUNT(*) AS n FROM tx'), [{ n: 3 }], 'each call stood alone')
    }))

  test('a transaction that a procedure opened before it failed', () =>
    one({}, async (pool) => {
      await pool.query('CREATE TABLE half (a INT) ENGINE=InnoDB')
      await pool.query(
        "CREATE PROCEDURE half_way() BEGIN START TRANSACTION; INSERT INTO half VALUES (1); SIGNAL SQLSTATE '45000'; END",
      )
      await rejects(pool.query('CALL half_way()'), 'ER_SIGNAL_EXCEPTION')
      await pool.query('INSERT INTO half VALUES (2)')
      assert.deepEqual(await admin.query(`SELECT a FROM ${database}.half`), [{ a: 2 }])
    }))
})

describe('the acquire deadline', () => {
  test('tells what the pool holds and how long the call waited', async () => {
    await withPool({ connectionLimit: 1, acquireTimeoutMs: 150 }, async (pool) => {
      const held = await pool.getConnection({ timeoutMs: 5000 })
      const error = await rejects(pool.query('SELECT 1'), 'HEGAR_POOL_TIMEOUT', 1000)
      assert.match(error.message, /within \d+ ms .*active 1, idle 0, waiting 0, limit 1/)
      assert.match(error.stack, /pool\.test\.js/)
      await held.release()
    })
  })

  test('tells the last connect error', async (t) => {
    const { host, port } = await rogueServer(t, () => {})
    const pool = createPool({ host, port, connectionLimit: 1, acquireTimeoutMs: 100, connectTimeoutMs: 5000 })
    await rejects(pool.query('SELECT 1'), 'HEGAR_POOL_TIMEOUT', 1000)
    const error = await rejects(pool.query('SELECT 1'), 'HEGAR_POOL_TIMEOUT', 1000)
    assert.match(
      error.message,
      new RegExp(`last attempt to connect failed: no session with 127\\.0\\.0\\.1:${port}`),
    )
    await pool.close({ drainMs: 0 })
  })
})

test('a full queue refuses at once, and so does a busy pool that must not wait', async () => {
  await withPool({ connectionLimit: 1, queueLimit: 1 }, async (pool) => {
    const held = await pool.getConnection()
    const waiting = pool.query('SELECT 1 AS n')
    await until('one waits', () => pool.stats().pool.waiting === 1)
    await rejects(pool.query('SELECT 2'), 'HEGAR_QUEUE_FULL', 2000)
    await held.release()
    assert.deepEqual(await waiting, [{ n: 1 }])
  })
  await withPool({ connectionLimit: 1, waitForConnections: false }, async (pool) => {
    const held = await pool.getConnection()
    await rejects(pool.query('SELECT 2'), 'HEGAR_QUEUE_FULL', 2000)
    await held.release()
  })
})

test('statements closed for the limit are closed on the server too', async () => {
  await withPool({ connectionLimit: 1, maxPreparedStatements: 5 }, async (pool) => {
    for (let n = 0; n < 50; n++) await pool.query(`SELECT ${n}`)
    const rows = await pool.query("SHOW SESSION STATUS LIKE 'Com_stmt_%'")
    const count = Object.fromEntries(rows.map((row) => [row.Variable_name, Number(row.Value)]))
    const open = count.Com_stmt_prepare - count.Com_stmt_close
    assert.ok(open >= 1 && open <= 6, `${open} are open`)
  })
})
