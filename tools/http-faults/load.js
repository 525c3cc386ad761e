'use strict'

const { setTimeout: sleep } = require('node:timers/promises')
const { openClient } = require('./client.js')
const { Limited } = require('./limits.js')
const { Times } = require('./times.js')
const { Versions } = require('./versions.js')

// How many pages there are that are kept for their ttl; together they are more than the cache holds.
const PAGES = 150
// Writes come together, with quiet times in which answers are kept.
const PERIOD_MS = 250
const BURST_MS = 60

/** Clients of all routes, at work until `stop()`; what they saw is in `times`, `versions`, `limited`, `wide` and `failures`. */
class Load {
  #processes
  #rows
  #isOver = false
  #lanes = []
  #ports
  failures = []
  /** The age of the oldest answer that had a ttl alone, when it was asked for. */
  oldestMs = 0
  requests = 0

  constructor(processes, { rows, allowedMs, limits }) {
    this.#processes = processes
    this.#rows = rows
    this.#ports = processes.map(({ port }) => port)
    this.times = new Times()
    this.versions = new Versions(rows, processes.length, allowedMs)
    this.limited = new Limited(limits.api)
    this.wide = new Limited(limits.wide)
  }

  start() {
    this.startVersions()
    for (const [process] of this.#processes.entries()) {
      for (let lane = 0; lane < 2; lane++) {
        this.#lane(process, 4, (send) => this.#readClock(send))
        this.#lane(process, 10, (send) => this.#hit(send, process, 'api', this.limited))
        this.#lane(process, 10, (send) => this.#hit(send, process, 'wide', this.wide))
      }
      this.#lane(process, 4, (send) => send('GET', '/plain'))
    }
  }

  /** The readers and writers of versions alone. */
  startVersions() {
    for (const [process] of this.#processes.entries()) {
      for (let lane = 0; lane < 4; lane++) this.#lane(process, 2, (send) => this.#read(send, process))
    }
    // Each has rows of its own, and writes them through all processes.
    for (let writer = 0; writer < 2; writer++) {
      const own = Array.from({ length: this.#rows }, (_, row) => row).filter((row) => row % 2 === writer)
      this.#lanes.push(this.#write(own))
    }
  }

  async stop() {
    this.#isOver = true
    await Promise.all(this.#lanes)
  }

  #lane(process, pauseMs, once) {
    this.#lanes.push(this.#repeat(process, pauseMs, once))
  }

  async #repeat(process, pauseMs, once) {
    const client = openClient(this.#ports[process])
    const send = this.#timed(client)
    while (!this.#isOver) {
      await once(send)
      await sleep(pauseMs * (0.5 + Math.random()))
    }
    client.close()
  }

  async #write(own) {
    const clients = this.#ports.map(openClient)
    const sends = clients.map((client) => this.#timed(client))
    for (let turn = 0; !this.#isOver; turn++) {
      const row = own[turn % own.length]
      const process = Math.floor(Math.random() * sends.length)
      const version = this.versions.next(row)
      const answer = await sends[process]('POST', `/rows/${row}?version=${version}`)
      if (answer !== null) this.versions.wrote(process, row, version)
      await sleep(Math.random() * 4)
      while (!this.#isOver && performance.now() % PERIOD_MS > BURST_MS) await sleep(5)
    }
    for (const client of clients) client.close()
  }

  /** Sends a request, and gives its answer; null for one that failed, which is noted. */
  #timed(client) {
    return async (method, path, allowed = [200]) => {
      const route = `${method} /${path.split(/[/?]/)[1]}`
      const began = performance.now()
      this.requests++
      try {
        const answer = await client.send(method, path)
        this.times.add(route, performance.now() - began)
        if (allowed.includes(answer.status)) return answer
        this.failures.push({
          route,
          phase: this.times.phase,
          what: `${answer.status} ${answer.text.slice(0, 200)}`,
        })
      } catch (error) {
        this.failures.push({ route, phase: this.times.phase, what: `${error.code} ${error.message}` })
      }
      return null
    }
  }

  async #read(send, process) {
    const judge = this.versions.begin(process)
    const isAll = Math.random() < 0.2
    const answer = await send('GET', isAll ? '/rows' : `/rows/${Math.floor(Math.random() * this.#rows)}`)
    if (answer !== null) judge(JSON.parse(answer.text))
  }

  async #readClock(send) {
    const began = Date.now()
    // Some are asked for much more often than others.
    const answer = await send('GET', `/clock/${Math.floor(Math.random() ** 2 * PAGES)}`)
    if (answer !== null) this.oldestMs = Math.max(this.oldestMs, began - JSON.parse(answer.text).made)
  }

  async #hit(send, process, name, limited) {
    const answer = await send('GET', `/${name}`, [200, 429])
    if (answer !== null) limited.add(process, answer.status, JSON.parse(answer.text))
  }
}

module.exports = { Load }
