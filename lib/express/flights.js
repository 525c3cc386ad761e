'use strict'

// One run of a handler for all who ask for the same at the same time.

// For so long nobody waits for an answer that came to nothing others could be given: each asks for itself.
const VAIN_MS = 10_000
const MOST_VAIN = 1000

class Flights {
  #current = new Map()
  /** Keys of answers that can not be shared, with until when that is believed. */
  #vain = new Map()
  #waitMs

  /** Nobody waits for longer than `waitMs`. */
  constructor(waitMs) {
    this.#waitMs = waitMs
  }

  /** What is under way for a key, `{isVain: true, why}` if nothing will come of it, or null. */
  of(key) {
    const flight = this.#current.get(key)
    if (flight !== undefined) return flight
    const vain = this.#vain.get(key)
    if (vain === undefined) return null
    if (performance.now() < vain.until) return vain
    // One finds out whether it is still so.
    this.#vain.delete(key)
    return null
  }

  begin(key, places, since) {
    const flight = { key, places, since, isVain: false, waiters: new Set(), isOver: false }
    this.#current.set(key, flight)
    return flight
  }

  /** Calls `landed` with what the flight came to, or with nothing if it takes too long. Who leaves is not called. */
  wait(flight, res, landed) {
    const waiter = { landed, timer: null, leave: null }
    const end = (result) => {
      clearTimeout(waiter.timer)
      res.off('close', waiter.leave)
      flight.waiters.delete(waiter)
      if (result !== null) landed(result)
    }
    waiter.end = end
    waiter.leave = () => end(null)
    waiter.timer = setTimeout(() => end({ answer: null, why: 'timeout' }), this.#waitMs)
    res.once('close', waiter.leave)
    flight.waiters.add(waiter)
  }

  /** The flight came to `{answer, why}`; without either, one of those who wait goes on. */
  end(flight, result) {
    if (flight.isOver) return
    flight.isOver = true
    if (this.#current.get(flight.key) === flight) this.#current.delete(flight.key)
    if (result.answer !== null) this.#vain.delete(flight.key)
    for (const waiter of [...flight.waiters]) waiter.end(result)
  }

  /** It came to nothing that others could be given. */
  vain(flight, why) {
    if (flight.isOver) return
    // Errors pass; whether an answer is for everybody does not change that often.
    if (why !== 'error' && why !== 'status') {
      if (this.#vain.size >= MOST_VAIN) this.#vain.clear()
      this.#vain.set(flight.key, { isVain: true, why, until: performance.now() + VAIN_MS })
    }
    this.end(flight, { answer: null, why })
  }
}

module.exports = { Flights }
