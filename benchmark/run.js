'use strict'

// `npm run bench`: measures hegar-native beside mysql, mysql2, mariadb and Bun's client, on a private server
// with the example shop's data. What a run does is told in bench.js, what a process does in child.js; the
// options are those of options.js.

const fs = require('node:fs')
const path = require('node:path')
const { CHECKOUT, WORK_DIR } = require('../tools/run')
const { setUp } = require('../tools/setup')
const { readOptions, USAGE } = require('./options')

async function main() {
  const options = readOptions(process.argv.slice(2))
  if (options.help) return console.log(USAGE)
  const signal = interruption()
  const began = Date.now()
  if (options.setUp) await setUp({ log: console.log, signal, addon: options.drivers.includes('hegar') })
  if (options.selftest) {
    // Required here and below only now, when the set-up has installed what it needs.
    const { selftest } = require('./selftest')
    if (!(await selftest({ signal, log: console.log }))) process.exitCode = 1
    return
  }
  const failures = await benchmark(options, signal)
  console.log(`\n${require('./bench').duration(Date.now() - began)} in all`)
  for (const line of failures) console.log(`!!! ${line.split('\n')[0]}`)
  if (failures.length > 0) process.exitCode = 1
}

/** Measures, writes and prints; resolves with what went wrong with single drivers. */
async function benchmark(options, signal) {
  const { openShop } = require('./server')
  const { Bench } = require('./bench')
  const { collectFacts } = require('./facts')
  // A run of half an hour should not end at a README that has no place for its table.
  if (options.updateReadme) rewriteReadme('')
  const { drivers, bun } = await availableDrivers(options.drivers, signal)
  const shop = await openShop(options.workloads, { signal, log: console.log })
  try {
    const facts = collectFacts({ serverVersion: shop.version, bunVersion: bun?.version, drivers })
    const bench = new Bench({ shop, drivers, bun, window: options.window, signal, log: console.log })
    const groups = await bench.prepare(options.inflight)
    await bench.measureRounds(groups, options.rounds)
    publish({ options, facts, cells: groups.flat(), failures: bench.failures })
    return bench.failures
  } finally {
    await shop.stop()
  }
}

/** The chosen drivers that can be had here; Bun is the one that may be missing, and that is said loudly. */
async function availableDrivers(names, signal) {
  const { findBun } = require('./bun')
  if (names.includes('hegar')) loadAddon()
  if (!names.includes('bun.sql')) return { drivers: names, bun: null }
  try {
    return { drivers: names, bun: await findBun({ signal, log: console.log }) }
  } catch (error) {
    signal.throwIfAborted()
    console.log(`\n!!! LEFT OUT: bun.sql, the fastest rival, cannot be had here: ${error.message}\n`)
    return { drivers: names.filter((name) => name !== 'bun.sql'), bun: null }
  }
}

/** Tells before anything is started that the addon is not fit to be measured. */
function loadAddon() {
  try {
    require('..')
  } catch (error) {
    throw new Error(`hegar-native cannot be loaded, build it with "npm run build": ${error.message}`, {
      cause: error,
    })
  }
}

/** Writes the raw figures, the output file and README's table, and prints the tables and the targets. */
function publish({ options, facts, cells, failures }) {
  const report = require('./report')
  const results = cells.map(report.summarise).filter(Boolean)
  // Runs for orientation stay out of the repository.
  const folder = options.full ? path.join(__dirname, 'results') : path.join(WORK_DIR, 'bench', 'results')
  const file = path.join(folder, `${facts.date.slice(0, 10)}-${facts.commit}.json`)
  const { command, rounds, window } = options
  const samples = cells.map(({ workload, driver, path: route, inflight, samples }) => {
    return { workload: workload.name, driver, path: route, inflight, samples }
  })
  const queries = Object.fromEntries(cells.map(({ workload }) => [workload.name, workload.sql]))
  fs.mkdirSync(folder, { recursive: true })
  writeJson(file, { command, facts, window, rounds, failures, queries, results, samples })
  if (options.out) writeJson(options.out, results)

  for (const line of report.consoleTables(results)) console.log(line)
  console.log('\nTargets of this run')
  for (const line of report.targetLines(results)) console.log(line)
  const raw = path.relative(CHECKOUT, file)
  console.log(`\nRaw figures of every process: ${raw}`)
  if (!options.updateReadme) return
  if (failures.length > 0) return console.log('README.md keeps its table, because this run had failures')
  fs.writeFileSync(
    README,
    rewriteReadme(report.readmeTable(results, { facts, command, rounds, window, file: raw })),
  )
  console.log('README.md has the new table')
}

const README = path.join(CHECKOUT, 'README.md')

/** README's text with another table. */
function rewriteReadme(table) {
  return require('./report').putIntoReadme(fs.readFileSync(README, 'utf8'), table)
}

function writeJson(file, value) {
  fs.writeFileSync(file, `${JSON.stringify(value, null, 1)}\n`)
}

/**
 * Aborts at SIGINT or SIGTERM, so that the run stops its processes and its server and then ends. The listeners
 * stay, which tells tools/mariadb.js that the server is stopped by us.
 */
function interruption() {
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM']) {
    process.on(name, () => controller.abort(new Error(`stopped by ${name}`)))
  }
  return controller.signal
}

main().catch((error) => {
  console.error(`benchmark: ${error.message}`)
  process.exitCode = 1
})
