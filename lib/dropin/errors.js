'use strict'

const { getSystemErrorMap } = require('node:util')
const { codeOf } = require('../error-codes.js')
const { mysqlNameOf } = require('./constants/mysql-error-names.js')

const LOST = 'Connection lost: The server closed the connection.'

/**
 * The error that mysql2 or mysql (`isMysql`) would give for what Rust reported. `sql` is the text as it was sent, `index`
 * says which of its results the error stands for, `config` says where to.
 */
function errorOf(raw, { sql, index, config, isMysql = false, operation = 'Query', timeout }) {
  if (isMysql) return mysqlErrorOf(raw, { sql, index, config, operation, timeout })
  if (raw instanceof Error) return withSql(raw, sql)
  if (typeof raw.errno === 'number') return serverError(raw, sql)
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
      return timeoutOfQuery()
    case 'HEGAR_POOL_CLOSED':
      return new Error('Pool is closed.')
    case 'HEGAR_QUEUE_FULL':
      return new Error(isWithoutQueue(raw) ? 'No connections available.' : 'Queue limit reached.')
    default:
      return withSql(
        coded(raw.message, raw.fatal ? { code: raw.code, fatal: true } : { code: raw.code }),
        sql,
      )
  }
}

// Only what a statement was answered has its text there.
function mysqlErrorOf(raw, { sql, index, config, operation, timeout }) {
  if (raw instanceof Error) return raw
  if (typeof raw.errno === 'number') {
    const { errno, message, sqlState } = raw
    const code = mysqlNameOf(errno)
    const error = coded(`${code}: ${message}`, { code, errno, sqlMessage: message, sqlState })
    return index === undefined ? error : Object.assign(error, { index, sql })
  }
  switch (raw.code) {
    case 'HEGAR_QUERY_TIMEOUT':
    case 'HEGAR_ABORTED':
      return mysqlTimeout(operation, timeout)
    case 'HEGAR_POOL_CLOSED':
      return coded('Pool is closed.', { code: 'POOL_CLOSED' })
    case 'HEGAR_QUEUE_FULL':
      return isWithoutQueue(raw)
        ? coded('No connections available.', { code: 'POOL_CONNLIMIT' })
        : coded('Queue limit reached.', { code: 'POOL_ENQUEUELIMIT' })
    default:
      return errorOf(raw, { config })
  }
}

/** The error of mysql for what takes too long; its connection is of no use from then on. */
function mysqlTimeout(operation, timeout) {
  return coded(`${operation} inactivity timeout`, { code: 'PROTOCOL_SEQUENCE_TIMEOUT', fatal: true, timeout })
}

function isWithoutQueue({ message }) {
  return message?.includes('waitForConnections') ?? false
}

function serverError({ errno, message, sqlState }, sql) {
  const code = codeOf(errno)
  // What nobody has named has no name there. The text is there always, also where there is none.
  return coded(message, {
    code: code === `ER_${errno}` ? undefined : code,
    errno,
    sqlState,
    sqlMessage: message,
    sql,
  })
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
    return systemError('ENOTFOUND', 'getaddrinfo', { hostname: host }, host)
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

function timeoutOfQuery() {
  const code = 'PROTOCOL_SEQUENCE_TIMEOUT'
  return coded('Query inactivity timeout', { errorno: code, code, syscall: 'query' })
}

/** The error of a command on a connection that has been closed or lost. */
function closedError() {
  return coded("Can't add new command when connection is in closed state", { fatal: true })
}

module.exports = { errorOf, mysqlTimeout, closedError }
