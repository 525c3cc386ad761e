'use strict'

const { getSystemErrorMap } = require('node:util')
const { codeOf } = require('../error-codes.js')

const LOST = 'Connection lost: The server closed the connection.'

/**
 * The error that mysql2 or mysql (`isMysql`) would give for what Rust reported. `sql` is the text as it was sent, `config`
 * says where to.
 */
function errorOf(raw, { sql, config, isMysql = false, operation = 'Query' }) {
  if (raw instanceof Error) return withSql(raw, sql)
  if (typeof raw.errno === 'number') return serverError(raw, sql, isMysql)
  switch (raw.code) {
    case 'HEGAR_CONNECTION_LOST':
    case 'HEGAR_COMMIT_UNKNOWN':
      return lostError(raw)
    case 'HEGAR_CONNECT_FAILED':
      return withSql(connectError(raw, config), sql)
    case 'HEGAR_CONNECT_TIMEOUT':
      return withSql(timeoutOfConnect(), sql)
    case 'HEGAR_QUERY_TIMEOUT':
    case 'HEGAR_ABORTED':
      return isMysql ? withSql(timeoutOfQuery(isMysql, operation), sql) : timeoutOfQuery(isMysql, operation)
    case 'HEGAR_POOL_CLOSED':
      return coded('Pool is closed.', isMysql ? { code: 'POOL_CLOSED' } : {})
    case 'HEGAR_QUEUE_FULL':
      if (raw.message?.includes('waitForConnections')) {
        return coded('No connections available.', isMysql ? { code: 'POOL_CONNLIMIT' } : {})
      }
      return coded('Queue limit reached.', isMysql ? { code: 'POOL_ENQUEUELIMIT' } : {})
    default:
      return withSql(
        coded(raw.message, raw.fatal ? { code: raw.code, fatal: true } : { code: raw.code }),
        sql,
      )
  }
}

function serverError({ errno, message, sqlState }, sql, isMysql) {
  const code = nameOf(errno, isMysql)
  const error = new Error(isMysql ? `${code}: ${message}` : message)
  error.code = code
  error.errno = errno
  if (isMysql) {
    error.sqlMessage = message
    error.sqlState = sqlState
    if (sql !== undefined) error.index = 0
  } else {
    error.sqlState = sqlState
    error.sqlMessage = message
  }
  return withSql(error, sql)
}

// What nobody has named has no name there.
function nameOf(errno, isMysql) {
  const code = codeOf(errno)
  if (code !== `ER_${errno}`) return code
  return isMysql ? 'UNKNOWN_CODE_PLEASE_REPORT' : undefined
}

function withSql(error, sql) {
  if (sql !== undefined && error.sql === undefined) error.sql = sql
  return error
}

function coded(message, details) {
  return Object.assign(new Error(message), details)
}

function lostError({ cause }) {
  // A reset is told by the system's word, as a socket of Node would.
  if (cause?.code === 'ECONNRESET' || cause?.code === 'EPIPE') {
    return systemError(cause.code, 'read', {})
  }
  return coded(LOST, { fatal: true, code: 'PROTOCOL_CONNECTION_LOST' })
}

function connectError({ message, cause }, { host, port, socketPath }) {
  if (cause?.code === undefined)
    return coded(message, { code: 'ECONNREFUSED', fatal: true, syscall: 'connect' })
  if (cause.code === 'ENOTFOUND') {
    const error = systemError('ENOTFOUND', 'getaddrinfo', { hostname: host }, host)
    return error
  }
  return socketPath
    ? systemError(cause.code, 'connect', { address: socketPath }, socketPath)
    : systemError(cause.code, 'connect', { address: host, port }, `${host}:${port}`)
}

function systemError(code, syscall, details, target = '') {
  const errno = [...getSystemErrorMap()].find(([, [name]]) => name === code)?.[0]
  const message = target === '' ? `${syscall} ${code}` : `${syscall} ${code} ${target}`
  return coded(message, { errno, code, syscall, ...details, fatal: true })
}

function timeoutOfConnect() {
  return coded('connect ETIMEDOUT', {
    errorno: 'ETIMEDOUT',
    code: 'ETIMEDOUT',
    syscall: 'connect',
    fatal: true,
  })
}

function timeoutOfQuery(isMysql, operation) {
  const code = 'PROTOCOL_SEQUENCE_TIMEOUT'
  return isMysql
    ? coded(`${operation} inactivity timeout`, { code, fatal: true })
    : coded('Query inactivity timeout', { errorno: code, code, syscall: 'query' })
}

/** The error of a command on a connection that has been closed or lost. */
function closedError() {
  return coded("Can't add new command when connection is in closed state", { fatal: true })
}

module.exports = { errorOf, closedError }
