'use strict'

const assert = require('node:assert/strict')
const http = require('node:http')
const { after, describe, test } = require('node:test')
const { createApp } = require('../example/shop/src/app.js')

/** The application on a database that is not there: it notes what it is asked and does as it is told. */
async function serve(database) {
  const db = { metrics: () => null, isHealthy: async () => true, ...database }
  const server = http.createServer(
    createApp(db, { serverUrl: 'https://shop.test', clientUrl: 'https://web.test' }),
  )
  await new Promise((resolve) => server.listen(0, resolve))
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  return (path) => fetch(`http://localhost:${server.address().port}/api/v1/products${path}`)
}

describe('the SQL of the shop', () => {
  const MARK = 'm4rk'
  const asked = []
  const note = async (res, sql, params, options) => {
    asked.push({
      sql: sql + (options.countSql ?? ''),
      params: JSON.stringify(params) + JSON.stringify(options.countParams),
    })
    res.json({})
    return true
  }

  test('never contains a value of the request; the parameters do', async () => {
    const get = await serve({ sendPage: note, sendOne: note })
    for (const path of [
      `?search=${MARK}`,
      `?category=${MARK}`,
      `/store/1?name=${MARK}`,
      `/store/1?categories=${MARK},b`,
      `/store/1?tags=${MARK}&tags=b`,
    ]) {
      asked.length = 0
      assert.equal((await get(path)).status, 200, path)
      assert.equal(asked.length, 1)
      assert.ok(!asked[0].sql.includes(MARK), path)
      assert.ok(asked[0].params.includes(MARK), path)
    }
    for (const path of ['/7777777', '/store/7777777', '?page=7777777&limit=77', '?_sort=name&_order=DeSc']) {
      asked.length = 0
      assert.equal((await get(path)).status, 200, path)
      assert.ok(!/7777777|77|DeSc/.test(asked[0].sql), path)
    }
  })

  test('is the same text whatever values are asked for, so that it is prepared once', async () => {
    const get = await serve({ sendPage: note, sendOne: note })
    asked.length = 0
    await get('?search=a&page=1')
    await get('?search=b&page=2&limit=50')
    assert.equal(asked[0].sql, asked[1].sql)
  })
})

describe('a failure of the database', () => {
  test('is answered without a word of it, and logged', async (t) => {
    const logged = t.mock.method(console, 'error', () => {})
    const fail = async () => {
      throw Object.assign(new Error('Access denied for shop@db1'), {
        sql: 'SELECT secret',
        code: 'ER_ACCESS_DENIED_ERROR',
      })
    }
    const get = await serve({ sendPage: fail, sendOne: fail })
    for (const path of ['', '/1', '/store/1']) {
      const answer = await get(path)
      assert.equal(answer.status, 500)
      const text = await answer.text()
      assert.ok(!/Access|secret|db1|ER_|\.js/.test(text), text)
      assert.equal(JSON.parse(text).message, 'Something went wrong')
    }
    assert.equal(logged.mock.callCount(), 3)
  })
})

describe('every answer', () => {
  test('lets the web client read it and does not tell what serves it', async () => {
    const get = await serve({ sendPage: async (res) => res.json({}) })
    const answer = await get('')
    assert.equal(answer.headers.get('access-control-allow-origin'), 'https://web.test')
    assert.equal(answer.headers.get('x-powered-by'), null)
  })
})
