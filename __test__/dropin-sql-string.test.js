'use strict'

const assert = require('node:assert/strict')
const { after, before, describe, it } = require('node:test')
const fc = require('fast-check')
const mysql = require('mysql')
const mysql2 = require('mysql2')
const ours = require('../lib/dropin/sql-string.js')
const oursAsMysql = require('../lib/dropin/sql-string-mysql.js')
const { testServer } = require('./support/server.js')

const SEED = process.env.HEGAR_PROPERTY_SEED
const RUNS = Number(process.env.HEGAR_PROPERTY_RUNS ?? 200)
const settings = { numRuns: RUNS, ...(SEED && { seed: Number(SEED) }) }

const OBJECT = "'[object Object]'"
const ZONES = [undefined, 'local', 'Z', '+00:00', '+05:30', '-0330', '+02', 'nonsense']

class Point {
  constructor() {
    this.x = 1
  }
  get y() {
    return 2
  }
  toString() {
    return "it's a point"
  }
}

// What every driver here writes in the same way.
const VALUES = {
  undefined: undefined,
  null: null,
  true: true,
  false: false,
  zero: 0,
  'minus zero': -0,
  integer: 42,
  negative: -17,
  fraction: 0.1,
  exponent: 1e300,
  'unsafe integer': 2 ** 60,
  NaN: NaN,
  Infinity: Infinity,
  '-Infinity': -Infinity,
  'empty string': '',
  string: 'plain',
  quotes: `it's "so"`,
  backslashes: 'C:\\dir\\',
  'control characters': '\0\b\t\n\r\x1a\x01\x7f',
  'a placeholder': '? ?? :name',
  'a comment': '-- # /* */',
  unicode: 'żółć 😀 \u2028 \ud800',
  injection: "' OR 1=1 -- ",
  date: new Date(Date.UTC(2024, 1, 29, 23, 59, 58, 7)),
  'early date': new Date(Date.UTC(1, 0, 1)),
  'invalid date': new Date(NaN),
  buffer: Buffer.from([0, 39, 92, 255]),
  'empty buffer': Buffer.alloc(0),
  raw: mysql.raw('NOW()'),
  toSqlString: { toSqlString: () => 'CURRENT_TIMESTAMP()' },
  'toSqlString that gives a number': { toSqlString: () => 7 },
  'empty list': [],
  list: [1, 'a', null, undefined, true],
  'nested lists': [
    [1, 'a'],
    [2, "b'"],
  ],
  'deep lists': [[['a', [1]], 2], 3],
  'list of objects': [{ a: 1 }, new Date(0), Buffer.from('x')],
}

// What only the objects among them are written as, by each escape() with and without stringifyObjects.
const OBJECTS = {
  'empty object': {},
  object: { a: 1, b: "x'", 'c.d': null },
  'object with an object': { a: { b: 1 } },
  'object with a list': { a: [1, 2] },
  'object with a function': { a: 1, f() {} },
  'object with __proto__': JSON.parse('{"__proto__": {"x": 1}, "a": 2}'),
  'object with constructor': JSON.parse('{"constructor": "c", "toString": 1}'),
  'object with a quoting key': { '`; DROP TABLE t': 1 },
  'toSqlString that is no function': { toSqlString: 'x' },
  'boolean object': Object(true),
  instance: new Point(),
}

const outcome = (call) => {
  try {
    return call()
  } catch (error) {
    return error.constructor
  }
}

const same = (name, call, theirs, mine) =>
  assert.deepEqual(
    outcome(() => call(mine)),
    outcome(() => call(theirs)),
    name,
  )

