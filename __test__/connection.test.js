'use strict'

const { after, before, describe, it } = require('node:test')
const assert = require('node:assert/strict')
const v8 = require('node:v8')
const vm = require('node:vm')
const { createPool } = require('../index.js')
const { rejects, until } = require('./support/outcome.js')
const { rogueServer, ok, prepared, column, row, end } = require('./support/rogue.js')
const { testServer } = require('./support/server.js')

let options
let other
let db
before(async () => {
  const server = await testServer()
  const { host, port, user, password } = server
  options = { host, port, user, password, database: await server.database() }
  other = await server.database()
  db = createPool({ ...options, connectionLimit: 4 })
  await db.execute('CREATE TABLE items (id INT PRIMARY KEY)')
})
after(() => db.close())

async function withPool(extra, use) {
  const pool = createPool({ ...options, connectionLimit: 1, acquireTimeoutMs: 1000, ...extra })
  try {
    return await use(pool)
  } finally {
    await pool.close({ drainMs: 1000 })
  }
}

const sessionOf = async (queries) => (await queries.queryOne('SELECT CONNECTION_ID() AS id')).id
const isIdle = (pool) => until('all connections are back', () => pool.stats().pool.active === 0)

describe('a connection that is held', () => {
  it('runs its calls in one session, in their order, and knows its number', () =>
    withPool({}, async (pool) => {
      const connection = await pool.getConnection()
      assert.equal(await sessionOf(connection), connection.threadId)
      await connection.query('SET @n = 0')
      const calls = Array.from({ length: 50 }, () => connection.queryOne('SELECT @n := @n + 1 AS n'))
      assert.deepEqual(
        (await Promise.all(calls)).map((row) => Number(row.n)),
        Array.from({ length: 50 }, (_, i) => i + 1),
      )
      await connection.release()
    }))

  it('is nobody else’s until it is released', () =>
    withPool({}, async (pool) => {
      const connection = await pool.getConnection()
      await rejects(pool.query('SELECT 1'), 'HEGAR_POOL_TIMEOUT')
      await rejects(pool.getConnection(), 'HEGAR_POOL_TIMEOUT')
      const waiting = pool.query('SELECT 1 AS n')
      await connection.release()
      assert.deepEqual(await waiting, [{ n: 1 }])
    }))

  it('waits in the same queue as calls, first come first served', () =>
    withPool({}, async (pool) => {
      await pool.query('SELECT 1')
      const order = []
      // While it is held, the others get in line.
      const holder = await pool.getConnection()
      const first = pool.query('SELECT 1').then(() => order.push('call'))
      const second = pool.getConnection().then((connection) => {
        order.push('connection')
        return connection.release()
      })
      // A connection gets in line on a thread of ours, a call at once.
      await until('both are in', () => pool.stats().pool.waiting === 2)
      const third = pool.query('SELECT 2').then(() => order.push('another call'))
      await holder.release()
      await Promise.all([first, second, third])
      assert.deepEqual(order, ['call', 'connection', 'another call'])
    }))

  it('ends the calls before its release, and refuses those after it', () =>
    withPool({}, async (pool) => {
      const connection = await pool.getConnection()
      const before = connection.query('SELECT SLEEP(0.05) AS n')
      const releasing = connection.release()
      const late = [
        rejects(connection.query('SELECT 1'), 'HEGAR_CONNECTION_RELEASED'),
        rejects(connection.beginTransaction(), 'HEGAR_CONNECTION_RELEASED'),
      ]
      assert.deepEqual(await before, [{ n: 0 }])
      await Promise.all([releasing, connection.release(), ...late])
      assert.equal(pool.stats().pool.idle, 1)
    }))

  it('is released at the end of its block', () =>
    withPool({}, async (pool) => {
      const connection = await pool.getConnection()
      await connection[Symbol.asyncDispose]()
      assert.equal(pool.stats().pool.idle, 1)
    }))

  it('comes back by itself when nobody holds it any more', () =>
    withPool({}, async (pool) => {
      v8.setFlagsFromString('--expose-gc')
      const gc = vm.runInNewContext('gc')
      await (async () => {
        const forgotten = await pool.getConnection()
        await forgotten.query('SET @left = 1')
      })()
      await until('the collector has found it', async () => {
        gc()
        await new Promise((resolve) => setImmediate(resolve))
        return pool.stats().pool.active === 0
      })
      assert.deepEqual(await pool.query('SELECT @left AS n'), [{ n: null }])
    }))

  it('can be closed instead of released, at once', () =>
    withPool({ queryTimeoutMs: 20_000 }, async (pool) => {
      const connection = await pool.getConnection()
      const busy = rejects(connection.query('SELECT SLEEP(30)'), 'HEGAR_CONNECTION_LOST', 2000)
      const queued = rejects(connection.query('SELECT 1'), 'HEGAR_CONNECTION_LOST', 2000)
      const mark = connection.threadId
      await until('it runs', async () => (await statementsOf(mark)).includes('SELECT SLEEP(30)'))
      connection.destroy()
      await Promise.all([busy, queued])
      assert.notEqual(await sessionOf(pool), mark)
      await until('the server has ended it', async () => (await statementsOf(mark)).length === 0, 5000)
    }))

  it('is lost when a statement misses its deadline, and says so to the calls behind', () =>
    withPool({ queryTimeoutMs: 100 }, async (pool) => {
      const connection = await pool.getConnection()
      const late = rejects(connection.query('SELECT SLEEP(30)'), 'HEGAR_QUERY_TIMEOUT')
      const behind = rejects(connection.query('SELECT 1'), 'HEGAR_CONNECTION_LOST')
      await late
      assert.match((await behind).message, /100 ms/)
      await connection.release()
      assert.deepEqual(await pool.query('SELECT 1 AS n'), [{ n: 1 }])
    }))

  it('survives wrong statements and parameters', () =>
    withPool({}, async (pool) => {
      const connection = await pool.getConnection()
      await rejects(connection.query('SELEC 1'), 'ER_PARSE_ERROR')
      await rejects(connection.query('SELECT ?', [undefined]), 'HEGAR_PARAM_INVALID')
      await rejects(connection.query('SELECT ?', []), 'HEGAR_PARAM_INVALID')
      assert.equal(await sessionOf(connection), connection.threadId)
      await connection.release()
      assert.equal(pool.stats().connections.created, 1)
    }))
})

