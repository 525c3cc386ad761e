'use strict'

/**
 * Connections on their way back to the pool in Rust. Whoever wants one waits for those, so that none is opened for want of
 * a moment.
 */
class Returns {
  #count = 0
  #waiting = []

  /** A connection is given back; the answer is to be called when it is there. */
  begin() {
    this.#count++
    return () => {
      this.#count--
      // The others wait for those that are still to come.
      while (this.#waiting.length > this.#count) this.#waiting.shift()()
    }
  }

  /** Starts what takes a connection. */
  enter(start) {
    if (this.#waiting.length < this.#count) this.#waiting.push(start)
    else start()
  }
}

module.exports = { Returns }
