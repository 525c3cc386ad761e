'use strict'

const { callBack, emitFields, reportError, settle } = require('./reports.js')

/** Emits the pieces of a stream as events, no faster than they are wanted, or gathers them for a callback. */
class Pump {
  #query
  #reader
  #context
  #native = null
  #queue = []
  #index = -1
  #last = null
  #isRunning = false
  /** Whether the result at #index is known to be complete. */
  #isComplete = true
  /** Of a query with a callback. */
  #gathered = null
  /** What a typeCast of the caller's has thrown. */
  #failure = null

  constructor(query, reader, context) {
    this.#query = query
    this.#reader = reader
    this.#context = context
    if (typeof query.onResult === 'function') this.#gathered = { results: [], fields: [] }
  }

  open(native) {
    this.#native = native
  }

  leave() {
    this.#native.leave()
  }

  take(part, size) {
    if (part.rows === undefined) this.#queue.push({ done: part, size })
    else if (part.rows.length === 0) this.#queue.push({ head: part, size })
    else this.#queue.push({ part, rows: null, at: 0, size })
    this.resume()
  }

  end(done) {
    this.#last = () => {
      const query = this.#query
      const { flavour } = this.#context
      query._pump = null
      if (this.#failure !== null) {
        reportError(query, this.#failure, {}, this.#context, done)
        return
      }
      try {
        if (this.#gathered !== null) callBack(query, flavour, null, ...this.#outcome())
      } finally {
        settle(query, flavour, done)
      }
    }
    this.resume()
  }

  #outcome() {
    const { results, fields } = this.#gathered
    return results.length === 1 ? [results[0], fields[0]] : [results, fields]
  }

  fail(raw, report) {
    this.#last = () => {
      const index = Math.max(this.#index + (this.#isComplete ? 1 : 0), 0)
      report(raw, index, this.#gathered && index > 0 ? this.#before(index) : null)
    }
    this.resume()
  }

  #before(index) {
    const { results, fields } = this.#gathered
    return { results: results.slice(0, index), fields: fields.slice(0, index) }
  }

  resume() {
    // Listeners may pause and resume while they are called.
    if (this.#isRunning) return
    this.#isRunning = true
    try {
      while (!this.#isPaused() && this.#queue.length > 0) {
        if (!this.#step(this.#queue[0])) continue
        const { size } = this.#queue.shift()
        if (size > 0) this.#native.used(size)
      }
    } finally {
      this.#isRunning = false
    }
    if (this.#queue.length > 0 || this.#last === null || this.#isPaused()) return
    const last = this.#last
    this.#last = null
    last()
  }

  #isPaused() {
    return !this.#query._hasLeft && (this.#query._isPaused || this.#context.isPaused())
  }

  // Whether the item is done with.
  #step(item) {
    const query = this.#query
    const { isMysql } = this.#context.flavour
    if (query._hasLeft || this.#failure !== null) return true
    if (item.done !== undefined) {
      this.#index++
      this.#isComplete = true
      const header = this.#reader.header(item.done)
      if (this.#gathered !== null) this.#gather(header, undefined)
      else if (isMysql) query.emit('result', header, this.#index)
      else {
        query.emit('fields', undefined)
        query.emit('result', header)
      }
      return true
    }
    if (item.head !== undefined) {
      this.#index++
      this.#isComplete = false
      const fields = this.#reader.fields(item.head)
      if (this.#gathered !== null) this.#gather([], fields)
      else if (isMysql) query.emit('fields', fields, this.#index)
      else emitFields(query, fields, this.#index)
      return true
    }
    try {
      item.rows ??= this.#reader.rows(item.part)
    } catch (error) {
      this.#failure = error
      return true
    }
    // Rust does not tell where a result ends; one that fails on its way mostly does so before its first row.
    this.#isComplete = mayHaveMore(query.sql, this.#context.config)
    if (this.#gathered !== null) {
      for (const row of item.rows) this.#gathered.results.at(-1).push(row)
      return true
    }
    while (item.at < item.rows.length) {
      if (this.#isPaused()) return false
      query.emit('result', item.rows[item.at++], this.#index)
    }
    return true
  }

  #gather(result, fields) {
    this.#gathered.results.push(result)
    this.#gathered.fields.push(fields)
  }
}

/** Whether a text may have further results behind one of rows. */
function mayHaveMore(sql, { multipleStatements }) {
  if (typeof sql !== 'string') return false
  return (multipleStatements && sql.includes(';')) || /^\s*(?:call|execute)\b/i.test(sql)
}

module.exports = { Pump, mayHaveMore }
