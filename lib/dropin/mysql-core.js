'use strict'

const { EventEmitter } = require('node:events')
const { Connection: BaseConnection, refuseNul } = require('./connection.js')
const { Charsets } = require('./constants/charsets.js')
const { LOCAL_FILES, clientFlagsOf } = require('./constants/client-flags.js')
const { mysqlTimeout } = require('./errors.js')
const { OkPacket } = require('./fields.js')
const { mysql: flavour } = require('./flavour.js')
const { readOptions } = require('./options.js')
const { Pool: BasePool, PoolConnection: BasePoolConnection } = require('./pool.js')
const { createQuery } = require('./mysql-query.js')
const strings = require('./sql-string-mysql.js')

// What a ping and the like answer.
const OK = { affectedRows: 0, insertId: 0, info: '', serverStatus: 2, warningStatus: 0 }

// What 'enqueue' tells of a command that is no query.
const SEQUENCES = Object.fromEntries(
  ['Handshake', 'Ping', 'ChangeUser', 'Quit'].map((name) => [
    name,
    { [name]: class extends EventEmitter {} }[name],
  ]),
)

/** The name of a command in the errors of one that comes too late. */
function refusal(name, how, code) {
  return Object.assign(new Error(`Cannot enqueue ${name} ${how}`), { code, fatal: false })
}

