'use strict'

// The values of HTTP fields that caches read (RFC 9110, RFC 9111). What is malformed means what is safest.

// A token, and after = a token or a quoted string.
const DIRECTIVE = /\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s",]*)))?\s*(?:,|$)/y
// An entity tag in a list of them.
const TAG = /[\s,]*((?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")\s*(?=,|$)/y
// What Node takes for a value of a field: a line of Latin-1.
const TEXT = /^[\t\x20-\x7e\x80-\xff]*$/
// Longer ones are as good as for ever.
const MOST_SECONDS = 2 ** 31

// The three forms of a date: as of today, of RFC 850, and of asctime.
const DATES = [
  /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/,
]

/** Cache-Control as a Map from names in lower case to values, or to '' where a directive has none. */
function directivesOf(field) {
  const directives = new Map()
  if (field === undefined) return directives
  const text = Array.isArray(field) ? field.join(',') : String(field)
  for (let at = 0; at < text.length;) {
    DIRECTIVE.lastIndex = at
    const match = DIRECTIVE.exec(text)
    if (match === null) {
      // What is no directive ends at the next comma.
      const comma = text.indexOf(',', at)
      at = comma === -1 ? text.length : comma + 1
      continue
    }
    at = DIRECTIVE.lastIndex
    const name = match[1].toLowerCase()
    const value = match[2] ?? match[3] ?? ''
    const before = directives.get(name)
    // Of two that differ the one that keeps for shorter.
    if (before === undefined || secondsOf(value) < secondsOf(before)) directives.set(name, value)
  }
  return directives
}

/** A number of seconds; 0, which keeps nothing, for what is none. */
function secondsOf(value) {
  return /^\d+$/.test(value) ? Math.min(Number(value), MOST_SECONDS) : 0
}

/** Milliseconds since 1970 of an HTTP date, or NaN. */
function dateOf(field) {
  if (typeof field !== 'string' || !DATES.some((form) => form.test(field))) return NaN
  return Date.parse(field.endsWith('GMT') ? field : `${field} GMT`)
}

/** Whether If-None-Match names one of these entity tags, by the weak comparison. A list that is malformed names none. */
function namesTag(field, ...tags) {
  // Most clients send one tag, as they got it.
  if (field === tags[0] || field.trim() === '*') return true
  const named = tagsIn(field)
  return tags.some((tag) => named.has(opaque(tag)))
}

function tagsIn(field) {
  const tags = new Set()
  const text = field.trim()
  let { length } = text
  while (length > 0 && ', \t'.includes(text[length - 1])) length--
  for (let at = 0; at < length; at = TAG.lastIndex) {
    TAG.lastIndex = at
    const match = TAG.exec(text)
    if (match === null) return new Set()
    tags.add(opaque(match[1]))
  }
  return tags
}

function opaque(tag) {
  return tag[1] === '/' ? tag.slice(2) : tag
}

/** A value of a field that nobody else writes in. */
function copyOf(value) {
  return Array.isArray(value) ? [...value] : value
}

/** Whether a text can be the value of a field, or the words behind a status. */
function isText(value) {
  return TEXT.test(value)
}

/** The names in a field such as Vary or Connection, in lower case. */
function namesIn(field) {
  if (field === undefined) return []
  const text = Array.isArray(field) ? field.join(',') : String(field)
  return text
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '')
}

/** Whether two values of a field are the same: a text, a number, or a list of them. */
function same(one, other) {
  if (one === other) return true
  if (!Array.isArray(one) || !Array.isArray(other) || one.length !== other.length) return false
  return one.every((value, at) => value === other[at])
}

module.exports = { same, copyOf, directivesOf, secondsOf, dateOf, namesTag, namesIn, isText }
