'use strict'

const { createHttpCache } = require('./http-cache.js')
const { front, INSIDE } = require('./front.js')
const { rateLimitStore } = require('./rate-limit.js')
const { sendJson } = require('./send-json.js')

// One of its own for programs that need no more than one: in memory, and told of nothing.
let own = null
const ownCache = () => (own ??= createHttpCache())

const cache = Object.assign((given) => ownCache()(given), {
  afterWrites: () => ownCache().afterWrites(),
  invalidate: (what) => ownCache().invalidate(what),
  stats: () => ownCache().stats(),
  metricsText: () => ownCache().metricsText(),
  close: () => ownCache().close(),
})
Object.defineProperty(cache, INSIDE, { get: () => ownCache()[INSIDE] })

module.exports = { cache, createHttpCache, front, rateLimitStore, sendJson }
