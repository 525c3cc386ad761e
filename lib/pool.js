'use strict'

module.exports = { createPool }

const { EventEmitter } = require('node:events')
const { NativePool } = require('./native.js')
const { HegarError, HegarTypeError, fromNative } = require('./errors.js')
const { normaliseOptions } = require('./options.js')
const { completions, begin, cancel } = require('./completions.js')
const { packParams, noParams } = require('./params.js')
const { Gate } = require('./gate.js')
const { statementFor } = require('./statements.js')
const { shapeFor } = require('./shape.js')
const { pageStatements } = require('./page.js')
const { pageSummary } = require('./pagination.js')

const DRAIN_MS = 5000
// In the form of what Rust reports.
const CLOSED = { code: 'HEGAR_POOL_CLOSED', message: 'the pool is closed; create a new one to run queries' }

/** Opens a pool. Nothing is connected until the first call. */
function createPool(uriOrOptions) {
  return new Pool(normaliseOptions(uriOrOptions))
}

class Pool extends EventEmitter {
  #native
  #timezone
  #label
  #mayGenerate
  #trace
  #gate = new Gate()
  #closing = null

  constructor({ native, pool }) {
    super()
    try {
      this.#native = new NativePool(JSON.stringify(native), completions)
    } catch (error) {
      throw thrownBy(error)
    }
    this.#timezone = native.timezone
    this.#label = native.database ?? ''
    this.#mayGenerate = !pool.disableEval
    this.#trace = pool.trace
  }

  async query(sql, params) {
    const site = this.#site(this.query)
    try {
      return plain(await this.#rows(sql, params, 0, 'query'))
    } catch (error) {
      throw this.#failure(error, sql, site, this.query)
    }
  }

  async queryOne(sql, params) {
    const site = this.#site(this.queryOne)
    try {
      const rows = await this.#rows(sql, params, 1, 'query')
      return Array.isArray(rows) ? (rows[0] ?? null) : null
    } catch (error) {
      throw this.#failure(error, sql, site, this.queryOne)
    }
  }

  async execute(sql, params) {
    const site = this.#site(this.execute)
    try {
      return plain(await this.#rows(sql, params, 0, 'execute'))
    } catch (error) {
      throw this.#failure(error, sql, site, this.execute)
    }
  }

  async queryJson(sql, params, options) {
    const site = this.#site(this.queryJson)
    try {
      const result = await this.#json(sql, params, shapeFor(options?.shape))
      return Buffer.isBuffer(result) ? result : Buffer.from(jsonOf(plain(result)))
    } catch (error) {
      throw this.#failure(error, sql, site, this.queryJson)
    }
  }

  async paginate(sql, params, options) {
    const site = this.#site(this.paginate)
    try {
      const { page, limit, data, count } = pageStatements(sql, params, options)
      // Checked before the first of the two is sent, so that no answer comes to nobody.
      if (count !== null) this.#pack(statementOf(count.sql, count.params), count.params)
      const [rows, counted] = await Promise.all([
        this.#rows(data.sql, data.params, 0, 'query'),
        count === null ? null : this.#rows(count.sql, count.params, 1, 'query'),
      ])
      const total = counted === null ? null : totalOf(counted)
      const hasNext = total === null && rows.length < limit ? false : null
      return { data: rows, pagination: pageSummary({ page, limit, total, hasNext }) }
    } catch (error) {
      throw this.#failure(error, sql, site, this.paginate)
    }
  }

  async paginateJson(sql, params, options) {
    const site = this.#site(this.paginateJson)
    try {
      return await this.#page(pageStatements(sql, params, options), options)
    } catch (error) {
      throw this.#failure(error, sql, site, this.paginateJson)
    }
  }

  async health() {
    const started = process.hrtime.bigint()
    const outcome = { status: 'OK', latencyMs: 0 }
    try {
      outcome.latencyMs = await this.#call('health', '', (number) => this.#native.health(number))
    } catch (error) {
      outcome.status = 'Error'
      outcome.latencyMs = Number(process.hrtime.bigint() - started) / 1e6
      outcome.code = this.#failure(error).code
    }
    return { ...outcome, pool: this.stats().pool }
  }

  stats() {
    return JSON.parse(this.#native.stats())
  }

  metricsText() {
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
    await this.#gate.close(drainMs)
    // What is still in flight now is ended, and rejects.
    await this.#start('close', '', (number) => this.#native.close(number, 0), new Gate())
  }

  [Symbol.for('nodejs.util.inspect.custom')]() {
    return `Pool ${JSON.stringify(this.stats().pool)}`
  }

  #rows(sql, params, limit, operation) {
    const statement = statementOf(sql, params)
    const packed = this.#pack(statement, params)
    return this.#call(operation, sql, (number) =>
      this.#native.query(
        number,
        statement.native,
        packed.bytes,
        packed.length,
        limit,
        operation === 'execute',
      ),
    )
  }

