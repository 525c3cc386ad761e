'use strict'

// One run of a handler for all who ask for the same at the same time.

// For so long nobody waits for an answer that came to nothing others could be given.
const VAIN_MS = 10_000
const MOST_VAIN = 1000
// What says nothing of the next answer.
const PASSING = new Set(['error', 'status', 'failure', 'fenced', 'no-ttl', 'authorization', 'request'])

class Flights {
  #current = new Map()
  /** Keys of answers that can not be shared, with until when that is believed. */
  #vain = new Map()

  /** `waitMs` is for how long a handler is waited for. */
  constructor(waitMs) {
    this.waitMs = waitMs
  }

  /** What is under way for a key, or null. A handler that took too long may never end. */
  of(key, now) {
    const flight = this.#current.get(key)
    return flight !== undefined && now - flight.began < this.waitMs ? flight : null
  }

  /** Whether nothing that can be shared is to be expected of a key. */
  isVain(key, now) {
    const until = this.#vain.get(key)
    if (until === undefined) return false
    if (now < until) return true
    this.#vain.delete(key)
    return false
  }

  /** A handler is run for a key; for nobody else if it `isAlone`. */
  begin(key, isAlone, marks, since, began) {
    const flight = { key, marks, since, began, waiters: new Set(), isOver: false }
    if (!isAlone) this.#current.set(key, flight)
    return flight
  }

  /** Calls `landed` with what the flight came to, or after `leftMs` without it. Who leaves is not called. */
  wait(flight, leftMs, res, landed) {
    const waiter = { end: null }
    const leave = () => waiter.end(null)
    const timer = setTimeout(() => waiter.end({ answer: null, why: 'timeout' }), leftMs)
    waiter.end = (result) => {
      clearTimeout(timer)
      res.off('close', leave)
      flight.waiters.delete(waiter)
      if (result !== null) landed(result)
    }
    res.once('close', leave)
    flight.waiters.add(waiter)
  }

  /** The flight came to `{answer, why}`; without either, one of those who wait goes on. */
  end(flight, { answer, why }) {
    if (flight.isOver) return
    flight.isOver = true
    if (this.#current.get(flight.key) === flight) this.#current.delete(flight.key)
    if (answer !== null) {
      this.#vain.delete(flight.key)
    } else if (why !== null && !PASSING.has(why)) {
      if (this.#vain.size >= MOST_VAIN) this.#vain.clear()
      this.#vain.set(flight.key, performance.now() + VAIN_MS)
    }
    for (const waiter of [...flight.waiters]) waiter.end({ answer, why })
  }
}

module.exports = { Flights }
