'use strict'

const assert = require('node:assert/strict')
const { after, before, describe, it } = require('node:test')
const { openDrivers, shortestSingle } = require('./support/drivers.js')

const INTEGERS = {
  TINYINT: [-128n, 127n, 255n],
  SMALLINT: [-32768n, 32767n, 65535n],
  MEDIUMINT: [-8388608n, 8388607n, 16777215n],
  INT: [-2147483648n, 2147483647n, 4294967295n],
  BIGINT: [-(2n ** 63n), 2n ** 63n - 1n, 2n ** 64n - 1n],
}

describe('numbers read as mysql2 reads them', () => {
  let drivers, same, run
  before(async () => {
    drivers = await openDrivers()
    ;({ same, run } = drivers)
  })
  after(() => drivers.close())

  for (const [type, [least, greatest, unsigned]] of Object.entries(INTEGERS)) {
    it(`${type} signed, unsigned and zero-filled, at both ends and NULL`, async () => {
      await run(
        `CREATE TABLE i_${type} (s ${type}, u ${type} UNSIGNED, z ${type} ZEROFILL, w ${type}(4) ZEROFILL)`,
        `INSERT INTO i_${type} VALUES (${least}, 0, 0, 7), (${greatest}, ${unsigned}, ${unsigned}, 1),
          (-1, 1, 1, 0), (0, 10, 100, 99), (NULL, NULL, NULL, NULL), (${least + 1n}, ${unsigned - 1n}, 42, 42)`,
      )
      const rows = await same(`SELECT * FROM i_${type}`)
      assert.equal(rows.length, 6)
      assert.equal(rows[0].s, Number(least))
      assert.equal(rows[1].u, Number(unsigned))
      assert.deepEqual(rows[4], { s: null, u: null, z: null, w: null })
    })
  }

  it('BIGINT around every power of two and of ten, beyond 2^53 rounded as Number rounds', async () => {
    const values = []
    for (let power = 30n; power <= 62n; power++) for (const d of [-1n, 0n, 1n]) values.push(2n ** power + d)
    for (let power = 9n; power <= 18n; power++) for (const d of [-1n, 0n, 1n]) values.push(10n ** power + d)
    await run(
      'CREATE TABLE big (s BIGINT, u BIGINT UNSIGNED)',
      `INSERT INTO big VALUES ${values.map((v) => `(${-v}, ${v * 2n})`).join(',')}`,
    )
    await same('SELECT * FROM big')
  })

  it('integers that are expressions: booleans, counts, sums, bit operations, casts', async () => {
    await same(
      `SELECT TRUE, FALSE, 1 = 1, COUNT(*), SUM(1), 5 DIV 2, 7 % 4, ~0, 1 << 40, CAST(-1 AS UNSIGNED),
        CAST('12' AS SIGNED), LENGTH('abc'), IF(1, 2, 3), NULLIF(1, 1), LAST_INSERT_ID(), YEAR('2024-02-03')`,
    )
  })

  it('YEAR', async () => {
    await run(
      'CREATE TABLE y (y YEAR, y4 YEAR(4))',
      'INSERT INTO y VALUES (1901, 2155), (0, 1970), (NULL, NULL)',
    )
    await same('SELECT * FROM y')
  })

  it('DECIMAL in every scale, as text with its zeros', async () => {
    await run(
      'CREATE TABLE d (a DECIMAL(65,0), b DECIMAL(65,30), c DECIMAL(10,2), z DECIMAL(10,2) ZEROFILL, n NUMERIC(1,1))',
      `INSERT INTO d VALUES (${'9'.repeat(65)}, ${'9'.repeat(35)}.${'9'.repeat(30)}, -0.01, 1.5, 0.9),
        (-${'9'.repeat(65)}, -0.${'0'.repeat(29)}1, 99999999.99, 0, -0.9), (0, 0, 0, 7, 0),
        (NULL, NULL, NULL, NULL, NULL)`,
    )
    const rows = await same('SELECT * FROM d')
    assert.equal(rows[2].c, '0.00')
    assert.equal(rows[0].z, '00000001.50')
    await same('SELECT 1.50, 10 / 3, AVG(c), SUM(c), ROUND(2.345, 2), CAST(1 AS DECIMAL(20,10)) FROM d')
  })

  it('FLOAT as its shortest single-precision decimal', async () => {
    const values = [
      10.84,
      -0.1,
      16777216,
      16777217,
      3.4028234e38,
      1.17549435e-38,
      1e-45,
      1 / 3,
      100,
      0.5,
      1234567.89,
    ]
    await run(
      'CREATE TABLE f (id INT, f FLOAT, p FLOAT(7,3), u FLOAT UNSIGNED)',
      `INSERT INTO f VALUES ${values.map((v, i) => `(${i}, ${v}, ${Math.abs(v) < 1000 ? v : 1}, ${Math.abs(v)})`).join(',')}`,
      'INSERT INTO f VALUES (99, NULL, NULL, NULL)',
    )
    const rows = await same('SELECT * FROM f ORDER BY id')
    assert.equal(rows[0].f, 10.84)
    assert.equal(rows[2].f, 16777216, 'all digits, where the text protocol gives 16777200')
    assert.equal(rows[9].f, 0.5)
    assert.deepEqual(
      rows.slice(0, values.length).map((row) => Math.fround(row.f)),
      values.map((value) => Math.fround(value)),
      'no bit is lost',
    )
    assert.equal((await drivers.db.queryJson('SELECT f FROM f WHERE id = 0')).toString(), '[{"f":10.84}]')
  })

  it('the rule for FLOAT used here is that of single precision', () => {
    assert.equal(shortestSingle(Math.fround(10.84)), 10.84)
    assert.equal(shortestSingle(Math.fround(1e-45)), 1e-45)
    assert.equal(shortestSingle(16777216), 16777216)
    assert.equal(shortestSingle(3241929.25), 3241929.2)
  })

  it('DOUBLE from the smallest to the largest, with 15, 16 and 17 digits', async () => {
    const values = `0e0 1 0.1 0.30000000000000004 0.3333333333333333 0.6666666666666666 123456789.123456
      9.123456789012345 98765.43210987654 9007199254740991 9007199254740993 90071992547409.91 1e15 1e16 1e17
      123456789012345680 1e20 1e21 1.5e21 1e22 1e100 1.7976931348623157e308 2.2250738585072014e-308 5e-324 1e-5 1e-6
      1.5e-6 1e-7 1.234e-7 1e-300 99999999999999.98 999999999999999.9 9.999999999999999 4.35 1.005 8.41
      1234567890.123457`.split(/\s+/)
    await run(
      'CREATE TABLE dbl (id INT AUTO_INCREMENT PRIMARY KEY, d DOUBLE)',
      `INSERT INTO dbl (d) VALUES ${values.flatMap((v) => [`(${v})`, `(-${v})`]).join(',')}, (NULL)`,
    )
    await same('SELECT * FROM dbl ORDER BY id')
  })

  it('DOUBLE with 16 digits that begin with a 9, which mysql2 adds up inexactly', async () => {
    const values = []
    for (let i = 0; i < 400; i++) {
      const digits = `9${String(Math.round(Math.sin(i + 1) ** 2 * 1e15)).padStart(15, '0')}`
      const point = 1 + (i % 15)
      values.push(`(${i}, ${i % 3 === 0 ? '-' : ''}${digits.slice(0, point)}.${digits.slice(point)})`)
    }
    await run('CREATE TABLE nines (id INT, d DOUBLE)', `INSERT INTO nines VALUES ${values.join(',')}`)
    await same('SELECT d FROM nines ORDER BY id')
  })

  it('DOUBLE(M,D) as the rounded text that the server makes of it', async () => {
    await run(
      'CREATE TABLE fixed (a DOUBLE(10,2), b DOUBLE(20,10), c DOUBLE(53,0), d DOUBLE(15,4) ZEROFILL, e REAL(30,15))',
    )
    const rows = []
    for (let i = 0; i < 300; i++) {
      const x = Math.sin(i) * 10 ** (i % 7)
      rows.push(`(${x}, ${x}, ${x * 1e9}, ${Math.abs(x)}, ${x})`)
    }
    await run(
      `INSERT INTO fixed VALUES ${rows.join(',')}, (NULL, NULL, NULL, NULL, NULL), (0, 0, 0, 0, 0), (-0.001, 0, 0, 0, 0)`,
    )
    await same('SELECT * FROM fixed')
  })

  it('doubles that are expressions, with fixed decimals or without', async () => {
    await same(
      `SELECT PI(), SQRT(2), ROUND(1e0 / 3, 4), TRUNCATE(2e0 / 3, 3), 1e0 / 3, RAND(1), -0e0, 1e300 * 10, EXP(1),
        CAST(1.5 AS DOUBLE), 0.1e0 + 0.2e0, AVG(1e0), STD(1), ABS(-1.5e0), FORMAT(1234.5, 2), 1e0 * 90071992547409.91`,
    )
  })

  it('BIT of every width', async () => {
    const columns = Array.from({ length: 64 }, (_, i) => `b${i + 1} BIT(${i + 1})`)
    const ones = Array.from({ length: 64 }, (_, i) => `b'${'1'.repeat(i + 1)}'`)
    const alternating = Array.from({ length: 64 }, (_, i) => `b'${'10'.repeat(32).slice(0, i + 1)}'`)
    await run(
      `CREATE TABLE bits (${columns.join(',')})`,
      `INSERT INTO bits VALUES (${ones.join(',')}), (${alternating.join(',')}), (${'0,'.repeat(63)}0),
        (${'NULL,'.repeat(63)}NULL)`,
    )
    const rows = await same('SELECT * FROM bits')
    assert.deepEqual(rows[0].b1, Buffer.from([1]))
    assert.deepEqual(rows[0].b64, Buffer.alloc(8, 255))
    assert.deepEqual(rows[1].b9, Buffer.from([1, 0x55]))
  })
})
