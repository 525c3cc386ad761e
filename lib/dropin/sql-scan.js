'use strict'

const OPENERS = /['"`#]|--(?![!-\uffff])|\/\*(?![!+])/g

/**
 * The statement in turns of code and text, beginning and ending with code: text is a string literal, a quoted
 * identifier or a comment with what opens and closes it. A doubled quote closes one text and opens the next.
 *
 * It reads as sql-escaper does. `/*!` and `/*+` are code, as the server runs them.
 */
function splitText(sql, sqlMode) {
  const parts = []
  let start = 0
  OPENERS.lastIndex = 0
  for (let opener = OPENERS.exec(sql); opener !== null; opener = OPENERS.exec(sql)) {
    const end = endOf(sql, opener.index, opener[0], sqlMode)
    parts.push(sql.slice(start, opener.index), sql.slice(opener.index, end))
    start = OPENERS.lastIndex = end
  }
  parts.push(sql.slice(start))
  return parts
}

/** The statement with '' for what is quoted and a space for a comment. */
function withoutText(sql, sqlMode) {
  const shown = (text) => (/['"`]/.test(text[0]) ? "''" : ' ')
  return splitText(sql, sqlMode)
    .map((part, index) => (index % 2 === 0 ? part : shown(part)))
    .join('')
}

function endOf(sql, at, opener, sqlMode) {
  if (opener === '#' || opener === '--') return endAfter(sql, '\n', at)
  if (opener === '/*') return endAfter(sql, '*/', at + 2)
  const isPlain =
    opener === '`' || sqlMode?.noBackslashEscapes === true || (opener === '"' && sqlMode?.ansiQuotes === true)
  if (isPlain) return endAfter(sql, opener, at + 1)
  for (let index = at + 1; index < sql.length; index++) {
    if (sql[index] === '\\') index++
    else if (sql[index] === opener) return index + 1
  }
  return sql.length
}

function endAfter(sql, closer, from) {
  const index = sql.indexOf(closer, from)
  return index < 0 ? sql.length : index + closer.length
}

module.exports = { splitText, withoutText }
