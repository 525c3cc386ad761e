'use strict'

/** Counts the calls of a pool in flight, so that closing it can refuse new ones and wait for these. */
class Gate {
  #inFlight = 0
  #isClosed = false
  #drained = null

  get isClosed() {
    return this.#isClosed
  }

  enter() {
    this.#inFlight++
  }

  leave() {
    if (--this.#inFlight === 0) this.#drained?.()
  }

  /** Refuses new calls; resolves when none is in flight, or after `drainMs`. */
  close(drainMs) {
    this.#isClosed = true
    if (this.#inFlight === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.min(drainMs, 2 ** 31 - 1))
      this.#drained = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

module.exports = { Gate }
