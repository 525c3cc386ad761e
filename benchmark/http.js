'use strict'

// `npm run bench:http -- [--quick] [--out FILE] [--connections N] [--cases a,b]`: what a cached answer costs over HTTP, beside
// Node's bare server, Express without a cache, the caches that people use, and a page of 20 products from the database. Each
// case has a server process for each round, asked by autocannon from this process; the cases that are compared follow one
// another, in the other direction in every second round. Figures are medians over the rounds, ratios medians of each round's.
// `mainCpuUs` is the CPU time of the server's JavaScript thread alone, by `process.threadCpuUsage` or, where Node has none, by
// /proc/thread-self/schedstat. Where the client is busier than the server, or the machine has other work, the ratio by CPU time
// says more than the one by rate, which is what is promised.

const fs = require('node:fs')
const { promisify } = require('node:util')
const mysql = require('mysql2')
const { readArguments } = require('../tools/arguments')
const { createProgress } = require('../tools/progress')
const { startRedis } = require('../tools/redis')
const { CASES } = require('./http-cases')
const { measureCase } = require('./http-load')
const { median } = require('./measure')
const { openShop } = require('./server')

const CONNECTIONS = 100
const FULL = { rounds: 7, warmupMs: 1500, windowMs: 4000 }
const QUICK = { rounds: 3, warmupMs: 700, windowMs: 1500 }

// What is compared follows one another.
const ORDER = [
  'node-http',
  'front',
  'express-send',
  'express-end',
  'middleware',
  'middleware-br',
  'plan-redis',
  'apicache',
  'mysql2-json',
  'query-json',
]

/** What is promised: one case's rate by that of another one, or by the best of several. */
const RATIOS = [
  { of: 'middleware', to: ['express-end'], target: 0.97 },
  { of: 'front', to: ['node-http'], target: 0.8 },
  { of: 'front', to: ['express-end', 'express-send'], target: 2.2 },
  { of: 'query-json', to: ['mysql2-json'], target: 2.4 },
  { of: 'middleware-br', to: ['middleware'], target: 1 },
]

async function main() {
  const { quick, out, connections, names } = readOptions(process.argv.slice(2))
  const { rounds, ...window } = quick ? QUICK : FULL
  const shop = await openShop(['page20'], { log: console.log, folder: 'http' })
  try {
    const redis = await startRedis({ log: console.log })
    try {
      const [{ sql, params }] = shop.workloads
      const { place } = shop
      const expected = await documentsOf(place, sql, params)
      const job = { place, sql, params, redis: { host: redis.host, port: redis.port } }
      const samples = Object.fromEntries(names.map((name) => [name, []]))
      const progress = createProgress('Measuring', rounds * names.length)
      let done = 0
      for (let round = 1; round <= rounds; round++) {
        const order = ORDER.filter((name) => names.includes(name))
        if (round % 2 === 0) order.reverse()
        for (const name of order) {
          samples[name].push(await measureCase({ ...job, name }, expected, { connections, ...window }))
          progress(++done)
        }
      }
      const results = names.map((name) => summary(name, samples[name]))
      if (out !== null) fs.writeFileSync(out, `${JSON.stringify(results, null, 2)}\n`)
      report(results, samples, { bytes: Buffer.byteLength(expected[0]), connections })
    } finally {
      await redis.stop()
    }
  } finally {
    await shop.stop()
  }
}

function readOptions(argv) {
  const rest = [...argv]
  const take = (option, fallback) => {
    const at = rest.indexOf(option)
    return at === -1 || rest[at + 1] === undefined ? fallback : rest.splice(at, 2)[1]
  }
  const connections = Number(take('--connections', CONNECTIONS))
  if (!Number.isInteger(connections) || connections < 1)
    throw new Error('--connections takes a number from 1')
  const wanted = take('--cases', CASES.join(',')).split(',')
  const unknown = wanted.find((name) => !CASES.includes(name))
  if (unknown !== undefined) throw new Error(`there is no case ${unknown}; there are ${CASES.join(', ')}`)
  return { ...readArguments(rest), connections, names: CASES.filter((name) => wanted.includes(name)) }
}

/** The pages as mysql2 reads them and JSON.stringify writes them, which is what every case has to give. */
async function documentsOf(place, sql, params) {
  const connection = mysql.createConnection(place)
  const query = promisify(connection.query).bind(connection)
  const documents = []
  for (const values of params) documents.push(JSON.stringify(await query(sql, values)))
  await promisify(connection.end).call(connection)
  return documents
}

function summary(name, samples) {
  const figure = (key, digits) => Number(median(samples.map((sample) => sample[key])).toFixed(digits))
  return {
    case: name,
    rps: figure('rps', 0),
    p50Ms: figure('p50Ms', 2),
    p99Ms: figure('p99Ms', 2),
    mainCpuUs: figure('mainCpuUs', 1),
  }
}

function report(results, samples, { bytes, connections }) {
  console.log(`A page of ${bytes} bytes on ${connections} connections`)
  const heads = ['requests/s', 'p50 ms', 'p99 ms', 'µs of JS thread', 'server busy', 'client busy']
  console.log(''.padEnd(16) + heads.map((head) => head.padStart(17)).join(''))
  const percent = (share) => `${Math.round(share * 100)} %`
  for (const { case: name, rps, p50Ms, p99Ms, mainCpuUs } of results) {
    const client = median(samples[name].map(({ clientShare }) => clientShare))
    const figures = [rps, p50Ms, p99Ms, mainCpuUs, percent((rps * mainCpuUs) / 1e6), percent(client)]
    console.log(name.padEnd(16) + figures.map((figure) => String(figure).padStart(17)).join(''))
  }
  console.log(
    '\nRates by each other: the median of the rounds, by the CPU time of the JavaScript threads, all rounds:',
  )
  for (const { of, to, target } of RATIOS) {
    if (![of, ...to].every((name) => samples[name])) continue
    const [rates, costs] = ratiosOf(samples, of, to)
    const title = `${of} / ${to.length === 1 ? to[0] : `max(${to.join(', ')})`}`.padEnd(42)
    const verdict = median(rates) >= target ? 'met' : 'MISSED'
    const all = rates.map((ratio) => ratio.toFixed(2)).join(' ')
    const figures = `${median(rates).toFixed(3)}  target ${target}  ${verdict.padEnd(7)} CPU ${median(costs).toFixed(2)}`
    console.log(`${title} ${figures}  ${all}`)
  }
}

/** For every round, how many times the rate of the best of `to` a case has; and the same of what a core could do. */
function ratiosOf(samples, of, to) {
  const by = (rate) =>
    samples[of].map(
      (sample, round) => rate(sample) / Math.max(...to.map((name) => rate(samples[name][round]))),
    )
  return [by(({ rps }) => rps), by(({ mainCpuUs }) => 1 / mainCpuUs)]
}

main().catch((error) => {
  console.error(error.message)
  process.exitCode = 1
})
