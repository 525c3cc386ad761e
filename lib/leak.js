'use strict'

module.exports = { watchForLeak }

/**
 * Tells where a connection was taken that is held for longer than `limitMs`: as the pool's event `leak`, or as a
 * warning of the process when nobody listens. `method` is the function that the caller called.
 */
function watchForLeak(pool, limitMs, method) {
  const site = {}
  Error.captureStackTrace(site, method)
  let timer = null
  return {
    begin(threadId) {
      timer = setTimeout(() => report(pool, { threadId, heldMs: limitMs, stack: framesOf(site) }), limitMs)
      timer.unref()
    },
    end() {
      clearTimeout(timer)
    },
  }
}

function framesOf(site) {
  return site.stack.slice(site.stack.indexOf('\n') + 1)
}

function report(pool, leak) {
  if (pool.listenerCount('leak') > 0) {
    pool.emit('leak', leak)
    return
  }
  process.emitWarning(
    `connection ${leak.threadId} has been held for ${leak.heldMs} ms; it was taken\n${leak.stack}`,
    { type: 'HegarWarning', code: 'HEGAR_CONNECTION_LEAK' },
  )
}
