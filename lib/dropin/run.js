'use strict'

const { castRows } = require('./cells.js')
const { errorOf } = require('./errors.js')
const { wantsOf } = require('./row-wants.js')

/**
 * Runs a query on a target, a session or the pool itself. `context` is `{driver, target, connection, config, flavour,
 * onStatus(serverStatus), rewrite(query, done), isPaused(), onPump(pump), onFailure(raw, error, hasHandler)}`; `values` are those of a prepared statement, null for a
 * text. `done()` is called when the connection is free again.
 */
function run(query, sql, values, context, done) {
  const { driver, config, flavour } = context
  let wants
  try {
    wants = wantsOf(driver, config, query._options, flavour.isMysql)
  } catch (error) {
    // An option of the query that is none.
    process.nextTick(() => reportError(query, error, {}, context, done))
    return
  }
  const reader = new Reader(wants, values !== null, context)
  const options = { shape: wants.shape, timeoutMs: timeoutOf(query), literal: query._literal }
  const failed = (raw, index = 0, gathered = null) => {
    // The session has turned out to read literals otherwise; nothing was sent.
    if (raw.code === 'HEGAR_SQL_MODE' && !query._isRewritten) {
      query._isRewritten = true
      context.rewrite(query, done)
      return
    }
    const error = errorOf(raw, {
      // To mysql2 an empty text is none, unless it was to be prepared.
      sql: sql === '' && values === null && !flavour.isMysql ? undefined : sql,
      index,
      config,
      isMysql: flavour.isMysql,
      operation: query.constructor.name,
      timeout: query.timeout,
    })
    reportError(query, context.connection?._toldFor(error) ?? error, raw, context, done, gathered)
  }
  const gathers = typeof query.onResult === 'function'
  if (!gathers || (flavour.isMysql && mayHaveMore(sql, config))) {
    stream(query, sql, values, options, reader, context, failed, done)
    return
  }
  const fail = (raw) => process.nextTick(() => failed(raw))
  const finish = (outcome) => process.nextTick(() => reportResult(query, outcome, reader, context, done))
  if (values === null) driver.text(context.target, sql ?? '', options, finish, fail)
  else driver.prepared(context.target, sql, values, options, finish, fail)
}

const LONGEST = 2 ** 31 - 1

function timeoutOf({ timeout }) {
  const timeoutMs = Number(timeout)
  return timeoutMs > 0 ? Math.min(timeoutMs, LONGEST) : 0
}

// Whether mysql would give results with the error of one that comes after them.
function mayHaveMore(sql, { multipleStatements }) {
  if (typeof sql !== 'string') return false
  return (multipleStatements && sql.includes(';')) || /^\s*(?:call|execute)\b/i.test(sql)
}

/** Makes of what Rust gives what the originals give. */
class Reader {
  #wants
  #isBinary
  #context

  constructor(wants, isBinary, context) {
    this.#wants = wants
    this.#isBinary = isBinary
    this.#context = context
  }

  rows({ rows, shape }, fields) {
    const { cast, layout } = this.#wants
    if (cast === null) return rows
    const { connection, flavour } = this.#context
    return castRows(rows, fields ?? flavour.fieldsOf(shape), {
      cast,
      layout,
      isBinary: this.#isBinary,
      isMysql: flavour.isMysql,
      Row: flavour.Row,
      connection,
    })
  }

  fields({ shape }) {
    return this.#context.flavour.fieldsOf(shape)
  }

  header(done) {
    this.#context.onStatus(done.serverStatus)
    return this.#context.flavour.headerOf(done, this.#context.config)
  }
}

function reportResult(query, outcome, reader, { flavour }, done) {
  const list = outcome.list === undefined ? [outcome] : outcome.list.filter((_, at) => at !== outcome.out)
  const rows = []
  const fields = []
  let failure = null
  for (const [index, result] of list.entries()) {
    if (result.rows === undefined) {
      const header = reader.header(result)
      rows.push(header)
      fields.push(undefined)
      if (!flavour.isMysql) {
        query.emit('fields', undefined)
        query.emit('result', header)
      }
      continue
    }
    const columns = reader.fields(result)
    if (!flavour.isMysql) emitFields(query, columns, index)
    try {
      rows.push(reader.rows(result, columns))
    } catch (error) {
      // A typeCast of the caller's that throws.
      failure = error
      break
    }
    fields.push(columns)
  }
  const isSingle = list.length === 1
  const report = () => {
    if (failure !== null) callBack(query, flavour, failure)
    else if (isSingle) callBack(query, flavour, null, rows[0], fields[0])
    else query.onResult(null, rows, fields)
  }
  inOrder(query, flavour, report, done)
}

// Of mysql2's events only those of execute() tell which result the columns are of.
function emitFields(query, fields, index) {
  if (query._tellsIndex) query.emit('fields', fields, index)
  else query.emit('fields', fields)
}

// The originals differ in how many arguments they call back with.
function callBack(query, { isMysql }, error, rows, fields) {
  // Only what the server answers to a query has results with it.
  if (isMysql && error !== null && error.index === undefined) query.onResult(error)
  else if (isMysql || query._isOfPool) query.onResult(error, rows, fields)
  else if (error !== null) query.onResult(error)
  else if (fields === undefined) query.onResult(null, rows)
  else query.onResult(null, rows, fields)
}

// mysql2 ends a query before it calls back, mysql after.
function inOrder(query, flavour, report, done) {
  if (!flavour.isMysql) {
    settle(query, flavour, done)
    report()
    return
  }
  try {
    report()
  } finally {
    done()
    query.emit('end')
  }
}

function reportError(query, error, raw, context, done, gathered) {
  const { flavour } = context
  const hasCallback = typeof query.onResult === 'function'
  const hasHandler = hasCallback || query.listenerCount('error') > 0
  context.onFailure(raw, error, hasHandler)
  const report = () => {
    if (flavour.isMysql && query.listenerCount('error') > 0) query.emit('error', error)
    if (hasCallback) callBack(query, flavour, error, gathered?.results, gathered?.fields)
    else if (flavour.isMysql && (hasHandler || error.fatal)) return
    else if (hasHandler) query.emit('error', error)
    else if (!query._hasLeft) context.onUnhandled(error)
  }
  // Both report an error before the end.
  if (flavour.isMysql || !hasCallback) {
    try {
      report()
    } finally {
      settle(query, flavour, () => done(error))
    }
    return
  }
  try {
    callBack(query, flavour, error)
  } finally {
    settle(query, flavour, () => done(error))
  }
}

// In mysql2 a query has ended before the next one begins, in mysql it is the other way round.
function settle(query, { isMysql }, done) {
  if (isMysql) done()
  try {
    query.emit('end')
  } finally {
    if (!isMysql) done()
  }
}

function stream(query, sql, values, options, reader, context, fail, done) {
  const pump = new Pump(query, reader, context)
  const end = () => process.nextTick(() => pump.end(done))
  const failed = (raw) => {
    // Who left has no use for the error that leaving is.
    if (query._hasLeft && raw.code === 'HEGAR_ABORTED') end()
    else process.nextTick(() => pump.fail(raw, fail))
  }
  const piece = (part, size) => process.nextTick(() => pump.take(part, size))
  const native = context.driver.stream(context.target, sql ?? '', values, options, piece, end, failed)
  query._pump = pump
  pump.open(native)
  context.onPump(pump)
  if (query._hasLeft) pump.leave()
}

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

module.exports = { run }
