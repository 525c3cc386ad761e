'use strict'

// Queries without a callback, their events, and streams. Only of the callback APIs.

const { Writable } = require('node:stream')
const { pipeline } = require('node:stream/promises')

const prepare = [
  'CREATE TABLE entries (id INT PRIMARY KEY, text VARCHAR(20))',
  "INSERT INTO entries VALUES (1, 'one'), (2, 'two'), (3, 'three')",
  'CREATE PROCEDURE two_sets() BEGIN SELECT 1 AS a; SELECT 2 AS b; END',
]

const EVENTS = ['fields', 'result', 'error', 'end']
const many = (n) => `SELECT seq AS n, CONCAT('row ', seq) AS t FROM seq_1_to_${n}`

const queries = [
  'SELECT * FROM entries',
  'SELECT * FROM entries WHERE id = 99',
  'SET @a = 1',
  'UPDATE entries SET text = text',
  'SELECT 1 AS a; SET @b = 2; SELECT 3 AS c, 4 AS d',
  'SET @a = 1; SET @b = 2',
  'SELEC 1',
  'SELECT 1 AS a; SELECT * FROM missing_table; SELECT 2 AS b',
  'CALL two_sets()',
  'SELECT * FROM entries; SELECT * FROM entries WHERE id = 99',
]

function cases(api) {
  const isMysql = api === 'mysql'
  const list = []
  const add = (name, run, options = { multipleStatements: true }) =>
    list.push({ name, run: async (driver, session) => run(session, await session.open(options), driver) })

  for (const sql of queries) {
    add(`events of ${sql}`, async (session, connection) => {
      await session.follow(connection.query(sql), EVENTS)
      await session.ask(connection, 'query', 'SELECT "alive" AS state')
    })
    add(`stream of ${sql}`, async (session, connection) => {
      const stream = connection.query(sql).stream()
      await followStream(session, stream)
      await session.ask(connection, 'query', 'SELECT "alive" AS state')
    })
    add(`events with a callback of ${sql}`, async (session, connection) => {
      const query = connection.query(sql, (...args) => session.log('callback', args.length, args[0], args[1]))
      await session.follow(query, EVENTS)
      await session.ask(connection, 'query', 'SELECT "alive" AS state')
    })
  }
  if (!isMysql) {
    for (const sql of queries.filter((sql) => !sql.includes(';'))) {
      add(`events of execute of ${sql}`, async (session, connection) => {
        await session.follow(connection.execute(sql), EVENTS)
        await session.ask(connection, 'query', 'SELECT "alive" AS state')
      })
      add(`stream of execute of ${sql}`, async (session, connection) => {
        await followStream(session, connection.execute(sql).stream())
        await session.ask(connection, 'query', 'SELECT "alive" AS state')
      })
    }
  }
  add('events of queries in a queue', async (session, connection) => {
    await Promise.all([
      session.follow(connection.query('SELECT 1 AS a'), EVENTS, 'end', 'first '),
      session.follow(connection.query('SELEC'), EVENTS, 'end', 'second '),
      session.follow(connection.query('SELECT * FROM entries'), EVENTS, 'end', 'third '),
    ])
  })
  add(
    'an error that no listener takes',
    async (session, connection) => {
      connection.query('SELEC 1').on('end', () => session.log('end'))
      session.calls++
      await session.ask(connection, 'query', 'SELECT "alive" AS state')
    },
    undefined,
  )
  // mysql2 throws for an 'error' event without a listener, which ends the process; mysql gives it to the connection.
  if (!isMysql) list.pop()
  add('events of rows as objects of options', async (session, connection) => {
    await session.follow(connection.query({ sql: 'SELECT * FROM entries', nestTables: true }), EVENTS)
    await session.follow(connection.query({ sql: 'SELECT ? AS v', values: [5] }), EVENTS)
    await session.follow(connection.query('SELECT ? AS v', [6]), EVENTS)
  })
  for (const highWaterMark of [undefined, 1, 16]) {
    add(`stream of many rows with highWaterMark ${highWaterMark}`, async (session, connection) => {
      const stream = connection.query(many(2000)).stream(highWaterMark && { highWaterMark })
      session.calls++
      let sum = 0
      let rows = 0
      await pipeline(
        stream,
        new Writable({
          objectMode: true,
          highWaterMark: 1,
          write(row, _encoding, done) {
            rows++
            sum += row.n
            if (rows % 100 === 0) setImmediate(done)
            else done()
          },
        }),
      )
      session.log('seen', rows, sum)
      await session.ask(connection, 'query', 'SELECT "alive" AS state')
    })
    // mysql's streams are of a library of its time, which knows no iterators.
    if (isMysql) continue
    add(`stream with highWaterMark ${highWaterMark} read by for await`, async (session, connection) => {
      const stream = connection.query(many(50)).stream(highWaterMark && { highWaterMark })
      session.calls++
      const rows = []
      for await (const row of stream) rows.push(row)
      session.log('rows', rows)
      session.log('stream', stream.readableHighWaterMark, stream.readableObjectMode, stream.readableEnded)
    })
  }
  add('pause and resume of a connection', async (session, connection) => {
    const query = connection.query(many(500))
    session.calls++
    const seen = { rows: 0, sum: 0, pauses: 0, whilePaused: 0 }
    let paused = false
    query.on('result', (row) => {
      seen.rows++
      seen.sum += row.n
      if (paused) seen.whilePaused++
      if (row.n % 100 !== 0) return
      seen.pauses++
      paused = true
      connection.pause()
      setTimeout(() => {
        paused = false
        connection.resume()
      }, 5)
    })
    await new Promise((resolve) => query.on('end', resolve))
    session.log('seen', seen)
  })
  add('a stream that is destroyed early', async (session, connection) => {
    const stream = connection.query(many(300)).stream({ highWaterMark: 1 })
    session.calls++
    await new Promise((resolve) => {
      stream.once('data', (row) => {
        session.log('first', row)
        stream.destroy()
        stream.on('close', resolve)
      })
    })
    session.log('destroyed', stream.destroyed)
    // mysql leaves its connection paused then, as it does in its documentation.
    if (!isMysql) await session.ask(connection, 'query', 'SELECT "alive" AS state')
  })
  add('a stream that fails in a pipeline', async (session, connection) => {
    session.calls++
    const sink = new Writable({ objectMode: true, write: (_row, _encoding, done) => done() })
    await pipeline(connection.query('SELECT * FROM missing_table').stream(), sink).catch((error) =>
      session.log('pipeline', error),
    )
    await session.ask(connection, 'query', 'SELECT "alive" AS state')
  })
  return list
}

function followStream(session, stream) {
  session.calls++
  return new Promise((resolve) => {
    stream.on('fields', (fields) => session.logFields('stream fields', fields))
    stream.on('data', (row) => session.log('stream data', row))
    stream.on('result', (row, index) => session.log('stream result', row, index))
    stream.on('error', (error) => session.log('stream error', error))
    stream.on('end', () => session.log('stream end'))
    const done = () => {
      session.log('stream close')
      resolve()
    }
    stream.on('close', done)
  })
}

module.exports = { prepare, cases }
