'use strict'

const assert = require('node:assert/strict')
const querystring = require('node:querystring')
const { after, before, describe, it } = require('node:test')
const { getPaginationParams, sortClause } = require('../index.js')
const { openDrivers } = require('./support/drivers.js')

const ROWS = 57
const SQL = 'SELECT id, name, price FROM items WHERE price >= ? ORDER BY id'
const NAMED = 'SELECT id, name, price FROM items WHERE price >= :least ORDER BY id'

describe('pages of a real table', () => {
  let drivers, db
  before(async () => {
    drivers = await openDrivers()
    ;({ db } = drivers)
    await drivers.run(
      'CREATE TABLE items (id INT PRIMARY KEY, name VARCHAR(40), price DECIMAL(8,2), tags VARCHAR(40))',
      `INSERT INTO items SELECT seq, CONCAT('item "', seq, '" é'), seq / 4, CONCAT('t', seq % 3, ',all') FROM seq_1_to_${ROWS}`,
    )
  })
  after(() => drivers.close())

  const bodyOf = async (...args) => JSON.parse(await db.paginateJson(...args))

  it('have their rows and a summary', async () => {
    const page = await db.paginate(SQL, [0], { page: 2, limit: 10 })
    assert.deepEqual(Object.keys(page), ['data', 'pagination'])
    assert.deepEqual(
      page.data,
      await drivers.expectedRows('SELECT id, name, price FROM items ORDER BY id LIMIT 10 OFFSET 10'),
    )
    assert.deepEqual(page.pagination, {
      page: 2,
      limit: 10,
      total: ROWS,
      totalPages: 6,
      hasNext: true,
      hasPrevious: true,
    })
  })

  it('as JSON are the whole body of the answer, its keys in order, its time now', async () => {
    const before = Date.now()
    const bytes = await db.paginateJson(SQL, [0], { page: 1, limit: 3 })
    const after = Date.now()
    assert.ok(Buffer.isBuffer(bytes))
    const body = JSON.parse(bytes)
    const { data, pagination } = await db.paginate(SQL, [0], { page: 1, limit: 3 })
    const expected = { status: 'success', message: 'Success', data, pagination, timestamp: body.timestamp }
    assert.equal(bytes.toString(), JSON.stringify(expected))
    assert.equal(new Date(body.timestamp).toISOString(), body.timestamp)
    assert.ok(Date.parse(body.timestamp) >= before - 1 && Date.parse(body.timestamp) <= after + 1)
  })

  it('as JSON have the message that was asked for, whatever is in it', async () => {
    for (const message of ['Products loaded', '', 'é "quoted" \\ \n 漢😀 \u2028', '</script>']) {
      assert.equal((await bodyOf(SQL, [0], { page: 1, limit: 1, message })).message, message)
    }
    await assert.rejects(db.paginateJson(SQL, [0], { page: 1, limit: 1, message: 7 }), {
      name: 'HegarTypeError',
    })
  })

  it('as JSON may be reshaped', async () => {
    const shape = { tags: { split: ',' }, name: { prefix: '/' } }
    const { data } = await bodyOf('SELECT name, tags FROM items ORDER BY id', [], {
      page: 1,
      limit: 1,
      shape,
    })
    assert.deepEqual(data, [{ name: '/item "1" é', tags: ['t1', 'all'] }])
  })

  for (const [form, sql, params] of [
    ['?', SQL, [2]],
    [':name', NAMED, { least: 2 }],
  ]) {
    for (const limit of [1, 7, 10, 50, 56, 57, 58, 100]) {
      it(`of ${limit} rows with ${form} add up to the table, nothing twice and nothing left out`, async () => {
        const wanted = (await drivers.expectedRows('SELECT id FROM items WHERE price >= 2 ORDER BY id')).map(
          ({ id }) => id,
        )
        const ids = []
        for (let page = 1; ; page++) {
          const { data, pagination } = await db.paginate(sql, params, { page, limit })
          const body = await bodyOf(sql, params, { page, limit })
          assert.deepEqual(body.data, data)
          assert.deepEqual(body.pagination, pagination)
          assert.deepEqual(pagination, {
            page,
            limit,
            total: wanted.length,
            totalPages: Math.ceil(wanted.length / limit),
            hasNext: page * limit < wanted.length,
            hasPrevious: page > 1,
          })
          ids.push(...data.map(({ id }) => id))
          if (!pagination.hasNext) break
        }
        assert.deepEqual(ids, wanted)
      })
    }
  }

  it('beyond the last one are empty and say so', async () => {
    for (const page of [7, 1000, Math.floor(Number.MAX_SAFE_INTEGER / 10)]) {
      const expected = { page, limit: 10, total: ROWS, totalPages: 6, hasNext: false, hasPrevious: true }
      assert.deepEqual(await db.paginate(SQL, [0], { page, limit: 10 }), { data: [], pagination: expected })
      const body = await bodyOf(SQL, [0], { page, limit: 10 })
      assert.deepEqual([body.data, body.pagination], [[], expected])
    }
  })

  it('of nothing have no pages', async () => {
    const expected = { page: 1, limit: 10, total: 0, totalPages: 0, hasNext: false, hasPrevious: false }
    assert.deepEqual(await db.paginate(SQL, [1e6], { page: 1, limit: 10 }), {
      data: [],
      pagination: expected,
    })
    assert.deepEqual((await bodyOf(SQL, [1e6], { page: 1, limit: 10 })).pagination, expected)
  })

  it("without a count say what is known: count 'none'", async () => {
    const counts = () => db.stats().queries.total
    for (const [page, hasNext] of [
      [1, true],
      [5, true],
      [6, false],
      [7, false],
    ]) {
      const before = counts()
      const expected = { page, limit: 10, total: null, totalPages: null, hasNext, hasPrevious: page > 1 }
      assert.deepEqual((await db.paginate(SQL, [0], { page, limit: 10, count: 'none' })).pagination, expected)
      assert.equal(counts() - before, 1, 'one statement was run')
      assert.deepEqual((await bodyOf(SQL, [0], { page, limit: 10, count: 'none' })).pagination, expected)
    }
  })

  it('bind :limit and :offset where the statement says them', async () => {
    const sql = `SELECT i.id, i.name FROM (SELECT id FROM items WHERE price >= :least ORDER BY id LIMIT :limit OFFSET :offset) AS p
      JOIN items AS i USING (id) ORDER BY i.id DESC`
    const options = { page: 2, limit: 5, countSql: 'SELECT COUNT(*) FROM items WHERE price >= :least' }
    const page = await db.paginate(sql, { least: 0 }, options)
    assert.deepEqual(
      page.data.map(({ id }) => id),
      [10, 9, 8, 7, 6],
    )
    assert.equal(page.pagination.total, ROWS)
    assert.deepEqual((await bodyOf(sql, { least: 0 }, options)).data, page.data)
    await assert.rejects(db.paginate(sql, { least: 0 }, { page: 1, limit: 5 }), { message: /countSql/ })
    const uncounted = await db.paginate(sql, { least: 0 }, { page: 1, limit: 5, count: 'none' })
    assert.equal(uncounted.data.length, 5)
  })

  it('bind them over what the caller gave under these names', async () => {
    const sql = 'SELECT id FROM items ORDER BY id LIMIT :limit OFFSET :offset'
    const { data } = await db.paginate(sql, { limit: 999, offset: 999 }, { page: 2, limit: 2, count: 'none' })
    assert.deepEqual(data, [{ id: 3 }, { id: 4 }])
  })

  it('count with countSql and its own parameters', async () => {
    const options = { page: 1, limit: 2, countSql: 'SELECT ? + ? AS n', countParams: [40, 2] }
    assert.equal((await db.paginate(SQL, [0], options)).pagination.total, 42)
    assert.equal((await bodyOf(SQL, [0], options)).pagination.total, 42)
    for (const sum of ['SUM(1)', 'SUM(1.00)', '57e0']) {
      const summed = { ...options, countSql: `SELECT ${sum} AS n FROM items LIMIT 1`, countParams: [] }
      assert.equal((await db.paginate(SQL, [0], summed)).pagination.total, 57, sum)
      assert.equal((await bodyOf(SQL, [0], summed)).pagination.total, 57, sum)
    }
    const same = { page: 1, limit: 2, countSql: 'SELECT COUNT(*) AS n FROM items WHERE price >= ?' }
    assert.equal((await db.paginate(SQL, [14], same)).pagination.total, 2)
    const both = { ...same, countParams: { least: 14 }, countSql: same.countSql.replace('?', ':least') }
    assert.equal((await db.paginate(SQL, [0], both)).pagination.total, 2)
    assert.equal((await bodyOf(SQL, [0], both)).pagination.total, 2)
  })

  it('count statements with GROUP BY, DISTINCT, UNION, comments and a semicolon', async () => {
    for (const [sql, total] of [
      ['SELECT tags, COUNT(*) AS n FROM items GROUP BY tags ORDER BY tags', 3],
      ['SELECT DISTINCT tags FROM items', 3],
      ['SELECT id FROM items WHERE id < 3 UNION ALL SELECT id FROM items WHERE id < 4', 5],
      ['SELECT id FROM items WHERE id <= 9 ; ', 9],
      ['SELECT id FROM items WHERE id <= 9 -- the first ones', 9],
      ['SELECT id FROM items /* all; */ WHERE id <= 9 # end', 9],
      ['WITH few AS (SELECT id FROM items WHERE id <= 9) SELECT id FROM few', 9],
      ["SELECT id, ';' AS mark FROM items WHERE id <= 9", 9],
    ]) {
      for (const params of [[], {}, null]) {
        const { data, pagination } = await db.paginate(sql, params, { page: 1, limit: 2 })
        assert.deepEqual([data.length, pagination.total], [2, total], sql)
        const body = await bodyOf(sql, params, { page: 1, limit: 2 })
        assert.deepEqual([body.data, body.pagination.total], [data, total], sql)
      }
    }
  })

  it('of a statement with a column twice need countSql, as the server says', async () => {
    const sql = 'SELECT id, id FROM items ORDER BY id'
    await assert.rejects(db.paginate(sql, [], { page: 1, limit: 2 }), { code: 'ER_DUP_FIELDNAME' })
    await assert.rejects(db.paginateJson(sql, [], { page: 1, limit: 2 }), { code: 'ER_DUP_FIELDNAME' })
    const { pagination } = await db.paginate(sql, [], { page: 1, limit: 2, countSql: 'SELECT 5' })
    assert.equal(pagination.total, 5)
  })

  it('are refused when the count is none', async () => {
    for (const countSql of [
      "SELECT 'many'",
      'SELECT NULL',
      'SELECT -1',
      'SELECT 1.5',
      'SELECT 1 FROM DUAL WHERE FALSE',
      'DO 1',
    ]) {
      const options = { page: 1, limit: 2, countSql, countParams: [] }
      for (const method of ['paginate', 'paginateJson']) {
        await assert.rejects(
          db[method](SQL, [0], options),
          { name: /^Hegar/, message: /count statement/ },
          countSql,
        )
      }
    }
  })

  it('are refused when the statement returns no rows', async () => {
    for (const method of ['paginate', 'paginateJson']) {
      await assert.rejects(db[method]('DO 1', [], { page: 1, limit: 2, count: 'none' }), {
        name: 'HegarError',
      })
    }
  })

  it('with a wrong page or limit are refused before anything is sent', async () => {
    const { total } = db.stats().queries
    for (const options of [
      ...[
        0,
        -1,
        1.5,
        NaN,
        Infinity,
        1e99,
        '1',
        '1; DROP TABLE items',
        [1],
        null,
        undefined,
        1n,
        true,
      ].flatMap((wrong) => [
        { page: wrong, limit: 10 },
        { page: 1, limit: wrong },
      ]),
      { page: Number.MAX_SAFE_INTEGER, limit: 100 },
      { page: 1, limit: 1, count: 'maybe' },
      undefined,
      null,
      7,
    ]) {
      await assert.rejects(db.paginate(SQL, [0], options), { name: 'HegarTypeError' })
      await assert.rejects(db.paginateJson(SQL, [0], options), { name: 'HegarTypeError' })
    }
    assert.equal(db.stats().queries.total, total)
  })

  it('take what getPaginationParams gives as it is, and no option that does not exist', async () => {
    const asked = getPaginationParams({ query: { page: '2', limit: '3' } })
    assert.equal((await db.paginate(SQL, [0], asked)).data[0].id, 4)
    assert.equal((await bodyOf(SQL, [0], asked)).data[0].id, 4)
    for (const method of ['paginate', 'paginateJson']) {
      await assert.rejects(db[method](SQL, [0], { ...asked, cuont: 'none' }), {
        code: 'HEGAR_OPTION_UNKNOWN',
        message: /did you mean 'count'/,
      })
    }
  })

  it('with a count that can not be sent are refused, the page too', async () => {
    const { total } = db.stats().queries
    for (const method of ['paginate', 'paginateJson']) {
      const options = { page: 1, limit: 2, countSql: 'SELECT ?', countParams: [] }
      await assert.rejects(db[method]('SELECT missing FROM nowhere', [], options), { name: 'HegarTypeError' })
    }
    assert.equal(db.stats().queries.total, total)
  })

  it('take requests of any kind: what a client sends is never part of the statement', async () => {
    const hostile = [
      '0',
      '-1',
      '1e99',
      'abc',
      '',
      '1.5',
      '1 OR 1=1',
      '1;DROP TABLE items',
      "1' --",
      '99999999999999999999',
      ' 2',
      '0x10',
    ]
    for (const text of hostile) {
      const query = querystring.parse(querystring.stringify({ page: text, limit: text }))
      const { page, limit } = getPaginationParams({ query }, { defaultLimit: 20, maxLimit: 100 })
      const { data, pagination } = await db.paginate(SQL, [0], { page, limit })
      assert.ok(pagination.page >= 1 && pagination.limit >= 1 && pagination.limit <= 100, text)
      assert.ok(data.length <= 100)
    }
    const arrays = getPaginationParams({ query: querystring.parse('page=2&page=3&limit=5&limit=6') })
    assert.deepEqual(arrays, { page: 1, limit: 20, offset: 0 })
    assert.equal((await db.queryOne('SELECT COUNT(*) AS n FROM items')).n, ROWS)
  })

  it('are sorted by an allow-list, so no request reaches ORDER BY', async () => {
    const allowed = { name: 'name', cheapest: ['price', 'id'] }
    for (const [requested, order, first] of [
      ['cheapest', 'desc', ROWS],
      ['cheapest', 'asc', 1],
      ['price; DROP TABLE items', 'asc', 1],
      ['(SELECT SLEEP(9))', 'desc; --', 1],
      [['name'], 'asc', 1],
      ['constructor', 'asc', 1],
    ]) {
      const { sql } = sortClause(requested, order, allowed, { name: 'cheapest' })
      const { data } = await db.paginate(`SELECT id FROM items ORDER BY ${sql}`, [], { page: 1, limit: 1 })
      assert.deepEqual(data, [{ id: first }])
    }
  })

  it('have summaries for pools that read big numbers in another way', async () => {
    for (const options of [{ bigInt: true }, { supportBigNumbers: true, bigNumberStrings: true }]) {
      const other = await openDrivers(options, { mysql2Options: {} })
      try {
        const sql = 'SELECT seq AS n FROM seq_1_to_25'
        const { pagination } = await other.db.paginate(sql, [], { page: 3, limit: 10 })
        const expected = { page: 3, limit: 10, total: 25, totalPages: 3, hasNext: false, hasPrevious: true }
        assert.deepEqual(pagination, expected)
        assert.deepEqual(
          JSON.parse(await other.db.paginateJson(sql, [], { page: 3, limit: 10 })).pagination,
          expected,
        )
      } finally {
        await other.close()
      }
    }
  })

  it('fail as a whole when the statement fails, and the pool goes on', async () => {
    for (const method of ['paginate', 'paginateJson']) {
      await assert.rejects(db[method]('SELECT missing FROM items', [], { page: 1, limit: 1 }), {
        code: 'ER_BAD_FIELD_ERROR',
      })
      await assert.rejects(db[method](SQL, [0], { page: 1, limit: 1, countSql: 'SELEC', countParams: [] }), {
        code: 'ER_PARSE_ERROR',
      })
    }
    assert.equal((await db.paginate(SQL, [0], { page: 1, limit: 1 })).data.length, 1)
  })
})
