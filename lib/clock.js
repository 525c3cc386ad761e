'use strict'

// What a timer can wait.
const LONGEST_MS = 2 ** 31 - 1

/** The time for something that takes several calls, from when it is made on. `limit` is in milliseconds; 0 is none. */
class Clock {
  #what
  #limit
  #end

  constructor(what, limit) {
    this.#what = what
    this.#limit = limit
    this.#end = limit === 0 ? Infinity : performance.now() + limit
  }

  /** The milliseconds that are left, 0 when there is no limit. */
  left() {
    if (this.#limit === 0) return 0
    const left = this.#end - performance.now()
    if (left <= 0) throw this.#late()
    return left
  }

  /** The outcome of `work`, or an error when the time is over before. */
  async within(work) {
    const left = this.left()
    if (left === 0 || left > LONGEST_MS) return work
    let timer
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(this.#late()), left)
    })
    try {
      return await Promise.race([work, late])
    } finally {
      clearTimeout(timer)
    }
  }

  // In the form of what Rust reports.
  #late() {
    return {
      code: 'HEGAR_QUERY_TIMEOUT',
      message: `the ${this.#what} did not finish within ${this.#limit} ms (queryTimeoutMs)`,
    }
  }
}

module.exports = { Clock }
