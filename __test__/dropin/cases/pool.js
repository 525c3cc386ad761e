'use strict'

const EVENTS = ['acquire', 'connection', 'enqueue', 'release', 'error']

const prepare = ['CREATE TABLE pooled (id INT PRIMARY KEY)', 'INSERT INTO pooled VALUES (1), (2)']

const pause = (ms = 30) => new Promise((resolve) => setTimeout(resolve, ms))

function watched(session, options) {
  const pool = session.pool(options)
  for (const event of EVENTS) pool.on(event, (...args) => session.log(`pool ${event}`, ...args))
  return pool
}

/** A connection of the pool; what the callback is given is observed. */
const take = async (session, pool) => {
  const [error, connection] = await session.ask(pool, 'getConnection')
  if (error) return null
  return connection
}

const shared = {
  'a query': async (session) => {
    // One connection, because that of the query before may still be on its way back, which is no difference to speak of.
    const pool = watched(session, { connectionLimit: 1 })
    await session.ask(pool, 'query', 'SELECT * FROM pooled')
    await session.ask(pool, 'query', 'SELECT ? AS a', [1])
    await session.ask(pool, 'query', { sql: 'SELECT ? AS a', values: [2] })
    await session.ask(pool, 'query', { sql: 'SELECT ? AS a' }, [3])
    await session.ask(pool, 'query', 'SET @a = 1')
    await session.ask(pool, 'end')
  },
  'a query that fails': async (session) => {
    const pool = watched(session, { connectionLimit: 1 })
    await session.ask(pool, 'query', 'SELEC 1')
    await session.ask(pool, 'query', 'SELECT 1')
  },
  'many queries at once and few connections': async (session) => {
    // Which of two connections is ready first is the server's to choose, so the events are not observed.
    const pool = session.pool({ connectionLimit: 2 })
    const seen = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => quietly(session, pool, `SELECT ${n} AS n`)))
    session.log('seen', seen)
  },
  'no more connections than the limit': async (session) => {
    const pool = session.pool({ connectionLimit: 3 })
    const ids = await Promise.all(
      Array.from({ length: 12 }, () => quietly(session, pool, 'SELECT CONNECTION_ID() AS id')),
    )
    session.log('connections', new Set(ids.map(([row]) => row.id)).size)
  },
  'getConnection, query, release': async (session) => {
    const pool = watched(session, { connectionLimit: 1 })
    const connection = await take(session, pool)
    await session.ask(connection, 'query', 'SELECT 1')
    connection.release()
    session.log('released')
    await session.ask(pool, 'query', 'SELECT 2')
  },
  'the state of a session stays across release': async (session) => {
    const pool = session.pool({ connectionLimit: 1 })
    const first = await take(session, pool)
    await session.ask(first, 'query', 'SET @kept = 42')
    await session.ask(first, 'query', 'CREATE TEMPORARY TABLE kept (a INT)')
    first.release()
    const second = await take(session, pool)
    await session.ask(second, 'query', 'SELECT @kept AS kept, (SELECT COUNT(*) FROM kept) AS n')
    session.log('the same', connectionOf(first) === connectionOf(second))
    second.release()
    await session.ask(pool, 'query', 'SELECT @kept AS kept')
  },
  'an open transaction stays across release': async (session) => {
    const pool = session.pool({ connectionLimit: 1 })
    const first = await take(session, pool)
    await session.ask(first, 'beginTransaction')
    await session.ask(first, 'query', 'INSERT INTO pooled VALUES (77)')
    first.release()
    const second = await take(session, pool)
    await session.ask(second, 'query', 'SELECT COUNT(*) AS n FROM pooled')
    await session.ask(second, 'rollback')
    second.release()
  },
  'which connection is taken next': async (session) => {
    const pool = session.pool({ connectionLimit: 3 })
    const taken = [await take(session, pool), await take(session, pool), await take(session, pool)]
    const ids = taken.map(({ threadId }) => threadId)
    for (const connection of [taken[1], taken[0], taken[2]]) {
      connection.release()
      // Connections of different threads may overtake each other on their way back.
      await pause(10)
    }
    const again = [await take(session, pool), await take(session, pool), await take(session, pool)]
    session.log(
      'order',
      again.map(({ threadId }) => ids.indexOf(threadId)),
    )
    for (const connection of again) connection.release()
  },
  'a queue': async (session) => {
    const pool = watched(session, { connectionLimit: 1 })
    const connection = await take(session, pool)
    const waiting = [1, 2].map((n) => session.ask(pool, 'query', `SELECT ${n} AS n`))
    await pause()
    session.log('release')
    connection.release()
    await Promise.all(waiting)
  },
  'a queue at its limit': async (session) => {
    const pool = watched(session, { connectionLimit: 1, queueLimit: 1 })
    const connection = await take(session, pool)
    const waiting = [
      session.ask(pool, 'query', 'SELECT "waits" AS a'),
      session.ask(pool, 'query', 'SELECT "too many" AS a'),
      session.ask(pool, 'getConnection'),
    ]
    await pause()
    connection.release()
    await Promise.all(waiting)
  },
  'no waiting for connections': async (session) => {
    const pool = watched(session, { connectionLimit: 1, waitForConnections: false })
    const connection = await take(session, pool)
    await session.ask(pool, 'query', 'SELECT 1')
    await session.ask(pool, 'getConnection')
    connection.release()
    await session.ask(pool, 'query', 'SELECT 2')
  },
  'a connection that is destroyed': async (session) => {
    const pool = watched(session, { connectionLimit: 1 })
    const connection = await take(session, pool)
    const { threadId } = connection
    connection.destroy()
    const next = await take(session, pool)
    session.log('another', next.threadId !== threadId)
    await session.ask(next, 'query', 'SELECT 1')
    next.release()
  },
  'a destroyed connection and a queue': async (session) => {
    const pool = watched(session, { connectionLimit: 1 })
    const connection = await take(session, pool)
    const waiting = session.ask(pool, 'query', 'SELECT "waited" AS a')
    await pause()
    connection.destroy()
    await waiting
  },
  end: async (session) => {
    const pool = watched(session, {})
    await session.ask(pool, 'query', 'SELECT 1')
    await session.ask(pool, 'end')
    await session.ask(pool, 'query', 'SELECT 2')
    await session.ask(pool, 'getConnection')
  },
  'end of a pool that was not used': async (session) => {
    const pool = session.pool({})
    await session.ask(pool, 'end')
  },
  'end with a queue': async (session) => {
    const pool = session.pool({ connectionLimit: 1 })
    const connection = await take(session, pool)
    const waiting = session.ask(pool, 'query', 'SELECT "waits" AS a')
    await pause()
    const ended = session.ask(pool, 'end')
    connection.release()
    // mysql calls those who wait back only at the release.
    await Promise.all([waiting, ended])
  },
  'a wrong password': async (session) => {
    const pool = watched(session, { password: 'wrong' })
    await session.ask(pool, 'query', 'SELECT 1')
    await session.ask(pool, 'getConnection')
  },
  'an unknown database': async (session) => {
    const pool = watched(session, { database: 'missing_database' })
    await session.ask(pool, 'query', 'SELECT 1')
  },
  'a port without server': async (session) => {
    const pool = watched(session, { port: session.closedPort })
    await session.ask(pool, 'query', 'SELECT 1')
    await session.ask(pool, 'getConnection')
  },
  'a connection that the server has ended': async (session) => {
    const pool = session.pool({ connectionLimit: 1 })
    const id = (await quietly(session, pool, 'SELECT CONNECTION_ID() AS id'))[0].id
    const killer = await session.open()
    await quietly(session, killer, `KILL ${id}`)
    await pause(60)
    await session.ask(pool, 'query', 'SELECT 1')
    const next = (await quietly(session, pool, 'SELECT CONNECTION_ID() AS id'))[0].id
    session.log('another', next !== id)
  },
  'options that shape rows': async (session) => {
    const pool = session.pool({
      timezone: 'Z',
      dateStrings: ['DATE'],
      supportBigNumbers: true,
      multipleStatements: true,
    })
    await session.ask(
      pool,
      'query',
      "SELECT DATE '2024-01-02' AS d, TIMESTAMP '2024-01-02 03:04:05' AS t; SELECT 9007199254740993 AS b",
    )
    await session.ask(pool, 'query', { sql: 'SELECT id FROM pooled', nestTables: true })
    await session.ask(pool, 'query', 'SELECT ? AS d', [new Date(0)])
  },
  'escape, escapeId and format': async (session) => {
    const pool = session.pool({ timezone: '+02:00' })
    session.log(
      'escape',
      pool.escape("it's"),
      pool.escape(new Date(0)),
      pool.escape({ a: 1 }),
      pool.escape([1, 'b']),
    )
    session.log('escapeId', pool.escapeId('a.b'), pool.escapeId(['a', 'b`c']))
    if (pool.format) session.log('format', pool.format('SELECT ?? = ?', ['a', new Date(0)]))
    await session.ask(pool, 'end')
  },
  'a session set up on connection': async (session) => {
    const pool = session.pool({ connectionLimit: 1 })
    pool.on('connection', (connection) => connection.query('SET @set_up = 1'))
    await session.ask(pool, 'query', 'SELECT @set_up AS v')
    await session.ask(pool, 'query', 'SELECT @set_up AS v')
  },
}

