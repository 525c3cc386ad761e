'use strict'

const { EventEmitter } = require('node:events')
const { Driver } = require('./driver.js')
const { errorOf, closedError } = require('./errors.js')
const { modeOf } = require('./sql-mode.js')

// What open() answers: the server's number for the session, and in front of it whether nobody held it before, and whether a
// backslash in a literal stands for itself.
const ID = 2 ** 32
const LITERAL_BACKSLASH = 2 ** 33
const SERIAL = 2 ** 34

/**
 * A session of the server from its opening to its end, and the commands for it in their order; those that come before it is
 * open wait here. What the commands are is the business of lib/dropin/connection.js.
 */
class Link extends EventEmitter {
  #driver
  #session = null
  #pending = []
  #isOpen = false
  /** Whether a command runs behind which others wait. */
  #isBlocked = false
  #connectCallbacks = []
  #running = 0
  /** Whether it has been given back to its pool, and what is called when its last command is done. */
  #isGivenBack = false
  #onLeft = null
  /** Whether a statement's callback has had the error that goes before the end of the connection. */
  #wasTold = false
  /** What end() calls once nothing runs. */
  #onIdle = null

  /** `read` is what readOptions gives; a pool gives its driver. `strings` are escape, escapeId and format. */
  constructor({ read, flavour, strings, driver = null }) {
    super()
    this.config = read.config
    this.flavour = flavour
    this.strings = strings
    this.threadId = null
    /** What of the session's sql_mode decides where a literal ends. */
    this.sqlMode = undefined
    this.authorized = false
    this._pool = null
    this._closing = false
    this._fatalError = null
    this._protocolError = null
    this._isQuitting = false
    this._wasDestroyed = false
    /** Set while a file is sent, which ends with the connection. */
    this._onGone = null
    this.stream = new StreamFace()
    this.#driver = driver ?? new Driver(read, flavour.Row)
    this._ownsDriver = driver === null
  }

  /** The way to Rust, of the pool or its own. */
  get _driver() {
    return this.#driver
  }

  /** Opens the session; `opened(error, isFirst)` is called before anything that waits for it. */
  _open(opened) {
    this.#driver.start(
      (number) => {
        this.#session = this.#driver.native.openSession(number, null)
      },
      (value) =>
        process.nextTick(() => {
          this.threadId = value % ID
          // Servers behind one address give the same numbers, so the connection has one of this process too.
          this._key = Math.floor(value / SERIAL) * ID + this.threadId
          this.sqlMode = modeOf(value % SERIAL >= LITERAL_BACKSLASH)
          this.#isOpen = true
          this.authorized = true
          opened(null, value % LITERAL_BACKSLASH >= ID)
          // A pool may have handed the session to the object that had it before.
          if (this.#session === null) return
          this.#watch()
          this.#flush()
        }),
      (raw) =>
        process.nextTick(() => {
          const { isMysql } = this.flavour
          const error = errorOf(raw, { config: this.config, isMysql })
          if (!isMysql && raw.errno !== undefined) error.sql = undefined
          // Whatever ends a handshake; what a pool has to say is no answer to one.
          if (isMysql && !error.code.startsWith('POOL_')) error.fatal = true
          opened(error, false)
        }),
    )
  }

  /** Takes the session of another object over: it is the same one of the server as before. */
  _adopt(other) {
    this.#session = other.#session
    other.#session = null
    this.sqlMode = other.sqlMode
    this.#isOpen = true
    this.#isGivenBack = false
    this.#watch()
    return this
  }

  /** Calls back when the connection is there or is not to be had. */
  connect(callback) {
    if (typeof callback !== 'function') return
    if (this._fatalError !== null) return callback(this._fatalError)
    if (this.#isOpen) return callback(null, this)
    this.#connectCallbacks.push(this.flavour.isMysql ? callback : this.#listener(callback))
  }

  // In mysql2 it is called as one of the listeners, in their order.
  #listener(callback) {
    const settle = (error, value) => {
      this.removeListener('error', settle)
      this.removeListener('connect', connected)
      const at = this.#connectCallbacks.indexOf(settle)
      if (at >= 0) this.#connectCallbacks.splice(at, 1)
      if (error) callback(error)
      else callback(null, value)
    }
    const connected = (value) => settle(null, value)
    this.on('error', settle)
    this.on('connect', connected)
    return settle
  }

  _connected(value) {
    this.emit('connect', value)
  }

  _takeConnectCallbacks() {
    return this.#connectCallbacks.splice(0)
  }

  /** Ends a connection that was not to be had. */
  _refused(error) {
    this._closing = true
    this.stream.destroyed = true
    this._fatalError = error
    const wasTold = this._refuseAll(error)
    if (this._ownsDriver) this.#driver.close(0, () => {})
    if (!wasTold) this.emit('error', error)
    for (const callback of this._takeConnectCallbacks()) callback(error)
    process.nextTick(() => this.emit('end'))
  }

  get state() {
    if (this._fatalError !== null) return 'error'
    if (this._closing) return 'disconnected'
    return this.authorized ? 'authenticated' : 'protocol_handshake'
  }

  get fatalError() {
    return this._fatalError
  }

