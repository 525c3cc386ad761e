'use strict'

const { NativeTicket } = require('./native.js')
const { HegarError, fromNative } = require('./errors.js')
const { Call } = require('./call.js')
const { begin } = require('./completions.js')
const { follow, unfollow } = require('./signals.js')
const { packParams, noParams } = require('./params.js')
const { statementOf } = require('./statements.js')
const tracing = require('./tracing.js')

const BUSY = {
  code: 'HEGAR_CONNECTION_BUSY',
  message:
    'a stream of this connection is being read, and its other calls would wait for that: read it to its end or leave ' +
    'its loop first, or use the pool',
  fatal: false,
}

const LEFT = {
  code: 'HEGAR_CONNECTION_RELEASED',
  message: 'the connection was given back or its transaction ended before the stream was read to its end',
  fatal: false,
}

/**
 * The way of calls to Rust and back, of a pool or of one connection: what starts them, what counts them, and what
 * turns a report of failure into an error to throw.
 */
class Channel {
  /** The native object that runs statements. */
  native
  gate
  /** The statements and orders of pages by cursor, of the pool. */
  keysets
  /** Counts that are kept for a while; null where statements see what no other connection does. */
  counts
  /** Cached calls; null where there are none, for the same reason. */
  cached = null
  #settings
  #refusal
  /** The tickets of streams that are being read on a held connection; null for a pool, whose calls are independent. */
  #streams

  /**
   * `settings` are those of the pool: `{timezone, mayGenerate, queryTimeoutMs, trace, target, rows, onSlow(query),
   * tellConnects()}`. `refusal()` says, before each
   * call, why there can be none, in the form of what Rust reports, or null.
   */
  constructor({ native, gate, settings, refusal, keysets, counts, streams = null }) {
    this.native = native
    this.gate = gate
    this.keysets = keysets
    this.counts = counts
    this.#settings = settings
    this.#refusal = refusal
    this.#streams = streams
  }

  /** The same pool's way to a held connection, or another face of it. */
  to(native, refusal) {
    const { gate, keysets } = this
    const streams = native === this.native ? this.#streams : new Set()
    const other = new Channel({
      native,
      gate,
      settings: this.#settings,
      refusal,
      keysets,
      counts: null,
      streams,
    })
    other.cached = this.cached?.past('session') ?? null
    return other
  }

  get settings() {
    return this.#settings
  }

  /** How calls want their rows, a RowOptions. */
  get rowOptions() {
    return this.#settings.rows
  }

  /** A text as its statement with packed parameters: `{statement, bytes, length}`. */
  packed(sql, params) {
    const statement = statementOf(sql, params)
    const { bytes, length } = this.pack(statement, params)
    return { statement, bytes, length }
  }

  pack(statement, params) {
    if (params === undefined || params === null) {
      return statement.placeholders === 0 ? noParams : packParams(statement, [], this.#settings.timezone)
    }
    return packParams(statement, params, this.#settings.timezone)
  }

  /**
   * Starts a call: `start(number, ticket)` hands it to Rust. `limits` are `{signal, timeoutMs}` or null. Rows come as
   * `{rows, shape}` where the call `describes` them. `keep(known, value)` gets what a cached call may use again.
   */
  call(operation, sql, start, limits = null, describes = false, keep = null) {
    const refused = this.refused()
    if (refused !== null) return Promise.reject(refused)
    if (limits === null) {
      return this.start(operation, sql, (number) => start(number, null), { describes, keep })
    }
    const { signal, timeoutMs } = limits
    if (signal?.aborted) return Promise.reject(abortedBefore(signal))
    const ticket = new NativeTicket(timeoutMs)
    const outcome = this.start(operation, sql, (number) => start(number, ticket), { describes, keep })
    return signal === undefined ? outcome : untilAborted(signal, ticket, outcome)
  }

  /**
   * Starts a stream: `onPiece(rowsOrBytes, size)` gets its pieces. Gives `{used(size), leave(), outcome}`, to tell what
   * has been used and to end the stream.
   */
  stream(sql, start, { signal, timeoutMs = 0 }, onPiece, describes, fail) {
    const refused = this.refused() ?? (signal?.aborted ? abortedBefore(signal) : null)
    if (refused !== null) return { used() {}, leave() {}, outcome: Promise.reject(refused) }
    const ticket = new NativeTicket(timeoutMs)
    let cut
    const cutOff = new Promise((_, reject) => (cut = reject))
    const open = {
      leave() {
        cut(LEFT)
        ticket.leave()
      },
    }
    this.#streams?.add(open)
    const end = () => this.#streams?.delete(open)
    const hand = (number) => start(number, ticket)
    const run = () => {
      const begun = this.start('stream', sql, hand, { describes, piece: onPiece })
      const outcome = signal === undefined ? begun : untilAborted(signal, ticket, begun)
      const first = Promise.race([outcome, cutOff])
      if (!tracing.isWatched(tracing.query)) return first
      // Made an error here already, so that those who trace get what the reader does.
      return first.catch((error) => {
        throw fail(error)
      })
    }
    return {
      used: afterEvents((size) => ticket.used(size)),
      leave() {
        end()
        ticket.leave()
      },
      outcome: this.traced(sql, run).finally(end),
    }
  }

  /** Ends the streams of a held connection, which its other calls would wait for. */
  leaveStreams() {
    for (const open of this.#streams ?? []) open.leave()
    this.#streams?.clear()
  }

  /** Why there can be no call now, in the form of what Rust reports, or null. */
  refused() {
    return this.#refusal() ?? (this.#streams?.size > 0 ? BUSY : null)
  }

  /** Runs `work()`, a call with this statement, between the events of `hegar-native:query` if somebody listens. */
  traced(sql, work) {
    if (!tracing.isWatched(tracing.query)) return work()
    const attributes = { ...this.#settings.target, ...tracing.describeQuery(sql) }
    return tracing.traced(tracing.query, attributes, work)
  }

  /** The same on another channel. */
  tracedOn(channel, attributes, work) {
    if (!tracing.isWatched(channel)) return work()
    return tracing.traced(channel, { ...this.#settings.target, ...attributes }, work)
  }

  /** Starts a call in Rust, also one that ends things, and gives the promise of its outcome. */
  start(
    operation,
    sql,
    start,
    { describes = false, gate = this.gate, piece = null, keep = null, isQuiet = false } = {},
  ) {
    const { mayGenerate, onSlow, tellConnects } = this.#settings
    const isWatched = tracing.isWatched(tracing.connect)
    // From here on they are kept.
    if (isWatched) tellConnects()
    const outcome = new Promise((resolve, reject) => {
      const slow = (durationMs, rowCount) => onSlow({ sql, operation, durationMs, rowCount })
      const call = new Call({
        gate,
        resolve,
        reject,
        slow,
        piece,
        keep,
        isQuiet,
        mayGenerate,
        describes,
      })
      try {
        begin(call, start)
      } catch (error) {
        reject(thrownBy(error))
      }
    })
    return isWatched ? outcome.finally(tellConnects) : outcome
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
    return error instanceof Error ? error : fromNative(error, sql, site)
  }

  /** An error that a native function threw carries its fields as JSON in the message. */
  static thrown(error) {
    return thrownBy(error)
  }
}

// Told at once, Rust would have the next piece ready before other events had their turn, and the next after it.
function afterEvents(tell) {
  let sum = 0
  return (size) => {
    if (sum === 0) {
      setImmediate(() => {
        const total = sum
        sum = 0
        tell(total)
      })
    }
    sum += size
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
