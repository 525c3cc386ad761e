'use strict'

const { NativeGroup } = require('./native.js')
const { readCallOptions } = require('./call-options.js')
const { HegarTypeError } = require('./errors.js')
const { PLAIN } = require('./row-options.js')

// A call asks for a page of a program, not for a table of queries.
const MOST = 1000

const asIs = (value) => value
const ownReaders = {
  sql: asIs,
  params: asIs,
  one(value) {
    if (typeof value === 'boolean') return value
    throw new HegarTypeError('one must be true or false')
  },
}

/**
 * The reads of `all` and `allJson`: `{names, reads}` with `{sql, params, one, wanted}` for each. `queries` is an array,
 * or an object whose names the results get; `readers` are those of a call's options.
 */
function readsOf(method, queries, readers, rowOptions) {
  if (queries === null || typeof queries !== 'object') {
    throw new HegarTypeError(
      `${method} needs an array of queries, {sql, params}, or an object of them by name`,
    )
  }
  const names = Array.isArray(queries) ? null : Object.keys(queries)
  const list = names === null ? queries : names.map((name) => queries[name])
  if (list.length > MOST) {
    throw new HegarTypeError(`${method} takes up to ${MOST} queries at once, not ${list.length}`)
  }
  const { signal: _, timeoutMs: __, columns: ___, envelope: ____, ...wishes } = readers
  const reads = Array.from(list, (query, index) => {
    const where = `${method}: query ${names === null ? index + 1 : `'${names[index]}'`}`
    if (query === null || typeof query !== 'object' || Array.isArray(query)) {
      throw new HegarTypeError(`${where} must be an object with sql and params`)
    }
    const {
      sql,
      params,
      one = false,
      ...options
    } = readCallOptions(where, query, {
      ...wishes,
      ...ownReaders,
    })
    return { sql, params, one, wanted: rowOptions.read(options) }
  })
  return { names, reads }
}

/** The reads as Rust takes them; `pack(sql, params)` gives their statements and parameters. */
function groupOf({ names, reads }, isJson, pack) {
  const group = new NativeGroup(isJson, names)
  for (const [part, { sql, params, one, wanted }] of reads.entries()) {
    try {
      const { statement, bytes, length } = pack(sql, params)
      group.add(statement.native, bytes, length, (wanted ?? PLAIN).native, one)
    } catch (error) {
      throw Object.assign(error, { part })
    }
  }
  return group
}

/** The results in the place of the queries. */
function resultsOf({ names, reads }, results, finish) {
  const values = results.map((result, index) => {
    const { one, wanted } = reads[index]
    const value = finish(result, wanted)
    return one && Array.isArray(value) ? (value[0] ?? null) : value
  })
  if (names === null) return values
  // Makes an own property of `__proto__` too.
  return Object.fromEntries(values.map((value, index) => [names[index], value]))
}

module.exports = { readsOf, groupOf, resultsOf }