  end(callback) {
    if (this._isQuitting || this.#isClosed()) {
      const error = this._closedError({ name: 'Quit' })
      if (this.flavour.isMysql) {
        process.nextTick(() => (callback ? callback(error) : this.emit('error', error)))
        return
      }
      if (typeof callback === 'function') callback(error)
      else this.emit('error', error)
      return
    }
    this._command({
      start: (session, ended) => {
        this._closing = true
        this.stream.destroyed = true
        const released = () => process.nextTick(() => this.#ended(ended, callback))
        this.#driver.start((number) => session.release(number), released, released)
        if (this.flavour.isMysql) return
        // mysql2 does not wait for the server here.
        this.#onIdle = typeof callback === 'function' ? callback : null
        ended()
      },
      refuse: (error) => callback?.(error),
      hasCallback: true,
      name: 'Quit',
    })
    this._isQuitting = true
  }

  #ended(ended, callback) {
    const settle = () => this._hasEnded(ended, callback)
    if (this._ownsDriver) this.#driver.close(1000, () => process.nextTick(settle))
    else settle()
  }

  _hasEnded() {
    this.emit('end')
  }

  /** Closes the connection now. What it runs is ended. */
  destroy() {
    this._wasDestroyed = true
    if (this._closing) return
    this._closing = true
    this._isQuitting = true
    this.stream.destroyed = true
    this._drop()
    if (!this.flavour.isMysql) process.nextTick(() => this.emit('end'))
  }

  /** Leaves the connection to itself. */
  _drop() {
    this._onGone?.()
    this.#session?.destroy()
    if (this._ownsDriver) this.#driver.close(0, () => {})
  }

  close() {
    this.destroy()
  }

  /** Whether it runs nothing, so that it comes back at once. */
  get _isIdle() {
    return this.#running === 0 && this.#pending.length === 0
  }

  /** Gives the session back to the pool of the driver. */
  _giveBack(callback) {
    this.#isGivenBack = true
    if (this.#isBlocked || this.#pending.length > 0) this.#onLeft = callback
    else this.#leave(callback)
  }

  #leave(callback) {
    const session = this.#session
    this.#session = null
    this.#isOpen = false
    this.#driver.start((number) => session.release(number), callback, callback)
  }

  // Carries a command out, or keeps it until its turn has come.
  _command(command) {
    if (this._isQuitting || this.#isClosed() || this.#isGivenBack) {
      const refuse = () => command.refuse(this._closedError(command))
      if (this.flavour.isMysql) process.nextTick(refuse)
      else refuse()
      return
    }
    this._enqueued(command)
    if (!this.#isOpen || this.#isBlocked || this.#pending.length > 0) this.#pending.push(command)
    else this.#start(command)
  }

  /** A command is taken; _dequeued() follows when it is done. */
  _enqueued() {}
  _dequeued() {}

  _closedError() {
    return closedError()
  }

  #isClosed() {
    return this._closing || this._fatalError !== null
  }

  #start(command) {
    if (command.blocks) this.#isBlocked = true
    this.#running++
    this.#wasTold = false
    command.start(this.#session, () => {
      this._dequeued()
      if (--this.#running === 0 && this.#onIdle !== null) this.#whenIdle()
      if (!command.blocks) return
      this.#isBlocked = false
      this.#flush()
    })
  }

  #whenIdle() {
    const callback = this.#onIdle
    this.#onIdle = null
    callback()
  }

  #flush() {
    while (this.#isOpen && !this.#isBlocked && this.#pending.length > 0) this.#start(this.#pending.shift())
    if (this.#onLeft === null || this.#isBlocked || this.#pending.length > 0) return
    const callback = this.#onLeft
    this.#onLeft = null
    this.#leave(callback)
  }

  /** Refuses what waits; whether somebody was told is the answer. */
  _refuseAll(error) {
    const waiting = this.#pending.splice(0)
    for (const command of waiting) if (command.hasCallback || this.flavour.isMysql) command.refuse(error)
    return waiting.length > 0 && waiting.every((command) => command.hasCallback)
  }

  // A statement that was lost takes the connection with it.
  _failed(raw, error, isHandled) {
    // Its connection may be given up for it, which is then no news.
    this.#wasTold ||= isHandled && raw.code === 'HEGAR_QUERY_TIMEOUT'
    const isLost = raw.fatal === true || raw.code === 'HEGAR_CONNECTION_LOST' || error.fatal === true
    if (isLost && !this._closing) this._lose(error, isHandled)
  }

  #watch() {
    const session = this.#session
    const lost = (raw) =>
      process.nextTick(() => {
        if (this.#session !== session) return
        if (this._closing || this._fatalError !== null) return
        const error = errorOf(raw, { config: this.config, isMysql: this.flavour.isMysql })
        error.fatal = true
        // What runs is told by its own callback.
        this._lose(error, this.#wasTold || this.#running > 0)
      })
    this.#driver.start(
      (number) => session.watch(number),
      () => {},
      lost,
      { isQuiet: true },
    )
  }

  _lose(error, isHandled) {
    if (this._fatalError !== null) return
    this._fatalError = error
    this._onGone?.()
    this.stream.destroyed = true
    // A socket that the server closes ends before it tells why.
    const isEnd = error.code === 'PROTOCOL_CONNECTION_LOST'
    if (isEnd) this.emit('end')
    const wasTold = this._refuseAll(error) || isHandled
    try {
      if (!wasTold || this._pool !== null) this.emit('error', error)
    } finally {
      this._closing = true
    }
    if (this._ownsDriver) this.#driver.close(0, () => {})
    if (!isEnd) process.nextTick(() => this.emit('end'))
  }

  [Symbol.dispose ?? Symbol.for('Symbol.dispose')]() {
    if (!this._closing) this.end()
  }
}

/** What is left of the socket that the originals show: whether it is there. */
class StreamFace extends EventEmitter {
  destroyed = false
  pause() {}
  resume() {}
  setNoDelay() {}
  setKeepAlive() {}
  ref() {}
  unref() {}
  destroy() {
    this.destroyed = true
  }
}

module.exports = { Link }
