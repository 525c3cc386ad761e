'use strict'

const { BoundedMap } = require('./bounded-map.js')
const { splitText } = require('./sql-scan.js')

// `::name` is an identifier. A lone `?` takes the property '0', '1' and so on.
const PLACEHOLDER = /(:?):(\d+|[a-zA-Z]\w*)|\?/g

const MAX_CACHED_LENGTH = 16_384
// By the flags of the SQL mode, as they change where a literal ends.
const caches = Array.from({ length: 4 }, () => new BoundedMap(128))

/**
 * `{sql, values}` with `?` for each `:name`, `??` for each `::name`, and the values in their order: undefined where
 * `values` has none. An array of values is for placeholders without names, and both stay as they are.
 *
 * Quoted text and comments are left alone. What every object inherits, such as `constructor`, is no value.
 */
function toPositional(sql, values, sqlMode) {
  if (Array.isArray(values)) return { sql, values }
  const { text, names } = compile(sql, sqlMode)
  if (names.length === 0) return { sql, values: [] }
  if (values === undefined || values === null) {
    throw new Error('Named query contains placeholders, but parameters object is undefined')
  }
  return { sql: text, values: names.map((name) => valueOf(values, name)) }
}

// Not own properties alone: the parameters may be an instance whose class has getters.
function valueOf(values, name) {
  return Object.hasOwn(values, name) || !(name in Object.prototype) ? values[name] : undefined
}

function compile(sql, sqlMode) {
  if (sql.length > MAX_CACHED_LENGTH) return replaceNames(sql, sqlMode)
  const flags = (sqlMode?.noBackslashEscapes === true ? 1 : 0) + (sqlMode?.ansiQuotes === true ? 2 : 0)
  return caches[flags].getOrMake(sql, () => replaceNames(sql, sqlMode))
}

function replaceNames(sql, sqlMode) {
  const names = []
  let unnamed = 0
  const inCode = (code) =>
    code.replace(PLACEHOLDER, (found, colon, name) => {
      names.push(name ?? String(unnamed++))
      return colon === ':' ? '??' : '?'
    })
  const parts = splitText(sql, sqlMode).map((part, index) => (index % 2 === 0 ? inCode(part) : part))
  return { text: parts.join(''), names }
}

module.exports = { toPositional }
