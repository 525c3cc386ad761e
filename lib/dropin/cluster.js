'use strict'

const { EventEmitter } = require('node:events')
const { BoundedMap } = require('./bounded-map.js')
const { NAMESPACES, PoolNamespace } = require('./cluster-namespace.js')
const { matches } = require('./cluster-patterns.js')
const { selectorName } = require('./cluster-selectors.js')

// Patterns may come from requests.
const MAX_PATTERNS = 256

/**
 * Pools by name, of which each call takes one, as `createPoolCluster` of mysql2 or, with the flavour 'mysql', of mysql
 * gives them.
 *
 * `createPool(config)` makes the pool of a node. `createQuery(sql, values, callback)` makes what `connection.query`
 * takes and emits its events; only `query` of a namespace needs it.
 *
 * A node that fails `removeNodeErrorCount` times more often than it succeeds is removed or, with a
 * `restoreNodeTimeout` in milliseconds, not asked for that time. There are no timers: the next call looks at the clock.
 */
class PoolCluster extends EventEmitter {
  constructor(config, createPool, { flavour = 'mysql2', createQuery } = {}) {
    super()
    const { canRetry, defaultSelector, removeNodeErrorCount, restoreNodeTimeout } = config ?? {}
    this._flavour = flavour
    this._createPool = createPool
    this._createQuery = createQuery
    this._canRetry = canRetry === undefined ? true : canRetry
    this._defaultSelector = selectorName(defaultSelector)
    this._removeNodeErrorCount = removeNodeErrorCount || 5
    this._restoreNodeTimeout = restoreNodeTimeout || 0
    this._closed = false
    this._lastId = 0
    this._nodes = new Map()
    this._namespaces = new BoundedMap(MAX_PATTERNS)
    this._found = new BoundedMap(MAX_PATTERNS)
  }

  /** Adds a node, named CLUSTER::1 and so on without an id. mysql refuses an id that is there, mysql2 keeps its node. */
  add(id, config) {
    const isMysql = this._flavour === 'mysql'
    if (isMysql && this._closed) throw new Error('PoolCluster is closed.')
    const isNamed = typeof id !== 'object'
    const nodeId = isNamed ? String(id) : `CLUSTER::${++this._lastId}`
    if (this._nodes.has(nodeId)) {
      if (isMysql) throw new Error(`Node ID "${nodeId}" is already defined in PoolCluster.`)
      return
    }
    const pool = this._createPool(isNamed ? config : id)
    this._nodes.set(nodeId, {
      id: nodeId,
      pool,
      errorCount: 0,
      offlineUntil: 0,
      lastError: null,
      failedAt: 0,
    })
    this._found.clear()
  }

  /** Ends the pools whose ids match, without an event. */
  remove(pattern) {
    if (typeof pattern !== 'string' && !(pattern instanceof RegExp)) {
      throw new TypeError('remove needs the pattern of the nodes to remove, a string or a RegExp')
    }
    for (const node of this._find(pattern, true)) this._removeNode(node)
  }

  /** The nodes that match, `*` by default; the same object for the same pattern and selector while both are in use. */
  of(pattern, selector) {
    const nodes = pattern instanceof RegExp ? pattern : String(pattern || '*')
    const name = selectorName(selector, this._defaultSelector)
    const make = () => new NAMESPACES[this._flavour](this, nodes, name)
    return this._namespaces.getOrMake(`${name} ${keyOf(nodes)}`, make)
  }

  /** `getConnection(pattern?, selector?, callback)`: that of the namespace. */
  getConnection(pattern, selector, callback) {
    if (typeof pattern === 'function') this.of().getConnection(pattern)
    else if (typeof selector === 'function') this.of(pattern).getConnection(selector)
    else this.of(pattern, selector).getConnection(callback)
  }

  /** Ends all pools, and calls back once with the first error or when all have ended. */
  end(callback = throwError) {
    if (typeof callback !== 'function') throw new TypeError('callback argument must be a function')
    if (this._closed) {
      process.nextTick(callback)
      return
    }
    this._closed = true
    if (this._nodes.size === 0) {
      // Its first call has an argument, as that of a cluster with nodes.
      process.nextTick(callback, undefined)
      return
    }
    let open = this._nodes.size
    let isCalled = false
    const onEnd = (error) => {
      open--
      if (isCalled || (!error && open > 0)) return
      isCalled = true
      callback(error)
    }
    for (const { pool } of this._nodes.values()) pool.end(onEnd)
  }

  _getConnection(node, callback) {
    node.pool.getConnection((error, connection) => {
      if (error) {
        this._countError(node, error)
        callback(error)
        return
      }
      this._countSuccess(node)
      connection._clusterId = node.id
      callback(null, connection)
    })
  }

  _countError(node, error) {
    node.lastError = error
    node.failedAt = performance.now()
    if (++node.errorCount < this._removeNodeErrorCount) return
    if (this._restoreNodeTimeout > 0) {
      node.offlineUntil = node.failedAt + this._restoreNodeTimeout
      this.emit('offline', node.id)
      return
    }
    this._removeNode(node)
    this.emit('remove', node.id)
  }

  _countSuccess(node) {
    node.errorCount = Math.max(Math.min(node.errorCount, this._removeNodeErrorCount) - 1, 0)
    node.lastError = null
    if (node.offlineUntil === 0) return
    node.offlineUntil = 0
    this.emit('online', node.id)
  }

  _removeNode(node) {
    // A node of the same name may have been added since.
    if (this._nodes.get(node.id) === node) this._nodes.delete(node.id)
    this._found.clear()
    node.pool.end(() => {})
  }

  _find(pattern, withOffline) {
    const found = this._found.getOrMake(keyOf(pattern), () =>
      this._inOrder().filter((node) => matches(node.id, pattern)),
    )
    if (withOffline || found.every((node) => node.offlineUntil === 0)) return found
    const now = performance.now()
    return found.filter((node) => node.offlineUntil <= now)
  }

  // mysql has its nodes in an object, where integers come first and by size.
  _inOrder() {
    return this._flavour === 'mysql'
      ? Object.values(Object.fromEntries(this._nodes))
      : [...this._nodes.values()]
  }
}

PoolCluster.prototype[Symbol.dispose] = function dispose() {
  if (!this._closed) this.end()
}

// A string and a RegExp with the same text are two patterns.
function keyOf(pattern) {
  return `${typeof pattern}:${pattern}`
}

function throwError(error) {
  if (error) throw error
}

module.exports = { PoolCluster, PoolNamespace }
