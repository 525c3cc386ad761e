'use strict'

const assert = require('node:assert/strict')
const { after, before, describe, it } = require('node:test')
const { createPool } = require('../index.js')
const { openDrivers } = require('./support/drivers.js')

const EDGES = [
  0n,
  1n,
  -1n,
  9007199254740990n,
  9007199254740991n,
  9007199254740992n,
  9007199254740993n,
  -9007199254740991n,
  -9007199254740992n,
  -9007199254740993n,
  100000000000000n,
  99999999999999n,
  2n ** 63n - 1n,
  -(2n ** 63n),
  2n ** 64n - 1n,
]

describe('options change how values read, as in mysql2', () => {
  let plain
  before(async () => {
    plain = await openDrivers()
  })
  after(() => plain.close())

  async function under(options, check) {
    const drivers = await openDrivers(options)
    try {
      await drivers.run(
        'CREATE TABLE n (id INT AUTO_INCREMENT PRIMARY KEY, s BIGINT, u BIGINT UNSIGNED, d DECIMAL(30,10), i INT, z BIGINT ZEROFILL)',
        `INSERT INTO n (s, u, d, i, z) VALUES ${EDGES.map((n) => {
          const signed = n > 2n ** 63n - 1n ? n - 2n ** 64n : n
          const positive = n < 0n ? -n : n
          return `(${signed}, ${positive}, ${n}.5, ${signed % 1000n}, ${positive})`
        }).join(',')}, (NULL, NULL, NULL, NULL, NULL)`,
      )
      await check(drivers)
    } finally {
      await drivers.close()
    }
  }

  const numbers =
    'SELECT s, u, d, i, z, COUNT(*), SUM(s), MAX(u), CAST(u AS UNSIGNED) FROM n GROUP BY id ORDER BY id'

  it('by default 64-bit integers are numbers, rounded past 2^53', () =>
    under({}, ({ same }) => same(numbers)))

  it('supportBigNumbers gives text only where a number would round', () =>
    under({ supportBigNumbers: true }, async ({ same }) => {
      const rows = await same(numbers)
      assert.equal(rows[4].s, 9007199254740991)
      assert.equal(rows[5].s, '9007199254740992')
    }))

  it('bigNumberStrings gives text for every 64-bit integer', () =>
    under({ supportBigNumbers: true, bigNumberStrings: true }, async ({ same }) => {
      const rows = await same(numbers)
      assert.equal(rows[0].s, '0')
      assert.equal(rows[0].i, 0)
    }))

  it('bigNumberStrings alone changes nothing', () =>
    under({ bigNumberStrings: true }, ({ same }) => same(numbers)))

  it('decimalNumbers gives numbers for DECIMAL, added up as mysql2 does', () =>
    under({ decimalNumbers: true }, async ({ same, run }) => {
      await same(numbers)
      const values = Array.from({ length: 500 }, (_, i) => {
        const whole = Math.round(Math.abs(Math.sin(i)) * 10 ** (i % 12))
        return `(${i % 2 ? '-' : ''}${whole}.${String(Math.round(Math.abs(Math.cos(i)) * 1e9)).padStart(10, '0')})`
      })
      await run(
        'CREATE TABLE dec1 (d DECIMAL(30,10))',
        `INSERT INTO dec1 VALUES ${values.join(',')}, (9.123456789012345)`,
      )
      await same('SELECT d, d * 2, d / 3, CAST(d AS DECIMAL(20,0)), CAST(d AS DECIMAL(65,30)) FROM dec1')
    }))

  it('all of them together', () =>
    under(
      { supportBigNumbers: true, decimalNumbers: true, dateStrings: true, jsonStrings: true },
      async ({ same }) => {
        await same(numbers)
        await same(`SELECT JSON_OBJECT('a', 12345678901234567890) AS j, DATE '2024-01-01' AS d, 1.50 AS n`)
      },
    ))

  it('bigInt gives a BigInt for every 64-bit integer, and digits in JSON', () =>
    under({}, async ({ target, run }) => {
      const db = createPool({ ...target, bigInt: true })
      try {
        const rows = await db.query('SELECT s, u, i, d FROM n WHERE s IS NOT NULL ORDER BY id')
        assert.deepEqual(
          rows.map((row) => row.s),
          EDGES.map((n) => BigInt.asIntN(64, n)),
        )
        assert.deepEqual(
          rows.map((row) => row.u),
          EDGES.map((n) => (n < 0n ? -n : n)),
        )
        assert.equal(typeof rows[0].i, 'number')
        assert.equal(typeof rows[0].d, 'string')
        assert.deepEqual(await db.query('SELECT s, u, COUNT(*) AS c FROM n WHERE s IS NULL GROUP BY s, u'), [
          { s: null, u: null, c: 1n },
        ])
        const json = await db.queryJson('SELECT s, u FROM n WHERE s IS NOT NULL ORDER BY id')
        const expected = rows.map((row) => `{"s":${row.s},"u":${row.u}}`)
        assert.equal(json.toString(), `[${expected.join(',')}]`)
        await run('CREATE TABLE auto (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, x INT)')
        const { insertId } = await db.execute('INSERT INTO auto (id, x) VALUES (18446744073709551610, 1)')
        assert.equal(insertId, 18446744073709551610n)
        const done = await db.queryJson('INSERT INTO auto (id, x) VALUES (18446744073709551611, 1)')
        assert.equal(
          done.toString(),
          '{"affectedRows":1,"insertId":18446744073709551611,"info":"","warningStatus":0,"changedRows":0}',
        )
      } finally {
        await db.close()
      }
    }))

  it('two pools with different options read the same columns each in its own way', async () => {
    const exact = createPool({ ...plain.target, bigInt: true, dateStrings: true })
    const sql = "SELECT COUNT(*) + 4 AS n, DATE '2024-01-02' AS d, JSON_ARRAY(1) AS j"
    try {
      for (let round = 0; round < 3; round++) {
        assert.deepEqual(await exact.query(sql), [{ n: 5n, d: '2024-01-02', j: [1] }])
        assert.deepEqual(await plain.db.query(sql), [{ n: 5, d: new Date(2024, 0, 2), j: [1] }])
        assert.equal((await exact.queryJson(sql)).toString(), '[{"n":5,"d":"2024-01-02","j":[1]}]')
      }
    } finally {
      await exact.close()
    }
  })
})
