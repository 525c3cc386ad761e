'use strict'

module.exports = { createPool, nativeOf }

const { NativePool } = require('./native.js')
const { normaliseOptions } = require('./options.js')
const { enclose } = require('./batch.js')
const { completions } = require('./completions.js')
const { Cached } = require('./cache/cached.js')
const { marksOf } = require('./cache/invalidation.js')
const { Channel } = require('./channel.js')
const { Connection, faceOf } = require('./connection.js')
const { Counts } = require('./counts.js')
const { secretsOf } = require('./cursor.js')
const { Gate } = require('./gate.js')
const { HegarTypeError } = require('./errors.js')
const { fileOf, sendFile } = require('./infile.js')
const { Keysets } = require('./keyset.js')
const { Queries } = require('./queries.js')
const { readLimits } = require('./call-options.js')
const { RowOptions } = require('./row-options.js')
const { begin, transact, isNestedIn } = require('./transaction.js')
const { watchLimits } = require('./watch.js')
const { watchForLeak } = require('./leak.js')
const tracing = require('./tracing.js')

const DRAIN_MS = 5000
// In the form of what Rust reports.
const CLOSED = { code: 'HEGAR_POOL_CLOSED', message: 'the pool is closed; create a new one to run queries' }

/** Opens a pool. Nothing is connected until the first call. */
function createPool(uriOrOptions) {
  return new Pool(normaliseOptions(uriOrOptions))
}

class Pool extends Queries {
  #channel
  #native
  #label
  #gate
  #closing = null
  #limit
  /** How many connections JavaScript holds. */
  #held = 0
  #leakMs
  #hasWarned = false

  constructor({ native, pool }) {
    // First, because it may refuse its options, and nothing is open yet.
    const rows = new RowOptions(pool.rows)
    const target = tracing.targetOf(native)
    const channel = new Channel({
      native: open(native),
      gate: new Gate(),
      settings: {
        timezone: native.timezone,
        queryTimeoutMs: native.queryTimeoutMs,
        mayGenerate: !pool.disableEval,
        trace: pool.trace,
        target,
        rows,
        onSlow: (query) => this.#reportSlow(query),
        tellConnects: () => this.#tellConnects(target),
      },
      refusal: () => this.#refusal(),
      keysets: new Keysets(secretsOf(pool.cursorSecret)),
      counts: new Counts(),
    })
    channel.cached = new Cached(channel, { ...pool.cache, ...native.cache })
    super(channel)
    this.#channel = channel
    this.#gate = channel.gate
    this.#native = channel.native
    this.#label = native.database ?? ''
    this.#limit = native.connectionLimit
    this.#leakMs = pool.leakDetectionMs
    if (native.cache.followBinlog) this.#followBinlog()
  }

  async getConnection(options) {
    return this.#hold(this.getConnection, readLimits('getConnection', options))
  }

