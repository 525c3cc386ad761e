'use strict'

module.exports = { normaliseOptions }

const { availableParallelism } = require('node:os')
const { inspect } = require('node:util')
const { optionError } = require('./errors.js')
const { localZone } = require('./local-zone.js')
const { parseUri } = require('./uri.js')
const { schema } = require('./options/schema.js')
const { refusal, typeName, entriesOf } = require('./options/readers.js')
const { nearest } = require('./options/nearest.js')

const DEFAULT_CACHE_BYTES = 64 * 1024 * 1024
const DEFAULT_ENTRY_BYTES = 1024 * 1024

/**
 * Turns what the caller gave createPool — a uri, options, or options with a `uri` — into
 * `{native, pool}`: everything Rust needs to know, complete and checked, and what stays on the JavaScript side.
 * Options given beside a uri win over the uri's. Throws HegarError with the code HEGAR_OPTION_UNKNOWN,
 * HEGAR_OPTION_INVALID or HEGAR_OPTION_UNSUPPORTED; no message shows a text value, so none shows a secret.
 */
function normaliseOptions(input, { env = process.env, cores = availableParallelism() } = {}) {
  const given = collect(input)
  const get = (key, fallback) => given.get(key)?.value ?? fallback
  checkTogether(given, get)

  const connectionLimit = get('connectionLimit', 10)
  const timezone = get('timezone', 'local')
  const native = {
    host: get('host') || 'localhost',
    port: get('port', 3306),
    socketPath: get('socketPath') || null,
    user: get('user', ''),
    password: get('password', ''),
    database: get('database') || null,
    collation: get('collation', 224),
    foundRows: get('foundRows', true),
    connectTimeoutMs: get('connectTimeoutMs', 10_000),
    acquireTimeoutMs: get('acquireTimeoutMs', 10_000),
    queryTimeoutMs: get('queryTimeoutMs', 60_000),
    connectionLimit,
    queueLimit: get('queueLimit', 0),
    pipelining: get('pipelining', true),
    waitForConnections: get('waitForConnections', true),
    idleTimeoutMs: get('idleTimeoutMs', 60_000),
    maxIdle: Math.min(get('maxIdle', connectionLimit), connectionLimit),
    maxLifetimeMs: get('maxLifetimeMs', 30 * 60_000),
    validateAfterIdleMs: get('validateAfterIdleMs', 1000),
    maxPreparedStatements: get('maxPreparedStatements', 256),
    maxResultBytes: get('maxResultBytes', 2 ** 29),
    maxAllowedPacket: get('maxAllowedPacketBytes', 2 ** 30),
    // Without a delay the system's own idle time applies, which is what null asks for.
    tcpKeepAliveMs: (get('enableKeepAlive', true) && get('keepAliveInitialDelay')) || null,
    connectAttributes: get('connectAttributes', {}),
    tls: get('tls', null),
    allowCleartext: get('allowCleartext', false),
    allowPublicKeyRetrieval: get('allowPublicKeyRetrieval', false),
    serverPublicKey: get('serverPublicKey', null),
    timezone,
    localZone: timezone === 'local' ? localZone() : null,
    dateStrings: get('dateStrings', { date: false, datetime: false, timestamp: false }),
    supportBigNumbers: get('supportBigNumbers', false),
    bigNumberStrings: get('bigNumberStrings', false),
    bigInt: get('bigInt', false),
    decimalNumbers: get('decimalNumbers', false),
    jsonStrings: get('jsonStrings', false),
    resetOnRelease: get('resetOnRelease', false),
    slowQueryMs: get('slowQueryMs', 500),
    cache: cacheOf(get),
    workerThreads: Math.min(get('workerThreads') ?? threadsOf(env), cores),
  }
  const pool = {
    namedPlaceholders: get('namedPlaceholders', true),
    disableEval: get('disableEval', false),
    trace: get('trace', false),
    leakDetectionMs: get('leakDetectionMs', 0),
    cursorSecret: get('cursorSecret', null),
    rows: readAs(get),
    cache: { maxEntryBytes: get('cache', {}).maxEntryBytes ?? DEFAULT_ENTRY_BYTES },
  }
  return { native: guarded(native), pool }
}

function cacheOf(get) {
  const {
    maxBytes = DEFAULT_CACHE_BYTES,
    followBinlog = false,
    maxStalenessMs = 1000,
    redis = null,
  } = get('cache', {})
  return { maxBytes, followBinlog, maxStalenessMs, redis: redis && { ...redis, maxStalenessMs } }
}

