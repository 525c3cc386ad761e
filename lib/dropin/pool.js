'use strict'

const { EventEmitter } = require('node:events')
const { Connection } = require('./connection.js')
const { Driver } = require('./driver.js')
const { errorOf } = require('./errors.js')
const { isLocalLoad } = require('./local-file.js')
const { copyOf, poolConfigOf } = require('./options.js')
const { toParameters } = require('./parameters.js')
const { Returns } = require('./returns.js')
const { Query, Execute, readCall, readExecute } = require('./query.js')
const { run } = require('./run.js')
const { isLiteralBackslash } = require('./sql-mode.js')
const { positionalOf, textOf } = require('./texts.js')

// What can be said by a server that became a replica: its connections are of no use for writes.
const READ_ONLY = new Set([1290, 1792, 1836])
const DRAIN_MS = 2 ** 31 - 1

/**
 * A pool with the surface of the originals. Its queries run in Rust on whatever connection is free, without a connection
 * object, unless somebody listens for events that carry one.
 */
class Pool extends EventEmitter {
  #driver
  #read
  /** Connection objects by `_key`, so that one connection is one object for as long as it lives. */
  #connections = new Map()
  #held = new Set()
  #waiting = 0
  #flying = 0
  #returns = new Returns()
  /**
   * Whether a backslash escapes in the literals of this server: null before a connection has told. Where it may not, texts
   * are written for the very connection that runs them.
   */
  #escapes = null

  constructor({ read, flavour, strings, Class = PoolConnection }) {
    super()
    this.#read = read
    this.flavour = flavour
    this.strings = strings
    this.Class = Class
    this.config = poolConfigOf(read)
    this._closed = false
    this.#driver = new Driver(read, flavour.Row)
    this.#watchPassword(this.config.connectionConfig)
  }

