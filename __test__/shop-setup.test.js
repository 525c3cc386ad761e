'use strict'

const assert = require('node:assert/strict')
const { before, after, describe, test } = require('node:test')
const { startMariadb } = require('../tools/mariadb.js')
const { until } = require('./support/outcome.js')
const { loadConfig } = require('../example/shop/src/config.js')
const { withSetupConnection } = require('../example/shop/src/connection.js')
const { migrateUp, migrateDown } = require('../example/shop/migrate.js')
const { seed } = require('../example/shop/seed.js')

let server

before(async () => {
  server = await startMariadb()
})

after(async () => {
  await server?.stop()
})

const on = (database, work) =>
  withSetupConnection(loadConfig({ DATABASE_URL: server.url(database) }).database, work)

const tablesOf = async (connection) => {
  const [rows] = await connection.query('SHOW TABLES')
  return rows.map((row) => Object.values(row)[0]).sort()
}

const checksum = async (connection) => {
  const names = [
    'products',
    'product_image',
    'product_tag',
    'orders',
    'order_details',
    'product_review',
    'users',
  ]
  const [rows] = await connection.query('CHECKSUM TABLE ??', [names])
  return rows.map((row) => row.Checksum)
}

describe('the migrations', () => {
  test('make the tables once, and can be taken back and made again', async () => {
    await on('migrations', async (connection) => {
      const applied = await migrateUp(connection)
      const tables = await tablesOf(connection)
      for (const name of [
        'products',
        'orders',
        'order_details',
        'product_review',
        'stores',
        'users',
        'blog',
        'user_ktp',
      ]) {
        assert.ok(tables.includes(name), name)
      }
      assert.deepEqual(await migrateUp(connection), [])
      assert.deepEqual(await migrateDown(connection, { count: 1 }), applied.slice(-1))
      assert.deepEqual(await migrateUp(connection), applied.slice(-1))
      assert.deepEqual(await migrateDown(connection), applied.reverse())
      assert.deepEqual(await tablesOf(connection), ['schema_migrations'])
      await migrateUp(connection)
      assert.deepEqual(await tablesOf(connection), tables)
    })
  })

  test('continue where they were cut short, even after a statement that was not noted', async () => {
    await on('cut_short', async (connection) => {
      await migrateUp(connection)
      const [whole] = await connection.query('SHOW INDEX FROM products')
      await migrateDown(connection, { count: 2 })
      await connection.query('CREATE INDEX idx_products_status ON products (status_id)')
      await connection.query(
        "INSERT INTO schema_migrations (name, done, finished) VALUES ('002-plan-indexes', 0, 0)",
      )
      await migrateUp(connection)
      const [indexes] = await connection.query('SHOW INDEX FROM products')
      const names = (rows) => rows.map((row) => `${row.Key_name} ${row.Column_name}`).sort()
      assert.deepEqual(names(indexes), names(whole))
    })
  })
})

