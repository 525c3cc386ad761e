'use strict'

const assert = require('node:assert/strict')
const { after, before, describe, it } = require('node:test')
const { openDrivers } = require('./support/drivers.js')
const { isMysql } = require('./support/mysql.js')

const FRACTIONS = [0, 1, 2, 3, 4, 5, 6]
const CLOCKS = ['00:00:00', '23:59:59.999999', '12:34:56.000001', '01:02:03.1', '10:00:00.5555555']
const DAYS = [
  '1000-01-01',
  '1969-12-31',
  '1970-01-01',
  '2000-02-29',
  '2024-12-31',
  '2037-06-15',
  '9999-12-31',
]

describe('dates and times read as mysql2 reads them', () => {
  let drivers, zones
  before(async () => {
    drivers = await openDrivers()
    zones = { local: drivers }
    await createTables(drivers)
  })
  after(() => drivers.close())

  // The same tables under another option, on a pool of its own.
  async function under(options, check) {
    const other = await openDrivers(options)
    try {
      await createTables(other)
      await check(other)
    } finally {
      await other.close()
    }
  }

  const everything = async ({ same }) => {
    await same('SELECT * FROM days')
    await same('SELECT * FROM moments')
    await same('SELECT * FROM stamps')
    await same('SELECT * FROM odd')
  }

  it('DATE, DATETIME(0-6) and TIMESTAMP(0-6) in local time', () => everything(zones.local))

  for (const timezone of ['Z', '+07:00', '-03:30', '+14:00', '-12:00']) {
    it(`DATE, DATETIME(0-6) and TIMESTAMP(0-6) with timezone ${timezone}`, () =>
      under({ timezone }, everything))
  }

  it('as the text of the server with dateStrings', () =>
    under({ dateStrings: true }, async (drivers) => {
      await everything(drivers)
      const [row] = await drivers.same('SELECT * FROM moments LIMIT 1 OFFSET 1')
      // MariaDB cuts the digits that a column has no room for, MySQL rounds.
      assert.equal(row.d3, isMysql ? '1000-01-02 00:00:00.000' : '1000-01-01 23:59:59.999')
      assert.equal(row.d0, isMysql ? '1000-01-02 00:00:00' : '1000-01-01 23:59:59')
    }))

  for (const type of ['DATE', 'DATETIME', 'TIMESTAMP']) {
    it(`as text for ${type} alone`, () => under({ dateStrings: [type] }, everything))
  }

  it('DATETIME and TIMESTAMP but not DATE as text', () =>
    under({ dateStrings: ['DATETIME', 'TIMESTAMP'] }, everything))

  it('zero dates, dates with zero parts and days that no month has are what mysql2 makes of them', async () => {
    const [row] = await drivers.same('SELECT * FROM odd')
    assert.ok(row.t instanceof Date && Number.isNaN(row.t.getTime()), 'a zero DATETIME is an invalid Date')
    const json = JSON.parse(await drivers.db.queryJson('SELECT t FROM odd LIMIT 1'))
    assert.deepEqual(json, [{ t: null }], 'and null in JSON')
  })

  it('years below 100', async () => {
    const { run, same } = drivers
    await run('CREATE TABLE early (d DATE, t DATETIME)')
    const years = [0, 1, 12, 31, 49, 50, 69, 70, 99, 100, 101, 999]
    const values = years.flatMap((year) => {
      const y = String(year).padStart(4, '0')
      return [`('${y}-01-01', '${y}-01-01 00:00:00')`, `('${y}-07-15', '${y}-11-30 13:14:15')`]
    })
    await run(`INSERT INTO early VALUES ${values.join(',')}`)
    await same('SELECT * FROM early')
  })

  it('TIME beyond a day, negative and with fractions', async () => {
    const { run, same } = drivers
    await run(
      `CREATE TABLE times (${FRACTIONS.map((f) => `t${f} TIME(${f})`).join(',')})`,
      `INSERT INTO times VALUES ${[
        '838:59:59',
        '-838:59:59',
        '00:00:00',
        '-00:00:01',
        '-00:00:00.5',
        '24:00:00',
        '99:59:59.999999',
        '100:00:00.1',
        '-25:01:01.000001',
        '7:8:9.06',
      ]
        .map((time) => `(${FRACTIONS.map(() => `'${time}'`).join(',')})`)
        .join(',')}, (${FRACTIONS.map(() => 'NULL').join(',')})`,
    )
    const rows = await same('SELECT * FROM times')
    assert.equal(rows[1].t0, '-838:59:59')
    assert.equal(rows[8].t6, '-25:01:01.000001')
  })

  it('temporal expressions, whose number of decimals the server decides late', async () => {
    const check = () =>
      drivers.same(
        `SELECT DATE '2024-02-29', TIME '-12:34:56.7', TIMESTAMP '2024-02-29 12:34:56.123', CAST('2024-01-02' AS DATE),
        CAST('2024-01-02 03:04:05.6' AS DATETIME(3)), CAST('10:11:12.5' AS TIME(1)), SEC_TO_TIME(3661.25),
        MAKETIME(30, 1, 2.5), TIMEDIFF('2024-01-02 00:00:00', '2024-01-01 12:00:00.25'),
        ADDTIME('23:59:59.9', '00:00:01'), DATE_ADD('2024-01-31', INTERVAL 1 MONTH),
        DATE_ADD(DATE '2024-01-31', INTERVAL 1 MICROSECOND), FROM_UNIXTIME(0), FROM_UNIXTIME(1.5), LAST_DAY('2024-02-01'),
        STR_TO_DATE('2024-05-06', '%Y-%m-%d'), STR_TO_DATE('10:11', '%H:%i'), MAKEDATE(2024, 60),
        COALESCE(NULL, DATE '2024-01-01'), IF(1, TIMESTAMP '2024-01-01 00:00:00', NULL), CURDATE(),
        GREATEST(DATE '2024-01-01', DATE '2024-06-01'), MAX(DATE '2024-01-01'), CONCAT(DATE '2024-01-01'),
        UNIX_TIMESTAMP('2024-01-01 00:00:00'), UNIX_TIMESTAMP('2024-01-01 00:00:00.5')`,
      )
    // The drivers are asked one after the other, and another day may begin between them.
    const day = new Date().getDate()
    await check().catch((error) => {
      if (new Date().getDate() === day) throw error
      return check()
    })
  })
})

