'use strict'

const { isDate, isUint8Array } = require('node:util/types')
const { HegarTypeError, paramError } = require('./errors.js')

// Parameters cross to Rust as bytes in one buffer, each value behind a tag; src/codec/params.rs has the table.
const TAG = {
  null: 0,
  integer: 1,
  double: 2,
  signed: 3,
  unsigned: 4,
  text: 5,
  bytes: 6,
  date: 7,
  true: 8,
  false: 9,
  list: 10,
  decimal: 11,
  time: 12,
}

const MAX_UNSIGNED = 2n ** 64n - 1n
const MIN_SIGNED = -(2n ** 63n)
const MAX_SIGNED = 2n ** 63n - 1n
// A buffer that grew for one large value is not kept.
const KEEP = 1024 * 1024
// The longest packet that the protocol has, and with it the most that all values of a call may take.
const MOST = 2 ** 30
// The protocol counts the placeholders of a statement in 16 bits.
const MOST_VALUES = 65535

let buffer = Buffer.allocUnsafeSlow(16 * 1024)
let length = 0
let isPacking = false

/** A value that came packed from Rust: one of a cursor. */
class Packed {
  constructor(bytes) {
    this.bytes = bytes
  }

  get isNull() {
    return this.bytes[0] === TAG.null
  }
}

/** What a call without parameters sends. */
const noParams = { bytes: buffer, length: 0 }

/**
 * Packs `params` for `statement` and returns `{bytes, length}`. The bytes are valid until the next call, and Rust
 * copies them at once. An array fills the `?` of the statement, an object its `:name`. A value that cannot be sent
 * and a wrong number of values throw a HegarTypeError that names the position or key.
 */
function packParams(statement, params, timezone) {
  if (isPacking) return packInside(statement, params, timezone)
  if (buffer.length > KEEP) buffer = Buffer.allocUnsafeSlow(16 * 1024)
  length = 0
  isPacking = true
  try {
    if (Array.isArray(params)) packPositional(statement, params, timezone)
    else packNamed(statement, params, timezone)
  } finally {
    isPacking = false
  }
  return { bytes: buffer, length }
}

// Reading a value may run code of the caller: a getter, a Proxy, a method of a Date. When that code makes a call of
// its own, what has been packed so far must stay as it is.
function packInside(statement, params, timezone) {
  const outer = { buffer, length }
  buffer = Buffer.allocUnsafeSlow(1024)
  isPacking = false
  try {
    return packParams(statement, params, timezone)
  } finally {
    ;({ buffer, length } = outer)
    isPacking = true
  }
}

/** The bytes of some rows of a batch. They stay until they are packed anew, whatever calls come in between. */
class Packing {
  bytes = Buffer.allocUnsafeSlow(16 * 1024)
  length = 0

  /**
   * Packs rows from `rows[from]` on, until there are none left or the bytes are `limit` or more, and returns the index
   * of the next one. `first` is the place of `rows[0]` in the whole batch; a row that cannot be sent throws a
   * HegarTypeError that names its place, with `row`, and the position or key of the value.
   */
  pack(statement, rows, from, { first, timezone, limit }) {
    const [otherBuffer, otherLength, wasPacking] = [buffer, length, isPacking]
    isPacking = true
    buffer = this.bytes.length > KEEP ? Buffer.allocUnsafeSlow(16 * 1024) : this.bytes
    length = 0
    let index = from
    try {
      while (index < rows.length && length < limit) packRow(statement, rows[index++], timezone)
    } catch (error) {
      throw inRow(error, first + index - 1)
    } finally {
      this.bytes = buffer
      this.length = length
      buffer = otherBuffer
      length = otherLength
      isPacking = wasPacking
    }
    return index
  }

  /** Throws what packing these rows would throw; most values need no packing for that. */
  check(statement, rows, from, to, { first, timezone }) {
    for (let index = from; index < to; index++) {
      if (!isFine(statement, rows[index])) this.pack(statement, rows, index, { first, timezone, limit: 1 })
    }
  }
}

function isFine({ names, placeholders }, row) {
  if (names.length === 0) {
    if (!Array.isArray(row) || row.length !== placeholders) return false
    for (let index = 0; index < placeholders; index++) if (!isSimple(row[index])) return false
    return true
  }
  if (row === null || typeof row !== 'object' || Array.isArray(row)) return false
  for (const name of names) if (!Object.hasOwn(row, name) || !isSimple(row[name])) return false
  return true
}

