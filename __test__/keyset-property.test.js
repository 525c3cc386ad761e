'use strict'

const assert = require('node:assert/strict')
const { after, before, describe, it } = require('node:test')
const { openDrivers } = require('./support/drivers.js')
const { createRandom } = require('./support/random.js')

const ROWS = 60
const SEED = Number(process.env.HEGAR_SEED ?? 20261125)
const TABLES = 40

// A type for a column to sort by, and few enough values that many rows are equal in it, the extreme ones among them.
const types = {
  'TINYINT(1)': ['0', '1'],
  'TINYINT UNSIGNED': ['0', '255', '7'],
  INT: ['0', '-1', '2147483647', '-2147483648'],
  'INT ZEROFILL': ['0', '42'],
  BIGINT: ['0', '-9223372036854775808', '9223372036854775807', '9007199254740993', '9007199254740992'],
  'BIGINT UNSIGNED': ['0', '18446744073709551615', '18446744073709551614', '9223372036854775808'],
  'DECIMAL(65,30)': ["'0'", "'-0.000000000000000000000000000001'", "'12345678901234567890123456789012345.1'"],
  'DECIMAL(10,2)': ['0', '0.01', '-99999999.99', '99999999.99'],
  FLOAT: ['0', '0.1', '-3.4e38', '1e-38', '16777217'],
  DOUBLE: ['0', '0.1', '0.30000000000000004', '-1.7976931348623157e308', '5e-324'],
  'BIT(40)': ["b'0'", "b'1'", "b'1111111111111111111111111111111111111111'"],
  YEAR: ['0', '1901', '2155', '2024'],
  DATE: ["'0000-00-00'", "'1000-01-01'", "'9999-12-31'", "'2024-02-29'"],
  'DATETIME(6)': [
    "'0000-00-00'",
    "'2024-02-29 23:59:59.999999'",
    "'2024-02-29 23:59:59.999998'",
    "'1000-01-01'",
  ],
  DATETIME: ["'2024-03-31 02:30:00'", "'2024-10-27 02:30:00'", "'9999-12-31 23:59:59'"],
  'TIMESTAMP(6)': ["'1970-01-01 00:00:01'", "'2038-01-19 03:14:07.999999'", "'2024-06-01 12:00:00.5'"],
  'TIME(6)': ["'-838:59:59'", "'838:59:59'", "'00:00:00.000001'", "'-00:00:00.000001'"],
  'VARCHAR(80)': ["''", "'a'", "'A'", "'é'", "'e'", "'a '", "'漢😀'", "'z'", "''' OR 1=1 -- '"],
  'VARCHAR(80) COLLATE utf8mb4_bin': ["''", "'a'", "'A'", "'\\\\'", "'\"'", "'é'", "'0x41'", "'a;b'"],
  'VARCHAR(20) CHARACTER SET latin1': ["'é'", "'e'", "'ÿ'", "''"],
  'CHAR(5)': ["'a'", "'b'", "''"],
  'VARBINARY(20)': ["''", "x'00'", "x'0000'", "x'ff'", "x'27'", "'a'"],
  'BINARY(4)': ["x'00000000'", "x'ffffffff'", "x'61'"],
  TEXT: ["'a'", "'b'", "REPEAT('c', 500)", "''"],
  BLOB: ["x'00'", "x'ff00'", "''"],
}

