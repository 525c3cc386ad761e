'use strict'

// What needs no server: what the module exports, and its functions for text, called unbound.

const { escaped, formatted } = require('./parameters.js')

const ids = [
  'a',
  'a.b',
  'a`b',
  '',
  '*',
  'a.*',
  'a.b.c',
  'a b',
  '😀',
  '`',
  ['a', 'b.c'],
  [],
  ['x', ['y']],
  5,
  null,
  undefined,
  true,
]

function attempt(session, label, make) {
  session.calls++
  try {
    session.log(label, make())
  } catch (error) {
    session.log(`${label} throws`, error)
  }
}

// The order of constants says nothing.
const sorted = (constants) => Object.entries(constants).sort(([a], [b]) => (a < b ? -1 : 1))

function cases() {
  const list = []
  const add = (name, run) => list.push({ name, run: async (driver, session) => run(driver, session) })
  for (const [name, values] of Object.entries(escaped)) {
    add(`escape of ${name}`, ({ escape }, session) => {
      for (const [i, value] of values().entries()) {
        attempt(session, `escape ${i}`, () => escape(value))
        attempt(session, `escape ${i} as a string`, () => escape(value, true))
        attempt(session, `escape ${i} in UTC`, () => escape(value, false, 'Z'))
        attempt(session, `escape ${i} in +05:30`, () => escape(value, false, '+05:30'))
      }
    })
  }
  add('escapeId', ({ escapeId }, session) => {
    for (const [i, id] of ids.entries()) {
      attempt(session, `escapeId ${i}`, () => escapeId(id))
      attempt(session, `escapeId ${i} as one name`, () => escapeId(id, true))
    }
  })
  for (const [sql, values] of formatted) {
    add(`format of ${sql} with ${JSON.stringify(values())}`, ({ format }, session) => {
      attempt(session, 'format', () => format(sql, values()))
      attempt(session, 'format with objects as strings', () => format(sql, values(), true))
      attempt(session, 'format in UTC', () => format(sql, values(), false, 'Z'))
    })
  }
  add('format without values', ({ format }, session) => {
    attempt(session, 'format', () => format('SELECT ?'))
    attempt(session, 'format of an empty text', () => format('', [1]))
    attempt(session, 'format of no text', () => format(undefined, [1]))
    attempt(session, 'format of a number', () => format(5, [1]))
  })
  add('raw', ({ raw, escape, format }, session) => {
    attempt(session, 'raw', () => raw('NOW()').toSqlString())
    attempt(session, 'escape', () => escape(raw('NOW()')))
    attempt(session, 'format', () => format('UPDATE t SET ?', [{ a: raw('a + 1'), b: 2 }]))
    attempt(session, 'raw of no text', () => raw(5))
    attempt(session, 'raw of nothing', () => raw())
  })
  add('exports', (driver, session) => {
    session.calls++
    session.log('keys', Object.keys(driver).sort())
    for (const key of Object.keys(driver).sort()) session.log(`export ${key}`, typeof driver[key])
  })
  add('Types', ({ Types }, session) => {
    session.calls++
    session.log('Types', sorted(Types))
  })
  add('Charsets', ({ Charsets, CharsetToEncoding }, session) => {
    session.calls++
    session.log('Charsets', sorted(Charsets), sorted(CharsetToEncoding))
  })
  add('options as a URL', async (driver, session) => {
    const { host, port, user, password, database } = session.options
    const uri = `mysql://${user}:${password}@${host}:${port}/${database}?timezone=%2B01:00&supportBigNumbers=true&dateStrings=false`
    const connection = await driver.createConnection(uri)
    await session.ask(
      connection,
      'query',
      "SELECT TIMESTAMP '2024-01-02 03:04:05' AS t, 9007199254740993 AS b",
    )
    await session.ask(connection, 'end')
  })
  add('options that are not known', async (driver, session) => {
    const connection = await session.open({ noSuchOption: 1 })
    await session.ask(connection, 'query', 'SELECT 1 AS a')
  })
  return list
}

module.exports = { cases }
