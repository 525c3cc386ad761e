'use strict'

const { Connection: BaseConnection } = require('./connection.js')
const { OkPacket } = require('./fields.js')
const { mysql: flavour } = require('./flavour.js')
const { readOptions } = require('./options.js')
const { Pool: BasePool, PoolConnection: BasePoolConnection } = require('./pool.js')
const { Query, readCall } = require('./query.js')
const { Charsets } = require('./constants/charsets.js')
const strings = require('./sql-string-mysql.js')

// What a ping and the like answer.
const OK = { affectedRows: 0, insertId: 0, info: '', serverStatus: 2, warningStatus: 0 }

/** The name of a command in the errors of one that comes too late. */
function refusal(name, how, code) {
  return Object.assign(new Error(`Cannot enqueue ${name} ${how}`), { code, fatal: false })
}

// What mysql's connections have that mysql2's have not, for connections of their own and of pools.
const Mysql = (Base) =>
  class extends Base {
    _collationOf(charset) {
      const number = Charsets[String(charset).toUpperCase()]
      if (number === undefined) throw new TypeError(`Unknown charset '${charset}'`)
      return number
    }

    get state() {
      if (this._closing) return 'disconnected'
      if (this._fatalError !== null) return this._wasOpen ? 'disconnected' : 'protocol_error'
      return this.authorized ? 'authenticated' : 'disconnected'
    }

    ping(options, callback) {
      const { given, timeout } = argumentsOf(options, callback)
      super._service((number, session) => session.ping(number), given, {
        operation: 'Ping',
        timeout,
        ok: okPacket,
      })
    }

    changeUser(options, callback) {
      if (typeof options === 'function') return this.changeUser({}, options)
      return super.changeUser(options, callback, okPacket)
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

    _closedError(command) {
      const name = command.name ?? 'Query'
      if (this._fatalError !== null)
        return refusal(name, 'after fatal error.', 'PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR')
      if (this._wasDestroyed) return refusal(name, 'after being destroyed.', 'PROTOCOL_ENQUEUE_AFTER_DESTROY')
      return refusal(name, 'after invoking quit.', 'PROTOCOL_ENQUEUE_AFTER_QUIT')
    }
  }

function argumentsOf(options, callback) {
  return typeof options === 'function'
    ? { given: options, timeout: undefined }
    : { given: callback, timeout: options?.timeout }
}

function okPacket() {
  return [new OkPacket(OK)]
}

class Connection extends Mysql(BaseConnection) {
  #isConnecting = false

  constructor(options) {
    super({ read: readOptions(options, { isMysql: true }), flavour, strings })
  }

  /** Connects; anything else that needs the server does so too. */
  connect(options, callback) {
    const { given } = argumentsOf(options, callback)
    if (this.#isConnecting) {
      const error = refusal(
        'Handshake',
        'after already enqueuing a Handshake.',
        'PROTOCOL_ENQUEUE_HANDSHAKE_TWICE',
      )
      process.nextTick(() => (given ? given(error) : this.emit('error', error)))
      return
    }
    super.connect(given && ((error) => (error ? given(error) : given(null, okPacket()[0]))))
    this._implyConnect()
  }

  _implyConnect() {
    if (this.#isConnecting) return
    this.#isConnecting = true
    this._open((error) => {
      if (error === null) this._connected(undefined)
      else {
        error.fatal = true
        this._refused(error)
      }
    })
  }

  _command(command) {
    if (!this._closing) this._implyConnect()
    super._command(command)
  }

  static createQuery(sql, values, callback) {
    return createQuery(sql, values, callback)
  }
}

class PoolConnection extends Mysql(BasePoolConnection) {}

class Pool extends BasePool {
  constructor(options) {
    super({
      read: readOptions(options, { isMysql: true, isPool: true }),
      flavour,
      strings,
      Class: PoolConnection,
    })
  }
}

function createQuery(sql, values, callback) {
  if (typeof callback !== 'function' && callback !== undefined) {
    throw new TypeError('argument callback must be a function when provided')
  }
  const { options, callback: given } = readCall(sql, values, callback, {})
  return new Query(options, given)
}

module.exports = { Connection, Pool, PoolConnection, createQuery }