describe('walking over random tables by cursor', () => {
  let drivers, db
  before(async () => {
    drivers = await openDrivers({}, { mysql2Options: {} })
    ;({ db } = drivers)
  })
  after(() => drivers.close())

  async function table(random, name) {
    const columns = Array.from({ length: 1 + random.int(3) }, (_, index) => {
      const type = random.pick(Object.keys(types))
      return { name: `c${index}`, type, nullable: random.chance(0.5), values: types[type] }
    })
    const value = ({ nullable, values }) => (nullable && random.chance(0.25) ? 'NULL' : random.pick(values))
    const rows = Array.from({ length: ROWS }, (_, id) => `(${[id, ...columns.map(value)].join(', ')})`)
    // TIMESTAMP would be given a default of its own.
    const definitions = columns.map(
      ({ name, type, nullable }) =>
        `${name} ${type} ${nullable ? 'NULL' : 'NOT NULL'}${/^TIMESTAMP/.test(type) ? ` DEFAULT ${nullable ? 'NULL' : "'2000-01-01'"}` : ''}`,
    )
    const index = random.chance(0.5)
      ? `, KEY k (${columns.map((c) => (/TEXT|BLOB/.test(c.type) ? `${c.name}(20)` : c.name)).join(', ')})`
      : ''
    const connection = await drivers.my.getConnection()
    try {
      await connection.query("SET sql_mode = ''")
      await connection.query(`CREATE TABLE ${name} (id INT PRIMARY KEY, ${definitions.join(', ')}${index})`)
      await connection.query(`INSERT INTO ${name} VALUES ${rows.join(', ')}`)
    } finally {
      connection.release()
    }
    return columns
  }

  const told = (columns) =>
    columns.map(({ type, nullable }) => `${type}${nullable ? '' : ' NOT NULL'}`).join(', ')

  it(`gives every row once and in order, forward, and the reverse backward (seed ${SEED})`, async () => {
    const random = createRandom(SEED)
    for (let number = 0; number < TABLES; number++) {
      const name = `t${number}`
      const columns = await table(random, name)
      const keyset = [...columns.map((column) => column.name), 'id'].map((column) => ({
        column,
        direction: random.pick(['asc', 'desc']),
      }))
      const order = keyset.map(({ column, direction }) => `${column} ${direction}`).join(', ')
      const wanted = (await db.query(`SELECT id FROM ${name} ORDER BY ${order}`)).map(({ id }) => id)
      const limit = random.pick([1, 2, 7, ROWS - 1, ROWS, ROWS + 1])
      const sql = `SELECT * FROM ${name} WHERE :keyset`
      const what = `${told(columns)} ORDER BY ${order} LIMIT ${limit}`
      const isJson = random.chance(0.5)
      const read = async (cursor) => {
        const options = { limit, keyset, cursor }
        return isJson ? JSON.parse(await db.paginateJson(sql, [], options)) : db.paginate(sql, [], options)
      }
      const forward = []
      let last = null
      for (let cursor = null; ; cursor = last.pagination.nextCursor) {
        last = await read(cursor)
        forward.push(...last.data.map(({ id }) => id))
        assert.ok(forward.length <= ROWS, `${what}: rows come twice`)
        if (last.pagination.nextCursor === null) break
      }
      assert.deepEqual(forward, wanted, what)
      const backward = last.data.map(({ id }) => id)
      for (let cursor = last.pagination.previousCursor; cursor !== null;) {
        const page = await read(cursor)
        backward.unshift(...page.data.map(({ id }) => id))
        assert.ok(backward.length <= ROWS, `${what}: rows come twice backward`)
        cursor = page.pagination.previousCursor
      }
      assert.deepEqual(backward, wanted, `${what}, backward`)
    }
  })

  for (const [type, values] of Object.entries(types)) {
    it(`does so for ${type} alone, from every row`, async () => {
      const name = `s${Object.keys(types).indexOf(type)}`
      const columns = await table(
        {
          ...createRandom(SEED),
          int: () => 0,
          chance: () => true,
          pick: (list) => (list.includes(type) ? type : list[0]),
        },
        name,
      )
      assert.equal(columns[0].type, type)
      const connection = await drivers.my.getConnection()
      await connection.query("SET sql_mode = ''")
      await connection.query(`TRUNCATE ${name}`)
      const rows = [...values, ...values, 'NULL', 'NULL'].map((value, id) => `(${id}, ${value})`)
      await connection.query(`INSERT INTO ${name} VALUES ${rows.join(', ')}`)
      connection.release()
      for (const direction of ['asc', 'desc']) {
        for (const other of ['asc', 'desc']) {
          const keyset = [
            { column: 'c0', direction },
            { column: 'id', direction: other },
          ]
          const wanted = (await db.query(`SELECT id FROM ${name} ORDER BY c0 ${direction}, id ${other}`)).map(
            ({ id }) => id,
          )
          const seen = []
          let page = null
          for (let cursor = null; page === null || cursor !== null; cursor = page.pagination.nextCursor) {
            page = await db.paginate(`SELECT * FROM ${name} WHERE :keyset`, [], { limit: 1, keyset, cursor })
            seen.push(...page.data.map(({ id }) => id))
            assert.ok(seen.length <= rows.length, 'rows come twice')
          }
          assert.deepEqual(seen, wanted, `${direction} ${other}`)
        }
      }
    })
  }
})
