'use strict'

const { isText } = require('./fields.js')

// An answer as the bytes that other processes get: the length of a head, the head as JSON, and the body. What Rust puts
// before it are two doubles: for how many milliseconds it is fresh, and the number of the last change before it was read.

const RUST = 16
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
// What entityTagOf gives.
const TAG = /^[\w-]{22}$/

function pack({ whole, before, tag, ageMs }) {
  const { status, message, headers, names, body } = whole
  // When it was made, by the clock that processes share.
  const made = Date.now() - ageMs
  const head = Buffer.from(JSON.stringify({ status, message, headers, names: [...names], before, tag, made }))
  const size = Buffer.alloc(4)
  size.writeUInt32LE(head.length)
  return Buffer.concat([size, head, body])
}

/** What `pack` was given, with `freshMs` and `since`; null for bytes that are none of ours. */
function unpack(bytes) {
  const read = readHead(bytes)
  if (read === null || !isHead(read.head)) return null
  const { names, before, tag, made, ...rest } = read.head
  return {
    whole: { ...rest, names: new Map(names), body: bytes.subarray(read.end) },
    before,
    tag,
    request: {},
    ageMs: Math.max(0, Date.now() - made),
    freshMs: bytes.readDoubleLE(0),
    since: bytes.readDoubleLE(8),
  }
}

function readHead(bytes) {
  const start = RUST + 4
  if (bytes.length < start) return null
  const end = start + bytes.readUInt32LE(RUST)
  if (end > bytes.length) return null
  try {
    return { head: JSON.parse(bytes.toString('utf8', start, end)), end }
  } catch {
    return null
  }
}

// What is in Redis may be of another version, or somebody else's. Node would refuse it when the answer is half made.
function isHead(head) {
  if (!isRecord(head)) return false
  const { status, message, headers, names, before, tag, made } = head
  return (
    isShared(status) &&
    (message === undefined || isValue(message)) &&
    isRecord(headers) &&
    Object.entries(headers).every(([name, value]) => isName(name) && isField(value)) &&
    Array.isArray(names) &&
    names.every((pair) => Array.isArray(pair) && isName(pair[1]) && pair[1].toLowerCase() === pair[0]) &&
    isRecord(before) &&
    typeof tag === 'string' &&
    TAG.test(tag) &&
    Number.isFinite(made)
  )
}

function isRecord(value) {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

// A part or a 304 is no answer for others.
function isShared(status) {
  return Number.isInteger(status) && status >= 200 && status <= 599 && status !== 206 && status !== 304
}

function isName(name) {
  return typeof name === 'string' && NAME.test(name)
}

function isField(value) {
  return Array.isArray(value) ? value.every(isOne) : isOne(value)
}

function isOne(value) {
  return typeof value === 'number' || isValue(value)
}

function isValue(value) {
  return typeof value === 'string' && isText(value)
}

module.exports = { pack, unpack }
