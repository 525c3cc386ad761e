'use strict'

const { statementFor } = require('../statements.js')
const { errorOf } = require('./errors.js')
const { Link } = require('./link.js')
const { loadFile, isLocalLoad } = require('./local-file.js')
const { collationOf } = require('./options.js')
const { toParameters } = require('./parameters.js')
const { Prepared } = require('./prepared.js')
const { Query, Execute, readCall, readExecute } = require('./query.js')
const { run } = require('./run.js')
const { isLiteralBackslash, modeOf } = require('./sql-mode.js')
const { positionalOf, textOf } = require('./texts.js')

/** A connection with the surface of the originals. */
class Connection extends Link {
  #isPaused = false
  #pumps = new Set()
  #prepared = new Set()

  query(sql, values, callback) {
    const query = this._createQuery(sql, values, callback)
    const write = this._writer(query)
    return this._loadsFiles && isLocalLoad(query.sql)
      ? this.#load(query, write)
      : this._run(query, write, null)
  }

  /** Whether a statement may ask for files. */
  get _loadsFiles() {
    return this._driver.options.localFiles
  }

  /** Writes the text of a query now, and gives what writes it again should the session turn out to read it otherwise. */
  _writer(query) {
    const template = query._options
    const hasLiterals = template.values !== undefined && template.values !== null
    query._rewrite = () => {
      query._literal = hasLiterals ? this.sqlMode !== undefined : undefined
      query.sql = textOf(template, this._writing)
      return query.sql
    }
    query._rewrite()
    const suits = () => query._literal === undefined || query._literal === (this.sqlMode !== undefined)
    return () => (suits() ? query.sql : query._rewrite())
  }

  _createQuery(sql, values, callback) {
    if (sql instanceof Query) return sql
    const { options, callback: given } = readCall(sql, values, callback, this.config)
    return new Query(options, given)
  }

  /** How this connection's texts are written; see lib/dropin/texts.js. */
  get _writing() {
    const { config, flavour, strings, sqlMode } = this
    return { owner: this, config, flavour, strings, sqlMode }
  }

  execute(sql, values, callback) {
    const { options, callback: given } = readExecute(sql, values, callback, this.config)
    const execute = new Execute(options, given)
    const positional = positionalOf(execute, this._writing)
    execute.sql = positional.sql
    execute.values = positional.values
    this.#remember(positional.sql)
    return this._run(execute, () => positional.sql, toParameters(positional.values))
  }

