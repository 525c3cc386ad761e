'use strict'

const assert = require('node:assert/strict')
const { before, after, describe, test } = require('node:test')
const { createPool } = require('../index.js')
const { startMariadb } = require('../tools/mariadb.js')
const { loadConfig } = require('../example/shop/src/config.js')
const { withSetupConnection } = require('../example/shop/src/connection.js')
const { startShop } = require('../example/shop/src/server.js')
const { migrateUp } = require('../example/shop/migrate.js')
const { seed } = require('../example/shop/seed.js')

const PRODUCTS = 600
const LIST = '/api/v1/products'

let server
let shops
let config

before(async () => {
  server = await startMariadb({ args: ['--default-time-zone=+00:00'] })
  const env = {
    DATABASE_URL: server.url('shop_test'),
    SERVER_URL: 'https://shop.test',
    PORT: '0',
    DB_TIMEZONE: 'Z',
    // Answers are compared with those of the database as it is.
    CACHE: 'off',
    RATE_LIMIT: '0',
  }
  config = loadConfig(env)
  await withSetupConnection(config.database, async (connection) => {
    await migrateUp(connection)
    await seed(connection, { products: PRODUCTS })
    // What the seed has no example of: every nullable column empty, and a store that is not there.
    await connection.query(
      `INSERT INTO products (id, name, description, weight, regular_price, sale_price, store_id, status_id, stock)
       VALUES (?, ?, ?, '0', 0, NULL, 999999, 1, 0)`,
      [PRODUCTS + 1, 'Bare "product" \\ with 100% of _nothing_! 🧺', 'line one\nline two\t\u0001'],
    )
  })
  shops = {
    hegar: await startShop(config),
    mysql2: await startShop({ ...config, driver: 'mysql2' }),
  }
})

after(async () => {
  await Promise.all(Object.values(shops ?? {}).map((shop) => shop.close()))
  await server?.stop()
})

async function get(path, shop = shops.hegar) {
  const answer = await fetch(shop.url + path)
  const text = await answer.text()
  return { status: answer.status, type: answer.headers.get('content-type'), text, body: JSON.parse(text) }
}

const list = async (query) => (await get(`${LIST}?${new URLSearchParams(query)}`)).body

/** Every row of a list, read page by page. */
async function walk(query) {
  const rows = []
  for (let page = 1; ; page++) {
    const { data, pagination } = await list({ ...query, page, limit: 100 })
    rows.push(...data)
    if (!pagination.hasNext) return rows
  }
}

describe('the answers that are kept', () => {
  test('come again until somebody writes, to so many requests as the limit has', async () => {
    const shop = await startShop({ ...config, cache: true, rateLimit: 8 })
    const writer = createPool(config.database)
    try {
      const ask = async (path) => {
        const answer = await fetch(shop.url + path)
        const text = await answer.text()
        const cacheStatus = answer.headers.get('cache-status')
        return { status: answer.status, text, cacheStatus, left: answer.headers.get('ratelimit-remaining') }
      }
      const list = await ask(`${LIST}?page=2&utm_source=mail`)
      const again = await ask(`${LIST}?page=2`)
      assert.equal(again.text, list.text)
      assert.equal(again.cacheStatus, 'hegar; hit')
      const front = await ask(`${LIST}?page=2`)
      assert.deepEqual([front.cacheStatus, front.left], ['hegar; hit; detail=front', '5'])
      const before = await ask(`${LIST}/7`)
      await writer.execute('UPDATE product_review SET rating = rating WHERE review_id = 1')
      await writer.execute('UPDATE products SET stock = stock + 1 WHERE id = 7')
      const after = await ask(`${LIST}/7`)
      assert.equal(JSON.parse(after.text).data.stock, JSON.parse(before.text).data.stock + 1)
      for (let n = 0; n < 3; n++) await ask(`${LIST}/7`)
      const refused = await ask(`${LIST}/7`)
      assert.equal(refused.status, 429)
      assert.equal(JSON.parse(refused.text).message, 'Too many requests, please try again later.')
      const metrics = await (await fetch(`${shop.url}/metrics`)).text()
      assert.match(metrics, /^hegar_http_cache_front_hits_total [1-9]/m)
    } finally {
      await writer.close()
      await shop.close()
    }
  })
})