// How rows are given, see lib/row-options.js.
function readAs(get) {
  const names = ['rowsAsArray', 'nestTables', 'casts', 'typeCasts']
  return Object.fromEntries(names.map((name) => [name, get(name)]).filter(([, value]) => value !== undefined))
}

// The settings that were given, as a Map from key to {name, value}.
function collect(input) {
  if (typeof input === 'string') return readUri(input)
  if (input instanceof URL) return readUri(input.href)
  if (input === null || typeof input !== 'object' || Array.isArray(input) || ArrayBuffer.isView(input)) {
    const got = input === undefined ? 'undefined (is the environment variable set?)' : typeName(input)
    throw optionError(
      'HEGAR_OPTION_INVALID',
      `a pool needs a connection uri or an options object, but got ${got}`,
    )
  }
  const given = readAll(entriesOf(input, 'options'), false)
  const uri = given.get('uri')
  return uri ? new Map([...readUri(uri.value), ...given]) : given
}

function readUri(uri) {
  return readAll(parseUri(uri), true)
}

function readAll(entries, inUri) {
  const given = new Map()
  for (const [name, raw] of entries) {
    const option = schema.get(name)
    if (!option) throw unknown(name)
    const value = inUri ? fromText(raw, option) : raw
    if (value === undefined || (value === null && option.nullable)) continue
    if (option.advice) refuse(name, value, option)
    else keep(given, option.key, name, option.read(value, name, inUri))
  }
  return given
}

// The query string of a uri holds JSON where the option is not text, as in mysql2: `?ssl={"ca":"…"}`.
function fromText(raw, option) {
  if (option.textual) return raw
  try {
    return JSON.parse(raw)
  } catch {
    return raw
  }
}

function keep(given, key, name, value) {
  const other = given.get(key)
  if (other && JSON.stringify(other.value) !== JSON.stringify(value)) {
    throw refusal(name, `means the same as '${other.name}' but has another value; give one of them`)
  }
  if (key !== undefined) given.set(key, { name, value })
}

function refuse(name, value, option) {
  if (option.harmless(value)) return
  throw optionError('HEGAR_OPTION_UNSUPPORTED', `option '${name}' is not supported: ${option.advice}`, name)
}

function unknown(name) {
  const shown = name.slice(0, 64)
  const close = nearest(name, schema.keys())
  const advice = close ? `did you mean '${close}'?` : 'PoolOptions in index.d.ts lists all options'
  return optionError('HEGAR_OPTION_UNKNOWN', `unknown option '${shown}': ${advice}`, shown)
}

// What is wrong only in company.
function checkTogether(given, get) {
  if (get('bigInt') && (get('supportBigNumbers') || get('bigNumberStrings'))) {
    const other = get('supportBigNumbers') ? 'supportBigNumbers' : 'bigNumberStrings'
    throw refusal('bigInt', `gives BigInt where '${other}' gives strings; choose one of them`)
  }
  if (get('allowCleartext') && !get('socketPath') && !knowsServer(get('tls'))) {
    const need = "sends the password readable to whoever answers, so it needs 'ssl' with verification"
    throw refusal(given.get('allowCleartext').name, `${need}, or 'socketPath'`)
  }
}

// Without the name, a public authority vouches for anybody; an authority of one's own for one's own servers.
function knowsServer(tls) {
  return tls?.verify && (tls.verifyIdentity || tls.ca !== null)
}

function threadsOf(env) {
  const name = 'HEGAR_WORKER_THREADS'
  const value = env[name]
  if (value === undefined || value === '') return 2
  if (/^\d{1,4}$/.test(value) && Number(value) >= 1 && Number(value) <= 1024) return Number(value)
  throw optionError(
    'HEGAR_OPTION_INVALID',
    `the environment variable ${name} must be an integer from 1 to 1024; unset it for 2`,
    'workerThreads',
  )
}

// Whoever logs the options must not log the secrets; JSON.stringify, which Rust is given, is not affected.
function guarded(native) {
  const hide = (secret) => (secret ? '***' : secret)
  const show = (depth, options) => {
    const tls = native.tls && { ...native.tls, key: hide(native.tls.key) }
    const { redis } = native.cache
    const secret = ({ password, ...others }) => ({ ...others, password: hide(password) })
    const cache = {
      ...native.cache,
      redis: redis && { ...secret(redis), sentinel: redis.sentinel && secret(redis.sentinel) },
    }
    return inspect({ ...native, password: hide(native.password), tls, cache }, options)
  }
  return Object.defineProperty(native, inspect.custom, { value: show })
}
