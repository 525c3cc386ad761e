'use strict'

const { HegarError, HegarTypeError, optionError } = require('./errors.js')
const { integer, boolean, entriesOf } = require('./options/readers.js')
const { nearest } = require('./options/nearest.js')

// Whole numbers as express-validator's isInt takes them: a sign and leading zeros are fine, blanks, fractions,
// exponents and 0x are not.
const wholeNumber = /^[+-]?\d+$/

const optionReaders = {
  defaultLimit: integer(1, 2 ** 31 - 1),
  maxLimit: integer(1, 2 ** 31 - 1),
  maxPage: integer(1, Number.MAX_SAFE_INTEGER),
  strict: boolean,
}

/**
 * The page that a request asks for, `{page, limit, offset}`, from `req.query.page` and `req.query.limit`.
 *
 * By default nothing a client sends throws: a whole number below 1 becomes 1, one that is too large becomes the
 * largest allowed, and anything else — text, a fraction, an array, an empty string — counts as absent, which gives
 * page 1 and `defaultLimit`. With `strict` all of these throw HEGAR_PAGINATION_INVALID, an error with
 * `statusCode` 400 and `errors`, a list in the form of express-validator's. `offset` is always a safe integer.
 */
function getPaginationParams(req, options = {}) {
  const { defaultLimit, maxLimit, maxPage, strict } = readOptions(options)
  const query = queryOf(req)
  const errors = []
  const read = (path, fallback, max) => {
    const value = Object.hasOwn(query, path) ? query[path] : undefined
    if (value === undefined) return fallback
    const number = numberOf(value)
    if (strict && !(number >= 1 && number <= max)) {
      errors.push(fieldError(path, value, `must be a whole number from 1 to ${max}`))
    }
    return Number.isNaN(number) ? fallback : Math.min(Math.max(number, 1), max)
  }
  const limit = read('limit', defaultLimit, maxLimit)
  const page = read('page', 1, Math.min(maxPage, Math.floor(Number.MAX_SAFE_INTEGER / limit)))
  if (errors.length > 0) throw refusal(errors.reverse())
  return { page, limit, offset: (page - 1) * limit }
}

/**
 * The body of an ORDER BY from an allow-list, `{name, direction, sql}`. `allowed` maps the names that clients may
 * ask for to a column, an expression or an array of these, which become SQL as they are: write them, never take
 * them from a request. A name that is not in the list gives `fallback`, `{name, direction?}`, and a direction
 * other than asc or desc gives ASC; with `strict` either throws HEGAR_PAGINATION_INVALID instead, whose `errors`
 * name `_sort` and `_order`.
 */
function sortClause(requested, order, allowed, fallback, options) {
  const { name, direction } = chooseSort('sortClause', requested, order, allowed, fallback, options)
  const expressions = [allowed[name]].flat()
  if (expressions.length === 0 || !expressions.every((sql) => typeof sql === 'string' && sql.trim() !== '')) {
    throw new HegarTypeError(
      `sortClause: '${name}' must stand for a column, an expression or an array of these`,
    )
  }
  const sql = expressions.map((expression) => `${expression} ${direction}`)
  return { name, direction, sql: sql.join(', ') }
}

/** The name and direction to sort by, `{name, direction}`; sortClause, in whose place `method` stands, has the rules. */
function chooseSort(method, requested, order, allowed, fallback, options) {
  const { strict } = options ?? {}
  if (!isListed(fallback?.name, allowed) || directionOf(fallback.direction ?? 'asc') === null) {
    const need =
      "needs a fallback {name, direction?} whose name is in the allow-list and whose direction is 'asc' or 'desc'"
    throw new HegarTypeError(`${method} ${need}`)
  }
  const known = isListed(requested, allowed)
  const direction = directionOf(order)
  if (strict) checkSort(requested, order, known, direction, allowed)
  if (!known) return { name: fallback.name, direction: directionOf(fallback.direction ?? 'asc') }
  return { name: requested, direction: direction ?? 'ASC' }
}

