'use strict'

const { HegarTypeError } = require('../errors.js')
const { giveFull } = require('./give.js')

const HIT = 'hegar; hit; detail=front'

/** Under this symbol a cache has what the front needs: `{aliases, store}`. */
const INSIDE = Symbol('hegar-native: inside of a cache')

/**
 * A listener for `http.createServer`: gives what `cache` has of routes that opted in before `app` is entered; everything else
 * goes to `app`.
 */
function front(app, cache) {
  if (typeof app !== 'function')
    throw new HegarTypeError('front: the first argument must be an app of Express or a listener')
  const inside = cache?.[INSIDE]
  if (inside === undefined)
    throw new HegarTypeError('front: the second argument must be what createHttpCache gave, or cache')
  const { aliases, store } = inside
  return function hegarFront(req, res) {
    const now = performance.now()
    const found = aliases.find(req, now)
    if (found === null) return app(req, res)
    const { conditions, middlewares } = found.route.front
    const enter = () => app(req, res)
    if (conditions.length === 0 && middlewares.length === 0) {
      return giveFound(store, found.answer, now, req, res, enter)
    }
    // The checks may take a while, in which the answer goes.
    const pass = () => {
      const then = performance.now()
      const answer = aliases.find(req, then)?.answer
      return answer === undefined ? enter() : giveFound(store, answer, then, req, res, enter)
    }
    return check(found.route.front, app, store, req, res, pass)
  }
}

function giveFound(store, answer, now, req, res, enter) {
  try {
    store.use(answer)
    giveFull(req, res, answer, answer.formFor(req.headers, store), now, HIT)
    store.counts.hits++
    store.counts.frontHits++
  } catch (error) {
    store.counts.failed(error)
    store.drop(answer)
    if (res.headersSent) throw error
    for (const name of res.getHeaderNames()) res.removeHeader(name)
    res.statusCode = 200
    enter()
  }
}

// Conditions first: a limiter counts no request that Express has to answer, where it would be counted again.
function check({ conditions, middlewares }, app, store, req, res, pass) {
  const go = (isHeld) => (isHeld ? run(middlewares, 0, app, store, req, res, pass) : app(req, res))
  const failed = (error) => {
    store.counts.failed(error, 'a check of the front failed, and Express answered')
    return app(req, res)
  }
  let isHeld
  try {
    isHeld = areHeld(conditions, 0, req)
  } catch (error) {
    return failed(error)
  }
  return typeof isHeld === 'boolean' ? go(isHeld) : isHeld.then(go, failed)
}

/** Whether all conditions hold; a promise if one of them gives one. */
function areHeld(conditions, from, req) {
  for (let at = from; at < conditions.length; at++) {
    const held = conditions[at](req)
    if (typeof held?.then === 'function') {
      return Promise.resolve(held).then((isHeld) => isHeld && areHeld(conditions, at + 1, req))
    }
    if (!held) return false
  }
  return true
}

// Each answers by itself or goes on.
function run(middlewares, at, app, store, req, res, pass) {
  if (at === middlewares.length) return pass()
  dress(app, req, res)
  let isOver = false
  const next = (error) => {
    if (isOver) return undefined
    isOver = true
    if (!error) return run(middlewares, at + 1, app, store, req, res, pass)
    // It has answered already; Express would cut off what is not whole.
    if (res.headersSent || res.writableEnded) {
      store.counts.failed(error, 'a check of the front failed behind its answer')
      return res.writableEnded ? undefined : res.destroy()
    }
    // The app has what answers errors, and will meet the same one.
    return app(req, res)
  }
  try {
    // Those that are async reject where others would call next with an error.
    Promise.resolve(middlewares[at](req, res, next)).catch(next)
  } catch (error) {
    next(error)
  }
  return undefined
}

// As Express does before its middleware, which reads req.ip and req.app.
function dress(app, req, res) {
  if (app.request === undefined || Object.getPrototypeOf(req) === app.request) return
  Object.setPrototypeOf(req, app.request)
  Object.setPrototypeOf(res, app.response)
  req.res = res
  res.req = req
  res.locals ??= Object.create(null)
}

module.exports = { front, INSIDE }