describe('escape', () => {
  for (const [name, value] of Object.entries({ ...VALUES, ...OBJECTS })) {
    it(`writes ${name} as mysql2 and as mysql do`, () => {
      for (const zone of ZONES) {
        for (const stringifyObjects of [undefined, false, true]) {
          const call = (driver) => driver.escape(value, stringifyObjects, zone)
          same(`${name} ${stringifyObjects} ${zone}`, call, mysql2, ours)
          same(`${name} ${stringifyObjects} ${zone}`, call, mysql, oursAsMysql)
        }
      }
    })
  }

  it('takes false for stringifyObjects as true in mysql2 and as nothing in mysql', () => {
    assert.equal(ours.escape({ a: 1 }, false), OBJECT)
    assert.equal(oursAsMysql.escape({ a: 1 }, false), '`a` = 1')
  })

  it('writes what mysql knows nothing of as mysql2 does for both', () => {
    const values = [
      [1n, '1', "'1'"],
      [-(2n ** 64n), '-18446744073709551616', "'-18446744073709551616'"],
      [new Uint8Array([0, 255]), "X'00ff'", '`0` = 0, `1` = 255'],
      [new Set([1, 'a']), "1, 'a'", ''],
      [new Map([['a', 1]]), '`a` = 1', ''],
      [Symbol('s'), "'Symbol(s)'", TypeError],
      [new Date(-1e15), "'000-29719-04-05 22:13:20.000'", "'-29719-04-05 22:13:20.000'"],
    ]
    for (const [value, expected, theirs] of values) {
      const [name, write] = [String(value), (driver) => driver.escape(value, undefined, 'Z')]
      assert.equal(write(ours), expected, name)
      assert.equal(write(oursAsMysql), expected, name)
      assert.equal(write(mysql2), expected, name)
      assert.deepEqual(
        outcome(() => write(mysql)),
        theirs,
        name,
      )
    }
  })

  it('writes own properties only, where mysql writes inherited ones', () => {
    const object = Object.assign(Object.create({ inherited: 1 }), { own: 2 })
    for (const driver of [ours, oursAsMysql, mysql2]) assert.equal(driver.escape(object), '`own` = 2')
    assert.equal(mysql.escape(object), '`own` = 2, `inherited` = 1')
  })

  it('needs no this', () => {
    for (const { escape, escapeId, format, raw } of [ours, oursAsMysql]) {
      assert.equal(escape([1, [2]]), '1, (2)')
      assert.equal(escapeId(['a', 'b.c']), '`a`, `b`.`c`')
      assert.equal(format('?, ??', [raw('x'), 'y']), 'x, `y`')
    }
  })
})

describe('escapeId', () => {
  const ids = [
    'id',
    'a.b',
    'a`b',
    '`',
    '',
    'a.`b`.c',
    '*',
    'żółć',
    5,
    null,
    undefined,
    true,
    ['a', 'b.c'],
    [],
  ]
  ids.push([['a'], 'b'], {}, new Point(), 'a\0b', "a'b", 'a"b', 'a b', '.', '..')
  for (const id of ids) {
    it(`quotes ${JSON.stringify(id)} as mysql2 and as mysql do`, () => {
      for (const forbidQualified of [undefined, false, true]) {
        const call = (driver) => driver.escapeId(id, forbidQualified)
        same(String(id), call, mysql2, ours)
        same(String(id), call, mysql, oursAsMysql)
      }
    })
  }

  it('leaves a dot behind -> alone as mysql2 does, and splits it as mysql does', () => {
    for (const driver of [ours, mysql2]) assert.equal(driver.escapeId('t.data->$.a'), '`t.data->$.a`')
    for (const driver of [oursAsMysql, mysql])
      assert.equal(driver.escapeId('t.data->$.a'), '`t`.`data->$`.`a`')
  })
})

describe('raw', () => {
  it('takes a string and nothing else', () => {
    for (const value of [undefined, null, 1, {}, ['NOW()']]) {
      same(String(value), (driver) => driver.raw(value).toSqlString(), mysql2, ours)
      assert.throws(() => oursAsMysql.raw(value), TypeError)
    }
    assert.equal(oursAsMysql.raw('a').toSqlString(), 'a')
  })
})

