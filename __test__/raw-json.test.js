'use strict'

const assert = require('node:assert/strict')
const { mariadbOnly } = require('./support/mysql.js')
const { after, before, describe, it } = require('node:test')
const { openDrivers } = require('./support/drivers.js')

describe("the cast 'raw'", () => {
  let drivers, db
  before(async () => {
    drivers = await openDrivers()
    ;({ db } = drivers)
  })
  after(() => drivers.close())

  const raw = async (text) => {
    const bytes = await db.queryJson('SELECT 1 AS a, ? AS j, 2 AS b', [text], { casts: { j: 'raw' } })
    return bytes.toString()
  }

  it('embeds the server text as it is, white space at its ends aside', async () => {
    for (const text of [
      '{"b" : 1.50, "10": [ 1e2, -0, 12345678901234567890 ], "b": "\\u00e9\\/" }',
      ' [\n 1 ]\t',
      'null',
      '"é漢😀\u2028"',
      '-1.0E+5',
      `[${'{"k":[1,"x\\"y"]},'.repeat(5000)}0]`,
      `${'['.repeat(1000)}${']'.repeat(1000)}`,
    ]) {
      assert.equal(await raw(text), `[{"a":1,"j":${text.trim()},"b":2}]`)
    }
    assert.equal(await raw(null), '[{"a":1,"j":null,"b":2}]')
  })

  it('never lets text out of its place: what is not one JSON value rejects', async () => {
    for (const text of [
      '1,"admin":true',
      '1}, {"a": 2',
      '1]',
      '"x" "y"',
      '',
      ' ',
      '{"a":1',
      '[1,]',
      "{'a':1}",
      '"\u0001"',
      '"\n"',
      '"\\x41"',
      '01',
      'NaN',
      'undefined',
      '//\n1',
      '\ufeff1',
      '1\u00a0',
      '"open',
      '{"a" 1}',
      `${'['.repeat(1001)}${']'.repeat(1001)}`,
    ]) {
      await assert.rejects(raw(text), {
        name: 'HegarError',
        code: 'HEGAR_UNSUPPORTED',
        message: /column 'j' holds text that is no JSON/,
      })
    }
    await assert.rejects(raw(Buffer.from('"\xff"', 'latin1')), { message: /malformed UTF-8/ })
    assert.equal(await raw('[1]'), '[{"a":1,"j":[1],"b":2}]')
  })

  it('costs no connection when it fails in the middle of a result', async () => {
    const sql = "SELECT IF(seq = 500, '[', '[1]') AS j FROM seq_1_to_5000"
    await db.query(sql)
    const { created } = db.stats().connections
    for (let i = 0; i < 3; i++) {
      const rejection = { code: 'HEGAR_UNSUPPORTED' }
      await assert.rejects(db.queryJson(sql, [], { casts: { j: 'raw' } }), rejection)
      await assert.rejects(db.queryJson(sql, [], { casts: { j: 'json' } }), rejection)
      await assert.rejects(db.query(sql, [], { shape: { j: { split: ',', json: true } } }), rejection)
    }
    assert.equal((await db.query(sql)).length, 5000)
    assert.equal(db.stats().connections.created, created)
  })

  it(
    'of a JSON column saves the rewriting and nothing else',
    mariadbOnly('MySQL writes JSON anew'),
    async () => {
      await drivers.run(
        'CREATE TABLE j (id INT, j JSON)',
        `INSERT INTO j VALUES (1, '{"b" : 1.0, "1" : [ ]}'), (2, NULL)`,
      )
      const sql = 'SELECT id, j FROM j ORDER BY id'
      const json = await db.queryJson(sql, [], { typeCasts: { JSON: 'raw' } })
      assert.equal(json.toString(), '[{"id":1,"j":{"b" : 1.0, "1" : [ ]}},{"id":2,"j":null}]')
      assert.deepEqual(JSON.parse(json), await db.query(sql))
      assert.equal((await db.queryJson(sql)).toString(), JSON.stringify(await db.query(sql)))
    },
  )

  it("is as good as 'json' for objects", async () => {
    const casts = { j: 'raw' }
    assert.deepEqual(await db.queryOne('SELECT ? AS j', ['{"a": [1.0]}'], { casts }), { j: { a: [1] } })
    await assert.rejects(db.query('SELECT ? AS j', ['[1'], { casts }), { code: 'HEGAR_UNSUPPORTED' })
  })
})