async function createTables({ run }) {
  const moments = DAYS.flatMap((day) => CLOCKS.map((clock) => `${day} ${clock}`)).filter(
    (moment) => !moment.startsWith('9999-12-31 23') && !moment.startsWith('9999-12-31 10'),
  )
  const stamps = [
    '1970-01-02 00:00:01',
    '2000-02-29 12:34:56.789123',
    '2024-03-31 02:30:00',
    '2038-01-18 03:14:07.999999',
  ]
  await run(
    "SET sql_mode = ''",
    "SET time_zone = '+00:00'",
    'CREATE TABLE days (d DATE)',
    `INSERT INTO days VALUES ${DAYS.map((day) => `('${day}')`).join(',')}, (NULL)`,
    `CREATE TABLE moments (${FRACTIONS.map((f) => `d${f} DATETIME(${f})`).join(',')})`,
    `INSERT INTO moments VALUES ${moments
      .map((moment) => `(${FRACTIONS.map(() => `'${moment.slice(0, 26)}'`).join(',')})`)
      .join(',')}, (${FRACTIONS.map(() => 'NULL').join(',')})`,
    `CREATE TABLE stamps (${FRACTIONS.map((f) => `s${f} TIMESTAMP(${f}) NULL`).join(',')})`,
    `INSERT INTO stamps VALUES ${stamps
      .map((moment) => `(${FRACTIONS.map(() => `'${moment}'`).join(',')})`)
      .join(',')}, (${FRACTIONS.map(() => 'NULL').join(',')})`,
    'CREATE TABLE odd (d DATE, t DATETIME, f DATETIME(6), s TIMESTAMP NULL, s3 TIMESTAMP(3) NULL)',
    `INSERT INTO odd VALUES (0, 0, 0, 0, 0),
      ('2024-00-00', '2024-00-00', '2024-00-00 00:00:00.5', 0, 0),
      ('2024-05-00', '2024-05-00 01:02:03', '2024-05-00 01:02:03.5', 0, 0)`,
    "SET sql_mode = 'ALLOW_INVALID_DATES'",
    "INSERT INTO odd VALUES ('2023-02-31', '2023-02-30 10:00:00', '2023-04-31 23:59:59.999999', NULL, NULL)",
    "SET sql_mode = ''",
  )
}
