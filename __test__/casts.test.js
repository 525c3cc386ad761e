'use strict'

const assert = require('node:assert/strict')
const { mariadbOnly } = require('./support/mysql.js')
const { after, before, describe, it } = require('node:test')
const { createPool } = require('../index.js')
const { openDrivers } = require('./support/drivers.js')

const TABLE = `CREATE TABLE v (
  tiny TINYINT(1), small SMALLINT UNSIGNED, whole INT, big BIGINT, huge BIGINT UNSIGNED, padded INT(6) ZEROFILL,
  price DECIMAL(30,2), single FLOAT, wide DOUBLE, bit1 BIT(1), bit20 BIT(20), y YEAR,
  d DATE, dt DATETIME(3), ts TIMESTAMP NULL, t TIME, txt VARCHAR(80), bin VARBINARY(20), j JSON, e ENUM('x','y'), g POINT
)`
const ROWS = [
  `(1, 65535, -5, -9223372036854775808, 18446744073709551615, 42, 12345678901234567890.50, 10.84, 1.5e300, b'1', b'1010', 2024,
    '2024-01-02', '2024-01-02 03:04:05.678', '2024-06-07 08:09:10', '-12:00:01', '7', x'00ff10', '{"b" : 1.0, "1":[ 2 ]}', 'x', POINT(1, 2))`,
  `(0, 0, 0, 9007199254740993, 0, 0, 0, 0, 0, b'0', b'0', 1999, '0000-00-00', '0000-00-00 00:00:00', NULL, '00:00:00', '', '', 'true', 'y', NULL)`,
  `(${Array(21).fill('NULL').join(', ')})`,
]

