'use strict'

const { HegarTypeError, optionError } = require('../errors.js')
const { boolean, integer, invalid, refusal } = require('../options/readers.js')
const { readCallOptions, limitReaders } = require('../call-options.js')
const { rowReaders, jsonReaders } = require('../row-options.js')

// Five minutes.
const DEFAULT_TTL = 300
// Nobody means more seconds than that, and whoever gives milliseconds does.
const LONGEST_TTL = 30 * 24 * 3600
// A timer's longest time, so that nothing overflows.
const MOST_SECONDS = 2 ** 31
const LONGEST_KEY = 1024
const MOST_TAGS = 32
// Each is something that the result depends on.
const MOST_PARTS = 32
const longest = 2 ** 31 - 1

let hasWarned = false

/** A number of seconds, fractions included, greater than zero or, if `mayBeZero`, zero. */
function seconds({ mayBeZero = false } = {}) {
  const expected = `must be a number of seconds ${mayBeZero ? 'from 0 up' : 'greater than 0'}`
  return (value, name) => {
    if (typeof value !== 'number') throw invalid(name, expected, value)
    const isRight = mayBeZero ? value >= 0 : value > 0
    if (!isRight) throw refusal(name, `${expected}, but is ${value}`)
    if (value > MOST_SECONDS) {
      throw refusal(
        name,
        `${expected} and at most ${MOST_SECONDS}, but is ${value}; were milliseconds given?`,
      )
    }
    if (value > LONGEST_TTL) warnOfMilliseconds(name, value)
    return value
  }
}

function warnOfMilliseconds(name, value) {
  if (hasWarned) return
  hasWarned = true
  process.emitWarning(
    `option '${name}' is ${value} seconds, which is ${Math.round(value / 86400)} days; ` +
      `times of the cache are in seconds, as in Redis: were ${value / 1000} meant?`,
    { type: 'HegarWarning', code: 'HEGAR_TTL_LONG' },
  )
}

function readKey(value, name) {
  if (typeof value !== 'string') throw invalid(name, "must be a string such as 'product:7'", value)
  if (value === '') throw refusal(name, "must be a string such as 'product:7', but is empty")
  const bytes = Buffer.byteLength(value)
  if (bytes > LONGEST_KEY) {
    throw refusal(
      name,
      `must be at most ${LONGEST_KEY} bytes, but is ${bytes}; leave it out, and statement and parameters are the key`,
    )
  }
  if (value.split(':').length > MOST_PARTS) {
    throw refusal(name, `must have at most ${MOST_PARTS} parts between colons`)
  }
  return value
}

function readTags(value, name) {
  if (!Array.isArray(value)) throw invalid(name, 'must be an array of strings', value)
  if (value.length > MOST_TAGS)
    throw refusal(name, `must have at most ${MOST_TAGS} strings, but has ${value.length}`)
  for (const tag of value) readKey(tag, name)
  return [...new Set(value)].sort()
}

function readJitter(value, name) {
  if (typeof value !== 'number') throw invalid(name, 'must be a number from 0 to 1', value)
  if (!(value >= 0 && value <= 1)) throw refusal(name, `must be a number from 0 to 1, but is ${value}`)
  return value
}

const readTtl = seconds()
const orZero = seconds({ mayBeZero: true })

const cacheReaders = {
  ttl: readTtl,
  negativeTtl: orZero,
  staleTtl: orZero,
  graceTtl: orZero,
  softTimeoutMs: integer(0, longest),
  hardTimeoutMs: integer(0, longest),
  jitter: readJitter,
  maxBytes: integer(1, 2 ** 31 - 1),
  tags: readTags,
  key: readKey,
  bypass: boolean,
  signal: limitReaders.signal,
}

const { timeoutMs: _, ...cachedRowReaders } = { ...rowReaders, ...cacheReaders }
const { timeoutMs: __, ...cachedJsonReaders } = { ...jsonReaders, ...cacheReaders }

/**
 * The options of a cached call: `{rows, policy, tags, key, bypass, limits}`, where `rows` has those about rows and `policy` is
 * the text that src/cache/policy.rs reads. A number is a ttl.
 */
function readCached(method, options, { json, maxEntryBytes }) {
  const given = typeof options === 'number' ? { ttl: options } : options
  if (given !== undefined && (given === null || typeof given !== 'object')) {
    const got = given === null ? 'null' : `a ${typeof given}`
    throw new HegarTypeError(
      `${method}: the third argument must be a number of seconds or options, not ${got}`,
    )
  }
  const read = readCallOptions(method, given, json ? cachedJsonReaders : cachedRowReaders)
  const { ttl = DEFAULT_TTL, key = null, bypass = false, signal, hardTimeoutMs = 0, ...others } = read
  const {
    negativeTtl = ttl,
    staleTtl = 0,
    graceTtl = 0,
    softTimeoutMs = 0,
    jitter = 0,
    maxBytes = maxEntryBytes,
    tags = [],
    ...rows
  } = others
  if (softTimeoutMs > 0 && staleTtl === 0 && graceTtl === 0) {
    throw optionError(
      'HEGAR_OPTION_INVALID',
      "option 'softTimeoutMs' needs 'graceTtl': it is the time after which an older result is given, and none is kept",
      'softTimeoutMs',
    )
  }
  const policy = JSON.stringify({
    ttl,
    negativeTtl,
    staleTtl,
    graceTtl: Math.max(graceTtl, softTimeoutMs > 0 ? staleTtl : 0),
    softTimeoutMs,
    jitter,
    maxBytes,
    tags,
  })
  return {
    rows,
    policy,
    tags,
    key,
    bypass,
    limits: signal === undefined && hardTimeoutMs === 0 ? null : { signal, timeoutMs: hardTimeoutMs },
  }
}

module.exports = { readCached, readKey, seconds, MOST_SECONDS }
