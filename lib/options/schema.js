'use strict'

const { integer, boolean, text, pem, invalid, refusal, entriesOf } = require('./readers.js')
const { poolReaders } = require('../row-options.js')
const { readTls } = require('./tls.js')
const { readFlags } = require('./flags.js')
const { readSecrets } = require('./secrets.js')
const { readCache } = require('./cache.js')

// Timers and socket options hold signed 32-bit milliseconds: 24.8 days.
const longest = 2 ** 31 - 1
const wait = integer(1, longest)
const waitOrNone = integer(0, longest)

const collations = new Map([
  ['UTF8MB4_GENERAL_CI', 45],
  ['UTF8MB4_BIN', 46],
  ['UTF8MB4_UNICODE_CI', 224],
  ['UTF8MB4_UNICODE_520_CI', 246],
  ['UTF8MB4_0900_AI_CI', 255],
  ['UTF8MB4', 224],
  ['UTF8', 224],
])

// A setting that Rust or the pool reads. `key` is what the rest of the code calls it: two names with one key
// mean the same thing. An option is `nullable` where null has always meant "not given" to the other drivers.
const setting = (key, read, traits = {}) => ({ key, read, ...traits })
const textual = { textual: true }
const optionalText = { textual: true, nullable: true }

// Understood, and of no consequence here; the reason is in index.d.ts.
const noop = (read = (value) => value) => ({ read, nullable: true })

// Refused unless the value asks for what happens anyway, because ignoring it would change results or security.
const refused = (advice, harmless = (value) => value === false || value === '') => ({
  advice,
  harmless,
  nullable: true,
})

/** Every option name that is understood: mysql2's, mysql's and our own. index.d.ts says what each one means. */
const schema = new Map(
  Object.entries({
    // Where to connect, and as whom.
    uri: setting('uri', text(), optionalText),
    host: setting('host', readHost, optionalText),
    port: setting('port', integer(1, 65535)),
    socketPath: setting('socketPath', text(107), optionalText),
    user: setting('user', text(), optionalText),
    password: setting('password', text(), optionalText),
    password1: setting('password', text(), optionalText),
    database: setting('database', text(), optionalText),
    ssl: setting('tls', readTls, { nullable: true }),
    enableCleartextPlugin: setting('allowCleartext', boolean),
    allowPublicKeyRetrieval: setting('allowPublicKeyRetrieval', boolean),
    serverPublicKey: setting('serverPublicKey', pem('PUBLIC KEY'), optionalText),
    connectAttributes: setting('connectAttributes', readAttributes, { nullable: true }),

    // The pool.
    connectionLimit: setting('connectionLimit', integer(1, 10000)),
    maxIdle: setting('maxIdle', integer(0, 10000)),
    queueLimit: setting('queueLimit', integer(0, longest)),
    pipelining: setting('pipelining', boolean),
    waitForConnections: setting('waitForConnections', boolean),
    resetOnRelease: setting('resetOnRelease', boolean),
    connectTimeout: setting('connectTimeoutMs', wait),
    connectTimeoutMs: setting('connectTimeoutMs', wait),
    acquireTimeout: setting('acquireTimeoutMs', wait),
    acquireTimeoutMs: setting('acquireTimeoutMs', wait),
    queryTimeout: setting('queryTimeoutMs', waitOrNone),
    queryTimeoutMs: setting('queryTimeoutMs', waitOrNone),
    idleTimeout: setting('idleTimeoutMs', wait),
    idleTimeoutMs: setting('idleTimeoutMs', wait),
    maxLifetimeMs: setting('maxLifetimeMs', waitOrNone),
    validateAfterIdleMs: setting('validateAfterIdleMs', waitOrNone),
    enableKeepAlive: setting('enableKeepAlive', boolean),
    keepAliveInitialDelay: setting('keepAliveInitialDelay', waitOrNone),
    maxPreparedStatements: setting('maxPreparedStatements', integer(1, 65536)),
    maxResultBytes: setting('maxResultBytes', integer(1, 2 ** 32)),
    maxAllowedPacketBytes: setting('maxAllowedPacketBytes', integer(1024, 2 ** 30)),
    slowQueryMs: setting('slowQueryMs', waitOrNone),
    workerThreads: setting('workerThreads', integer(1, 1024)),

    // What values become.
    charset: setting('collation', readCharset, textual),
    charsetNumber: setting('collation', readCollation),
    timezone: setting('timezone', readTimezone, textual),
    dateStrings: setting('dateStrings', readDateStrings),
    supportBigNumbers: setting('supportBigNumbers', boolean),
    bigNumberStrings: setting('bigNumberStrings', boolean),
    bigInt: setting('bigInt', boolean),
    decimalNumbers: setting('decimalNumbers', boolean),
    jsonStrings: setting('jsonStrings', boolean),
    flags: setting('foundRows', readFlags, { nullable: true }),
    rowsAsArray: setting('rowsAsArray', poolReaders.rowsAsArray, { nullable: true }),
    nestTables: setting('nestTables', poolReaders.nestTables, { nullable: true }),
    casts: setting('casts', poolReaders.casts),
    cache: setting('cache', readCache),
    typeCasts: setting('typeCasts', poolReaders.typeCasts),

    // What stays on the JavaScript side.
    namedPlaceholders: setting('namedPlaceholders', boolean),
    disableEval: setting('disableEval', boolean),
    trace: setting('trace', boolean),
    leakDetectionMs: setting('leakDetectionMs', waitOrNone),
    cursorSecret: setting('cursorSecret', readSecrets, optionalText),

    compress: noop(boolean),
    debug: noop(),
    gracefulEnd: noop(boolean),
    insecureAuth: noop(boolean),
    Promise: noop(),
    stringifyObjects: noop(boolean),

    authPlugins: refused('the plugins of MySQL and MariaDB are built in; leave it out'),
    authSwitchHandler: refused('the plugins of MySQL and MariaDB are built in; leave it out'),
    canRetry: refused('it belongs to a pool cluster; create one pool per server'),
    defaultSelector: refused('it belongs to a pool cluster; create one pool per server'),
    infileStreamFactory: refused('LOAD DATA LOCAL is refused; insert the rows with execute()'),
    isServer: refused('this package only connects to servers; leave it out'),
    localAddress: refused('the system picks the address to connect from; leave it out and route on the host'),
    localInfile: refused('LOAD DATA LOCAL is refused; insert the rows with execute()'),
    multipleStatements: refused('send the statements one by one'),
    password2: refused('use an account with one authentication factor'),
    password3: refused('use an account with one authentication factor'),
    passwordSha1: refused('pass the password itself'),
    pool: refused('it is internal to mysql2; leave it out'),
    queryFormat: refused('use ? or :name placeholders; values are never put into the SQL text'),
    removeNodeErrorCount: refused('it belongs to a pool cluster; create one pool per server'),
    restoreNodeTimeout: refused('it belongs to a pool cluster; create one pool per server'),
    stream: refused('pass host and port, or socketPath'),
    typeCast: refused(
      'use casts and typeCasts, or dateStrings, decimalNumbers, bigInt or jsonStrings',
      (value) => value === true,
    ),
  }),
)

