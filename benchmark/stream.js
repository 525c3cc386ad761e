'use strict'

// `node benchmark/stream.js [--quick] [--rows N] [--rounds N] [--out FILE]`: a long result read row by row, as objects
// and as JSON text, by each driver in a process of its own, on a private server. What counts is not speed alone: how
// much the process grows, and how long other events wait. Figures are medians over the rounds.

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const { monitorEventLoopDelay, performance } = require('node:perf_hooks')
const { PassThrough, Writable } = require('node:stream')
const { pipeline } = require('node:stream/promises')

const JOB = 'HEGAR_STREAM_JOB'

const sqlFor = (rows) =>
  "SELECT seq AS id, CONCAT('product ', seq) AS name, seq * 3 AS price, TIMESTAMP('2026-01-01') + INTERVAL seq SECOND AS at, " +
  `REPEAT('x', 50) AS note FROM seq_1_to_${rows}`

/** Each opens a connection and gives `{rows(sql), json(sql), close()}`: an async iterable of rows, and of JSON. */
const DRIVERS = {
  hegar: async (place) => {
    const pool = require('../index.js').createPool({ ...place, connectionLimit: 1, timezone: 'Z' })
    return {
      rows: (sql) => pool.stream(sql),
      json: (sql) => pool.streamJson(sql, [], { format: 'ndjson' }),
      close: () => pool.close(),
    }
  },
  mysql2: async (place) => {
    const connection = require('mysql2').createConnection({ ...place, timezone: 'Z' })
    const rows = (sql) => connection.query(sql).stream()
    return { rows, json: linesOf(rows), close: () => connection.destroy() }
  },
  mysql: async (place) => {
    const connection = require('mysql').createConnection({ ...place, timezone: 'Z' })
    // Its streams are older than async iteration.
    const rows = (sql) =>
      connection
        .query(sql)
        .stream()
        .pipe(new PassThrough({ objectMode: true }))
    return { rows, json: linesOf(rows), close: () => connection.destroy() }
  },
  mariadb: async (place) => {
    const connection = await require('mariadb').createConnection({
      ...place,
      timezone: 'Z',
      // As all the others do.
      bigIntAsNumber: true,
    })
    const rows = (sql) => connection.queryStream(sql)
    return { rows, json: linesOf(rows), close: () => connection.destroy() }
  },
}

function linesOf(rows) {
  return async function* (sql) {
    for await (const row of rows(sql)) yield `${JSON.stringify(row)}\n`
  }
}

async function child({ driver, form, rows, place }) {
  const { threadCpuUs } = require('./measure')
  const source = await DRIVERS[driver](place)
  // The first query connects and brings the code of the driver into memory.
  for await (const row of source.rows(sqlFor(1000))) void row
  global.gc()
  const base = process.memoryUsage.rss()
  let peak = base
  const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 20)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const cpu = threadCpuUs()
  const started = performance.now()
  const seen =
    form === 'rows' ? await countRows(source.rows(sqlFor(rows))) : await countLines(source.json(sqlFor(rows)))
  const seconds = (performance.now() - started) / 1000
  delay.disable()
  clearInterval(watch)
  if (seen !== rows) throw new Error(`${driver} gave ${seen} of ${rows} rows`)
  await source.close()
  return {
    seconds,
    rowsPerSecond: rows / seconds,
    mainCpuUsPerRow: (threadCpuUs() - cpu) / rows,
    growthMb: (Math.max(peak, process.memoryUsage.rss()) - base) / 2 ** 20,
    // Less the millisecond that the sampling itself waits.
    loopP99Ms: Math.max(0, delay.percentile(99) / 1e6 - 1),
    loopMaxMs: Math.max(0, delay.max / 1e6 - 1),
  }
}

async function countRows(rows) {
  let count = 0
  for await (const { id } of rows) {
    if (id !== ++count) throw new Error(`row ${count} has the id ${id}`)
  }
  return count
}

async function countLines(json) {
  let lines = 0
  const sink = new Writable({
    write(chunk, _, done) {
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++
      done()
    },
  })
  await pipeline(json, sink)
  return lines
}

