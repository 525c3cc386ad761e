'use strict'

const { NativeTicket } = require('./native.js')
const { HegarError, fromNative } = require('./errors.js')
const { begin, cancel } = require('./completions.js')
const { follow, unfollow } = require('./signals.js')
const { packParams, noParams } = require('./params.js')

/**
 * The way of calls to Rust and back, of a pool or of one connection: what starts them, what counts them, and what
 * turns a report of failure into an error to throw.
 */
class Channel {
  /** The native object that runs statements. */
  native
  gate
  #settings
  #refusal

  /**
   * `settings` are those of the pool: `{timezone, mayGenerate, trace, onSlow(query)}`. `refusal()` says, before each
   * call, why there can be none, in the form of what Rust reports, or null.
   */
  constructor({ native, gate, settings, refusal }) {
    this.native = native
    this.gate = gate
    this.#settings = settings
    this.#refusal = refusal
  }

  /** The same pool's way to another native object. */
  to(native, refusal) {
    return new Channel({ native, gate: this.gate, settings: this.#settings, refusal })
  }

  pack(statement, params) {
    if (params === undefined || params === null) {
      return statement.placeholders === 0 ? noParams : packParams(statement, [], this.#settings.timezone)
    }
    return packParams(statement, params, this.#settings.timezone)
  }

  /** Starts a call: `start(number, ticket)` hands it to Rust. `limits` are `{signal, timeoutMs}` or null. */
  call(operation, sql, start, limits = null) {
    const refused = this.#refusal()
    if (refused !== null) return Promise.reject(refused)
    if (limits === null) return this.start(operation, sql, (number) => start(number, null))
    const { signal, timeoutMs } = limits
    if (signal?.aborted) return Promise.reject(abortedBefore(signal))
    const ticket = new NativeTicket(timeoutMs)
    const outcome = this.start(operation, sql, (number) => start(number, ticket))
    return signal === undefined ? outcome : untilAborted(signal, ticket, outcome)
  }

  /** Starts a call in Rust, also one that ends things, and gives the promise of its outcome. */
  start(operation, sql, start, gate = this.gate) {
    const { mayGenerate, onSlow } = this.#settings
    return new Promise((resolve, reject) => {
      const slow = (durationMs, rowCount) => onSlow({ sql, operation, durationMs, rowCount })
      const number = begin({ gate, resolve, reject, slow, mayGenerate, rows: null, built: 0 })
      try {
        start(number)
      } catch (error) {
        cancel(number)
        reject(thrownBy(error))
      }
    })
  }

  /** Where the caller called, for its stack. Without `trace` the stack still shows it to those who await. */
  site(method) {
    if (!this.#settings.trace) return null
    const site = {}
    Error.captureStackTrace(site, method)
    return site
  }

  /** What Rust reported, what was thrown here at once, or what failed while a value was built. */
  failure(error, sql, site, method) {
    if (error instanceof HegarError) {
      if (typeof sql === 'string') error.sql ??= sql
      // Who called may lie below more frames of ours than a stack has lines.
      if (method) Error.captureStackTrace(error, method)
      return error
    }
    if (!(error instanceof Error)) return fromNative(error, sql, site)
    if (!(error instanceof SyntaxError)) return error
    const message = `a column holds text that is no JSON: ${error.message}; set jsonStrings to read it as text`
    return fromNative({ code: 'HEGAR_UNSUPPORTED', message }, sql, site)
  }

  /** An error that a native function threw carries its fields as JSON in the message. */
  static thrown(error) {
    return thrownBy(error)
  }
}

async function untilAborted(signal, ticket, outcome) {
  follow(signal, ticket)
  try {
    return await outcome
  } catch (error) {
    throw error?.code === 'HEGAR_ABORTED' ? { ...error, reason: signal.reason } : error
  } finally {
    unfollow(signal, ticket)
  }
}

// In the form of what Rust reports.
function abortedBefore(signal) {
  const message = 'the call was aborted by its signal before it began'
  return { code: 'HEGAR_ABORTED', message, fatal: false, reason: signal.reason }
}

function thrownBy(error) {
  try {
    return fromNative(JSON.parse(error.message))
  } catch {
    return new HegarError(error.message, { code: 'HEGAR_INTERNAL', cause: error })
  }
}

module.exports = { Channel }