// What mysql's connections have that mysql2's have not, for connections of their own and of pools.
const Mysql = (Base) =>
  class extends Base {
    /** The commands that are not done, in their order. */
    #queue = []
    #hasQuit = false

    _collationOf(charset) {
      const number = Charsets[String(charset).toUpperCase()]
      if (number === undefined) throw new TypeError(`Unknown charset '${charset}'`)
      return number
    }

    get state() {
      if (this._closing || this._fatalError !== null) return 'disconnected'
      return this.authorized ? 'authenticated' : 'disconnected'
    }

    ping(options, callback) {
      const { given, timeout } = argumentsOf(options, callback)
      this._service((number, session) => session.ping(number), given, {
        operation: 'Ping',
        timeout,
        ok: okPacket,
      })
    }

    changeUser(options, callback) {
      const { given, timeout } = argumentsOf(options, callback)
      const { user, password, database, charset } = typeof options === 'object' ? options : {}
      const config = this.config
      const next = {
        user: user || config.user,
        password: password || config.password,
        database: database || config.database,
        charsetNumber: charset ? this._collationOf(charset) : config.charsetNumber,
      }
      const change = (number, session) => {
        Object.assign(config, next)
        this._isChanged = true
        const [asUser, withPassword, inDatabase] = [next.user, next.password, next.database].map(orNull)
        refuseNul(next)
        session.changeUser(number, asUser, withPassword, inDatabase, next.charsetNumber, false)
      }
      this._service(change, given, {
        operation: 'ChangeUser',
        timeout,
        ok: okPacket,
        isFatal: true,
        blocks: true,
      })
    }

    statistics(options, callback) {
      const { given } = argumentsOf(options, callback)
      const error = new Error('statistics() is left out of hegar-native/mysql; use SHOW STATUS')
      process.nextTick(() => given?.(error))
    }

    beginTransaction(options, callback) {
      return this._control('START TRANSACTION', options, callback)
    }

    commit(options, callback) {
      return this._control('COMMIT', options, callback)
    }

    rollback(options, callback) {
      return this._control('ROLLBACK', options, callback)
    }

    _control(sql, options, callback) {
      const { given } = argumentsOf(options, callback)
      return this.query({ ...(typeof options === 'object' ? options : {}), sql, values: null }, given)
    }

    _createQuery(sql, values, callback) {
      return createQuery(sql, values, callback, this.config)
    }

    destroy() {
      if (!this._wasDestroyed) this.#hasQuit = this._isQuitting
      super.destroy()
    }

    _closedError(command) {
      const name = command.name ?? 'Query'
      if (this._fatalError !== null)
        return refusal(name, 'after fatal error.', 'PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR')
      if (this._wasDestroyed && !this.#hasQuit)
        return refusal(name, 'after being destroyed.', 'PROTOCOL_ENQUEUE_AFTER_DESTROY')
      return refusal(name, 'after invoking quit.', 'PROTOCOL_ENQUEUE_AFTER_QUIT')
    }

    _enqueued(command) {
      this.#queue.push(command)
      if (this.listenerCount('enqueue') > 0)
        this.emit('enqueue', command.query ?? new SEQUENCES[command.name]())
    }

    _dequeued() {
      this.#queue.shift()
      if (this.#queue.length === 0 && this._fatalError === null) this.emit('drain')
    }

    // A command is done when who waits for it has heard of it.
    _settle(settle, ended) {
      try {
        settle()
      } finally {
        ended()
      }
    }

    // Who is in the queue gets the error that ended the connection.
    _toldFor(error) {
      return error.fatal && this._fatalError !== null ? this._fatalError : error
    }

    get _loadsFiles() {
      return (this.config.clientFlags & LOCAL_FILES) !== 0
    }

    _refuseQuery(query, error) {
      query.end(error)
    }

    _hasEnded(ended, callback) {
      try {
        callback?.(undefined)
      } finally {
        ended()
        this.emit('end', undefined)
      }
    }

    /** Ends the connection by an error, which those in the queue get, or the connection itself if none of them can. */
    _lose(error, isHandled) {
      if (this._fatalError !== null) return
      this._fatalError = error
      this._closing = true
      this.stream.destroyed = true
      this._drop()
      const isTold = isHandled || this.#queue.some(hasHandler)
      try {
        if (!isTold) this.emit('error', error)
      } finally {
        this.emit('end', error)
        if (isTold) process.nextTick(() => this._refuseAll(error))
      }
    }

    _service(start, callback, options) {
      const { timeout, operation } = options
      if (!(timeout > 0 && Number.isFinite(timeout))) return super._service(start, callback, options)
      let timer = null
      let isLate = false
      const late = () => {
        isLate = true
        const error = mysqlTimeout(operation, timeout)
        this._lose(error, typeof callback === 'function')
        callback?.(error)
      }
      const timed = (number, session) => {
        timer = setTimeout(late, timeout)
        start(number, session)
      }
      const settle = (...given) => {
        clearTimeout(timer)
        if (isLate) return
        if (callback) callback(...given)
        else if (given[0]) this.emit('error', given[0])
      }
      return super._service(timed, settle, options)
    }
  }

function argumentsOf(options, callback) {
  return typeof options === 'function'
    ? { given: options, timeout: undefined }
    : { given: callback, timeout: options?.timeout }
}

function hasHandler({ hasCallback, query }) {
  return hasCallback || (query !== undefined && query.listenerCount('error') > 0)
}

function orNull(value) {
  return value ?? null
}

function okPacket() {
  return [new OkPacket(OK)]
}

class Connection extends Mysql(BaseConnection) {
  #isConnecting = false

  constructor(options) {
    super({ read: readMysql(options), flavour, strings })
  }

  /** Connects; anything else that needs the server does so too. */
  connect(options, callback) {
    const { given } = argumentsOf(options, callback)
    const error = this.#refusalOfConnect()
    if (error !== null) {
      process.nextTick(() => (given ? given(error) : this.emit('error', error)))
      return
    }
    super.connect(given && ((failure) => (failure ? given(failure) : given(null, okPacket()[0]))))
    this.#connect(given !== undefined)
  }

  #refusalOfConnect() {
    if (this._isQuitting || this._fatalError !== null) return this._closedError({ name: 'Handshake' })
    if (!this.#isConnecting) return null
    const how = 'after already enqueuing a Handshake.'
    return refusal('Handshake', how, 'PROTOCOL_ENQUEUE_HANDSHAKE_TWICE')
  }

  #connect(hasCallback) {
    this.#isConnecting = true
    this._enqueued({ name: 'Handshake', hasCallback })
    this._open((error) => {
      if (error === null) this._connected()
      else this._refused(error)
    })
  }

  _connected() {
    this.emit('connect')
    for (const callback of this._takeConnectCallbacks()) callback(null)
    this._dequeued()
  }

  _refused(error) {
    // Who is refused by the server has reached it.
    if (error.sqlState !== undefined) this.emit('connect')
    const callbacks = this._takeConnectCallbacks()
    this._lose(error, callbacks.length > 0)
    for (const callback of callbacks) callback(error)
  }

  end(options, callback) {
    super.end(argumentsOf(options, callback).given)
  }

  _command(command) {
    if (!this._closing && !this._isQuitting && !this.#isConnecting) this.#connect(false)
    super._command(command)
  }

  static createQuery(sql, values, callback) {
    return createQuery(sql, values, callback)
  }
}

class PoolConnection extends Mysql(BasePoolConnection) {
  /** Whether somebody changed the user, the database or the charset. */
  _isChanged = false

  _watchForEnd() {
    this.on('end', () => this._removeFromPool())
    this.on('error', (error) => {
      if (error.fatal) this._removeFromPool()
    })
  }

  // mysql does so before it lends it again. Who gets it then cannot tell the difference.
  _restore() {
    if (!this._isChanged) return
    this._isChanged = false
    this._isAsNew = true
    const { user, password, database, charsetNumber } = this._pool.config.connectionConfig
    Object.assign(this.config, { user, password, database, charsetNumber })
    const restore = (number, session) => session.changeUser(number, null, null, null, null, true)
    this._service(restore, () => {}, { operation: 'ChangeUser', blocks: true })
  }
}

class Pool extends BasePool {
  constructor(options) {
    super({ read: readMysql(options, true), flavour, strings, Class: PoolConnection })
  }

  _createQuery(sql, values, callback) {
    return createQuery(sql, values, callback, this.config.connectionConfig)
  }
}

// mysql's pools have no such method.
Pool.prototype.format = undefined

// The flags that mysql asks for, without those that depend on options.
const FLAGS = 455629 & ~LOCAL_FILES

function readMysql(options, isPool = false) {
  const read = readOptions(options, { isMysql: true, isPool })
  const { debug, flags } = typeof options === 'object' && options !== null ? options : {}
  const own = {
    debug,
    flags: flags || '',
    localAddress: undefined,
    maxPacketSize: 0,
    clientFlags: FLAGS | clientFlagsOf(read.native),
  }
  Object.assign(read.config, own)
  for (const name of ONLY_MYSQL2) delete read.config[name]
  return read
}

const ONLY_MYSQL2 = ['namedPlaceholders', 'rowsAsArray', 'decimalNumbers', 'nestTables', 'jsonStrings']

module.exports = { Connection, Pool, PoolConnection, createQuery }
