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
    const { route, answer } = found
    const { checks } = route.front
    if (checks.length === 0) return giveFound(req, res, answer, now, store)
    return check(checks, 0, app, req, res, () => giveFound(req, res, answer, performance.now(), store))
  }
}

function giveFound(req, res, answer, now, store) {
  store.use(answer)
  store.counts.hits++
  store.counts.frontHits++
  giveFull(req, res, answer, answer.formFor(req.headers, store), now, HIT)
}

// Each is a middleware, which answers by itself or goes on, or a condition on the request, without which Express answers.
function check(checks, at, app, req, res, pass) {
  for (; at < checks.length; at++) {
    const one = checks[at]
    if (one.length >= 3) return checkBy(one, checks, at, app, req, res, pass)
    if (!one(req)) return app(req, res)
  }
  return pass()
}

function checkBy(middleware, checks, at, app, req, res, pass) {
  dress(app, req, res)
  let isOver = false
  const next = (error) => {
    if (isOver) return undefined
    isOver = true
    // The app has what answers errors, and will meet the same one.
    return error ? app(req, res) : check(checks, at + 1, app, req, res, pass)
  }
  try {
    // Those that are async reject where others would call next with an error.
    Promise.resolve(middleware(req, res, next)).catch(next)
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
