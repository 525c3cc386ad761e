'use strict'

// The code blocks of README and docs/ run as they stand, against a real server.

const assert = require('node:assert/strict')
const { readFileSync } = require('node:fs')
const { EventEmitter, once } = require('node:events')
const { join } = require('node:path')
const { PassThrough } = require('node:stream')
const { text } = require('node:stream/consumers')
const { before, test } = require('node:test')
const mysql2 = require('mysql2/promise')
const hegar = require('..')
const { testServer } = require('./support/server.js')

const ours = (id) => (id === 'hegar-native' ? hegar : require('../lib/express'))
const read = (file) => readFileSync(join(__dirname, '..', file), 'utf8')

before(async () => {
  const server = await testServer()
  const database = await server.database()
  process.env.DATABASE_URL = server.url(database)
  const { host, port, user, password } = server
  const connection = await mysql2.createConnection({
    host,
    port,
    user,
    password,
    database,
    multipleStatements: true,
  })
  await connection.query(`
    CREATE TABLE products (id INT PRIMARY KEY, name TEXT, regular_price INT, store_id INT, status_id INT, stock INT);
    INSERT INTO products SELECT seq, CONCAT('Product ', seq), seq * 1000, 7, 1, 5 FROM seq_1_to_45;
    CREATE TABLE gallery (id INT PRIMARY KEY, name TEXT, images TEXT);
    INSERT INTO gallery VALUES (42, 'Kris', 'a.jpg,b.jpg');
    CREATE TABLE shops (id INT PRIMARY KEY, name TEXT);
    INSERT INTO shops VALUES (7, 'Seven');
    CREATE TABLE listed (id INT, regular_price DECIMAL(10,2), stock INT, images TEXT, meta JSON, store_id INT);
    INSERT INTO listed VALUES (1, 9.50, 3, 'a.jpg,b.jpg', '{"n": 1}', 7), (2, 8, 0, NULL, NULL, NULL);
    CREATE TABLE tags (name VARCHAR(20) PRIMARY KEY, uses INT);
    CREATE PROCEDURE tag_report(IN least INT, OUT total INT) BEGIN
      SELECT name FROM tags WHERE uses >= least ORDER BY name; SELECT COUNT(*) INTO total FROM tags; END;
  `)
  await connection.end()
})

// Runs the block that `<!-- example: name -->` marks and returns the named bindings, and what closes it.
function example(name, bindings, file = 'README.md') {
  const marked = new RegExp(`<!-- example: ${name} -->\\s+\`\`\`js\\n([\\s\\S]*?)\`\`\``).exec(read(file))
  assert.ok(marked, `${file} has an example called ${name}`)
  const load = (id) => (id.startsWith('hegar-native') ? ours(id) : require(id))
  return new Function('require', `${marked[1]}\nreturn { ${bindings.join(', ')} }`)(load)
}

test('the Express example serves a page and corrects what a client asks wrongly', async () => {
  const { app, db } = example('express', ['app', 'db'])
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const response = await fetch(`http://127.0.0.1:${server.address().port}/products?page=abc&limit=1000000`)
    assert.equal(response.status, 200)
    assert.match(response.headers.get('content-type'), /^application\/json/)
    const body = await response.json()
    assert.deepEqual(Object.keys(body), ['status', 'message', 'data', 'pagination', 'timestamp'])
    assert.equal(body.data.length, 45)
    assert.deepEqual(body.data[0], { id: 1, name: 'Product 1', regular_price: 1000 })
    assert.equal(body.pagination.total, 45)
    assert.equal(body.pagination.limit, 100)
  } finally {
    server.close()
    await db.close()
  }
})

test('the caching example gives what is sold meanwhile', async () => {
  const { product, sell, db } = example('caching', ['product', 'sell', 'db'])
  const read = async () => {
    let body
    const response = { type: () => response, end: (bytes) => (body = bytes) }
    await product({ params: { id: '9' } }, response)
    return JSON.parse(body)
  }
  try {
    for (let call = 0; call < 3; call++)
      assert.deepEqual(await read(), [{ id: 9, name: 'Product 9', stock: 5 }])
    assert.equal(db.stats().cache.prefixes.product.loads, 1)
    await sell(9)
    assert.deepEqual(await read(), [{ id: 9, name: 'Product 9', stock: 4 }])
  } finally {
    await db.close()
  }
})

