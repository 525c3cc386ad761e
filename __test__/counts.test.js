'use strict'

const assert = require('node:assert/strict')
const { after, before, describe, it } = require('node:test')
const { Counts, estimateOf } = require('../lib/counts.js')
const { openDrivers } = require('./support/drivers.js')

const SQL = 'SELECT id FROM stock WHERE shelf = ? ORDER BY id'

describe('counts of pages', () => {
  let drivers, db
  before(async () => {
    drivers = await openDrivers()
    ;({ db } = drivers)
    await drivers.run(
      'CREATE TABLE stock (id INT PRIMARY KEY, shelf INT NOT NULL, note VARCHAR(20), KEY (shelf))',
      "INSERT INTO stock SELECT seq, seq % 4, IF(seq % 2, 'odd', NULL) FROM seq_1_to_2000",
      'ANALYZE TABLE stock',
    )
  })
  after(() => drivers.close())

  // A page as objects, which as JSON must be the same.
  async function page(sql, params, options) {
    const { data, pagination } = await db.paginate(sql, params, options)
    const body = JSON.parse(await db.paginateJson(sql, params, options))
    assert.deepEqual(body.data, data)
    assert.equal(JSON.stringify(body.pagination), JSON.stringify(pagination))
    return pagination
  }

  it("of a query are the optimiser's with 'estimate', and say so", async () => {
    const whole = await page('SELECT id FROM stock', [], { page: 2, limit: 10, count: 'estimate' })
    assert.deepEqual(Object.keys(whole), [
      'page',
      'limit',
      'total',
      'totalPages',
      'hasNext',
      'hasPrevious',
      'isEstimate',
    ])
    assert.ok(whole.total > 1000 && whole.total < 4000, String(whole.total))
    assert.deepEqual(
      [whole.isEstimate, whole.hasNext, whole.totalPages],
      [true, true, Math.ceil(whole.total / 10)],
    )
    const shelf = await page(SQL, [1], { page: 1, limit: 10, count: 'estimate' })
    assert.ok(shelf.total > 250 && shelf.total < 1000, String(shelf.total))
    const named = await page(
      SQL.replace('?', ':shelf'),
      { shelf: 1 },
      { page: 1, limit: 10, count: 'estimate' },
    )
    assert.equal(named.total, shelf.total)
  })

  it("are right with 'estimate' where the page shows the end", async () => {
    for (const [number, expected] of [
      [50, { total: 500, hasNext: false, isEstimate: false }],
      [1, { hasNext: true, isEstimate: true }],
    ]) {
      const { total, hasNext, isEstimate } = await page(SQL, [1], {
        page: number,
        limit: 10,
        count: 'estimate',
      })
      assert.deepEqual({ ...expected, total: expected.total ?? total }, { total, hasNext, isEstimate })
    }
    const beyond = await page(SQL, [1], { page: 60, limit: 10, count: 'estimate' })
    assert.ok(beyond.total <= 590 && !beyond.hasNext)
    const nothing = await page(SQL, [99], { page: 1, limit: 10, count: 'estimate' })
    assert.deepEqual([nothing.total, nothing.totalPages, nothing.hasNext], [0, 0, false])
  })

  it("with 'estimate' are never less than the page shows", async () => {
    const sql = 'SELECT id FROM stock WHERE note IS NULL AND shelf IN (0, 2)'
    for (const number of [1, 50, 99]) {
      const { total, hasNext } = await page(sql, [], { page: number, limit: 10, count: 'estimate' })
      assert.ok(total >= number * 10 + (hasNext ? 1 : 0))
    }
  })

  it("with 'estimate' of statements of all shapes are a number", async () => {
    for (const sql of [
      'SELECT a.id FROM stock a JOIN stock b ON b.shelf = a.shelf',
      'SELECT shelf, COUNT(*) FROM stock GROUP BY shelf ORDER BY 2',
      'SELECT DISTINCT note FROM stock',
      'SELECT id FROM stock WHERE id < 9 UNION ALL SELECT id FROM stock WHERE id < 5',
      'SELECT id FROM (SELECT id FROM stock LIMIT 7) AS few',
      'SELECT id, (SELECT COUNT(*) FROM stock s WHERE s.shelf = stock.shelf) FROM stock',
      'SELECT id FROM stock WHERE id IN (SELECT shelf FROM stock)',
      'SELECT 1',
      'SELECT id FROM stock WHERE FALSE',
      'SELECT id FROM stock WHERE id = 7',
      'WITH few AS (SELECT id FROM stock WHERE id < 9) SELECT * FROM few',
    ]) {
      const { total, hasNext } = await page(sql, [], { page: 1, limit: 5, count: 'estimate' })
      assert.ok(Number.isSafeInteger(total) && total >= (hasNext ? 6 : 0), sql)
    }
  })

  it("are kept with 'cached' for each statement and its parameters", async () => {
    const counts = async (params, options) => {
      const before = db.stats().queries.total
      const { pagination } = await db.paginate(SQL, params, {
        page: 1,
        limit: 10,
        count: 'cached',
        ...options,
      })
      return [pagination.total, db.stats().queries.total - before]
    }
    assert.deepEqual(await counts([1]), [500, 2])
    assert.deepEqual(await counts([1]), [500, 1])
    assert.deepEqual(await counts([2]), [500, 2])
    assert.deepEqual(await counts(['1']), [500, 2], 'another type is another parameter')
    await drivers.run('INSERT INTO stock VALUES (5000, 1, NULL)')
    assert.deepEqual(await counts([1]), [500, 1])
    assert.deepEqual(await counts([1], { countSql: 'SELECT COUNT(*) FROM stock WHERE shelf = ?' }), [501, 2])
    await drivers.run('DELETE FROM stock WHERE id = 5000')
    const bytes = JSON.parse(await db.paginateJson(SQL, [1], { page: 1, limit: 10, count: 'cached' }))
    assert.equal(bytes.pagination.total, 500)
  })

  it("with 'cached' are right where the page shows the end, and hasNext always is", async () => {
    const sql = 'SELECT id FROM stock WHERE shelf = 1 AND id < 50'
    const options = { page: 1, limit: 20, count: 'cached' }
    assert.deepEqual((await page(sql, [], options)).total, 13)
    await drivers.run('INSERT INTO stock SELECT -seq, 1, NULL FROM seq_1_to_40')
    const first = await page(sql, [], options)
    assert.deepEqual([first.total, first.hasNext], [21, true])
    const last = await page(sql, [], { ...options, page: 3 })
    assert.deepEqual([last.total, last.hasNext], [53, false])
    await drivers.run('DELETE FROM stock WHERE id < 0')
  })

  it('that fail are not kept', async () => {
    const options = { page: 1, limit: 5, count: 'cached', countSql: 'SELECT n FROM late', countParams: [] }
    for (const method of ['paginate', 'paginateJson']) {
      await assert.rejects(db[method](SQL, [1], options), { code: 'ER_NO_SUCH_TABLE' })
    }
    await drivers.run('CREATE TABLE late AS SELECT 7 AS n')
    assert.equal(
      (await db.paginate(SQL, [1], { ...options, page: 2 })).pagination.total,
      11,
      'the page shows more',
    )
  })
})

