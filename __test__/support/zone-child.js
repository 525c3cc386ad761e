'use strict'

// Run by zones.test.js as a process of its own under a TZ: reads the tables that ZONE_TARGET names through both
// drivers and prints as JSON how many values were compared and how the first few differ.

const mysql2 = require('mysql2/promise')
const { createPool } = require('../../index.js')

main()

async function main() {
  const target = JSON.parse(process.env.ZONE_TARGET)
  const my = await mysql2.createConnection(target)
  const db = createPool(target)
  const report = {
    zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    compared: 0,
    offsets: 0,
    differences: [],
  }
  const offsets = new Set()
  for (const sql of JSON.parse(process.env.ZONE_SQL)) {
    const [expected] = await my.query(sql)
    const rows = await db.query(sql)
    const json = JSON.parse(await db.queryJson(sql))
    for (const [index, wanted] of expected.entries()) {
      for (const name of Object.keys(wanted)) {
        if (!(wanted[name] instanceof Date)) continue
        report.compared++
        offsets.add(wanted[name].getTimezoneOffset())
        const read = rows[index][name]
        const same = read instanceof Date && Object.is(read.getTime(), wanted[name].getTime())
        if (same && json[index][name] === wanted[name].toJSON()) continue
        const answers = [wanted[name].toJSON(), String(read && read.toJSON()), json[index][name]]
        if (report.differences.length < 5) report.differences.push([wanted.text, name, ...answers])
      }
    }
  }
  report.offsets = offsets.size
  report.sent = await roundTrip(db, my)
  await db.close()
  await my.end()
  process.stdout.write(JSON.stringify(report))
}

// Dates of every half hour around a clock change go in as parameters and must arrive as mysql2 would have sent them.
async function roundTrip(db, my) {
  let different = 0
  for (const middle of [
    Date.UTC(2024, 2, 31),
    Date.UTC(2024, 9, 27),
    Date.UTC(2018, 10, 4),
    Date.UTC(1945, 7, 1),
  ]) {
    const dates = Array.from({ length: 96 }, (_, i) => new Date(middle + (i - 48) * 1800_000 + 7))
    const sql = `SELECT ${dates.map((_, i) => `CAST(? AS CHAR(23)) AS d${i}`).join(', ')}`
    const [[expected]] = await my.query(sql, dates)
    const [row] = await db.query(sql, dates)
    for (const name of Object.keys(expected)) {
      if (Date.parse(`${expected[name]}Z`) !== Date.parse(`${row[name]}Z`)) different++
    }
  }
  return different
}
