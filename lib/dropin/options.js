'use strict'

const { URL } = require('node:url')
const { inspect } = require('node:util')
const { normaliseOptions } = require('../options.js')
const { optionError } = require('../errors.js')
const { parseUri } = require('../uri.js')
const { refuseFlag } = require('../options/flags.js')
const { schema } = require('../options/schema.js')
const { Charsets } = require('./constants/charsets.js')
const { clientFlagsOf } = require('./constants/client-flags.js')

// As long as a timer can be: the originals wait for a connection without a limit.
const FOREVER = 2 ** 31 - 1
const MAX_CONNECTIONS = 10_000

// Options that only the drop-ins have or that mean something else to them, and what they are without.
const own = {
  Promise: undefined,
  typeCast: true,
  queryFormat: undefined,
  stringifyObjects: false,
  namedPlaceholders: false,
  multipleStatements: false,
  infileStreamFactory: undefined,
  localInfile: true,
  gracefulEnd: false,
  trace: true,
  debug: undefined,
  compress: false,
  insecureAuth: false,
  disableEval: false,
  nestTables: undefined,
  rowsAsArray: false,
}
// What the originals have and this package has not. Each is refused where it would change what happens.
const refused = {
  stream: 'sockets are opened in Rust: pass host and port, or socketPath',
  isServer: 'this package only connects to servers',
  authPlugins: 'the plugins of MySQL and MariaDB are built in; leave it out',
  authSwitchHandler: 'the plugins of MySQL and MariaDB are built in; leave it out',
  localAddress: 'the system picks the address to connect from; route on the host',
  passwordSha1: 'pass the password itself',
  password2: 'use an account with one authentication factor',
  password3: 'use an account with one authentication factor',
}
const ignored = new Set(['pool', 'canRetry', 'removeNodeErrorCount', 'restoreNodeTimeout', 'defaultSelector'])
const numbers = new Set([
  'port',
  'connectionLimit',
  'maxIdle',
  'queueLimit',
  'idleTimeout',
  'connectTimeout',
  'keepAliveInitialDelay',
  'maxPreparedStatements',
])

/**
 * What `createPool` or `createConnection` of a drop-in was given, as `{native, values, config, mayGenerate}`: the options
 * for Rust, those of them that say how values look, and the configuration as the originals show it. Warns of options that
 * nobody knows, throws for those that this package cannot honour.
 */
function readOptions(input, { isMysql = false, isPool = false } = {}) {
  const given = collect(input)
  const options = {}
  const config = { ...own }
  for (const name of namesOf(given)) {
    const value = given[name]
    if (value === undefined) continue
    if (Object.hasOwn(refused, name)) refuse(name, value)
    else if (Object.hasOwn(own, name)) config[name] = value
    else if (ignored.has(name)) continue
    else if (!schema.has(name)) warnOf(name)
    else keep(options, name, value)
  }
  const flags = readFlags(options, config, isMysql)
  if (options.ssl) options.ssl = readSsl(options.ssl)
  const charset = readCharset(options, isMysql)
  if (options.connectionLimit === 0) options.connectionLimit = MAX_CONNECTIONS
  if (!isPool) options.connectionLimit = 1
  const { native } = normaliseOptions({
    acquireTimeoutMs: FOREVER,
    queryTimeoutMs: 0,
    maxLifetimeMs: 0,
    slowQueryMs: 0,
    maxResultBytes: 2 ** 32,
    allowPublicKeyRetrieval: true,
    ...options,
  })
  Object.assign(native, flags, {
    collation: charset,
    keepsSessions: true,
    exactFloats: true,
    sessionTrack: !isMysql,
  })
  if (isMysql) Object.assign(native, { jsonStrings: true, decimalNumbers: true, oddAsText: true })
  return {
    native,
    values: valuesOf(native),
    mayGenerate: !config.disableEval,
    config: describe(given, native, isMysql ? config : { ...config, ...shownByMysql2(flags) }),
  }
}

