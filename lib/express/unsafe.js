'use strict'

const { hostOf, pathMark } = require('./key.js')

/**
 * Has a successful unsafe request make the answers of its address, and of those that it names, invalid before the client
 * hears of it (RFC 9111, section 4.4).
 */
function forgetAfter(req, res, store) {
  const { writeHead } = res
  let isTold = false
  res.writeHead = function (...head) {
    if (!isTold) {
      isTold = true
      const status = typeof head[0] === 'number' ? head[0] : res.statusCode
      if (status >= 200 && status < 400) store.bump(marksOf(req, res))
    }
    return writeHead.apply(this, head)
  }
}

function marksOf(req, res) {
  const address = req.originalUrl ?? req.url
  const marks = [pathMark(address)]
  for (const name of ['Location', 'Content-Location']) {
    const target = res.getHeader(name)
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

module.exports = { forgetAfter }
