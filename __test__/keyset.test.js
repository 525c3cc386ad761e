'use strict'

const assert = require('node:assert/strict')
const { after, before, describe, it } = require('node:test')
const { getCursorParams, sortKeyset } = require('../index.js')
const { openDrivers } = require('./support/drivers.js')

const SQL = 'SELECT i.id, i.name, i.price, i.released FROM items AS i WHERE i.price >= ? AND :keyset'
const NAMED = 'SELECT i.id, i.name, i.price, i.released FROM items AS i WHERE :keyset AND i.price >= :least'
const BY_DATE = [{ column: 'i.released', direction: 'desc' }, 'i.id']

describe('pages by cursor', () => {
  let drivers, db
  before(async () => {
    drivers = await openDrivers()
    ;({ db } = drivers)
    await drivers.run(
      `CREATE TABLE items (id INT PRIMARY KEY, name VARCHAR(40) NOT NULL, price DECIMAL(30,10) NOT NULL,
        released DATETIME(6) NULL, state ENUM('z', 'a') NOT NULL DEFAULT 'a', doc JSON)`,
      `INSERT INTO items (id, name, price, released) SELECT seq, CONCAT('item ', seq), seq + 0.0000000001,
        IF(seq % 4 = 0, NULL, '2024-01-01' + INTERVAL seq % 3 MICROSECOND) FROM seq_1_to_23`,
      'CREATE TABLE others (id INT, item INT)',
      'INSERT INTO others SELECT seq, seq % 5 + 1 FROM seq_1_to_10',
    )
  })
  after(() => drivers.close())

  const ordered = (order) =>
    drivers.expectedRows(`SELECT id, name, price, released FROM items ORDER BY ${order}`)
  const bodyOf = async (...args) => JSON.parse(await db.paginateJson(...args))

  // All pages from `cursor` on, each also as JSON, which must be the same.
  async function walk(sql, params, options, towards, cursor = null) {
    const pages = []
    do {
      const page = await db.paginate(sql, params, { ...options, cursor })
      const body = await bodyOf(sql, params, { ...options, cursor })
      assert.equal(JSON.stringify(body.data), JSON.stringify(page.data))
      assert.equal(JSON.stringify(body.pagination), JSON.stringify(page.pagination))
      pages.push(page)
      cursor = page.pagination[towards]
    } while (cursor !== null)
    return pages
  }

  for (const [form, sql, params] of [
    ['?', SQL, [0]],
    [':name', NAMED, { least: 0 }],
  ]) {
    for (const limit of [1, 5, 22, 23, 24]) {
      it(`of ${limit} rows with ${form} have every row once, forward and backward`, async () => {
        const wanted = await ordered('released DESC, id')
        const pages = await walk(sql, params, { limit, keyset: BY_DATE }, 'nextCursor')
        assert.deepEqual(
          pages.flatMap(({ data }) => data),
          wanted,
        )
        assert.deepEqual(
          pages.map(({ pagination }) => [pagination.hasPrevious, pagination.hasNext]),
          pages.map((_, index) => [index > 0, index < pages.length - 1]),
        )
        const last = pages.at(-1).pagination.previousCursor
        if (last === null) return
        const back = await walk(sql, params, { limit, keyset: BY_DATE }, 'previousCursor', last)
        assert.deepEqual(
          back.reverse().flatMap(({ data }) => data),
          wanted.slice(0, wanted.length - pages.at(-1).data.length),
        )
      })
    }
  }

  it('have a summary in this order, and no total unless it is asked for', async () => {
    const { pagination } = await db.paginate(SQL, [0], { limit: 5, keyset: BY_DATE })
    assert.deepEqual(Object.keys(pagination), [
      'limit',
      'hasNext',
      'hasPrevious',
      'nextCursor',
      'previousCursor',
    ])
    assert.deepEqual(
      { ...pagination, nextCursor: typeof pagination.nextCursor },
      {
        limit: 5,
        hasNext: true,
        hasPrevious: false,
        nextCursor: 'string',
        previousCursor: null,
      },
    )
  })

  it('as JSON are the whole body of the answer', async () => {
    const options = { limit: 2, keyset: BY_DATE, message: 'Here', shape: { name: { prefix: '/' } } }
    const bytes = await db.paginateJson(SQL, [0], options)
    const body = JSON.parse(bytes)
    assert.deepEqual(Object.keys(body), ['status', 'message', 'data', 'pagination', 'timestamp'])
    assert.equal(body.message, 'Here')
    assert.equal(body.data[0].name, `/item ${body.data[0].id}`)
    assert.equal(bytes.toString(), JSON.stringify(body))
  })

  it('count their rows in each of the ways', async () => {
    for (const count of ['exact', 'cached']) {
      for (const cursor of [
        null,
        (await db.paginate(SQL, [6], { limit: 4, keyset: BY_DATE })).pagination.nextCursor,
      ]) {
        const options = { limit: 4, keyset: BY_DATE, count, cursor }
        const { pagination } = await db.paginate(SQL, [6], options)
        assert.deepEqual(Object.keys(pagination).slice(0, 3), ['limit', 'total', 'hasNext'])
        assert.equal(pagination.total, 18)
        assert.deepEqual((await bodyOf(SQL, [6], options)).pagination, pagination)
      }
    }
    const estimated = { limit: 4, keyset: BY_DATE, count: 'estimate' }
    const { pagination } = await db.paginate(SQL, [6], estimated)
    assert.equal(pagination.isEstimate, true)
    assert.ok(pagination.total >= 4)
    assert.deepEqual((await bodyOf(SQL, [6], estimated)).pagination, pagination)
  })

  it('of nothing have no neighbours', async () => {
    const expected = { limit: 5, hasNext: false, hasPrevious: false, nextCursor: null, previousCursor: null }
    assert.deepEqual(await db.paginate(SQL, [1e6], { limit: 5, keyset: BY_DATE }), {
      data: [],
      pagination: expected,
    })
    assert.deepEqual((await bodyOf(SQL, [1e6], { limit: 5, keyset: BY_DATE })).pagination, expected)
  })

  it('go on where they were when rows come and go', async () => {
    await drivers.run(
      'CREATE TABLE moving (id INT PRIMARY KEY)',
      'INSERT INTO moving SELECT seq * 10 FROM seq_1_to_9',
    )
    const sql = 'SELECT id FROM moving WHERE :keyset'
    const read = async (cursor) => db.paginate(sql, [], { limit: 3, keyset: ['id'], cursor })
    const first = await read(null)
    await drivers.run('INSERT INTO moving VALUES (5), (35)', 'DELETE FROM moving WHERE id = 30')
    const second = await read(first.pagination.nextCursor)
    assert.deepEqual(
      second.data.map(({ id }) => id),
      [35, 40, 50],
    )
    const third = await read(second.pagination.nextCursor)
    await drivers.run('DELETE FROM moving WHERE id > 50')
    // A page that has become empty leads back, to the row it began at too.
    const empty = await read(second.pagination.nextCursor)
    assert.deepEqual([third.data.length, empty.data], [3, []])
    assert.equal(empty.pagination.hasPrevious, true)
    const back = await read(empty.pagination.previousCursor)
    assert.deepEqual(
      back.data.map(({ id }) => id),
      [35, 40, 50],
    )
    const bytes = await bodyOf(sql, [], { limit: 3, keyset: ['id'], cursor: second.pagination.nextCursor })
    assert.deepEqual(bytes.pagination, empty.pagination)
    await drivers.run('DELETE FROM moving WHERE id < 35')
    const before = await read(second.pagination.previousCursor)
    assert.deepEqual(before.data, [])
    assert.deepEqual([before.pagination.hasPrevious, before.pagination.hasNext], [false, true])
    assert.deepEqual((await read(before.pagination.nextCursor)).data, second.data)
  })

  it('read no more rows of an index when they lie deep, with or without NULL', async () => {
    await drivers.run(
      'CREATE TABLE deep (id INT PRIMARY KEY, shelf INT NOT NULL, at DATETIME, n INT, KEY (at, id), KEY k (shelf, at, n, id))',
      `INSERT INTO deep SELECT seq, seq % 2, IF(seq % 3, '2024-01-01' + INTERVAL seq * 7 % 500 HOUR, NULL), seq % 5
        FROM seq_1_to_6000`,
      'ANALYZE TABLE deep',
    )
    const connection = await db.getConnection()
    try {
      for (const [sql, columns] of [
        ['SELECT id, at FROM deep WHERE :keyset', ['at', 'id']],
        ['SELECT * FROM deep FORCE INDEX (k) WHERE shelf = 1 AND :keyset', ['at', 'n', 'id']],
      ]) {
        for (const direction of ['asc', 'desc']) {
          const keyset = columns.map((column) => ({ column, direction }))
          for (const depth of [1500, 2500]) {
            const { pagination } = await connection.paginate(sql, [], { limit: depth, keyset })
            for (const cursor of [pagination.nextCursor, await back(connection, sql, keyset, pagination)]) {
              await connection.query('FLUSH STATUS')
              const { data } = await connection.paginate(sql, [], { limit: 10, keyset, cursor })
              const counts = await connection.query("SHOW SESSION STATUS LIKE 'Handler_read%'")
              const read = counts.reduce((total, { Value }) => total + Number(Value), 0)
              assert.equal(data.length, 10)
              assert.ok(read < 30, `${sql} ${direction}: ${read} rows were read`)
            }
          }
        }
      }
    } finally {
      await connection.release()
    }
  })

  // A cursor that leads back from deep in the rows.
  async function back(connection, sql, keyset, { nextCursor }) {
    return (await connection.paginate(sql, [], { limit: 1, keyset, cursor: nextCursor })).pagination
      .previousCursor
  }

  it('keep DECIMAL and microseconds exact', async () => {
    await drivers.run(
      'CREATE TABLE fine (id INT PRIMARY KEY, price DECIMAL(65,30) NOT NULL, at TIME(6) NOT NULL)',
      `INSERT INTO fine SELECT seq, CONCAT('12345678901234567890123456789012345.00000000000000000000000000000', seq),
        SEC_TO_TIME(-36000 + seq / 1000000) FROM seq_1_to_9`,
    )
    for (const column of ['price', 'at']) {
      for (const direction of ['asc', 'desc']) {
        const pages = await walk(
          'SELECT * FROM fine WHERE :keyset',
          [],
          {
            limit: 1,
            keyset: [
              { column, direction },
              { column: 'id', direction },
            ],
          },
          'nextCursor',
        )
        const wanted = await drivers.expectedRows(
          `SELECT * FROM fine ORDER BY ${column} ${direction}, id ${direction}`,
        )
        assert.deepEqual(
          pages.flatMap(({ data }) => data),
          wanted,
        )
      }
    }
  })

  it('sort by expressions and by what a group adds up to', async () => {
    const sql = `SELECT item, COUNT(*) AS n, SUM(id) AS total FROM others WHERE id > :least GROUP BY item HAVING :keyset`
    const keyset = [{ column: 'SUM(id) * 2', as: 'twice', direction: 'desc' }, 'item']
    const twice = sql.replace('SUM(id) AS total', 'SUM(id) * 2 AS twice')
    const pages = await walk(twice, { least: 0 }, { limit: 2, keyset }, 'nextCursor')
    const wanted = await drivers.expectedRows(
      'SELECT item, COUNT(*) AS n, SUM(id) * 2 AS twice FROM others GROUP BY item ORDER BY twice DESC, item',
    )
    assert.deepEqual(
      pages.flatMap(({ data }) => data),
      wanted,
    )
  })

  it('find the sort column of a table that shares its name with another', async () => {
    const sql = 'SELECT o.id, i.id FROM items AS i JOIN others AS o ON o.item = i.id WHERE :keyset'
    const { data, pagination } = await db.paginate(sql, [], { limit: 3, keyset: ['o.id'] })
    assert.equal(data.length, 3)
    const next = await db.paginate(sql, [], { limit: 9, keyset: ['o.id'], cursor: pagination.nextCursor })
    assert.equal(next.data.length, 7)
    await assert.rejects(db.paginate(sql, [], { limit: 3, keyset: ['id'] }), { code: 'ER_NON_UNIQ_ERROR' })
  })

  it('may be asked for many at a time', async () => {
    const pages = await walk(SQL, [0], { limit: 2, keyset: BY_DATE }, 'nextCursor')
    const cursors = [null, ...pages.slice(0, -1).map(({ pagination }) => pagination.nextCursor)]
    const asked = Array.from({ length: 120 }, (_, index) => index % pages.length)
    const answers = await Promise.all(
      asked.map((page, index) => {
        const options = { limit: 2, keyset: BY_DATE, cursor: cursors[page] }
        return index % 2 === 0 ? db.paginate(SQL, [0], options) : bodyOf(SQL, [0], options)
      }),
    )
    for (const [index, { data, pagination }] of answers.entries()) {
      const expected = pages[asked[index]]
      assert.equal(JSON.stringify(data), JSON.stringify(expected.data))
      assert.deepEqual(pagination, expected.pagination)
    }
  })

  it('work on a held connection and in a transaction, which see their own changes', async () => {
    await db.transaction(async (tx) => {
      await tx.execute("INSERT INTO items (id, name, price) VALUES (0, 'new', 99)")
      const options = { limit: 1, keyset: ['i.id'], count: 'cached' }
      const { data, pagination } = await tx.paginate(SQL, [99], options)
      assert.deepEqual([data[0].name, pagination.total], ['new', 1])
      assert.equal(JSON.parse(await tx.paginateJson(SQL, [99], options)).data[0].name, 'new')
      await tx.rollback()
    })
  })

  it('sort by what a request may ask for', async () => {
    const allowed = {
      newest: { column: 'i.released', direction: 'desc' },
      price: 'i.price',
      name: ['i.name'],
    }
    const ids = async (query) => {
      const { keyset } = sortKeyset(query._sort, query._order, allowed, { name: 'price' }, { unique: 'i.id' })
      const { limit, cursor } = getCursorParams({ query }, { defaultLimit: 4 })
      const { data } = await db.paginate(SQL, [0], { limit, cursor, keyset })
      return data.map(({ id }) => id)
    }
    assert.deepEqual(await ids({}), [1, 2, 3, 4])
    assert.deepEqual(await ids({ _sort: 'price', _order: 'desc', limit: '2' }), [23, 22])
    assert.deepEqual(await ids({ _sort: 'newest', _order: 'asc', limit: '3' }), [2, 5, 11])
    for (const hostile of ['id; DROP TABLE items', '(SELECT SLEEP(9))', 'constructor', ['name'], { a: 1 }]) {
      assert.deepEqual(await ids({ _sort: hostile, _order: hostile }), [1, 2, 3, 4])
    }
    assert.throws(
      () => sortKeyset('x', 'asc', allowed, { name: 'price' }, { unique: 'i.id', strict: true }),
      { code: 'HEGAR_PAGINATION_INVALID' },
    )
    assert.throws(() => sortKeyset('price', 'asc', allowed, { name: 'price' }), { name: 'HegarTypeError' })
  })

  describe('are refused before anything is sent', () => {
    const refused = async (sql, options, message, params = [0]) => {
      const { total } = db.stats().queries
      for (const method of ['paginate', 'paginateJson']) {
        await assert.rejects(db[method](sql, params, { limit: 2, ...options }), {
          name: /^Hegar/,
          ...(message && { message }),
        })
      }
      assert.equal(db.stats().queries.total, total)
    }

    it('without a place for their condition, or with one that does not narrow', async () => {
      await refused('SELECT id FROM items WHERE price > ?', { keyset: ['id'] }, /WHERE :keyset/)
      await refused(
        "SELECT id, ':keyset' FROM items WHERE price > ? -- :keyset",
        { keyset: ['id'] },
        /WHERE :keyset/,
      )
      for (const where of [
        'price > ? OR :keyset',
        'price > ? OR id = 1 AND :keyset',
        '(:keyset) OR price > ?',
      ]) {
        await refused(`SELECT id FROM items WHERE ${where}`, { keyset: ['id'] }, /beside/)
      }
      await refused(
        'SELECT id FROM items WHERE price > ? AND :keyset AND :keyset',
        { keyset: ['id'] },
        /twice/,
      )
    })

    it('with the condition in a subquery, where it does not narrow them', async () => {
      const sql = 'SELECT id FROM (SELECT id FROM items WHERE price > ? AND :keyset) AS i'
      await refused(sql, { keyset: ['id'] }, /subquery/)
    })

    it('with an order or limit of their own', async () => {
      for (const end of ['ORDER BY id', 'LIMIT 3', 'UNION SELECT 1']) {
        await refused(
          `SELECT id FROM items WHERE price > ? AND :keyset ${end}`,
          { keyset: ['id'] },
          /of its own/,
        )
      }
    })

    it('with columns that are none', async () => {
      for (const keyset of [
        [],
        'id',
        7,
        {},
        [7],
        [null],
        [''],
        [' '],
        ['1'],
        [{}],
        [{ column: 1 }],
        [{ column: 1n }],
        [{ column: 'id', direction: 'up' }],
        [{ column: 'id', direction: 1 }],
        [{ column: 'id', nullable: 1 }],
        [{ column: 'id', as: '' }],
        [{ column: 'id', as: 7 }],
        [{ column: 'id', nulable: true }],
        ['id + 1'],
        ['id = ?'],
        [{ column: 'id = :id', as: 'id' }],
        Array(17).fill('id'),
      ]) {
        await refused(SQL, { keyset }, /keyset/)
      }
    })

    it('with another limit or what belongs to pages by number', async () => {
      for (const limit of [0, -1, 1.5, '5', null, undefined, NaN, 2 ** 31, 5n]) {
        await refused(SQL, { keyset: BY_DATE, limit }, /limit/)
      }
      await refused(SQL, { keyset: BY_DATE, page: 1 }, /page/)
      await refused(SQL, { keyset: BY_DATE, deferred: { key: 'i.id', keySql: 'SELECT 1' } }, /deferred/)
      await refused('SELECT 1', { cursor: 'abc', page: 1 }, /keyset/, [])
      for (const params of ['x', 7, true]) await refused(SQL, { keyset: BY_DATE }, /parameters/, params)
      await refused(SQL, { keysets: BY_DATE }, /did you mean 'keyset'/)
      await refused(SQL, { keyset: BY_DATE, count: 'all' }, /count/)
      await refused(SQL, { keyset: BY_DATE, count: 'cached', countTtlMs: 0 }, /countTtlMs/)
    })
  })

  describe('are refused when they would leave rows out', () => {
    const refused = async (sql, options, message) => {
      for (const method of ['paginate', 'paginateJson']) {
        await assert.rejects(db[method](sql, [], options), { name: 'HegarTypeError', message })
      }
    }

    it('because two rows at the end are equal in all sort columns', async () => {
      const sql = 'SELECT id, released FROM items WHERE :keyset'
      await refused(sql, { limit: 2, keyset: ['released'] }, /unique/)
      await db.paginate(sql, [], { limit: 2, keyset: ['released', 'id'] })
    })

    it('because a sort column is not in the result, or is there twice', async () => {
      await refused(
        'SELECT name FROM items WHERE :keyset',
        { limit: 2, keyset: ['id'] },
        /select the sort column/,
      )
      const twice = 'SELECT i.id, o.id FROM items i JOIN others o ON o.item = i.id WHERE :keyset'
      await refused(twice, { limit: 2, keyset: [{ column: 'o.id', as: 'id' }] }, /select the sort column/)
    })

    it('because a column that was said to be filled holds NULL', async () => {
      const keyset = [{ column: 'released', nullable: false }, 'id']
      await refused('SELECT id, released FROM items WHERE :keyset', { limit: 2, keyset }, /nullable: false/)
    })

    it('because the server sorts a type in another way than it compares it', async () => {
      await refused(
        'SELECT id, state FROM items WHERE :keyset',
        { limit: 2, keyset: ['state', 'id'] },
        /ENUM/,
      )
      await refused(
        'SELECT id, doc FROM items WHERE :keyset',
        { limit: 2, keyset: ['doc', 'id'] },
        /no order/,
      )
      const long = "SELECT id, REPEAT('x', 600) AS text FROM items WHERE :keyset"
      const keyset = [{ column: "REPEAT('x', 600)", as: 'text' }, 'id']
      await refused(long, { limit: 2, keyset }, /512 characters/)
    })

    it('and the connection serves on', async () => {
      const { created } = db.stats().connections
      await refused('SELECT name FROM items WHERE :keyset', { limit: 2, keyset: ['id'] }, /select/)
      await db.paginate(SQL, [0], { limit: 2, keyset: BY_DATE })
      assert.equal(db.stats().connections.created, created)
    })
  })
})
