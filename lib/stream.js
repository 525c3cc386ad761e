'use strict'

const { Readable } = require('node:stream')

// The forms that Rust knows by number.
const FORMS = { objects: 0, array: 1, ndjson: 2 }

// How much of a stream waits in a Readable; Rust stays a little further ahead.
const BUFFERED_BYTES = 256 * 1024

const ENDED = Object.freeze({ value: undefined, done: true })

/**
 * The rows of a statement, read while they are used: an async iterator that begins with the first `next()`.
 * `open(onPiece)` starts it in Rust and gives `{used(size), leave(), outcome}`; `fail(error, method)` makes an error to throw.
 */
class RowStream {
  #open
  #fail
  #source = null
  /** Pieces that have come, `{rows, size}`; the first is being read. */
  #pieces = []
  #at = 0
  #isOver = false
  #error = null
  /** Resolves the wait for the next piece. */
  #wake = null
  /** Whether somebody waits for a row; whoever asks meanwhile stands in line. */
  #isAsked = false
  #line = []

  constructor({ open, fail }) {
    this.#open = open
    this.#fail = fail
  }

  next() {
    const piece = this.#pieces[0]
    if (!this.#isAsked && piece !== undefined && this.#at < piece.rows.length) {
      return Promise.resolve(this.#row(piece))
    }
    // Nothing else hangs on this promise, so that the stack of an error shows who awaits it.
    if (!this.#isAsked) return this.#following()
    return new Promise((resolve) => this.#line.push(resolve)).then(() => this.#following())
  }

  /** Ends the stream: its statement is ended on the server and its connection serves on. */
  return(value) {
    this.#leave()
    return Promise.resolve({ value, done: true })
  }

  throw(error) {
    this.#leave()
    return Promise.reject(error)
  }

  [Symbol.asyncIterator]() {
    return this
  }

  [Symbol.asyncDispose]() {
    return this.return().then(ignore)
  }

  // Told row by row: a reader that takes long for each is no reader that has stalled.
  #row({ rows, size }) {
    this.#source.used(Math.floor(size / rows.length))
    return { value: rows[this.#at++], done: false }
  }

  async #following() {
    this.#isAsked = true
    try {
      return await this.#take()
    } finally {
      const next = this.#line.shift()
      this.#isAsked = next !== undefined
      next?.()
    }
  }

  async #take() {
    for (;;) {
      const piece = this.#pieces[0]
      if (piece !== undefined) {
        if (this.#at < piece.rows.length) return this.#row(piece)
        this.#pieces.shift()
        this.#at = 0
        this.#source.used(piece.size % piece.rows.length)
      } else if (this.#error !== null) {
        const error = this.#error
        this.#error = null
        throw this.#fail(error, this.next)
      } else if (this.#isOver) {
        return ENDED
      } else {
        const woken = new Promise((resolve) => (this.#wake = resolve))
        if (this.#source === null) this.#begin()
        await woken
      }
    }
  }

  #begin() {
    this.#source = this.#open((rows, size) => {
      // What was on its way when the reader left.
      if (this.#isOver) return
      this.#pieces.push({ rows, size })
      this.#wake?.()
    })
    this.#source.outcome.then(
      () => this.#end(null),
      (error) => this.#end(error),
    )
  }

  #end(error) {
    if (!this.#isOver) this.#error = error
    this.#isOver = true
    // Where a value could not be built here, Rust knows nothing of it.
    if (error !== null) this.#source.leave()
    this.#wake?.()
  }

  #leave() {
    this.#isOver = true
    this.#error = null
    this.#pieces = []
    this.#at = 0
    this.#source?.leave()
    this.#wake?.()
  }
}

/** The same as JSON bytes, to be piped into a response. */
class JsonStream extends Readable {
  #open
  #fail
  #source = null
  /** What has come since the last read and counts as used at the next one. */
  #unused = 0

  constructor({ open, fail }) {
    super({ highWaterMark: BUFFERED_BYTES })
    this.#open = open
    this.#fail = fail
  }

  _read() {
    if (this.#source === null) {
      this.#begin()
    } else if (this.#unused > 0) {
      this.#source.used(this.#unused)
      this.#unused = 0
    }
  }

  _destroy(error, callback) {
    this.#source?.leave()
    callback(error)
  }

  #begin() {
    const source = this.#open((bytes, size) => {
      if (this.destroyed) return
      try {
        if (this.push(bytes)) source.used(size)
        else this.#unused += size
      } catch (error) {
        // A listener of 'data' threw; that is no failure of the stream, nor of the others whose answers came with it.
        process.nextTick(() => {
          throw error
        })
      }
    })
    this.#source = source
    source.outcome.then(
      () => this.push(null),
      (error) => this.destroy(this.#fail(error)),
    )
  }
}

function ignore() {}

module.exports = { RowStream, JsonStream, FORMS }
