'use strict'

const assert = require('node:assert/strict')
const { after, before, describe, it } = require('node:test')
const { openDrivers } = require('./support/drivers.js')

describe('the shape option', () => {
  let drivers, db
  before(async () => {
    drivers = await openDrivers()
    ;({ db } = drivers)
  })
  after(() => drivers.close())

  const shaped = async (sql, shape, params) => JSON.parse(await db.queryJson(sql, params, { shape }))

  it('splits joined text into an array, NULL and empty text into none', async () => {
    const sql =
      "SELECT 'a,b,c' AS v UNION ALL SELECT 'one' UNION ALL SELECT '' UNION ALL SELECT NULL UNION ALL SELECT ',x,'"
    assert.deepEqual(
      (await shaped(sql, { v: { split: ',' } })).map(({ v }) => v),
      [['a', 'b', 'c'], ['one'], [], [], ['', 'x', '']],
    )
  })

  it('splits at longer separators, and at text beyond ASCII', async () => {
    assert.deepEqual(await shaped("SELECT 'a||b|c' AS v", { v: { split: '||' } }), [{ v: ['a', 'b|c'] }])
    assert.deepEqual(await shaped("SELECT 'é漢é😀' AS v", { v: { split: '漢' } }), [{ v: ['é', 'é😀'] }])
    assert.deepEqual(await shaped("SELECT 'aaa' AS v", { v: { split: 'aa' } }), [{ v: ['', 'a'] }])
  })

  it('puts a prefix in front of a text or of each part, not of NULL', async () => {
    const prefix = 'https://shop.example/é"/'
    const sql = "SELECT 'a.jpg,b.jpg' AS many, 'c.jpg' AS one, NULL AS none, '' AS none_at_all"
    assert.deepEqual(
      await shaped(sql, {
        many: { split: ',', prefix },
        one: { prefix },
        none: { prefix },
        none_at_all: { prefix },
      }),
      [
        {
          many: [`${prefix}a.jpg`, `${prefix}b.jpg`],
          one: `${prefix}c.jpg`,
          none: null,
          none_at_all: prefix,
        },
      ],
    )
  })

  it('prints text as numbers, alone or in parts; what is no number is null', async () => {
    const sql =
      "SELECT 12.50 AS price, '1,2.5,x,,1e3' AS list, '007' AS n, NULL AS none, 7 AS already, 'text' AS t"
    const number = { number: true }
    assert.deepEqual(
      await shaped(sql, {
        price: number,
        list: { split: ',', number: true },
        n: number,
        none: number,
        already: number,
        t: number,
      }),
      [{ price: 12.5, list: [1, 2.5, null, null, 1000], n: 7, none: null, already: 7, t: null }],
    )
  })

  it('takes words that Rust reads as numbers and JavaScript does not for no number', async () => {
    for (const text of ['inf', 'Infinity', '-infinity', 'nan', 'NaN', '1_000', '0x10']) {
      const [{ v }] = await shaped('SELECT ? AS v', { v: { number: true } }, [text])
      assert.equal(v, null, text)
    }
  })

  it('changes columns of other types by their text', async () => {
    const sql = "SELECT 5 AS n, 2.50 AS d, DATE '2024-01-02' AS day, 'x\"y\\\\z\\n' AS t"
    const shape = { n: { prefix: 'id-' }, d: { split: '.' }, t: { prefix: '>' } }
    const [row] = await shaped(sql, shape)
    assert.equal(row.n, 'id-5')
    assert.deepEqual(row.d, ['2', '50'])
    assert.equal(row.t, '>x"y\\z\n')
  })

  it('leaves other columns, their order and names as they are', async () => {
    const sql = "SELECT 'a,b' AS x, 'a,b' AS y, 1 AS `2`, 'c,d' AS `1`, 'e,f' AS x"
    assert.equal(
      (await db.queryJson(sql, null, { shape: { x: { split: ',' }, missing: { split: ',' } } })).toString(),
      '[{"1":"c,d","2":1,"x":["e","f"],"y":"a,b"}]',
    )
    assert.equal((await db.queryJson(sql)).toString(), JSON.stringify(await drivers.expectedRows(sql)))
  })

  it('follows each call, also for one statement with several shapes and a shape that was changed', async () => {
    const sql = "SELECT 'a,b' AS v"
    const shape = { v: { split: ',' } }
    assert.deepEqual(await shaped(sql, shape), [{ v: ['a', 'b'] }])
    assert.deepEqual(await shaped(sql, { v: { prefix: '/' } }), [{ v: '/a,b' }])
    assert.deepEqual(await shaped(sql, undefined), [{ v: 'a,b' }])
    shape.v.split = 'a'
    assert.deepEqual(await shaped(sql, shape), [{ v: ['', ',b'] }])
    const whole = Object.freeze({ v: Object.freeze({ split: ',' }) })
    for (let call = 0; call < 2; call++) assert.deepEqual(await shaped(sql, whole), [{ v: ['a', 'b'] }])
    const frozen = Object.freeze({ v: { split: ',' } })
    assert.deepEqual(await shaped(sql, frozen), [{ v: ['a', 'b'] }])
    frozen.v.split = 'b'
    assert.deepEqual(
      await shaped(sql, frozen),
      [{ v: ['a,', ''] }],
      'what is inside a frozen shape may change',
    )
  })

  it('of names that objects inherit is data', async () => {
    const shape = JSON.parse('{"__proto__": {"split": ","}, "constructor": {"split": ","}}')
    assert.equal(
      (
        await db.queryJson("SELECT 'a,b' AS __proto__, 'c,d' AS constructor, 'e,f' AS toString", [], {
          shape,
        })
      ).toString(),
      '[{"__proto__":["a","b"],"constructor":["c","d"],"toString":"e,f"}]',
    )
  })

  it('that is wrong is refused with the name of what is wrong', async () => {
    for (const [shape, message] of [
      ['split', /shape must be an object, not string/],
      [[{ split: ',' }], /shape must be an object, not an array/],
      [{ v: 'split' }, /shape\.v must be an object/],
      [{ v: null }, /shape\.v must be an object/],
      [{ v: { splitt: ',' } }, /shape\.v\.splitt is not known/],
      [{ v: { split: '' } }, /shape\.v\.split must be the separator/],
      [{ v: { split: 1 } }, /shape\.v\.split/],
      [{ v: { prefix: 1 } }, /shape\.v\.prefix must be a string/],
      [{ v: { number: 'yes' } }, /shape\.v\.number must be true or false/],
      [{ v: { toString: ',' } }, /shape\.v\.toString is not known/],
    ]) {
      await assert.rejects(db.queryJson('SELECT 1 AS v', [], { shape }), { name: 'HegarTypeError', message })
      const page = { page: 1, limit: 1, shape }
      await assert.rejects(db.paginateJson('SELECT 1 AS v', [], page), { name: 'HegarTypeError', message })
    }
  })

  it('of undefined parts counts as not given', async () => {
    assert.deepEqual(
      await shaped("SELECT 'a,b' AS v", { v: { split: ',', prefix: undefined, number: undefined } }),
      [{ v: ['a', 'b'] }],
    )
  })
})
