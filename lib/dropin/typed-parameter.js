'use strict'

const { mysql2Types: Types } = require('./constants/types.js')

// The bytes that each type of integer has.
const INTEGERS = { TINY: 1, SHORT: 2, YEAR: 2, INT24: 4, LONG: 4, LONGLONG: 8 }
const BYTES = new Set(['TINY_BLOB', 'MEDIUM_BLOB', 'LONG_BLOB', 'BLOB', 'VECTOR', 'BIT', 'GEOMETRY'])
const DATES = new Set(['DATE', 'DATETIME', 'TIMESTAMP'])

/** A value with the type that it is to have as a parameter of execute(). */
class Typed {
  constructor(type, value, unsigned) {
    this.type = type
    this.value = value
    this.unsigned = unsigned
  }
}

/** mysql2's `TypedParameter`: `TypedParameter.LONGLONG('9007199254740993')`, `TypedParameter.JSON({ a: 1 })` and so on. */
const TypedParameter = {}
for (const [name, code] of Object.entries(Types)) {
  if (typeof code !== 'number') continue
  TypedParameter[name] = (value, unsigned = false) =>
    new Typed(code, converted(name, value, unsigned), unsigned)
  if (name in INTEGERS) TypedParameter[name].unsigned = (value) => TypedParameter[name](value, true)
}

// The names that SQL has for them.
const ALIASES = {
  TINYINT: 'TINY',
  SMALLINT: 'SHORT',
  MEDIUMINT: 'INT24',
  INT: 'LONG',
  INTEGER: 'LONG',
  BIGINT: 'LONGLONG',
  REAL: 'DOUBLE',
  CHAR: 'STRING',
  BINARY: 'STRING',
  VARBINARY: 'VAR_STRING',
  TEXT: 'BLOB',
  MEDIUMTEXT: 'MEDIUM_BLOB',
  LONGTEXT: 'LONG_BLOB',
}
for (const [alias, name] of Object.entries(ALIASES)) TypedParameter[alias] = TypedParameter[name]

function converted(name, value, unsigned) {
  if (value === null || name === 'NULL') return null
  if (name in INTEGERS) return integer(name, value, unsigned)
  if (name === 'FLOAT' || name === 'DOUBLE') return Number(value)
  if (name === 'JSON') return JSON.stringify(value)
  if (DATES.has(name) && value instanceof Date) return value
  if (BYTES.has(name)) return typeof value === 'string' ? Buffer.from(value) : value
  return value instanceof Uint8Array ? value : String(value)
}

function integer(name, value, unsigned) {
  const number = bigIntOf(name, value)
  const bits = INTEGERS[name] * 8
  const fits = unsigned ? BigInt.asUintN(bits, number) : BigInt.asIntN(bits, number)
  if (fits === number) return number
  throw new RangeError(
    `${name}${unsigned ? ' UNSIGNED' : ''} parameter out of range: ${number} has more than ${bits} bits`,
  )
}

function bigIntOf(name, value) {
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw new RangeError(`${name} parameter ${value} has lost precision; pass a string or BigInt instead`)
  }
  try {
    return BigInt(typeof value === 'string' ? value.trim() : value)
  } catch (cause) {
    throw new TypeError(`${name} parameter must be an integer, got ${typeof value}`, { cause })
  }
}

module.exports = { Typed, TypedParameter }
