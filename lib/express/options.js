'use strict'

const { HegarTypeError } = require('../errors.js')
const { readCallOptions } = require('../call-options.js')
const { seconds, readKey } = require('../cache/options.js')
const { readTable, listOf } = require('../cache/invalidation.js')
const { integer, invalid, refusal } = require('../options/readers.js')
const { readRedis } = require('../options/redis.js')
const { known } = require('./encodings.js')

// The options of a cache of answers and of its routes.

const LONGEST = 2 ** 31 - 1
const FIELD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

const strings = (read) => {
  const readAll = listOf(read)
  return (value, name) => {
    if (value === null) throw invalid(name, 'must be a string or an array of strings', value)
    return readAll(value, name)
  }
}

function readName(value, name) {
  if (typeof value !== 'string' || value === '') throw invalid(name, 'must be the name of a parameter', value)
  return value
}

function readField(value, name) {
  if (typeof value !== 'string' || !FIELD.test(value)) {
    throw invalid(name, "must be the name of a request field such as 'Accept-Language'", value)
  }
  return value.toLowerCase()
}

function readOwnKey(value, name) {
  return typeof value === 'function' ? value : readKey(value, name)
}

function readTags(value, name) {
  return typeof value === 'function' ? value : strings(readKey)(value, name)
}

function readPolicy(value, name) {
  if (value === 'safe' || value === 'rfc9111') return value
  throw invalid(name, "must be 'safe' or 'rfc9111'", value)
}

function readEncodings(value, name) {
  if (value === false) return []
  return strings((coding, path) => {
    if (coding === 'zstd' || known.includes(coding)) return coding
    throw invalid(path, `must be of ${known.join(', ')}`, coding)
  })(value, name).filter((coding) => known.includes(coding))
}

function readFront(value, name) {
  if (typeof value === 'boolean') return value ? { conditions: [], middlewares: [] } : null
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw invalid(name, 'must be true or { checks: [middleware or (req) => boolean] }', value)
  }
  const { checks = [] } = readCallOptions(`cache: ${name}`, value, { checks: readChecks })
  return {
    conditions: checks.filter(({ length }) => length === 1),
    middlewares: checks.filter(({ length }) => length === 3),
  }
}

function readChecks(value, name) {
  if (!Array.isArray(value)) throw invalid(name, 'must be an array of functions', value)
  for (const [at, check] of value.entries()) {
    // What it is called with depends on it.
    if (typeof check !== 'function' || (check.length !== 1 && check.length !== 3)) {
      const what =
        'must be a condition with one parameter, (req), or a middleware with three, (req, res, next)'
      throw invalid(`${name}[${at}]`, what, check)
    }
  }
  return value
}

function readDb(value, name) {
  if (value === null || typeof value !== 'object') throw invalid(name, 'must be what createPool gave', value)
  return value
}

const orZero = seconds({ mayBeZero: true })

const routeReaders = {
  ttl: seconds(),
  staleTtl: orZero,
  graceTtl: orZero,
  tables: strings(readTable),
  tags: readTags,
  key: readOwnKey,
  query: strings(readName),
  vary: strings(readField),
  front: readFront,
  policy: readPolicy,
}

const cacheReaders = {
  db: readDb,
  redis: readRedis,
  maxBytes: integer(1, 2 ** 40),
  maxEntryBytes: integer(1, LONGEST),
  maxStalenessMs: integer(200, 60_000),
  encodings: readEncodings,
  compressFromBytes: integer(1, LONGEST),
  waitMs: integer(1, LONGEST),
}

/** The options of one route: a number is a ttl. */
function readRoute(given) {
  const options = typeof given === 'number' ? { ttl: given } : given
  if (options !== undefined && (options === null || typeof options !== 'object')) {
    const got = options === null ? 'null' : `a ${typeof options}`
    throw new HegarTypeError(`cache: the argument must be a number of seconds or options, not ${got}`)
  }
  const read = readCallOptions('cache', options, routeReaders)
  if (read.front && typeof read.key === 'function') {
    throw refusal(
      'front',
      "and a 'key' that is a function do not go together: the front has no req of Express",
    )
  }
  if (read.key !== undefined && read.query !== undefined) {
    throw refusal('query', "and 'key' do not go together: a key takes the place of the query")
  }
  if (read.policy === 'rfc9111' && read.ttl !== undefined) {
    throw refusal(
      'ttl',
      "and policy 'rfc9111' do not go together: by it answers say themselves for how long they are kept",
    )
  }
  return read
}

function readCacheOptions(given) {
  const read = readCallOptions('createHttpCache', given, cacheReaders)
  if (read.db !== undefined && read.redis) {
    throw refusal(
      'redis',
      "and 'db' do not go together: the cache uses the Redis of the pool's option cache.redis",
    )
  }
  return read
}

module.exports = { readRoute, readCacheOptions }
