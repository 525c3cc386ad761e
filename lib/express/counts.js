'use strict'

/** What has happened, for `stats()` and Prometheus. Counters only rise. */
class Counts {
  hits = 0
  stale = 0
  misses = 0
  collapsed = 0
  remoteHits = 0
  revalidated = 0
  grace = 0
  variants = 0
  frontHits = 0
  failures = 0
  kept = 0
  fenced = 0
  tooLarge = 0
  #bypassed = new Map()
  #refused = new Map()
  #hasWarned = false

  hit(isStale) {
    this.hits++
    if (isStale) this.stale++
  }

  /** A request that had nothing to do with the cache. */
  bypass(why) {
    this.#bypassed.set(why, (this.#bypassed.get(why) ?? 0) + 1)
  }

  /** An answer that was not to be kept. */
  refuse(why) {
    this.#refused.set(why, (this.#refused.get(why) ?? 0) + 1)
  }

  /** Something failed that must not reach clients; told once. */
  failed(error, what = 'an answer could not be kept, and was sent as it was') {
    this.failures++
    if (this.#hasWarned) return
    this.#hasWarned = true
    process.emitWarning(`${what}: ${error?.stack ?? error}`, {
      type: 'HegarWarning',
      code: 'HEGAR_HTTP_CACHE',
    })
  }

  read() {
    const { kept: stored, ...counts } = this
    return {
      ...counts,
      stored,
      bypassed: Object.fromEntries(this.#bypassed),
      refused: Object.fromEntries(this.#refused),
    }
  }
}

module.exports = { Counts }
