'use strict'

// README's code blocks run as they stand, against a real server.

const assert = require('node:assert/strict')
const { readFileSync } = require('node:fs')
const { once } = require('node:events')
const { join } = require('node:path')
const { before, test } = require('node:test')
const mysql2 = require('mysql2/promise')
const hegar = require('..')
const { testServer } = require('./support/server.js')

const readme = readFileSync(join(__dirname, '..', 'README.md'), 'utf8')

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
  `)
  await connection.end()
})

// Runs the block that `<!-- example: name -->` marks and returns the named bindings, and what closes it.
function example(name, bindings) {
  const marked = new RegExp(`<!-- example: ${name} -->\\s+\`\`\`js\\n([\\s\\S]*?)\`\`\``).exec(readme)
  assert.ok(marked, `README has an example called ${name}`)
  const load = (id) => (id === 'hegar-native' ? hegar : require(id))
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
