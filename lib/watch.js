'use strict'

module.exports = { watchLimits }

const { HegarError } = require('./errors.js')
const { follow, unfollow } = require('./signals.js')

const UNLIMITED = { limits: null, error: null, during: (work) => work, end() {} }

/**
 * Keeps the limits of work of several steps, `{signal, timeoutMs}` or null; `what` it is stands in the error. `limits` are
 * for the waits on the way, `error` is why it was ended, and `during(work, stop)` is `work` or, once a limit is passed, its
 * error after `stop()`.
 */
function watchLimits(limits, what) {
  return limits === null ? UNLIMITED : new Watch(limits, what)
}

class Watch {
  #what
  #signal
  #timer
  #controller = new AbortController()
  error = null

  constructor({ signal, timeoutMs }, what) {
    this.#what = what
    this.#signal = signal
    if (signal?.aborted) this.abort()
    else if (signal !== undefined) follow(signal, this)
    if (timeoutMs > 0) {
      const message = `was not done within ${timeoutMs} ms (timeoutMs)`
      this.#timer = setTimeout(() => this.#cut('HEGAR_QUERY_TIMEOUT', message), timeoutMs)
    }
  }

  get limits() {
    return { signal: this.#controller.signal, timeoutMs: 0 }
  }

  async during(work, stop) {
    const { signal } = this.#controller
    let onAbort
    const cut = new Promise((_, reject) => {
      onAbort = () => {
        stop()
        reject(this.error)
      }
      if (signal.aborted) onAbort()
      else signal.addEventListener('abort', onAbort)
    })
    try {
      return await Promise.race([work, cut])
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** The error with the stack of whoever awaits `method`. */
  shownTo(method) {
    Error.captureStackTrace(this.error, method)
    return this.error
  }

  end() {
    clearTimeout(this.#timer)
    if (this.#signal !== undefined) unfollow(this.#signal, this)
  }

  /** Called when the signal is aborted. */
  abort() {
    this.#cut('HEGAR_ABORTED', 'was aborted by its signal', this.#signal.reason)
  }

  #cut(code, message, cause) {
    this.end()
    this.error = new HegarError(`${this.#what} ${message}`, { code, fatal: false, cause })
    this.#controller.abort()
  }
}
