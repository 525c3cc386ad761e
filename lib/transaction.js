'use strict'

const { AsyncLocalStorage } = require('node:async_hooks')
const { setTimeout: sleep } = require('node:timers/promises')
const { enclose } = require('./batch.js')
const { HegarTypeError } = require('./errors.js')
const { beginOn, faceOf } = require('./connection.js')
const { Controls, startStatements } = require('./controls.js')
const { Queries } = require('./queries.js')
const { limitReaders, readLimits } = require('./call-options.js')
const { watchLimits } = require('./watch.js')

const { asyncDispose } = Symbol
const DEADLOCK = 1213
const LOCK_WAIT_TIMEOUT = 1205
const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 1000
const MOST_RETRIES = 100

const OVER = {
  code: 'HEGAR_TRANSACTION_OVER',
  message: 'the transaction is over, committed or rolled back; nothing runs in it any more',
}

/** A transaction on a connection of its own, which goes back to the pool when it is over. */
class Transaction extends Queries {
  #channel
  #connection
  #controls
  /** The end of the batch before: the savepoints of two at a time would mix. */
  #batches = Promise.resolve()
  #isOver = false

  constructor(connection) {
    const channel = faceOf(connection, () => (this.#isOver ? OVER : null))
    super(channel)
    this.#channel = channel
    this.#connection = connection
    this.#controls = new Controls(channel)
    this.threadId = connection.threadId
  }

  get isOver() {
    return this.#isOver
  }

  async savepoint(fn) {
    if (typeof fn !== 'function') throw new HegarTypeError('savepoint: the argument must be a function')
    return this.#controls.undoable(() => fn(this))
  }

  commit() {
    return this.#end('commit', 'COMMIT')
  }

  rollback() {
    return this.#end('rollback', 'ROLLBACK')
  }

  // A batch that fails leaves the transaction as it was before, whatever becomes of that.
  [enclose](wanted, work, watch) {
    let isRunning = false
    const run = () => work(this.#channel, true)
    const batch = this.#batches.then(() => {
      if (watch.error !== null) throw watch.error
      isRunning = true
      return wanted ? this.#controls.undoable(run) : run()
    })
    this.#batches = batch.catch(() => {})
    return watch.during(batch, () => isRunning && this.#connection.destroy())
  }

  async #end(control, sql) {
    // A refused COMMIT ends nothing.
    if (control === 'commit') this.#controls.check(sql)
    const ending = this.#controls.run(control, sql)
    this.#isOver = true
    try {
      await ending
    } finally {
      await this.#connection.release()
    }
  }

  async [asyncDispose]() {
    // Whatever fails here, the connection's release rolls back.
    if (!this.#isOver) await this.rollback().catch(() => {})
  }
}

/** Begins a transaction on a connection that `hold(limits)` takes. */
async function begin(hold, options = {}) {
  const start = startStatements(options, LIMITS)
  return openOn(await hold(limitsIn('begin', options)), start)
}

/** Begins a transaction on a connection that nobody else uses. */
async function openOn(connection, start) {
  try {
    await beginOn(connection, start)
  } catch (error) {
    await connection.release()
    throw error
  }
  return new Transaction(connection)
}

/**
 * Runs `fn(transaction)` on a connection of its own that `hold(limits)` takes: commits what it returns from, rolls back
 * what it throws from, and begins anew up to `retries` times when the server gave way to another transaction.
 */
async function transact(pool, hold, fn, options = {}) {
  // Checked before a connection is taken.
  const start = startStatements(options, ['retries', ...LIMITS])
  const { retries = 0 } = options
  if (!Number.isInteger(retries) || retries < 0 || retries > MOST_RETRIES) {
    throw new HegarTypeError(`retries must be a whole number from 0 to ${MOST_RETRIES}`)
  }
  const watch = watchLimits(limitsIn('transaction', options), 'the transaction, which is rolled back,')
  try {
    for (let attempt = 0; ; attempt++) {
      const outcome = await attemptTo(pool, hold, fn, start, watch)
      if ('value' in outcome) return outcome.value
      const mayRetry = gaveWay(outcome.error)
      // Whether a COMMIT was done is the more important news.
      if (outcome.isOfCommit && !mayRetry) throw outcome.error
      if (watch.error !== null) throw watch.shownTo(transact)
      if (attempt >= retries || !mayRetry) throw outcome.error
      await watch.during(sleep(pause(attempt)), () => {})
    }
  } finally {
    watch.end()
  }
}

async function attemptTo(pool, hold, fn, start, watch) {
  let transaction
  let isOfCommit = false
  try {
    const connection = await hold(watch.limits)
    transaction = await watch.during(openOn(connection, start), () => connection.destroy())
    const work = inside(pool, async () => fn(transaction))
    const value = await watch.during(work, () => connection.destroy())
    // A limit that is passed from here on comes too late: what is being committed can not be called off.
    if (!transaction.isOver) {
      isOfCommit = true
      await transaction.commit()
    }
    return { value }
  } catch (error) {
    await transaction?.[asyncDispose]()
    return { error, isOfCommit }
  }
}

const LIMITS = Object.keys(limitReaders)

function limitsIn(method, { signal, timeoutMs }) {
  return readLimits(method, { signal, timeoutMs })
}

function gaveWay(error) {
  return error?.errno === DEADLOCK || error?.errno === LOCK_WAIT_TIMEOUT
}

// Up to twice as long each time, and random, so that those who met do not meet again.
function pause(attempt) {
  return Math.random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt)
}

// Whose transactions the running code is in. Following it costs every promise of the process something in Node 20,
// so that is done in development alone.
const storage = process.env.NODE_ENV === 'production' ? null : new AsyncLocalStorage()

function inside(pool, fn) {
  return storage === null ? fn() : storage.run([pool, ...(storage.getStore() ?? [])], fn)
}

/** Whether the running code is inside a transaction of this pool; never in production, see above. */
function isNestedIn(pool) {
  return storage?.getStore()?.includes(pool) === true
}

module.exports = { begin, transact, isNestedIn }
