'use strict'

const { Connection, ConnectionConfig, Pool, PoolConnection, createQuery } = require('./mysql2-core.js')
const { PoolCluster: BasePoolCluster } = require('./cluster.js')
const { CharsetToEncoding } = require('./constants/charset-encodings.js')
const { Charsets } = require('./constants/charsets.js')
const { TypedParameter } = require('./typed-parameter.js')
const { mysql2Types: Types } = require('./constants/types.js')
const { escape, escapeId, format, raw } = require('./sql-string.js')

function createConnection(options) {
  return new Connection(options)
}

function createPool(options) {
  return new Pool(options)
}

class PoolCluster extends BasePoolCluster {
  constructor(config) {
    super(config, createPool, { flavour: 'mysql2', createQuery })
  }
}

function createPoolCluster(config) {
  return new PoolCluster(config)
}

function createServer() {
  throw new Error(
    'hegar-native/mysql2 connects to servers and is none: createServer is left out; use mysql2 for it',
  )
}

// The ways to log in are chosen in Rust.
const authPlugins = Object.fromEntries(
  ['caching_sha2_password', 'mysql_clear_password', 'mysql_native_password', 'sha256_password'].map(
    (name) => [
      name,
      () => {
        throw new Error(
          `authPlugins are left out of hegar-native/mysql2: ${name} needs no configuration here, or is not safe`,
        )
      },
    ],
  ),
)

function createConnectionPromise(options) {
  return require('./mysql2-promise.js').createConnection(options)
}

function createPoolPromise(options) {
  return require('./mysql2-promise.js').createPool(options)
}

function createPoolClusterPromise(options) {
  return require('./mysql2-promise.js').createPoolCluster(options)
}

// Builders of rows are kept for each set of columns and bounded by themselves.
function setMaxParserCache() {}

function clearParserCache() {}

exports.createConnection = createConnection
exports.connect = createConnection
exports.Connection = Connection
exports.ConnectionConfig = ConnectionConfig
exports.authPlugins = authPlugins
exports.createPool = createPool
exports.createPoolCluster = createPoolCluster
exports.createQuery = createQuery
exports.Pool = Pool
exports.PoolCluster = PoolCluster
exports.PoolConnection = PoolConnection
exports.createServer = createServer
exports.escape = escape
exports.escapeId = escapeId
exports.format = format
exports.raw = raw
exports.createConnectionPromise = createConnectionPromise
exports.createPoolPromise = createPoolPromise
exports.createPoolClusterPromise = createPoolClusterPromise
exports.Types = Types
exports.TypedParameter = TypedParameter
exports.Charsets = Charsets
exports.CharsetToEncoding = CharsetToEncoding
exports.setMaxParserCache = setMaxParserCache
exports.clearParserCache = clearParserCache
