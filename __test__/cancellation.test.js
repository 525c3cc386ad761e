'use strict'

const { getEventListeners } = require('node:events')
const { after, before, describe, it } = require('node:test')
const assert = require('node:assert/strict')
const { setTimeout: sleep } = require('node:timers/promises')
const { createPool } = require('../index.js')
const { ownServer } = require('./support/own-server.js')
const { rejects, until } = require('./support/outcome.js')
const { testServer } = require('./support/server.js')

let options
let admin
let marks = 0
// Far from the 30 s that the statements sleep. How soon it is in truth is measured in a test of its own.
const ENDED_MS = 5000
before(async () => {
  const server = await testServer()
  const { host, port, user, password } = server
  options = { host, port, user, password, database: await server.database() }
  admin = createPool({ host, port, user, password })
})
after(() => admin.close())

async function withPool(extra, use) {
  const pool = createPool({ ...options, connectionLimit: 1, ...extra })
  try {
    return await use(pool)
  } finally {
    await pool.close({ drainMs: 1000 })
  }
}

// A statement that the processlist shows by a mark of its own.
function marked(sql) {
  const mark = `cancel_${process.pid}_${++marks}`
  const isRunning = async () => {
    const [{ n }] = await admin.query(
      'SELECT COUNT(*) AS n FROM information_schema.processlist WHERE info LIKE ? AND id <> CONNECTION_ID()',
      [`%${mark}%`],
    )
    return n > 0
  }
  return {
    sql: sql.replace(/^(\w+)/, `$1 /* ${mark} */`),
    starts: () => until('the server runs it', isRunning),
    ends: () => until('the server has ended it', async () => !(await isRunning()), ENDED_MS),
  }
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1]
// Both are connected already when a deadline begins, within which the statement has to be seen.
const warm = (pool) => Promise.all([pool.query('SELECT 1'), admin.query('SELECT 1')])
const connectionId = async (queries) => (await queries.queryOne('SELECT CONNECTION_ID() AS id')).id
const isIdle = (pool) => until('the connection is back', () => pool.stats().pool.active === 0, 3000)

