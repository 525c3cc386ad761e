'use strict'

const { inspect } = require('node:util')
const { makeForms } = require('./form.js')

// Far above what a call takes, so that a drop-in that never calls back is reported and not waited for.
const SETTLES_MS = 8000

/**
 * What a case has of one side: the driver, a database of its own and a journal of everything it observes.
 *
 * `api` is 'mysql', 'mysql2' or 'promise'. `options` connect to `database`; `marks` are what cannot be equal on both
 * sides, as [text, replacement].
 */
class Session {
  #forms
  #opened = []
  #marks

  constructor({ driver, api, options, marks = [], closedPort }) {
    this.driver = driver
    this.api = api
    this.options = options
    this.database = options?.database
    this.closedPort = closedPort
    this.journal = []
    this.calls = 0
    this.#marks = marks
    this.#forms = makeForms((text) => this.#mask(text))
  }

  #mask(text) {
    return this.#marks.reduce((masked, [from, to]) => masked.replaceAll(from, to), text)
  }

  /** Adds an entry to the journal. */
  log(label, ...values) {
    this.#add(
      label,
      values.map((value) => this.#forms.form(value)),
    )
  }

  /** The same for an array of columns, whose getters are read. */
  logFields(label, fields) {
    this.#add(label, this.#forms.fieldsForm(fields))
  }

  #add(label, seen) {
    this.journal.push({ label: this.#mask(label), seen })
  }

  /** Hides a value that the server chose, such as a thread id, from all that is recorded later. */
  hide(value, name) {
    this.#marks.push([String(value), `<${name}>`])
  }

  /** A connection that ends with the case. */
  async open(extra = {}) {
    const connection = this.connect(extra)
    return this.api === 'promise' ? await connection : connection
  }

  /** Like `open`, without waiting: a promise of the promise API. */
  connect(extra = {}) {
    const connection = this.driver.createConnection({ ...this.options, ...extra })
    if (this.api === 'promise') return connection.then((made) => this.#keep(made))
    return this.#keep(connection)
  }

  #keep(connection) {
    // Without a listener an error that no call takes would end the process, and with it the report.
    connection.on('error', (error) => this.log('connection error', error))
    this.#opened.push(() => connection.destroy())
    return connection
  }

  pool(extra = {}) {
    const pool = this.driver.createPool({ ...this.options, ...extra })
    this.#opened.push(() => this.#endPool(pool))
    return pool
  }

  cluster(extra) {
    const cluster = this.driver.createPoolCluster(extra)
    this.#opened.push(() => this.#endPool(cluster))
    return cluster
  }

  #endPool(pool) {
    if (this.api === 'promise') return pool.end().catch(() => {})
    return new Promise((resolve) => {
      // mysql calls a pool's end twice with an error of a connection that is ended already.
      pool.end(() => resolve())
    })
  }

  /** Calls `target[method](...args)`, with a callback or for its promise, and records how it ends. */
  async ask(target, method, ...args) {
    return this.askAs(`${method}(${labels(args)})`, target, method, ...args)
  }

  async askAs(label, target, method, ...args) {
    this.calls++
    let outcome
    try {
      outcome = await (this.api === 'promise'
        ? promised(target, method, args)
        : calledBack(target, method, args))
    } catch (error) {
      this.log(`${label} throws`, error)
      return [error]
    }
    const [kind, error, result, fields] = outcome
    this.#add(`${label} ${kind}`, [
      `${outcome.length - 1} arguments`,
      this.#forms.form(error),
      this.#forms.form(result),
      this.#forms.fieldsForm(fields),
    ])
    return outcome.slice(1)
  }

  /** Records every event of `emitter` among `events`; resolves after the last of them. */
  follow(emitter, events, last = 'end', name = '') {
    this.calls++
    return new Promise((resolve) => {
      for (const event of events) {
        emitter.on(event, (...args) => {
          const label = `${name}event ${event}`
          if (event === 'fields') this.logFields(`${label} ${this.#forms.form(args[1])}`, args[0])
          else this.log(label, ...args)
          if (event === last) resolve()
        })
      }
    })
  }

  /** Runs the case; what it throws is observed like everything else. */
  async run(use) {
    let timer
    const late = new Promise((resolve) => {
      timer = setTimeout(() => resolve(this.log(`did not settle within ${SETTLES_MS} ms`)), SETTLES_MS)
    })
    const ended = (async () => {
      try {
        await use(this.driver, this)
      } catch (error) {
        this.log('rejects', error)
      }
    })()
    await Promise.race([ended, late])
    clearTimeout(timer)
    return this.journal
  }

  /** Ends what the case opened. What is seen from here on is not compared. */
  async close() {
    this.journal = []
    const limit = new Promise((resolve) => setTimeout(resolve, 1000).unref())
    for (const end of this.#opened.reverse())
      await Promise.race([Promise.resolve().then(end).catch(ignore), limit])
  }
}

const ignore = () => {}

function calledBack(target, method, args) {
  return new Promise((resolve) => target[method](...args, (...given) => resolve(['calls back', ...given])))
}

async function promised(target, method, args) {
  let promise
  try {
    promise = target[method](...args)
  } catch (error) {
    return ['throws', error]
  }
  try {
    const value = await promise
    if (!Array.isArray(value)) return ['resolves', undefined, value]
    return ['resolves', undefined, ...value]
  } catch (error) {
    return ['rejects', error]
  }
}

function labels(args) {
  const label = args.map((arg) => (typeof arg === 'string' ? arg : inspect(arg, { depth: 3 }))).join(', ')
  return label.length > 120 ? `${label.slice(0, 120)}…` : label
}

module.exports = { Session }