  /** Runs a query when its turn comes; `write()` gives its text. `done()` is called when the connection is free of it. */
  _run(query, write, values, done = () => {}) {
    query._connection = this
    this._command({
      start: (session, ended) => {
        run(query, write(), values, this.#context(session), (error) => {
          if (query._pump) this.#pumps.delete(query._pump)
          ended()
          done(error)
        })
      },
      refuse: (error) => {
        this._refuseQuery(query, error)
        done(error)
      },
      query,
      // Those behind are written for the session as it is afterwards.
      blocks: changesMode(query.sql),
      hasCallback: typeof query.onResult === 'function',
    })
    return query
  }

  _refuseQuery(query, error) {
    if (typeof query.onResult === 'function') query.onResult(error)
    else if (query.listenerCount('error') > 0) query.emit('error', error)
    else this.emit('error', error)
    query.emit('end')
  }

  // Every answer without rows tells how the session reads literals.
  _noteStatus(status) {
    this._noteMode(isLiteralBackslash(status))
  }

  _noteMode(isLiteral) {
    this.sqlMode = modeOf(isLiteral)
    this._pool?._learn(isLiteral)
  }

  #context(session) {
    return {
      onStatus: (status) => this._noteStatus(status),
      rewrite: (query, done) => {
        this._noteMode(!query._literal)
        run(query, query._rewrite(), null, this.#context(session), done)
      },
      driver: this._driver,
      target: session,
      connection: this,
      config: this.config,
      flavour: this.flavour,
      isPaused: () => this.#isPaused,
      onPump: (pump) => this.#pumps.add(pump),
      onFailure: (raw, error, hasHandler) => this._failed(raw, error, hasHandler),
      onUnhandled: (error) => this.emit('error', error),
    }
  }

  #load(query, write) {
    query._connection = this
    this._command({
      blocks: true,
      start: (session, ended) => {
        write()
        loadFile({ query, session, driver: this._driver, connection: this }, (raw, error, report) => {
          if (raw !== null) this._failed(raw, error, true)
          this._settle(report, ended)
          if (this.flavour.isMysql) query.emit('end')
        })
      },
      refuse: (error) => this._refuseQuery(query, error),
      query,
      hasCallback: typeof query.onResult === 'function',
    })
    return query
  }

  /** A command of the protocol that has no rows: `start(number, session)` hands it to Rust. */
  _service(
    start,
    callback,
    { operation = 'Query', sql, ok = () => [], none = [null], isFatal = false, blocks = false } = {},
  ) {
    const settle = (error, ...results) => {
      if (typeof callback === 'function')
        callback(...(error === null && results.length === 0 ? none : [error, ...results]))
      else if (error) this.emit('error', error)
    }
    this._command({
      start: (session, ended) => {
        const resolve = (value) =>
          process.nextTick(() => {
            if (value?.serverStatus !== undefined) this._noteStatus(value.serverStatus)
            this._settle(() => settle(null, ...ok(value)), ended)
          })
        const reject = (raw) =>
          process.nextTick(() => {
            const { config, flavour } = this
            const error = this._toldFor(errorOf(raw, { sql, config, isMysql: flavour.isMysql, operation }))
            if (isFatal) error.fatal = true
            // To mysql2 a refusal here is fatal and all the same not the end: the server may go on with the old user.
            const goesOn = isFatal && !flavour.isMysql && raw.errno !== undefined
            if (!goesOn) this._failed(raw, error, true)
            this._settle(() => settle(error), ended)
          })
        this._driver.start((number) => start(number, session), resolve, reject)
      },
      refuse: settle,
      blocks,
      hasCallback: typeof callback === 'function',
      name: operation,
    })
  }

  /** The error to tell: one that ended the connection may stand for those that followed from it. */
  _toldFor(error) {
    return error
  }

  // The connection is free before who waits hears of it.
  _settle(settle, ended) {
    ended()
    settle()
  }

  ping(callback) {
    this._service((number, session) => session.ping(number), callback, {
      operation: 'Ping',
      none: [],
    })
  }

  reset(callback) {
    this._service((number, session) => session.reset(number), callback, { blocks: true })
  }

  _collationOf(charset) {
    return collationOf(charset)
  }

  changeUser(options, callback) {
    if (typeof options === 'function') return this.changeUser({}, options)
    const { charset } = options ?? {}
    const collation = charset === undefined ? null : this._collationOf(charset)
    // What is not said stays as it is now.
    const nextOf = () => ({
      user: options?.user || this.config.user,
      password: options?.password || options?.password1 || this.config.password,
      database: options?.database || this.config.database,
    })
    let next
    const change = (number, session) => {
      next = nextOf()
      refuseNul(next)
      const { user = null, password = null, database = null } = next
      session.changeUser(number, user, password, database, collation, false)
    }
    const ok = () => {
      Object.assign(this.config, next)
      return []
    }
    this._service(change, callback, { operation: 'ChangeUser', ok, isFatal: true, blocks: true })
    return undefined
  }

  prepare(options, callback) {
    const sql = typeof options === 'string' ? options : options.sql
    const start = (number, session) => session.prepare(number, statementFor(sql, false).native)
    const ok = (counts) => {
      this.#remember(sql)
      return [new Prepared(this, sql, counts)]
    }
    this._service(start, callback, { sql, ok })
  }

  unprepare(sql) {
    const text = typeof sql === 'object' ? sql.sql : sql
    if (!this.#prepared.delete(text)) return undefined
    const start = (number, session) => session.unprepare(number, statementFor(text, false).native)
    this._service(start, () => {})
    return new Prepared(this, text, 0)
  }

  // Remembers a text that is prepared on this connection.
  #remember(sql) {
    if (this.#prepared.size >= this.config.maxPreparedStatements) this.#prepared.clear()
    this.#prepared.add(sql)
  }

  beginTransaction(callback) {
    return this.query('START TRANSACTION', callback)
  }

  commit(callback) {
    return this.query('COMMIT', callback)
  }

  rollback(callback) {
    return this.query('ROLLBACK', callback)
  }

  /** No rows are handed on and none are read until resume(). */
  pause() {
    this.#isPaused = true
  }

  resume() {
    this.#isPaused = false
    for (const pump of [...this.#pumps]) pump.resume()
  }

  escape(value) {
    return this.strings.escape(value, false, this.config.timezone, this.sqlMode)
  }

  escapeId(value) {
    return this.strings.escapeId(value, false)
  }

  raw(sql) {
    return this.strings.raw(sql)
  }

  format(sql, values, namedPlaceholders) {
    return textOf({ sql, values, namedPlaceholders }, this._writing)
  }
}

function changesMode(sql) {
  return typeof sql === 'string' && /sql_mode/i.test(sql)
}

// In the protocol these end with one.
function refuseNul({ user, database }) {
  if (`${user ?? ''}${database ?? ''}`.includes('\0'))
    throw new TypeError('a user or database may not contain a NUL')
}

module.exports = { Connection, refuseNul }