  begin(options) {
    return begin((limits) => this.#hold(this.begin, limits), options)
  }

  async transaction(fn, options) {
    if (typeof fn !== 'function') {
      throw new HegarTypeError(
        'transaction: the first argument must be a function, which gets the transaction',
      )
    }
    const work = () => transact(this, (limits) => this.#hold(this.transaction, limits), fn, options)
    return this.#channel.tracedOn(tracing.transaction, {}, work)
  }

  #hold(method, limits) {
    return this.#channel.tracedOn(tracing.acquire, {}, () => this.#take(method, limits))
  }

  async execute(sql, params, options) {
    if (options?.infile === undefined) return super.execute(sql, params, options)
    const site = this.#channel.site(this.execute)
    try {
      const { name, infile, limits } = fileOf(sql, params, options)
      const watch = watchLimits(limits, 'the load')
      let connection
      try {
        connection = await this.#hold(this.execute, watch.limits)
        const face = faceOf(connection, () => null)
        const load = sendFile(face, sql, { name, open: infile, watch })
        return await watch.during(load, () => connection.destroy())
      } catch (error) {
        throw watch.error ?? error
      } finally {
        watch.end()
        // Also ends a load that has not come to its end.
        await connection?.release()
      }
    } catch (error) {
      throw this.#channel.failure(error, sql, site, this.execute)
    }
  }

  async [enclose](wanted, work, watch) {
    const connection = await this.#hold(this.batch, watch.limits)
    try {
      return await connection[enclose](wanted, work, watch)
    } finally {
      await connection.release()
    }
  }

  // Takes a connection; `method` is what the caller called, for the stacks of errors and leaks.
  async #take(method, limits) {
    const site = this.#channel.site(method)
    const watch = this.#leakMs > 0 ? watchForLeak(this, this.#leakMs, method) : null
    // Counted as a call in flight, so that closing the pool waits for its release.
    this.#gate.enter()
    try {
      let native
      const open = (number, ticket) => {
        native = this.#native.openSession(number, ticket)
      }
      const opened = await this.#channel.call('connection', undefined, open, limits)
      const threadId = opened % 2 ** 32
      watch?.begin(threadId)
      this.#held++
      const onRelease = () => {
        watch?.end()
        this.#held--
        this.#gate.leave()
      }
      return new Connection({ native, channel: this.#channel, threadId, onRelease })
    } catch (error) {
      this.#gate.leave()
      throw this.#channel.failure(error, undefined, site, method)
    }
  }

  async health() {
    const started = process.hrtime.bigint()
    const outcome = { status: 'OK', latencyMs: 0 }
    try {
      outcome.latencyMs = await this.#channel.call('health', '', (number) => this.#native.health(number))
    } catch (error) {
      outcome.status = 'Error'
      outcome.latencyMs = Number(process.hrtime.bigint() - started) / 1e6
      outcome.code = this.#channel.failure(error).code
    }
    return { ...outcome, pool: this.stats().pool }
  }

  async invalidate(what) {
    try {
      const marks = marksOf(what)
      await this.#channel.call('invalidate', undefined, (number) => this.#native.invalidate(number, marks))
    } catch (error) {
      throw this.#channel.failure(error, undefined, null, this.invalidate)
    }
  }

  stats() {
    this.#channel.cached?.tellHits()
    return JSON.parse(this.#native.stats())
  }

  metricsText() {
    this.#channel.cached?.tellHits()
    return this.#native.metricsText(this.#label)
  }

  close({ drainMs = DRAIN_MS } = {}) {
    if (!Number.isFinite(drainMs) || drainMs < 0) {
      return Promise.reject(new HegarTypeError('close: drainMs must be a number of milliseconds from 0 up'))
    }
    this.#closing ??= this.#drain(drainMs)
    return this.#closing
  }

  async #drain(drainMs) {
    const started = performance.now()
    await this.#gate.close(drainMs)
    // What is still in flight when nothing is left of it is ended, and rejects; the server may end sessions until then.
    const left = Math.max(0, Math.floor(drainMs - (performance.now() - started)))
    await this.#channel.start('close', '', (number) => this.#native.close(number, left), {
      gate: new Gate(),
    })
  }

  [Symbol.for('nodejs.util.inspect.custom')]() {
    return `Pool ${JSON.stringify(this.stats().pool)}`
  }

  static nativeOf(pool) {
    return typeof pool === 'object' && pool !== null && #native in pool ? pool.#native : undefined
  }

  #refusal() {
    if (this.#gate.isClosed) return CLOSED
    if (this.#held >= this.#limit && !this.#hasWarned && isNestedIn(this)) this.#warnOfNesting()
    return null
  }

  #warnOfNesting() {
    this.#hasWarned = true
    process.emitWarning(
      `a call of the pool inside a transaction waits for a connection while transactions hold all ${this.#limit}: ` +
        'use the transaction that the function was given, or raise connectionLimit',
      { type: 'HegarWarning', code: 'HEGAR_NESTED_CALL' },
    )
  }

  #tellConnects(target) {
    for (const { error, ...connect } of JSON.parse(this.#native.takeConnects())) {
      const failure = error === undefined ? undefined : this.#channel.failure(error)
      tracing.tellAfterwards(tracing.connect, { ...target, ...connect }, failure)
    }
  }

  // Told once; `stats().cache.binlog` has what became of it.
  async #followBinlog() {
    const follow = (number) => this.#native.followBinlog(number)
    try {
      await this.#channel.start('binlog', undefined, follow, { gate: new Gate(), isQuiet: true })
    } catch (raw) {
      const { message } = this.#channel.failure(raw)
      process.emitWarning(
        `what others write is not known, because the server's binary log can not be followed: ${message}`,
        { type: 'HegarWarning', code: 'HEGAR_BINLOG' },
      )
    }
  }

  // After the call has settled: a listener that throws must not take the results of other calls with it.
  #reportSlow(query) {
    process.nextTick(() => this.emit('slowQuery', query))
  }
}

/** The native pool behind a pool; undefined for anything else. */
function nativeOf(pool) {
  return Pool.nativeOf(pool)
}

function open(options) {
  try {
    return new NativePool(JSON.stringify(options), completions)
  } catch (error) {
    throw Channel.thrown(error)
  }
}
