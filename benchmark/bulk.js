'use strict'

// `node benchmark/bulk.js [--quick] [--out FILE]`: how long it takes to insert many rows, hegar-native's batch beside
// what other drivers have for it, on a private server. All take turns in one process, on one connection each, and
// after each turn the table is compared with the rows. Figures are medians over the rounds. mariadb's batch in a
// transaction and mysql2's one statement are all or nothing as ours is; the others are not.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const mariadb = require('mariadb')
const mysql2 = require('mysql2/promise')
const { createPool } = require('../index.js')
const { readArguments } = require('../tools/arguments')
const { startMariadb } = require('../tools/mariadb')

const SQL = 'INSERT INTO bulk (number, name, price, made, remark) VALUES (?, ?, ?, ?, ?)'
const MULTI_ROW = 'INSERT INTO bulk (number, name, price, made, remark) VALUES ?'
const TABLE = `CREATE TABLE bulk (
  id INT AUTO_INCREMENT PRIMARY KEY, number INT, name VARCHAR(60), price DECIMAL(10,2), made DATETIME(3), remark TEXT
)`

// What sends one row at a time takes no part in longer ones.
const MOST_SINGLE = 10_000

/** Each opens a connection to `place` and gives `insert(rows)` and `close()`. */
const RIVALS = {
  'hegar-native batch': async (place) => {
    const pool = createPool({ ...place, connectionLimit: 1, timezone: 'Z' })
    return { insert: (rows) => pool.batch(SQL, rows), close: () => pool.close() }
  },
  'mariadb batch': async (place) => {
    const connection = await mariadb.createConnection({ ...place, timezone: 'Z' })
    return { insert: (rows) => connection.batch(SQL, rows), close: () => connection.end() }
  },
  'mariadb batch in a transaction': async (place) => {
    const connection = await mariadb.createConnection({ ...place, timezone: 'Z' })
    return {
      insert: async (rows) => {
        await connection.beginTransaction()
        await connection.batch(SQL, rows)
        await connection.commit()
      },
      close: () => connection.end(),
    }
  },
  'mysql2 query VALUES ?': async (place) => {
    const connection = await mysql2.createConnection({ ...place, timezone: 'Z' })
    return { insert: (rows) => connection.query(MULTI_ROW, [rows]), close: () => connection.end() }
  },
  'mysql2 execute, each awaited': async (place) => {
    const connection = await mysql2.createConnection({ ...place, timezone: 'Z' })
    return {
      insert: async (rows) => {
        for (const row of rows) await connection.execute(SQL, row)
      },
      close: () => connection.end(),
    }
  },
  'mysql2 execute, each awaited, in a transaction': async (place) => {
    const connection = await mysql2.createConnection({ ...place, timezone: 'Z' })
    return {
      insert: async (rows) => {
        await connection.beginTransaction()
        for (const row of rows) await connection.execute(SQL, row)
        await connection.commit()
      },
      close: () => connection.end(),
    }
  },
}

async function main() {
  const { quick, out } = readArguments(process.argv.slice(2))
  const sizes = quick ? [100, 10_000] : [100, 1000, 10_000, 100_000]
  const rounds = quick ? 5 : 11
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'hegar-bulk-'))
  const server = await startMariadb({ dir, log: console.log })
  try {
    const results = await measure(server, sizes, rounds)
    const report = { ...facts(server), command: command(quick), rounds, results }
    if (out !== null) fs.writeFileSync(out, `${JSON.stringify(report, null, 2)}\n`)
    for (const result of results) console.log(line(result))
  } finally {
    await server.stop()
    fs.rmSync(dir, { recursive: true, force: true })
  }
}

