'use strict'

const { randomBytes } = require('node:crypto')
const { HegarError, HegarTypeError } = require('./errors.js')
const { getPaginationParams } = require('./pagination.js')

// The longest that src/codec/cursor.rs makes; a longer text need not be carried there.
const LONGEST = 5504
// For pools without a cursorSecret: cursors hold in this process, until it ends.
let ownSecret = null

/** The secrets that sign cursors, the first one, and that accept them, all. */
function secretsOf(cursorSecret) {
  return cursorSecret?.reveal() ?? [(ownSecret ??= randomBytes(32))]
}

/** The error for a cursor that is none of ours, in the form of HEGAR_PAGINATION_INVALID. */
function cursorInvalid() {
  const msg = 'cursor is not valid here; begin again without one'
  return new HegarError(msg, {
    code: 'HEGAR_CURSOR_INVALID',
    statusCode: 400,
    errors: [{ type: 'field', msg, path: 'cursor', location: 'query' }],
    isOperational: true,
  })
}

/** The cursor of a call or of a request; null for none. Programs pass on what clients send, so nothing else throws. */
function readCursor(value) {
  if (value === undefined || value === null || value === '') return null
  if (typeof value !== 'string' || value.length > LONGEST) throw cursorInvalid()
  return value
}

/**
 * What a request asks for in `req.query.cursor` and `req.query.limit`, `{cursor, limit}`. The limit is read as
 * getPaginationParams reads it, with its options defaultLimit, maxLimit and strict; a cursor that is no text throws
 * HEGAR_CURSOR_INVALID.
 */
function getCursorParams(req, options = {}) {
  if (options !== null && typeof options === 'object' && options.maxPage !== undefined) {
    throw new HegarTypeError('getCursorParams: maxPage is for pages by number; there are none with a cursor')
  }
  const { limit } = getPaginationParams({ query: withoutPage(req) }, options)
  const query = req.query ?? {}
  return { cursor: readCursor(Object.hasOwn(query, 'cursor') ? query.cursor : null), limit }
}

// Throws for something that is no request, as getPaginationParams does.
function withoutPage(req) {
  if (req === null || typeof req !== 'object' || !('query' in req)) {
    throw new HegarTypeError('getCursorParams needs the request, an object with a query property')
  }
  const { page: _, ...others } = req.query ?? {}
  return others
}

module.exports = { secretsOf, cursorInvalid, readCursor, getCursorParams }
