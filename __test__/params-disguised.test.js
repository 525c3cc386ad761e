'use strict'

const assert = require('node:assert/strict')
const { after, before, describe, it } = require('node:test')
const vm = require('node:vm')
const { createPool } = require('../index.js')
const { testServer } = require('./support/server.js')

describe('a value that is not what it seems', () => {
  let db, options
  before(async () => {
    const { host, port, user, password } = await testServer()
    options = { host, port, user, password, timezone: 'Z' }
    db = createPool(options)
  })
  after(() => db.close())

  const refused = async (value, message, sql = 'SELECT ? AS v') => {
    for (const params of [[value], [[value, 1]]]) {
      if (Array.isArray(value) && Array.isArray(params[0][0])) continue
      const error = await db.query(sql, params).then(assert.fail, (reason) => reason)
      assert.equal(error.name, 'HegarTypeError', error.stack)
      assert.equal(error.code, 'HEGAR_PARAM_INVALID')
      assert.match(error.message, message)
      assert.ok(error.message.length < 300, `${error.message.length} characters`)
    }
  }

  it('is refused when it has the prototype of a Date or of bytes alone', async () => {
    await refused(Object.create(Date.prototype), /position 1.* of type Date/)
    await refused(Object.create(Uint8Array.prototype), /position 1.* of type Uint8Array/)
    await refused(new Proxy(new Date(), {}), /of type Date/)
  })

  it('is refused with its type, whatever a request body says its constructor is', async () => {
    for (const constructor of [
      { name: 'x'.repeat(1e6) },
      { name: { toString: 1 } },
      { name: Symbol('s') },
      null,
      1,
    ]) {
      await refused({ constructor }, /of type Object/)
    }
    await refused(
      {
        get constructor() {
          throw new Error('read')
        },
      },
      /of type Object/,
    )
    await refused(Object.create(null), /of type Object/)
    await refused(new (class Money {})(), /of type Money/)
    await refused(new (class extends Map {})(), /of type Object/)
  })

  it('is sent when it is a Date or bytes of another context', async () => {
    const [date, bytes, list] = vm.runInNewContext('[new Date(1e12), new Uint8Array([65, 66]), [1, 2]]')
    const row = await db.queryOne('SELECT CAST(? AS CHAR(19)) AS d, HEX(?) AS b, 2 IN (?) AS l', [
      date,
      bytes,
      list,
    ])
    assert.deepEqual(row, { d: '2001-09-09 01:46:40', b: '4142', l: 1 })
  })

  it('is sent with the bytes that it has, not with those that it claims', async () => {
    class Liar extends Uint8Array {
      get length() {
        return this[0] === 0 ? -1 : 100_000
      }
      get byteLength() {
        return 7
      }
    }
    for (const [value, hex] of [
      [new Liar([1, 2, 3]), '010203'],
      [new Liar([0, 2]), '0002'],
      [new Uint8Array([9, 8, 7, 6]).subarray(1, 3), '0807'],
      [new Uint8Array(new SharedArrayBuffer(2)), '0000'],
      [new Uint8Array(0), ''],
    ]) {
      assert.equal((await db.queryOne('SELECT HEX(?) AS v', [value])).v, hex)
    }
  })

  it('is refused when its memory has gone to another thread', async () => {
    const bytes = new Uint8Array(8)
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
    await refused(bytes, /holds no bytes any more/)
  })

  it('is refused when it is a Date that tells no time', async () => {
    for (const methods of [
      { getTime: () => NaN },
      { getUTCFullYear: () => NaN },
      { getUTCFullYear: () => -1 },
      { getMilliseconds: () => 1e9 },
      { getMilliseconds: () => NaN },
    ]) {
      const zoned = createPool({ ...options, timezone: 'local' })
      const local = Object.fromEntries(
        Object.entries(methods).map(([name, method]) => [name.replace('UTC', ''), method]),
      )
      const error = await zoned
        .query('SELECT ?', [Object.assign(new Date(), local)])
        .then(assert.fail, (reason) => reason)
      assert.equal(error.name, 'HegarTypeError', error.stack)
      await zoned.close()
    }
  })

  it('is refused when it is a list of more values than a statement takes', async () => {
    const error = await db
      .query('SELECT 1 IN (?)', [Array.from({ length: 65_536 }, (_, i) => i)])
      .then(assert.fail, (reason) => reason)
    assert.equal(error.code, 'HEGAR_PARAM_INVALID')
    assert.match(error.message, /65536 values/)
  })

  it('reaches the server alone when reading it makes another call', async () => {
    const inner = []
    const params = {
      first: 'first',
      get second() {
        inner.push(db.query('SELECT ? AS a, ? AS b', ['inner', 'x'.repeat(50_000)]))
        return 'second'
      },
      third: 'third',
    }
    assert.deepEqual(await db.query('SELECT :first AS a, :second AS b, :third AS c', params), [
      { a: 'first', b: 'second', c: 'third' },
    ])
    assert.deepEqual(await inner[0], [{ a: 'inner', b: 'x'.repeat(50_000) }])
  })

  it('also when the call in between fails, and so does the one around it', async () => {
    const inner = []
    const list = new Proxy([1, 2, 3], {
      get(target, name) {
        if (name === '1') inner.push(db.query('SELECT ?', [undefined]).catch((error) => error.code))
        return target[name]
      },
    })
    assert.deepEqual(await db.query('SELECT ? AS a, 3 IN (?) AS b', ['kept', list]), [{ a: 'kept', b: 1 }])
    assert.deepEqual(await Promise.all(inner), inner.length > 0 ? ['HEGAR_PARAM_INVALID'] : [])
    assert.equal(inner.length, 1)

    const broken = {
      a: 1,
      get b() {
        throw new RangeError('not now')
      },
    }
    await assert.rejects(db.query('SELECT :a, :b', broken), RangeError)
    assert.deepEqual(await db.query('SELECT ? AS a', ['next']), [{ a: 'next' }])
  })
})

describe('what is longer than a packet', () => {
  it('is refused before it is sent, and the connection goes on', async () => {
    const { host, port, user, password } = await testServer()
    const db = createPool({ host, port, user, password, connectionLimit: 1, maxAllowedPacketBytes: 100_000 })
    await db.query('SELECT 1')
    for (const call of [
      () => db.query('SELECT LENGTH(?) AS n', ['x'.repeat(100_000)]),
      () => db.query('SELECT LENGTH(?) + LENGTH(?) AS n', ['x'.repeat(60_000), Buffer.alloc(60_000)]),
      () => db.query(`SELECT ${JSON.stringify('x'.repeat(100_000))} AS t`),
    ]) {
      const error = await call().then(assert.fail, (reason) => reason)
      assert.equal(error.code, 'HEGAR_PARAM_INVALID', error.message)
      assert.match(error.message, /more than maxAllowedPacketBytes, 100000/)
    }
    assert.deepEqual(await db.query('SELECT LENGTH(?) AS n', ['x'.repeat(99_000)]), [{ n: 99_000 }])
    assert.deepEqual([db.stats().connections.created, db.stats().pool.total], [1, 1])
    await db.close()
  })

  it('nor is more packed than the longest packet there is', async () => {
    const { host, port, user, password } = await testServer()
    const db = createPool({ host, port, user, password })
    const half = Buffer.alloc(2 ** 29)
    const error = await db.query('SELECT ?, ?', [half, half]).then(assert.fail, (reason) => reason)
    assert.equal(error.code, 'HEGAR_PARAM_INVALID')
    assert.match(error.message, /1073741824 bytes/)
    await db.close()
  })
})