describe('the answers of both drivers', () => {
  const sorts = ['name', 'regular_price', 'sale_price', 'released_date', 'rating', 'discount']
  const queries = [
    '',
    '?page=2&limit=7',
    '?limit=1',
    '?limit=100&page=6',
    '?limit=100&page=7',
    '?page=9999999',
    '?page=90071992547409&limit=100',
    ...sorts.flatMap((sort) => [
      `?_sort=${sort}`,
      `?_sort=${sort}&_order=DESC&page=3`,
      `?_sort=${sort}&_order=asc&limit=100`,
    ]),
    '?_order=asc',
    '?search=gayo',
    '?search=GAYO&category=batik',
    '?search=%25',
    '?search=_',
    '?search=!',
    '?search=%5C',
    '?search=%22',
    "?search='%20OR%201=1%20--%20",
    '?search=cr%C3%A8me',
    '?search=%F0%9F%A7%BA',
    '?search=%00',
    '?search=no+such+product',
    '?search=',
    '?category=Home',
    '?category=Make-up&_sort=rating&_order=desc',
    '?category=no+such+category',
    ...[1, 2, 8, 999_999, 123_456_789].map((id) => `/store/${id}`),
    '/store/1?limit=3&page=2',
    '/store/1?categories=Batik,Home,Tents',
    '/store/1?categories=Batik&categories=Home&tags=gift',
    '/store/2?tags=new,50%25+off,caf%C3%A9&_sort=rating&_order=desc',
    '/store/3?name=a&_sort=discount&_order=desc',
    '/store/3?name=a&categories=Pantry,Rice&tags=sale',
    ...[1, 2, 3, 60, 345, PRODUCTS, PRODUCTS + 1].map((id) => `/${id}`),
    '/123456789',
    '/9007199254740991',
    '/0',
    '/abc',
    '?page=0',
    '?limit=101&page=x&_sort=id',
    '/no/such/route',
  ]

  for (const query of queries) {
    test(`are the same bytes for ${query || 'the plain list'}`, async () => {
      const [hegar, mysql2] = await Promise.all([get(LIST + query), get(LIST + query, shops.mysql2)])
      const withoutTime = ({ text }) => text.replace(/"timestamp":"[^"]+"}$/, '"timestamp":""}')
      assert.match(hegar.text, /"timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"}$/)
      assert.equal(withoutTime(hegar), withoutTime(mysql2))
      assert.equal(hegar.status, mysql2.status)
      assert.equal(hegar.type, mysql2.type)
    })
  }
})

