'use strict'

const { EventEmitter } = require('node:events')
const { inheritEvents, nothing, promised, refuseCallback, rowsAndFields } = require('./promise.js')

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
    this._isTraced = true
    this._wrapConnection = wrapConnection
    inheritEvents(poolCluster, this, FORWARDED)
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
    return promised(this, (ended) => this.poolCluster.end(ended), nothing)
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

  get _isTraced() {
    return this.poolNamespace.trace
  }

  getConnection() {
    const wrap = (connection) => this._wrapConnection(connection, this.Promise)
    return promised(this, (opened) => this.poolNamespace.getConnection(opened), wrap)
  }

  query(sql, values) {
    return this._call('query', sql, values)
  }

  execute(sql, values) {
    return this._call('execute', sql, values)
  }

  _call(method, sql, values) {
    refuseCallback(values)
    return promised(this, (done) => this.poolNamespace[method](sql, values, done), rowsAndFields)
  }
}

module.exports = { PromisePoolCluster, PromisePoolNamespace }
