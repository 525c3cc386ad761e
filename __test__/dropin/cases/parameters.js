'use strict'

// How values get into a statement: escaped by query(), bound by execute().

const prepare = [
  'CREATE TABLE params (id INT PRIMARY KEY AUTO_INCREMENT, a VARCHAR(200), b TEXT, c DOUBLE, d DATETIME(6), e BLOB, j JSON)',
]

// Made anew for each call, because a driver may change what it is given.
const escaped = {
  numbers: () => [0, -0, 1, -1.5, 1e21, 1e-7, Number.MAX_SAFE_INTEGER, 2 ** 53],
  'no numbers': () => [NaN, Infinity, -Infinity],
  strings: () => [
    "it's",
    'a "b"',
    'back\\slash',
    'nul\0byte',
    'line\nfeed\r\t\b',
    '\x1a',
    '😀 ünï',
    '',
    '%_',
    '?',
  ],
  booleans: () => [true, false],
  nothing: () => [null, undefined],
  dates: () => [new Date(0), new Date(1709210096789), new Date(-1), new Date('9999-12-31T23:59:59.999Z')],
  'an invalid date': () => [new Date(NaN)],
  buffers: () => [Buffer.from([0, 255, 39, 92]), Buffer.alloc(0), Buffer.from('text')],
  'a Uint8Array': () => [Uint8Array.of(1, 2, 255)],
  bigints: () => [1n, -9223372036854775808n, 18446744073709551615n],
  'an array': () => [[1, 'a', null]],
  'an empty array': () => [[]],
  'nested arrays': () => [
    [
      [1, 'a'],
      [2, 'b'],
    ],
  ],
  'an object': () => [{ a: 1, b: 'x', 'c`d': null }],
  'an empty object': () => [{}],
  'an object with a nested one': () => [{ a: { b: 1 }, c: [1, 2] }],
  'an object without prototype': () => [Object.assign(Object.create(null), { a: 1 })],
  toSqlString: () => [{ toSqlString: () => 'CURRENT_USER()' }],
  'toSqlString that gives a number': () => [{ toSqlString: () => 42 }],
  'an object with toString': () => [{ toString: () => 'mine', a: 1 }],
  'an object with own functions': () => [{ a: 1, f() {} }],
  'boxed values': () => [new String('boxed'), new Number(5), new Boolean(false)],
  'a function': () => [function named() {}],
  'a symbol': () => [Symbol('s')],
  'a map and a set': () => [new Map([['a', 1]]), new Set([1])],
  'a regular expression': () => [/a'b/],
  'an error': () => [new Error('no value')],
  'a lone surrogate': () => ['\ud800'],
}

// [sql, values] whose placeholders are in odd places or numbers.
const formatted = [
  ['SELECT ? AS a, ? AS b', () => [1]],
  ['SELECT ? AS a', () => [1, 2, 3]],
  ['SELECT ?', () => 5],
  ['SELECT ?', () => 'single'],
  ['SELECT ?', () => null],
  ['SELECT ?', () => undefined],
  ['SELECT ?', () => []],
  ['SELECT "?" AS q, ? AS v', () => ['x']],
  ["SELECT '?' AS q, ? AS v", () => ['x']],
  ['SELECT `a?` FROM (SELECT 1 AS `a?`) t WHERE 1 = ?', () => [1]],
  ['SELECT 1 /* ? */ + ?', () => [2]],
  ['SELECT 1 -- ?\n + ?', () => [2]],
  ['SELECT ?? FROM ??', () => ['a', 'params']],
  ['SELECT ?? FROM ??', () => [['a', 'params.b'], 'params']],
  ['SELECT ?? FROM params', () => ['params.*']],
  ['SELECT ??? AS x', () => ['a', 'b']],
  ['SELECT * FROM params WHERE id IN (?)', () => [[1, 2, 3]]],
  [
    'SELECT * FROM params WHERE (id, a) IN (?)',
    () => [
      [
        [1, 'a'],
        [2, 'b'],
      ],
    ],
  ],
  ['SELECT * FROM params WHERE ?', () => [{ id: 1 }]],
  ['INSERT INTO params SET ?', () => [{ a: 'x', c: 1.5, d: new Date(0), e: Buffer.from('b') }]],
  [
    'INSERT INTO params (a, b) VALUES ?',
    () => [
      [
        ['a', 'b'],
        ['c', null],
      ],
    ],
  ],
  ['UPDATE params SET ? WHERE id = ?', () => [{ a: 'y', b: undefined }, 1]],
  ['SELECT ?', () => [() => 'callback?']],
  ['SELECT :a', () => ({ a: 1 })],
  ['SELECT ?', () => ({ a: 1 })],
]

const bound = {
  numbers: () => [-1.5, 1e21, 2 ** 53],
  'safe integers': () => [Number.MAX_SAFE_INTEGER, 1, 0, -0, 4294967296],
  'no numbers': () => [NaN, Infinity],
  strings: () => ["it's", 'nul\0 \\', '😀', ''],
  booleans: () => [true, false],
  null: () => [null, null],
  dates: () => [new Date(0), new Date(1709210096789)],
  'an invalid date': () => [new Date(NaN)],
  buffers: () => [Buffer.from([0, 255]), Buffer.alloc(0)],
  'a Uint8Array': () => [Uint8Array.of(1, 2, 255)],
  bigints: () => [1n, 18446744073709551615n],
  'an object': () => [{ a: 1, b: 'x' }],
  'an array': () => [[1, 'a', null]],
  'an object with toJSON': () => [{ toJSON: () => 'json' }],
  'an object with toString': () => [{ toString: () => 'mine' }],
  undefined: () => ['a', undefined],
  'a function': () => [() => 1],
  'a symbol': () => [Symbol('s')],
  'too few': () => [],
  'no array': () => ({ a: 1 }),
  'a string and no array': () => 'single',
  'a number and no array': () => 5,
  'a boxed number': () => [new Number(5)],
  'a boxed string': () => [new String('boxed')],
}

// No integers as values, which execute() binds as another type.
const named = [
  ['SELECT :a AS a, :b AS b', () => ({ a: 1.5, b: 'two' })],
  ['SELECT :a AS a, :a AS again', () => ({ a: "it's" })],
  ['SELECT :a AS a', () => ({ a: null })],
  ['SELECT :a AS a', () => ({})],
  ['SELECT :a AS a', () => ({ a: undefined })],
  ['SELECT :a AS a, ":a" AS b, \':a\' AS c', () => ({ a: 'one' })],
  ['SELECT :a AS a', () => ({ a: 'one', unused: 2 })],
  ['SELECT ? AS a', () => ['one']],
  ['SELECT :a_b1 AS a', () => ({ a_b1: 'x' })],
  ['SELECT 1 AS a', () => undefined],
  ['SELECT 1 AS a', () => ({})],
  ['SELECT * FROM params WHERE id IN (:ids)', () => ({ ids: [1, 2] })],
  ["SELECT TIME '10:11:12' AS t, :a AS a", () => ({ a: 'one' })],
]

function cases(api) {
  const list = []
  const add = (name, run, options) =>
    list.push({
      name,
      async run(driver, session) {
        const connection = await session.open(options)
        await run(session, connection, driver)
      },
    })
  for (const [name, values] of Object.entries(escaped)) {
    add(`query with ${name} as a value`, async (session, connection) => {
      // One at a time, so that one that is refused hides no other.
      for (const value of values()) await session.ask(connection, 'query', 'SELECT ? AS v', [value])
    })
  }
  for (const timezone of ['Z', '+02:00', 'local']) {
    add(
      `query with dates in the time zone ${timezone}`,
      async (session, connection) => {
        await session.ask(connection, 'query', 'SELECT ? AS v, ? AS w', escaped.dates().slice(0, 2))
      },
      { timezone },
    )
  }
  add(
    'query with objects as strings',
    async (session, connection) => {
      await session.ask(connection, 'query', 'SELECT ? AS v', [{ a: 1, b: { c: 2 } }])
      await session.ask(connection, 'query', 'SELECT ? AS v', [[1, 2]])
      await session.ask(connection, 'query', 'INSERT INTO params SET ?', [{ a: 'x' }])
    },
    { stringifyObjects: true },
  )
  add('query with a raw value', async (session, connection, driver) => {
    await session.ask(connection, 'query', 'SELECT ? AS v', [driver.raw('1 + 1')])
    await session.ask(connection, 'query', 'INSERT INTO params SET ?', [{ a: driver.raw('UPPER("low")') }])
  })
  for (const [sql, values] of formatted) {
    add(`query of ${sql} with ${JSON.stringify(values())}`, (session, connection) =>
      session.ask(connection, 'query', sql, values()),
    )
  }
  if (api === 'mysql') return list
  for (const [name, values] of Object.entries(bound)) {
    add(
      `execute with ${name} as a value`,
      async (session, connection) => {
        const given = values()
        if (!Array.isArray(given) || given.length === 0) {
          await session.ask(connection, 'execute', 'SELECT ? AS v', given)
          return
        }
        for (const value of given)
          await session.ask(connection, 'execute', 'SELECT ? AS v, HEX(?) AS h', [value, value])
        // Into columns, whose types the server converts to. Empty first, or one refused row would shift all later ids.
        await session.ask(connection, 'query', 'TRUNCATE params')
        for (const column of ['a', 'c', 'd', 'e']) {
          await session.ask(connection, 'execute', `INSERT INTO params (${column}) VALUES (?)`, [given[0]])
        }
        await session.ask(connection, 'query', 'SELECT a, c, d, e FROM params ORDER BY id DESC LIMIT 4')
      },
      { timezone: 'Z' },
    )
  }
  add('execute with too many values', (session, connection) =>
    session.ask(connection, 'execute', 'SELECT ? AS v', [1, 2]),
  )
  add('execute without values', async (session, connection) => {
    await session.ask(connection, 'execute', 'SELECT 1 AS v')
    await session.ask(connection, 'execute', 'SELECT 2 AS v', [])
  })
  add('execute without values for a placeholder', (session, connection) =>
    session.ask(connection, 'execute', 'SELECT ? AS v'),
  )
  add('execute with a value for LIMIT', async (session, connection) => {
    await session.ask(connection, 'execute', 'SELECT 1 AS v LIMIT ?', [1])
    await session.ask(connection, 'execute', 'SELECT 1 AS v LIMIT ?', ['1'])
  })
  for (const method of ['query', 'execute']) {
    for (const [sql, values] of named) {
      add(
        `${method} of ${sql} with ${JSON.stringify(values())} by name`,
        (session, connection) => session.ask(connection, method, sql, values()),
        { namedPlaceholders: true },
      )
    }
    add(`${method} with names for one call only`, async (session, connection) => {
      await session.ask(connection, method, { sql: 'SELECT :a AS a', namedPlaceholders: true }, { a: 'one' })
      await session.ask(connection, method, {
        sql: 'SELECT :a AS a',
        namedPlaceholders: true,
        values: { a: 'two' },
      })
    })
    add(
      `${method} without names for one call only`,
      async (session, connection) => {
        await session.ask(connection, method, { sql: 'SELECT ? AS a', namedPlaceholders: false }, ['one'])
        await session.ask(connection, method, { sql: 'SELECT ":a" AS a', namedPlaceholders: false })
      },
      { namedPlaceholders: true },
    )
  }
  return list
}

module.exports = { prepare, cases, escaped, formatted }
