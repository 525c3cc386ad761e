'use strict'

const { giveHit, goPast, HIT } = require('./hit.js')
const { lookUp, pastReason } = require('./look-up.js')
const { Miss } = require('./miss.js')
const { forgetAfter } = require('./unsafe.js')

/** The middleware of a route: gives what is kept, and keeps what the handler answers. `cache` is `{store, flights, aliases}`. */
function middlewareOf(route, cache) {
  const { store } = cache
  return function hegarCache(req, res, next) {
    const { method } = req
    if (method !== 'GET' && method !== 'HEAD') {
      if (method !== 'OPTIONS' && method !== 'TRACE') forgetAfter(req, res, store)
      return next()
    }
    // Whatever becomes of the cache, there is a handler; but it is run once.
    let isPassed = false
    const pass = () => {
      isPassed = true
      next()
    }
    try {
      const why = store.isShared ? pastReason(route, req.headers) : 'runtime'
      const key = why === null ? route.keyOf(req) : null
      if (key === null) return goPast(res, store, why ?? 'key', pass)
      const now = performance.now()
      const older = { answer: null }
      const answer = lookUp(route, store, key, req.headers, now, older)
      if (answer !== null) return giveHit(cache, route, req, res, key, answer, now, HIT)
      return new Miss(cache, route, req, res, pass, key, older).begin(now)
    } catch (error) {
      if (isPassed || res.headersSent) throw error
      store.counts.failed(error)
      return next()
    }
  }
}

module.exports = { middlewareOf }
