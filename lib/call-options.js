'use strict'

const { optionError } = require('./errors.js')
const { entriesOf, integer, invalid } = require('./options/readers.js')
const { nearest } = require('./options/nearest.js')

const NONE = Object.freeze({})

/** What ends a call early; every call takes these. */
const limitReaders = {
  signal(value, name) {
    if (!(value instanceof AbortSignal)) throw invalid(name, 'must be an AbortSignal', value)
    return value
  },
  timeoutMs: integer(0, 2 ** 31 - 1),
}

/** The limits among the options that have been read, or null for none. */
function limitsOf({ signal, timeoutMs = 0 }) {
  return signal === undefined && timeoutMs === 0 ? null : { signal, timeoutMs }
}

/** Reads the options of a call that has no others than limits. */
function readLimits(method, options) {
  return options === undefined || options === null
    ? null
    : limitsOf(readCallOptions(method, options, limitReaders))
}

/**
 * The options of one call: `readers` maps the names that `method` knows to functions that check a value and return it
 * in the form that is used. An unknown name throws HEGAR_OPTION_UNKNOWN with the nearest known one.
 */
function readCallOptions(method, options, readers) {
  if (options === undefined || options === null) return NONE
  const read = {}
  for (const [name, value] of entriesOf(options, `${method}: options`)) {
    if (!Object.hasOwn(readers, name)) throw unknown(method, name, Object.keys(readers))
    if (value !== undefined) read[name] = readers[name](value, name)
  }
  return read
}

function unknown(method, name, known) {
  const close = nearest(name, known)
  const advice = close === null ? `it knows ${known.join(', ')}` : `did you mean '${close}'?`
  return optionError(
    'HEGAR_OPTION_UNKNOWN',
    `${method} has no option '${name.slice(0, 64)}': ${advice}`,
    name,
  )
}

module.exports = { readCallOptions, readLimits, limitsOf, limitReaders }
