'use strict'

// How the time of a page grows with its depth: plain OFFSET, OFFSET with a deferred join, and keyset.
//
//   node benchmark/pagination.js [--quick] [--out FILE]
//
// Every page is read in the three ways one after the other, round for round, and the answers are compared before the
// clocks run. One page at a time is asked for, over one connection, as `paginateJson` with count 'none'. With --quick
// there are fewer rows and pages, for a look in seconds; a full run fails when keyset is not 50 times as fast as plain
// OFFSET on the deepest page.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const mysql2 = require('mysql2/promise')
const { createPool } = require('..')
const { readArguments } = require('../tools/arguments')
const { startMariadb } = require('../tools/mariadb')
const { collectFacts } = require('./facts')

const LIMIT = 20
const LEAST_FACTOR = 50
const FULL = { rows: 1_000_000, pages: [1, 10, 50, 100, 1000, 5000], rounds: 15 }
const QUICK = { rows: 50_000, pages: [1, 10, 100, 2000], rounds: 5 }

const COLUMNS = 'i.id, i.name, i.description, i.price, i.released, i.status_id'
const KEYSET = [
  { column: 'i.released', direction: 'desc' },
  { column: 'i.id', direction: 'desc' },
]
const PLAIN = `SELECT ${COLUMNS} FROM items AS i ORDER BY i.released DESC, i.id DESC`
const DEFERRED = `SELECT ${COLUMNS} FROM items AS i WHERE :page ORDER BY i.released DESC, i.id DESC`
const BY_CURSOR = `SELECT ${COLUMNS} FROM items AS i WHERE :keyset`
const deferred = {
  key: 'i.id',
  keySql: 'SELECT i.id FROM items AS i ORDER BY i.released DESC, i.id DESC',
  from: 0,
}

main().catch((error) => {
  console.error(`benchmark/pagination.js: ${error.message}`)
  process.exitCode = 1
})

async function main() {
  const { quick, out } = readArguments(process.argv.slice(2))
  const plan = quick ? QUICK : FULL
  // The whole table fits into the server's memory, which is the best case for OFFSET.
  const server = await startMariadb({ args: ['--innodb-buffer-pool-size=768M'] })
  try {
    const { host, port, user, password } = server
    const place = { host, port, user, password }
    await fill(place, plan.rows)
    const db = createPool({ ...place, database: 'pages', connectionLimit: 1, timezone: 'Z', slowQueryMs: 0 })
    try {
      const pages = []
      for (const page of plan.pages) pages.push(await measurePage(db, page, plan.rounds))
      const results = {
        benchmark: 'pagination',
        command: `node benchmark/pagination.js${quick ? ' --quick' : ''}`,
        facts: collectFacts({ serverVersion: server.version, drivers: ['hegar'] }),
        rows: plan.rows,
        limit: LIMIT,
        rounds: plan.rounds,
        pages,
      }
      report(results)
      write(results, out, quick)
      const { page, factor } = pages.at(-1)
      if (!quick && factor < LEAST_FACTOR) {
        throw new Error(
          `page ${page} by keyset is ${factor} times as fast as plain OFFSET, not ${LEAST_FACTOR}`,
        )
      }
    } finally {
      await db.close()
    }
  } finally {
    await server.stop()
  }
}

async function fill(place, rows) {
  const connection = await mysql2.createConnection(place)
  try {
    await connection.query('CREATE DATABASE pages CHARACTER SET utf8mb4')
    await connection.query('USE pages')
    await connection.query(
      `CREATE TABLE items (id INT UNSIGNED PRIMARY KEY, name VARCHAR(100) NOT NULL, description VARCHAR(255) NOT NULL,
        price DECIMAL(10,2) NOT NULL, released DATETIME NOT NULL, status_id TINYINT UNSIGNED NOT NULL)`,
    )
    // The dates have no order in common with the keys, so rows in the order of dates lie all over the table.
    await connection.query(
      `INSERT INTO items SELECT seq, CONCAT('Product ', seq), REPEAT('text ', 40), seq % 10000 / 100,
        '2015-01-01' + INTERVAL (seq * 7919 % 5000000) MINUTE, 1 + seq % 3 FROM seq_1_to_${rows}`,
    )
    await connection.query('CREATE INDEX by_date ON items (released, id)')
    await connection.query('ANALYZE TABLE items')
  } finally {
    await connection.end()
  }
}

async function measurePage(db, page, rounds) {
  const cursor = await cursorOf(db, page)
  const byNumber = { page, limit: LIMIT, count: 'none' }
  const ways = {
    offset: () => db.paginateJson(PLAIN, [], byNumber),
    deferred: () => db.paginateJson(DEFERRED, [], { ...byNumber, deferred }),
    keyset: () => db.paginateJson(BY_CURSOR, [], { limit: LIMIT, keyset: KEYSET, cursor }),
  }
  const data = []
  for (const ask of Object.values(ways)) data.push(JSON.parse(await ask()).data)
  assert.equal(data[0].length, LIMIT)
  assert.deepEqual(data[1], data[0], `page ${page} with a deferred join is another one`)
  assert.deepEqual(data[2], data[0], `page ${page} by keyset is another one`)

  const samples = Object.fromEntries(Object.keys(ways).map((way) => [way, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [way, ask] of Object.entries(ways)) samples[way].push(await time(ask))
  }
  const medianMs = Object.fromEntries(
    Object.entries(samples).map(([way, times]) => [way, rounded(median(times))]),
  )
  return { page, medianMs, factor: rounded(medianMs.offset / medianMs.keyset), samplesMs: samples }
}

/** The cursor at the end of the page before. Cursors know nothing of limits, so one long page up to there gives it. */
async function cursorOf(db, page) {
  if (page === 1) return null
  const before = await db.paginate(BY_CURSOR, [], { limit: (page - 1) * LIMIT, keyset: KEYSET })
  return before.pagination.nextCursor
}

async function time(ask) {
  const start = process.hrtime.bigint()
  await ask()
  return rounded(Number(process.hrtime.bigint() - start) / 1e6)
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

function rounded(value) {
  return Math.round(value * 1000) / 1000
}

function report({ rows, pages, rounds }) {
  console.log(
    `${rows.toLocaleString('en')} rows, ${LIMIT} a page, medians of ${rounds} in ms, one at a time\n`,
  )
  console.log('|  page | offset    | plain OFFSET | deferred join | keyset | keyset is faster by |')
  console.log('| ----: | --------: | -----------: | ------------: | -----: | ------------------: |')
  for (const { page, medianMs, factor } of pages) {
    const cells = [
      page.toLocaleString('en').padStart(5),
      ((page - 1) * LIMIT).toLocaleString('en').padStart(9),
      medianMs.offset.toFixed(2).padStart(12),
      medianMs.deferred.toFixed(2).padStart(13),
      medianMs.keyset.toFixed(2).padStart(6),
      `${factor.toFixed(1)} times`.padStart(19),
    ]
    console.log(`| ${cells.join(' | ')} |`)
  }
}

function write(results, out, quick) {
  const day = results.facts.date.slice(0, 10)
  const file = out ?? (quick ? null : path.join(__dirname, 'results', `pagination-${day}.json`))
  if (file === null) return
  fs.writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`)
  console.log(`\nThe samples are in ${path.relative(process.cwd(), file)}`)
}
