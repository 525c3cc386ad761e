'use strict'

// The forms of a call and what shapes its result: rowsAsArray, nestTables, several statements, CALL, typeCast.

const prepare = [
  'CREATE TABLE users (id INT PRIMARY KEY, name VARCHAR(20), age INT)',
  "INSERT INTO users VALUES (1, 'Ada', 36), (2, 'Bob', NULL), (3, 'Cy', 7)",
  'CREATE TABLE posts (id INT PRIMARY KEY, user_id INT, title VARCHAR(50))',
  "INSERT INTO posts VALUES (10, 1, 'First'), (11, 1, 'Second'), (12, 3, 'Third')",
  'CREATE TABLE mixed (i INT, b BIGINT, n DECIMAL(5,2), f DOUBLE, d DATE, dt DATETIME, v VARCHAR(9), t TINYINT(1), bl BLOB, p POINT, bi BIT(8), j JSON, y YEAR, ti TIME, e ENUM("x"))',
  "INSERT INTO mixed VALUES (1, 2, 3.5, 4.25, '2024-01-02', '2024-01-02 03:04:05', 'vee', 1, 'blob', ST_GeomFromText('POINT(1 2)'), b'101', '[1]', 2024, '01:02:03', 'x'), (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
  'CREATE PROCEDURE one_set() SELECT 1 AS a',
  'CREATE PROCEDURE two_sets(IN n INT) BEGIN SELECT n AS a; SELECT n + 1 AS b, "x" AS c; END',
  'CREATE PROCEDURE no_set() SET @done = 1',
  'CREATE PROCEDURE out_value(IN n INT, OUT twice INT) SET twice = n * 2',
  'CREATE PROCEDURE failing() BEGIN SELECT 1 AS a; SELECT * FROM missing_table; END',
  'CREATE PROCEDURE signalling() SIGNAL SQLSTATE "45000" SET MESSAGE_TEXT = "my own", MYSQL_ERRNO = 1644',
]

const join = 'SELECT u.id, u.name, p.id, p.title FROM users u JOIN posts p ON p.user_id = u.id ORDER BY p.id'

// [name, arguments], the same for query and execute. No integers, which execute() binds as another type.
const forms = [
  ['sql', () => ['SELECT 1 AS a']],
  ['sql and values', () => ['SELECT ? AS a', ['one']]],
  ['sql and empty values', () => ['SELECT 1 AS a', []]],
  ['sql and undefined', () => ['SELECT 1 AS a', undefined]],
  ['sql and null', () => ['SELECT 1 AS a', null]],
  ['options', () => [{ sql: 'SELECT 1 AS a' }]],
  ['options with values', () => [{ sql: 'SELECT ? AS a', values: ['two'] }]],
  ['options and values', () => [{ sql: 'SELECT ? AS a' }, ['three']]],
  ['options with values and values', () => [{ sql: 'SELECT ? AS a', values: ['four'] }, ['five']]],
  ['options with a timeout', () => [{ sql: 'SELECT ? AS a', values: ['six'], timeout: 5000 }]],
  ['a String object', () => [new String('SELECT 1 AS a')]],
  ['empty sql', () => ['']],
  ['only a comment', () => ['-- nothing']],
  ['a trailing semicolon', () => ['SELECT 1 AS a;']],
  ['frozen options', () => [Object.freeze({ sql: 'SELECT ? AS a', values: Object.freeze(['seven']) })]],
]

