'use strict'

module.exports = { readCasts, readTypeCasts }

const { refusal, invalid, entriesOf } = require('./options/readers.js')
const { nearest } = require('./options/nearest.js')

// src/codec/shape.rs has the same list.
const CASTS = ['boolean', 'number', 'bigint', 'string', 'json', 'raw', 'base64', 'hex', 'buffer', 'date']

// The names that src/wire/column.rs gives to types, and other names of SQL for them.
const TYPES = new Set(
  (
    'TINYINT SMALLINT MEDIUMINT INT BIGINT FLOAT DOUBLE DECIMAL BIT YEAR DATE TIME DATETIME TIMESTAMP ' +
    'CHAR VARCHAR TEXT BINARY VARBINARY BLOB ENUM SET JSON GEOMETRY VECTOR'
  ).split(' '),
)
const SYNONYMS = { BOOL: 'TINYINT(1)', BOOLEAN: 'TINYINT(1)', INTEGER: 'INT', NUMERIC: 'DECIMAL' }
// Only the length of these says more than how much room a value may take.
const WITH_LENGTH = new Set(['TINYINT', 'SMALLINT', 'MEDIUMINT', 'INT', 'BIGINT', 'BIT', 'YEAR'])

/** `{column: cast}`, where a cast is a name, null for none or, with `takesFunctions`, a function. */
function readCasts({ takesFunctions }) {
  return (value, name) => {
    for (const [column, cast] of entriesOf(value, name)) {
      if (cast === undefined || cast === null || (takesFunctions && typeof cast === 'function')) continue
      if (typeof cast === 'function') {
        throw refusal(
          name,
          `has a function for '${column}', which is for calls that give objects; name a cast`,
        )
      }
      checkCast(cast, `${name}.${column}`)
    }
    return value
  }
}

/** `{type: cast}` with the types by the names that Rust has for them. */
function readTypeCasts(value, name) {
  const casts = {}
  for (const [type, cast] of entriesOf(value, name)) {
    if (cast === undefined) continue
    if (cast !== null) checkCast(cast, `${name}.${type}`)
    const key = readType(type, name)
    if (Object.hasOwn(casts, key) && casts[key] !== cast) {
      throw refusal(name, `has two casts for ${key}; give one of them`)
    }
    casts[key] = cast
  }
  return casts
}

function checkCast(cast, name) {
  const expected = `must be one of ${CASTS.map((known) => `'${known}'`).join(', ')}`
  if (typeof cast !== 'string') throw invalid(name, expected, cast)
  if (CASTS.includes(cast)) return
  const close = nearest(cast, CASTS)
  throw refusal(name, close === null ? expected : `${expected}; did you mean '${close}'?`)
}

function readType(type, name) {
  const [, base, length] = /^\s*([A-Za-z]+)\s*(?:\(\s*(\d{1,5})\s*\))?\s*$/.exec(type) ?? []
  const upper = base?.toUpperCase()
  const known = Object.hasOwn(SYNONYMS, upper ?? '') ? SYNONYMS[upper] : upper
  const isKnown = known !== undefined && (TYPES.has(known) || known !== upper)
  if (!isKnown) {
    const shown = type.slice(0, 64)
    const close = upper === undefined ? null : nearest(upper, TYPES)
    const advice = close === null ? `there are ${[...TYPES].join(', ')}` : `did you mean ${close}?`
    throw refusal(name, `has no type '${shown}': ${advice}`)
  }
  if (length === undefined) return known
  if (!WITH_LENGTH.has(known)) {
    throw refusal(name, `can tell ${[...WITH_LENGTH].join(', ')} by their length, but not ${known}`)
  }
  return `${known}(${Number(length)})`
}
