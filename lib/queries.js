'use strict'

const { EventEmitter } = require('node:events')
const { readsOf, groupOf, resultsOf } = require('./all.js')
const { runBatch } = require('./batch.js')
const { HegarTypeError } = require('./errors.js')
const { statementOf } = require('./statements.js')
const { planPage, pageOf } = require('./page.js')
const { countKey, totalOf, estimateOf } = require('./counts.js')
const { castRows } = require('./rows.js')
const {
  PLAIN,
  rowReaders,
  jsonReaders,
  streamReaders,
  jsonStreamReaders,
  pageRowOptions,
} = require('./row-options.js')
const { noParams } = require('./params.js')
const { watchLimits } = require('./watch.js')
const { RowStream, JsonStream, FORMS } = require('./stream.js')
const { readCallOptions, readLimits, limitsOf } = require('./call-options.js')
const { plain } = require('./results.js')
const { runScript } = require('./script.js')

// How long the rows of a stream may lie unused before its connection is taken back.
const STALL_MS = 60_000
/** The calls that a pool, a held connection and a transaction have in common. */
class Queries extends EventEmitter {
  #channel

  static {
    // Around the methods and not in them, so that what is told of a call is what its caller sees.
    for (const name of [
      'query',
      'queryOne',
      'execute',
      'queryJson',
      'paginate',
      'paginateJson',
      'call',
      'batch',
      'all',
      'allJson',
    ]) {
      const method = this.prototype[name]
      this.prototype[name] = function (sql, params, options) {
        return this.#channel.traced(sql, () => method.call(this, sql, params, options))
      }
      Object.defineProperty(this.prototype[name], 'name', { value: name })
    }
  }

  constructor(channel) {
    super()
    this.#channel = channel
  }