/** Runs one job in a process of its own and resolves with its figures. */
async function runJob(job) {
  const worker = spawn(process.execPath, ['--expose-gc', __filename], {
    env: { ...process.env, [JOB]: JSON.stringify(job), NODE_OPTIONS: '', TZ: 'UTC' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    timeout: 180_000,
  })
  let figures = null
  worker.on('message', (message) => (figures = message))
  const [code] = await once(worker, 'exit')
  if (code !== 0 || figures === null) throw new Error(`${job.driver} ended with exit code ${code}`)
  return figures
}

async function main() {
  const { quick, rows, rounds, out } = readArguments(process.argv.slice(2))
  const { startMariadb } = require('../tools/mariadb')
  const { collectFacts } = require('./facts')
  const server = await startMariadb({ log: console.log })
  try {
    const place = { host: server.host, port: server.port, user: server.user, database: 'mysql' }
    const samples = new Map()
    for (let round = 0; round < rounds; round++) {
      for (const form of ['rows', 'json']) {
        const drivers = Object.keys(DRIVERS)
        // Another driver begins in each round.
        for (const driver of [...drivers.slice(round % 4), ...drivers.slice(0, round % 4)]) {
          const key = `${form} ${driver}`
          if (!samples.has(key)) samples.set(key, { form, driver, rounds: [] })
          samples.get(key).rounds.push(await runJob({ driver, form, rows, place }))
        }
      }
    }
    const results = [...samples.values()].map(({ form, driver, rounds: runs }) => ({
      form,
      driver,
      rows,
      ...Object.fromEntries(Object.keys(runs[0]).map((name) => [name, median(runs.map((run) => run[name]))])),
      rounds: runs,
    }))
    const command = `node benchmark/stream.js${quick ? ' --quick' : ''}`
    const facts = collectFacts({
      serverVersion: server.version,
      drivers: ['hegar', 'mysql', 'mysql2.query', 'mariadb.query'],
    })
    if (out !== null) fs.writeFileSync(out, `${JSON.stringify({ facts, command, results }, null, 2)}\n`)
    print(results)
  } finally {
    await server.stop()
  }
}

function print(results) {
  console.log('form  driver    rows/s      JS µs/row  growth MB  loop p99 ms  loop max ms')
  for (const { form, driver, rowsPerSecond, mainCpuUsPerRow, growthMb, loopP99Ms, loopMaxMs } of results) {
    const figures = [
      Math.round(rowsPerSecond).toString().padStart(9),
      mainCpuUsPerRow.toFixed(2).padStart(10),
      growthMb.toFixed(1).padStart(10),
      loopP99Ms.toFixed(1).padStart(12),
      loopMaxMs.toFixed(1).padStart(12),
    ]
    console.log(`${form.padEnd(5)} ${driver.padEnd(8)} ${figures.join(' ')}`)
  }
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1]
}

function readArguments(argv) {
  const given = { quick: false, rows: null, rounds: null, out: null }
  for (let at = 0; at < argv.length; at++) {
    const name = argv[at].replace(/^--/, '')
    if (name === 'quick') given.quick = true
    else if (name === 'out' && argv[at + 1]) given.out = argv[++at]
    else if ((name === 'rows' || name === 'rounds') && Number(argv[at + 1]) >= 1)
      given[name] = Number(argv[++at])
    else
      throw new Error(
        `unknown or incomplete option ${argv[at]}; there are --quick, --rows N, --rounds N, --out FILE`,
      )
  }
  given.rows ??= given.quick ? 100_000 : 1_000_000
  given.rounds ??= given.quick ? 1 : 5
  return given
}

if (process.env[JOB]) {
  child(JSON.parse(process.env[JOB])).then(
    (figures) => process.send(figures, () => process.disconnect()),
    (error) => {
      console.error(error)
      // Whatever its connection waits for.
      process.exit(1)
    },
  )
} else if (require.main === module) {
  main().catch((error) => {
    console.error(error.message)
    process.exitCode = 1
  })
}

module.exports = { runJob }
