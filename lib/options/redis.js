'use strict'

const { optionError } = require('../errors.js')
const { entriesOf, integer, text, invalid, refusal } = require('./readers.js')
const { nearest } = require('./nearest.js')
const { readTls } = require('./tls.js')

const longest = 2 ** 31 - 1
const wait = integer(1, longest)
const setting = (key, read) => ({ key, read })
const harmless = { key: undefined, read() {} }

// The names of ioredis that make a difference here, and our own, which carry their unit.
const settings = {
  host: setting('host', text(255)),
  port: setting('port', integer(1, 65535)),
  path: setting('socketPath', text(107)),
  socketPath: setting('socketPath', text(107)),
  username: setting('username', text()),
  password: setting('password', text()),
  db: setting('db', integer(0, 255)),
  tls: setting('tls', readTls),
  sentinels: setting('sentinels', readNodes),
  name: setting('name', text(255)),
  sentinelUsername: setting('sentinelUsername', text()),
  sentinelPassword: setting('sentinelPassword', text()),
  cluster: setting('cluster', readNodes),
  keyPrefix: setting('keyPrefix', text(200)),
  commandTimeout: setting('commandTimeoutMs', wait),
  commandTimeoutMs: setting('commandTimeoutMs', wait),
  connectTimeout: setting('connectTimeoutMs', wait),
  connectTimeoutMs: setting('connectTimeoutMs', wait),
  retryStrategy: setting('retries', readStrategy),
  retryDelayMs: setting('retryDelayMs', wait),
  retryMaxDelayMs: setting('retryMaxDelayMs', wait),
  maxRetriesPerRequest: setting('maxRetriesPerRequest', integer(0, 1000)),
  compressFromBytes: setting('compressFromBytes', integer(1, longest)),
  // Of no consequence here: what Redis can not do in its time, the database does.
  lazyConnect: harmless,
  enableReadyCheck: harmless,
  enableOfflineQueue: harmless,
  showFriendlyErrorStack: harmless,
  family: harmless,
  keepAlive: harmless,
  noDelay: harmless,
}

/** Where Redis is: a uri or options, as src/cache/redis/config.rs reads them; null for none. */
function readRedis(value, name) {
  if (value === null || value === false) return null
  const given =
    typeof value === 'string' || value instanceof URL ? readUri(String(value), name) : readAll(value, name)
  const { sentinels, name: primary, sentinelUsername, sentinelPassword, cluster, retries, ...plain } = given
  if (sentinels === undefined && primary !== undefined) {
    throw refusal(`${name}.name`, "is the name of a primary and needs 'sentinels', which know it")
  }
  if (sentinels !== undefined && cluster !== undefined) {
    throw refusal(`${name}.cluster`, "and 'sentinels' are two ways to find Redis; give one of them")
  }
  if (cluster !== undefined && plain.keyPrefix !== undefined && !/\{[^{}]+\}/.test(plain.keyPrefix)) {
    throw refusal(
      `${name}.keyPrefix`,
      "needs a hash tag in a cluster, such as '{app}:', which puts all keys on one node",
    )
  }
  if (cluster !== undefined && plain.db > 0)
    throw refusal(`${name}.db`, 'must be 0 in a cluster, which has no others')
  return {
    ...retries,
    ...plain,
    sentinel: sentinels && {
      name: primary ?? 'mymaster',
      nodes: sentinels,
      username: sentinelUsername,
      password: sentinelPassword,
    },
    cluster: cluster && { nodes: cluster },
  }
}

function readAll(value, name) {
  const read = {}
  for (const [key, given] of entriesOf(value, name)) {
    const known = Object.hasOwn(settings, key) ? settings[key] : null
    if (known === null) throw unknown(name, key)
    if (given === undefined || given === null || known.key === undefined) continue
    read[known.key] = known.read(given, `${name}.${key}`)
  }
  return read
}

// redis://user:password@host:6379/0, or rediss:// with TLS.
function readUri(uri, name) {
  const expected = "must be a uri such as 'redis://user:password@host:6379/0', or options"
  let url
  try {
    url = new URL(uri)
  } catch {
    throw refusal(name, expected)
  }
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') throw refusal(name, expected)
  const db = url.pathname.slice(1)
  return readAll(
    {
      host: url.hostname.replace(/^\[(.*)\]$/, '$1') || undefined,
      port: url.port || undefined,
      username: decodeURIComponent(url.username) || undefined,
      password: decodeURIComponent(url.password) || undefined,
      db: db || undefined,
      tls: url.protocol === 'rediss:' ? true : undefined,
    },
    name,
  )
}

function readNodes(value, name) {
  if (!Array.isArray(value) || value.length === 0)
    throw invalid(name, 'must be an array of {host, port}', value)
  return value.map((node, index) => {
    const where = `${name}[${index}]`
    const { host = '127.0.0.1', port = 6379, ...others } = Object.fromEntries(entriesOf(node, where))
    const [other] = Object.keys(others)
    if (other !== undefined) throw unknown(where, other, ['host', 'port'])
    return { host: text(255)(host, `${where}.host`), port: integer(1, 65535)(port, `${where}.port`) }
  })
}

// What the function answers to its first and to late attempts: here the pauses grow in between by themselves.
function readStrategy(strategy, name) {
  if (typeof strategy !== 'function')
    throw invalid(name, 'must be a function of the number of attempts', strategy)
  const [first, last] = [strategy(1), strategy(1_000_000)]
  if (!(first > 0 && first <= longest && last >= first && last <= longest)) {
    const advice = 'or give retryDelayMs and retryMaxDelayMs'
    throw refusal(
      name,
      `must give growing pauses in milliseconds, for the first attempt and for all others; ${advice}`,
    )
  }
  return { retryDelayMs: Math.ceil(first), retryMaxDelayMs: Math.ceil(last) }
}

function unknown(name, key, known = Object.keys(settings)) {
  const close = nearest(key, known)
  const advice = close === null ? `it knows ${known.join(', ')}` : `did you mean '${close}'?`
  const shown = key.slice(0, 64)
  return optionError(
    'HEGAR_OPTION_UNKNOWN',
    `option '${name}' has no '${shown}': ${advice}`,
    `${name}.${shown}`,
  )
}

module.exports = { readRedis }
