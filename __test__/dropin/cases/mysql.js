'use strict'

// What only mysql has or does: the queue behind a connection, its errors, and queries as objects.

const { writeFileSync, rmSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')

const prepare = [
  'CREATE TABLE numbers (n INT PRIMARY KEY, t VARCHAR(20))',
  "INSERT INTO numbers VALUES (1, 'one'), (2, 'two'), (3, 'three')",
  'CREATE TABLE loaded (n INT, t VARCHAR(20))',
  "CREATE USER '{database}'@'%' IDENTIFIED BY 'right'",
  "GRANT ALL ON `{database}`.* TO '{database}'@'%'",
]
const cleanup = ["DROP USER IF EXISTS '{database}'@'%'"]

const EVENTS = ['connect', 'enqueue', 'drain', 'end', 'error']
const pause = (ms = 30) => new Promise((resolve) => setTimeout(resolve, ms))

function follow(session, connection) {
  for (const event of EVENTS) {
    connection.on(event, (value) =>
      session.log(`connection ${event}`, value instanceof Error ? value : value?.constructor.name),
    )
  }
  return connection
}

/** Calls and notes the answer as it comes: a promise of it settles later. */
function call(session, label, target, method, ...args) {
  session.calls++
  return new Promise((resolve) => {
    target[method](...args, (...given) => {
      session.log(`${label} calls back`, given.length, given[0], given[1])
      resolve(given)
    })
  })
}

const withConnection = {
  'a queue of all kinds': async (session, connection) => {
    follow(session, connection)
    await Promise.all([
      call(session, 'query', connection, 'query', 'SELECT 1 AS a'),
      call(session, 'ping', connection, 'ping'),
      call(session, 'changeUser', connection, 'changeUser', {}),
      call(session, 'end', connection, 'end'),
    ])
    await pause()
  },
  'a queue that drains twice': async (session, connection) => {
    follow(session, connection)
    await call(session, 'first', connection, 'query', 'SELECT 1 AS a')
    await pause()
    await Promise.all([
      call(session, 'second', connection, 'query', 'SELEC'),
      call(session, 'third', connection, 'query', 'SELECT 3 AS a'),
    ])
    await pause()
  },
  'a query with a callback and listeners': async (session, connection) => {
    for (const sql of ['SELECT 1 AS a', 'SELEC']) {
      await new Promise((resolve) => {
        const query = connection.query(sql, (error) => session.log('callback', error))
        for (const event of ['fields', 'result', 'error'])
          query.on(event, (value) => session.log(`event ${event}`, value))
        query.on('end', () => resolve(session.log('event end')))
      })
      session.calls++
    }
  },
  'a query that is awaited': async (session, connection) => {
    session.calls++
    const query = connection.query('SELECT 1')
    session.log('awaited', (await query) === query, typeof query.then)
  },
  'an error without callback or listener': async (session, connection) => {
    follow(session, connection)
    session.calls++
    connection.query('SELEC')
    await call(session, 'next', connection, 'query', 'SELECT 1 AS a')
  },
  'a refused query without callback or listener': async (session, connection) => {
    await call(session, 'end', connection, 'end')
    follow(session, connection)
    session.calls++
    connection.query('SELECT 1')
    connection.ping()
    connection.end()
    await pause()
  },
  'a refused query with a listener': async (session, connection) => {
    await call(session, 'end', connection, 'end')
    follow(session, connection)
    await session.follow(connection.query('SELECT 1'), ['error', 'end'])
  },
  'end and destroy': async (session, connection) => {
    follow(session, connection)
    await call(session, 'end', connection, 'end')
    connection.destroy()
    await call(session, 'query', connection, 'query', 'SELECT 1')
    session.log('state', connection.state)
  },
  'destroy tells nobody': async (session, connection) => {
    await call(session, 'query', connection, 'query', 'SELECT 1')
    follow(session, connection)
    connection.destroy()
    await pause()
    session.log('state', connection.state)
    await call(session, 'query', connection, 'query', 'SELECT 1')
    await call(session, 'connect', connection, 'connect')
  },
  'a query past its timeout and those behind it': async (session, connection) => {
    await call(session, 'query', connection, 'query', 'SELECT 0')
    follow(session, connection)
    await Promise.all([
      call(session, 'late', connection, 'query', { sql: 'SELECT SLEEP(0.3)', timeout: 50 }),
      call(session, 'next', connection, 'query', 'SELECT 2'),
    ])
    await call(session, 'after', connection, 'query', 'SELECT 3')
    session.log('state', connection.state)
  },
  'a ping past its timeout': async (session, connection) => {
    await call(session, 'query', connection, 'query', 'SELECT 0')
    connection.query('DO SLEEP(0.2)', () => {})
    await call(session, 'ping', connection, 'ping', { timeout: 5000 })
  },
  'changeUser twice': async (session, connection) => {
    const who = 'SELECT CURRENT_USER() AS user, DATABASE() AS db'
    await session.ask(connection, 'changeUser', { user: session.database, password: 'right' })
    await session.ask(connection, 'query', who)
    await session.ask(connection, 'changeUser', { database: 'information_schema' })
    await session.ask(connection, 'query', who)
    session.log('config', connection.config.user, connection.config.database)
  },
  'a changeUser that is refused and those behind it': async (session, connection) => {
    await call(session, 'query', connection, 'query', 'SELECT 0')
    follow(session, connection)
    await call(session, 'changeUser', connection, 'changeUser', { database: 'missing_database' })
    await call(session, 'after', connection, 'query', 'SELECT 3')
    session.log('state', connection.state)
  },
  'createQuery and query()': async (session, connection, driver) => {
    for (const make of [
      () => driver.createQuery('SELECT ? AS a', [1], () => {}),
      () => driver.createQuery({ sql: 'SELECT ? AS a', values: [1] }),
      () => driver.createQuery({ sql: 'SELECT ? AS a', values: [1] }, [2]),
      () => driver.createQuery('SELECT 1', null),
      () => driver.createQuery('SELECT 1', undefined, null),
      () => driver.createQuery('SELECT 1', [], 5),
      () => driver.createQuery('SELECT 1', () => {}, 5),
      () => driver.createQuery({ sql: 'SELECT 1', typeCast: undefined }),
      () => driver.createQuery({ sql: 'SELECT 1', typeCast: false }),
    ]) {
      session.calls++
      try {
        const { sql, values, typeCast } = make()
        session.log('made', sql, values, typeCast)
      } catch (error) {
        session.log('throws', error)
      }
    }
    await new Promise((resolve) => {
      const query = driver.createQuery('SELECT ? AS a', [5], (error, rows) =>
        resolve(session.log('ran', error, rows)),
      )
      session.log('the same', connection.query(query) === query, query.sql)
    })
  },
  'options that are inherited': async (session, connection) => {
    await session.ask(connection, 'query', Object.create({ sql: 'SELECT ? AS a', values: [1] }))
  },
  'typeCast that is no function': async (session, connection) => {
    for (const typeCast of [undefined, null, 0, 1, 'yes'])
      await session.ask(connection, 'query', { sql: 'SELECT 1 AS a, "x" AS b', typeCast })
  },
  'a typeCast that reads nothing, and several results': async (session, connection) => {
    const typeCast = (field, next) => (field.name === 'a' ? `a ${field.string()}` : next())
    await session.ask(connection, 'query', { sql: 'SELECT 1 AS a; SELECT 2 AS b', typeCast })
    await session.ask(connection, 'query', { sql: 'SELECT 1 AS a; SELEC', typeCast, nestTables: '_' })
  },
  'errors behind results': async (session, connection) => {
    for (const sql of [
      'SELECT 1 AS a; SET @x = 1; SELECT * FROM missing; SELECT 2',
      'SELECT * FROM numbers; SELECT (SELECT n FROM numbers)',
      'SET @x = 1; SELEC',
      'SELECT (SELECT n FROM numbers)',
      'SELECT n FROM numbers; SELECT n FROM numbers; SELECT missing()',
    ]) {
      await session.ask(connection, 'query', sql)
      await session.follow(connection.query(sql), ['fields', 'result', 'error', 'end'])
    }
  },
  'no text at all': async (session, connection) => {
    for (const sql of [undefined, null, '', {}, { sql: '' }, { sql: null, values: [1] }])
      await session.ask(connection, 'query', sql)
  },
  'LOAD DATA LOCAL': async (session, connection) => {
    const file = join(tmpdir(), `dropin-${process.pid}-${session.database}.csv`)
    writeFileSync(file, '1,one\n2,two\n')
    session.hide(file, 'file')
    const sql = "LOAD DATA LOCAL INFILE ? INTO TABLE loaded FIELDS TERMINATED BY ','"
    try {
      await session.ask(connection, 'query', 'TRUNCATE loaded')
      await session.ask(connection, 'query', sql, [file])
      await session.ask(connection, 'query', 'SELECT * FROM loaded')
      await session.follow(connection.query(sql, [file]), ['fields', 'result', 'error', 'end'])
      await session.ask(connection, 'query', sql, [`${file}.missing`])
      await session.follow(connection.query(sql, [`${file}.missing`]), ['fields', 'result', 'error', 'end'])
    } finally {
      rmSync(file)
    }
    await session.ask(connection, 'query', 'SELECT 1 AS a')
  },
}

const others = {
  'a refused handshake, its events and its queue': async (session) => {
    const connection = follow(session, session.connect({ database: 'missing_database' }))
    await Promise.all([
      call(session, 'connect', connection, 'connect'),
      call(session, 'query', connection, 'query', 'SELECT 1'),
    ])
    session.log('state', connection.state)
  },
  'a refused handshake that nobody hears of': async (session) => {
    const connection = follow(session, session.connect({ database: 'missing_database' }))
    session.calls++
    connection.connect()
    await pause(100)
    session.log('state', connection.state)
  },
  'a port without server, its events': async (session) => {
    const connection = follow(session, session.connect({ port: session.closedPort }))
    await call(session, 'query', connection, 'query', 'SELECT 1')
    session.log('state', connection.state)
  },
  'LOAD DATA LOCAL that is off': async (session) => {
    const connection = await session.open({ localInfile: false })
    await session.ask(connection, 'query', "LOAD DATA LOCAL INFILE '/nowhere' INTO TABLE loaded")
    await session.ask(connection, 'query', 'SELECT 1 AS a')
  },
  'pool: errors of a connection that nobody listens for': async (session) => {
    const pool = session.pool({ connectionLimit: 1 })
    const [, connection] = await session.ask(pool, 'getConnection')
    session.calls++
    connection.query('SELEC')
    await session.ask(connection, 'query', 'SELECT 1 AS a')
    connection.query('SELEC')
    await session.ask(connection, 'query', 'SELECT 2 AS a')
    connection.release()
    await session.ask(pool, 'query', 'SELECT 3 AS a')
  },
  'pool: another user for a while': async (session) => {
    const who = 'SELECT CURRENT_USER() AS user, DATABASE() AS db, @v AS v'
    const pool = session.pool({ connectionLimit: 1 })
    pool.on('connection', (connection) => connection.query('SET @v = 7'))
    const [, connection] = await session.ask(pool, 'getConnection')
    await session.ask(connection, 'changeUser', { user: session.database, password: 'right' })
    await session.ask(connection, 'query', who)
    session.log('config', connection.config.user, pool.config.connectionConfig.user)
    connection.release()
    await session.ask(pool, 'query', who)
    const [, next] = await session.ask(pool, 'getConnection')
    session.log('config', next === connection, next.config.user)
    next.release()
  },
  'pool: several statements and a failing one': async (session) => {
    const pool = session.pool({ multipleStatements: true })
    await session.ask(pool, 'query', 'SELECT 1 AS a')
    await session.ask(pool, 'query', 'SELECT 1 AS a; SELECT 2 AS b')
    await session.ask(pool, 'query', 'SELECT 1 AS a; SELECT * FROM missing')
    await session.ask(pool, 'query', { sql: '' })
  },
  'pool: a query past its timeout': async (session) => {
    const pool = session.pool({ connectionLimit: 1 })
    await session.ask(pool, 'query', 'SELECT 1 AS a')
    await session.ask(pool, 'query', { sql: 'SELECT SLEEP(0.3)', timeout: 50 })
    await session.ask(pool, 'query', 'SELECT 2 AS a')
  },
  'pool: release to another pool': async (session) => {
    const [one, other] = [session.pool({}), session.pool({})]
    const [, connection] = await session.ask(one, 'getConnection')
    try {
      other.releaseConnection(connection)
    } catch (error) {
      session.log('throws', error)
    }
    connection.release()
  },
  'pool: release behind destroy': async (session) => {
    const pool = session.pool({ connectionLimit: 1 })
    const [, connection] = await session.ask(pool, 'getConnection')
    connection.destroy()
    connection.release()
    await session.ask(pool, 'query', 'SELECT 1 AS a')
  },
  'cluster: a query that fails behind results': async (session) => {
    const cluster = session.cluster({})
    cluster.add('A', { ...session.options, multipleStatements: true })
    await session.ask(cluster.of('A'), 'query', 'SELECT 1 AS a; SELEC')
    await session.follow(cluster.of('A').query('SELEC'), ['error', 'end'])
    await session.follow(cluster.of('B').query('SELECT 1'), ['error', 'end'])
  },
}

function cases() {
  return [
    ...Object.entries(withConnection).map(([name, use]) => ({
      name,
      run: async (driver, session) =>
        use(session, session.connect({ multipleStatements: true, flags: 'LOCAL_FILES' }), driver),
    })),
    ...Object.entries(others).map(([name, use]) => ({
      name,
      run: (_driver, session) => use(session),
    })),
  ]
}

module.exports = { prepare, cleanup, cases }
