'use strict'

// An answer as the bytes that other processes get: the length of a head, the head as JSON, and the body. What Rust puts
// before it are three doubles: for how many milliseconds it is fresh, and the number of the last change before it was read.

const RUST = 24

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
  const headLength = bytes.readUInt32LE(RUST)
  const start = RUST + 4
  const { names, before, tag, made, ...rest } = JSON.parse(bytes.toString('utf8', start, start + headLength))
  if (typeof tag !== 'string' || !Array.isArray(names)) return null
  const body = bytes.subarray(start + headLength)
  return {
    whole: { ...rest, names: new Map(names), body },
    before,
    tag,
    request: {},
    ageMs: Math.max(0, Date.now() - made),
    freshMs: bytes.readDoubleLE(0),
    since: bytes.readDoubleLE(8),
  }
}

module.exports = { pack, unpack }