async function measure(server, sizes, rounds) {
  const { host, port, user, password } = server
  const admin = await mysql2.createConnection({ host, port, user, password, timezone: 'Z' })
  await admin.query('CREATE DATABASE bulk')
  await admin.query('USE bulk')
  await admin.query(TABLE)
  const place = { host, port, user, password, database: 'bulk' }
  const drivers = []
  for (const [name, open] of Object.entries(RIVALS)) drivers.push({ name, ...(await open(place)) })
  const results = []
  for (const size of sizes) {
    const rows = makeRows(size)
    const present = drivers.filter(({ name }) => size <= MOST_SINGLE || !name.includes('each awaited'))
    const times = new Map(present.map(({ name }) => [name, { ms: [], threadMs: [] }]))
    // One round more, which warms up.
    for (let round = 0; round <= rounds; round++) {
      for (const { name, insert } of turned(present, round)) {
        await admin.query('TRUNCATE bulk')
        const busy = performance.eventLoopUtilization()
        const started = performance.now()
        await insert(rows)
        const ms = performance.now() - started
        const { active } = performance.eventLoopUtilization(busy)
        await check(admin, rows, name)
        if (round === 0) continue
        times.get(name).ms.push(ms)
        times.get(name).threadMs.push(active)
      }
    }
    for (const [name, { ms, threadMs }] of times) {
      results.push({ rows: size, driver: name, medianMs: median(ms), medianThreadMs: median(threadMs), ms })
    }
  }
  for (const { close } of drivers) await close()
  await admin.end()
  return results
}

// Another one begins in every round.
function turned(list, round) {
  const at = round % list.length
  return [...list.slice(at), ...list.slice(0, at)]
}

function makeRows(size) {
  const made = Date.UTC(2026, 0, 1)
  return Array.from({ length: size }, (_, index) => [
    index,
    `product number ${index}`,
    index % 4 === 0 ? index % 1000 : (index % 100_000) / 100,
    new Date(made + index * 1000),
    index % 3 === 0 ? null : 'a remark of some words, as people write them ✓',
  ])
}

async function check(admin, rows, name) {
  const [[stored]] = await admin.query(
    `SELECT COUNT(*) AS n, SUM(number) AS numbers, SUM(price) AS prices, COUNT(remark) AS remarks,
       MAX(made) AS made, SUM(CHAR_LENGTH(name)) AS letters FROM bulk`,
  )
  const sum = (value) => rows.reduce((total, row) => total + value(row), 0)
  const isRight =
    stored.n === rows.length &&
    Number(stored.numbers) === sum((row) => row[0]) &&
    Math.abs(Number(stored.prices) - sum((row) => row[2])) < 0.005 &&
    stored.remarks === sum((row) => (row[4] === null ? 0 : 1)) &&
    stored.made.getTime() === rows.at(-1)[3].getTime() &&
    Number(stored.letters) === sum((row) => row[1].length)
  if (!isRight) throw new Error(`${name} did not store the rows that it was given`)
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  return Math.round(sorted[sorted.length >> 1] * 100) / 100
}

function facts(server) {
  const version = (name) => require(`${name}/package.json`).version
  return {
    date: new Date().toISOString(),
    cpu: os.cpus()[0].model.trim(),
    cores: os.availableParallelism(),
    loadAverage: os.loadavg()[0],
    node: process.version,
    server: `MariaDB ${server.version}`,
    drivers: {
      'hegar-native': require('../package.json').version,
      mysql2: version('mysql2'),
      mariadb: mariadb.version ?? 'unknown',
    },
  }
}

function line({ rows, driver, medianMs, medianThreadMs }) {
  const perSecond = Math.round((rows / medianMs) * 1000).toLocaleString('en')
  return `${String(rows).padStart(7)} rows  ${driver.padEnd(48)} ${medianMs.toFixed(1).padStart(9)} ms  ${perSecond.padStart(9)} rows/s  ${medianThreadMs.toFixed(1).padStart(9)} ms of the JavaScript thread`
}

function command(quick) {
  return `node benchmark/bulk.js${quick ? ' --quick' : ''}`
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
