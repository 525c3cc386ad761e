'use strict'

/** A map that forgets what has not been used for longest when it would hold more than `limit` entries. */
class BoundedMap {
  #entries = new Map()
  #limit

  constructor(limit) {
    this.#limit = limit
  }

  /** The value of the key, which `make` gives if there is none. */
  getOrMake(key, make) {
    const known = this.#entries.get(key)
    if (known !== undefined) {
      // Renewing costs more than finding, and while there is room nothing is forgotten.
      if (this.#entries.size >= this.#limit) {
        this.#entries.delete(key)
        this.#entries.set(key, known)
      }
      return known
    }
    const made = make()
    if (this.#entries.size >= this.#limit) this.#entries.delete(this.#entries.keys().next().value)
    this.#entries.set(key, made)
    return made
  }

  clear() {
    this.#entries.clear()
  }
}

module.exports = { BoundedMap }