describe('a signal', () => {
  it('that is aborted already rejects the call before anything is sent, with its reason as the cause', () =>
    withPool({}, async (pool) => {
      const reason = new Error('the client has left')
      const error = await rejects(
        pool.query('SELECT 1', [], { signal: AbortSignal.abort(reason) }),
        'HEGAR_ABORTED',
      )
      assert.equal(error.cause, reason)
      assert.equal(error.fatal, false)
      assert.equal(error.sql, 'SELECT 1')
      assert.match(error.stack, /cancellation\.test\.js/)
      assert.equal(pool.stats().connections.created, 0)
    }))

  it('ends a running statement on the server and keeps its connection', () =>
    withPool({}, async (pool) => {
      const id = await connectionId(pool)
      const statement = marked('SELECT SLEEP(30)')
      const controller = new AbortController()
      const call = pool.query(statement.sql, [], { signal: controller.signal })
      await statement.starts()
      controller.abort()
      const error = await rejects(call, 'HEGAR_ABORTED')
      assert.equal(error.cause, controller.signal.reason)
      await statement.ends()
      await isIdle(pool)
      assert.equal(await connectionId(pool), id)
      const { connections, errors } = pool.stats()
      assert.equal(connections.created, 1)
      assert.equal(errors.HEGAR_ABORTED, 1)
    }))

  // A machine that others use as well stops now and then, so the median of a few counts.
  it('is answered at once and carried out on the server within a second', () =>
    withPool({}, async (pool) => {
      const answered = []
      const ended = []
      for (let round = 0; round < 5; round++) {
        const statement = marked('SELECT SLEEP(30)')
        const controller = new AbortController()
        const call = pool.query(statement.sql, [], { signal: controller.signal })
        await statement.starts()
        const started = performance.now()
        controller.abort()
        await rejects(call, 'HEGAR_ABORTED')
        answered.push(performance.now() - started)
        await statement.ends()
        ended.push(performance.now() - started)
      }
      assert.ok(median(answered) < 50, `the calls were answered after ${answered} ms`)
      assert.ok(median(ended) < 1000, `the statements were gone after ${ended} ms`)
    }))

  it('takes a waiting call out of the queue, which costs no connection and makes room for another', () =>
    withPool({ queueLimit: 1 }, async (pool) => {
      const holder = await pool.getConnection()
      const controller = new AbortController()
      const waiting = pool.query('SELECT 1', [], { signal: controller.signal })
      await rejects(pool.query('SELECT 2'), 'HEGAR_QUEUE_FULL')
      controller.abort()
      await rejects(waiting, 'HEGAR_ABORTED')
      assert.equal(pool.stats().pool.waiting, 0)
      const next = pool.query('SELECT 3 AS n')
      await holder.release()
      assert.deepEqual(await next, [{ n: 3 }])
      assert.equal(pool.stats().connections.created, 1)
    }))

  it('ends a thousand waiting calls at once, without a warning, and leaves no listener behind', () =>
    withPool({}, async (pool) => {
      const warnings = []
      const onWarning = (warning) => warnings.push(warning)
      process.on('warning', onWarning)
      const holder = await pool.getConnection()
      const controller = new AbortController()
      const { signal } = controller
      const calls = Array.from({ length: 1000 }, () =>
        rejects(pool.query('SELECT 1', [], { signal }), 'HEGAR_ABORTED'),
      )
      controller.abort()
      await Promise.all(calls)
      assert.equal(pool.stats().pool.waiting, 0)
      assert.equal(getEventListeners(signal, 'abort').length, 0)
      await sleep(0)
      process.off('warning', onWarning)
      assert.deepEqual(warnings, [])
      await holder.release()
    }))

  it('changes nothing when the call is done, and its listener is gone', () =>
    withPool({}, async (pool) => {
      const controller = new AbortController()
      const { signal } = controller
      assert.deepEqual(await pool.query('SELECT 1 AS n', [], { signal }), [{ n: 1 }])
      await assert.rejects(pool.query('SELECT nothing', [], { signal }), { code: 'ER_BAD_FIELD_ERROR' })
      assert.equal(getEventListeners(signal, 'abort').length, 0)
      controller.abort()
      assert.deepEqual(await pool.query('SELECT 2 AS n'), [{ n: 2 }])
    }))

  it('ends every kind of call', () =>
    withPool({ connectionLimit: 6 }, async (pool) => {
      const controller = new AbortController()
      const { signal } = controller
      const statement = marked('SELECT SLEEP(30) AS s')
      const page = { page: 1, limit: 10, signal }
      const calls = [
        pool.queryOne(statement.sql, [], { signal }),
        pool.execute('DO SLEEP(30)', [], { signal }),
        pool.queryJson(statement.sql, [], { signal }),
        pool.paginate(statement.sql, [], page),
        pool.paginateJson(statement.sql, [], page),
      ].map((call) => rejects(call, 'HEGAR_ABORTED'))
      await until('all connections are busy', () => pool.stats().pool.active === 6)
      await statement.starts()
      controller.abort()
      await Promise.all(calls)
      await statement.ends()
      await isIdle(pool)
      assert.equal(pool.stats().pool.inFlight, 0)
    }))

  it('never ends the statement that runs next on the connection', () =>
    withPool({ pipelining: false }, async (pool) => {
      for (let round = 0; round < 60; round++) {
        const controller = new AbortController()
        // Around the moment at which a statement that has been left is ended by force.
        const call = pool.query('SELECT SLEEP(?)', [0.015 + Math.random() * 0.02], {
          signal: controller.signal,
        })
        await sleep(1)
        controller.abort()
        // On a busy machine it may have ended by itself before.
        await call.catch((error) => assert.equal(error.code, 'HEGAR_ABORTED'))
        assert.deepEqual(await pool.query('SELECT SLEEP(0.001) AS s, ? AS round', [round]), [{ s: 0, round }])
      }
      assert.ok(pool.stats().errors.HEGAR_ABORTED > 0, 'some were ended')
    }))

  it('leaves the answers of others right that share a write with it', () =>
    withPool({ connectionLimit: 2 }, async (pool) => {
      for (let call = 0; call < 10; call++) await pool.query('SELECT ? AS n', [call])
      // A machine that has other things to do makes the statement a slow one for a while, which shares no write.
      const pipelined = () => pool.stats().statements.pipelined
      const last = performance.now() + 10_000
      for (let round = 0; round < 50 || (pipelined() === 0 && performance.now() < last); round++) {
        const controllers = Array.from({ length: 60 }, () => new AbortController())
        const calls = controllers.map(({ signal }, n) =>
          pool.query('SELECT ? AS n', [n], { signal }).then(
            (rows) => assert.deepEqual(rows, [{ n }]),
            (error) => assert.equal(error.code, 'HEGAR_ABORTED'),
          ),
        )
        for (const [index, controller] of controllers.entries()) {
          if (index % 3 === round % 3) controller.abort()
        }
        await Promise.all(calls)
      }
      assert.ok(pipelined() > 0, 'some shared a write')
      assert.equal(pool.stats().connections.created, 2)
    }))
})