test('the example of the page on caching does what it says', async () => {
  const { product, list, sell, imported, db } = example(
    'cached',
    ['product', 'list', 'sell', 'imported', 'db'],
    'docs/caching.md',
  )
  try {
    assert.equal((await product(3))[0].stock, 5)
    assert.equal(JSON.parse(await list(1, 20)).length, 20)
    assert.equal(await list(1, 20), await list(1, 20))
    await sell(3)
    assert.equal((await product(3))[0].stock, 4)
    await imported()
    assert.equal(JSON.parse(await list(2, 20)).length, 20)
  } finally {
    await db.close()
  }
})

test('the example of answers that are kept gives them until somebody writes', async () => {
  const { server, db, cache } = example('answers', ['server', 'db', 'cache'])
  const get = await listening(server)
  try {
    const first = await get('/products')
    assert.equal(first.body[0].stock, 5)
    assert.match((await get('/products')).cacheStatus, /^hegar; hit; detail=front$/)
    await db.execute('UPDATE products SET stock = 6 WHERE id = 1')
    assert.equal((await get('/products')).body[0].stock, 6)
    await db.execute('UPDATE products SET stock = 5 WHERE id = 1')
  } finally {
    server.close()
    await cache.close()
    await db.close()
  }
})

test('the example of the page on HTTP answers does what it says', async () => {
  const { server, db, cache } = example('http', ['server', 'db', 'cache'], 'docs/http.md')
  const get = await listening(server)
  try {
    assert.equal((await get('/api/products')).body.length, 20)
    assert.equal((await get('/api/products')).cacheStatus, 'hegar; hit')
    assert.deepEqual((await get('/api/stores')).body, [{ store_id: 7 }])
    const { cacheStatus, left } = await get('/api/stores')
    assert.deepEqual([cacheStatus, left], ['hegar; hit; detail=front', '96'])
    for (let n = 0; n < 5; n++) assert.equal((await get('/api/users/login', 'POST')).status, 401)
    assert.equal((await get('/api/users/login', 'POST')).status, 429)
  } finally {
    server.close()
    await cache.close()
    await db.close()
  }
})

// Resolves with what asks the server, once it listens.
async function listening(server) {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return async (path, method = 'GET') => {
    const answer = await fetch(`http://127.0.0.1:${server.address().port}${path}`, { method })
    const said = await answer.text()
    const cacheStatus = answer.headers.get('cache-status')
    const isJson = /json/.test(answer.headers.get('content-type'))
    const left = answer.headers.get('ratelimit-remaining')
    return { status: answer.status, cacheStatus, left, body: isJson ? JSON.parse(said) : said }
  }
}

test('the transaction example sells what there is and no more', async () => {
  const { buy, db } = example('transactions', ['buy', 'db'])
  try {
    assert.deepEqual(await buy(7, 3), { stock: 2 })
    await assert.rejects(buy(7, 3), /sold out/)
    assert.equal((await db.queryOne('SELECT stock FROM products WHERE id = 7')).stock, 2)
  } finally {
    await db.close()
  }
})

test('the examples of queries give what README says', async () => {
  const { demo, db } = example('queries', ['demo', 'db'])
  try {
    const { rows, one, changed, json } = await demo()
    assert.equal(rows.length, 45)
    assert.deepEqual(one, { name: 'Product 42', stock: 5 })
    assert.equal(changed, 1)
    assert.equal(json, '[{"name":"Kris","images":["https://cdn.example/a.jpg","https://cdn.example/b.jpg"]}]')
  } finally {
    await db.close()
  }
})

