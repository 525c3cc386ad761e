'use strict'

const assert = require('node:assert/strict')
const { after, before, describe, it } = require('node:test')
const { mariadbOnly } = require('./support/mysql.js')
const { openDrivers } = require('./support/drivers.js')

for (const disableEval of [false, true]) {
  describe(`rows in the shape that a caller wants${disableEval ? ', built without generated code' : ''}`, () => {
    let drivers, db
    before(async () => {
      drivers = await openDrivers({ disableEval }, { mysql2Options: {} })
      ;({ db } = drivers)
      await drivers.run(
        'CREATE TABLE store (id INT PRIMARY KEY, name VARCHAR(20), city VARCHAR(20))',
        'CREATE TABLE product (id INT PRIMARY KEY, name VARCHAR(20), store_id INT, images TEXT, active TINYINT(1), meta TEXT)',
        "INSERT INTO store VALUES (1, 'One', NULL)",
        `INSERT INTO product VALUES (1, 'a', 1, 'x.jpg,y.jpg', 1, '{"k": [1.0]}'), (2, 'b', NULL, NULL, 0, NULL)`,
      )
    })
    after(() => drivers.close())

    // Rows as objects, after the same as JSON has been found to mean and order the same.
    async function read(sql, options) {
      const rows = await db.query(sql, [], options)
      assert.equal((await db.queryJson(sql, [], options)).toString(), JSON.stringify(rows))
      return rows
    }

    it('with other names and without some columns', async () => {
      const shape = { id: { as: 'key' }, name: { omit: true }, n: { as: 'name' } }
      assert.deepEqual(await read('SELECT id, name, 5 AS n, 6 AS z FROM product', { shape }), [
        { key: 1, name: 5, z: 6 },
        { key: 2, name: 5, z: 6 },
      ])
      assert.deepEqual(await read('SELECT 1 AS a, 2 AS b', { shape: { b: { as: '0' } } }), [{ 0: 2, a: 1 }])
      assert.deepEqual(await read('SELECT 1 AS a', { shape: { a: { omit: true } } }), [{}])
      assert.deepEqual(await read('SELECT 1 AS a', { rowsAsArray: true, shape: { a: { omit: true } } }), [[]])
      const omitted = { rowsAsArray: true, shape: { b: { omit: true } } }
      assert.deepEqual(await read("SELECT 'x' AS a, 'long é😀' AS b, NULL AS c, 4 AS d", omitted), [
        ['x', null, 4],
      ])
    })

    it(
      'without a column that could not be read',
      mariadbOnly('MySQL takes no text that is no JSON'),
      async () => {
        await drivers.run(
          'DROP TABLE IF EXISTS broken',
          'CREATE TABLE broken (j JSON)',
          'SET check_constraint_checks = 0',
          "INSERT INTO broken VALUES ('[')",
        )
        await assert.rejects(db.query('SELECT 1 AS a, j FROM broken'), { code: 'HEGAR_UNSUPPORTED' })
        assert.deepEqual(await read('SELECT 1 AS a, j FROM broken', { shape: { j: { omit: true } } }), [
          { a: 1 },
        ])
      },
    )

    it('with nested objects by names with dots, adjacent or not', async () => {
      const sql = `SELECT p.id, s.id AS \`store.id\`, p.name, s.name AS \`store.name\`, s.city AS \`store.place.city\`,
        5 AS \`store.place.1\` FROM product p JOIN store s ON s.id = p.store_id`
      assert.deepEqual(await read(sql, { nest: true }), [
        { id: 1, store: { id: 1, name: 'One', place: { 1: 5, city: null } }, name: 'a' },
      ])
      assert.deepEqual(Object.keys((await read(sql, {}))[0])[1], 'store.id', 'only when it is asked for')
      assert.deepEqual(await read('SELECT 1 AS a__b, 2 AS `c.d`', { nest: '__' }), [
        { a: { b: 1 }, 'c.d': 2 },
      ])
      assert.deepEqual(
        await read('SELECT 1 AS `.a`, 2 AS `b.`, 3 AS `..`, 4 AS `c..d`, 5 AS ``', { nest: true }),
        [{ '.a': 1, 'b.': 2, '..': 3, 'c..d': 4, '': 5 }],
      )
    })

    it('with nested objects by new names', async () => {
      const shape = { store_id: { as: 'store.id' }, store_name: { as: 'store.name' } }
      const sql = 'SELECT 1 AS store_id, 2 AS id, 3 AS store_name'
      assert.deepEqual(await read(sql, { shape, nest: '.' }), [{ store: { id: 1, name: 3 }, id: 2 }])
      assert.deepEqual(await read(sql, { shape }), [{ 'store.id': 1, id: 2, 'store.name': 3 }])
    })

    it('with null for a nested object of which all columns are NULL, if asked for', async () => {
      const sql = `SELECT p.id, s.id AS \`store.id\`, s.name AS \`store.name\`, s.city AS \`store.place.city\`,
        p.images AS \`media.images\`, p.images AS \`media.first\`
        FROM product p LEFT JOIN store s ON s.id = p.store_id ORDER BY p.id`
      const shape = { 'media.images': { split: ',', prefix: '/' } }
      const plain = await read(sql, { nest: true, shape })
      assert.deepEqual(plain[1], {
        id: 2,
        store: { id: null, name: null, place: { city: null } },
        media: { images: [], first: null },
      })
      assert.deepEqual(await read(sql, { nest: true, nullObjects: true, shape }), [
        {
          id: 1,
          store: { id: 1, name: 'One', place: null },
          media: { images: ['/x.jpg', '/y.jpg'], first: 'x.jpg,y.jpg' },
        },
        { id: 2, store: null, media: null },
      ])
      const tables =
        'SELECT p.id, s.id, s.name FROM product p LEFT JOIN store s ON s.id = p.store_id ORDER BY p.id'
      const rows = await read(tables, { nestTables: true, nullObjects: true })
      assert.deepEqual(rows[1], { p: { id: 2 }, s: null })
      assert.deepEqual(await read('SELECT NULL AS a, NULL AS `b.c`', { nullObjects: true, nest: true }), [
        { a: null, b: null },
      ])
    })

    it('with a null object among more than 32 columns', async () => {
      const columns = Array.from(
        { length: 70 },
        (_, i) => `${i % 35 === 0 ? 'NULL' : i} AS \`o${i % 35}.c${i}\``,
      )
      const rows = await read(`SELECT ${columns.join(', ')}`, { nest: true, nullObjects: true })
      assert.equal(rows[0].o0, null)
      assert.deepEqual(rows[0].o1, { c1: 1, c36: 36 })
    })

    it('with booleans and JSON', async () => {
      const shape = {
        active: { boolean: true },
        meta: { json: true },
        flags: { split: ',', boolean: true },
        list: { split: '|', json: true },
      }
      const sql = `SELECT active, meta, '1,0,x,TRUE' AS flags, '1|{"a" : 2.0}|"x"' AS list FROM product ORDER BY id`
      const rest = { flags: [true, false, null, true], list: [1, { a: 2 }, 'x'] }
      assert.deepEqual(await read(sql, { shape }), [
        { active: true, meta: { k: [1] }, ...rest },
        { active: false, meta: null, ...rest },
      ])
      await assert.rejects(
        db.queryJson("SELECT '1,{' AS a", [], { shape: { a: { split: ',', json: true } } }),
        {
          code: 'HEGAR_UNSUPPORTED',
          message: /column 'a' holds text that is no JSON/,
        },
      )
    })

    it('with shape and casts on one column: the text is cast, then shaped', async () => {
      const day = "SELECT DATE '2024-01-02' AS d, '1,2' AS n"
      const options = {
        casts: { d: 'string', n: 'number' },
        shape: { d: { prefix: 'on ' }, n: { split: ',' } },
      }
      assert.deepEqual(await read(day, options), [{ d: 'on 2024-01-02', n: [1, 2] }])
      const rejection = { code: 'HEGAR_PARAM_INVALID', message: /'n' can not be read as hex/ }
      await assert.rejects(
        db.query(day, [], { casts: { n: 'hex' }, shape: { n: { split: ',' } } }),
        rejection,
      )
      await assert.rejects(
        db.query(day, [], { casts: { n: 'hex' }, shape: { n: { prefix: ',' } } }),
        rejection,
      )
    })

    it('has the value of the last column with a name, as long as nobody has renamed', async () => {
      assert.deepEqual(await read("SELECT 'é' AS a, 2 AS b, 3 AS a", { casts: { b: 'string' } }), [
        { a: 3, b: '2' },
      ])
      assert.deepEqual(await read('SELECT 1 AS `a.b`, 2 AS `a.b`', { nest: true }), [{ a: { b: 2 } }])
    })

    it('keeps names that objects inherit as data, at every level', async () => {
      const sql =
        'SELECT 1 AS `__proto__.polluted`, 2 AS `constructor.prototype.polluted`, 3 AS `a.__proto__`'
      const [row] = await read(sql, { nest: true })
      assert.equal(Object.getPrototypeOf(row), Object.prototype)
      assert.deepEqual(Object.keys(row), ['__proto__', 'constructor', 'a'])
      assert.equal(
        JSON.stringify(row),
        '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":2}},"a":{"__proto__":3}}',
      )
      assert.equal({}.polluted, undefined)
      const renamed = await read('SELECT 1 AS a', { shape: { a: { as: '__proto__' } } })
      assert.equal(JSON.stringify(renamed), '[{"__proto__":1}]')
    })

    it('that would lose a value is refused with the names of both columns', async () => {
      for (const [sql, options, names] of [
        [
          'SELECT id, name FROM product',
          { shape: { id: { as: 'name' } } },
          ["'id' of 'product'", "'name' of 'product'"],
        ],
        ['SELECT 1 AS name, 2 AS id', { shape: { id: { as: 'name' } } }, ["'name'", "'id'"]],
        [
          'SELECT p.id, s.id FROM product p, store s',
          { shape: { id: { as: 'x' } } },
          ["'id' of 'p'", "'id' of 's'"],
        ],
        ['SELECT 1 AS store, 2 AS `store.name`', { nest: true }, ["'store'", "'store.name'"]],
        ['SELECT 1 AS `store.name`, 2 AS store', { nest: true }, ["'store'", "'store.name'"]],
        ['SELECT 1 AS `a.b`, 2 AS `a.b.c`', { nest: true }, ["'a.b'", "'a.b.c'"]],
        ['SELECT 1 AS a, 2 AS b', { shape: { b: { as: 'a.x' } }, nest: true }, ["'a'", "'b'"]],
      ]) {
        for (const method of ['query', 'queryOne', 'queryJson']) {
          await assert.rejects(db[method](sql, [], options), (error) => {
            assert.equal(error.name, 'HegarTypeError')
            assert.equal(error.code, 'HEGAR_PARAM_INVALID')
            for (const name of names) assert.ok(error.message.includes(name), error.message)
            return true
          })
        }
      }
      const { created } = db.stats().connections
      for (let i = 0; i < 5; i++) {
        await assert.rejects(
          db.query('SELECT seq AS a, 1 AS b FROM seq_1_to_1000', [], { shape: { a: { as: 'b' } } }),
        )
      }
      assert.equal(db.stats().connections.created, created, 'the connection is kept')
      const deep = Array(40).fill('a').join('.')
      await assert.rejects(
        db.query(`SELECT 1 AS \`${deep.slice(0, 64)}\`, 2 AS x`, [], {
          nest: true,
          shape: { x: { as: deep } },
        }),
        {
          code: 'HEGAR_PARAM_INVALID',
          message: /nest deeper than 32/,
        },
      )
    })

    it('whose parts contradict each other is refused before anything is sent', async () => {
      for (const [shape, message] of [
        [{ a: { as: 'x' }, b: { as: 'x' } }, /shape\.a\.as and shape\.b\.as are both 'x'/],
        [{ a: { number: true, boolean: true } }, /both number and boolean/],
        [{ a: { json: true, prefix: 'x' } }, /prefix/],
        [{ a: { omit: true, as: 'x' } }, /omitted/],
        [{ a: { as: 1 } }, /shape\.a\.as must be/],
        [{ a: { omit: 1 } }, /shape\.a\.omit must be true or false/],
      ]) {
        await assert.rejects(db.query('SELECT 1 AS a', [], { shape }), { name: 'HegarTypeError', message })
        await assert.rejects(db.queryJson('SELECT 1 AS a', [], { shape }), {
          name: 'HegarTypeError',
          message,
        })
      }
    })

    it('holds for pages', async () => {
      const sql = 'SELECT id AS `p.id`, images FROM product ORDER BY id'
      const options = {
        page: 1,
        limit: 1,
        nest: true,
        shape: { images: { split: ',' } },
        casts: { 'p.id': 'string' },
      }
      const data = [{ p: { id: '1' }, images: ['x.jpg', 'y.jpg'] }]
      const page = await db.paginate(sql, [], options)
      assert.deepEqual(page.data, data)
      assert.equal(page.pagination.total, 2)
      assert.deepEqual(JSON.parse(await db.paginateJson(sql, [], options)).data, data)
    })

    it('holds for many rows', async () => {
      const sql = `SELECT seq AS \`a.id\`, IF(seq % 2, NULL, CONCAT('é', seq)) AS \`b.name\`, seq AS drop_me, IF(seq % 4, NULL, '😀,x') AS \`b.list\`,
        seq % 3 AS flag FROM seq_1_to_9000`
      const options = {
        nest: true,
        nullObjects: true,
        shape: { drop_me: { omit: true }, 'b.list': { split: ',' }, flag: { boolean: true } },
      }
      const rows = await read(sql, options)
      assert.equal(rows.length, 9000)
      assert.deepEqual(rows.slice(0, 4), [
        { a: { id: 1 }, b: null, flag: true },
        { a: { id: 2 }, b: { name: 'é2', list: [] }, flag: true },
        { a: { id: 3 }, b: null, flag: false },
        { a: { id: 4 }, b: { name: 'é4', list: ['😀', 'x'] }, flag: true },
      ])
    })
  })
}
