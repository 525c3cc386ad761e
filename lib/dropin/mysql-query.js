'use strict'

const { Query: BaseQuery } = require('./query.js')

/** A query as mysql has it: no promise, not even by name, and one that others can end. */
class Query extends BaseQuery {
  #hasEnded = false

  /** Kept where the call's options are, as namespaces of clusters set it later. */
  get typeCast() {
    return this._options.typeCast
  }

  set typeCast(typeCast) {
    this._options.typeCast = typeCast
  }

  get _callback() {
    return this.onResult
  }

  /** Ends it with an error before it has begun. */
  end(error) {
    if (this.#hasEnded) return
    this.#hasEnded = true
    const hasCallback = typeof this.onResult === 'function'
    try {
      if (this.listenerCount('error') > 0) this.emit('error', error)
      else if (!hasCallback) this._connection?.emit('error', error)
    } finally {
      try {
        if (hasCallback) this.onResult(error)
      } finally {
        this.emit('end')
      }
    }
  }
}

// `await` takes what has them for a promise.
Object.assign(Query.prototype, { then: undefined, catch: undefined })

/** The query of `query(sql, values, callback)` in any of its forms; `config` is that of the connection, if there is one. */
function createQuery(sql, values, callback, config) {
  if (sql instanceof Query) return sql
  const options = {}
  let given = typeof values === 'function' ? values : callback
  if (typeof sql === 'function') given = sql
  else if (typeof sql === 'object') {
    // Also what is inherited, which is how mysql hands options on.
    for (const name in sql) options[name] = sql[name]
    if (values !== undefined && values !== given) options.values = values
  } else {
    options.sql = sql
    if (values !== given) options.values = values
  }
  if (given !== undefined && typeof given !== 'function') {
    throw new TypeError('argument callback must be a function when provided')
  }
  // As in mysql null is an object here, which query() throws for.
  if (config !== undefined && !(typeof sql === 'object' && 'typeCast' in sql))
    options.typeCast = config.typeCast
  options.typeCast ??= options.typeCast === undefined
  if (typeof options.typeCast !== 'function') options.typeCast = Boolean(options.typeCast)
  return new Query(options, given)
}

module.exports = { Query, createQuery }
