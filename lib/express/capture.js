'use strict'

const { validateHeaderName, validateHeaderValue } = require('node:http')
const { copyOf, isText } = require('./fields.js')

const EMPTY = Buffer.alloc(0)
// What Node refuses once a head has been said.
const CHANGES = ['setHeader', 'appendHeader', 'setHeaders', 'removeHeader']
const OF_THE_BODY = ['Content-Type', 'Content-Length', 'Content-Encoding']

/**
 * Watches what a handler answers. An answer that is given whole, to `res.end`, is handed to `onWhole({status, message,
 * headers, names, body, callback}, pass)`, which sends it, or has it sent as it was by `pass()`. One that is written in
 * pieces, begun before its body is there, longer than `limit`, or what Node refuses goes its way, and `onOther(why, {status,
 * headers})` is called before; if that gives true, it is a 304.
 *
 * Gives `{isWrapped, isHeadWrapped, afterHead(then), makeHead(), sayUnchanged(head), leave()}`: whether somebody before us
 * stands around `end` or around `writeHead`; what is to be done when the head has been made, with what those add to it at
 * last, or null; to have it made where nobody reads it; to make a 304 of it; and to have nothing to do with the answer.
 */
function capture(res, limit, onWhole, onOther) {
  const isWrapped = Object.hasOwn(res, 'end')
  const isHeadWrapped = Object.hasOwn(res, 'writeHead')
  const { end, write, writeHead, flushHeaders } = res
  // What was said to writeHead before anything was sent.
  let said = null
  let isOpen = true
  let afterwards = null
  const covered = []

  // Node does nothing with a head before there is a body but to refuse changes and to say that it is sent: so others know
  // whether they can still answer. The same here, and whoever changes it all the same meets Node.
  function hold(head) {
    said = head
    res.statusCode = head[0]
    cover('headersSent', { get: () => true })
    for (const name of CHANGES) {
      const change = res[name]
      if (typeof change !== 'function') continue
      const value = (...args) => {
        release('late-head')
        return change.apply(res, args)
      }
      cover(name, { value, writable: true })
    }
  }

  function cover(name, { value, ...descriptor }) {
    covered.push([name, Object.getOwnPropertyDescriptor(res, name), value])
    Object.defineProperty(res, name, {
      configurable: true,
      ...(value ? { ...descriptor, value } : descriptor),
    })
  }

  function uncover() {
    for (const [name, own, ours] of covered.splice(0)) {
      // Others may stand around it by now.
      if (Object.getOwnPropertyDescriptor(res, name)?.value !== ours) continue
      if (own === undefined) delete res[name]
      else Object.defineProperty(res, name, own)
    }
  }

  const headNow = () => (said === null ? headOf(res) : headSaid(res, said))

  function release(why) {
    if (!isOpen) return
    isOpen = false
    uncover()
    const head = headNow()
    if (onOther(why, head)) sayUnchanged(head)
    else sayHead()
  }

  function sayHead() {
    if (said === null) return
    const head = said
    said = null
    writeHead.apply(res, head)
    headIsMade()
  }

  // Node ignores what is written behind it.
  function sayUnchanged({ headers, names, message }) {
    if (said !== null) {
      said = null
      for (const [name, value] of Object.entries(headers)) res.setHeader(names.get(name) ?? name, value)
    }
    res.statusCode = 304
    if (message !== undefined) res.statusMessage = undefined
    for (const name of OF_THE_BODY) res.removeHeader(name)
  }

  function headIsMade() {
    const then = afterwards
    afterwards = null
    then?.()
  }

  function ownWriteHead(...head) {
    if (isOpen && said === null && !res.headersSent && isSayable(head)) {
      hold(head)
      return this
    }
    release('late-head')
    const result = writeHead.apply(this, head)
    headIsMade()
    return result
  }
  res.writeHead = ownWriteHead

  res.write = function (...args) {
    release('stream')
    return write.apply(this, args)
  }

  res.flushHeaders = function (...args) {
    release('stream')
    return flushHeaders.apply(this, args)
  }

  res.end = function (...args) {
    if (!isOpen || (said === null && res.headersSent)) return end.apply(this, args)
    const head = headNow()
    const body = bodyOf(args, limit)
    if (typeof body === 'string' || !isText(head.message ?? '')) {
      release(typeof body === 'string' ? body : 'late-head')
      return end.apply(this, args)
    }
    isOpen = false
    uncover()
    let result = this
    const pass = () => {
      sayHead()
      result = end.apply(this, args)
    }
    const callback = args.find((arg) => typeof arg === 'function')
    // Who stands around these behind us has had his turn, and is not to have another one for what is sent in their place.
    const { end: outermost } = res
    res.end = end
    if (said !== null) res.writeHead = ownWriteHead
    try {
      onWhole({ ...head, body, callback }, pass)
    } finally {
      res.end = outermost
    }
    return result
  }

  return {
    isWrapped,
    isHeadWrapped,
    afterHead(then) {
      if (then !== null && res.headersSent) then()
      else afterwards = then
    },
    makeHead() {
      if (said !== null) sayHead()
      // By the way of all who stand around it.
      else res.writeHead(res.statusCode)
    },
    sayUnchanged,
    leave() {
      isOpen = false
      uncover()
      sayHead()
    },
  }
}

