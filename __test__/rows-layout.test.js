'use strict'

const assert = require('node:assert/strict')
const { mariadbOnly } = require('./support/mysql.js')
const { after, before, describe, it } = require('node:test')
const { createPool } = require('../index.js')
const { openDrivers } = require('./support/drivers.js')

const JOIN = `SELECT p.*, s.*, 1 AS one, 'x' AS name FROM product p LEFT JOIN store AS s ON s.id = p.store_id ORDER BY p.id`

for (const disableEval of [false, true]) {
  describe(`the layout of rows${disableEval ? ', built without generated code,' : ''} is mysql2's`, () => {
    let drivers, db, same
    before(async () => {
      drivers = await openDrivers({ disableEval }, { mysql2Options: {} })
      ;({ db, same } = drivers)
      await drivers.run(
        'CREATE TABLE store (id INT PRIMARY KEY, name VARCHAR(20), opened DATE)',
        'CREATE TABLE product (id INT PRIMARY KEY, name VARCHAR(20), price DECIMAL(8,2), weight FLOAT, store_id INT, meta JSON, data BLOB)',
        "INSERT INTO store VALUES (1, 'Ürümqi', '2024-01-02'), (2, 'B', NULL)",
        `INSERT INTO product VALUES (1, 'a', 9.90, 10.84, 1, '{"b":1,"1":2}', x'00ff'), (2, '漢', NULL, 0.1, 9, NULL, NULL)`,
      )
    })
    after(() => drivers.close())

    it('with rowsAsArray, of columns with the same name too', async () => {
      const rows = await same(JOIN, { rowsAsArray: true })
      assert.deepEqual(rows[1], [2, '漢', null, 0.1, 9, null, null, null, null, null, 1, 'x'])
      await same('SELECT 1 AS a, 2 AS a, 3 AS `0`', { rowsAsArray: true })
      assert.deepEqual(await same('SELECT 1 AS a FROM DUAL WHERE FALSE', { rowsAsArray: true }), [])
    })

    it('with nestTables, columns of no table under the empty name', async () => {
      const rows = await same(JOIN, { nestTables: true })
      assert.deepEqual(Object.keys(rows[0]), ['p', 's', ''])
      assert.deepEqual(rows[1].s, { id: null, name: null, opened: null })
      await same('SELECT 1 AS b, 2 AS a, 3 AS b, 4 AS `1`', { nestTables: true })
    })

    it('with nestTables and a separator, also an empty one', async () => {
      const rows = await same(JOIN, { nestTables: '_' })
      assert.deepEqual([rows[0].p_name, rows[0].s_name, rows[0]._name], ['a', 'Ürümqi', 'x'])
      await same(JOIN, { nestTables: '' })
      await same(JOIN, { nestTables: '"\\\n${x}`' })
      await same('SELECT a.id, a_b.id AS c, a.id AS b_c FROM store a JOIN store a_b USING (id)', {
        nestTables: '_',
      })
    })

    it('with tables that are named like array indexes or like what objects inherit', async () => {
      for (const nestTables of [true, '.']) {
        await same(
          'SELECT `b`.id, `1`.id, constructor.id AS toString FROM store b, store `1`, store constructor',
          {
            nestTables,
          },
        )
      }
    })

    it('and a table or column called __proto__ is data', async () => {
      // mysql2 refuses these names.
      const sql =
        'SELECT __proto__.id AS __proto__, __proto__.name AS polluted, s.id FROM store __proto__ JOIN store s USING (id)'
      const [row] = await db.query(sql, null, { nestTables: true })
      assert.equal(Object.getPrototypeOf(row), Object.prototype)
      assert.deepEqual(Object.keys(row), ['__proto__', 's'])
      const table = Object.getOwnPropertyDescriptor(row, '__proto__').value
      assert.deepEqual(Object.entries(table), [
        ['__proto__', 1],
        ['polluted', 'Ürümqi'],
      ])
      assert.equal({}.polluted, undefined)
      const json = await db.queryJson(`${sql} LIMIT 1`, null, { nestTables: true })
      assert.equal(json.toString(), '[{"__proto__":{"__proto__":1,"polluted":"Ürümqi"},"s":{"id":1}}]')
      assert.deepEqual(await db.queryOne('SELECT 1 AS a', null, { nestTables: '__proto__' }), {
        __proto__a: 1,
      })
    })

    it('for one row and for rows of statements that write', mariadbOnly('RETURNING'), async () => {
      assert.deepEqual(await db.queryOne('SELECT 1, 2', [], { rowsAsArray: true }), [1, 2])
      assert.equal(await db.queryOne('SELECT 1 FROM DUAL WHERE FALSE', [], { rowsAsArray: true }), null)
      const sql = 'INSERT INTO store (id, name) VALUES (?, ?) RETURNING id, name'
      assert.deepEqual(await db.execute(sql, [10, 'x'], { rowsAsArray: true }), [[10, 'x']])
      const done = await db.execute('DELETE FROM store WHERE id = ?', [10], { rowsAsArray: true })
      assert.equal(done.affectedRows, 1)
    })

    it('for many rows and wide ones', async () => {
      const wide = `SELECT ${Array.from({ length: 250 }, (_, i) => `${i} AS c${i}`).join(', ')}`
      for (const layout of [{ rowsAsArray: true }, { nestTables: true }, { nestTables: '_' }]) {
        await same(wide, layout)
        await same('SELECT s.seq, s.seq AS b, CONCAT(seq, "ü") AS c FROM seq_1_to_5000 s', layout)
      }
    })

    it('for one statement in every layout, one after the other and at once', async () => {
      const layouts = [
        undefined,
        { rowsAsArray: true },
        { nestTables: true },
        { nestTables: '_' },
        { nestTables: '.' },
      ]
      for (let round = 0; round < 3; round++) for (const layout of layouts) await same(JOIN, layout)
      await Promise.all([...layouts, ...layouts].map((layout) => db.query(JOIN, null, layout)))
    })
  })
}