// [name, connection options, arguments, whether mysql2 only].
const shapes = [
  ['nestTables true', {}, () => [{ sql: join, nestTables: true }]],
  ['nestTables _', {}, () => [{ sql: join, nestTables: '_' }]],
  ['nestTables with an empty string', {}, () => [{ sql: join, nestTables: '' }]],
  ['nestTables false', {}, () => [{ sql: join, nestTables: false }]],
  [
    'nestTables and expressions',
    {},
    () => [{ sql: 'SELECT 1 AS a, id, name AS n FROM users', nestTables: true }],
  ],
  ['nestTables _ and expressions', {}, () => [{ sql: 'SELECT 1 AS a, id FROM users', nestTables: '_' }]],
  ['nestTables of the connection', { nestTables: true }, () => [join]],
  ['two columns of one name', {}, () => [join]],
  ['three columns of one name', {}, () => ['SELECT 1 AS a, 2 AS b, 3 AS a, 4 AS a']],
  ['columns named like numbers', {}, () => ['SELECT 1 AS `2`, 2 AS `1`, 3 AS a, 4 AS `0`']],
  ['a column without a name', {}, () => ['SELECT 1 AS ``']],
  ['odd names', {}, () => ['SELECT 1 AS `a b`, 2 AS `q"\'`, 3 AS `😀`, 4 AS `back\\\\`, 5 AS `new\nline`']],
  ['a column named constructor', {}, () => ['SELECT 1 AS constructor, 2 AS toString, 3 AS hasOwnProperty']],
  ['a column named __proto__', {}, () => ['SELECT 1 AS __proto__, 2 AS a']],
  ['a table named __proto__', {}, () => [{ sql: 'SELECT id FROM users AS __proto__', nestTables: true }]],
  ['rowsAsArray for a call', {}, () => [{ sql: join, rowsAsArray: true }], true],
  ['rowsAsArray of the connection', { rowsAsArray: true }, () => [join], true],
  ['rowsAsArray off for a call', { rowsAsArray: true }, () => [{ sql: join, rowsAsArray: false }], true],
  ['rowsAsArray and nestTables', {}, () => [{ sql: join, rowsAsArray: true, nestTables: true }], true],
  ['rowsAsArray without rows', {}, () => [{ sql: `${join} LIMIT 0`, rowsAsArray: true }], true],
  ['typeCast off for a call', {}, () => [{ sql: 'SELECT * FROM mixed', typeCast: false }]],
  ['typeCast on for a call', { typeCast: false }, () => [{ sql: 'SELECT * FROM mixed', typeCast: true }]],
  ['dateStrings for a call', {}, () => [{ sql: 'SELECT * FROM mixed', dateStrings: true }]],
  [
    'bigNumberStrings for a call',
    {},
    () => [{ sql: 'SELECT b FROM mixed', supportBigNumbers: true, bigNumberStrings: true }],
  ],
  ['decimalNumbers for a call', {}, () => [{ sql: 'SELECT n FROM mixed', decimalNumbers: true }], true],
  ['a time zone for a call', {}, () => [{ sql: 'SELECT dt, d FROM mixed', timezone: 'Z' }]],
]

const scripts = [
  'SELECT 1 AS a; SELECT 2 AS b',
  'SELECT 1 AS a; SET @x = 1; SELECT 2 AS b, 3 AS c',
  'SET @x = 1; SET @y = 2',
  'SELECT 1 AS a;',
  'SET @x = 1; SELECT 1 AS a',
  'SELECT * FROM users LIMIT 0; SELECT 1 AS a',
  'UPDATE users SET age = age WHERE id = 1; SELECT name FROM users WHERE id = 1',
  'SELECT 1 AS a; SELECT * FROM missing_table; SELECT 3 AS c',
  'SELEC 1; SELECT 2',
  'CALL two_sets(1); SELECT 9 AS z',
]

const calls = [
  'CALL one_set()',
  'CALL two_sets(5)',
  'CALL no_set()',
  'CALL failing()',
  'CALL signalling()',
  'CALL out_value(4, @twice)',
  'CALL missing_procedure()',
]

// Each returns a typeCast function that notes what it is told.
const casts = {
  'that passes on': (note) => (field, next) => {
    note(field)
    return next()
  },
  'that reads strings': () => (field) => field.string(),
  'that reads buffers': () => (field) => field.buffer(),
  'that makes booleans': () => (field, next) =>
    field.type === 'TINY' && field.length === 1 ? field.string() === '1' : next(),
  'that is only for some types': () => (field, next) =>
    ['DATE', 'DATETIME', 'NEWDECIMAL'].includes(field.type) ? `cast ${field.string()}` : next(),
  'that reads geometry': () => (field, next) => (field.type === 'GEOMETRY' ? field.geometry() : next()),
  'that gives undefined': () => (field) => {
    field.string()
  },
}

