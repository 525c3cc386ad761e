'use strict'

const { castRows } = require('./cells.js')
const { errorOf } = require('./errors.js')
const { Pump, mayHaveMore } = require('./pump.js')
const { reportError, reportResult } = require('./reports.js')
const { wantsOf } = require('./row-wants.js')

/**
 * Runs a query on a target, a session or the pool itself. `context` is `{driver, target, connection, config, flavour,
 * onStatus(serverStatus), rewrite(query, done), isPaused(), onPump(pump), onFailure(raw, error, hasHandler),
 * onUnhandled(error)}`; `values` are those of a prepared statement, null for a text. `done()` is called when the connection
 * is free again.
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
  // mysql gives results with the error of one that comes after them.
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

module.exports = { run }
