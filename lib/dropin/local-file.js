'use strict'

const { errorOf } = require('./errors.js')

// What crosses to Rust at once.
const PART_BYTES = 1024 * 1024

/** Whether the text asks the server to ask for a file. */
function isLocalLoad(sql) {
  return typeof sql === 'string' && /^\s*load\s+(?:data|xml)\b/i.test(sql) && /\blocal\b/i.test(sql)
}

/**
 * Runs a LOAD DATA LOCAL with the stream that the query's `infileStreamFactory` gives, and reports to the query.
 * `ended(raw, error, report)` is called when the session is free, and is to call `report()`; `raw` is what Rust reported,
 * or null.
 */
async function loadFile({ query, text, session, driver, connection }, ended) {
  const { config, flavour } = connection
  const step = (start) => new Promise((resolve, reject) => driver.start(start, resolve, reject))
  let raw = null
  let failure = null
  let header
  try {
    const factory = flavour.isMysql ? readFile : query._options.infileStreamFactory
    if (typeof factory !== 'function') throw noFactory(text)
    let outcome = await step((number) => session.fileBegin(number, text))
    if (typeof outcome === 'number') {
      failure = await send(factory, nameOf(text), session, step)
      outcome = await step((number) => session.fileEnd(number))
    }
    header = flavour.headerOf(outcome, config)
  } catch (error) {
    if (error instanceof Error) failure = error
    else {
      raw = error
      failure = errorOf(error, { sql: text, index: 0, config, isMysql: flavour.isMysql })
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

// A file that can not be read ends early; why is the answer.
async function send(open, name, session, step) {
  try {
    for await (const chunk of open(name)) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
      for (let at = 0; at < bytes.length; at += PART_BYTES) {
        const part = bytes.subarray(at, at + PART_BYTES)
        await step((number) => session.filePart(number, part))
      }
    }
    return null
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return error
  }
}

// mysql reads the file itself.
function readFile(name) {
  return require('node:fs').createReadStream(name)
}

function nameOf(text) {
  return /\binfile\s*(['"])((?:\\.|(?!\1).)*)\1/i.exec(text)?.[2] ?? ''
}

function noFactory(text) {
  return new Error(
    `As a result of LOCAL INFILE command server wants to read ${nameOf(text)} file, but as of v2.0 you must provide streamFactory option returning ReadStream.`,
  )
}

module.exports = { isLocalLoad, loadFile }
