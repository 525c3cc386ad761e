'use strict'

const { give } = require('./give.js')

/** Where a request has the Miss that watches its handler. */
const WATCHER = Symbol('hegar-native: watcher')

const HIT = 'hegar; hit'
const STALE = 'hegar; hit; detail=stale'

/** Gives an answer that is kept, or that another request has just had made; `says` is the Cache-Status. */
function giveHit({ store, aliases }, route, req, res, key, answer, now, says) {
  // Who stands around it may be another middleware of the cache, which leaves the answer to the one nearer to the handler. To
  // look for that on each request costs more than all else here: Express makes each unlike all others for V8.
  const isWrapped = Object.hasOwn(res, 'end')
  if (isWrapped) req[WATCHER]?.yieldToInner()
  // What was not kept has nothing to be spared.
  if (answer.number > 0) store.use(answer)
  store.counts.hit(says === STALE)
  if (route.front !== null) aliases.add(route, req, key)
  give(req, res, answer, answer.formFor(req.headers, store), now, says, isWrapped)
}

/** Lets a request pass that has nothing to do with the cache, and says why. */
function goPast(res, store, why, next) {
  store.counts.bypass(why)
  res.setHeader('Cache-Status', `hegar; fwd=bypass; detail=${why}`)
  next()
}

module.exports = { giveHit, goPast, WATCHER, HIT, STALE }
