'use strict'

const { optionError } = require('../errors.js')
const { boolean, entriesOf, integer } = require('./readers.js')
const { nearest } = require('./nearest.js')
const { readRedis } = require('./redis.js')

const readers = {
  maxBytes: integer(0, 2 ** 40),
  maxEntryBytes: integer(1, 2 ** 31 - 1),
  followBinlog: boolean,
  redis: readRedis,
  maxStalenessMs: integer(200, 60_000),
}

/** The option `cache` of a pool, with what was given. */
function readCache(value, name) {
  const read = {}
  for (const [key, given] of entriesOf(value, name)) {
    const reader = Object.hasOwn(readers, key) ? readers[key] : null
    if (reader === null) throw unknown(name, key)
    if (given !== undefined) read[key] = reader(given, `${name}.${key}`)
  }
  return read
}

function unknown(name, key) {
  const known = Object.keys(readers)
  const close = nearest(key, known)
  const advice = close === null ? `it knows ${known.join(', ')}` : `did you mean '${close}'?`
  return optionError(
    'HEGAR_OPTION_UNKNOWN',
    `option '${name}' has no '${key.slice(0, 64)}': ${advice}`,
    `${name}.${key}`,
  )
}

module.exports = { readCache }
