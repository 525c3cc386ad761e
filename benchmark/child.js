'use strict'

// One process of the benchmark: one driver, asked for one workload. Run by Node, or by Bun for bun.sql;
// the job comes in the environment, the result leaves on file descriptor 3, away from what drivers print.
//
// A job is `{task, driver, server, workload, answers, …}`:
// - task `check` asks for every variant of the workload on both paths, 64 at a time. The first driver
//   writes its answers to the folder `answers`; every other one is compared with them. The result holds
//   the size of every answer, `{objects: [rows…], json: [bytes…]}`.
// - task `measure` times one path (`path`, `inflight`, `window`). Each answer must have the size that the
//   check saw (`sizes`), and the last one is compared in full once the clocks have stopped.

const fs = require('node:fs')
const path = require('node:path')
const { openDriver } = require('./drivers')
const { canonical, difference, size } = require('./answer')
const { measure, memoryMb } = require('./measure')

const CHECK_INFLIGHT = 64

async function check(job, driver) {
  const sizes = {}
  for (const route of ['objects', 'json']) {
    sizes[route] = []
    let next = 0
    const lane = async () => {
      while (next < job.workload.params.length) {
        const index = next++
        const answer = await driver[route](job.workload.sql, job.workload.params[index])
        compare(job, route, index, answer)
        sizes[route][index] = size(answer)
      }
    }
    await Promise.all(Array.from({ length: CHECK_INFLIGHT }, lane))
  }
  return { sizes }
}

async function time(job, driver) {
  const { sql, params } = job.workload
  const ask = driver[job.path]
  const askChecked = (index) =>
    ask(sql, params[index]).then((answer) => {
      if (size(answer) !== job.sizes[index]) throw wrongSize(job, index, size(answer))
      return answer
    })
  // The first answer needs a connection; the memory before it is that of the runtime and the driver's code.
  const baselineRssMb = memoryMb('VmRSS')
  const { last, ...figures } = await measure(askChecked, params.length, job.inflight, job.window)
  const peakRssMb = memoryMb('VmHWM')
  compare(job, job.path, last.index, last.answer)
  return { ...figures, peakRssMb, baselineRssMb }
}

/** Throws unless the answer equals the first driver's; when this is the first driver, keeps it. */
function compare(job, route, index, answer) {
  const file = path.join(job.answers, job.workload.name, `${index}.json`)
  const text = canonical(answer, job.workload.decimals)
  if (job.task === 'check' && job.driver === job.reference && route === 'objects') {
    fs.writeFileSync(file, text)
    return
  }
  const told = difference(fs.readFileSync(file, 'utf8'), text)
  if (told === null) return
  throw new WrongAnswer(
    `${question(job, route, index)}: ${told} (expected is what ${job.reference} answered)`,
  )
}

function wrongSize(job, index, actual) {
  const unit = job.path === 'json' ? 'bytes' : 'rows'
  return new WrongAnswer(
    `${question(job, job.path, index)}: expected ${job.sizes[index]} ${unit}, got ${actual}`,
  )
}

function question(job, route, index) {
  return `${job.workload.name} as ${route} with the parameters ${JSON.stringify(job.workload.params[index])}`
}

class WrongAnswer extends Error {}

async function main() {
  const job = JSON.parse(process.env.HEGAR_BENCH_JOB)
  const driver = openDriver(job.driver, job.server)
  if (job.task === 'check') return check(job, driver)
  return time(job, driver)
}

main()
  .catch((error) => {
    const wrong = error instanceof WrongAnswer
    return { wrong, error: wrong ? error.message : String(error.stack ?? error) }
  })
  .then((result) => {
    fs.writeSync(3, JSON.stringify(result))
    // Connections and unanswered questions are abandoned on purpose: answering the slow ones would take
    // longer than the window, and the server copes.
    process.exit(0)
  })
