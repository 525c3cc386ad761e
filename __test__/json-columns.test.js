'use strict'

const assert = require('node:assert/strict')
const { after, before, describe, it } = require('node:test')
const { openDrivers } = require('./support/drivers.js')
const { isMysql, mariadbOnly } = require('./support/mysql.js')

// Texts that MariaDB keeps as they are written. The few that it would refuse are let in with its check off.
const DOCUMENTS = {
  'white space everywhere': ' { "a" : [ 1 ,\t2,\r\n 3 ] , "b" : { } , "c":[ ] } ',
  'plain values': ['0', 'true', 'false', 'null', '""', '"text"', '[]', '{}', '-1.5'],
  'numbers in every notation':
    '[0, -0, 0.0, -0.0, 1.0, 1.50, 1e2, 1E+2, 1e-2, 1.5e300, 1e400, -1e400, 5e-324, 1e-400]',
  'numbers that a double rounds':
    '[9007199254740991, 9007199254740993, 12345678901234567890, 0.1234567890123456789, 1.7976931348623157e308]',
  'numbers at the border of the exponent':
    '[0.000001, 0.0000001, 100000000000000000000, 1000000000000000000000]',
  'escapes of all kinds': String.raw`["\u0041", "\u00e9", "\u6f22", "\/", "\b\f\n\r\t", "\"\\", "\u0000\u001F", "\u2028\u2029", "\u007f"]`,
  'surrogates in pairs and alone': String.raw`["\ud83d\ude00", "\uD83D\uDE00", "\ud83d", "\ude00", "\ude00\ud83d", "\ud83dx"]`,
  'text beyond ASCII': '{"é漢": "😀", "😀": ["ü", "\u{10ffff}"]}',
  'integer-like keys before others':
    '{"b":1,"10":2,"9":3,"a":4,"1":5,"01":6,"-1":7,"1.5":8,"4294967294":9,"4294967295":10}',
  'integer-like keys inside': '[{"x":{"2":1,"1":{"b":0,"3":1}}}, {"1":1}, {"y":{},"0":[]}]',
  'keys that objects inherit':
    '{"__proto__":{"polluted":true},"constructor":1,"toString":2,"hasOwnProperty":null,"valueOf":[]}',
  '__proto__ inside': '{"a":{"__proto__":null,"b":[{"__proto__":[1,{"__proto__":2}]}]}}',
  'repeated keys': String.raw`{"a":1,"b":2,"a":3,"\u0061":{"c":4,"c":5}}`,
  'repeated integer-like keys': '{"x":0,"1":1,"y":2,"1":3,"0":4,"x":5}',
  'empty keys': '{"":1," ":2,"\\u0000":3}',
  'deep nesting': `${'['.repeat(30)}1${']'.repeat(30)}`,
  'deep objects': `${'{"k":'.repeat(30)}[]${'}'.repeat(30)}`,
  'a long text': JSON.stringify({
    text: 'x"y\\z\n'.repeat(5000),
    list: Array.from({ length: 500 }, (_, i) => i / 7),
  }),
}

const rewritten = mariadbOnly('MySQL writes JSON anew')
const refused = mariadbOnly('MySQL takes no text that is no JSON')

describe('JSON columns read as mysql2 reads them', () => {
  let drivers, same, run
  before(async () => {
    drivers = await openDrivers()
    ;({ same, run } = drivers)
    if (!isMysql) await run('SET check_constraint_checks = 0')
    await run('CREATE TABLE j (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(80), j JSON)')
    for (const [name, texts] of Object.entries(DOCUMENTS)) {
      for (const text of [texts].flat())
        await drivers.my.query('INSERT INTO j (name, j) VALUES (?, ?)', [name, text]).catch((error) => {
          // MySQL reads JSON when it is written, and some of these numbers are too large for it.
          if (!isMysql || error.code !== 'ER_INVALID_JSON_TEXT') throw error
        })
    }
    await run("INSERT INTO j (name, j) VALUES ('NULL', NULL)")
  })
  after(() => drivers.close())

  for (const name of [...Object.keys(DOCUMENTS), 'NULL']) {
    it(`with ${name}`, async () => {
      const rows = await same(`SELECT j FROM j WHERE name = '${name}' ORDER BY id`)
      assert.ok(rows.length > 0 || isMysql)
    })
  }

  it('all in one result', () => same('SELECT * FROM j ORDER BY id'))

  it('the prototype of no object is changed by a document', async () => {
    const [{ j }] = await drivers.db.query("SELECT j FROM j WHERE name = 'keys that objects inherit'")
    assert.ok(Object.hasOwn(j, '__proto__'))
    assert.equal(Object.getPrototypeOf(j), Object.prototype)
    assert.equal({}.polluted, undefined)
  })

  it('JSON that functions make', () =>
    same(
      `SELECT JSON_OBJECT('b', 1, 'a', NULL, '1', 2.50), JSON_ARRAY(1, 'x', NULL, 1.0), JSON_EXTRACT(j, '$.a'),
        JSON_ARRAYAGG(id), JSON_OBJECTAGG(id, name), JSON_VALUE('{"a":1}', '$.a'), JSON_UNQUOTE('"x"'),
        JSON_MERGE_PATCH('{"a":1}', '{"b":2}'), JSON_KEYS('{"a":1}'), CAST(j AS CHAR), JSON_TYPE(j), JSON_PRETTY(j)
      FROM j WHERE name = 'white space everywhere' GROUP BY id`,
    ))

  it('texts that only look like JSON stay texts', async () => {
    await run(
      'CREATE TABLE lookalike (t LONGTEXT, v VARCHAR(40))',
      `INSERT INTO lookalike VALUES ('{"a": 1}', '[1, 2]')`,
    )
    const [row] = await same('SELECT t, v FROM lookalike')
    assert.equal(row.t, '{"a": 1}')
  })

  it('as text with jsonStrings, untouched', rewritten, async () => {
    const strings = await openDrivers({ jsonStrings: true })
    try {
      await strings.run('SET check_constraint_checks = 0', 'CREATE TABLE j (j JSON)')
      for (const texts of Object.values(DOCUMENTS)) {
        for (const text of [texts].flat()) await strings.my.query('INSERT INTO j VALUES (?)', [text])
      }
      const rows = await strings.same('SELECT j FROM j')
      assert.equal(rows[0].j, DOCUMENTS['white space everywhere'])
    } finally {
      await strings.close()
    }
  })

  for (const text of [
    '{"a": [1, 2',
    '',
    '{"a":1} x',
    "{'a':1}",
    '[01]',
    '[1,]',
    '"\u0001"',
    'NaN',
    '[1.]',
    '"\\x"',
    '\ufeff1',
  ]) {
    it(`text that is no JSON, ${JSON.stringify(text)}, fails its call and no other`, refused, async () => {
      await run('CREATE OR REPLACE TABLE broken (j JSON)')
      await drivers.my.query('INSERT INTO broken VALUES (?), (?)', ['[1]', text])
      const rejection = {
        name: 'HegarError',
        code: 'HEGAR_UNSUPPORTED',
        message: /column 'j'.*no JSON.*jsonStrings/s,
      }
      await assert.rejects(drivers.db.queryJson('SELECT j FROM broken'), rejection)
      await assert.rejects(drivers.db.query('SELECT j FROM broken'), {
        ...rejection,
        message: /no JSON.*jsonStrings/s,
      })
      assert.deepEqual(await drivers.db.query('SELECT j FROM broken LIMIT 1'), [{ j: [1] }])
    })
  }
})
