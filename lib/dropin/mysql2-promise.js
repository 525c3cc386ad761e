'use strict'

const { Connection: CoreConnection, Pool: CorePool, createQuery } = require('./mysql2-core.js')
const { PoolCluster } = require('./cluster.js')
const { PromisePoolCluster } = require('./cluster-promise.js')
const { PromiseConnection, PromisePool, PromisePoolConnection } = require('./promise.js')
const { CharsetToEncoding } = require('./constants/charset-encodings.js')
const { Charsets } = require('./constants/charsets.js')
const { TypedParameter } = require('./typed-parameter.js')
const { mysql2Types: Types } = require('./constants/types.js')
const { escape, escapeId, format, raw } = require('./sql-string.js')

/** Resolves with a connection that is connected. */
function createConnection(options) {
  const PromiseClass = options?.Promise || Promise
  const site = {}
  Error.captureStackTrace(site, createConnection)
  const core = new CoreConnection(options)
  return new PromiseClass((resolve, reject) => {
    const connected = () => {
      core.removeListener('error', failed)
      resolve(new PromiseConnection(core, PromiseClass))
    }
    const failed = (error) => {
      core.removeListener('connect', connected)
      error.stack = `${error.name}: ${error.message}${site.stack.slice(site.stack.indexOf('\n'))}`
      reject(error)
    }
    core.once('connect', connected)
    core.once('error', failed)
  })
}

function createPool(options) {
  return new PromisePool(new CorePool(options), options?.Promise || Promise)
}

function createPoolCluster(config) {
  const cluster = new PoolCluster(config, (options) => new CorePool(options), {
    flavour: 'mysql2',
    createQuery,
  })
  const wrap = (connection, PromiseClass) => new PromisePoolConnection(connection, PromiseClass)
  return new PromisePoolCluster(cluster, config?.Promise || Promise, wrap)
}

exports.createConnection = createConnection
exports.createPool = createPool
exports.createPoolCluster = createPoolCluster
exports.escape = escape
exports.escapeId = escapeId
exports.format = format
exports.raw = raw
exports.Connection = PromiseConnection
exports.PoolConnection = PromisePoolConnection
exports.PromisePool = PromisePool
exports.PromiseConnection = PromiseConnection
exports.PromisePoolConnection = PromisePoolConnection
exports.Types = Types
exports.TypedParameter = TypedParameter
exports.Charsets = Charsets
exports.CharsetToEncoding = CharsetToEncoding
exports.setMaxParserCache = () => {}
exports.clearParserCache = () => {}