function isSimple(value) {
  return (
    typeof value === 'string' ||
    typeof value === 'boolean' ||
    value === null ||
    (typeof value === 'number' && Number.isFinite(value))
  )
}

function packRow(statement, row, timezone) {
  const { names, placeholders } = statement
  if (names.length === 0) {
    if (!Array.isArray(row)) throw paramError(`it is ${typeNameOf(row)}, and the first row is an array`)
    if (row.length !== placeholders) throw new HegarTypeError(wrongCount(placeholders, row.length))
    for (let index = 0; index < placeholders; index++) packSingle(row[index], timezone, index)
    return
  }
  if (row === null || typeof row !== 'object' || Array.isArray(row)) {
    throw paramError(`it is ${typeNameOf(row)}, and the first row is an object`)
  }
  for (const name of names) {
    if (!Object.hasOwn(row, name)) throw missing(name)
    packSingle(row[name], timezone, name)
  }
}

// A list would change the statement, which is the same for all rows of a batch.
function packSingle(value, timezone, place) {
  if (Array.isArray(value)) {
    throw paramError(`${named(place)} is an array, and a batch takes one value for each placeholder`)
  }
  packValue(value, timezone, place)
}

function inRow(error, row) {
  if (!(error instanceof HegarTypeError)) return error
  const located = paramError(`row ${row + 1} of the batch: ${error.message}`)
  located.row = row
  return located
}

function packPositional(statement, params, timezone) {
  const expected = statement.placeholders
  if (params.length !== expected) {
    throw new HegarTypeError(wrongCount(expected, params.length))
  }
  for (let index = 0; index < expected; index++) packParam(params[index], timezone, index)
}

function packNamed(statement, params, timezone) {
  for (const name of statement.names) {
    if (!Object.hasOwn(params, name)) throw missing(name)
    packParam(params[name], timezone, name)
  }
}

function wrongCount(expected, given) {
  return (
    `the statement has ${count(expected, 'placeholder')} and ${count(given, 'parameter')} ` +
    `${given === 1 ? 'was' : 'were'} given`
  )
}

function missing(name) {
  return new HegarTypeError(`the statement has the placeholder :${name}, for which no parameter was given`)
}

function packParam(value, timezone, place) {
  if (!Array.isArray(value)) {
    packValue(value, timezone, place)
    return
  }
  const elements = value.length
  if (elements === 0) {
    throw paramError(`${named(place)} is an empty array, and IN () is no SQL; leave the query out instead`)
  }
  // No statement has more placeholders.
  if (!(elements <= MOST_VALUES)) {
    throw paramError(`${named(place)} is an array of ${elements} values; a statement takes ${MOST_VALUES}`)
  }
  reserve(5)
  buffer[length] = TAG.list
  buffer.writeUInt32LE(elements, length + 1)
  length += 5
  for (let index = 0; index < elements; index++) {
    const element = value[index]
    if (Array.isArray(element)) {
      throw paramError(
        `${named(place)}, element ${index + 1}, is an array inside an array, which no placeholder takes`,
      )
    }
    packValue(element, timezone, place, index)
  }
}

function packValue(value, timezone, place, element) {
  switch (typeof value) {
    case 'string':
      packText(value)
      return
    case 'number':
      packNumber(value, place, element)
      return
    case 'boolean':
      packTag(value ? TAG.true : TAG.false)
      return
    case 'bigint':
      packBigInt(value, place, element)
      return
    case 'object':
      if (value === null) packTag(TAG.null)
      // By what they are, not by a prototype, which anything may have, and which differs between contexts.
      else if (isDate(value)) packDate(value, timezone, place, element)
      else if (isUint8Array(value)) packBytes(value, place, element)
      else if (value instanceof Packed) packPacked(value)
      else throw refused(value, place, element)
      return
    default:
      throw refused(value, place, element)
  }
}

function packPacked({ bytes }) {
  reserve(bytes.length)
  buffer.set(bytes, length)
  length += bytes.length
}

function packTag(tag) {
  reserve(1)
  buffer[length++] = tag
}

function packNumber(value, place, element) {
  if (!Number.isFinite(value))
    throw paramError(`${named(place, element)} is ${value}, which SQL has no number for`)
  reserve(9)
  buffer[length] = Number.isSafeInteger(value) ? TAG.integer : TAG.double
  buffer.writeDoubleLE(value, length + 1)
  length += 9
}

