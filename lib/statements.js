'use strict'

module.exports = { statementFor, statementOf }

const { NativeStatement } = require('./native.js')
const { HegarTypeError } = require('./errors.js')

// Texts are analysed once. Programs use few of them; for those that build texts without end, the cache is bounded
// and forgets the text that has not been used for longest.
const LIMIT = 1000
const positional = new Map()
const named = new Map()

/** The analysed statement of `sql`, with `:name` placeholders if `isNamed`, otherwise with `?`. */
function statementFor(sql, isNamed) {
  const cache = isNamed ? named : positional
  const known = cache.get(sql)
  if (known !== undefined) {
    // A text is renewed only when the cache is full, because renewing costs more than finding.
    if (cache.size >= LIMIT) {
      cache.delete(sql)
      cache.set(sql, known)
    }
    return known
  }
  const statement = analyse(sql, isNamed)
  if (cache.size >= LIMIT) cache.delete(cache.keys().next().value)
  cache.set(sql, statement)
  return statement
}

function analyse(sql, isNamed) {
  if (typeof sql !== 'string') {
    throw new HegarTypeError(
      `the statement must be a string of SQL, not ${sql === null ? 'null' : typeof sql}`,
    )
  }
  try {
    const native = new NativeStatement(sql, isNamed)
    // Read once: a getter of a native object costs more than the whole packing of its parameters.
    return { native, placeholders: native.placeholders, names: native.names }
  } catch (error) {
    throw new HegarTypeError(error.message)
  }
}

/** The statement of `sql` for these parameters: an array for `?` or an object for `:name`. */
function statementOf(sql, params) {
  if (params === undefined || params === null || Array.isArray(params)) return statementFor(sql, false)
  if (typeof params !== 'object') {
    throw new HegarTypeError(
      `parameters must be an array for ? or an object for :name, not ${typeof params}; put a single value in an array`,
    )
  }
  return statementFor(sql, true)
}
