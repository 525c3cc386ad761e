'use strict'

const zlib = require('node:zlib')
const { promisify } = require('node:util')

// Forms of a body in other content codings. Each is made once, on the threads of Node's zlib, when a client asks for it.

/** Those that this Node has, the best first. A body of a page compresses in some milliseconds with these settings. */
const CODINGS = {
  br: (body) =>
    promisify(zlib.brotliCompress)(body, {
      params: {
        [zlib.constants.BROTLI_PARAM_QUALITY]: 5,
        [zlib.constants.BROTLI_PARAM_SIZE_HINT]: body.length,
      },
    }),
  ...(zlib.zstdCompress && { zstd: (body) => promisify(zlib.zstdCompress)(body) }),
  gzip: (body) => promisify(zlib.gzip)(body, { level: 6 }),
}

const TYPES =
  /^(?:text\/|application\/(?:[\w.-]+\+)?(?:json|xml|javascript|x-ndjson|manifest)|image\/svg\+xml)/i
// Node has four threads for this and for files; more at a time would keep those who read files waiting.
const AT_A_TIME = 2
const MOST_WAITING = 64
const REMEMBERED = 256
const LONGEST_REMEMBERED = 256

const waiting = []
let running = 0

/** What `wanted` takes for these codings, the best first; null for none. */
function offer(names) {
  return names.length === 0 ? null : { names, none: [], orders: new Map() }
}

/** The codings that a client takes, of those that were offered, the best first. */
function wanted(header, offered) {
  if (header === undefined || header === '' || header === 'identity') return offered.none
  const { orders } = offered
  let order = orders.get(header)
  if (order === undefined) {
    order = orderOf(header, offered.names)
    if (orders.size >= REMEMBERED) orders.clear()
    if (header.length <= LONGEST_REMEMBERED) orders.set(header, order)
  }
  return order
}

// RFC 9110, section 12.5.3: each coding with its weight, and * for those that are not named.
function orderOf(header, names) {
  const weights = new Map()
  for (const part of header.toLowerCase().split(',')) {
    const [name, ...parameters] = part.split(';').map((text) => text.trim())
    const weight = parameters.find((parameter) => parameter.startsWith('q='))
    if (name !== '')
      weights.set(name === 'x-gzip' ? 'gzip' : name, weight === undefined ? 1 : Number(weight.slice(2)))
  }
  const weightOf = (name) => weights.get(name) ?? weights.get('*') ?? 0
  const identity = weights.get('identity') ?? 0
  return names
    .filter((name) => weightOf(name) > 0 && weightOf(name) >= identity)
    .sort((one, other) => weightOf(other) - weightOf(one))
}

/** Whether another coding makes such a body smaller. */
function isCompressible(type, body, fromBytes) {
  return body.length >= fromBytes && typeof type === 'string' && TYPES.test(type)
}

/** Begins to make the body in a coding: `done(bytes)` gets it later, or null. False if too much waits already. */
function encode(coding, body, done) {
  if (waiting.length >= MOST_WAITING) return false
  waiting.push({ coding, body, done })
  next()
  return true
}

function next() {
  if (running >= AT_A_TIME || waiting.length === 0) return
  const { coding, body, done } = waiting.shift()
  running++
  CODINGS[coding](body).then(
    (bytes) => end(done, bytes.length < body.length ? bytes : null),
    () => end(done, null),
  )
}

function end(done, bytes) {
  running--
  next()
  done(bytes)
}

module.exports = { offer, wanted, isCompressible, encode, known: Object.keys(CODINGS) }
