'use strict'

const { toPositional } = require('./named-placeholders.js')

/** `{sql, values}` of a query with `?` for its placeholders. Names are mysql2's only. */
function positionalOf({ sql, values, namedPlaceholders }, { config, flavour, sqlMode }) {
  const isNamed = namedPlaceholders ?? config.namedPlaceholders
  return isNamed && !flavour.isMysql ? toPositional(sql, values, sqlMode) : { sql, values }
}

/**
 * The text of a query with its values in it. `owner` is what it was asked of, the `this` of a queryFormat; `config` are the
 * options of a connection, and `sqlMode` what of the session's decides where a literal ends.
 */
function textOf(query, { owner, config, flavour, strings, sqlMode }) {
  const { isMysql } = flavour
  // In mysql nothing is formatted without a text, and an empty one is sent.
  if (isMysql && !query.sql) return query.sql
  const { queryFormat, stringifyObjects, timezone } = config
  if (typeof queryFormat === 'function') return queryFormat.call(owner, query.sql, query.values, timezone)
  const { sql, values } = positionalOf(query, { config, flavour, sqlMode })
  const hasValues = values !== undefined && values !== null
  if (!hasValues && (isMysql || typeof sql === 'string')) return String(sql)
  // Which refuses what is no text.
  return strings.format(sql, hasValues ? values : [], stringifyObjects, timezone, sqlMode)
}

module.exports = { positionalOf, textOf }
