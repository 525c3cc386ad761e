'use strict'

const { codeOf } = require('./error-codes.js')

// Details of an error in the order in which they become its own properties. The first six are mysql2's.
const fields = [
  'code',
  'errno',
  'sql',
  'sqlState',
  'sqlMessage',
  'fatal',
  'option',
  'statusCode',
  'errors',
  'isOperational',
  'row',
  'rows',
  'statement',
  'line',
]

/**
 * Every error of this package. `code` is the server's name for the error (`ER_DUP_ENTRY`) or one of ours
 * (`HEGAR_POOL_TIMEOUT`); `sql` is the statement as it was given, with its placeholders, never with a value.
 *
 * A wrong parameter must be a TypeError and a class has one parent, so `HegarTypeError` extends TypeError and
 * `instanceof HegarError` holds for it all the same: one check catches everything that this package throws.
 */
class HegarError extends Error {
  constructor(message, details = {}) {
    super(message, causeOf(details))
    describe(this, details)
  }

  static [Symbol.hasInstance](value) {
    return isInstance(this, value) || (this === HegarError && isInstance(HegarTypeError, value))
  }
}

/** A value that cannot be sent to the server, or a wrong argument of a call. Both instanceofs hold. */
class HegarTypeError extends TypeError {
  constructor(message, details = {}) {
    super(message, causeOf(details))
    describe(this, { ...details, code: details.code ?? 'HEGAR_PARAM_INVALID' })
  }
}

// `name` lives on the prototype, as with built-in errors, so it is not among the properties that loggers list.
for (const type of [HegarError, HegarTypeError]) {
  Object.defineProperty(type.prototype, 'name', { value: type.name, writable: true, configurable: true })
}

/** An option that cannot be accepted. `message` never contains the value of a secret. */
function optionError(code, message, option) {
  return new HegarError(message, { code, option })
}

/** A parameter that cannot be sent; `message` names its position or key. */
function paramError(message) {
  return new HegarTypeError(message)
}

/**
 * What Rust reported, `{code, message, errno?, sqlState?, fatal?, rows?: [first, last], script?: {statement, line, sql},
 * cause?: {code, message}}`, as an error to throw; `reason` is why a signal was aborted.
 * `site` is an object that `Error.captureStackTrace` has marked where the caller called us; given that, the stack
 * shows the caller's line although the error is made later, in the completion of the call.
 */
function fromNative(raw, sql, site) {
  const details = { code: raw.code ?? 'HEGAR_INTERNAL', fatal: raw.fatal === true, sql }
  if (typeof raw.errno === 'number') {
    details.errno = raw.errno
    details.code = codeOf(raw.errno)
    details.sqlState = raw.sqlState
    details.sqlMessage = raw.message
  }
  let message = raw.message ?? 'an error without a message'
  if (raw.rows) {
    const [first, last] = raw.rows
    details.rows = raw.rows
    if (first === last) details.row = first
    const place = first === last ? `row ${first + 1}` : `one of the rows ${first + 1} to ${last + 1}`
    message = `${message} (${place} of the batch)`
  }
  if (raw.script) {
    const { statement, line } = raw.script
    Object.assign(details, { statement, line, sql: raw.script.sql })
    message = `${message} (statement ${statement} of the script, line ${line})`
  }
  if (raw.cause) details.cause = systemError(raw.cause)
  if (raw.reason !== undefined) details.cause = raw.reason
  const type = details.code === 'HEGAR_PARAM_INVALID' ? HegarTypeError : HegarError
  const error = new type(message, details)
  if (site) showCaller(error, site)
  return error
}

function isInstance(type, value) {
  return Function.prototype[Symbol.hasInstance].call(type, value)
}

function causeOf(details) {
  return details.cause === undefined ? undefined : { cause: details.cause }
}

function describe(error, details) {
  if (details.code === undefined) error.code = 'HEGAR_INTERNAL'
  for (const field of fields) {
    if (details[field] !== undefined) error[field] = details[field]
  }
}

// The operating system's word (`ECONNREFUSED`). Its own stack would only show this file.
function systemError({ code, message }) {
  const cause = new Error(message)
  cause.code = code
  cause.stack = `Error: ${message}`
  return cause
}

function showCaller(error, site) {
  const frames = typeof site.stack === 'string' ? site.stack.indexOf('\n    at ') : -1
  if (frames < 0) return
  Object.defineProperty(error, 'stack', {
    value: `${error.name}: ${error.message}${site.stack.slice(frames)}`,
    writable: true,
    configurable: true,
  })
}

module.exports = { HegarError, HegarTypeError, optionError, paramError, fromNative }