function cases(api) {
  const isMysql = api === 'mysql'
  const methods = isMysql ? ['query'] : ['query', 'execute']
  const list = []
  const add = (name, options, run) =>
    list.push({
      name,
      run: async (_driver, session) => run(session, await session.open(options)),
    })
  for (const method of methods) {
    for (const [name, args] of forms) {
      add(`${method} with ${name}`, {}, (session, connection) => session.ask(connection, method, ...args()))
    }
    for (const [name, options, args, only] of shapes) {
      if (only && isMysql) continue
      add(`${method} with ${name}`, options, async (session, connection) => {
        const [, rows] = await session.ask(connection, method, ...args())
        // The text protocol gives a row its prototype by such a column in one original and not in the other.
        if (name.includes('__proto__') && Array.isArray(rows)) session.log('keys', rows.map(Reflect.ownKeys))
      })
    }
    for (const sql of calls) {
      add(`${method} of ${sql}`, {}, async (session, connection) => {
        await session.ask(connection, method, sql)
        await session.ask(connection, 'query', 'SELECT @twice AS twice')
      })
    }
    for (const [name, make] of Object.entries(casts)) {
      add(`${method} with a typeCast ${name}`, {}, async (session, connection) => {
        const seen = []
        const note = ({ type, name, table, db, length }) => seen.push([type, name, table, db, length])
        const sql = 'SELECT * FROM mixed'
        await session.ask(connection, method, { sql, typeCast: make(note) })
        session.log('fields that typeCast saw', seen)
        // The connection's own way is back.
        await session.ask(connection, method, sql)
      })
    }
    add(
      `${method} with a typeCast of the connection`,
      { typeCast: casts['that makes booleans']() },
      async (session, connection) => {
        await session.ask(connection, method, 'SELECT * FROM mixed')
        await session.ask(connection, method, { sql: 'SELECT * FROM mixed', typeCast: true })
        await session.ask(connection, method, {
          sql: 'SELECT t FROM mixed',
          typeCast: (field) => field.string(),
        })
      },
    )
    add(`${method} with several statements that are not allowed`, {}, (session, connection) =>
      session.ask(connection, method, 'SELECT 1 AS a; SELECT 2 AS b'),
    )
    add(`${method} with several statements in one`, { multipleStatements: true }, (session, connection) =>
      session.ask(connection, method, 'SELECT 1 AS a; SELECT 2 AS b'),
    )
    add(`${method} of many at once in their order`, {}, (session, connection) =>
      Promise.all([1, 2, 3, 4, 5].map((n) => session.ask(connection, method, 'SELECT ? AS n', [`row ${n}`]))),
    )
    add(`${method} that leaves its arguments as they were`, {}, async (session, connection) => {
      const options = { sql: 'SELECT ? AS a', values: ['one'] }
      await session.ask(connection, method, options)
      session.log('options', options)
      const values = [{ a: 1 }, new Date(0)]
      await session.ask(connection, method, 'SELECT ? AS a, ? AS b', values)
      session.log('values', values)
    })
  }
  for (const sql of scripts) {
    add(`query of ${sql}`, { multipleStatements: true }, async (session, connection) => {
      await session.ask(connection, 'query', sql)
      await session.ask(connection, 'query', 'SELECT "alive" AS state')
    })
  }
  for (const sql of scripts.slice(0, 3)) {
    add(`query with nestTables of ${sql}`, { multipleStatements: true }, (session, connection) =>
      session.ask(connection, 'query', { sql, nestTables: true }),
    )
  }
  return list
}

module.exports = { prepare, cases, scripts }