describe('timeoutMs', () => {
  it('ends a running statement on the server and keeps its connection', () =>
    withPool({}, async (pool) => {
      const id = await connectionId(pool)
      const statement = marked('SELECT SLEEP(30)')
      await warm(pool)
      const call = rejects(pool.query(statement.sql, [], { timeoutMs: 1500 }), 'HEGAR_QUERY_TIMEOUT')
      await statement.starts()
      const error = await call
      assert.match(error.message, /1500 ms \(timeoutMs\)/)
      assert.equal(error.fatal, false)
      await statement.ends()
      await isIdle(pool)
      assert.equal(await connectionId(pool), id)
      assert.equal(pool.stats().queries.timeouts, 1)
    }))

  it('counts the wait for a connection', () =>
    withPool({}, async (pool) => {
      const holder = await pool.getConnection()
      await rejects(pool.queryJson('SELECT 1', [], { timeoutMs: 100 }), 'HEGAR_QUERY_TIMEOUT', 1000)
      assert.equal(pool.stats().pool.waiting, 0)
      await holder.release()
    }))

  it('stands in place of the deadline of the pool, shorter or longer', () =>
    withPool({ queryTimeoutMs: 150 }, async (pool) => {
      assert.deepEqual(await pool.query('SELECT SLEEP(0.4) AS s', [], { timeoutMs: 5000 }), [{ s: 0 }])
      await rejects(pool.query('SELECT SLEEP(30)'), 'HEGAR_QUERY_TIMEOUT', 1500)
      await rejects(pool.query('SELECT SLEEP(30)', [], { timeoutMs: 0 }), 'HEGAR_QUERY_TIMEOUT', 1500)
    }))

  it('is kept while the event loop is blocked', () =>
    withPool({}, async (pool) => {
      const statement = marked('SELECT SLEEP(30)')
      await warm(pool)
      const call = rejects(pool.query(statement.sql, [], { timeoutMs: 1500 }), 'HEGAR_QUERY_TIMEOUT')
      await statement.starts()
      // Blocks, and leaves the processor to others.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2300)
      const [{ n }] = await admin.query(
        "SELECT COUNT(*) AS n FROM information_schema.processlist WHERE info LIKE '%/* cancel_%' AND info LIKE '%SLEEP(30)%' AND id <> CONNECTION_ID()",
      )
      assert.equal(n, 0, 'the server has ended it while nobody could ask for it')
      await call
    }))

  it('holds when the server answers nothing any more, and the pool recovers', async () => {
    const server = await ownServer()
    const pool = createPool({ ...server.options, connectionLimit: 1, connectTimeoutMs: 500 })
    try {
      await pool.query('SELECT 1')
      await server.pause()
      await rejects(pool.query('SELECT 2', [], { timeoutMs: 200 }), 'HEGAR_QUERY_TIMEOUT', 1000)
      server.current.kill('SIGCONT')
      await until('the pool serves again', () =>
        pool.query('SELECT 3', [], { timeoutMs: 1000 }).then(
          () => true,
          () => false,
        ),
      )
      assert.equal(pool.stats().pool.total, 1)
    } finally {
      await pool.close({ drainMs: 0 })
      await server.remove()
    }
  })
})

