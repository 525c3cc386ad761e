'use strict'

const { createHash } = require('node:crypto')
const { nativeOf } = require('../pool.js')
const { HegarTypeError } = require('../errors.js')
const { marksOf } = require('../cache/invalidation.js')
const { normaliseOptions } = require('../options.js')
const { refusal } = require('../options/readers.js')
const { Aliases } = require('./aliases.js')
const { Counts } = require('./counts.js')
const { known, offer } = require('./encodings.js')
const { exposition } = require('./exposition.js')
const { Flights } = require('./flights.js')
const { INSIDE } = require('./front.js')
const { keysOf, pathMark } = require('./key.js')
const { middlewareOf } = require('./middleware.js')
const { readCacheOptions, readRoute } = require('./options.js')
const { Store } = require('./store.js')
const { afterWrites } = require('./unsafe.js')

const MAX_BYTES = 64 * 1024 * 1024
const MAX_ENTRY_BYTES = 1024 * 1024
const MAX_STALENESS_MS = 1000
// Below that a smaller body is no sooner there.
const COMPRESS_FROM_BYTES = 1024
const WAIT_MS = 10_000
// Before the keys of callers, so that none is an address.
const OWN = 'key:'
const OWN_KEY = /^[^\n]{1,1024}$/

/** A cache of answers: a function that makes middleware, with what is there to look after it. */
function createHttpCache(options) {
  const read = readCacheOptions(options)
  const {
    db,
    redis = null,
    maxBytes = MAX_BYTES,
    maxEntryBytes = MAX_ENTRY_BYTES,
    maxStalenessMs = MAX_STALENESS_MS,
    encodings = known,
    compressFromBytes = COMPRESS_FROM_BYTES,
    waitMs = WAIT_MS,
  } = read
  const pool = db === undefined ? null : nativeOf(db)
  if (pool === undefined) throw refusal('db', 'must be what createPool gave')
  const counts = new Counts()
  const alone = {
    maxStalenessMs,
    workerThreads: normaliseOptions({}).native.workerThreads,
    redis: redis && { ...redis, maxStalenessMs },
  }
  const store = new Store({ pool, alone, maxBytes, maxEntryBytes, counts })
  const flights = new Flights(waitMs)
  const aliases = new Aliases(store)
  const setting = { hasPool: pool !== null, offered: offer(encodings), compressFromBytes }

  const inside = { store, flights, aliases }
  const cache = (given) => middlewareOf(routeOf(readRoute(given), setting), inside)
  const stats = () => ({ ...counts.read(), ...store.stats() })
  return Object.assign(cache, {
    [INSIDE]: inside,
    afterWrites: () => afterWrites(store),
    invalidate: async (what) => store.invalidate(marksNamed(what)),
    stats,
    metricsText: () => exposition(stats()),
    close: () => store.close(),
  })
}

function routeOf(read, { hasPool, offered, compressFromBytes }) {
  const { ttl = null, staleTtl = 0, graceTtl = 0, tables = [], tags = [], key, query, vary = [] } = read
  if (tables.length > 0 && !hasPool) {
    throw refusal('tables', "needs a cache that knows the pool's writes: createHttpCache({ db })")
  }
  const { front = null, policy = 'safe' } = read
  const hasKey = key !== undefined
  const isStandard = policy === 'rfc9111'
  const ownMarks = tables.map((table) => `t:${table}`)
  const control = isStandard ? null : `${hasKey ? 'private' : 'public'}, max-age=0, must-revalidate`
  return {
    ttl,
    staleTtl,
    graceTtl,
    front,
    hasKey,
    isStandard,
    vary,
    compressFromBytes,
    encodings: offered,
    control,
    keyOf: withFields(hasKey ? ownKeys(key) : keysOf(query ?? null, scopeOf(read)), vary),
    marksOf(req, name) {
      const marks = [...ownMarks, ...tagsOf(tags, req).map((tag) => `g:${tag}`)]
      return hasKey ? [...marks, ...keyMarks(name)] : marks
    },
  }
}

// A few letters that routes with the same options have in common, in all processes.
function scopeOf(options) {
  const text = JSON.stringify(options, (name, value) => (typeof value === 'function' ? 'function' : value))
  return createHash('sha256').update(text).digest('base64url').slice(0, 8)
}

// A key of the caller's, or null where there is none for a request.
function ownKeys(key) {
  if (typeof key === 'string') return () => OWN + key
  return (req) => {
    const own = key(req)
    return typeof own === 'string' && OWN_KEY.test(own) ? OWN + own : null
  }
}

// Fields of the request that are part of every key.
function withFields(keyOf, vary) {
  if (vary.length === 0) return keyOf
  return (req, middleware) => {
    const key = keyOf(req, middleware)
    return key === null ? null : `${key}\n${vary.map((name) => req.headers[name] ?? '').join('\n')}`
  }
}

function tagsOf(tags, req) {
  if (typeof tags !== 'function') return tags
  const own = tags(req)
  const list = Array.isArray(own) ? own : [own]
  if (list.some((tag) => typeof tag !== 'string' || tag === '')) {
    throw new HegarTypeError("option 'tags': the function must return a string or an array of strings")
  }
  return list
}

// As src/cache/mod.rs has them: the key, and each beginning of it up to a colon.
function keyMarks(name) {
  const key = name.split('\n', 1)[0].slice(OWN.length)
  const marks = [`k:${key}`]
  for (let at = key.indexOf(':'); at !== -1; at = key.indexOf(':', at + 1))
    marks.push(`p:${key.slice(0, at + 1)}`)
  return marks
}

function marksNamed(what) {
  const { paths, ...others } = what ?? {}
  if (paths === undefined && Object.values(others).every((value) => value === undefined)) {
    throw new HegarTypeError('invalidate: say what: {paths, tables, tags, keys, prefix} or {all: true}')
  }
  const list = paths === undefined ? [] : [paths].flat()
  if (list.some((path) => typeof path !== 'string' || !path.startsWith('/') || path.includes('?'))) {
    throw new HegarTypeError("invalidate: 'paths' must be paths without a query, such as '/api/products'")
  }
  const marks = list.map(pathMark)
  return Object.keys(others).length === 0 ? marks : [...marks, ...marksOf(others)]
}

module.exports = { createHttpCache }
