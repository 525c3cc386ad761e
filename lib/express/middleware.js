'use strict'

const { giveHit, goPast, HIT } = require('./hit.js')
const { lookUp, pastReason } = require('./look-up.js')
const { Miss } = require('./miss.js')
const { afterWrites } = require('./unsafe.js')

// What one look-up finds besides, used before the next one: most requests have no need of one of their own.
const besides = { answer: null }

/** The middleware of a route: gives what is kept, and keeps what the handler answers. `cache` is `{store, flights, aliases}`. */
function middlewareOf(route, cache) {
  const { store } = cache
  const pass = afterWrites(store)
  return function hegarCache(req, res, next) {
    const { method } = req
    if (method !== 'GET' && method !== 'HEAD') return pass(req, res, next)
    let key = null
    let why = null
    let answer = null
    try {
      const { headers } = req
      why = store.isShared ? pastReason(route, headers) : 'runtime'
      if (why === null) key = route.keyOf(req, hegarCache)
      if (key !== null) {
        const now = performance.now()
        besides.answer = null
        answer = lookUp(route, store, key, headers, now, besides)
        if (answer !== null) return giveHit(cache, route, req, res, key, answer, now, HIT)
      }
    } catch (error) {
      // What can not be sent is not tried again.
      if (answer !== null) store.drop(answer)
      return failed(store, res, error, next)
    }
    return key === null ? goPast(res, store, why ?? 'key', next) : miss(route, cache, req, res, next, key)
  }
}

function miss(route, cache, req, res, next, key) {
  // Whatever becomes of the cache, there is a handler; but it is run once.
  let isPassed = false
  const pass = () => {
    isPassed = true
    next()
  }
  try {
    const older = { answer: besides.answer }
    return new Miss(cache, route, req, res, pass, key, older).begin(performance.now())
  } catch (error) {
    if (isPassed) throw error
    return failed(cache.store, res, error, next)
  }
}

function failed(store, res, error, next) {
  if (res.headersSent) throw error
  store.counts.failed(error)
  if (!res.hasHeader('Cache-Status')) res.setHeader('Cache-Status', 'hegar; fwd=bypass; detail=failure')
  return next()
}

module.exports = { middlewareOf }