  // Passwords that expire are replaced in the configuration, for connections to come.
  #watchPassword(config) {
    let { password } = config
    Object.defineProperty(config, 'password', {
      get: () => password,
      set: (changed) => {
        password = changed
        this.#driver.setPassword(String(changed ?? ''))
      },
      enumerable: true,
    })
  }

  get _limit() {
    return this.#driver.options.connectionLimit
  }

  /** What `stats()` of a pool of hegar-native gives. */
  stats() {
    return this.#driver.stats()
  }

  /** The originals' own lists, of which monitoring reads the length. */
  get _allConnections() {
    return { length: this.#driver.stats().pool.total }
  }

  get _freeConnections() {
    // What was given back is free from then on, not from when Rust has it.
    return { length: Math.max(0, this.#driver.stats().pool.total - this.#taken()) }
  }

  get _connectionQueue() {
    return { length: this.#driver.stats().pool.waiting }
  }

  getConnection(callback) {
    if (this._closed) {
      process.nextTick(() => callback(this.#closed()))
      return
    }
    const isFull = this.#taken() >= this._limit
    if (isFull && this.config.waitForConnections && !this.#isQueueFull()) this.emit('enqueue')
    this.#waiting++
    const connection = new this.Class({
      pool: this,
      read: this.#read,
      flavour: this.flavour,
      strings: this.strings,
      driver: this.#driver,
    })
    const opened = (error, isFirst) => {
      this.#waiting--
      if (error !== null) return callback(error)
      if (this._closed) {
        connection._giveBack(() => {})
        return callback(this.#closed())
      }
      this.#lend(connection, isFirst, isFull, callback)
    }
    this.#returns.enter(() => connection._open(opened))
  }

  _learn(isLiteral) {
    if (isLiteral) this.#escapes = false
    else this.#escapes ??= true
  }

  #isQueueFull() {
    const { queueLimit } = this.config
    return queueLimit > 0 && this.#taken() - this._limit >= queueLimit
  }

  // The connections that are in use or asked for.
  #taken() {
    return this.#held.size + this.#flying + this.#waiting
  }

  #closed() {
    return errorOf({ code: 'HEGAR_POOL_CLOSED' }, { isMysql: this.flavour.isMysql })
  }

  #lend(fresh, isFirst, wasQueued, callback) {
    this._learn(fresh.sqlMode !== undefined)
    const known = this.#connections.get(fresh._key)
    const connection = known === undefined || isFirst || this.#held.has(known) ? fresh : known._adopt(fresh)
    this.#connections.set(connection._key, connection)
    this.#held.add(connection)
    if (isFirst || connection._isAsNew) {
      connection._isAsNew = false
      this.#forgetOld()
      this.emit('connection', connection)
    }
    // mysql2 hands a connection on to those who wait without a word.
    if (this.flavour.isMysql || !wasQueued || isFirst) this.emit('acquire', connection)
    callback(null, connection)
  }

  // Those that nobody holds and that are more than there can be.
  #forgetOld() {
    if (this.#connections.size <= this._limit * 2) return
    for (const [id, connection] of this.#connections) {
      if (this.#connections.size <= this._limit) return
      if (!this.#held.has(connection)) this.#connections.delete(id)
    }
  }

  releaseConnection(connection) {
    const { isMysql } = this.flavour
    if (!this.#held.delete(connection)) {
      if (isMysql) this.#refuseRelease(connection)
      return
    }
    connection._isWanted = this.#waiting > 0
    connection._restore()
    connection._giveBack(connection._isIdle ? this.#returns.begin() : () => {})
    if (isMysql || !connection._isWanted) this.emit('release', connection)
  }

  // As far as mysql notices it: what is given to those who wait may be released again.
  #refuseRelease({ _pool, _isWanted }) {
    if (_pool === null) return
    if (_pool !== this) throw new Error('Connection released to wrong pool')
    if (!_isWanted) throw new Error('Connection already released')
  }

  _remove(connection) {
    this.#held.delete(connection)
    if (this.#connections.get(connection._key) === connection) this.#connections.delete(connection._key)
  }

  query(sql, values, callback) {
    const query = this._createQuery(sql, values, callback)
    query._isOfPool = true
    if (this.#needsConnection() || this.#escapes !== true)
      return this.#onConnection(query, (connection, done) => connection._ask(query, done))
    let text
    try {
      text = textOf(query, this.#writing)
      if (isLocalLoad(text)) {
        return this.#onConnection(query, (connection, done) => connection._ask(query, done))
      }
      query.sql = text
      const { values: written } = query._options
      query._literal = written === undefined || written === null ? undefined : false
      this.#fly(query, text, null)
    } catch (error) {
      refuse(query, error)
    }
    return query
  }

  _createQuery(sql, values, callback) {
    const { options, callback: given } = readCall(sql, values, callback, this.config.connectionConfig)
    return new Query(options, given)
  }

  execute(sql, values, callback) {
    const { options, callback: given } = readExecute(sql, values, callback, this.config.connectionConfig)
    const execute = new Execute(options, given)
    execute._isOfPool = true
    try {
      const positional = positionalOf(execute, this.#writing)
      execute.sql = positional.sql
      execute.values = positional.values
      if (this.#needsConnection()) {
        return this.#onConnection(execute, (connection, done) => {
          connection._run(execute, () => execute.sql, toParameters(execute.values), done)
        })
      }
      this.#fly(execute, execute.sql, toParameters(execute.values))
    } catch (error) {
      refuse(execute, error)
    }
    return execute
  }

  // Events that carry a connection, and functions that are called with one.
  #needsConnection() {
    return (
      this._closed ||
      this.listenerCount('acquire') > 0 ||
      this.listenerCount('connection') > 0 ||
      this.listenerCount('release') > 0 ||
      typeof this.config.connectionConfig.queryFormat === 'function'
    )
  }

  // Of connections whose literals are read as usual.
  get #writing() {
    const { flavour, strings } = this
    return { owner: this, config: this.config.connectionConfig, flavour, strings }
  }

  #fly(query, sql, values) {
    if (this.#taken() >= this._limit) this.emit('enqueue')
    this.#flying++
    const context = {
      onStatus: (status) => this._learn(isLiteralBackslash(status)),
      driver: this.#driver,
      target: this.#driver.native,
      connection: null,
      config: this.config.connectionConfig,
      flavour: this.flavour,
      isPaused: () => false,
      onPump() {},
      onFailure() {},
      // Some session of this server reads literals otherwise, so each text is written for the one that runs it.
      rewrite: (query, done) => {
        done()
        this._learn(true)
        this.#onConnection(query, (connection, release) => connection._ask(query, release))
      },
      // An error that nobody listens for is no reason to end the process: the query was the pool's.
      onUnhandled() {},
    }
    const landed = () => {
      this.#flying--
    }
    this.#returns.enter(() => run(query, sql, values, context, landed))
  }

  #onConnection(query, ask) {
    this.getConnection((error, connection) => {
      if (error) return refuse(query, error)
      if (this.flavour.isMysql) return askAsMysql(query, connection)
      const done = (failure) => {
        if (READ_ONLY.has(failure?.errno)) connection.destroy()
        else connection.release()
      }
      // An error that nobody listens for is no reason to end the process: the query was the pool's.
      if (typeof query.onResult !== 'function') query.once('error', () => {})
      try {
        ask(connection, done)
      } catch (failure) {
        connection.release()
        refuse(query, failure)
      }
    })
    return query
  }

  end(callback) {
    this._closed = true
    const done = typeof callback === 'function' ? callback : () => {}
    this.#driver.close(DRAIN_MS, () => process.nextTick(done, undefined))
    for (const connection of this.#held) connection._endSession()
    this.#held.clear()
  }

  format(sql, values) {
    const { stringifyObjects, timezone } = this.config.connectionConfig
    return this.strings.format(sql, values, stringifyObjects, timezone)
  }

  escape(value) {
    const { stringifyObjects, timezone } = this.config.connectionConfig
    return this.strings.escape(value, stringifyObjects, timezone)
  }

  escapeId(value) {
    return this.strings.escapeId(value, false)
  }

  [Symbol.dispose ?? Symbol.for('Symbol.dispose')]() {
    if (!this._closed) this.end()
  }
}

// mysql gives the connection back behind the query's end.
function askAsMysql(query, connection) {
  query.once('end', () => connection.release())
  try {
    connection.query(query)
  } catch (failure) {
    query.end(failure)
  }
}

function refuse(query, error) {
  if (typeof query.end === 'function') query.end(error)
  else if (typeof query.onResult === 'function') query.onResult(error)
  else query.emit('error', error)
}

const DEPRECATED_END =
  'conn.end() gives a connection of a pool back instead of closing it, as in mysql2; use conn.release()'

/** A connection of a pool. */
class PoolConnection extends Connection {
  constructor({ pool, ...rest }) {
    super(rest)
    this.config = copyOf(this.config)
    this._pool = pool
    /** Whether it is to be set up as a new one when it is lent next. */
    this._isAsNew = false
    this._watchForEnd()
  }

  _watchForEnd() {
    this.once('error', () => this._removeFromPool())
    this.once('end', () => this._removeFromPool())
  }

  /** Undoes what a connection is not given back with. */
  _restore() {}

  release() {
    if (this._pool === null || this._pool._closed) return
    this._pool.releaseConnection(this)
  }

  end(callback) {
    if (this.config.gracefulEnd) {
      this._removeFromPool()
      super.end(callback)
      return
    }
    const error = new Error(DEPRECATED_END)
    this.emit('warn', error)
    process.emitWarning(DEPRECATED_END, { type: 'HegarWarning', code: 'HEGAR_POOL_END' })
    this.release()
    if (typeof callback === 'function') callback()
  }

  destroy() {
    this._removeFromPool()
    super.destroy()
  }

  _removeFromPool() {
    const pool = this._pool
    if (pool === null || pool._closed) return
    this._pool = null
    pool._remove(this)
  }

  _endSession() {
    this._isQuitting = true
    // The pool closes first, or else those who wait would get the connection.
    setImmediate(() => {
      this._closing = true
      this._giveBack(() => this.emit('end'))
    })
  }

  // Runs a query of the pool.
  _ask(query, done) {
    if (isLocalLoad(query.sql)) this.query(query).once('end', () => done())
    else this._run(query, this._writer(query), null, done)
  }
}

module.exports = { Pool, PoolConnection }