describe('the product list', () => {
  test('has the shape of the plan, with lists, absolute image URLs and numbers', async () => {
    const { status, type, body } = await get(`${LIST}?limit=3&page=2`)
    assert.equal(status, 200)
    assert.equal(type, 'application/json; charset=utf-8')
    assert.deepEqual(Object.keys(body), ['status', 'message', 'data', 'pagination', 'timestamp'])
    assert.equal(body.status, 'success')
    const { total } = body.pagination
    const totalPages = Math.ceil(total / 3)
    assert.deepEqual(body.pagination, {
      page: 2,
      limit: 3,
      total,
      totalPages,
      hasNext: true,
      hasPrevious: true,
    })
    assert.equal(body.data.length, 3)
    for (const row of body.data) {
      assert.ok(
        row.images.length > 0 && row.images.every((url) => url.startsWith('https://shop.test/images/')),
      )
      assert.ok(Array.isArray(row.categories) && Array.isArray(row.tags))
      assert.equal(typeof row.discount, 'number')
      assert.equal(typeof row.total_sold, 'number')
    }
  })

  test('gives empty lists, zeros and nulls for a product that has nothing', async () => {
    const { data } = (await get(`${LIST}/${PRODUCTS + 1}`)).body
    const { images, categories, tags, review_count, average_rating, total_sold, discount, store_name } = data
    assert.deepEqual(
      { images, categories, tags, review_count, average_rating, total_sold, discount, store_name },
      {
        images: [],
        categories: [],
        tags: [],
        review_count: 0,
        average_rating: null,
        total_sold: 0,
        discount: 0,
        store_name: null,
      },
    )
  })

  test('aggregates what separate queries over the same tables find', async () => {
    const { data } = await list({ limit: 50, _sort: 'released_date', _order: 'desc' })
    await withSetupConnection(config.database, async (connection) => {
      const column = async (sql, id) =>
        (await connection.query(sql, [id]))[0].map((row) => Object.values(row)[0])
      for (const row of data) {
        const images = await column(
          'SELECT image FROM product_image WHERE product_id = ? ORDER BY id',
          row.id,
        )
        assert.deepEqual(
          row.images,
          images.map((image) => `https://shop.test/${image}`),
        )
        const reviewIds = await column(
          'SELECT review_id FROM order_details WHERE product_id = ? AND review_id IS NOT NULL',
          row.id,
        )
        const ratings = await Promise.all(
          reviewIds.map((id) => column('SELECT rating FROM product_review WHERE review_id = ?', id)),
        )
        const given = ratings.flat().filter((rating) => rating !== null)
        const average =
          given.length > 0 ? given.reduce((sum, rating) => sum + rating, 0) / given.length : null
        assert.equal(row.review_count, reviewIds.length)
        assert.equal(row.average_rating, average === null ? null : Number(average.toFixed(4)))
        const [lines] = await connection.query(
          'SELECT order_number, qty FROM order_details WHERE product_id = ?',
          [row.id],
        )
        let sold = 0
        for (const { order_number: number, qty } of lines) {
          const [status] = await column('SELECT order_status_id FROM orders WHERE order_number = ?', number)
          if (status >= 4 && status <= 6) sold += qty
        }
        assert.equal(row.total_sold, sold)
      }
    })
  })

  for (const [sort, column] of [
    ['name', 'name'],
    ['regular_price', 'regular_price'],
    ['sale_price', 'sale_price'],
    ['released_date', 'released_date'],
    ['rating', 'average_rating'],
    ['discount', 'discount'],
  ]) {
    test(`sorted by ${sort} shows every active product once, in order, over all pages`, async () => {
      const up = await walk({ _sort: sort, _order: 'asc' })
      const down = await walk({ _sort: sort, _order: 'desc' })
      assert.equal(new Set(up.map((row) => row.id)).size, up.length)
      assert.equal(up.length, (await list({})).pagination.total)
      assert.deepEqual(
        down.map((row) => row.id),
        up.map((row) => row.id).reverse(),
      )
      // The collation's order of names is the server's own affair; of numbers and dates we know it.
      if (sort === 'name') return
      const value = (row) => (sort === 'released_date' ? Date.parse(row[column]) : (row[column] ?? -1))
      for (let index = 1; index < up.length; index++) assert.ok(value(up[index - 1]) <= value(up[index]))
    })
  }

  test('shows active products only', async () => {
    const shown = new Set((await walk({})).map((row) => row.id))
    const hidden = await withSetupConnection(config.database, async (connection) => {
      const [rows] = await connection.query('SELECT id FROM products WHERE status_id <> 1')
      return rows.map(({ id }) => id)
    })
    assert.ok(hidden.length > 0)
    assert.ok(hidden.every((id) => !shown.has(id)))
    assert.equal((await get(`${LIST}/${hidden[0]}`)).status, 404)
  })

  for (const text of ['100%', '_', "Grandma's", 'gayo', '\\', '"product"', '_nothing_!']) {
    test(`searched for ${text} finds the names that contain it, letter by letter`, async () => {
      const all = await walk({})
      const found = await walk({ search: text })
      const expected = all.filter((row) => row.name.toLowerCase().includes(text.toLowerCase()))
      assert.ok(expected.length > 0)
      assert.deepEqual(
        found.map((row) => row.id),
        expected.map((row) => row.id),
      )
    })
  }

  test('filtered by category or tag shows the products that have it', async () => {
    const all = await walk({})
    const ids = (rows) => rows.map((row) => row.id)
    const inHome = all.filter((row) => row.categories.includes('Home'))
    assert.deepEqual(ids(await walk({ category: 'Home' })), ids(inHome))

    const store = all[0].store_id
    const tags = all.find((row) => row.store_id === store && row.tags.length > 0)?.tags ?? ['new']
    const { data } = (
      await get(`${LIST}/store/${store}?limit=100&tags=${encodeURIComponent(tags.join(','))}`)
    ).body
    const expected = all.filter((row) => row.store_id === store && row.tags.some((tag) => tags.includes(tag)))
    assert.deepEqual(ids(data), ids(expected))
  })
})