const callbacks = {
  'a query without a callback': async (session) => {
    const pool = watched(session, { connectionLimit: 1 })
    await session.follow(pool.query('SELECT * FROM pooled'), ['fields', 'result', 'error', 'end'])
    await session.follow(pool.query('SELEC'), ['fields', 'result', 'error', 'end'])
    await session.ask(pool, 'query', 'SELECT 1')
  },
  'a stream': async (session) => {
    const pool = session.pool({ connectionLimit: 1 })
    const stream = pool.query('SELECT * FROM pooled').stream()
    await session.follow(stream, ['data', 'end'])
    await session.ask(pool, 'query', 'SELECT 1')
  },
  'release twice': async (session) => {
    const pool = watched(session, { connectionLimit: 2 })
    const connection = await take(session, pool)
    connection.release()
    try {
      connection.release()
      session.log('second release is quiet')
    } catch (error) {
      session.log('second release', error)
    }

    await session.ask(pool, 'query', 'SELECT 1')
  },
  'pool.releaseConnection': async (session) => {
    const pool = watched(session, { connectionLimit: 1 })
    const connection = await take(session, pool)
    pool.releaseConnection(connection)
    await session.ask(pool, 'query', 'SELECT 1')
  },
  'the order of callbacks and events': async (session) => {
    const pool = watched(session, { connectionLimit: 1 })
    await new Promise((resolve) => {
      pool.getConnection((_error, connection) => {
        session.log('got first')
        pool.getConnection((_error, next) => {
          session.log('got second', next === connection)
          next.release()
          session.log('after second release')
          resolve()
        })
        session.log('asked second')
        connection.query('SELECT 1', () => {
          session.log('queried')
          connection.release()
          session.log('after release')
        })
      })
      session.log('asked first')
    })
    session.calls += 3
    await pause()
  },
  'changeUser of a pooled connection': async (session) => {
    const pool = watched(session, { connectionLimit: 1 })
    const connection = await take(session, pool)
    await session.ask(connection, 'changeUser', { database: 'information_schema' })
    await session.ask(connection, 'query', 'SELECT DATABASE() AS db')
    connection.release()
    await session.ask(pool, 'query', 'SELECT DATABASE() AS db')
  },
}