/**
 * The `pagination` object of a response body, its keys always in this order. `total` may be a BigInt or decimal
 * string, as the options for big numbers give; null when the rows were not counted, and then `totalPages` is null
 * and `hasNext` what the caller knows, else null.
 */
function pageSummary(counted) {
  const { page, limit, total, hasNext = null } = counted ?? {}
  for (const [name, value] of [
    ['page', page],
    ['limit', limit],
  ]) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new HegarTypeError(`pageSummary: ${name} must be a whole number from 1 up`)
    }
  }
  if (total === null || total === undefined) {
    return { page, limit, total: null, totalPages: null, hasNext, hasPrevious: page > 1 }
  }
  const count = typeof total === 'bigint' ? Number(total) : numberOf(total)
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new HegarTypeError('pageSummary: total must be a count of rows, a safe integer from 0 up, or null')
  }
  const totalPages = Math.ceil(count / limit)
  return { page, limit, total: count, totalPages, hasNext: page < totalPages, hasPrevious: page > 1 }
}

function readOptions(options) {
  const read = { maxLimit: 100, maxPage: Number.MAX_SAFE_INTEGER, strict: false }
  for (const [name, value] of entriesOf(options, 'options')) {
    if (!Object.hasOwn(optionReaders, name)) {
      const advice = `did you mean '${nearest(name, Object.keys(optionReaders)) ?? 'defaultLimit'}'?`
      throw optionError('HEGAR_OPTION_UNKNOWN', `unknown option '${name.slice(0, 64)}': ${advice}`, name)
    }
    if (value !== undefined) read[name] = optionReaders[name](value, name)
  }
  read.defaultLimit ??= Math.min(20, read.maxLimit)
  if (read.defaultLimit > read.maxLimit) {
    const message = `option 'defaultLimit' must be at most maxLimit, ${read.maxLimit}, but is ${read.defaultLimit}`
    throw optionError('HEGAR_OPTION_INVALID', message, 'defaultLimit')
  }
  return read
}

// A request without a query is a request for the first page; something that is no request is a mistake in the
// program, and page 1 for ever would hide it.
function queryOf(req) {
  if (req === null || typeof req !== 'object' || !('query' in req)) {
    throw new HegarTypeError('getPaginationParams needs the request, an object with a query property')
  }
  const query = req.query
  return query !== null && typeof query === 'object' ? query : {}
}

// NaN for everything that is not a whole number. Numbers come from validators that convert.
function numberOf(value) {
  if (typeof value === 'string' && wholeNumber.test(value)) return Number(value)
  return Number.isInteger(value) ? value : NaN
}

function isListed(name, allowed) {
  return typeof name === 'string' && Object.hasOwn(allowed ?? {}, name)
}

function directionOf(order) {
  const upper = typeof order === 'string' ? order.toUpperCase() : ''
  return upper === 'ASC' || upper === 'DESC' ? upper : null
}

function checkSort(requested, order, known, direction, allowed) {
  const errors = []
  if (requested !== undefined && !known) {
    errors.push(fieldError('_sort', requested, `must be one of ${Object.keys(allowed).join(', ')}`))
  }
  if (order !== undefined && direction === null)
    errors.push(fieldError('_order', order, 'must be asc or desc'))
  if (errors.length > 0) throw refusal(errors)
}

// The form that the errors of express-validator have. What the client sent is shown only where it is short and
// plain, so that an answer cannot be blown up with it.
function fieldError(path, value, msg) {
  const shown = typeof value === 'string' ? value.slice(0, 100) : value
  const plain = shown === null || ['string', 'number', 'boolean'].includes(typeof shown)
  return { type: 'field', ...(plain && { value: shown }), msg: `${path} ${msg}`, path, location: 'query' }
}

function refusal(errors) {
  const message = errors.map((error) => error.msg).join('; ')
  return new HegarError(message, {
    code: 'HEGAR_PAGINATION_INVALID',
    statusCode: 400,
    errors,
    isOperational: true,
  })
}

module.exports = { getPaginationParams, sortClause, chooseSort, pageSummary }