describe('a held connection', () => {
  it('goes on in its transaction after a statement of it was aborted', () =>
    withPool({}, async (pool) => {
      await pool.execute('DROP TABLE IF EXISTS kept')
      await pool.execute('CREATE TABLE kept (n INT)')
      await pool.transaction(async (tx) => {
        await tx.execute('INSERT INTO kept VALUES (1)')
        const statement = marked('SELECT SLEEP(30)')
        const controller = new AbortController()
        const call = tx.query(statement.sql, [], { signal: controller.signal })
        // Waits behind the other one in the session, and is not run when it has been left.
        const behind = tx.execute('INSERT INTO kept VALUES (99)', [], { signal: controller.signal })
        await statement.starts()
        controller.abort()
        await rejects(call, 'HEGAR_ABORTED')
        await rejects(behind, 'HEGAR_ABORTED')
        await statement.ends()
        await tx.execute('INSERT INTO kept VALUES (2)')
      })
      assert.deepEqual(await pool.query('SELECT n FROM kept ORDER BY n'), [{ n: 1 }, { n: 2 }])
      assert.equal(pool.stats().connections.created, 1)
    }))

  it('is waited for until the signal or timeoutMs', () =>
    withPool({}, async (pool) => {
      const holder = await pool.getConnection()
      const controller = new AbortController()
      const { signal } = controller
      const waits = [
        rejects(pool.getConnection({ signal }), 'HEGAR_ABORTED'),
        rejects(pool.begin({ signal, isolation: 'serializable' }), 'HEGAR_ABORTED'),
        rejects(pool.getConnection({ timeoutMs: 100 }), 'HEGAR_POOL_TIMEOUT', 1000),
      ]
      controller.abort()
      await Promise.all(waits)
      assert.equal(pool.stats().pool.waiting, 0)
      await holder.release()
      const connection = await pool.getConnection({ signal: new AbortController().signal, timeoutMs: 1000 })
      await connection.release()
    }))
})

