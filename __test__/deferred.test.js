'use strict'

const assert = require('node:assert/strict')
const { after, before, describe, it } = require('node:test')
const { openDrivers } = require('./support/drivers.js')

const SQL = `SELECT p.id, p.name, s.name AS shop FROM goods AS p JOIN shops AS s ON s.id = p.shop
  WHERE p.price >= ? AND :page AND s.name <> ? ORDER BY p.price DESC, p.id`
const KEYS =
  'SELECT p.id FROM goods AS p JOIN shops AS s ON s.id = p.shop WHERE p.price >= ? AND s.name <> ? ORDER BY p.price DESC, p.id'

describe('deep pages with a deferred join', () => {
  let drivers, db
  before(async () => {
    drivers = await openDrivers()
    ;({ db } = drivers)
    await drivers.run(
      'CREATE TABLE shops (id INT PRIMARY KEY, name VARCHAR(20))',
      "INSERT INTO shops VALUES (0, 'closed'), (1, 'one'), (2, 'two')",
      'CREATE TABLE goods (id INT PRIMARY KEY, name VARCHAR(40), price INT, shop INT, KEY (price, id))',
      "INSERT INTO goods SELECT seq, CONCAT('thing ', seq), seq % 7, seq % 3 FROM seq_1_to_100",
    )
  })
  after(() => drivers.close())

  const bodyOf = async (...args) => JSON.parse(await db.paginateJson(...args))

  for (const [form, sql, keySql, params] of [
    ['?', SQL, KEYS, [1, 'closed']],
    [
      ':name',
      SQL.replace('?', ':least').replace('?', ':not'),
      KEYS.replace('?', ':least').replace('?', ':not'),
      { least: 1, not: 'closed' },
    ],
  ]) {
    for (const count of ['exact', 'none', 'cached', 'estimate']) {
      it(`have the rows of a plain page on both sides of the depth, with ${form} and count '${count}'`, async () => {
        const plain = sql.replace(':page', 'TRUE')
        for (const from of [0, 10, 1000]) {
          for (const page of [1, 2, 6, 7, 50]) {
            const options = { page, limit: 9, count, deferred: { key: 'p.id', keySql, from } }
            const expected = await db.paginate(plain, params, {
              page,
              limit: 9,
              count: count === 'estimate' ? 'none' : count,
            })
            const { data, pagination } = await db.paginate(sql, params, options)
            const body = await bodyOf(sql, params, options)
            assert.deepEqual(data, expected.data)
            assert.deepEqual([body.data, body.pagination], [data, pagination])
            assert.equal(pagination.hasNext, expected.pagination.hasNext)
            if (count !== 'estimate') assert.deepEqual(pagination, expected.pagination)
          }
        }
      })
    }
  }

  it('run the second step from the offset that was said on', async () => {
    const sql = 'SELECT id FROM goods WHERE :page ORDER BY id'
    const keySql = 'SELECT id FROM nowhere ORDER BY id'
    const read = (page, from) =>
      db.paginate(sql, [], { page, limit: 10, count: 'none', deferred: { key: 'id', keySql, from } })
    assert.equal((await read(5, 41)).data.length, 10)
    assert.equal((await read(10)).data.length, 10)
    await assert.rejects(read(5, 40), { code: 'ER_NO_SUCH_TABLE' })
    await assert.rejects(read(11), { code: 'ER_NO_SUCH_TABLE' }, 'the default is 100 rows')
  })

  it('may give the keys parameters of their own', async () => {
    const sql = 'SELECT id FROM goods WHERE :page AND price < ? ORDER BY id DESC'
    const deferred = {
      key: 'id',
      keySql: 'SELECT id FROM goods WHERE price < ? + ? ORDER BY id DESC',
      keyParams: [1, 1],
      from: 0,
    }
    const { data, pagination } = await db.paginate(sql, [2], { page: 2, limit: 3, deferred })
    assert.deepEqual([data.map(({ id }) => id), pagination.total], [[91, 85, 84], 29])
  })

  it('are refused before anything is sent when they are asked for wrongly', async () => {
    const good = { key: 'p.id', keySql: KEYS }
    const { total } = db.stats().queries
    for (const [sql, deferred] of [
      [SQL.replace(':page', 'TRUE'), good],
      [SQL.replace(':page', ':page OR TRUE'), good],
      [SQL.replace(':page', ':page AND :page'), good],
      ...[
        7,
        'p.id',
        { key: 'p.id' },
        { keySql: KEYS },
        { ...good, key: '' },
        { ...good, from: -1 },
        { ...good, from: '9' },
      ].map((wrong) => [SQL, wrong]),
      [SQL, { ...good, keyParams: {} }],
      [SQL, { ...good, deep: 9 }],
    ]) {
      for (const method of ['paginate', 'paginateJson']) {
        await assert.rejects(db[method](sql, [1, 'x'], { page: 1, limit: 2, deferred }), {
          name: 'HegarTypeError',
        })
      }
    }
    assert.equal(db.stats().queries.total, total)
  })
})