// Or why it is not taken.
function bodyOf([chunk, encoding], limit) {
  if (chunk === undefined || chunk === null || typeof chunk === 'function') return EMPTY
  if (chunk.length > limit) return 'too-large'
  if (typeof chunk === 'string') {
    const bytes = Buffer.from(chunk, typeof encoding === 'string' ? encoding : 'utf8')
    return bytes.length > limit ? 'too-large' : bytes
  }
  if (!(chunk instanceof Uint8Array)) return 'late-head'
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
}

// Headers by their names in lower case; `names` has them as they were written.
function headOf(res) {
  const raw = res.getRawHeaderNames?.() ?? res.getHeaderNames()
  const names = new Map(raw.map((name) => [name.toLowerCase(), name]))
  // HTTP/2 has none, and warns of the question.
  const message = res.req?.httpVersionMajor > 1 ? undefined : res.statusMessage
  return { status: res.statusCode, message, headers: headersOf(res), names }
}

/** The headers as they are now: Node, and others, go on to write in lists of values. */
function headersOf(res) {
  const headers = { ...res.getHeaders() }
  for (const name of Object.keys(headers)) headers[name] = copyOf(headers[name])
  return headers
}

// With what writeHead was given.
function headSaid(res, said) {
  const { headers, names, message: before } = headOf(res)
  const { status, message = before, pairs } = partsOf(said)
  const seen = new Set()
  for (const [name, value] of pairs) {
    const lower = String(name).toLowerCase()
    headers[lower] = seen.has(lower) ? [headers[lower], value].flat() : copyOf(value)
    names.set(lower, String(name))
    seen.add(lower)
  }
  return { status, message, headers, names }
}

/** What writeHead(status, message?, headers?) is given, where headers are an object or a list, of pairs or flat. */
function partsOf([status, ...rest]) {
  const message = typeof rest[0] === 'string' ? rest.shift() : undefined
  const given = rest.find((one) => one !== null && typeof one === 'object') ?? {}
  const pairs = Array.isArray(given)
    ? pairsOf(Array.isArray(given[0]) ? given.flat() : given)
    : Object.entries(given)
  return { status, message, pairs }
}

function pairsOf(flat) {
  const pairs = []
  for (let at = 0; at < flat.length; at += 2) pairs.push([flat[at], flat[at + 1]])
  return pairs
}

// Whether Node will take it.
function isSayable(head) {
  const { status, message = '', pairs } = partsOf(head)
  if (!Number.isInteger(status) || status < 100 || status > 999 || !isText(message)) return false
  try {
    for (const [name, value] of pairs) {
      validateHeaderName(name)
      for (const one of [value].flat()) validateHeaderValue(name, one)
    }
    return true
  } catch {
    return false
  }
}

module.exports = { capture, headersOf, partsOf }
