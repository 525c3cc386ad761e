'use strict'

/** Reports an outcome to the query's callback; `done()` is called when the connection is free again. */
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

/**
 * Reports a failure to whoever listens: the query's callback, its listeners or the `context`. `raw` is what Rust told,
 * `gathered` the `{results, fields}` of what came before it.
 */
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
  try {
    report()
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

module.exports = { callBack, emitFields, reportError, reportResult, settle }
