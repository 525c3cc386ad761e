'use strict'

// What only the promise API has: its wrappers, and the bridges to it from the callback API.

const { inspect } = require('node:util')

const prepare = []

const wrappers = {
  'the shape of a connection': async (_driver, session) => {
    const connection = await session.open()
    session.calls++
    session.log(
      'connection',
      connection,
      connection.connection,
      typeof connection.threadId,
      typeof connection.config,
    )
    session.log(
      'dispose',
      typeof connection[Symbol.asyncDispose],
      typeof connection.connection[Symbol.dispose],
    )
    session.log('Promise', connection.Promise === Promise)
    for (const method of [
      'query',
      'execute',
      'end',
      'destroy',
      'beginTransaction',
      'commit',
      'rollback',
      'ping',
      'reset',
      'connect',
      'prepare',
      'changeUser',
      'close',
      'escape',
      'escapeId',
      'format',
      'pause',
      'resume',
      'unprepare',
      'release',
      'pipe',
      'on',
    ])
      session.log(method, typeof connection[method])
  },
  'results are pairs': async (_driver, session) => {
    const connection = await session.open()
    const pair = await connection.query('SELECT 1 AS a')
    session.calls++
    session.log('pair', Array.isArray(pair), pair.length, Array.isArray(pair[0]), Array.isArray(pair[1]))
    const header = await connection.query('SET @a = 1')
    session.calls++
    session.log('header', Array.isArray(header), header.length, header[0], header[1])
  },
  'a callback is refused': async (_driver, session) => {
    const connection = await session.open()
    for (const method of ['query', 'execute']) {
      try {
        await connection[method]('SELECT 1', () => {})
      } catch (error) {
        session.log(method, error)
      }
      session.calls++
    }
  },
  'the stack of an error names the caller': async (_driver, session) => {
    const connection = await session.open()
    for (const method of ['query', 'execute']) {
      const error = await connection[method]('SELEC 1').catch((reason) => reason)
      session.calls++
      session.log(method, error.stack.includes('cases/promise.js'), error.stack.split('\n')[0])
    }
  },
  'no trace': async (_driver, session) => {
    const connection = await session.open({ trace: false })
    const error = await connection.query('SELEC 1').catch((reason) => reason)
    session.calls++
    session.log('stack', error.stack.includes('cases/promise.js'), error)
  },
  'await using': async (_driver, session) => {
    if (!Symbol.asyncDispose) return session.log('not in this Node')
    const connection = await session.open()
    session.calls++
    await connection[Symbol.asyncDispose]()
    await session.ask(connection, 'query', 'SELECT 1')
    await connection[Symbol.asyncDispose]()
    const pool = session.pool({})
    await session.ask(pool, 'query', 'SELECT 1')
    await pool[Symbol.asyncDispose]()
    await session.ask(pool, 'query', 'SELECT 1')
  },
  'events that are passed on': async (_driver, session) => {
    const connection = await session.open()
    for (const event of ['enqueue', 'drain', 'end']) connection.on(event, () => session.log(`event ${event}`))
    await session.ask(connection, 'query', 'SELECT 1')
    await session.ask(connection, 'end')
    await new Promise((resolve) => setTimeout(resolve, 40))
  },
  'a Promise of one’s own': async (_driver, session) => {
    class Mine extends Promise {}
    const connection = await session.open({ Promise: Mine })
    const asked = connection.query('SELECT 1')
    session.calls++
    session.log('mine', asked instanceof Mine)
    await asked
  },
  'many at once': async (_driver, session) => {
    const connection = await session.open()
    await Promise.all([
      session.ask(connection, 'query', 'SELECT 1 AS a'),
      session.ask(connection, 'query', 'SELEC'),
      session.ask(connection, 'execute', 'SELECT ? AS a', ['two']),
      session.ask(connection, 'query', 'SELECT 3 AS a'),
    ])
  },
  'connect again': async (_driver, session) => {
    const connection = await session.open()
    session.calls++
    session.log('connect', typeof (await connection.connect()))
  },
  'a column as it is printed': async (_driver, session) => {
    const connection = await session.open()
    const [, fields] = await connection.query('SELECT 1 AS a, "x" AS b, 1.5 AS c, NULL AS d, NOW() AS e')
    session.calls++
    session.log('fields', inspect(fields))
  },
}

const bridges = {
  'connection.promise()': async (_driver, session) => {
    const connection = await session.open()
    const promised = connection.promise()
    session.calls++
    session.log('connection', promised, promised.connection === connection)
    const [rows, fields] = await promised.query('SELECT ? AS a', [1])
    session.log('rows', rows)
    session.logFields('fields', fields)
    session.calls++
    const error = await promised.execute('SELEC').catch((reason) => reason)
    session.log('error', error)
    await promised.end()
  },
  'pool.promise()': async (_driver, session) => {
    const pool = session.pool({})
    const promised = pool.promise()
    session.calls++
    session.log('pool', promised, promised.pool === pool)
    const [rows] = await promised.query('SELECT 1 AS a')
    session.log('rows', rows)
    const connection = await promised.getConnection()
    session.log('connection', connection)
    session.calls++
    session.log('rows', await connection.execute('SELECT ? AS a', [2]).then(([rows]) => rows))
    connection.release()
  },
  'cluster.promise()': async (_driver, session) => {
    const cluster = session.cluster({})
    session.calls++
    session.log('promise', typeof cluster.promise)
  },
  'await of a query that is no promise': async (_driver, session) => {
    const connection = await session.open()
    const log = console.log
    // It prints its message too.
    console.log = () => {}
    try {
      await connection.query('SELECT 1')
    } catch (error) {
      session.log('await', error)
    } finally {
      console.log = log
    }
    session.calls++
  },
  'createConnectionPromise and createPoolPromise': async (driver, session) => {
    const connection = await driver.createConnectionPromise(session.options)
    session.calls++
    session.log('connection', connection)
    session.log('rows', await connection.query('SELECT 1 AS a').then(([rows]) => rows))
    await connection.end()
    const pool = driver.createPoolPromise(session.options)
    session.log('pool', pool)
    await pool.end()
  },
  'a column as it is printed': async (_driver, session) => {
    const connection = await session.open()
    const fields = await new Promise((resolve) => {
      connection.query('SELECT 1 AS a, "x" AS b, 1.5 AS c, NULL AS d, NOW() AS e', (_error, _rows, fields) =>
        resolve(fields),
      )
    })
    session.calls++
    session.log('fields', inspect(fields))
  },
}

function cases(api) {
  const group = { promise: wrappers, mysql2: bridges, mysql: {} }[api]
  return Object.entries(group).map(([name, run]) => ({ name, run }))
}

module.exports = { prepare, cases }
