'use strict'

const { NativePool, NativeShape, NativeStatement, NativeTicket } = require('../native.js')
const { Call } = require('../call.js')
const { begin, completions } = require('../completions.js')
const { Gate } = require('../gate.js')
const { HegarError } = require('../errors.js')
const { packParams, noParams } = require('../params.js')
const { statementFor } = require('../statements.js')

// Of the forms of a stream, the one that tells results apart; src/binding/calls.rs has the list.
const RESULTS = 3
const MAX_SHAPES = 200

/**
 * The native pool behind a pool or a connection, for callers with callbacks. An outcome is `{rows, shape}`, what a
 * statement without rows did, or `{list, out}` of several of these; a failure is what Rust reported, not an Error.
 */
class Driver {
  #gate = new Gate()
  #shapes = new Map()
  #mayGenerate
  /** The class of rows, or null for plain objects. */
  #Row
  /** What calls want that have no options of their own. */
  #plain

  /** `native` are complete options, `values` those of them that say how values look. */
  constructor({ native, values, mayGenerate }, Row = null) {
    this.#Row = Row
    this.options = native
    this.values = values
    this.#mayGenerate = mayGenerate
    this.native = openPool(native)
    this.#plain = this.shape({})
  }

  /** How rows are wanted: `{rows, separator}` of a layout, `wire` cells, and `values` that differ from the pool's. */
  shape({ rows = 'objects', separator = '', wire = false, values = null }) {
    const wishes = JSON.stringify({ rows, separator, fields: true, wire, values })
    let shape = this.#shapes.get(wishes)
    if (shape === undefined) {
      shape = new NativeShape(wishes)
      if (this.#shapes.size >= MAX_SHAPES) this.#shapes.clear()
      this.#shapes.set(wishes, shape)
    }
    return shape
  }

  get plain() {
    return this.#plain
  }

  /**
   * Runs a text, which may be several statements, on the pool or a session of it. `literal` says whether a backslash stands
   * for itself in the literals that were written into it, undefined where none were: a session that reads them otherwise
   * refuses it with HEGAR_SQL_MODE, unsent.
   */
  text(target, sql, { shape = this.#plain, timeoutMs = 0, literal }, resolve, reject) {
    const start = (number) => target.text(number, sql, shape, ticketOf(timeoutMs), literal)
    this.start(start, resolve, reject)
  }

  /** Runs a prepared statement with `values`, which are what packParams takes. */
  prepared(target, sql, values, { shape = this.#plain, timeoutMs = 0 }, resolve, reject) {
    this.start(
      (number) => {
        const ticket = ticketOf(timeoutMs)
        const statement = statementFor(sql, false)
        const { bytes, length } = this.#pack(statement, values)
        target.results(number, statement.native, bytes, length, shape, ticket, true)
      },
      resolve,
      reject,
    )
  }

  /**
   * Runs a statement, prepared with `values` or as text without, and hands its results on piece by piece: `{rows, shape}`
   * without rows before the first row of each, then with some, or what a statement did. `used(size)` of the answer has to
   * be told of each piece; `leave()` ends the statement.
   */
  stream(target, sql, values, { shape = this.#plain, timeoutMs = 0, literal }, piece, resolve, reject) {
    const ticket = new NativeTicket(timeoutMs)
    this.start(
      (number) => {
        const statement =
          values === null ? { native: NativeStatement.opaque(sql, literal) } : statementFor(sql, false)
        const { bytes, length } = values === null ? noParams : this.#pack(statement, values)
        target.stream(number, statement.native, bytes, length, RESULTS, shape, 0, ticket)
      },
      resolve,
      reject,
      { piece },
    )
    return { used: (size) => ticket.used(size), leave: () => ticket.leave() }
  }

  #pack(statement, values) {
    if (values.length === 0 && statement.placeholders === 0) return noParams
    return packParams(statement, values, this.values.timezone)
  }

  /** Starts a call in Rust: `start(number)` hands it over. One that `isQuiet` does not keep the process alive. */
  start(start, resolve, reject, { piece = null, isQuiet = false } = {}) {
    const call = new Call({
      gate: isQuiet ? new Gate() : this.#gate,
      resolve,
      reject,
      piece,
      isQuiet,
      mayGenerate: this.#mayGenerate,
      describes: true,
      Row: this.#Row,
    })
    try {
      begin(call, start)
    } catch (error) {
      reject(error)
    }
  }

  /** Ends everything; calls that are not done within `drainMs` are ended. */
  close(drainMs, done) {
    this.start((number) => this.native.close(number, drainMs), done, done)
  }

  /** Has new connections log in with another password. */
  setPassword(password) {
    this.native.setPassword(password)
  }

  stats() {
    return JSON.parse(this.native.stats())
  }
}

function ticketOf(timeoutMs) {
  return timeoutMs > 0 ? new NativeTicket(timeoutMs) : null
}

function openPool(options) {
  try {
    return new NativePool(JSON.stringify(options), completions)
  } catch (error) {
    throw new HegarError(error.message, { code: 'HEGAR_OPTION_INVALID', cause: error })
  }
}

module.exports = { Driver }
