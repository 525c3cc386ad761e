'use strict'

const { EventEmitter } = require('node:events')

const FORWARDED = ['warn', 'remove', 'online', 'offline']

/**
 * The cluster as `mysql2/promise` has it. `wrapConnection(connection, Promise)` gives the promise form of a connection
 * of the drop-in.
 */
class PromisePoolCluster extends EventEmitter {
  constructor(poolCluster, thePromise, wrapConnection) {
    super()
    this.poolCluster = poolCluster
    this.Promise = thePromise || Promise
    this._wrapConnection = wrapConnection
    forwardEvents(poolCluster, this)
  }

  add(...args) {
    return this.poolCluster.add(...args)
  }

  remove(...args) {
    return this.poolCluster.remove(...args)
  }

  of(pattern, selector) {
    return new PromisePoolNamespace(
      this.poolCluster.of(pattern, selector),
      this.Promise,
      this._wrapConnection,
    )
  }

  getConnection(pattern, selector) {
    return this.of(pattern, selector).getConnection()
  }

  query(sql, values) {
    return this.of().query(sql, values)
  }

  execute(sql, values) {
    return this.of().execute(sql, values)
  }

  end() {
    const stack = stackOf(PromisePoolCluster.prototype.end)
    return new this.Promise((resolve, reject) => {
      this.poolCluster.end((error) => (error ? reject(withStack(error, stack)) : resolve()))
    })
  }
}

PromisePoolCluster.prototype[Symbol.asyncDispose] = async function dispose() {
  if (!this.poolCluster._closed) await this.end()
}

/** A namespace of the cluster, as `of` gives it. */
class PromisePoolNamespace {
  constructor(poolNamespace, thePromise, wrapConnection) {
    this.poolNamespace = poolNamespace
    this.Promise = thePromise || Promise
    this._wrapConnection = wrapConnection
  }

  getConnection() {
    return new this.Promise((resolve, reject) => {
      this.poolNamespace.getConnection((error, connection) => {
        if (error) reject(error)
        else resolve(this._wrapConnection(connection, this.Promise))
      })
    })
  }

  query(sql, values) {
    return this._call('query', sql, values)
  }

  execute(sql, values) {
    return this._call('execute', sql, values)
  }

  _call(method, sql, values) {
    if (typeof values === 'function') {
      throw new Error('Callback function is not available with promise clients.')
    }
    const stack = this.poolNamespace.trace ? stackOf(this[method]) : undefined
    return new this.Promise((resolve, reject) => {
      this.poolNamespace[method](sql, values, (error, rows, fields) => {
        if (error) reject(withStack(error, stack))
        else resolve([rows, fields])
      })
    })
  }
}

// The source has a listener only while the target has one.
function forwardEvents(source, target) {
  const forwards = new Map(FORWARDED.map((name) => [name, (...args) => target.emit(name, ...args)]))
  target.on('newListener', (name) => {
    if (forwards.has(name) && target.listenerCount(name) === 0) source.on(name, forwards.get(name))
  })
  target.on('removeListener', (name) => {
    if (forwards.has(name) && target.listenerCount(name) === 0)
      source.removeListener(name, forwards.get(name))
  })
}

function stackOf(caller) {
  const holder = {}
  Error.captureStackTrace(holder, caller)
  return holder.stack
}

// An error of the socket says nothing of who called.
function withStack(error, stack) {
  if (stack === undefined) return error
  const frames = stack.indexOf('\n    at ')
  error.stack = `${error.name}: ${error.message}${frames < 0 ? '' : stack.slice(frames)}`
  return error
}

module.exports = { PromisePoolCluster, PromisePoolNamespace }