describe('the seed', () => {
  test('gives every database the same data, once', async () => {
    const sums = []
    for (const name of ['seed_one', 'seed_two']) {
      await on(name, async (connection) => {
        await migrateUp(connection)
        const reported = []
        const onProgress = (done, total) => reported.push(done / total)
        assert.equal(await seed(connection, { products: 200, onProgress }), 'seeded')
        assert.equal(reported.at(-1), 1)
        assert.equal(reported.filter((part) => part === 1).length, 1)
        assert.equal(await seed(connection, { products: 200 }), 'current')
        sums.push(await checksum(connection))
      })
    }
    assert.deepEqual(sums[0], sums[1])
  })

  test('has what the routes show, in the proportions of a shop', async () => {
    await on('seed_one', async (connection) => {
      const count = async (sql) => Number(Object.values((await connection.query(sql))[0][0])[0])
      assert.equal(await count('SELECT COUNT(*) FROM products'), 200)
      const images =
        'SELECT COUNT(i.id) AS n FROM products p LEFT JOIN product_image i ON i.product_id = p.id GROUP BY p.id'
      assert.equal(await count(`SELECT MIN(n) FROM (${images}) i`), 1)
      assert.equal(await count(`SELECT MAX(n) FROM (${images}) i`), 4)
      assert.ok((await count('SELECT COUNT(*) FROM order_details')) > 500)
      assert.ok((await count('SELECT COUNT(*) FROM product_review')) > 200)
      assert.ok((await count('SELECT COUNT(*) FROM category_product WHERE parent_id IS NOT NULL')) > 0)
      // Rows that point nowhere would not show in any answer, so they are looked for here.
      for (const [table, column, target, key] of [
        ['products', 'store_id', 'stores', 'user_id'],
        ['products', 'status_id', 'product_status', 'id'],
        ['product_category', 'category_id', 'category_product', 'id'],
        ['product_tag', 'tag_id', 'tag_product', 'id'],
        ['order_details', 'product_id', 'products', 'id'],
        ['order_details', 'order_number', 'orders', 'order_number'],
        ['order_details', 'review_id', 'product_review', 'review_id'],
        ['orders', 'user_id', 'users', 'id'],
        ['product_review', 'user_id', 'users', 'id'],
      ]) {
        const orphans = `SELECT COUNT(*) FROM ${table} a LEFT JOIN ${target} b ON b.${key} = a.${column}
                          WHERE a.${column} IS NOT NULL AND b.${key} IS NULL`
        assert.equal(await count(orphans), 0, `${table}.${column}`)
      }
    })
  })

  test('is begun again when it was cut short', async () => {
    await on('seed_two', async (connection) => {
      const whole = await checksum(connection)
      const stop = new Error('stop')
      const onProgress = (done, total) => {
        if (done > total / 2) throw stop
      }
      await assert.rejects(seed(connection, { products: 300, onProgress }), stop)
      assert.equal(await seed(connection, { products: 200 }), 'seeded')
      assert.deepEqual(await checksum(connection), whole)
    })
  })

  test('never touches products that it did not make', async () => {
    await on('foreign', async (connection) => {
      await migrateUp(connection)
      await connection.query(
        `INSERT INTO products (name, description, weight, regular_price, store_id, status_id, stock)
         VALUES ('mine', '', '1', 1, 1, 1, 1)`,
      )
      assert.equal(await seed(connection, { products: 200 }), 'foreign')
      const [rows] = await connection.query('SELECT name FROM products')
      assert.deepEqual(rows, [{ name: 'mine' }])
    })
  })

  test('waits for another set-up of the same database', async () => {
    const order = []
    let release
    const held = new Promise((resolve) => (release = resolve))
    let entered
    const inside = new Promise((resolve) => (entered = resolve))
    const first = on('shared', async () => {
      entered()
      await held
      order.push('first')
    })
    await inside
    const second = on('shared', async () => order.push('second'))
    // The second is let in by the first one's end alone: the server shows it waiting for the lock.
    await on('watcher', async (connection) => {
      const waiting = async () => {
        const [rows] = await connection.query(
          "SELECT 1 FROM information_schema.processlist WHERE state = 'User lock'",
        )
        return rows.length === 1
      }
      await until('the second one waits', waiting)
    })
    release()
    await Promise.all([first, second])
    assert.deepEqual(order, ['first', 'second'])
  })
})

describe('the settings', () => {
  test('come from DATABASE_URL, which wins over the single variables', () => {
    const env = { DATABASE_URL: 'mysql://sh%40p:p%3Aw@db:3307/my%20shop', DB_HOST: 'other', DB_USER: 'other' }
    const { host, port, user, password, database } = loadConfig(env).database
    assert.deepEqual(
      { host, port, user, password, database },
      {
        host: 'db',
        port: 3307,
        user: 'sh@p',
        password: 'p:w',
        database: 'my shop',
      },
    )
  })

  test('turn TLS on where DATABASE_URL says so', () => {
    const ssl = (value) => loadConfig({ DATABASE_URL: `mysql://u@h/d${value}` }).database.ssl
    assert.equal(ssl(''), undefined)
    assert.deepEqual(ssl('?ssl=true'), {})
    assert.deepEqual(ssl('?ssl={"rejectUnauthorized":false}'), { rejectUnauthorized: false })
    assert.throws(() => ssl('?ssl=yes'), /ssl in DATABASE_URL must be true or options/)
  })

  test('are refused with the variable and what it should be, and no secret is repeated', () => {
    assert.throws(
      () => loadConfig({ PORT: 'abc' }),
      /PORT is "abc", and it must be a whole number from 0 to 65535/,
    )
    assert.throws(() => loadConfig({ DB_CONNECTION_LIMIT: '0' }), /DB_CONNECTION_LIMIT/)
    assert.throws(
      () => loadConfig({ DRIVER: 'oracle' }),
      /DRIVER is "oracle", and it must be hegar or mysql2/,
    )
    for (const url of [
      'user:secret@host',
      'postgres://u:secret@h/d',
      'secret',
      'mysql://u:secret@h/d?sll=1',
    ]) {
      assert.throws(
        () => loadConfig({ DATABASE_URL: url }),
        (error) => error.message.startsWith('DATABASE_URL') && !/secret/.test(error.message),
        url,
      )
    }
  })
})
