'use strict'

const { after, before, describe, it } = require('node:test')
const assert = require('node:assert/strict')
const { createPool } = require('../index.js')
const { rejects, until } = require('./support/outcome.js')
const { testServer } = require('./support/server.js')

let db
let options
before(async () => {
  const server = await testServer()
  const { host, port, user, password } = server
  options = { host, port, user, password, database: await server.database() }
  db = createPool({ ...options, connectionLimit: 4 })
  await db.script(`
    CREATE TABLE products (id INT PRIMARY KEY, name VARCHAR(50), meta JSON);
    INSERT INTO products SELECT seq, CONCAT('größe "', seq, '"'), JSON_OBJECT('n', seq) FROM seq_1_to_30;
    CREATE TABLE images (product_id INT, image VARCHAR(50));
    INSERT INTO images SELECT 1 + seq % 3, CONCAT(seq, '.jpg') FROM seq_1_to_9;
  `)
})
after(() => db.close())

const PRODUCT = 'SELECT id, name, meta FROM products WHERE id = ?'
const IMAGES = 'SELECT image FROM images WHERE product_id = :id ORDER BY image'

describe('reads that are asked for together', () => {
  it('give their results in the order of an array', async () => {
    const results = await db.all([
      { sql: PRODUCT, params: [1] },
      { sql: IMAGES, params: { id: 1 } },
      { sql: 'SELECT 1 AS n WHERE FALSE' },
    ])
    assert.deepEqual(results, [
      [{ id: 1, name: 'größe "1"', meta: { n: 1 } }],
      [{ image: '3.jpg' }, { image: '6.jpg' }, { image: '9.jpg' }],
      [],
    ])
  })

  it('give them by name, the first row alone where one is wanted', async () => {
    const results = await db.all({
      product: { sql: PRODUCT, params: [2], one: true },
      nobody: { sql: PRODUCT, params: [99], one: true },
      images: { sql: IMAGES, params: { id: 2 }, rowsAsArray: true },
      ['__proto__']: { sql: 'SELECT 7 AS n', one: true },
    })
    assert.deepEqual(Object.keys(results), ['product', 'nobody', 'images', '__proto__'])
    assert.equal(results.product.name, 'größe "2"')
    assert.equal(results.nobody, null)
    assert.deepEqual(results.images, [['1.jpg'], ['4.jpg'], ['7.jpg']])
    assert.deepEqual(Object.getOwnPropertyDescriptor(results, '__proto__').value, { n: 7 })
  })

  it('take what changes rows, functions too', async () => {
    const [named, doubled] = await db.all([
      { sql: 'SELECT 1 AS is_on, id FROM products WHERE id < 3', casts: { is_on: 'boolean' } },
      { sql: 'SELECT id FROM products WHERE id < 3', casts: { id: (value) => value * 2 } },
    ])
    assert.deepEqual(named, [
      { is_on: true, id: 1 },
      { is_on: true, id: 2 },
    ])
    assert.deepEqual(doubled, [{ id: 2 }, { id: 4 }])
  })

  it('run at the same time, on connections of their own', async () => {
    const started = performance.now()
    await db.all(Array.from({ length: 4 }, () => ({ sql: 'SELECT SLEEP(0.4)' })))
    assert.ok(performance.now() - started < 1200, 'they did not wait for each other')
    assert.equal(db.stats().pool.total, 4)
  })

  it('run one after the other in a transaction, and see what it has done', () =>
    db.transaction(async (tx) => {
      await tx.execute("UPDATE products SET name = 'mine' WHERE id = 3")
      const { one, all } = await tx.all({
        one: { sql: 'SELECT name FROM products WHERE id = 3', one: true },
        all: { sql: 'SELECT COUNT(*) AS n FROM products', one: true },
      })
      assert.deepEqual([one, all], [{ name: 'mine' }, { n: 30 }])
      await tx.rollback()
    }))

  it('are one JSON document, the bytes of JSON.stringify of the same results', async () => {
    const queries = {
      product: { sql: PRODUCT, params: [1], one: true },
      nobody: { sql: PRODUCT, params: [99], one: true },
      first: { sql: 'SELECT id FROM products ORDER BY id', one: true },
      images: { sql: IMAGES, params: { id: 1 } },
      'a "name"': { sql: 'SELECT 1 AS n WHERE FALSE' },
    }
    const bytes = await db.allJson(queries)
    assert.ok(Buffer.isBuffer(bytes))
    assert.equal(String(bytes), JSON.stringify(await db.all(queries)))
    const list = Object.values(queries)
    assert.equal(String(await db.allJson(list)), JSON.stringify(await db.all(list)))
    const shaped = await db.allJson([{ sql: IMAGES, params: { id: 1 }, shape: { image: { prefix: '/i/' } } }])
    assert.match(String(shaped), /^\[\[\{"image":"\/i\/3\.jpg"\}/)
  })

  it('of which there are none give nothing', async () => {
    assert.deepEqual(await db.all([]), [])
    assert.deepEqual(await db.all({}), {})
    assert.equal(String(await db.allJson([])), '[]')
    assert.equal(String(await db.allJson({})), '{}')
  })
})

describe('reads of which one fails', () => {
  it('reject with its statement and its name, when all have ended', async () => {
    const error = await rejects(
      db.all({ fine: { sql: 'SELECT SLEEP(0.1)' }, wrong: { sql: 'SELECT nothing' } }),
      'ER_BAD_FIELD_ERROR',
    )
    assert.equal(error.query, 'wrong')
    assert.equal(error.sql, 'SELECT nothing')
    assert.match(error.stack, /all\.test\.js/)
    assert.equal(db.stats().pool.inFlight, 0)
    const inList = await rejects(
      db.allJson([{ sql: 'SELECT 1' }, { sql: 'SELECT nothing' }]),
      'ER_BAD_FIELD_ERROR',
    )
    assert.equal(inList.query, 1)
    const done = await rejects(db.allJson([{ sql: 'DO 1' }]), 'HEGAR_PARAM_INVALID')
    assert.equal(done.query, 0)
  })

  it('end all at once by a signal or timeoutMs', async () => {
    const controller = new AbortController()
    const queries = Array.from({ length: 6 }, () => ({ sql: 'SELECT SLEEP(30)' }))
    const aborted = rejects(db.all(queries, { signal: controller.signal }), 'HEGAR_ABORTED')
    const late = rejects(db.allJson(queries, { timeoutMs: 200 }), 'HEGAR_QUERY_TIMEOUT', 1500)
    await until('they run', () => db.stats().pool.active === 4)
    controller.abort()
    await Promise.all([aborted, late])
    await until('the connections are back', () => db.stats().pool.active === 0, 3000)
    assert.equal(db.stats().pool.waiting, 0)
  })

  const wrong = [
    ['no queries', undefined, /needs an array of queries/],
    ['a text', ['SELECT 1'], /query 1 must be an object/],
    ['no statement', [{ params: [] }], /must be a string of SQL/],
    [
      'an unknown option',
      { a: { sql: 'SELECT 1', parms: [] } },
      /query 'a' has no option 'parms': did you mean 'params'/,
    ],
    ['a missing value', [{ sql: 'SELECT ?', params: [] }], /1 placeholder/],
    ['one that is no boolean', [{ sql: 'SELECT 1', one: 1 }], /one must be/],
    ['a signal of its own', [{ sql: 'SELECT 1', timeoutMs: 5 }], /no option 'timeoutMs'/],
  ]
  for (const [name, queries, message] of wrong) {
    it(`are refused before anything is sent: ${name}`, async () => {
      const before = db.stats().queries.total
      await assert.rejects(db.all(queries), message)
      assert.equal(db.stats().queries.total, before)
    })
  }
})

describe('a read of all() that fails before or after the server', () => {
  it('is named in the error', async () => {
    const bad = { good: { sql: 'SELECT 1', params: [] }, bad: { sql: 'SELECT ?', params: [Symbol('no')] } }
    const unsent = await rejects(db.all(bad), 'HEGAR_PARAM_INVALID')
    assert.equal(unsent.query, 'bad')
    assert.equal('part' in unsent, false)
    const text = { sql: "SELECT '{' AS a", params: [], casts: { a: 'json' } }
    const unread = await rejects(db.all([{ sql: 'SELECT 1' }, text]), 'HEGAR_UNSUPPORTED')
    assert.equal(unread.query, 1)
  })
})