function packBigInt(value, place, element) {
  if (value < MIN_SIGNED || value > MAX_UNSIGNED) {
    throw paramError(`${named(place, element)} is a BigInt that does not fit 64 bits; send it as a string`)
  }
  reserve(9)
  if (value > MAX_SIGNED) {
    buffer[length] = TAG.unsigned
    buffer.writeBigUInt64LE(value, length + 1)
  } else {
    buffer[length] = TAG.signed
    buffer.writeBigInt64LE(value, length + 1)
  }
  length += 9
}

function packText(value) {
  // A UTF-16 unit takes at most three bytes of UTF-8; of a long text, so much is not taken on a guess.
  reserve(5 + (value.length > KEEP ? Buffer.byteLength(value) : value.length * 3))
  const written = buffer.write(value, length + 5)
  buffer[length] = TAG.text
  buffer.writeUInt32LE(written, length + 1)
  length += 5 + written
}

// The length that a subclass tells need not be the one that counts.
const sizeOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), 'byteLength').get

function packBytes(value, place, element) {
  const size = sizeOf.call(value)
  reserve(5 + size)
  try {
    buffer.set(value, length + 5)
  } catch {
    throw paramError(`${named(place, element)} has given its memory away and holds no bytes any more`)
  }
  buffer[length] = TAG.bytes
  buffer.writeUInt32LE(size, length + 1)
  length += 5 + size
}

// The clock time that the date shows in the pool's zone, as mysql2 sends it.
function packDate(value, timezone, place, element) {
  if (Number.isNaN(value.getTime())) throw paramError(`${named(place, element)} is an invalid Date`)
  reserve(12)
  const local = timezone === 'local'
  const date = local ? value : new Date(value.getTime() + offsetOf(timezone))
  const year = local ? date.getFullYear() : date.getUTCFullYear()
  if (!(year >= 0 && year <= 9999)) {
    throw paramError(`${named(place, element)} is a Date in the year ${year}; MySQL has the years 0 to 9999`)
  }
  const milliseconds = date.getMilliseconds()
  // Of a subclass with methods of its own.
  if (!(milliseconds >= 0 && milliseconds < 1000)) {
    throw paramError(`${named(place, element)} is a Date with ${milliseconds} milliseconds`)
  }
  buffer[length] = TAG.date
  buffer.writeUInt16LE(year, length + 1)
  buffer[length + 3] = (local ? date.getMonth() : date.getUTCMonth()) + 1
  buffer[length + 4] = local ? date.getDate() : date.getUTCDate()
  buffer[length + 5] = local ? date.getHours() : date.getUTCHours()
  buffer[length + 6] = local ? date.getMinutes() : date.getUTCMinutes()
  buffer[length + 7] = local ? date.getSeconds() : date.getUTCSeconds()
  buffer.writeUInt32LE(milliseconds * 1000, length + 8)
  length += 12
}

function offsetOf(timezone) {
  if (timezone === 'Z') return 0
  const minutes = Number(timezone.slice(1, 3)) * 60 + Number(timezone.slice(4, 6))
  return (timezone[0] === '-' ? -minutes : minutes) * 60_000
}

function reserve(bytes) {
  if (length + bytes <= buffer.length) return
  if (length + bytes > MOST) {
    throw paramError(`the parameters take more than ${MOST} bytes, the longest packet that a server reads`)
  }
  const larger = Buffer.allocUnsafeSlow(Math.max(buffer.length * 2, length + bytes))
  buffer.copy(larger, 0, 0, length)
  buffer = larger
}

function refused(value, place, element) {
  const what = value === undefined ? 'undefined' : `a value of type ${typeName(value)}`
  const hint = {
    undefined: 'pass null for NULL',
    object: 'pass one of its fields, or JSON.stringify it for a JSON column',
    function: 'call it first',
    symbol: 'pass its description',
  }[typeof value]
  return paramError(`${named(place, element)} is ${what}, which can not be sent; ${hint}`)
}

function typeNameOf(row) {
  if (row === null || row === undefined) return String(row)
  return Array.isArray(row) ? 'an array' : `of type ${typeName(row)}`
}

// By the prototype: a property `constructor` may come from a request. A Proxy may throw here.
function typeName(value) {
  if (typeof value !== 'object') return typeof value
  try {
    const { name } = Object.getPrototypeOf(value).constructor
    return typeof name === 'string' && name !== '' ? name.slice(0, 64) : 'Object'
  } catch {
    return 'Object'
  }
}

function named(place, element) {
  const where =
    typeof place === 'number' ? `the parameter at position ${place + 1}` : `the parameter :${place}`
  return element === undefined ? where : `${where}, element ${element + 1},`
}

function count(number, what) {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}

module.exports = { packParams, noParams, Packed, Packing, TAG }