for (const disableEval of [false, true]) {
  describe(`a cast${disableEval ? ', without generated code,' : ''}`, () => {
    let drivers, db
    before(async () => {
      drivers = await openDrivers({ disableEval, timezone: 'Z' }, { mysql2Options: { timezone: 'Z' } })
      ;({ db } = drivers)
      await drivers.run("SET sql_mode = ''", TABLE, `INSERT INTO v VALUES ${ROWS.join(', ')}`)
    })
    after(() => drivers.close())

    // The values of a column, read as objects and as JSON, which must mean the same.
    async function read(column, cast, db = drivers.db) {
      const options = { casts: { [column]: cast } }
      const sql = `SELECT ${column} FROM v`
      const rows = await db.query(sql, [], options)
      const json = (await db.queryJson(sql, [], options)).toString()
      if (cast !== 'raw') assert.equal(json, stringify(rows), `${column} as ${cast}`)
      return rows.map((row) => row[column])
    }

    async function check(cast, expected) {
      for (const [column, values] of Object.entries(expected)) {
        assert.deepEqual(await read(column, cast), [...values, null], `${column} as ${cast}`)
      }
    }

    it("'boolean' reads numbers, bits and words", async () => {
      const yesNo = [true, false]
      const columns = 'tiny small whole huge padded price single wide bit1 bit20'.split(' ')
      await check('boolean', Object.fromEntries(columns.map((column) => [column, yesNo])))
      await check('boolean', { txt: [true, null], y: [true, true], j: [null, true], e: [null, null] })
      for (const [text, value] of Object.entries({
        TRUE: true,
        ' false ': false,
        '0.0': false,
        '-1': true,
        y: null,
        NaN: null,
      })) {
        assert.deepEqual(await db.queryOne('SELECT ? AS v', [text], { casts: { v: 'boolean' } }), {
          v: value,
        })
      }
    })

    it("'number' reads what can be a number, dates as milliseconds", () =>
      check('number', {
        tiny: [1, 0],
        big: [-9223372036854775808, 9007199254740992],
        huge: [18446744073709552000, 0],
        padded: [42, 0],
        price: [LONG, 0],
        single: [10.84, 0],
        wide: [1.5e300, 0],
        bit1: [1, 0],
        bit20: [10, 0],
        y: [2024, 1999],
        // Of the zero date mysql2 makes another day.
        d: [Date.UTC(2024, 0, 2), Date.UTC(1899, 10, 30)],
        dt: [Date.UTC(2024, 0, 2, 3, 4, 5, 678), null],
        ts: [Date.UTC(2024, 5, 7, 8, 9, 10), null],
        txt: [7, null],
        bin: [null, null],
        e: [null, null],
      }))

    it("'bigint' reads whole numbers of any length, in JSON as all of their digits", async () => {
      await check('bigint', {
        tiny: [1n, 0n],
        whole: [-5n, 0n],
        big: [-(2n ** 63n), 9007199254740993n],
        huge: [2n ** 64n - 1n, 0n],
        padded: [42n, 0n],
        y: [2024n, 1999n],
        bit20: [10n, 0n],
        price: [null, 0n],
        wide: [null, 0n],
        txt: [7n, null],
      })
      const sum = "SELECT SUM(huge) * 1000 AS a, -7.00 AS b, '-000' AS c FROM v"
      const casts = { a: 'bigint', b: 'bigint', c: 'bigint' }
      assert.deepEqual(await db.query(sum, [], { casts }), [{ a: 18446744073709551615000n, b: -7n, c: 0n }])
      assert.equal(
        (await db.queryJson(sum, [], { casts })).toString(),
        '[{"a":18446744073709551615000,"b":-7,"c":0}]',
      )
    })

    it("'string' gives the server's text", mariadbOnly('MySQL writes JSON anew'), () =>
      check('string', {
        tiny: ['1', '0'],
        big: ['-9223372036854775808', '9007199254740993'],
        huge: ['18446744073709551615', '0'],
        padded: ['000042', '000000'],
        price: ['12345678901234567890.50', '0.00'],
        single: ['10.84', '0'],
        wide: ['1.5e+300', '0'],
        bit1: ['1', '0'],
        bit20: ['10', '0'],
        y: ['2024', '1999'],
        d: ['2024-01-02', '0000-00-00'],
        dt: ['2024-01-02 03:04:05.678', '0000-00-00 00:00:00.000'],
        ts: ['2024-06-07 08:09:10', null],
        t: ['-12:00:01', '00:00:00'],
        bin: ['\0\ufffd\u0010', ''],
        j: ['{"b" : 1.0, "1":[ 2 ]}', 'true'],
        e: ['x', 'y'],
        g: ['{"x":1,"y":2}', null],
      }),
    )

    it("'date' gives Dates, also of texts that have the form of one", async () => {
      const text = createPool({ ...drivers.target, timezone: 'Z', dateStrings: true, disableEval })
      try {
        const dt = new Date(Date.UTC(2024, 0, 2, 3, 4, 5, 678))
        assert.deepEqual((await read('dt', 'date', text))[0], dt)
        assert.deepEqual((await read('d', 'date', text))[0], new Date(Date.UTC(2024, 0, 2)))
        for (const [value, expected] of [
          ['2024-01-02 03:04:05.678', dt],
          ['2024-01-02T03:04:05.678', dt],
          ['2024-01-02', new Date(Date.UTC(2024, 0, 2))],
          ['tomorrow', null],
        ]) {
          assert.deepEqual(await text.queryOne('SELECT ? AS v', [value], { casts: { v: 'date' } }), {
            v: expected,
          })
        }
      } finally {
        await text.close()
      }
    })

    it("'json' reads text as the value that it means", async () => {
      await check('json', { j: [{ b: 1, 1: [2] }, true], tiny: [1, 0], price: [LONG, 0] })
      const text = '{"b": [1.50, "\\u00e9"], "1": null}'
      for (const value of [text, Buffer.from(text)]) {
        const options = { casts: { v: 'json' } }
        assert.deepEqual(await db.queryOne('SELECT ? AS v', [value], options), { v: JSON.parse(text) })
        const json = await db.queryJson('SELECT ? AS v', [value], options)
        assert.equal(json.toString(), JSON.stringify([{ v: JSON.parse(text) }]))
      }
    })

    it("'base64', 'hex' and 'buffer' give bytes, of texts those of UTF-8", async () => {
      const bytes = Buffer.from([0, 255, 16])
      await check('base64', {
        bin: [bytes.toString('base64'), ''],
        txt: ['Nw==', ''],
        whole: ['LTU=', 'MA=='],
      })
      await check('hex', {
        bin: ['00ff10', ''],
        txt: ['37', ''],
        d: [hexOf('2024-01-02'), hexOf('0000-00-00')],
      })
      await check('buffer', {
        bin: [bytes, Buffer.alloc(0)],
        txt: [Buffer.from('7'), Buffer.alloc(0)],
        price: [Buffer.from('12345678901234567890.50'), Buffer.from('0.00')],
        padded: [Buffer.from('000042'), Buffer.from('000000')],
        dt: [Buffer.from('2024-01-02 03:04:05.678'), Buffer.from('0000-00-00 00:00:00.000')],
        bit20: [Buffer.from([0, 0, 10]), Buffer.from([0, 0, 0])],
      })
      const long = Buffer.from(Array.from({ length: 256 * 5 + 1 }, (_, i) => i & 255))
      for (const cast of ['base64', 'hex']) {
        const row = await db.queryOne('SELECT ? AS v', [long], { casts: { v: cast } })
        assert.deepEqual(row, { v: long.toString(cast) })
      }
    })

    it('of which no value of a column could come is refused with its name and type', async () => {
      for (const [column, cast] of [
        ['g', 'boolean'],
        ['g', 'number'],
        ['d', 'boolean'],
        ['dt', 'bigint'],
        ['t', 'number'],
        ['t', 'date'],
        ['whole', 'date'],
        ['price', 'date'],
        ['bit1', 'date'],
      ]) {
        const sql = `SELECT ${column} FROM v`
        const rejection = {
          name: 'HegarTypeError',
          code: 'HEGAR_PARAM_INVALID',
          message: new RegExp(`column '${column}' can not be read as ${cast}: it is [A-Z]+`),
        }
        await assert.rejects(db.query(sql, [], { casts: { [column]: cast } }), rejection)
        await assert.rejects(db.queryJson(sql, [], { casts: { [column]: cast } }), rejection)
      }
      const created = db.stats().connections.created
      for (let i = 0; i < 3; i++)
        await assert.rejects(db.query('SELECT g FROM v', [], { casts: { g: 'date' } }))
      assert.equal(db.stats().connections.created, created, 'the connection is kept')
    })

    it(
      'by type holds for the types of that name, with a length before those without',
      mariadbOnly('CAST to INT'),
      async () => {
        const typeCasts = {
          'tinyint(1)': 'boolean',
          TINYINT: 'string',
          DECIMAL: 'number',
          json: 'string',
          'BIT(1)': 'boolean',
        }
        const sql = 'SELECT tiny, small, price, j, bit1, CAST(3 AS INT) AS n FROM v LIMIT 1'
        const rows = await db.query(sql, [], { typeCasts })
        assert.deepEqual(rows, [
          {
            tiny: true,
            small: 65535,
            price: LONG,
            j: '{"b" : 1.0, "1":[ 2 ]}',
            bit1: true,
            n: 3,
          },
        ])
        assert.equal((await db.queryJson(sql, [], { typeCasts })).toString(), stringify(rows))
        const named = { typeCasts: { BOOL: 'boolean' }, casts: { tiny: 'number' } }
        assert.deepEqual((await db.query(sql, [], named))[0].tiny, 1, 'a cast by name wins')
        const asIs = { typeCasts: { BOOL: 'boolean' }, casts: { tiny: null } }
        assert.deepEqual((await db.query(sql, [], asIs))[0].tiny, 1)
      },
    )

    it('of a function gets value and column, wherever the value stands', async () => {
      const seen = []
      const casts = {
        txt: (value, column) => {
          seen.push([value, column.name, column.type])
          return value === null ? 'none' : value.length
        },
        big: 'string',
      }
      const sql = 'SELECT txt, big FROM v'
      const expected = [1, 0, 'none']
      const values = async (options, get) => (await db.query(sql, [], { casts, ...options })).map(get)
      assert.deepEqual(await values({}, (row) => row.txt), expected)
      assert.deepEqual(seen[0], ['7', 'txt', 'VARCHAR'])
      assert.deepEqual(await values({ rowsAsArray: true }, (row) => row[0]), expected)
      assert.deepEqual(await values({ nestTables: true }, (row) => row.v.txt), expected)
      assert.deepEqual(await values({ nestTables: '_' }, (row) => row.v_txt), expected)
      const nested = { nest: true, shape: { txt: { as: 'a.__proto__' } } }
      const get = (row) => Object.getOwnPropertyDescriptor(row.a, '__proto__').value
      assert.deepEqual(await values(nested, get), expected)
      assert.deepEqual(await db.queryOne(sql, [], { casts }), { txt: 1, big: '-9223372036854775808' })
      const page = await db.paginate(sql, [], { page: 1, limit: 9, casts })
      assert.deepEqual(
        page.data.map((row) => row.txt),
        expected,
      )
      const done = await db.execute('UPDATE v SET tiny = tiny WHERE FALSE', [], { casts })
      assert.equal(done.affectedRows, 0)
    })

    it('of a function that throws rejects its call with what it threw', async () => {
      const boom = new RangeError('boom')
      const casts = {
        txt: () => {
          throw boom
        },
      }
      await assert.rejects(db.query('SELECT txt FROM v', [], { casts }), (error) => error === boom)
      const parse = { txt: (value) => JSON.parse(`{${value}`) }
      await assert.rejects(db.query('SELECT txt FROM v', [], { casts: parse }), SyntaxError)
      assert.equal((await db.query('SELECT txt FROM v')).length, 3)
    })

    it('of a function for a column called toJSON is not called for anything else', async () => {
      const casts = { toJSON: (value) => value + 1 }
      assert.deepEqual(await db.query('SELECT 1 AS toJSON', [], { casts }), [{ toJSON: 2 }])
    })

    it('keeps a cast by type from a column that has a function', async () => {
      const options = { typeCasts: { TINYINT: 'boolean' }, casts: { tiny: (value) => value } }
      assert.deepEqual(await db.query('SELECT tiny FROM v', [], options), [
        { tiny: 1 },
        { tiny: 0 },
        { tiny: null },
      ])
    })

    it('holds for columns whose names objects inherit', async () => {
      const casts = JSON.parse('{"__proto__": "string", "constructor": "boolean"}')
      const [row] = await db.query('SELECT 1 AS __proto__, 1 AS constructor, 1 AS toString', [], { casts })
      assert.deepEqual(Object.entries(row), [
        ['__proto__', '1'],
        ['constructor', true],
        ['toString', 1],
      ])
    })

    it('holds for many rows, with NULLs between them', async () => {
      const many =
        "SELECT seq, IF(seq % 3, seq, NULL) AS b, IF(seq % 5, CONCAT(seq, 'é😀'), NULL) AS t, seq / 2 AS d FROM seq_1_to_9000"
      const options = { casts: { seq: 'string', b: 'bigint', t: 'base64', d: 'boolean' } }
      const rows = await db.query(many, [], options)
      assert.equal((await db.queryJson(many, [], options)).toString(), stringify(rows))
      assert.deepEqual(rows[1], { seq: '2', b: 2n, t: Buffer.from('2é😀').toString('base64'), d: true })
    })
  })
}

