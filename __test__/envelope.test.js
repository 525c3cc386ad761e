'use strict'

const assert = require('node:assert/strict')
const { after, before, describe, it } = require('node:test')
const { openDrivers } = require('./support/drivers.js')

describe('an envelope around the rows of queryJson', () => {
  let drivers, db
  before(async () => {
    drivers = await openDrivers()
    ;({ db } = drivers)
  })
  after(() => drivers.close())

  const wrapped = async (sql, envelope, options) =>
    (await db.queryJson(sql, [], { ...options, envelope })).toString()

  it('has the bytes of JSON.stringify of the whole', async () => {
    const before = {
      status: 'success',
      message: 'é"\n',
      n: 1.5,
      none: undefined,
      at: new Date(0),
      deep: { a: [null] },
    }
    const rows = [{ a: 1, b: 'x' }]
    const sql = "SELECT 1 AS a, 'x' AS b"
    const after = { next: null, skip: () => {} }
    assert.equal(
      await wrapped(sql, { key: 'data', before, after }),
      JSON.stringify({ ...before, data: rows, ...after }),
    )
    assert.equal(await wrapped(sql, { key: 'data' }), JSON.stringify({ data: rows }))
    assert.equal(await wrapped(sql, { key: 'a"b', before: {} }), JSON.stringify({ 'a"b': rows }))
    assert.equal(
      await wrapped(sql, { key: '5', before: { b: 1, 9: 2 }, after: { 1: 3 } }),
      JSON.stringify({ b: 1, 9: 2, 5: rows, 1: 3 }),
    )
    assert.equal(
      await wrapped('SELECT 1 AS a FROM DUAL WHERE FALSE', { key: 'data', before: { n: 0 } }),
      '{"n":0,"data":[]}',
    )
  })

  it('goes with every other option', async () => {
    const sql = 'SELECT 1 AS `a.b`, 2 AS c'
    assert.equal(
      await wrapped(sql, { key: 'd' }, { nest: true, casts: { c: 'string' } }),
      '{"d":[{"a":{"b":1},"c":"2"}]}',
    )
    assert.equal(await wrapped(sql, { key: 'd' }, { rowsAsArray: true }), '{"d":[[1,2]]}')
    assert.equal(
      (await db.queryJson(sql, [], { nest: true, casts: { c: 'string' } })).toString(),
      '[{"a":{"b":1},"c":"2"}]',
    )
  })

  it('may differ in every call', async () => {
    const calls = Array.from({ length: 300 }, (_, id) =>
      wrapped('SELECT 1 AS a', { key: 'rows', before: { id } }),
    )
    assert.deepEqual(
      await Promise.all(calls),
      calls.map((_, id) => `{"id":${id},"rows":[{"a":1}]}`),
    )
  })

  it('is around large results and around what a statement did', async () => {
    const sql = 'SELECT seq, REPEAT("x", 50) AS t FROM seq_1_to_20000'
    const rows = await db.query(sql)
    const after = { done: true }
    for (let i = 0; i < 3; i++) {
      assert.equal(await wrapped(sql, { key: 'data', after }), JSON.stringify({ data: rows, ...after }))
    }
    assert.equal(
      await wrapped('DO 1', { key: 'data', before: { ok: true } }),
      '{"ok":true,"data":{"affectedRows":0,"insertId":0,"info":"","warningStatus":0,"changedRows":0}}',
    )
  })

  it('keeps __proto__ as data', async () => {
    const before = JSON.parse('{"__proto__": {"polluted": 1}, "a": 2}')
    assert.equal(
      await wrapped('SELECT 1 AS n', { key: 'd', before }),
      '{"__proto__":{"polluted":1},"a":2,"d":[{"n":1}]}',
    )
    assert.equal(await wrapped('SELECT 1 AS n', { key: '__proto__' }), '{"__proto__":[{"n":1}]}')
    assert.equal({}.polluted, undefined)
  })

  it('that is none is refused with what is wrong', async () => {
    const circular = {}
    circular.self = circular
    for (const [envelope, message] of [
      ['data', /must be an object with key, before and after/],
      [null, /must be an object/],
      [{ before: {} }, /envelope\.key must be a string/],
      [{ key: 'a', head: {} }, /envelope\.head is not known/],
      [{ key: 'a', before: [] }, /envelope\.before must be an object/],
      [{ key: 'a', before: { a: 1 } }, /'a' twice/],
      [{ key: 'a', before: { b: 1 }, after: { b: 2 } }, /'b' twice/],
      [{ key: 'a', after: { a: 1 } }, /'a' twice/],
      [{ key: 'a', after: { n: 1n } }, /envelope\.after\.n can not be written as JSON/],
      [{ key: 'a', after: { circular } }, /envelope\.after\.circular can not be written/],
    ]) {
      await assert.rejects(wrapped('SELECT 1 AS n', envelope), { name: 'HegarTypeError', message })
    }
  })
})