describe('format', () => {
  const STATEMENTS = [
    'SELECT ?',
    'SELECT ?, ?, ?',
    'SELECT ??? AS a, ? AS b',
    'SELECT ???? ?',
    'SELECT * FROM ?? WHERE ?? = ?',
    'SELECT 1',
    '',
    'INSERT INTO t VALUES (?), (?)',
    'SELECT ?+?',
    'SELECT ?-- ',
    'UPDATE t SET a = ? WHERE b IN (?)',
  ]
  const lists = [undefined, null, [], 0, '', 'x', 7, true, [[1, 2], 'b'], ['a.b', 'c', 'd', 'e'], [undefined]]
  lists.push([null, null], [new Date(0), Buffer.from('a')], new Date(0), [mysql.raw('x'), 'y'], [[[1], [2]]])
  for (const sql of STATEMENTS) {
    it(`fills ${JSON.stringify(sql)} as mysql2 and as mysql do`, () => {
      for (const values of lists.concat(Object.values(VALUES).map((value) => [value, value]))) {
        for (const [stringifyObjects, zone] of [[], [false, 'Z'], [true, '+05:30']]) {
          const call = (driver) => driver.format(sql, values, stringifyObjects, zone)
          same(sql, call, mysql2, ours)
          same(sql, call, mysql, oursAsMysql)
        }
      }
    })
  }

  const ASSIGNMENTS = [
    'INSERT INTO t SET ?',
    'insert into t set ?',
    'UPDATE t SET ? WHERE id = 1',
    'UPDATE t SET a = 1, ?',
    'UPDATE t SET ?, b = 2',
    'UPDATE t SET ?, ?',
    'REPLACE INTO t SET\n?',
    'INSERT INTO t (a) VALUES (1) ON DUPLICATE KEY UPDATE ?',
    'INSERT INTO t SET ? ON DUPLICATE KEY UPDATE ?',
    'INSERT INTO t VALUES (1) ON DUPLICATE  KEY\tUPDATE a = 1, ?',
    'UPDATE `tablé` SET ?',
    'UPDATE tablé SET ?',
    'UPDATE db.`t` SET ?',
    "/* 'repo'.set */ UPDATE t SET ?",
    "UPDATE t SET a = 'x.set', ?",
    'UPDATE t SET a = 1., ?',
  ]
  for (const sql of ASSIGNMENTS) {
    it(`expands objects in ${JSON.stringify(sql)} as mysql2 and as mysql do`, () => {
      for (const object of Object.values(OBJECTS)) {
        const call = (driver) => driver.format(sql, [object, object], undefined, 'Z')
        same(sql, call, mysql2, ours)
        same(sql, call, mysql, oursAsMysql)
      }
      for (const driver of [ours, oursAsMysql]) {
        assert.match(driver.format(sql, [{ a: "'" }, { a: 1 }]), /`a` = '\\''/)
        assert.match(driver.format(sql, [{ a: 1 }, { a: 1 }], true), /'\[object Object\]'/)
      }
    })
  }

  it('expands one object in place of the list of values', () => {
    for (const driver of [ours, oursAsMysql, mysql, mysql2]) {
      assert.equal(driver.format('UPDATE t SET ?', { a: 1 }), 'UPDATE t SET `a` = 1')
    }
  })

  // Each [statement, what mysql2 gives, if it is something else].
  const ELSEWHERE = [
    ['SELECT ?'],
    ['SELECT * FROM t WHERE a = ?'],
    ['SELECT * FROM t WHERE ?'],
    ['SELECT * FROM t WHERE a IN (?)'],
    ['INSERT INTO t VALUES (?)'],
    ['UPDATE t SET a = ?'],
    ['UPDATE t SET a = 1 WHERE b = 2 AND ?'],
    ['UPDATE t SET a = 1 ORDER BY b, ?'],
    ['UPDATE t SET a = (1, ?)'],
    ['SET NAMES ?'],
    ["SELECT 'set', ?"],
    ['SELECT `set`, ?'],
    ['SELECT /* set */ ?'],
    ['SELECT 1 -- set\n, ?'],
    ['SELECT offset, ?'],
    ['SELECT t.set, ? FROM t', 'SELECT t.set, `a` = 1 FROM t'],
    ['SELECT t. set , ? FROM t', 'SELECT t. set , `a` = 1 FROM t'],
    ['SELECT t./**/set, ? FROM t', 'SELECT t./**/set, `a` = 1 FROM t'],
    ['SELECT `t`.set, ? FROM t', 'SELECT `t`.set, `a` = 1 FROM t'],
    ['SELECT * FROM t WHERE id IN (t.SET, ?)', 'SELECT * FROM t WHERE id IN (t.SET, `a` = 1)'],
    ['CALL p(@set, ?)', 'CALL p(@set, `a` = 1)'],
    ['SELECT a$set, ?', 'SELECT a$set, `a` = 1'],
    ['SELECT set$, ?', 'SELECT set$, `a` = 1'],
    ['SELECT éset, ?', 'SELECT éset, `a` = 1'],
    ['CREATE TABLE t CHARACTER SET x SELECT 1, ?', 'CREATE TABLE t CHARACTER SET x SELECT 1, `a` = 1'],
  ]
  for (const [sql, byMysql2] of ELSEWHERE) {
    it(`makes an object in ${JSON.stringify(sql)} a literal`, () => {
      const literal = sql.replace('?', OBJECT)
      for (const driver of [ours, oursAsMysql]) assert.equal(driver.format(sql, [{ a: 1 }]), literal)
      assert.equal(mysql2.format(sql, [{ a: 1 }]), byMysql2 ?? literal)
      assert.equal(mysql.format(sql, [{ a: 1 }]), sql.replace('?', '`a` = 1'))
    })
  }
})

describe('SQL injection that the drivers had', () => {
  const drivers = Object.entries({ 'the drop-in of mysql2': ours, 'the drop-in of mysql': oursAsMysql })
  for (const [name, driver] of drivers) {
    it(`mysql#2554: ${name} gives a client's object no column to compare with itself`, () => {
      const body = JSON.parse('{"username": {"username": 1}, "password": {"password": 1}}')
      const sql = 'SELECT * FROM accounts WHERE username = ? AND password = ?'
      const expected = `SELECT * FROM accounts WHERE username = ${OBJECT} AND password = ${OBJECT}`
      assert.equal(driver.format(sql, [body.username, body.password]), expected)
      assert.equal(
        mysql.format(sql, [body.username, body.password]),
        'SELECT * FROM accounts WHERE username = `username` = 1 AND password = `password` = 1',
      )
    })

    it(`mysql2#1914 and #4126: ${name} expands behind SET and not behind WHERE of the same statement`, () => {
      assert.equal(
        driver.format('UPDATE users SET ? WHERE id = ?', [{ name: 'a' }, { id: 1 }]),
        `UPDATE users SET \`name\` = 'a' WHERE id = ${OBJECT}`,
      )
      assert.equal(
        driver.format('DELETE FROM t WHERE id = ?; UPDATE t SET ?', [{ id: true }, { a: 1 }]),
        `DELETE FROM t WHERE id = ${OBJECT}; UPDATE t SET \`a\` = 1`,
      )
      assert.equal(
        driver.format('UPDATE t SET a = 1; SELECT b, ?', [{ a: 1 }]),
        `UPDATE t SET a = 1; SELECT b, ${OBJECT}`,
      )
    })

    it(`mysql2#1914: ${name} nests no assignment in a value of SET`, () => {
      const body = JSON.parse('{"password": {"password": 1}}')
      assert.equal(driver.format('UPDATE t SET ?', [body]), `UPDATE t SET \`password\` = ${OBJECT}`)
      assert.equal(driver.format('SELECT ?', [[body, [body]]]), `SELECT ${OBJECT}, (${OBJECT})`)
    })

    it(`${name} leaves placeholders in literals, quoted identifiers and comments alone`, () => {
      const texts = ["'?'", '"?"', '`?`', "'it''s ?'", "'\\'?'", '"\\"?"', '`a``?`', '/* ? */', '/* ?', "'?"]
      texts.push('-- ?\n', '--\t?\n', '# ?\n', '-- ?', "/* ' */ /* ? */", '"\'?"')
      for (const text of texts) {
        const sql = `SELECT ?, ${text}`
        assert.equal(driver.format(sql, ["' OR 1 -- ", 'never']), `SELECT '\\' OR 1 -- ', ${text}`)
        assert.match(mysql.format(sql, ['', 'never']), /never/)
      }
      // What is no comment.
      assert.equal(driver.format('SELECT 1--?', [2]), 'SELECT 1--2')
      assert.equal(driver.format('SELECT /*! ? */ 1', [2]), 'SELECT /*! 2 */ 1')
    })

    it(`${name} takes __proto__ for data and what pollutes Object.prototype for nothing`, () => {
      const body = JSON.parse('{"__proto__": "a", "b": 1}')
      assert.equal(
        driver.format('INSERT INTO t SET ?', [body]),
        "INSERT INTO t SET `__proto__` = 'a', `b` = 1",
      )
      Object.prototype.isAdmin = true
      try {
        assert.equal(driver.format('INSERT INTO t SET ?', [{ b: 1 }]), 'INSERT INTO t SET `b` = 1')
        assert.equal(
          mysql.format('INSERT INTO t SET ?', [{ b: 1 }]),
          'INSERT INTO t SET `b` = 1, `isAdmin` = true',
        )
      } finally {
        delete Object.prototype.isAdmin
      }
    })

    it(`${name} escapes by doubling where the session has NO_BACKSLASH_ESCAPES, if told so`, () => {
      const mode = { noBackslashEscapes: true }
      assert.equal(
        driver.format("SELECT 'C:\\', ?", ["\\' OR 1 -- "], false, 'Z', mode),
        "SELECT 'C:\\', '\\'' OR 1 -- '",
      )
    })
  }
})

describe('on the server', () => {
  let connection
  before(async () => {
    const { host, port, user, password } = await testServer()
    connection = await mysql2.createConnection({ host, port, user, password, charset: 'utf8mb4' }).promise()
  })
  after(() => connection.end())

  const texts = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 60 }),
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.string({
      unit: fc.constantFrom(
        "'",
        '"',
        '`',
        '\\',
        '?',
        ':a',
        ';',
        '-- ',
        '/*',
        '*/',
        '#',
        '\0',
        '%',
        '\x1a',
        '\n',
      ),
      maxLength: 20,
    }),
  )
  // With names of their own, as mysql2 ends a connection on which a column is named __proto__.
  const select = async (literals) => {
    const columns = literals.map((literal, index) => `${literal} AS c${index}`)
    const [[row]] = await connection.query({ sql: `SELECT ${columns.join(', ')}`, rowsAsArray: true })
    return row
  }

  for (const mode of ['', 'NO_BACKSLASH_ESCAPES', 'ANSI_QUOTES', 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES']) {
    it(`an escaped string is the string again with sql_mode '${mode}'`, async () => {
      const sqlMode = {
        noBackslashEscapes: mode.includes('NO_BACKSLASH_ESCAPES'),
        ansiQuotes: mode.includes('ANSI_QUOTES'),
      }
      await connection.query(`SET sql_mode = '${mode}'`)
      const property = fc.asyncProperty(texts, texts, async (a, b) => {
        const literals = [ours, oursAsMysql].flatMap((driver) => [
          driver.escape(a, true, 'Z', sqlMode),
          driver.format('/* ? */ ?', [b], true, 'Z', sqlMode),
          driver.format('? /* ? */', [{ toString: () => b }], false, 'Z', sqlMode),
        ])
        assert.deepEqual(await select(literals), [a, b, b, a, b, b])
      })
      await fc.assert(property, settings)
      await connection.query("SET sql_mode = ''")
    })
  }

  it('a quoted identifier is the identifier again', async () => {
    // What identifiers of MariaDB may hold: no NUL, nothing beyond U+FFFF, and no space at the end.
    const unit = fc.constantFrom('`', '``', '"', "'", '\\', '.', '?', '-- ', '/*', '#', ';', 'é', 'a')
    const names = fc.string({ unit, minLength: 1, maxLength: 12 }).map((name) => `${name}_`)
    const property = fc.asyncProperty(names, async (name) => {
      for (const driver of [ours, oursAsMysql]) {
        const [, fields] = await connection.query(`SELECT 1 AS ${driver.escapeId(name, true)}`)
        assert.equal(fields[0].name, name)
      }
    })
    await fc.assert(property, settings)
  })
})
