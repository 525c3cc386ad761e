'use strict'

const EMPTY = Buffer.alloc(0)

/**
 * Watches what a handler answers. An answer that is given whole, to `res.end`, is handed to `onWhole({status, message,
 * headers, names, body, callback}, pass)`, which sends it, or has it sent as it was by `pass()`. One that is written in
 * pieces, begun before its body is there, or longer than `limit`, goes its way, and `onOther(why)` is called before.
 *
 * Gives `{isWrapped, afterHead(then), leave()}`: whether somebody before us stands around `end`; what is to be done when the
 * head has been made, with what others add to it at last; and to have nothing to do with the answer.
 */
function capture(res, limit, onWhole, onOther) {
  const isWrapped = Object.hasOwn(res, 'end')
  const { end, write, writeHead, flushHeaders } = res
  // What was said to writeHead before anything was sent.
  let said = null
  let isOpen = true
  let afterwards = null

  function release(why) {
    if (!isOpen) return
    isOpen = false
    onOther(why)
    sayHead()
  }

  function sayHead() {
    if (said === null) return
    const head = said
    said = null
    writeHead.apply(res, head)
  }

  res.writeHead = function (...head) {
    if (isOpen && !res.headersSent) {
      said = head
      if (typeof head[0] === 'number') res.statusCode = head[0]
      return this
    }
    const result = writeHead.apply(this, head)
    const then = afterwards
    afterwards = null
    then?.()
    return result
  }

  res.write = function (...args) {
    release('stream')
    return write.apply(this, args)
  }

  res.flushHeaders = function (...args) {
    release('stream')
    return flushHeaders.apply(this, args)
  }

  res.end = function (...args) {
    if (!isOpen || res.headersSent) return end.apply(this, args)
    const body = args[0]?.length > limit ? null : bodyOf(args)
    if (body === null) {
      release('too-large')
      return end.apply(this, args)
    }
    isOpen = false
    const whole = said === null ? headOf(res) : headSaid(res, said)
    let result = this
    const pass = () => {
      sayHead()
      result = end.apply(this, args)
    }
    const callback = args.find((arg) => typeof arg === 'function')
    onWhole({ ...whole, body, callback }, pass)
    return result
  }

  return {
    isWrapped,
    afterHead(then) {
      if (res.headersSent) then()
      else afterwards = then
    },
    leave() {
      isOpen = false
      sayHead()
    },
  }
}

// Null for what `end` will refuse.
function bodyOf([chunk, encoding]) {
  if (chunk === undefined || chunk === null || typeof chunk === 'function') return EMPTY
  if (typeof chunk === 'string') {
    return Buffer.from(chunk, typeof encoding === 'string' ? encoding : 'utf8')
  }
  return chunk instanceof Uint8Array ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength) : null
}

// Headers by their names in lower case; `names` has them as they were written.
function headOf(res) {
  const raw = res.getRawHeaderNames?.() ?? res.getHeaderNames()
  const names = new Map(raw.map((name) => [name.toLowerCase(), name]))
  // HTTP/2 has none, and warns of the question.
  const message = res.req?.httpVersionMajor > 1 ? undefined : res.statusMessage
  return { status: res.statusCode, message, headers: { ...res.getHeaders() }, names }
}

// What writeHead(status, message?, headers?) was given, where headers are an object or a flat list of names and values.
function headSaid(res, [status, ...rest]) {
  const message = typeof rest[0] === 'string' ? rest.shift() : undefined
  const { headers, names } = headOf(res)
  const given = rest.find((one) => one !== null && typeof one === 'object') ?? {}
  const pairs = Array.isArray(given) ? pairsOf(given.flat()) : Object.entries(given)
  const said = new Set()
  for (const [name, value] of pairs) {
    const lower = String(name).toLowerCase()
    headers[lower] = said.has(lower) ? [headers[lower], value].flat() : value
    names.set(lower, String(name))
    said.add(lower)
  }
  return { status, message, headers, names }
}

function pairsOf(flat) {
  const pairs = []
  for (let at = 0; at < flat.length; at += 2) pairs.push([flat[at], flat[at + 1]])
  return pairs
}

module.exports = { capture }
