'use strict'

const escaper = require('sql-escaper')
const { format, raw } = require('./sql-string.js')

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

/** `escape`, `escapeId`, `format` and `raw` of mysql, which need no `this`. */
module.exports = { escape, escapeId, format, raw }