function readHost(value, name) {
  const host = text(255)(value, name)
  if (host.startsWith('/')) throw refusal(name, 'is a path; give a unix socket as socketPath')
  if (/[\s@]|:\/\//.test(host)) throw refusal(name, 'must be a host name or address alone; give a uri as uri')
  return host.replace(/^\[(.*)\]$/, '$1')
}

function readCharset(value, name) {
  const expected = `must be one of ${[...collations.keys()].join(', ')} (in any case)`
  const id = typeof value === 'string' ? collations.get(value.toUpperCase()) : undefined
  if (id !== undefined) return id
  throw typeof value === 'string'
    ? refusal(name, `${expected}, but is another name`)
    : invalid(name, expected, value)
}

function readCollation(value, name) {
  const ids = [...new Set(collations.values())]
  const id = integer(1, 65535)(value, name)
  if (!ids.includes(id))
    throw refusal(name, `must be one of ${ids.join(', ')} (collations of utf8mb4), but is ${id}`)
  return id
}

function readTimezone(value, name) {
  const expected = "must be 'local', 'Z' or an offset from -14:00 to +14:00 such as '+07:00'"
  if (typeof value !== 'string') throw invalid(name, expected, value)
  if (value === 'local' || value === 'Z') return value
  // A + in the query string of a uri arrives as a space.
  const zone = value.replace(/^ /, '+')
  const [, hours, minutes] = /^[+-](\d\d):([0-5]\d)$/.exec(zone) ?? []
  if (hours === undefined || Number(hours) * 60 + Number(minutes) > 14 * 60) {
    throw refusal(name, `${expected}; the names of zones are not accepted`)
  }
  return zone
}

function readDateStrings(value, name) {
  if (typeof value === 'boolean') return { date: value, datetime: value, timestamp: value }
  const expected = "must be true, false or an array of 'DATE', 'DATETIME' and 'TIMESTAMP'"
  if (!Array.isArray(value)) throw invalid(name, expected, value)
  const types = { date: false, datetime: false, timestamp: false }
  for (const type of value) {
    if (!['DATE', 'DATETIME', 'TIMESTAMP'].includes(type))
      throw refusal(name, `${expected}, but contains something else`)
    types[type.toLowerCase()] = true
  }
  return types
}

function readAttributes(value, name) {
  // Without a prototype, so that an attribute called __proto__ is an attribute.
  const attributes = Object.create(null)
  let bytes = 0
  for (const [key, attribute] of entriesOf(value, name)) {
    if (!['string', 'number', 'boolean'].includes(typeof attribute)) {
      throw invalid(name, 'must contain strings, numbers and booleans only', attribute)
    }
    attributes[key] = String(attribute)
    bytes += Buffer.byteLength(key) + Buffer.byteLength(attributes[key])
  }
  if (bytes > 32768) throw refusal(name, `must be at most 32768 bytes in all, but is ${bytes}`)
  return attributes
}

module.exports = { schema }
