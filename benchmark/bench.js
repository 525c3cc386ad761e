'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { WORK_DIR } = require('../tools/run')
const { DRIVERS } = require('./drivers')
const { runChild } = require('./process')
const { format } = require('./report')

const PATHS = ['objects', 'json']

/**
 * One run over a shop: first the answers are checked, then the rounds are measured. A driver that fails or
 * answers wrongly is told in `failures` and has no figures; the run goes on with the others.
 */
class Bench {
  /** `drivers` are names; the first gives the answers that the others are compared with. */
  constructor({ shop, drivers, bun = null, window, signal, log = () => {} }) {
    Object.assign(this, { shop, drivers, bun, window, signal, log })
    this.failures = []
    this.answers = path.join(WORK_DIR, 'bench', 'answers')
    fs.rmSync(this.answers, { recursive: true, force: true })
  }

  /**
   * Lets a driver answer every question of a workload on both paths, in a process of its own, and resolves
   * with the sizes of its answers, `{objects: [rows…], json: [bytes…]}`.
   */
  async check(driver, workload) {
    fs.mkdirSync(path.join(this.answers, workload.name), { recursive: true })
    const { sizes } = await this.#run(driver, { task: 'check', workload })
    return sizes
  }

  /** Times one cell in a process of its own and resolves with the sample. */
  measure({ driver, workload, path: route, inflight, sizes }) {
    return this.#run(driver, { task: 'measure', workload, path: route, inflight, sizes, window: this.window })
  }

  #run(driver, job) {
    const binary = DRIVERS[driver]?.runtime === 'bun' ? this.bun.binary : process.execPath
    const common = { driver, reference: this.drivers[0], server: this.shop.place, answers: this.answers }
    return runChild({ ...common, ...job }, { binary, signal: this.signal })
  }

  /** Checks everything; resolves with the cells of those that agree, in groups to be compared with each other. */
  async prepare(inflights) {
    this.log(`Checking every answer against those of ${this.drivers[0]}`)
    const groups = []
    for (const workload of this.shop.workloads) {
      const sizes = new Map()
      for (const driver of this.drivers) {
        const checked = await this.#attempt(driver, () => this.check(driver, workload))
        if (checked) sizes.set(driver, checked)
        else if (driver === this.drivers[0])
          throw new Error(`without answers of ${driver} nothing can be checked`)
      }
      this.log(
        `  ${workload.name}: ${workload.params.length} questions, ${sizes.size} of ${this.drivers.length} agree`,
      )
      for (const route of PATHS) {
        for (const inflight of inflights) {
          groups.push(
            [...sizes].map(([driver, checked]) => {
              return { workload, driver, path: route, inflight, sizes: checked[route], samples: [] }
            }),
          )
        }
      }
    }
    return groups
  }

  /** Measures every cell once a round. Who goes first in a group changes with the group and the round. */
  async measureRounds(groups, rounds) {
    const total = groups.flat().length * rounds
    const began = Date.now()
    let done = 0
    for (let round = 0; round < rounds; round++) {
      for (const [number, group] of groups.entries()) {
        const first = (number + round) % group.length
        for (const cell of [...group.slice(first), ...group.slice(0, first)]) {
          const sample = await this.#attempt(cell.driver, () => this.measure(cell))
          if (sample) cell.samples.push({ round, ...sample })
          done += 1
        }
        const left = ((Date.now() - began) / done) * (total - done)
        this.log(progressLine(group, round, rounds, left))
      }
    }
  }

  async #attempt(driver, work) {
    try {
      return await work()
    } catch (error) {
      if (this.signal?.aborted) throw this.signal.reason
      const line = `${driver} ${error.wrong ? 'ANSWERED WRONGLY' : 'FAILED'}: ${error.message}`
      this.failures.push(line)
      this.log(`\n!!! ${line}\n`)
      return null
    }
  }
}

function progressLine(group, round, rounds, leftMs) {
  const { workload, path: route, inflight } = group[0]
  const figures = group.map(({ driver, samples }) => {
    const sample = samples.find((each) => each.round === round)
    return `${driver} ${sample ? format(sample.qps) : 'failed'}`
  })
  const place = `[${round + 1}/${rounds}] ${workload.name} ${route} ${inflight}`.padEnd(25)
  return `${place} ${figures.join('  ')}  (${duration(leftMs)} left)`
}

function duration(ms) {
  const seconds = Math.round(ms / 1000)
  return seconds < 60
    ? `${seconds} s`
    : `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`
}

module.exports = { Bench, duration }
