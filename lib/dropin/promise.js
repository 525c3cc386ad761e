'use strict'

const { EventEmitter } = require('node:events')

const NO_CALLBACK = 'Callback function is not available with promise clients.'

function refuseCallback(argument) {
  if (typeof argument === 'function') throw new Error(NO_CALLBACK)
}

// Hands events of the core on to those who listen here, while they do.
function inheritEvents(from, to, events) {
  const listeners = {}
  to.on('newListener', (event) => {
    if (events.includes(event) && to.listenerCount(event) === 0) {
      listeners[event] = (...args) => to.emit(event, ...args)
      from.on(event, listeners[event])
    }
  })
  to.on('removeListener', (event) => {
    if (events.includes(event) && to.listenerCount(event) === 0) {
      from.removeListener(event, listeners[event])
      delete listeners[event]
    }
  })
}

/**
 * The promise of what `start(callback)` calls back with, made into a value by `valueOf`. Errors get the stack of who
 * awaits it unless the option `trace` is false. Another implementation of promises is used where one was given.
 */
function promised(face, start, valueOf) {
  const outcome = awaited(start, valueOf, face._isTraced)
  return face.Promise === Promise
    ? outcome
    : new face.Promise((resolve, reject) => outcome.then(resolve, reject))
}

async function awaited(start, valueOf, isTraced) {
  try {
    return await new Promise((resolve, reject) => {
      start((error, ...results) => {
        if (error) reject(error)
        else resolve(valueOf(...results))
      })
    })
  } catch (error) {
    // Caught here, the stack leads on to those who await.
    if (isTraced && error instanceof Error) Error.captureStackTrace(error, awaited)
    throw error
  }
}

const rowsAndFields = (rows, fields) => [rows, fields]
const nothing = () => undefined

/** What pools and connections have in common. */
class PromiseQueries extends EventEmitter {
  #core

  constructor(core, PromiseClass) {
    super()
    this.#core = core
    this.Promise = PromiseClass || Promise
  }

  query(sql, params) {
    refuseCallback(params)
    const start = (callback) => this.#core.query(sql, params, callback)
    return promised(this, start, rowsAndFields)
  }

  execute(sql, params) {
    refuseCallback(params)
    const start = (callback) => this.#core.execute(sql, params, callback)
    return promised(this, start, rowsAndFields)
  }

  escape(value) {
    return this.#core.escape(value)
  }

  escapeId(value) {
    return this.#core.escapeId(value)
  }

  format(sql, values) {
    return this.#core.format(sql, values)
  }
}

/** A connection with promises in place of callbacks; `connection` is the one with callbacks. */
class PromiseConnection extends PromiseQueries {
  constructor(connection, PromiseClass) {
    super(connection, PromiseClass)
    this.connection = connection
    inheritEvents(connection, this, ['error', 'drain', 'connect', 'end', 'enqueue'])
  }

  get config() {
    return this.connection.config
  }

  get _isTraced() {
    return this.connection.config.trace
  }

  get threadId() {
    return this.connection.threadId
  }

  connect() {
    return promised(
      this,
      (callback) => this.connection.connect(callback),
      (value) => value,
    )
  }

  beginTransaction() {
    const start = (callback) => this.connection.beginTransaction(callback)
    return promised(this, start, rowsAndFields)
  }

  commit() {
    return promised(this, (callback) => this.connection.commit(callback), rowsAndFields)
  }

  rollback() {
    return promised(this, (callback) => this.connection.rollback(callback), rowsAndFields)
  }

  ping() {
    return promised(
      this,
      (callback) => this.connection.ping(callback),
      () => true,
    )
  }

  reset() {
    return promised(this, (callback) => this.connection.reset(callback), nothing)
  }

  changeUser(options) {
    const start = (callback) => this.connection.changeUser(options, callback)
    return promised(this, start, nothing)
  }

  prepare(options) {
    const start = (callback) => this.connection.prepare(options, callback)
    const wrap = (statement) => new PromisePreparedStatementInfo(statement, this.Promise)
    return promised(this, start, wrap)
  }

  unprepare(sql) {
    return this.connection.unprepare(sql)
  }

  end() {
    return new this.Promise((resolve) => this.connection.end(resolve))
  }

  close() {
    this.connection.close()
  }

  destroy() {
    this.connection.destroy()
  }

  release() {
    this.connection.release()
  }

  pause() {
    this.connection.pause()
  }

  resume() {
    this.connection.resume()
  }

  async [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]() {
    if (!this.connection._closing) await this.end()
  }
}

class PromisePoolConnection extends PromiseConnection {
  destroy() {
    this.connection.destroy()
  }

  async [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]() {
    this.release()
  }
}

class PromisePool extends PromiseQueries {
  constructor(pool, PromiseClass) {
    super(pool, PromiseClass)
    this.pool = pool
    inheritEvents(pool, this, ['acquire', 'connection', 'enqueue', 'release'])
  }

  get _isTraced() {
    return this.pool.config.connectionConfig.trace
  }

  getConnection() {
    const wrap = (connection) => new PromisePoolConnection(connection, this.Promise)
    return promised(this, (callback) => this.pool.getConnection(callback), wrap)
  }

  releaseConnection(connection) {
    if (connection instanceof PromisePoolConnection) connection.release()
  }

  end() {
    return promised(this, (callback) => this.pool.end(callback), nothing)
  }

  async [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]() {
    if (!this.pool._closed) await this.end()
  }
}

class PromisePreparedStatementInfo {
  _isTraced = true

  constructor(statement, PromiseClass) {
    this.statement = statement
    this.Promise = PromiseClass
  }

  execute(parameters) {
    const start = (callback) =>
      parameters ? this.statement.execute(parameters, callback) : this.statement.execute(callback)
    return promised(this, start, rowsAndFields)
  }

  close() {
    return new this.Promise((resolve) => {
      this.statement.close()
      resolve()
    })
  }
}

module.exports = {
  PromiseConnection,
  PromisePoolConnection,
  PromisePool,
  inheritEvents,
  nothing,
  promised,
  refuseCallback,
  rowsAndFields,
}
