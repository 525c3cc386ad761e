'use strict'

const { isBare } = require('./give.js')
const { HegarTypeError } = require('../errors.js')

const TYPE = 'application/json; charset=utf-8'

/** Sends bytes of JSON: what `res.type('json').end(bytes)` does, without looking the type up and header by header. */
function sendJson(res, bytes, status = res.statusCode) {
  if (!(bytes instanceof Uint8Array)) {
    throw new HegarTypeError('sendJson: the second argument must be bytes of JSON, such as queryJson gives')
  }
  if (isBare(res.req, res)) {
    res.writeHead(status, ['Content-Type', TYPE, 'Content-Length', String(bytes.length)])
  } else {
    if (res.statusCode !== status) res.statusCode = status
    if (!res.hasHeader('Content-Type')) res.setHeader('Content-Type', TYPE)
    res.setHeader('Content-Length', bytes.length)
  }
  return res.req.method === 'HEAD' ? res.end() : res.end(bytes)
}

module.exports = { sendJson }