// What a DECIMAL of thirty digits is to a double.
const LONG = Number('12345678901234567890.5')
const hexOf = (text) => Buffer.from(text).toString('hex')

// JSON.stringify with BigInts as their digits.
function stringify(rows) {
  const marked = JSON.stringify(rows, (key, value) =>
    typeof value === 'bigint' ? `@bigint:${value}@` : value,
  )
  return marked.replaceAll(/"@bigint:(-?\d+)@"/g, '$1')
}

describe('casts of a pool', () => {
  let drivers
  before(async () => {
    drivers = await openDrivers()
  })
  after(() => drivers.close())

  it('hold for all calls, and those of a call go on top', async () => {
    const db = createPool({
      ...drivers.target,
      casts: { id: 'bigint', n: 'string' },
      typeCasts: { DECIMAL: 'number', DATE: 'string' },
    })
    try {
      const sql = "SELECT 1 AS id, 2 AS n, 1.50 AS price, DATE '2024-01-02' AS day"
      assert.deepEqual(await db.query(sql), [{ id: 1n, n: '2', price: 1.5, day: '2024-01-02' }])
      assert.equal((await db.queryJson(sql)).toString(), '[{"id":1,"n":"2","price":1.5,"day":"2024-01-02"}]')
      const options = { casts: { n: null, price: 'string' }, typeCasts: { DATE: null } }
      assert.deepEqual(await db.query(sql, [], options), [
        { id: 1n, n: 2, price: '1.50', day: new Date(2024, 0, 2) },
      ])
      const page = await db.paginate(sql, [], { page: 1, limit: 5, casts: { id: 'string' } })
      assert.deepEqual(page.data[0].id, '1')
      assert.equal(page.pagination.total, 1)
      const body = JSON.parse(await db.paginateJson(sql, [], { page: 1, limit: 5, casts: { id: 'string' } }))
      assert.deepEqual(body.data, [{ id: '1', n: '2', price: 1.5, day: '2024-01-02' }])
    } finally {
      await db.close()
    }
  })

  it('that are none are refused with the names that there are', async () => {
    const { db } = drivers
    for (const [options, message] of [
      [{ casts: { id: 'bigInt' } }, /casts\.id' must be one of 'boolean'.*did you mean 'bigint'/],
      [{ casts: { id: 5 } }, /casts\.id' must be one of .* but is a number/],
      [{ casts: 'bigint' }, /'casts' must be an object/],
      [{ typeCasts: { TINYNT: 'boolean' } }, /no type 'TINYNT': did you mean TINYINT/],
      [{ typeCasts: { 'VARCHAR(5)': 'json' } }, /not VARCHAR/],
      [{ typeCasts: { INT: 'string', integer: 'number' } }, /two casts for INT/],
      [{ typeCasts: { 'INT; DROP': 'string' } }, /no type/],
      [{ typeCasts: { INT: () => {} } }, /typeCasts\.INT' must be one of/],
    ]) {
      const rejection = { code: 'HEGAR_OPTION_INVALID', message }
      await assert.rejects(db.query('SELECT 1 AS id', [], options), rejection)
      await assert.rejects(db.queryJson('SELECT 1 AS id', [], options), rejection)
      assert.throws(() => createPool({ ...drivers.target, ...options }), rejection)
    }
    const functions = { code: 'HEGAR_OPTION_INVALID', message: /a function for 'id'/ }
    const casts = { id: (value) => value }
    assert.throws(() => createPool({ ...drivers.target, casts }), functions)
    await assert.rejects(db.queryJson('SELECT 1 AS id', [], { casts }), functions)
    await assert.rejects(db.paginateJson('SELECT 1 AS id', [], { page: 1, limit: 1, casts }), {
      name: 'HegarTypeError',
    })
  })
})
