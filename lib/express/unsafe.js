'use strict'

const { partsOf } = require('./capture.js')
const { hostOf, pathMark } = require('./key.js')

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/** A middleware for requests that write, which leaves all others alone. */
function afterWrites(store) {
  return function hegarAfterWrites(req, res, next) {
    if (!SAFE.has(req.method)) forgetAfter(req, res, store)
    next()
  }
}

/**
 * Has a successful unsafe request make the answers of its address, and of those that it names, invalid before the client
 * hears of it (RFC 9111, section 4.4), or would if it were still there.
 */
function forgetAfter(req, res, store) {
  const { writeHead, write, end } = res
  let isTold = false
  const tell = (head) => {
    if (isTold) return
    isTold = true
    const { status, pairs } = partsOf(head)
    if (status >= 200 && status < 400) store.bump(marksOf(req, res, pairs))
  }
  res.writeHead = function (...head) {
    tell(head)
    return writeHead.apply(this, head)
  }
  // Node makes no head for a client that has left.
  res.write = function (...args) {
    tell([res.statusCode])
    return write.apply(this, args)
  }
  res.end = function (...args) {
    tell([res.statusCode])
    return end.apply(this, args)
  }
}

function marksOf(req, res, pairs) {
  const address = req.originalUrl ?? req.url
  const marks = [pathMark(address)]
  const said = new Map(pairs.map(([name, value]) => [String(name).toLowerCase(), value]))
  for (const name of ['location', 'content-location']) {
    const target = said.get(name) ?? res.getHeader(name)
    if (typeof target !== 'string') continue
    try {
      const base = new URL(address, `http://${hostOf(req)}`)
      const url = new URL(target, base)
      if (url.host === base.host) marks.push(pathMark(url.pathname))
    } catch {
      // What is no address names none.
    }
  }
  return marks
}

module.exports = { afterWrites }