function collect(input) {
  if (typeof input === 'string' || input instanceof URL) return fromUri(String(input))
  if (input === null || typeof input !== 'object') return {}
  if (!input.uri) return input
  const inUri = fromUri(input.uri)
  const entries = namesOf(input).map((name) => [name, input[name] || inUri[name]])
  return { ...inUri, ...Object.fromEntries(entries), uri: undefined }
}

// Libraries hide the password from those who list options, and hand options on as prototypes.
function namesOf(options) {
  const known = [...schema.keys(), ...Object.keys(own), ...Object.keys(refused)]
  return [...new Set([...Object.keys(options), ...known.filter((name) => name in options)])]
}

function fromUri(uri) {
  const options = {}
  for (const [name, text] of parseUri(uri)) options[name] = valueOf(name, text)
  return options
}

function valueOf(name, text) {
  if (['host', 'user', 'password', 'database'].includes(name)) return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function keep(options, name, value) {
  if (value === null) return
  if (numbers.has(name) && typeof value !== 'number') {
    const number = Number.parseInt(value, 10)
    if (!Number.isNaN(number)) options[name] = number
    return
  }
  if (Number.isNaN(value)) return
  if (name === 'port' && value === 0) return
  // An empty text is nothing to the originals.
  if (value === '' && name !== 'password') return
  options[name] = isFlag(name) ? Boolean(value) : value
}

const switches = [
  'supportBigNumbers',
  'bigNumberStrings',
  'decimalNumbers',
  'jsonStrings',
  'enableKeepAlive',
  'waitForConnections',
  'resetOnRelease',
  'enableCleartextPlugin',
]

function isFlag(name) {
  return switches.includes(name)
}

function refuse(name, value) {
  if (value === null || value === false || value === '') return
  throw optionError('HEGAR_OPTION_UNSUPPORTED', `option '${name}' is not supported: ${refused[name]}`, name)
}

function warnOf(name) {
  process.emitWarning(`hegar-native ignores the unknown option '${name.slice(0, 64)}'`, {
    type: 'HegarWarning',
    code: 'HEGAR_OPTION_UNKNOWN',
  })
}

// Flags that would change what happens and are not to be had here; those of TLS are the business of `ssl`.
const refusedFlags = ['INTERACTIVE', 'NO_SCHEMA']
const tlsFlags = ['SSL', 'SSL_VERIFY_SERVER_CERT']

// Of the protocol's flags those make a difference that say what is counted and what is allowed.
function readFlags(options, { multipleStatements, localInfile }, isMysql) {
  const list = Array.isArray(options.flags) ? options.flags : String(options.flags ?? '').split(',')
  const names = list.map((flag) => String(flag).trim().toUpperCase())
  delete options.flags
  const has = (flag, byDefault) =>
    byDefault ? !names.includes(`-${flag}`) : names.includes(flag) || names.includes(`+${flag}`)
  for (const flag of options.ssl ? refusedFlags : [...refusedFlags, ...tlsFlags])
    if (has(flag, false)) refuseFlag('flags', flag)
  return {
    foundRows: has('FOUND_ROWS', true),
    multiStatements: has('MULTI_STATEMENTS', Boolean(multipleStatements)),
    localFiles: has('LOCAL_FILES', true) && !(isMysql && localInfile === false),
  }
}

// The flags of the protocol that mysql2 always asks for.
const ALWAYS = 0x8baf34d

// What nothing here depends on and yet some read of a connection's configuration.
function shownByMysql2(flags) {
  return { localAddress: undefined, maxPacketSize: 0, clientFlags: ALWAYS | clientFlagsOf(flags) }
}

let hasWarned = false

// The originals leave the name in the certificate unchecked unless asked; who sees the warning can ask.
function readSsl(ssl) {
  if (typeof ssl !== 'object' || ssl.verifyIdentity !== undefined) return ssl
  if (ssl.rejectUnauthorized !== false && !hasWarned) {
    hasWarned = true
    process.emitWarning(
      "ssl without verifyIdentity: the certificate's host name is not checked, as in mysql2; set ssl.verifyIdentity to true",
      { type: 'HegarWarning', code: 'HEGAR_TLS_IDENTITY' },
    )
  }
  return { ...ssl, verifyIdentity: false }
}

const UTF8MB4_GENERAL_CI = 45
const UTF8MB4_UNICODE_CI = 224

// All text travels as utf8mb4, of which utf8 is the part without emoji.
function readCharset(options, isMysql) {
  const { charset, charsetNumber } = options
  delete options.charset
  delete options.charsetNumber
  if (charset === undefined && charsetNumber === undefined)
    return isMysql ? UTF8MB4_GENERAL_CI : UTF8MB4_UNICODE_CI
  return collationOf(charset, charsetNumber)
}

/** The collation of utf8mb4 to ask the server for in place of what was asked for, by its name or its number. */
function collationOf(charset, charsetNumber) {
  const name =
    charset === undefined
      ? Object.keys(Charsets).find((key) => Charsets[key] === charsetNumber)
      : String(charset).toUpperCase()
  const number = Charsets[name]
  if (number === undefined) throw new TypeError(`Unknown charset '${charset ?? charsetNumber}'`)
  if (name.startsWith('UTF8MB4')) return number < 256 ? number : UTF8MB4_UNICODE_CI
  if (name.startsWith('UTF8')) return name === 'UTF8_BIN' ? 46 : UTF8MB4_GENERAL_CI
  process.emitWarning(
    `text travels as utf8mb4, not as ${name}; the server converts it. Leave the option charset out`,
    {
      type: 'HegarWarning',
      code: 'HEGAR_CHARSET',
    },
  )
  return UTF8MB4_GENERAL_CI
}

function valuesOf(native) {
  const names = [
    'timezone',
    'localZone',
    'dateStrings',
    'supportBigNumbers',
    'bigNumberStrings',
    'bigInt',
    'decimalNumbers',
    'jsonStrings',
    'oddAsText',
    'exactFloats',
  ]
  return Object.fromEntries(names.map((name) => [name, native[name] ?? false]))
}

// What the originals show as `config`. The password is there as well, but not for those who print it.
function describe(given, native, own) {
  const config = {
    ...own,
    host: native.host,
    port: native.port,
    socketPath: native.socketPath ?? undefined,
    user: native.user || undefined,
    database: native.database ?? undefined,
    charsetNumber: native.collation,
    connectTimeout: native.connectTimeoutMs,
    timezone: native.timezone,
    dateStrings: given.dateStrings ?? false,
    supportBigNumbers: native.supportBigNumbers,
    bigNumberStrings: native.bigNumberStrings,
    decimalNumbers: native.decimalNumbers,
    jsonStrings: native.jsonStrings,
    ssl: given.ssl ?? false,
    maxPreparedStatements: native.maxPreparedStatements,
    connectAttributes: native.connectAttributes,
  }
  config.password = native.password || undefined
  return guarded(config)
}

function guarded(config) {
  return Object.defineProperty(config, inspect.custom, {
    value: (depth, options) =>
      inspect({ ...config, password: config.password && '***', ssl: config.ssl && '…' }, options),
  })
}

/** A connection's own configuration, which changeUser changes. */
function copyOf(config) {
  return guarded({ ...config })
}

/** The configuration of a pool, as the originals show it. */
function poolConfigOf({ native, config }) {
  const { waitForConnections, maxIdle, queueLimit, resetOnRelease } = native
  return {
    connectionConfig: config,
    waitForConnections,
    connectionLimit: native.connectionLimit === MAX_CONNECTIONS ? 0 : native.connectionLimit,
    maxIdle,
    idleTimeout: native.idleTimeoutMs,
    queueLimit,
    resetOnRelease,
  }
}

module.exports = { guarded, fromUri, collationOf, copyOf, readOptions, poolConfigOf }
