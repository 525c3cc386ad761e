'use strict'

const escaper = require('sql-escaper')
const { format: formatText, raw } = require('./sql-string.js')

/**
 * The value as SQL, as in mysql: an object becomes assignments unless `stringifyObjects` is true, and false means the
 * same as nothing. Where the value comes from a client, pass true or use `format`.
 */
function escape(value, stringifyObjects, timeZone, sqlMode) {
  return escaper.escape(value, stringifyObjects ? true : undefined, timeZone, sqlMode)
}

/** The identifier in backticks, and every part of it at a dot unless `forbidQualified`. */
function escapeId(value, forbidQualified) {
  if (Array.isArray(value)) return value.map((id) => escapeId(id, forbidQualified)).join(', ')
  const quoted = String(value).replaceAll('`', '``')
  return `\`${forbidQualified ? quoted : quoted.replaceAll('.', '`.`')}\``
}

/** As in mysql2, except that what is no text at all stays as it is. */
function format(sql, values, stringifyObjects, timeZone, sqlMode) {
  return sql === undefined || sql === null
    ? sql
    : formatText(sql, values, stringifyObjects, timeZone, sqlMode)
}

/** `escape`, `escapeId`, `format` and `raw` of mysql, which need no `this`. */
module.exports = { escape, escapeId, format, raw }