describe('a transaction with limits', () => {
  it('is rolled back when its signal is aborted, whatever its function waits for', () =>
    withPool({}, async (pool) => {
      await pool.execute('DROP TABLE IF EXISTS undone')
      await pool.execute('CREATE TABLE undone (n INT)')
      const controller = new AbortController()
      const statement = marked('SELECT SLEEP(30)')
      const call = pool.transaction(
        async (tx) => {
          await tx.execute('INSERT INTO undone VALUES (1)')
          await tx.query(statement.sql)
        },
        { signal: controller.signal, retries: 5 },
      )
      await statement.starts()
      controller.abort(new Error('closed'))
      const error = await rejects(call, 'HEGAR_ABORTED')
      assert.equal(error.cause.message, 'closed')
      assert.match(error.stack, /cancellation\.test\.js/)
      await statement.ends()
      await isIdle(pool)
      assert.deepEqual(await pool.query('SELECT * FROM undone'), [])
    }))

  it('is rolled back past timeoutMs while its function does something else', () =>
    withPool({}, async (pool) => {
      const call = pool.transaction(() => new Promise(() => {}), { timeoutMs: 150 })
      const error = await rejects(call, 'HEGAR_QUERY_TIMEOUT', 1000)
      assert.match(error.message, /150 ms/)
      await isIdle(pool)
      assert.equal((await pool.queryOne('SELECT 1 AS n')).n, 1)
    }))

  it('tells that nobody knows when its connection is lost while it commits, though its time was up before', async () => {
    const server = await ownServer()
    const pool = createPool({ ...server.options, connectionLimit: 1, connectTimeoutMs: 500 })
    try {
      await pool.query('SELECT 1')
      let isCommitting = false
      const call = pool.transaction(
        async (tx) => {
          await tx.query('SELECT 1')
          await server.pause()
          isCommitting = true
        },
        { timeoutMs: 3000 },
      )
      // Rejects as soon as the server is gone.
      call.catch(() => {})
      await until('it commits', () => isCommitting)
      await sleep(3200)
      await server.crash()
      const error = await rejects(call, 'HEGAR_COMMIT_UNKNOWN')
      assert.match(error.message, /may have been committed or not/)
    } finally {
      await pool.close({ drainMs: 0 })
      await server.remove()
    }
  })

  it('may share its signal with many others, without a warning', () =>
    withPool({ connectionLimit: 20 }, async (pool) => {
      const warnings = []
      const onWarning = (warning) => warnings.push(warning)
      process.on('warning', onWarning)
      const controller = new AbortController()
      const { signal } = controller
      const calls = Array.from({ length: 20 }, () =>
        rejects(
          pool.transaction((tx) => tx.query('SELECT SLEEP(30)'), { signal }),
          'HEGAR_ABORTED',
        ),
      )
      await until('all run', () => pool.stats().pool.active === 20)
      controller.abort()
      await Promise.all(calls)
      assert.equal(getEventListeners(signal, 'abort').length, 0)
      await sleep(0)
      process.off('warning', onWarning)
      assert.deepEqual(warnings, [])
    }))

  it('does not begin with a signal that is aborted, and waits for a connection within its limits', () =>
    withPool({}, async (pool) => {
      let runs = 0
      const fn = () => {
        runs++
      }
      await rejects(pool.transaction(fn, { signal: AbortSignal.abort() }), 'HEGAR_ABORTED')
      const holder = await pool.getConnection()
      await rejects(pool.transaction(fn, { timeoutMs: 100 }), 'HEGAR_QUERY_TIMEOUT', 1000)
      assert.equal(pool.stats().pool.waiting, 0)
      await holder.release()
      await pool.transaction(fn, { timeoutMs: 5000, signal: new AbortController().signal })
      assert.equal(runs, 1)
    }))
})

describe('limits of the wrong kind', () => {
  const cases = [
    [{ signal: {} }, 'HEGAR_OPTION_INVALID', /'signal' must be an AbortSignal, but is an object/],
    [{ signal: null }, 'HEGAR_OPTION_INVALID', /'signal'.*null/],
    [{ timeoutMs: -1 }, 'HEGAR_OPTION_INVALID', /'timeoutMs'.*0 to 2147483647/],
    [{ timeoutMs: NaN }, 'HEGAR_OPTION_INVALID', /'timeoutMs'/],
    [{ timeoutMs: 2 ** 31 }, 'HEGAR_OPTION_INVALID', /'timeoutMs'/],
    [{ timeout: 5 }, 'HEGAR_OPTION_UNKNOWN', /query has no option 'timeout': did you mean 'timeoutMs'/],
    [7, 'HEGAR_OPTION_INVALID', /'query: options' must be an object/],
  ]
  for (const [bad, code, message] of cases) {
    it(`are refused before anything is sent: ${JSON.stringify(bad)}`, () =>
      withPool({}, async (pool) => {
        const error = await rejects(pool.query('SELECT 1', [], bad), code)
        assert.match(error.message, message)
        assert.equal(pool.stats().connections.created, 0)
      }))
  }
})
