'use strict'

const escaper = require('sql-escaper')
const { withoutText } = require('./sql-scan.js')

// In `t.set, ?`, `@set, ?` and `a$set, ?` set is a name, and behind CHARACTER SET come no assignments. sql-escaper takes
// each for the keyword and expands an object behind it.
const MAY_NAME_SET = /[.@$\u0080-\uffff]|char/i
const NAMES_SET =
  /\.\s*set(?!\w)|[@$\u0080-\uffff]set(?!\w)|(?<!\w)set[$\u0080-\uffff]|(?<!\w)char(acter)?\s+set(?!\w)/i

/**
 * The statement with its `?` replaced by escaped values and its `??` by quoted identifiers, as in mysql2. An object
 * becomes assignments behind SET and ON DUPLICATE KEY UPDATE, and a string literal everywhere else.
 *
 * `sqlMode` is what the session has of `{noBackslashEscapes, ansiQuotes}`, false by default: with a wrong one a value can
 * end its literal.
 */
function format(sql, values, stringifyObjects, timezone, sqlMode) {
  const stringifies = stringifyObjects || (hasObject(values) && namesSet(sql, sqlMode))
  return escaper.format(sql, values, stringifies, timezone, sqlMode)
}

function hasObject(values) {
  if (!Array.isArray(values)) return isObject(values)
  for (let index = 0; index < values.length; index++) {
    if (isObject(values[index])) return true
  }
  return false
}

function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function namesSet(sql, sqlMode) {
  return MAY_NAME_SET.test(sql) && NAMES_SET.test(withoutText(sql, sqlMode))
}

/** `escape`, `escapeId`, `format` and `raw` of mysql2, which need no `this`. */
module.exports = { escape: escaper.escape, escapeId: escaper.escapeId, format, raw: escaper.raw }
