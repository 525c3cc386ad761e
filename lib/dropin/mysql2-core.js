'use strict'

const { Connection: BaseConnection } = require('./connection.js')
const { mysql2: flavour } = require('./flavour.js')
const { collationOf, fromUri, guarded, readOptions } = require('./options.js')
const { Pool: BasePool, PoolConnection: BasePoolConnection } = require('./pool.js')
const { PromiseConnection, PromisePool, PromisePoolConnection } = require('./promise.js')
const { Query, readCall } = require('./query.js')
const strings = require('./sql-string.js')

class Connection extends BaseConnection {
  constructor(options) {
    super({ read: readOptions(options), flavour, strings })
    this._open((error) => {
      if (error === null) this._connected({ connectionId: this.threadId })
      else this._refused(error)
    })
  }

  promise(PromiseClass) {
    return new PromiseConnection(this, PromiseClass)
  }

  createBinlogStream() {
    throw new Error(
      'createBinlogStream is left out of hegar-native/mysql2; use mysql2 or zongji for the binlog',
    )
  }

  static createQuery(sql, values, callback, config = {}) {
    return createQuery(sql, values, callback, config)
  }
}

class PoolConnection extends BasePoolConnection {
  promise(PromiseClass) {
    return new PromisePoolConnection(this, PromiseClass)
  }
}

class Pool extends BasePool {
  constructor(options) {
    super({ read: readOptions(options, { isPool: true }), flavour, strings, Class: PoolConnection })
  }

  promise(PromiseClass) {
    return new PromisePool(this, PromiseClass)
  }
}

/** Options as connections read them. */
class ConnectionConfig {
  constructor(options) {
    Object.assign(this, readOptions(options).config)
    guarded(this)
  }

  static getCharsetNumber(charset) {
    return collationOf(charset)
  }

  static parseUrl(uri) {
    return fromUri(uri)
  }
}

function createQuery(sql, values, callback, config = {}) {
  const { options, callback: given } = readCall(sql, values, callback, config)
  return new Query(options, given)
}

module.exports = { ConnectionConfig, Connection, Pool, PoolConnection, createQuery }