test('the example of shapes makes the document that README says', async () => {
  const { listed, detail, db } = example('shapes', ['listed', 'detail', 'db'])
  try {
    assert.equal(
      String(await listed()),
      '{"status":"success","data":[{"id":1,"price":9.5,"available":true,"images":["/img/a.jpg","/img/b.jpg"],' +
        '"meta":{"n": 1},"store":{"id":7,"name":"Seven"}},{"id":2,"price":8,"available":false,"images":[],"meta":null,' +
        '"store":null}]}',
    )
    assert.equal(
      String(await detail(1)),
      '{"product":{"id":1,"name":"Product 1"},"others":[{"id":2,"name":"Product 2"},{"id":3,"name":"Product 3"}]}',
    )
  } finally {
    await db.close()
  }
})

test('the example of cursors walks through all pages by its links', async () => {
  const { newest, db } = example('cursors', ['newest', 'db'])
  try {
    const seen = []
    for (let query = { limit: '20' }; query !== null;) {
      const sent = {}
      const response = {
        set: (_, header) => ((sent.link = header), response),
        type: () => response,
        end: (body) => (sent.body = JSON.parse(body)),
      }
      const originalUrl = `/products?${new URLSearchParams(query)}`
      await newest({ query, originalUrl, url: originalUrl }, response)
      seen.push(...sent.body.data.map(({ id }) => id))
      const { nextCursor } = sent.body.pagination
      assert.equal(/rel="next"/.test(sent.link), nextCursor !== null)
      query = nextCursor === null ? null : { limit: '20', cursor: nextCursor }
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 45 }, (_, index) => 45 - index),
    )
  } finally {
    await db.close()
  }
})

test('the example of many rows stores and counts them', async () => {
  const { importTags, db } = example('bulk', ['importTags', 'db'])
  try {
    assert.deepEqual(await importTags(['blue,8\n', 'grey,1\n']), {
      popular: [{ name: 'blue' }, { name: 'green' }],
      total: 4,
    })
  } finally {
    await db.close()
  }
})

test('the example of limits answers, and ends with its client', async () => {
  const { report, db } = example('limits', ['report', 'db'])
  try {
    assert.equal(String(await report({}, new EventEmitter())), '[{"store_id":7,"products":45}]')
    // A client that has left already.
    const closed = { once: (_, listener) => listener() }
    await assert.rejects(report({}, closed), { code: 'HEGAR_ABORTED' })
  } finally {
    await db.close()
  }
})

test('the examples of streams read all rows, one by one and into a response', async () => {
  const { stockOf, download, db } = example('streams', ['stockOf', 'download', 'db'])
  try {
    const { total } = await db.queryOne('SELECT CAST(SUM(stock) AS SIGNED) AS total FROM products')
    assert.equal(await stockOf(7), total)
    const response = Object.assign(new PassThrough(), { type: (type) => (response.sent = type) })
    const [body] = await Promise.all([text(response), download({}, response)])
    assert.equal(response.sent, 'application/x-ndjson')
    assert.equal(body.trimEnd().split('\n').length, 45)
  } finally {
    await db.close()
  }
})

test('the example of tracing sees the statements', async () => {
  const { spans } = example('tracing', ['spans'], 'docs/tracing.md')
  const db = hegar.createPool(process.env.DATABASE_URL)
  try {
    await db.query('SELECT 1 AS traced')
    const span = spans.find(({ sql }) => sql === 'SELECT 1 AS traced')
    assert.equal(span.failed, false)
    assert.ok(span.ms > 0)
  } finally {
    await db.close()
  }
})

test('every code of our own has its line in docs/errors.md, and every line a code', () => {
  const types = /export type HegarErrorCode =([\s\S]*?)\n\n/.exec(read('index.d.ts'))[1].match(/HEGAR_\w+/g)
  const lines = [...read('docs/errors.md').matchAll(/^\| `(HEGAR_\w+)`/gm)].map(([, code]) => code)
  assert.deepEqual(lines.toSorted(), types.toSorted())
})

test('the example of metrics answers in the format of Prometheus', async () => {
  const { metrics, db } = example('metrics', ['metrics', 'db'])
  try {
    await db.query('SELECT 1')
    const sent = {}
    metrics({}, { type: (type) => ((sent.type = type), { end: (text) => (sent.text = text) }) })
    assert.match(sent.text, /^# TYPE database_query_duration_seconds histogram$/m)
    assert.doesNotMatch(sent.text, /SELECT/)
  } finally {
    await db.close()
  }
})