  #json(sql, params, shape) {
    const statement = statementOf(sql, params)
    const packed = this.#pack(statement, params)
    return this.#call('json', sql, (number) =>
      this.#native.queryJson(number, statement.native, packed.bytes, packed.length, shape),
    )
  }

  #page({ page, limit, data, count }, { shape, message = 'Success' }) {
    if (typeof message !== 'string') throw new HegarTypeError('paginateJson: message must be a string')
    const compiled = shapeFor(shape)
    const statement = statementOf(data.sql, data.params)
    const counting = count === null ? null : statementOf(count.sql, count.params)
    // Both lists of parameters share one buffer, so the first is copied out of it.
    const packed = this.#pack(statement, data.params)
    const bytes = Buffer.from(packed.bytes.subarray(0, packed.length))
    const counted = counting === null ? noParams : this.#pack(counting, count.params)
    return this.#call('paginate', data.sql, (number) =>
      this.#native.paginateJson(
        number,
        statement.native,
        bytes,
        bytes.length,
        counting?.native ?? null,
        counted.bytes,
        counted.length,
        compiled,
        page,
        limit,
        message,
      ),
    )
  }

  #pack(statement, params) {
    if (params === undefined || params === null) {
      return statement.placeholders === 0 ? noParams : packParams(statement, [], this.#timezone)
    }
    return packParams(statement, params, this.#timezone)
  }

  #call(operation, sql, start) {
    if (this.#gate.isClosed) return Promise.reject(CLOSED)
    return this.#start(operation, sql, start, this.#gate)
  }

  // Starts a call in Rust and gives the promise of its outcome.
  #start(operation, sql, start, gate) {
    return new Promise((resolve, reject) => {
      const slow = (durationMs, rowCount) => this.#reportSlow({ sql, operation, durationMs, rowCount })
      const number = begin({
        gate,
        resolve,
        reject,
        slow,
        mayGenerate: this.#mayGenerate,
        rows: null,
        built: 0,
      })
      try {
        start(number)
      } catch (error) {
        cancel(number)
        reject(thrownBy(error))
      }
    })
  }

  // After the call has settled: a listener that throws must not take the results of other calls with it.
  #reportSlow(query) {
    process.nextTick(() => this.emit('slowQuery', query))
  }

  // Where the caller called, for its stack. Without `trace` the stack still shows it to those who await.
  #site(method) {
    if (!this.#trace) return null
    const site = {}
    Error.captureStackTrace(site, method)
    return site
  }

  // What Rust reported, what was thrown here at once, or what failed while a value was built.
  #failure(error, sql, site, method) {
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
}

function statementOf(sql, params) {
  if (params === undefined || params === null || Array.isArray(params)) return statementFor(sql, false)
  if (typeof params !== 'object') {
    throw new HegarTypeError(
      `parameters must be an array for ? or an object for :name, not ${typeof params}; put a single value in an array`,
    )
  }
  return statementFor(sql, true)
}

// What a statement did, in mysql2's names; rows stay rows.
function plain(result) {
  if (Array.isArray(result)) return result
  const { affectedRows, insertId, info, warningStatus } = result
  return {
    affectedRows,
    insertId,
    info,
    warningStatus,
    changedRows: Number(/Changed: (\d+)/.exec(info)?.[1] ?? 0),
  }
}

// An insertId past 2^53 is a BigInt, which JSON.stringify refuses and JSON itself can hold.
function jsonOf({ insertId, ...others }) {
  const [first, ...rest] = Object.entries(others).map(([name, value]) => `"${name}":${JSON.stringify(value)}`)
  return `{${[first, `"insertId":${insertId}`, ...rest].join(',')}}`
}

function totalOf(counted) {
  const first = Array.isArray(counted) && counted.length > 0 ? Object.values(counted[0])[0] : undefined
  const total = Number(first)
  if (first === null || first === undefined || !Number.isSafeInteger(total) || total < 0) {
    throw new HegarTypeError('paginate: the count statement must return one row with one whole number')
  }
  return total
}

// An error that a native function threw carries its fields as JSON in the message.
function thrownBy(error) {
  try {
    return fromNative(JSON.parse(error.message))
  } catch {
    return new HegarError(error.message, { code: 'HEGAR_INTERNAL', cause: error })
  }
}
