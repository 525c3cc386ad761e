'use strict'

const { EventEmitter } = require('node:events')
const { Readable } = require('node:stream')

const NO_PROMISE =
  'the result of query() is no promise: use require("hegar-native/mysql2/promise") or .promise() to await it, ' +
  'or give a callback'

/**
 * A statement that was asked for: an emitter of 'fields', 'result', 'error' and 'end' where no callback was given. It runs
 * once a connection has taken it.
 */
class Query extends EventEmitter {
  /** Set while rows are read: `{pause(), resume(), leave()}`. */
  _pump = null
  _isPaused = false
  _isOfPool = false
  _hasLeft = false
  /** Whether its 'fields' say which result they are of. */
  _tellsIndex = false

  constructor(options, callback) {
    super()
    this.sql = options.sql
    this.values = options.values
    this.timeout = options.timeout
    this.onResult = callback
    this.namedPlaceholders = options.namedPlaceholders
    /** What was asked for, before values are written into it. */
    this._options = options
    /** Whether the literals in `sql` were written for a session in which a backslash stands for itself, if there are any. */
    this._literal = undefined
    /** Writes `sql` for the session as it is now. */
    this._rewrite = null
  }

  /** The rows as a Readable of objects. Reading slowly slows the server down; destroying it ends the statement. */
  stream(options = {}) {
    const stream = new Readable({
      ...options,
      objectMode: true,
      emitClose: true,
      autoDestroy: true,
      read: () => this._resume(),
    })
    stream.once('close', () => {
      if (!stream.readableEnded) stream.emit('end')
    })
    const listeners = {
      result: (row, index) => {
        if (stream.destroyed) return
        if (!stream.push(row)) this._pause()
        stream.emit('result', row, index)
      },
      fields: (fields) => stream.destroyed || stream.emit('fields', fields),
      end: () => stream.destroyed || stream.push(null),
      error: (error) => stream.destroy(error),
    }
    for (const [event, listener] of Object.entries(listeners)) this.on(event, listener)
    stream._destroy = (error, done) => {
      for (const [event, listener] of Object.entries(listeners)) this.removeListener(event, listener)
      // What is still to come, be it an error, is for nobody.
      this.on('error', () => {})
      this._leave()
      this._resume()
      done(error)
    }
    return stream
  }

  then() {
    throw new Error(NO_PROMISE)
  }

  catch() {
    throw new Error(NO_PROMISE)
  }

  _pause() {
    this._isPaused = true
  }

  _resume() {
    this._isPaused = false
    this._pump?.resume()
  }

  _leave() {
    this._hasLeft = true
    this._pump?.leave()
  }
}

class Execute extends Query {
  _tellsIndex = true
}

function noAttributes() {
  return new Error(
    'query attributes are left out of hegar-native; send what they say as a comment or a parameter',
  )
}

/** What query(sql, values, callback) was given, in any of its forms, as `{options, callback}`. */
function readCall(sql, values, callback, config) {
  const options = { rowsAsArray: config.rowsAsArray, infileStreamFactory: config.infileStreamFactory }
  if (typeof sql === 'object' && sql !== null) {
    // Also those that are inherited, which is how mysql hands options on.
    for (const name in sql) options[name] = sql[name]
    options.sql = sql.sql
    options.values = sql.values
    if (options.attributes) throw noAttributes()
    if (typeof values === 'function') return { options, callback: values }
    if (values !== undefined) options.values = values
    return { options, callback }
  }
  options.sql = sql
  if (typeof values === 'function') return { options: { ...options, values: undefined }, callback: values }
  options.values = values
  return { options, callback }
}

/** The same for execute(), where the values of the options go before the argument. */
function readExecute(sql, values, callback, config) {
  const read = readCall(sql, values, callback, config)
  if (typeof sql === 'object' && sql?.values) read.options.values = sql.values
  read.options.values ??= undefined
  return read
}

module.exports = { Query, Execute, readCall, readExecute }
