'use strict'

const { dateOf } = require('./fields.js')

/**
 * The part of an answer's body that a request asks for: `{status, range, body}`, or null where the whole is to be sent: for
 * several ranges, malformed ones, and if the client has parts of another version (RFC 9110, sections 13.1.5 and 14.2).
 */
function rangeOf({ range, 'if-range': condition }, { identity, changed }) {
  if (condition !== undefined && !isOfThis(condition, identity.tag, changed)) return null
  const match = /^bytes=(\d*)-(\d*)$/.exec(range)
  if (match === null || (match[1] === '' && match[2] === '')) return null
  const { body } = identity
  const length = body.length
  let first = Number(match[1])
  let last = match[2] === '' ? length - 1 : Math.min(Number(match[2]), length - 1)
  if (match[1] === '') {
    first = Math.max(0, length - Number(match[2]))
    last = length - 1
  } else if (match[2] !== '' && Number(match[2]) < first) return null
  if (first > last || first >= length) {
    return { status: 416, range: `bytes */${length}`, body: Buffer.alloc(0) }
  }
  return { status: 206, range: `bytes ${first}-${last}/${length}`, body: body.subarray(first, last + 1) }
}

// The strong comparison: weak tags are of no use for parts.
function isOfThis(condition, tag, changed) {
  if (condition.includes('"')) return condition === tag && !tag.startsWith('W/')
  return changed !== null && dateOf(condition) === dateOf(changed)
}

module.exports = { rangeOf }
