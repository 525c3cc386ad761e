'use strict'

const { Connection, Pool, PoolConnection, createQuery } = require('./mysql-core.js')
const { PoolCluster: BasePoolCluster } = require('./cluster.js')
const { mysqlTypes: Types } = require('./constants/types.js')
const { escape, escapeId, format, raw } = require('./sql-string-mysql.js')

function createConnection(options) {
  return new Connection(options)
}

function createPool(options) {
  return new Pool(options)
}

class PoolCluster extends BasePoolCluster {
  constructor(config) {
    super(config, createPool, { flavour: 'mysql', createQuery })
  }
}

function createPoolCluster(config) {
  return new PoolCluster(config)
}

exports.createConnection = createConnection
exports.createPool = createPool
exports.createPoolCluster = createPoolCluster
exports.createQuery = createQuery
exports.escape = escape
exports.escapeId = escapeId
exports.format = format
exports.raw = raw
// mysql shows no more when it is listed.
for (const [name, value] of Object.entries({ Types, Connection, Pool, PoolConnection, PoolCluster }))
  Object.defineProperty(exports, name, { value })
