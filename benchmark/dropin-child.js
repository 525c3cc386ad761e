'use strict'

// One process of dropin.js: one job, which came as the first message, and its result or `{error}` sent back.
//
// A job is `{task, way, side, modules, settings, workload, …}`:
// - task `check` asks mysql2 and the drop-in every variant of the workload and compares the answers, types included.
//   The result holds the number of rows of every answer.
// - task `measure` times one side (`inflight`, `window`). Each answer must have the number of rows that the check saw
//   (`sizes`), and the last one is compared with mysql2's once the clocks have stopped.

const { isDeepStrictEqual } = require('node:util')
const { canonical, difference, size } = require('./answer')
const { measure, memoryMb } = require('./measure')

const onlyRows = ([rows]) => rows

/**
 * The ways to ask. Each makes a pool of `modules`, which are `{callback, promise}`, and gives `{ask, calls}`: `ask(sql,
 * values)` resolves with an array of rows, `calls()` tells how often the function or the listeners were called.
 */
const WAYS = {
  query: ({ promise }, settings) => {
    const pool = require(promise).createPool(settings)
    return { ask: (sql, values) => pool.query(sql, values).then(onlyRows) }
  },
  execute: ({ promise }, settings) => {
    const pool = require(promise).createPool(settings)
    return { ask: (sql, values) => pool.execute(sql, values).then(onlyRows) }
  },
  'callback query': ({ callback }, settings) => byCallback('query', require(callback).createPool(settings)),
  'callback execute': ({ callback }, settings) =>
    byCallback('execute', require(callback).createPool(settings)),
  'query, typeCast': (modules, settings) => {
    let calls = 0
    const typeCast = (field, next) => {
      calls += 1
      return field.name === 'weight' ? Number(field.string()) : next()
    }
    return { ...WAYS.query(modules, { ...settings, typeCast }), calls: () => calls }
  },
  'query, result events': ({ callback }, settings) => {
    const pool = require(callback).createPool(settings)
    let calls = 0
    const ask = (sql, values) =>
      new Promise((resolve, reject) => {
        const rows = []
        pool
          .query(sql, values)
          .on('result', (row) => {
            calls += 1
            rows.push(row)
          })
          .on('error', reject)
          .on('end', () => resolve(rows))
      })
    return { ask, calls: () => calls }
  },
  'query, pool listeners': ({ promise }, settings) => {
    const pool = require(promise).createPool(settings)
    let calls = 0
    for (const event of ['acquire', 'release']) pool.on(event, () => (calls += 1))
    return { ask: (sql, values) => pool.query(sql, values).then(onlyRows), calls: () => calls }
  },
}

function byCallback(method, pool) {
  const ask = (sql, values) =>
    new Promise((resolve, reject) => {
      pool[method](sql, values, (error, rows) => (error ? reject(error) : resolve(rows)))
    })
  return { ask }
}

async function check(job) {
  const dropin = open(job, 'drop-in')
  const mysql2 = open(job, 'mysql2')
  const { sql, params } = job.workload
  const sizes = []
  for (const [index, values] of params.entries()) {
    const [answer, expected] = await Promise.all([dropin.ask(sql, values), mysql2.ask(sql, values)])
    compare(job, index, answer, expected)
    sizes.push(size(expected))
  }
  return { sizes }
}

async function time(job) {
  const { sql, params } = job.workload
  const { ask, calls = () => 0 } = open(job, job.side)
  let answered = 0
  const askChecked = (index) =>
    ask(sql, params[index]).then((rows) => {
      if (size(rows) !== job.sizes[index]) {
        throw wrong(job, index, `expected ${job.sizes[index]} rows, got ${size(rows)}`)
      }
      answered += 1
      return rows
    })
  const { last, ...figures } = await measure(askChecked, params.length, job.inflight, job.window)
  const sample = { ...figures, callsPerQuery: calls() / answered, peakRssMb: memoryMb('VmHWM') }
  compare(job, last.index, last.answer, await open(job, 'mysql2').ask(sql, params[last.index]))
  return sample
}

function open(job, side) {
  return WAYS[job.way](job.modules[side], job.settings)
}

function compare(job, index, answer, expected) {
  if (isDeepStrictEqual(answer, expected)) return
  const told = difference(canonical(expected, []), canonical(answer, []))
  throw wrong(job, index, told ?? 'the values are equal as JSON, their types or prototypes are not')
}

function wrong({ way, workload }, index, told) {
  const values = JSON.stringify(workload.params[index])
  const message = `${workload.name} by ${way} with the parameters ${values}: ${told} (expected is what mysql2 answered)`
  return Object.assign(new Error(message), { wrong: true })
}

process.once('message', (job) => {
  const work = job.task === 'check' ? check(job) : time(job)
  work
    .catch((error) => ({
      wrong: error.wrong === true,
      error: error.wrong ? error.message : String(error.stack ?? error),
    }))
    // Questions still open are abandoned on purpose, as in child.js.
    .then((result) => process.send(result, () => process.exit(0)))
})
process.once('disconnect', () => process.exit(1))
