'use strict'

/** What is known of the versions of rows: who wrote them when, and how old those are that answers show. */
class Versions {
  /** By row, when the response to the write of each version arrived. */
  #written
  /** By process and row, the newest version that was written through it. */
  #known
  reads = 0
  writes = 0
  /** Answers that were older than a write through the process that gave them. */
  stale = 0
  /** By how much the oldest answer was behind a write through another process. */
  worstMs = 0
  past = 0
  #allowedMs

  constructor(rows, processes, allowedMs) {
    this.#written = Array.from({ length: rows }, () => [0])
    this.#known = Array.from({ length: processes }, () => new Array(rows).fill(0))
    this.#allowedMs = allowedMs
  }

  next(row) {
    return this.#written[row].length
  }

  wrote(process, row, version) {
    this.writes++
    this.#written[row][version] = performance.now()
    this.#known[process][row] = version
  }

  /** To be called before a request is sent: `judge(rows)` of its answer looks back from here. */
  begin(process) {
    const began = performance.now()
    const known = [...this.#known[process]]
    return (rows) => {
      this.reads++
      let staleMs = 0
      let isStale = false
      for (const { id, version } of rows) {
        if (version < known[id]) isStale = true
        const replaced = this.#written[id][version + 1]
        if (replaced < began) staleMs = Math.max(staleMs, began - replaced)
      }
      if (isStale) this.stale++
      if (staleMs > this.#allowedMs) this.past++
      this.worstMs = Math.max(this.worstMs, staleMs)
    }
  }
}

module.exports = { Versions }