const mysql2Only = {
  'an execute': async (session) => {
    const pool = watched(session, { connectionLimit: 1 })
    await session.ask(pool, 'execute', 'SELECT ? AS a', ['one'])
    await session.ask(pool, 'execute', 'SELECT 1 AS a')
    await session.ask(pool, 'execute', { sql: 'SELECT ? AS a', values: ['two'] })
    await session.ask(pool, 'execute', 'SELECT * FROM missing_table')
    await session.ask(pool, 'execute', 'SELECT ? AS a', [undefined])
    await session.ask(pool, 'execute', 'SELECT ? AS a', ['three'])
  },
  'named placeholders': async (session) => {
    const pool = session.pool({ namedPlaceholders: true })
    await session.ask(pool, 'query', 'SELECT :a AS a', { a: 1 })
    await session.ask(pool, 'execute', 'SELECT :a AS a', { a: 'two' })
  },
  resetOnRelease: async (session) => {
    const pool = session.pool({ connectionLimit: 1, resetOnRelease: true })
    await session.ask(pool, 'query', 'SET @kept = 1')
    await session.ask(pool, 'query', 'SELECT @kept AS kept')
  },
}

const promises = {
  'the shape of a pool': async (session) => {
    const pool = session.pool({})
    session.log('pool', pool, pool.pool, typeof pool[Symbol.asyncDispose])
    const connection = await take(session, pool)
    session.log('connection', connection, connection.connection, typeof connection[Symbol.asyncDispose])
    pool.releaseConnection(connection)
    await session.ask(pool, 'end')
  },
}

const quietly = async (session, target, sql) => {
  session.calls++
  if (session.api === 'promise') return (await target.query(sql))[0]
  return new Promise((resolve, reject) =>
    target.query(sql, (error, rows) => (error ? reject(error) : resolve(rows))),
  )
}

const connectionOf = (connection) => connection.connection ?? connection

function cases(api) {
  const groups = {
    mysql: [shared, callbacks],
    mysql2: [shared, callbacks, mysql2Only],
    promise: [shared, mysql2Only, promises],
  }
  return groups[api].flatMap((group) =>
    Object.entries(group).map(([name, use]) => ({
      name: `pool: ${name}`,
      run: (_driver, session) => use(session),
    })),
  )
}

module.exports = { prepare, cases }
