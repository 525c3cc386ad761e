'use strict'

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const { join } = require('node:path')
const { after, before, describe, it } = require('node:test')
const { promisify } = require('node:util')
const { openDrivers } = require('./support/drivers.js')
const { isMysql } = require('./support/mysql.js')

const CHILD = join(__dirname, 'support', 'zone-child.js')

// Around what each zone's clocks have gone through: summer time, a half hour of it, its end for good, war time, the
// local mean time of old and the day that a zone left out or had twice.
const ZONES = {
  'Asia/Jakarta': [
    '1867-08-10',
    '1923-12-31',
    '1932-11-01',
    '1942-03-23',
    '1945-09-23',
    '1948-05-01',
    '1964-01-01',
  ],
  'America/New_York': [
    '1883-11-18',
    '1918-03-31',
    '1942-02-09',
    '1945-08-14',
    '1974-01-06',
    '2007-03-11',
    '2024-11-03',
  ],
  'Europe/Amsterdam': [
    '1835-01-01',
    '1916-05-01',
    '1937-07-01',
    '1940-05-16',
    '1977-04-03',
    '2024-03-31',
    '2024-10-27',
  ],
  'Australia/Lord_Howe': [
    '1895-02-01',
    '1981-03-01',
    '1985-10-20',
    '1987-10-25',
    '2008-04-06',
    '2024-04-07',
    '2024-10-06',
  ],
  'America/Sao_Paulo': [
    '1914-01-01',
    '1931-10-03',
    '1963-10-23',
    '2000-10-08',
    '2018-11-04',
    '2019-02-17',
    '2024-11-04',
  ],
}
const YEARS = [
  100, 999, 1582, 1799, 1849, 1883, 1899, 1900, 1914, 1969, 1970, 2037, 2038, 2099, 2500, 4000, 9998,
]

describe("local time is what Node's own Date says", () => {
  let drivers
  before(async () => {
    drivers = await openDrivers()
    await drivers.run(
      'CREATE TABLE moments (zone VARCHAR(40), text VARCHAR(30), d DATE, t DATETIME, f DATETIME(6), KEY (zone))',
    )
    await drivers.run('CREATE TABLE stamps (text VARCHAR(30), s TIMESTAMP NULL, f TIMESTAMP(3) NULL)')
    for (const [zone, days] of Object.entries(ZONES)) {
      const texts = momentsAround(days)
      const rows = texts.map((text) => [
        zone,
        text,
        text.slice(0, 10),
        text.slice(0, 19),
        `${text.slice(0, 19)}.${text.slice(20)}`,
      ])
      await drivers.my.query('INSERT INTO moments VALUES ?', [rows])
    }
    const stamps = momentsAround(['1975-03-31', '2018-11-04', '2024-03-31', '2024-10-27', '2037-10-25'])
    const valid = stamps.filter((text) => text > '1970-01-03' && text < '2038-01-18')
    await drivers.run("SET time_zone = '+00:00'")
    await drivers.my.query('INSERT INTO stamps VALUES ?', [
      valid.map((text) => [text, text.slice(0, 19), text]),
    ])
  })
  after(() => drivers.close())

  for (const zone of Object.keys(ZONES)) {
    it(`in ${zone}`, async () => {
      const report = await compareIn(zone)
      assert.equal(report.zone, zone)
      assert.deepEqual(report.differences, [])
      assert.ok(report.compared > 5000, `${report.compared} values were compared`)
      assert.ok(report.offsets >= 3, `the values lie in ${report.offsets} offsets`)
      // MySQL takes the fraction from a date that it makes text of.
      if (!isMysql) assert.equal(report.sent, 0, 'every Date arrives as mysql2 sends it')
    })
  }

  for (const zone of [
    'UTC',
    'Etc/GMT+5',
    'Asia/Kathmandu',
    'Pacific/Apia',
    'Africa/Casablanca',
    ':Europe/Dublin',
    'Mars/Olympus',
  ]) {
    it(`with TZ=${zone}, whatever Node makes of it`, async () => {
      const { differences, sent } = await compareIn(zone)
      assert.deepEqual({ differences, sent }, { differences: [], sent: isMysql ? sent : 0 })
    })
  }

  async function compareIn(zone) {
    const known = zone in ZONES ? zone : 'America/New_York'
    const sql = [`SELECT text, d, t, f FROM moments WHERE zone = '${known}'`, 'SELECT text, s, f FROM stamps']
    const env = {
      ...process.env,
      TZ: zone,
      ZONE_TARGET: JSON.stringify(drivers.target),
      ZONE_SQL: JSON.stringify(sql),
    }
    const { stdout } = await promisify(execFile)(process.execPath, [CHILD], { env })
    return JSON.parse(stdout)
  }
})

/** Texts of moments: every 15 minutes around midnight of the days, and a few in each of the years. */
function momentsAround(days) {
  const texts = []
  const add = (ms) => texts.push(new Date(ms).toISOString().replace('T', ' ').slice(0, 23))
  for (const day of days) {
    for (let quarter = -112; quarter <= 112; quarter++)
      add(Date.parse(`${day}T00:00:00Z`) + quarter * 900_000 + (quarter % 3) * 500)
    // The border of an hour by seconds.
    for (let second = -5; second <= 5; second++) add(Date.parse(`${day}T02:00:00Z`) + second * 1000 + 999)
  }
  for (const year of YEARS) {
    for (let month = 1; month <= 12; month++) {
      for (const hour of ['00:00:00.000', '02:30:00.001', '23:59:59.999']) {
        texts.push(`${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-15 ${hour}`)
      }
    }
  }
  return texts
}