describe('the layout that a pool is given', () => {
  let drivers
  before(async () => {
    drivers = await openDrivers()
  })
  after(() => drivers.close())

  async function withPool(options, use) {
    const db = createPool({ ...drivers.target, ...options })
    try {
      await use(db)
    } finally {
      await db.close()
    }
  }

  it('holds for all of its calls, and for those of connections and transactions', () =>
    withPool({ rowsAsArray: true }, async (db) => {
      assert.deepEqual(await db.query('SELECT 1, 2'), [[1, 2]])
      assert.deepEqual(await db.queryOne('SELECT 1, 2'), [1, 2])
      assert.equal((await db.queryJson('SELECT 1, 2')).toString(), '[[1,2]]')
      const page = await db.paginate('SELECT seq FROM seq_1_to_3', [], { page: 1, limit: 2 })
      assert.deepEqual(page.data, [[1], [2]])
      assert.equal(page.pagination.total, 3)
      const body = JSON.parse(await db.paginateJson('SELECT seq FROM seq_1_to_3', [], { page: 2, limit: 2 }))
      assert.deepEqual(body.data, [[3]])
      await db.transaction(async (tx) => assert.deepEqual(await tx.query('SELECT 1'), [[1]]))
      const connection = await db.getConnection()
      assert.deepEqual(await connection.query('SELECT 1'), [[1]])
      await connection.release()
    }))

  it('gives way to what a call says', async () => {
    await withPool({ rowsAsArray: true }, async (db) => {
      assert.deepEqual(await db.query('SELECT 1 AS a', [], { rowsAsArray: false }), [{ a: 1 }])
      assert.deepEqual(await db.query('SELECT 1 AS a', [], { nestTables: '_' }), [{ _a: 1 }])
      assert.deepEqual(await db.query('SELECT 1 AS a', [], { nestTables: '' }), [{ a: 1 }])
      assert.deepEqual(await db.query('SELECT 1 AS `a.b`', [], { nest: true }), [{ a: { b: 1 } }])
      assert.deepEqual(await db.query('SELECT 1 AS a', [], { casts: { a: 'string' } }), [['1']])
    })
    await withPool({ nestTables: true }, async (db) => {
      assert.deepEqual(await db.query('SELECT 1 AS a'), [{ '': { a: 1 } }])
      assert.deepEqual(await db.query('SELECT 1 AS a', [], { nestTables: false }), [{ a: 1 }])
      assert.deepEqual(await db.query('SELECT 1 AS a', [], { nest: false }), [{ '': { a: 1 } }])
      assert.deepEqual(await db.query('SELECT 1 AS `a.b`', [], { nest: true }), [{ a: { b: 1 } }])
      assert.deepEqual(await db.query('SELECT 1 AS a', [], { rowsAsArray: true }), [[1]])
      const page = await db.paginate('SELECT 1 AS a', [], { page: 1, limit: 2 })
      assert.deepEqual(page.data, [{ '': { a: 1 } }])
      assert.equal(page.pagination.total, 1)
    })
  })

  it('is that of a uri too', () => {
    const { host, port, user, password } = drivers.target
    const uri = `mysql://${user}:${encodeURIComponent(password ?? '')}@${host}:${port}?nestTables=_&rowsAsArray=false`
    const db = createPool(uri)
    return db
      .query('SELECT 1 AS a')
      .then((rows) => assert.deepEqual(rows, [{ _a: 1 }]))
      .finally(() => db.close())
  })

  it('or a call is given twice is refused before anything is sent', async () => {
    const twice = { code: 'HEGAR_OPTION_INVALID', message: /say different things/ }
    assert.throws(() => createPool({ rowsAsArray: true, nestTables: true }), twice)
    const { db } = drivers
    for (const options of [
      { rowsAsArray: true, nestTables: true },
      { rowsAsArray: true, nestTables: '' },
      { rowsAsArray: true, nest: true },
      { nestTables: '_', nest: '.' },
      { rowsAsArray: true, shape: { a: { as: 'b' } } },
    ]) {
      await assert.rejects(db.query('SELECT 1 AS a', [], options), twice)
      await assert.rejects(db.queryJson('SELECT 1 AS a', [], options), twice)
    }
  })

  it('that is none is refused by its name', async () => {
    const { db } = drivers
    for (const [options, option, message] of [
      [{ rowsAsArray: 1 }, 'rowsAsArray', /must be true or false/],
      [{ nestTables: 1 }, 'nestTables', /separator/],
      [{ nestTables: 'x'.repeat(65) }, 'nestTables', /64 bytes/],
      [{ nest: '' }, 'nest', /at least one character/],
      [{ nest: 1 }, 'nest', /separator/],
      [{ nullObjects: 'yes' }, 'nullObjects', /true or false/],
      [{ columns: 1 }, 'columns', /true or false/],
    ]) {
      await assert.rejects(db.query('SELECT 1', [], options), {
        code: 'HEGAR_OPTION_INVALID',
        option,
        message,
      })
    }
    for (const method of ['query', 'queryOne', 'execute', 'queryJson']) {
      const unknown = {
        code: 'HEGAR_OPTION_UNKNOWN',
        option: 'rowAsArray',
        message: /did you mean 'rowsAsArray'/,
      }
      await assert.rejects(db[method]('SELECT 1', [], { rowAsArray: true }), unknown)
    }
    await assert.rejects(db.queryJson('SELECT 1', [], { columns: true }), { code: 'HEGAR_OPTION_UNKNOWN' })
    await assert.rejects(db.query('SELECT 1', [], { envelope: { key: 'a' } }), {
      code: 'HEGAR_OPTION_UNKNOWN',
    })
    assert.throws(() => createPool({ nestTables: 5 }), { code: 'HEGAR_OPTION_INVALID' })
  })
})
