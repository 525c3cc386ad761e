'use strict'

// Nothing but Node's own modules is loaded here at first: the dependencies are installed by what follows.
const path = require('node:path')
const { parseArgs } = require('node:util')
const { WORK_DIR } = require('./run.js')
const { setUp } = require('./setup.js')
const { startMariadb } = require('./mariadb.js')
const { freePort, refuseBusyPort } = require('./sockets.js')
const { createProgress } = require('./progress.js')
const { loadConfig } = require('../example/shop/src/config.js')

const USAGE = `Usage: npm start [-- --once]

Sets the checkout up and serves the example shop until Ctrl-C.
  --once          set up, ask every route once, print a table and end

Environment:
  PORT            the shop's port (2000; with --once a free one)
  DATABASE_URL    mysql://user:password@host:3306/database, or DB_HOST, DB_PORT, DB_USER,
                  DB_PASSWORD and DB_DATABASE: a server to use instead of a private one
  DRIVER          hegar (default), or mysql2 for comparison`

const DATABASE = 'hegar_shop'
const SERVER_FOLDER = path.join(WORK_DIR, 'shop')
const SERVER_ARGS = [
  '--default-time-zone=+00:00',
  // This server is kept from start to start, so it may lose a second of work in a crash but no consistency.
  '--innodb-flush-log-at-trx-commit=2',
  '--innodb-doublewrite=ON',
]

const SAME_REQUEST_MS = 1_000

const log = (line) => console.log(line)

/** What was asked to stop, and how to undo what has been started, in the order it was started. */
const stopping = new AbortController()
const undo = []

async function main() {
  const options = readOptions()
  if (options.help) return log(USAGE)
  const started = Date.now()
  const env = { ...process.env }
  if (options.once && !env.PORT) env.PORT = String(await freePort())
  const { port, driver } = loadConfig(env)
  // Now rather than after the minutes that a first set-up takes.
  await refuseBusyPort(port)

  await setUp({ log, signal: stopping.signal })
  if (!env.DATABASE_URL && !env.DB_HOST) await startPrivateServer(env)
  const config = loadConfig(env)
  await prepareDatabase(config)

  const { startShop } = require('../example/shop/src/server.js')
  const shop = await startShop(config)
  undo.push(() => shop.close())
  if (options.once) return askEveryRoute(shop.url)

  log(
    `The shop is ready after ${((Date.now() - started) / 1000).toFixed(1)} s, on the driver ${driver}. Try:`,
  )
  for (const route of exampleRoutes({ id: 1, store_id: 1 })) log(`  ${shop.url}${route}`)
  log('Ctrl-C stops it.')
  // Only a signal ends it from here on; run() waits for that.
  await new Promise(() => {})
}

function readOptions() {
  const options = { once: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } }
  try {
    return parseArgs({ options }).values
  } catch (error) {
    throw new Error(`${error.message}\n\n${USAGE}`)
  }
}

async function startPrivateServer(env) {
  let server
  try {
    server = await startMariadb({ dir: SERVER_FOLDER, args: SERVER_ARGS, log, signal: stopping.signal })
  } catch (error) {
    if (error.code === 'HEGAR_DATADIR_BUSY') {
      throw new Error('another npm start is at work in this checkout: stop it first')
    }
    if (error.code === 'HEGAR_SERVER_FAILED')
      error.message += `\nShould its data be damaged: delete ${SERVER_FOLDER}, and the next start makes it again.`
    throw error
  }
  undo.push(() => server.stop())
  server.exited.then(({ code, signal }) => {
    stopping.abort(
      new Error(`the database server has ended (${signal ?? `exit code ${code}`}); see ${server.log}`),
    )
  })
  env.DATABASE_URL = server.url(DATABASE)
  env.DB_TIMEZONE = 'Z'
}

async function prepareDatabase({ database }) {
  const { withSetupConnection } = require('../example/shop/src/connection.js')
  const { migrateUp } = require('../example/shop/migrate.js')
  const { seed } = require('../example/shop/seed.js')
  await withSetupConnection(database, async (connection) => {
    await migrateUp(connection, { log })
    let progress
    const onProgress = (done, total) => {
      // A seed that is given up here is begun again by the next start.
      stopping.signal.throwIfAborted()
      progress ??= createProgress('Seeding the shop', total)
      progress(done)
    }
    const outcome = await seed(connection, { onProgress })
    if (outcome === 'foreign')
      log(`The database ${database.database} has products of its own, so nothing is seeded`)
  })
}

function exampleRoutes({ id, store_id: store }) {
  return [
    '/health',
    '/api/v1/products',
    '/api/v1/products?search=lantern&category=Home&_sort=regular_price&_order=asc&page=2&limit=5',
    `/api/v1/products/${id}`,
    `/api/v1/products/store/${store}?tags=gift,new`,
    ...(loadConfig().driver === 'hegar' ? ['/metrics'] : []),
  ]
}

/** Asks each route once and prints what came back. Resolves with the exit code. */
async function askEveryRoute(base) {
  const list = await (await fetch(`${base}/api/v1/products?limit=1`)).json()
  const product = list.data?.[0] ?? { id: 1, store_id: 1 }
  const rows = []
  for (const route of exampleRoutes(product)) {
    const started = performance.now()
    const answer = await fetch(base + route)
    const bytes = (await answer.arrayBuffer()).byteLength
    rows.push([route, String(answer.status), String(bytes), (performance.now() - started).toFixed(1)])
  }
  const header = ['route', 'status', 'bytes', 'ms']
  const widths = header.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column].length)))
  for (const row of [header, ...rows]) {
    log(
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])))
        .join('  '),
    )
  }
  return rows.every(([, status]) => status === '200') ? 0 : 1
}

/** Runs main() to its end or to the first signal, takes back what it started, and ends the process. */
async function run() {
  const askedToStop = new Promise((resolve, reject) => {
    stopping.signal.addEventListener('abort', () => reject(stopping.signal.reason))
  })
  let askedAt = null
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      askedAt ??= Date.now()
      // One Ctrl-C arrives twice, from the terminal and from npm. Whoever asks again later has lost patience,
      // and what is still running ends with the process.
      if (Date.now() - askedAt > SAME_REQUEST_MS) process.exit(1)
      stopping.abort(new Stopped())
    })
  }
  let exitCode
  try {
    exitCode = (await Promise.race([main(), askedToStop])) ?? 0
  } catch (error) {
    exitCode = error instanceof Stopped ? 0 : 1
    console.error(error instanceof Stopped ? '\nStopping' : `Error: ${error.message || error.code}`)
  }
  for (const step of undo.reverse()) await step().catch((error) => console.error(error.message))
  process.exit(exitCode)
}

class Stopped extends Error {}

run()
