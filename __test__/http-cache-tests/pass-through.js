'use strict'

const http = require('node:http')
const express = require('express')

// RFC 9110, section 7.6.1: what concerns one connection alone, beside what Connection itself names.
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'te', 'transfer-encoding', 'upgrade']

/** An Express app that has `middleware` in front of a pass-through to the origin at a port of 127.0.0.1. */
function createApp(port, middleware) {
  const app = express()
  // What the suite compares are the origin's headers: Express adds none of its own.
  app.disable('etag')
  app.disable('x-powered-by')
  if (middleware) app.use(middleware)
  app.use((req, res) => passThrough(port, req, res))
  return app
}

function passThrough(port, req, res) {
  const upstream = http.request({
    host: '127.0.0.1',
    port,
    path: req.originalUrl,
    method: req.method,
    headers: requestHeaders(req),
    // Some tests have the origin cut its connection, of which no other request should know.
    agent: false,
  })
  let answer = null
  upstream.once('response', (response) => {
    answer = response
    const chunks = []
    response.on('data', (chunk) => chunks.push(chunk))
    response.once('end', () => {
      res.statusCode = response.statusCode
      res.statusMessage = response.statusMessage
      for (const [name, values] of headersOf(response)) {
        res.setHeader(name, values.length === 1 ? values[0] : values)
      }
      res.end(Buffer.concat(chunks))
    })
    response.once('error', () => fail(res))
  })
  upstream.on('error', () => {
    // What comes behind a complete answer, as more bytes than its Content-Length has, changes nothing any more.
    if (!answer?.complete) fail(res)
  })
  req.pipe(upstream)
}

/** RFC 9110, section 15.6.3: the origin gave no answer, or not all of it. */
function fail(res) {
  if (res.headersSent) return
  res.statusCode = 502
  res.end()
}

/**
 * Each header as it came, repeated where it was repeated. What a middleware has changed in `req.headers`, as one does that
 * revalidates, wins over what the client sent.
 */
function requestHeaders(req) {
  const connection = namedBy(req.headers.connection)
  const headers = {}
  for (const [name, value] of Object.entries(req.headers)) {
    if (connection.has(name)) continue
    const lines = req.headersDistinct[name]
    headers[name] = lines?.length > 1 && lines.join(', ') === value ? lines : value
  }
  return headers
}

/** Pairs of a name and its values, in the writing and the order of the answer. */
function headersOf({ rawHeaders, headers }) {
  const connection = namedBy(headers.connection)
  const found = new Map()
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const key = rawHeaders[at].toLowerCase()
    if (connection.has(key)) continue
    if (!found.has(key)) found.set(key, [rawHeaders[at], []])
    found.get(key)[1].push(rawHeaders[at + 1])
  }
  return found.values()
}

function namedBy(connection = '') {
  return new Set([...HOP_BY_HOP, ...connection.split(',').map((name) => name.trim().toLowerCase())])
}

module.exports = { createApp }