describe('kept counts', () => {
  it('are asked for once by all who need them at the same time', async () => {
    const counts = new Counts()
    let asked = 0
    let answer
    const load = () => {
      asked++
      return new Promise((resolve) => (answer = resolve))
    }
    const all = [counts.get('a', 1000, load), counts.get('a', 1, load), counts.get('a', 1000, load)]
    answer(7)
    assert.deepEqual(await Promise.all(all), [7, 7, 7])
    assert.equal(asked, 1)
  })

  it('are asked for again past their time', async (t) => {
    let now = 0
    t.mock.method(performance, 'now', () => now)
    const counts = new Counts()
    let value = 1
    const get = () => counts.get('a', 100, async () => value)
    assert.equal(await get(), 1)
    value = 2
    now = 99
    assert.equal(await get(), 1)
    now = 100
    assert.equal(await get(), 2)
  })

  it('are bounded, and the one unused for longest goes first', async () => {
    const counts = new Counts()
    const asked = []
    const get = (key) => counts.get(key, 1e9, async () => asked.push(key))
    for (let key = 0; key < 1000; key++) await get(`${key}`)
    await get('0')
    await get('new')
    asked.length = 0
    await get('0')
    await get('1')
    assert.deepEqual(asked, ['1'])
  })
})

describe('an estimate', () => {
  const of = (block) => estimateOf([{ EXPLAIN: JSON.stringify({ query_block: block }) }])

  it("reads MySQL's rows produced by the last table of a join", () => {
    const table = (produced) => ({
      table: { rows_examined_per_scan: 100, rows_produced_per_join: produced, filtered: '10.00' },
    })
    assert.equal(of({ ordering_operation: { nested_loop: [table(10), table(55)] } }), 55)
    assert.equal(of(table(10)), 10)
  })

  it('multiplies what MariaDB says of each table, and leaves out what is beside the rows', () => {
    const table = (rows, filtered) => ({ table: { rows, filtered } })
    assert.equal(of({ nested_loop: [table(100, 50), { 'block-nl-join': table(3, 100) }] }), 150)
    assert.equal(of({ ...table(10, 100), subqueries: [{ query_block: table(9, 100) }] }), 10)
    assert.equal(of({ table: { rows: 2, filtered: 100, materialized: { query_block: table(50, 100) } } }), 2)
    assert.equal(
      of({
        union_result: {
          query_specifications: [{ query_block: table(4, 100) }, { query_block: table(5, 100) }],
        },
      }),
      9,
    )
  })

  it('is none where the server says nothing of rows', () => {
    assert.equal(of({ table: { message: 'Impossible WHERE' } }), 0)
    assert.equal(of({ table: { message: 'Select tables optimized away' } }), null)
    assert.equal(of({}), null)
    for (const wrong of [[], null, {}, [{}], [{ a: 'no JSON' }], [{ a: '{}' }], [{ a: null }], [{ a: 7 }]]) {
      assert.equal(estimateOf(wrong), null)
    }
  })
})