describe('what a held connection leaves behind never reaches the next', () => {
  it('be it variables, temporary tables, locks, settings or another database', () =>
    withPool({}, async (pool) => {
      const leavings = [
        'SET @left = 1',
        'SET SESSION sql_mode = ""',
        'CREATE TEMPORARY TABLE left_behind (id INT)',
        `USE ${other}`,
        "SELECT GET_LOCK('left', 0)",
        'LOCK TABLES items WRITE',
      ]
      for (const sql of leavings) {
        const before = pool.stats().connections.resets
        const connection = await pool.getConnection()
        await connection.query(sql)
        await connection.release()
        assert.equal(pool.stats().connections.resets, before + 1, sql)
      }
      const [left] = await pool.query(
        "SELECT @left AS variable, @@sql_mode <> '' AS mode, DATABASE() AS db, IS_FREE_LOCK('left') AS free",
      )
      assert.deepEqual(left, { variable: null, mode: 1, db: options.database, free: 1 })
      await rejects(pool.query('SELECT * FROM left_behind'), 'ER_NO_SUCH_TABLE')
      await db.query('SELECT * FROM items')
      assert.equal(pool.stats().connections.created, 1)
    }))

  it('and an open transaction is rolled back and counted', () =>
    withPool({}, async (pool) => {
      const connection = await pool.getConnection()
      await connection.beginTransaction()
      await connection.execute('INSERT INTO items VALUES (1)')
      await connection.release()
      assert.deepEqual(await pool.query('SELECT * FROM items'), [])
      const { rollbacks, resets } = pool.stats().connections
      assert.deepEqual([rollbacks, resets], [1, 0])
      assert.match(pool.metricsText(), /^database_connection_rollbacks_total\{[^}]*\} 1$/m)
    }))

  it('nor does a transaction that was begun in words', () =>
    withPool({}, async (pool) => {
      const connection = await pool.getConnection()
      await connection.query('START TRANSACTION')
      await connection.execute('INSERT INTO items VALUES (2)')
      await connection.release()
      assert.deepEqual(await pool.query('SELECT * FROM items'), [])
      assert.equal(pool.stats().connections.rollbacks, 1)
    }))
})

