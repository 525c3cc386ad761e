'use strict'

/** A call on its way: what JavaScript has to know of it when its answer comes. */
class Call {
  /**
   * `gate` counts it. `resolve` gets the outcome, `reject` what Rust reported, not an Error yet; `slow`, called before,
   * the milliseconds of a call past the limit and how many rows it had; `piece` rows or bytes of a stream and what they
   * count for until they are used; `keep(known, value)` what a cached call may use again, a Buffer or what `rowsOfKept`
   * makes rows of. Rows come as `{rows, shape}` where the call `describes` them, and are instances of `Row` where it has
   * one. A call that `isQuiet` lets the event loop end.
   */
  constructor({
    gate,
    resolve,
    reject,
    slow = ignore,
    piece = null,
    keep = null,
    isQuiet = false,
    mayGenerate = false,
    describes = false,
    Row = null,
  }) {
    this.gate = gate
    this.resolve = resolve
    this.reject = reject
    this.slow = slow
    this.piece = piece
    this.keep = keep
    this.isQuiet = isQuiet
    this.mayGenerate = mayGenerate
    this.describes = describes
    this.Row = Row
    /** Rows that have come, and how many of them are built. */
    this.rows = null
    this.built = 0
    /** The results before this one, and what of them is kept. */
    this.results = null
    this.kept = null
  }

  /** Whatever comes from now on is of no interest. */
  leave() {
    this.resolve = this.reject = this.piece = ignore
    this.keep = this.kept = null
  }
}

function ignore() {}

module.exports = { Call }
