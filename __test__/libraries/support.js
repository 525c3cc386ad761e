'use strict'

const assert = require('node:assert/strict')
const path = require('node:path')
const { createRequire } = require('node:module')
const { isMysql } = require('../support/mysql.js')
const { until } = require('../support/outcome.js')
const { testServer } = require('../support/server.js')

// `mysql2` from here would be the driver under test.
const requireOfCheckout = createRequire(path.join(__dirname, '..', 'support', 'server.js'))
const realMysql2 = requireOfCheckout('mysql2/promise')

/** Whether the real mysql2 and mysql are in the drop-ins' places, see install.js. */
const isOriginal = process.env.HEGAR_DROPIN_ORIGINAL === '1'

/** The options of a suite on a driver: the real mysql does not know the handshake of MySQL 9. */
const mayLogIn = (driver) => ({ skip: isMysql && isOriginal && driver === 'mysql' && 'on MariaDB only' })

/**
 * A database of its own for a library. Through a connection that is not the library's: `run(sql, values)` gives what is
 * really there, and `kill(id)` ends a connection and waits until it is gone.
 */
async function openDatabase() {
  const server = await testServer()
  const { host, port, user, password } = server
  const options = { host, port, user, password, database: await server.database() }
  const beside = await realMysql2.createConnection({ ...options, supportBigNumbers: true, dateStrings: true })
  const run = async (sql, values) => (await beside.query(sql, values))[0]
  const processes = () => run('SELECT ID AS id, INFO AS info FROM information_schema.PROCESSLIST')
  const matches =
    ({ id, text }) =>
    (one) =>
      (id === undefined || one.id === id) &&
      (text === undefined || (one.info?.includes(text) && !one.info.includes('PROCESSLIST')))
  // A connection, or the statement that contains a text.
  const gone = (which) =>
    until(`${JSON.stringify(which)} is gone`, async () => !(await processes()).some(matches(which)))
  return {
    options,
    url: server.url(options.database),
    run,
    /** The id of the connection that runs a statement which contains `text`, when there is one. */
    running: (text) => until(`${text} runs`, async () => (await processes()).find(matches({ text }))?.id),
    gone,
    async kill(id) {
      await run('KILL ?', [id])
      await gone({ id })
      // The end of the socket reaches this process after the server's list has changed.
      await new Promise((resolve) => setTimeout(resolve, 50))
    },
    close: () => beside.end(),
  }
}

// One row that shows what becomes of each type. Its name has all that an escape could go wrong with.
const NAME = 'Äpfel 🍎 "a" \'b\' \\ % ? :name ?? \n'
const MADE_AT = new Date(2024, 1, 29, 12, 34, 56, 789)
const DAY = new Date(2024, 1, 29)
const DATA = { list: [1, 2.5, 'three'], none: null, nested: { 'ä ?': true } }
const BYTES = Buffer.from([0, 1, 39, 92, 128, 255])
const BIG = '9007199254740993'
const PRICE = '12345678.9000'

/** What the server says of a value that a unique key has already; MySQL puts the table before the key. */
const duplicate = (value, key, table) =>
  `Duplicate entry '${value}' for key '${isMysql ? `${table}.` : ''}${key}'`
const missing = (database, table) => `Table '${database}.${table}' doesn't exist`

/** Awaits a rejection and returns its error, after comparing the `expected` members with it. */
async function fails(promise, expected) {
  const error = await promise.then(
    (value) => assert.fail(`resolved with ${JSON.stringify(value)?.slice(0, 80)}`),
    (reason) => reason,
  )
  if (error instanceof assert.AssertionError) throw error
  assertMembers(error, expected)
  return error
}

function assertMembers(error, expected) {
  const actual = Object.fromEntries(Object.keys(expected).map((key) => [key, error[key]]))
  assert.deepEqual(actual, expected, error.stack)
}

/** Rows of mysql have a class of their own; here only their members count. */
const plain = (rows) => rows.map((row) => ({ ...row }))

const DUPLICATE = { code: 'ER_DUP_ENTRY', errno: 1062, sqlState: '23000' }
const SYNTAX = { code: 'ER_PARSE_ERROR', errno: 1064, sqlState: '42000' }
const NO_TABLE = { code: 'ER_NO_SUCH_TABLE', errno: 1146, sqlState: '42S02' }
const LOST = {
  code: 'PROTOCOL_CONNECTION_LOST',
  errno: undefined,
  message: 'Connection lost: The server closed the connection.',
  fatal: true,
}

module.exports = {
  ...{ openDatabase, isOriginal, mayLogIn, duplicate, missing, fails, assertMembers, plain },
  ...{ NAME, MADE_AT, DAY, DATA, BYTES, BIG, PRICE },
  ...{ DUPLICATE, SYNTAX, NO_TABLE, LOST },
}
