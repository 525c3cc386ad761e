'use strict'

// `node benchmark/dropin.js [--quick] [--rounds N] [--only TEXT,…] [--window MS] [--out FILE]`: the drop-in for mysql2
// beside mysql2 itself, on the shop and the workloads of `npm run bench`, ten connections, results as objects; and what
// a typeCast function, a listener to each row and listeners to the pool cost with either.
//
// Both sides do what a program does that changes nothing but its import: default options, and the promises or the
// callbacks that each ships. Every answer is compared first, types included; then every side of a cell runs in a
// process of its own, one right after the other, and the other one begins in each round and cell. Figures are medians
// over the rounds. HEGAR_DROPIN_MODULES=callback,promise names other modules for the drop-in: with mysql2,mysql2/promise
// the ratios show the noise.

const { fork } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const { CHECKOUT } = require('../tools/run')
const { Bench, duration } = require('./bench')
const { compareSides, tables } = require('./dropin-report')
const { CONNECTIONS } = require('./drivers')
const { collectFacts } = require('./facts')
const { readOptions } = require('./options')
const { openShop } = require('./server')

const SIDES = ['drop-in', 'mysql2']
const DROPIN = 'lib/dropin/mysql2.js,lib/dropin/mysql2-promise.js'
const DEADLINE_MS = 180_000

const PLAIN = [
  ...['query', 'execute'].flatMap((way) => ['list1k', 'page20', 'point'].map((workload) => [way, workload])),
  ...['callback query', 'callback execute'].map((way) => [way, 'point']),
].map(([way, workload]) => ({ way, workload, inflight: 64 }))

// `base` is the way that has all but the extra. With 64 in flight mysql2 hands connections on to those who wait, and
// hardly any is acquired or released; with one question a connection each question does both.
const EXTRAS = [
  { way: 'query, typeCast', workload: 'list1k', inflight: 64, base: 'query' },
  { way: 'query, typeCast', workload: 'page20', inflight: 64, base: 'query' },
  { way: 'callback query', workload: 'list1k', inflight: 64 },
  { way: 'query, result events', workload: 'list1k', inflight: 64, base: 'callback query' },
  { way: 'query, result events', workload: 'point', inflight: 64, base: 'callback query' },
  { way: 'query', workload: 'point', inflight: CONNECTIONS },
  { way: 'query, pool listeners', workload: 'point', inflight: CONNECTIONS, base: 'query' },
  { way: 'query, pool listeners', workload: 'point', inflight: 64, base: 'query' },
].map((cell) => ({ ...cell, extra: true }))

const CELLS = [...PLAIN, ...EXTRAS]
const nameOf = ({ way, workload, inflight }) => `${way} ${workload} ${inflight}`

/** Takes the rounds and their order from Bench; what a process does is told in dropin-child.js. */
class DropinBench extends Bench {
  constructor({ modules, ...options }) {
    super({ drivers: SIDES, ...options })
    this.modules = modules
    this.settings = { ...options.shop.place, connectionLimit: CONNECTIONS }
  }

  /** Both sides of a cell, to be measured in turn; none when the drop-in fails or its answers are other ones. */
  async prepareCell({ way, workload: name, inflight }) {
    const workload = this.shop.workloads.find((each) => each.name === name)
    try {
      const { sizes } = await this.#run({ task: 'check', way, workload })
      return SIDES.map((driver) => ({ workload, driver, path: way, inflight, sizes, samples: [] }))
    } catch (error) {
      const line = `drop-in ${error.wrong ? 'ANSWERED WRONGLY' : 'FAILED'}: ${error.message}`
      this.failures.push(line)
      this.log(`\n!!! ${line}\n`)
      return []
    }
  }

  measure({ driver: side, workload, path: way, inflight, sizes }) {
    return this.#run({ task: 'measure', side, way, workload, inflight, sizes, window: this.window })
  }

  #run(job) {
    return runJob({ modules: this.modules, settings: this.settings, ...job })
  }
}

async function runJob(job) {
  const child = fork(path.join(__dirname, 'dropin-child.js'), {
    // The caller's options for Node must not change what is measured.
    env: { ...process.env, TZ: 'UTC', NODE_OPTIONS: '' },
    timeout: DEADLINE_MS,
    killSignal: 'SIGKILL',
  })
  let result = null
  child.once('message', (message) => (result = message))
  child.send(job)
  // Unlike exit, close comes after the last message.
  const [code, killedBy] = await once(child, 'close')
  const cell = `${job.workload.name} by ${job.way}`
  if (result === null) throw new Error(`${cell}: no result, but ${killedBy ?? `exit code ${code}`}`)
  if (result.wrong) throw Object.assign(new Error(result.error), { wrong: true })
  if (result.error) throw new Error(`${cell}: ${result.error}`)
  return result
}