describe('what a client may not ask', () => {
  const mistakes = {
    '?page=0': ['page'],
    '?page=-1': ['page'],
    '?page=1e99': ['page'],
    '?page=abc': ['page'],
    '?page=1.5': ['page'],
    '?page=9007199254740993': ['page'],
    '?page=1&page=2': ['page'],
    '?page=': ['page'],
    '?limit=0': ['limit'],
    '?limit=101': ['limit'],
    '?limit=1000000': ['limit'],
    '?limit=abc&page=x': ['limit', 'page'],
    '?_sort=id': ['_sort'],
    '?_sort=__proto__': ['_sort'],
    '?_sort=constructor': ['_sort'],
    '?_sort=p.name;DROP%20TABLE%20products': ['_sort'],
    '?_sort=name&_sort=rating': ['_sort'],
    '?_order=sideways': ['_order'],
    '?_sort=name&_order=desc,1': ['_order'],
    '?search=a&search=b': ['search'],
    [`?search=${'x'.repeat(101)}`]: ['search'],
    [`?category=${'x'.repeat(101)}`]: ['category'],
    [`/store/1?tags=${'x,'.repeat(3)}${Array.from({ length: 21 }, (_, index) => index).join(',')}`]: ['tags'],
    '/abc': ['id'],
    '/0': ['id'],
    '/-1': ['id'],
    '/1e3': ['id'],
    '/99999999999999999999': ['id'],
    '/store/x?page=0': ['id', 'page'],
  }
  for (const [query, fields] of Object.entries(mistakes)) {
    test(`is refused with 400 and the field's name: ${query.slice(0, 60)}`, async () => {
      const { status, body } = await get(LIST + query)
      assert.equal(status, 400)
      assert.deepEqual(Object.keys(body), ['status', 'message', 'errors', 'timestamp'])
      assert.equal(body.status, 'error')
      assert.deepEqual(body.errors.map(({ path }) => path).sort(), fields)
    })
  }

  test('is answered with 404 when there is no such product or route', async () => {
    for (const path of [`${LIST}/123456789`, `${LIST}/1/2`, '/api/v1', '/']) {
      const { status, body } = await get(path)
      assert.equal(status, 404, path)
      assert.equal(body.status, 'error')
    }
  })

  test('is answered with 400 when the path cannot be decoded', async () => {
    const { status, body } = await get(`${LIST}/%E0%A4%A`)
    assert.equal(status, 400)
    assert.equal(body.message, 'Bad request')
  })

  test('changes nothing when it is written as SQL', async () => {
    const before = (await list({})).pagination.total
    for (const attack of [
      "'; DROP TABLE products; --",
      '1) OR (1=1',
      '" UNION SELECT password FROM users -- ',
      ':limit',
      '?',
      '\\',
    ]) {
      const text = encodeURIComponent(attack)
      for (const path of [
        `?search=${text}`,
        `?category=${text}`,
        `/store/1?name=${text}&categories=${text}&tags=${text}`,
      ]) {
        const { status, body } = await get(LIST + path)
        assert.equal(status, 200, path)
        assert.ok(body.data.length <= 1, path)
      }
    }
    assert.equal((await list({})).pagination.total, before)
  })
})

describe('the health checks', () => {
  test('tell the state of the database in the form of the plan', async () => {
    for (const shop of Object.values(shops)) {
      const { status, body } = await get('/health', shop)
      assert.equal(status, 200)
      assert.deepEqual(Object.keys(body), ['uptime', 'timestamp', 'status', 'checks'])
      assert.equal(body.status, 'OK')
      assert.equal(body.checks.database, 'OK')
      assert.equal((await get('/health/ready', shop)).status, 200)
      assert.equal((await get('/health/live', shop)).status, 200)
    }
  })

  test('answer 503 while the database is away, and 200 again when it is back', async () => {
    const doomed = await startMariadb()
    let current = doomed
    const database = { ...config.database, port: doomed.port, database: 'mysql' }
    try {
      for (const driver of ['hegar', 'mysql2']) {
        const shop = await startShop({ ...config, driver, database })
        try {
          assert.equal((await get('/health', shop)).status, 200)
          current.kill('SIGKILL')
          await current.exited
          const { status, body } = await get('/health', shop)
          assert.equal(status, 503)
          assert.equal(body.status, 'Degraded')
          assert.equal((await get('/health/ready', shop)).status, 503)
          assert.equal((await get('/health/live', shop)).status, 200)
          current = await current.restart()
          assert.equal((await get('/health', shop)).status, 200)
        } finally {
          await shop.close()
        }
      }
    } finally {
      await current.stop()
    }
  })

  test('are joined by Prometheus metrics where the driver has them', async () => {
    const answer = await fetch(`${shops.hegar.url}/metrics`)
    assert.equal(answer.status, 200)
    assert.match(answer.headers.get('content-type'), /^text\/plain; version=0\.0\.4/)
    assert.match(await answer.text(), /database_query_duration_seconds_count/)
    assert.equal((await get('/metrics', shops.mysql2)).status, 404)
  })
})