  async query(sql, params, options) {
    const site = this.#channel.site(this.query)
    try {
      const { wanted, limits } = this.#asked('query', options, rowReaders)
      return plain(await this.#rows(sql, params, 0, 'query', wanted, limits))
    } catch (error) {
      throw this.#channel.failure(error, sql, site, this.query)
    }
  }

  async queryOne(sql, params, options) {
    const site = this.#channel.site(this.queryOne)
    try {
      const { wanted, limits } = this.#asked('queryOne', options, rowReaders)
      const result = await this.#rows(sql, params, 1, 'query', wanted, limits)
      if (result.columns !== undefined) return { row: result.rows[0] ?? null, columns: result.columns }
      return Array.isArray(result) ? (result[0] ?? null) : null
    } catch (error) {
      throw this.#channel.failure(error, sql, site, this.queryOne)
    }
  }

  async execute(sql, params, options) {
    const site = this.#channel.site(this.execute)
    try {
      const { wanted, limits } = this.#asked('execute', options, rowReaders)
      return plain(await this.#rows(sql, params, 0, 'execute', wanted, limits))
    } catch (error) {
      throw this.#channel.failure(error, sql, site, this.execute)
    }
  }

  async queryJson(sql, params, options) {
    const site = this.#channel.site(this.queryJson)
    try {
      const { wanted, limits } = this.#asked('queryJson', options, jsonReaders)
      const result = await this.#json(sql, params, wanted.native, limits)
      return jsonBytes(result, wanted)
    } catch (error) {
      throw this.#channel.failure(error, sql, site, this.queryJson)
    }
  }

  cachedQuery(sql, params, options) {
    const kept = this.#channel.cached?.find(false, sql, params, options)
    return kept ?? this.#channel.traced(sql, () => this.#cachedRows(sql, params, options))
  }

  async #cachedRows(sql, params, options) {
    const site = this.#channel.site(this.cachedQuery)
    try {
      const { cached } = this.#channel
      const asked = cached.ask(false, options)
      const { wanted, limits } = asked
      if (cached.goesPast(asked)) return plain(await this.#rows(sql, params, 0, 'query', wanted, limits))
      return plain(finished(await cached.give(asked, sql, params), wanted))
    } catch (error) {
      throw this.#channel.failure(error, sql, site, this.cachedQuery)
    }
  }

  cachedQueryJson(sql, params, options) {
    const kept = this.#channel.cached?.find(true, sql, params, options)
    return kept ?? this.#channel.traced(sql, () => this.#cachedJson(sql, params, options))
  }

  async #cachedJson(sql, params, options) {
    const site = this.#channel.site(this.cachedQueryJson)
    try {
      const { cached } = this.#channel
      const asked = cached.ask(true, options)
      if (!cached.goesPast(asked)) return jsonBytes(await cached.give(asked, sql, params), asked.wanted)
      return jsonBytes(await this.#json(sql, params, asked.wanted.native, asked.limits), asked.wanted)
    } catch (error) {
      throw this.#channel.failure(error, sql, site, this.cachedQueryJson)
    }
  }

  stream(sql, params, options) {
    const read = readCallOptions('stream', options, streamReaders)
    const wanted = this.#channel.rowOptions.read(read)
    return new RowStream(this.#stream(sql, params, FORMS.objects, wanted, read, this.stream))
  }

  streamJson(sql, params, options) {
    const read = readCallOptions('streamJson', options, jsonStreamReaders)
    const form = FORMS[read.format ?? 'array']
    const wanted = this.#channel.rowOptions.read(read, { inLines: form === FORMS.ndjson })
    return new JsonStream(this.#stream(sql, params, form, wanted, read, this.streamJson))
  }

  async paginate(sql, params, options) {
    const site = this.#channel.site(this.paginate)
    try {
      const plan = planPage(this.#channel.keysets, 'paginate', sql, params, options)
      const { data, count } = plan
      const left = leftOf(plan.limits)
      const known = await this.#known(plan)
      const limits = left()
      const counts = count !== null && known === null
      // Checked before the first of the two is sent, so that no answer comes to nobody.
      if (counts) this.#channel.pack(statementOf(count.sql, count.params), count.params)
      const wanted = this.#channel.rowOptions.read(pageRowOptions(options))
      const rows = plan.keyset === null ? 0 : plan.limit
      const [result, counted] = await Promise.all([
        this.#rows(data.sql, data.params, rows, 'query', wanted, limits, plan),
        counts ? this.#rows(count.sql, count.params, 1, 'query', PLAIN, limits) : null,
      ])
      return pageOf(plan, result, counted, known)
    } catch (error) {
      throw this.#channel.failure(error, sql, site, this.paginate)
    }
  }

  async paginateJson(sql, params, options) {
    const site = this.#channel.site(this.paginateJson)
    try {
      const plan = planPage(this.#channel.keysets, 'paginateJson', sql, params, options)
      const left = leftOf(plan.limits)
      const known = await this.#known(plan)
      return await this.#page({ ...plan, limits: left() }, known, options)
    } catch (error) {
      throw this.#channel.failure(error, sql, site, this.paginateJson)
    }
  }

  /** The total of a page that is known, or asked for, before its rows: `{rows, isEstimate}` or null. */
  async #known({ count, limits }) {
    if (count?.mode === 'cached' && this.#channel.counts !== null) {
      const statement = statementOf(count.sql, count.params)
      const key = countKey(count.sql, this.#channel.pack(statement, count.params))
      // Its own limit, where that is longer than the pool's.
      const { queryTimeoutMs } = this.#channel.settings
      const timeoutMs = limits?.timeoutMs ?? 0
      const patience = queryTimeoutMs > 0 && timeoutMs > queryTimeoutMs ? { timeoutMs } : null
      const load = async () => totalOf(await this.#rows(count.sql, count.params, 1, 'query', PLAIN, patience))
      // Others wait for the same count, so it has no limits but its caller does.
      const watch = watchLimits(limits, 'the wait for a count')
      try {
        const rows = await watch.during(this.#channel.counts.get(key, count.ttlMs, load), () => {})
        return { rows, isEstimate: false }
      } finally {
        watch.end()
      }
    }
    if (count?.mode === 'estimate') {
      const rows = estimateOf(
        await this.#rows(`EXPLAIN FORMAT=JSON ${count.text}`, count.params, 1, 'query', PLAIN, limits),
      )
      return rows === null ? null : { rows, isEstimate: true }
    }
    return null
  }

  async all(queries, options) {
    const site = this.#channel.site(this.all)
    let asked = null
    try {
      const limits = readLimits('all', options)
      asked = readsOf('all', queries, rowReaders, this.#channel.rowOptions)
      const { reads } = asked
      if (reads.length === 0) return resultsOf(asked, [])
      const group = groupOf(asked, false, (sql, params) => this.#channel.packed(sql, params))
      const describes = reads.some(({ wanted }) => wanted.describes)
      const start = (number, ticket) => this.#channel.native.all(number, group, ticket)
      const { list } = await this.#channel.call('query', reads[0].sql, start, limits, describes)
      return resultsOf(asked, list, (result, wanted) => plain(finished(result, wanted)))
    } catch (error) {
      throw this.#failureOf(error, asked, site, this.all)
    }
  }

  async allJson(queries, options) {
    const site = this.#channel.site(this.allJson)
    let asked = null
    try {
      const limits = readLimits('allJson', options)
      asked = readsOf('allJson', queries, jsonReaders, this.#channel.rowOptions)
      if (asked.reads.length === 0) return Buffer.from(asked.names === null ? '[]' : '{}')
      const group = groupOf(asked, true, (sql, params) => this.#channel.packed(sql, params))
      const start = (number, ticket) => this.#channel.native.all(number, group, ticket)
      return await this.#channel.call('json', asked.reads[0].sql, start, limits)
    } catch (error) {
      throw this.#failureOf(error, asked, site, this.allJson)
    }
  }

  // Names the read of a group that failed, where it is one of them.
  #failureOf(error, asked, site, method) {
    const read = asked?.reads[error?.part]
    const failure = this.#channel.failure(error, read?.sql, site, method)
    if (read !== undefined) {
      failure.query = asked.names?.[error.part] ?? error.part
      delete failure.part
    }
    return failure
  }

  async batch(sql, rows, options) {
    const site = this.#channel.site(this.batch)
    try {
      return await runBatch(this, this.#channel.settings, sql, rows, options)
    } catch (error) {
      throw this.#channel.failure(error, sql, site, this.batch)
    }
  }

  async call(sql, params, options) {
    const site = this.#channel.site(this.call)
    try {
      const limits = readLimits('call', options)
      const statement = statementOf(sql, params)
      const packed = this.#channel.pack(statement, params)
      const start = (number, ticket) =>
        this.#channel.native.results(
          number,
          statement.native,
          packed.bytes,
          packed.length,
          this.#channel.rowOptions.plain.native,
          ticket,
        )
      return callResult(await this.#channel.call('query', sql, start, limits))
    } catch (error) {
      throw this.#channel.failure(error, sql, site, this.call)
    }
  }

  async script(sql, options) {
    const site = this.#channel.site(this.script)
    try {
      return await runScript(this, sql, options, plain)
    } catch (error) {
      throw this.#channel.failure(error, undefined, site, this.script)
    }
  }

  // What a call with these options wants of its rows, and what may end it.
  #asked(method, options, readers) {
    const { rowOptions } = this.#channel
    if (options === undefined || options === null) return rowOptions.plainCall
    const read = readCallOptions(method, options, readers)
    return { wanted: rowOptions.read(read), limits: limitsOf(read) }
  }

  #rows(sql, params, limit, operation, wanted, limits, plan) {
    const statement = statementOf(sql, params)
    const packed = this.#channel.pack(statement, params)
    const start = (number, ticket) =>
      this.#channel.native.query(
        number,
        statement.native,
        packed.bytes,
        packed.length,
        limit,
        operation === 'execute',
        wanted.native,
        ticket,
        plan?.keyset?.native,
        plan?.place,
      )
    if (!wanted.describes) return this.#channel.call(operation, sql, start, limits)
    return this.#channel.call(operation, sql, start, limits, true).then((result) => finished(result, wanted))
  }

  #json(sql, params, shape, limits) {
    const statement = statementOf(sql, params)
    const packed = this.#channel.pack(statement, params)
    const start = (number, ticket) =>
      this.#channel.native.queryJson(number, statement.native, packed.bytes, packed.length, shape, ticket)
    return this.#channel.call('json', sql, start, limits)
  }

  // What a stream begins with. Everything is checked and packed now, however much later that is.
  #stream(sql, params, form, wanted, { stallTimeoutMs = STALL_MS, signal, timeoutMs }, method) {
    const site = this.#channel.site(method)
    let statement
    let bytes
    try {
      statement = statementOf(sql, params)
      const packed = this.#channel.pack(statement, params)
      bytes = Buffer.from(packed.bytes.subarray(0, packed.length))
    } catch (error) {
      throw this.#channel.failure(error, sql, site, method)
    }
    const start = (number, ticket) =>
      this.#channel.native.stream(
        number,
        statement.native,
        bytes,
        bytes.length,
        form,
        wanted.native,
        stallTimeoutMs,
        ticket,
      )
    const fail = (error, reader) => this.#channel.failure(error, sql, site, reader)
    return {
      open: (onPiece) =>
        this.#channel.stream(
          sql,
          start,
          { signal, timeoutMs },
          finishing(wanted, onPiece),
          wanted.describes,
          fail,
        ),
      fail,
    }
  }

  #page({ page, limit, data, count, peeks, keyset, place, limits }, known, options) {
    const { message = 'Success' } = options
    if (typeof message !== 'string') throw new HegarTypeError('paginateJson: message must be a string')
    const wanted = this.#channel.rowOptions.read(pageRowOptions(options))
    if (wanted.functions !== null)
      throw new HegarTypeError('paginateJson: casts must be names, not functions')
    const statement = statementOf(data.sql, data.params)
    const counting = count === null || known !== null ? null : statementOf(count.sql, count.params)
    // Both lists of parameters share one buffer, so the first is copied out of it.
    const packed = this.#channel.pack(statement, data.params)
    const bytes = Buffer.from(packed.bytes.subarray(0, packed.length))
    const counted = counting === null ? noParams : this.#channel.pack(counting, count.params)
    const start = (number, ticket) =>
      this.#channel.native.paginateJson(
        number,
        statement.native,
        bytes,
        bytes.length,
        counting?.native ?? null,
        counted.bytes,
        counted.length,
        wanted.native,
        page,
        limit,
        message,
        ticket,
        peeks,
        known?.rows,
        known?.isEstimate ?? false,
        keyset?.native,
        place,
      )
    return this.#channel.call('paginate', data.sql, start, limits)
  }
}

// What a procedure did: its result sets, and apart from them the values of its OUT parameters.
function callResult({ list, out }) {
  const done = list.findLast((result) => !Array.isArray(result))
  const { affectedRows = 0, insertId = 0, info = '', warningStatus = 0 } = done ?? {}
  return {
    results: list.filter((result, index) => Array.isArray(result) && index !== out),
    out: out === null ? null : list[out][0],
    affectedRows,
    insertId,
    info,
    warningStatus,
  }
}

// What is left of the limits of a call of several steps, from now on.
function leftOf(limits) {
  if (limits === null || limits.timeoutMs === 0) return () => limits
  const end = performance.now() + limits.timeoutMs
  return () => ({ ...limits, timeoutMs: Math.max(1, end - performance.now()) })
}

// What is left to do here for rows that came with their shape.
function finished(result, { functions, wantsColumns }) {
  // Those of a page by cursor stand beside its ends.
  if (result.ends !== undefined) {
    return { ...result, rows: finished(result.rows, { functions, wantsColumns }) }
  }
  if (result.shape === undefined) return result
  const { rows, shape } = result
  if (functions !== null) castRows(rows, shape, functions)
  return wantsColumns ? { rows, columns: shape.columns } : rows
}

// The same for the pieces of a stream.
function finishing(wanted, onPiece) {
  return wanted.describes ? (rows, size) => onPiece(finished(rows, wanted), size) : onPiece
}

// Rows came as bytes; what a statement without rows did is written here.
function jsonBytes(result, { envelope }) {
  if (Buffer.isBuffer(result)) return result
  const [head, tail] = envelope ?? ['', '']
  return Buffer.from(head + jsonOf(plain(result)) + tail)
}

// An insertId past 2^53 is a BigInt, which JSON.stringify refuses and JSON itself can hold.
function jsonOf({ insertId, ...others }) {
  const [first, ...rest] = Object.entries(others).map(([name, value]) => `"${name}":${JSON.stringify(value)}`)
  return `{${[first, `"insertId":${insertId}`, ...rest].join(',')}}`
}

module.exports = { Queries }