async function main() {
  const { cells, window, rounds, out, command } = readArguments(process.argv.slice(2))
  const modules = findModules(process.env.HEGAR_DROPIN_MODULES ?? DROPIN)
  const began = Date.now()
  const shop = await openShop([...new Set(cells.map(({ workload }) => workload))], { log: console.log })
  try {
    const bench = new DropinBench({ shop, modules, window, log: console.log })
    console.log('Comparing every answer with mysql2')
    const groups = []
    for (const cell of cells) groups.push(await bench.prepareCell(cell))
    await bench.measureRounds(
      groups.filter((group) => group.length > 0),
      rounds,
    )
    const results = cells.map((cell, index) => ({
      ...cell,
      ...compareSides({ ...cell, cells: groups[index] }),
    }))
    const { failures } = bench
    for (const line of tables(results)) console.log(line)
    console.log(`\nMedians of ${rounds}, ${duration(Date.now() - began)} in all`)
    for (const line of failures) console.log(`!!! ${line.split('\n')[0]}`)
    if (failures.length > 0) process.exitCode = 1
    if (out === null) return
    const facts = collectFacts({ serverVersion: shop.version, drivers: ['hegar', 'mysql2.query'] })
    const dropin = Object.values(modules['drop-in']).map((file) => path.relative(CHECKOUT, file))
    const samples = groups.flat().map(({ workload, driver, path: way, inflight, samples }) => {
      return { workload: workload.name, driver, way, inflight, samples }
    })
    const report = { benchmark: 'dropin', command, facts, dropin, window, rounds, failures, results, samples }
    fs.writeFileSync(out, `${JSON.stringify(report, null, 1)}\n`)
  } finally {
    await shop.stop()
  }
}

/** The files of both sides' modules. Throws when those of the drop-in are not there. */
function findModules(names) {
  const [callback, promise, ...more] = names.split(',').map((name) => name.trim())
  if (!callback || !promise || more.length > 0) {
    throw new Error(`HEGAR_DROPIN_MODULES: expected two modules, callback,promise; got "${names}"`)
  }
  const find = (name) => {
    const file = path.resolve(CHECKOUT, name)
    try {
      return require.resolve(fs.existsSync(file) ? file : name)
    } catch {
      throw new Error(`the drop-in's module ${name} is not there; HEGAR_DROPIN_MODULES names other ones`)
    }
  }
  return {
    'drop-in': { callback: find(callback), promise: find(promise) },
    mysql2: { callback: require.resolve('mysql2'), promise: require.resolve('mysql2/promise') },
  }
}

function readArguments(argv) {
  const given = { quick: false, rounds: null, only: null, window: null, out: null }
  for (let at = 0; at < argv.length; at++) {
    const name = argv[at].replace(/^--/, '')
    const value = argv[at + 1]
    if (argv[at] === '--quick') given.quick = true
    else if (['--out', '--only'].includes(argv[at]) && value) given[name] = argv[++at]
    else if (['--rounds', '--window'].includes(argv[at]) && /^[1-9]\d*$/.test(value)) {
      given[name] = Number(argv[++at])
    } else {
      throw new Error(
        `unknown or incomplete option ${argv[at]}; there are --quick, --rounds N, --only TEXT,…, --window MS, --out FILE`,
      )
    }
  }
  const { window } = readOptions(given.quick ? ['--quick'] : [])
  const measureMs = given.window ?? window.measureMs
  return {
    cells: chooseCells(given.only),
    window: { ...window, measureMs, warmupMs: Math.min(window.warmupMs, measureMs) },
    // An even number, so that each side begins as often as the other.
    rounds: given.rounds ?? (given.quick ? 1 : 4),
    out: given.out,
    command: `node benchmark/dropin.js ${argv.join(' ')}`.trim(),
  }
}

/** The cells whose name holds one of the texts, and those that their extras are compared with. */
function chooseCells(only) {
  if (only === null) return CELLS
  const texts = only.split(',')
  const chosen = CELLS.filter((cell) => texts.some((text) => nameOf(cell).includes(text.trim())))
  if (chosen.length === 0) throw new Error(`--only: "${only}" is in none of ${CELLS.map(nameOf).join('; ')}`)
  const bases = chosen.filter(({ base }) => base).map((cell) => nameOf({ ...cell, way: cell.base }))
  return CELLS.filter((cell) => chosen.includes(cell) || bases.includes(nameOf(cell)))
}

main().catch((error) => {
  console.error(`benchmark/dropin.js: ${error.message}`)
  process.exitCode = 1
})
