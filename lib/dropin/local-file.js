'use strict'

const { errorOf } = require('./errors.js')

// What crosses to Rust at once.
const PART_BYTES = 1024 * 1024

const LOAD = /^\s*load\s+(?:data|xml)\s+(?:(?:low_priority|concurrent)\s+)?local\s/i

/** Whether the text asks the server to ask for a file. */
function isLocalLoad(sql) {
  return typeof sql === 'string' && LOAD.test(sql)
}

/**
 * Runs a LOAD DATA LOCAL with the stream that the query's `infileStreamFactory` gives, and reports to the query.
 * `ended(raw, error, report)` is called when the session is free, and is to call `report()`; `raw` is what Rust reported,
 * or null.
 */
async function loadFile({ query, session, driver, connection }, ended) {
  const { config, flavour } = connection
  const step = (start) => new Promise((resolve, reject) => driver.start(start, resolve, reject))
  let raw = null
  let failure = null
  let header
  try {
    const factory = flavour.isMysql ? readFile : query._options.infileStreamFactory
    if (typeof factory !== 'function') throw noFactory(nameOf(query))
    let outcome = await begin(query, session, connection, step)
    if (typeof outcome === 'number') {
      failure = await send(factory(nameOf(query)), { session, step, connection })
      outcome = await step((number) => session.fileEnd(number))
    }
    header = flavour.headerOf(outcome, config)
  } catch (error) {
    if (error instanceof Error) failure = error
    else {
      raw = error
      failure = errorOf(error, { sql: query.sql, index: 0, config, isMysql: flavour.isMysql })
    }
  }
  ended(raw, failure, () => {
    if (flavour.isMysql) reportAsMysql(query, failure, header)
    else report(query, failure, header)
  })
}

// Here also an error has what the statement did behind it.
function reportAsMysql(query, error, header) {
  const hasCallback = typeof query.onResult === 'function'
  if (header !== undefined && !hasCallback) query.emit('result', header, 0)
  if (error !== null && query.listenerCount('error') > 0) query.emit('error', error)
  else if (error !== null && !hasCallback) query._connection.emit('error', error)
  if (!hasCallback) return
  if (error?.fatal) query.onResult(error)
  else query.onResult(error, header, undefined)
}

function report(query, error, header) {
  if (error === null && !query.onResult) {
    query.emit('fields', undefined)
    query.emit('result', header)
  }
  query.emit('end')
  if (query.onResult) query.onResult(error, header)
  else if (error !== null) query.emit('error', error)
}

// Written anew once where the session has turned out to read literals otherwise.
async function begin(query, session, connection, step) {
  const start = (number) => session.fileBegin(number, query.sql, query._literal)
  try {
    return await step(start)
  } catch (raw) {
    if (raw.code !== 'HEGAR_SQL_MODE') throw raw
    connection._noteMode(!query._literal)
    query._rewrite()
    return step(start)
  }
}

// A file that can not be read ends early; why is the answer. It ends with its connection.
async function send(file, { session, step, connection }) {
  const chunks = file[Symbol.asyncIterator]()
  const gone = new Promise((_, reject) => {
    connection._onGone = () => reject(new Error('the connection ended while the file was sent'))
  })
  gone.catch(() => {})
  try {
    for (;;) {
      const { done, value } = await Promise.race([chunks.next(), gone])
      if (done) return null
      const bytes = typeof value === 'string' ? Buffer.from(value) : value
      for (let at = 0; at < bytes.length; at += PART_BYTES) {
        const part = bytes.subarray(at, at + PART_BYTES)
        await step((number) => session.filePart(number, part))
      }
    }
  } catch (error) {
    file.destroy?.()
    if (!(error instanceof Error)) throw error
    return error
  } finally {
    connection._onGone = null
  }
}

// mysql reads the file itself.
function readFile(name) {
  return require('node:fs').createReadStream(name)
}

// As the session reads the literal.
function nameOf({ sql, _literal }) {
  const [, quote, name] = /\binfile\s*(['"])((?:\\.|\1\1|(?!\1)[^\\])*)\1/is.exec(sql) ?? []
  if (name === undefined) return ''
  const once = name.replaceAll(quote + quote, quote)
  return _literal ? once : once.replaceAll(/\\(.)/gs, (_, character) => ESCAPED[character] ?? character)
}

const ESCAPED = { 0: '\0', b: '\b', n: '\n', r: '\r', t: '\t', Z: '\x1a' }

function noFactory(name) {
  return new Error(
    `As a result of LOCAL INFILE command server wants to read ${name} file, but as of v2.0 you must provide streamFactory option returning ReadStream.`,
  )
}

module.exports = { isLocalLoad, loadFile }
