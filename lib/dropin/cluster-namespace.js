'use strict'

const { createSelector } = require('./cluster-selectors.js')

const MESSAGES = {
  mysql: { POOL_NOEXIST: 'Pool does not exist.', POOL_NONEONLINE: 'Pool does not have online node.' },
  mysql2: { POOL_NOEXIST: 'Pool does Not exist.', POOL_NONEONLINE: 'Pool does Not have online node.' },
}

/** The nodes of a cluster whose ids match a pattern, with a turn of its own among them. */
class PoolNamespace {
  constructor(cluster, pattern, selector) {
    this._cluster = cluster
    this._pattern = pattern
    this._select = createSelector(selector, cluster._flavour)
  }

  /** Calls back with a connection of the node whose turn it is, or of another one while nodes fail. */
  getConnection(callback) {
    const node = this._nextNode()
    if (node === null) {
      callback(this._error())
      return
    }
    this._getConnection(node, () => this.getConnection(callback), callback)
  }

  _getConnection(node, retry, callback) {
    const cluster = this._cluster
    cluster._getConnection(node, (error, connection) => {
      if (!error) {
        callback(null, connection)
        return
      }
      if (cluster._canRetry && cluster._find(this._pattern, false).length > 0) {
        if (cluster._flavour === 'mysql2') cluster.emit('warn', error)
        // A pool that is full or closed may refuse at once, as often as it is tried.
        process.nextTick(retry)
        return
      }
      callback(error)
    })
  }

  _nextNode() {
    const nodes = this._cluster._find(this._pattern, false)
    if (nodes.length < 2) return nodes[0] ?? null
    const id = this._select(nodes.map((node) => node.id))
    return nodes.find((node) => node.id === id)
  }

  // `previous` is why the node that failed last is offline.
  _error() {
    const nodes = this._cluster._find(this._pattern, true)
    const code = nodes.length === 0 ? 'POOL_NOEXIST' : 'POOL_NONEONLINE'
    const error = Object.assign(new Error(MESSAGES[this._cluster._flavour][code]), { code })
    const failed = nodes.filter((node) => node.lastError !== null)
    if (failed.length > 0) {
      error.previous = failed.reduce((last, node) => (node.failedAt > last.failedAt ? node : last)).lastError
    }
    return error
  }
}

/** A namespace as mysql2 has it. */
class Mysql2Namespace extends PoolNamespace {
  /** Runs the statement on a connection that goes back to its pool behind it. */
  query(sql, values, callback) {
    const query = this._cluster._createQuery(sql, values, callback)
    const fail = (error) => {
      if (typeof query.onResult === 'function') query.onResult(error)
      else query.emit('error', error)
    }
    this._run((connection) => connection.query(query), fail)
    return query
  }

  /** The same with the statement prepared. */
  execute(sql, values, callback) {
    const [bound, done] = typeof values === 'function' ? [[], values] : [values, callback]
    const fail = (error) => {
      if (typeof done === 'function') done(error)
      else throw error
    }
    this._run((connection) => connection.execute(sql, bound, done), fail)
  }

  // What the connection refuses is handed over like any other error. Thrown from here, nothing could catch it.
  _run(start, fail) {
    this.getConnection((error, connection) => {
      if (error) {
        fail(error)
        return
      }
      let command
      try {
        command = start(connection)
      } catch (refusal) {
        connection.release()
        fail(refusal)
        return
      }
      command.once('end', () => connection.release())
    })
  }

  /** Whether errors are to have the stack of who called. */
  get trace() {
    const nodes = this._cluster._find(this._pattern, true)
    return nodes.length === 0 || nodes.some((node) => Boolean(node.pool.config?.connectionConfig?.trace))
  }
}

/** A namespace as mysql has it. */
class MysqlNamespace extends PoolNamespace {
  /** Runs the statement on a connection that goes back to its pool behind it. */
  query(sql, values, callback) {
    const query = this._cluster._createQuery(sql, values, callback)
    this._start(query, !(typeof sql === 'object' && sql !== null && 'typeCast' in sql))
    return query
  }

  _start(query, takesTypeCast) {
    const node = this._nextNode()
    if (node === null) {
      const error = this._error()
      process.nextTick(() => fail(query, error))
      return
    }
    const config = node.pool.config?.connectionConfig
    if (takesTypeCast && config !== undefined) query.typeCast = config.typeCast
    if (config?.trace) query._callSite = new Error()
    const retry = () => this._start(query, takesTypeCast)
    this._getConnection(node, retry, (error, connection) => {
      if (error) {
        fail(query, error)
        return
      }
      query.once('end', () => connection.release())
      try {
        connection.query(query)
      } catch (refusal) {
        fail(query, refusal)
      }
    })
  }
}

// The listener keeps an error that nobody listens for from ending the process, as the callback already has it.
function fail(query, error) {
  query.on('error', () => {})
  query.end(error)
}

const NAMESPACES = { mysql: MysqlNamespace, mysql2: Mysql2Namespace }

module.exports = { PoolNamespace, NAMESPACES }
