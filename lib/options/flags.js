'use strict'

module.exports = { readFlags, refuseFlag }

const { optionError } = require('../errors.js')
const { invalid, refusal } = require('./readers.js')
const { nearest } = require('./nearest.js')

// Flags whose presence changes nothing that a caller can see, in either direction.
const harmless =
  'CAN_HANDLE_EXPIRED_PASSWORDS CLIENT_QUERY_ATTRIBUTES COMPRESS CONNECT_ATTRS DEPRECATE_EOF IGNORE_SIGPIPE ' +
  'LONG_FLAG LONG_PASSWORD MULTI_RESULTS ODBC PLUGIN_AUTH_LENENC_CLIENT_DATA PS_MULTI_RESULTS REMEMBER_OPTIONS ' +
  'RESERVED SESSION_TRACK TRANSACTIONS'
// The protocol cannot be spoken without these.
const needed = 'CONNECT_WITH_DB PLUGIN_AUTH PROTOCOL_41 SECURE_CONNECTION'
// These would change results or security, so asking for one is refused; taking one away is what we do anyway.
const refused = {
  IGNORE_SPACE: 'add IGNORE_SPACE to the sql_mode of the server',
  INTERACTIVE: 'set wait_timeout on the server',
  LOCAL_FILES: 'LOAD DATA LOCAL is refused so that a server cannot ask for a file of this machine',
  MULTI_FACTOR_AUTHENTICATION: 'use an account with one authentication factor',
  MULTI_STATEMENTS: 'send the statements one by one',
  NO_SCHEMA: 'leave it out',
  SSL: 'use the ssl option',
  SSL_VERIFY_SERVER_CERT: 'use the ssl option, which verifies by default',
}

const policies = new Map([
  ...harmless.split(' ').map((flag) => [flag, 'harmless']),
  ...needed.split(' ').map((flag) => [flag, 'needed']),
  ...Object.keys(refused).map((flag) => [flag, 'refused']),
  ['FOUND_ROWS', 'honoured'],
])

/**
 * mysql2's `flags`, an array or a comma-separated string, as whether FOUND_ROWS is set. Only FOUND_ROWS makes a difference
 * here: with it `affectedRows` counts the rows that matched, without it (`-FOUND_ROWS`) those that changed.
 */
function readFlags(value, name) {
  const list = typeof value === 'string' ? value.split(',') : value
  if (!Array.isArray(list))
    throw invalid(name, 'must be an array of flag names or a comma-separated string', value)
  let foundRows = true
  for (const [index, item] of list.entries()) {
    if (typeof item !== 'string') throw invalid(name, 'must contain flag names only', item)
    // In a uri the + of +FOUND_ROWS arrives as a space.
    const [, sign, flag] = /^\s*([+-]?)\s*(.*?)\s*$/s.exec(item.toUpperCase())
    if (flag === '') continue
    check(flag, sign === '-', name, index + 1)
    if (flag === 'FOUND_ROWS') foundRows = sign !== '-'
  }
  return foundRows
}

function check(flag, removed, name, position) {
  const policy = policies.get(flag)
  if (policy === undefined) {
    const close = nearest(flag, policies.keys())
    const advice = close ? `did you mean ${close}?` : 'see CLIENT_ capabilities in the manual of MySQL'
    throw refusal(name, `has no flag in place ${position} that exists: ${advice}`)
  }
  if (policy === 'refused' && !removed) refuseFlag(name, flag)
  if (policy === 'needed' && removed)
    throw unsupported(name, `-${flag}`, 'no connection works without it; leave it out')
}

/** Throws for a flag that this package cannot honour, as readFlags does. */
function refuseFlag(name, flag) {
  throw unsupported(name, flag, refused[flag])
}

function unsupported(name, flag, advice) {
  return optionError('HEGAR_OPTION_UNSUPPORTED', `option '${name}' cannot contain ${flag}: ${advice}`, name)
}