describe('a transaction on a held connection', () => {
  it('commits and rolls back', () =>
    withPool({}, async (pool) => {
      const connection = await pool.getConnection()
      await connection.beginTransaction({ isolation: 'read committed' })
      await connection.execute('INSERT INTO items VALUES (10)')
      await connection.rollback()
      await connection.beginTransaction()
      await connection.execute('INSERT INTO items VALUES (11)')
      await connection.commit()
      await connection.execute('INSERT INTO items VALUES (12)')
      await connection.rollback()
      assert.deepEqual(await connection.query('SELECT id FROM items ORDER BY id'), [{ id: 11 }, { id: 12 }])
      await connection.execute('DELETE FROM items')
      await connection.release()
      assert.equal(pool.stats().connections.rollbacks, 0)
    }))

  it('is never committed by beginning another', () =>
    withPool({}, async (pool) => {
      const connection = await pool.getConnection()
      await connection.beginTransaction()
      await connection.execute('INSERT INTO items VALUES (20)')
      await rejects(connection.beginTransaction(), 'HEGAR_TRANSACTION_OPEN')
      await rejects(connection.beginTransaction({ isolation: 'serializable' }), 'HEGAR_TRANSACTION_OPEN')
      await connection.rollback()
      assert.deepEqual(await connection.query('SELECT id FROM items'), [])
      await connection.release()
    }))

  it('whose COMMIT has no answer may have been committed or not', async (t) => {
    const server = await rogueServer(t, async (session) => {
      await session.welcome()
      await session.serve((command, body) => {
        const sql = body.toString('latin1', 1)
        if (command === 0x16) return session.send(prepared(), column('a'))
        if (command === 0x17) return session.send(Buffer.from([1]), column('a'), row('x'), end({ status: 3 }))
        if (sql === 'COMMIT') return session.socket.destroy()
        return session.send(ok({ status: sql === 'START TRANSACTION' ? 3 : 2 }))
      })
    })
    const { host, port, user } = server
    const pool = createPool({ host, port, user, connectionLimit: 1 })
    t.after(() => pool.close({ drainMs: 0 }))
    const error = await rejects(
      pool.transaction((tx) => tx.query('SELECT a'), { retries: 3 }),
      'HEGAR_COMMIT_UNKNOWN',
    )
    assert.match(error.message, /may have been committed or not/)
    assert.equal(error.fatal, true)
    assert.equal(server.sessions.length, 1, 'it was not tried again')
  })
})

describe('closing the pool', () => {
  it('waits for held connections, whose calls go on', async () => {
    const pool = createPool({ ...options, connectionLimit: 2 })
    const connection = await pool.getConnection()
    const closing = pool.close({ drainMs: 5000 })
    await rejects(pool.query('SELECT 1'), 'HEGAR_POOL_CLOSED')
    await rejects(pool.getConnection(), 'HEGAR_POOL_CLOSED')
    assert.deepEqual(await connection.query('SELECT 1 AS n'), [{ n: 1 }])
    let isClosed = false
    closing.then(() => (isClosed = true))
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(isClosed, false)
    await connection.release()
    await closing
  })

  it('ends those that are not released within drainMs', async () => {
    const pool = createPool({ ...options, connectionLimit: 2 })
    const connection = await pool.getConnection()
    const busy = rejects(connection.query('SELECT SLEEP(30)'), 'HEGAR_POOL_CLOSED', 3000)
    const queued = rejects(connection.query('SELECT 1'), 'HEGAR_POOL_CLOSED', 3000)
    await until('it runs', async () => (await statementsOf(connection.threadId)).length === 1)
    await pool.close({ drainMs: 50 })
    await Promise.all([busy, queued])
    await rejects(connection.query('SELECT 1'), 'HEGAR_POOL_CLOSED')
    await connection.release()
    await until(
      'the server has ended it',
      async () => (await statementsOf(connection.threadId)).length === 0,
      1000,
    )
  })
})

describe('a connection that is held for too long', () => {
  it('is told with the line where it was taken', () =>
    withPool({ leakDetectionMs: 500 }, async (pool) => {
      const leaks = []
      pool.on('leak', (leak) => leaks.push(leak))
      const connection = await pool.getConnection()
      await until('it is told', () => leaks.length === 1)
      assert.deepEqual([leaks[0].threadId, leaks[0].heldMs], [connection.threadId, 500])
      assert.match(leaks[0].stack.split('\n')[0], /connection\.test\.js/)
      await connection.release()
      await pool.transaction(async () => {})
      await new Promise((resolve) => setTimeout(resolve, 600))
      assert.equal(leaks.length, 1, 'those that came back in time are not told')
      await isIdle(pool)
    }))

  it('is warned of when nobody listens', () =>
    withPool({ leakDetectionMs: 10 }, async (pool) => {
      const warnings = []
      process.once('warning', (warning) => warnings.push(warning))
      const connection = await pool.getConnection()
      const [warning] = await until('it is warned of', () => warnings.length > 0 && warnings)
      assert.deepEqual([warning.name, warning.code], ['HegarWarning', 'HEGAR_CONNECTION_LEAK'])
      assert.match(warning.message, /connection\.test\.js/)
      await connection.release()
    }))
})

async function statementsOf(threadId) {
  const rows = await db.query('SELECT info FROM information_schema.processlist WHERE id = ?', [threadId])
  return rows.map((row) => row.info)
}
