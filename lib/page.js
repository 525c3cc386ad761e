'use strict'

module.exports = { planPage, pageOf }

const { HegarTypeError } = require('./errors.js')
const { readCallOptions, readLimits, limitReaders } = require('./call-options.js')
const { readCursor } = require('./cursor.js')
const { totalOf } = require('./counts.js')
const { deferredStatement } = require('./deferred.js')
const { pageSummary } = require('./pagination.js')
const { statementFor } = require('./statements.js')

const COUNT_TTL_MS = 30_000
const LONGEST_MS = 2 ** 31 - 1
const counts = ['exact', 'estimate', 'cached', 'none']

const keep = (value) => value
const options = {
  ...limitReaders,
  page: keep,
  limit: keep,
  // getPaginationParams gives it too; it follows from the other two.
  offset: keep,
  count: keep,
  countSql: keep,
  countParams: keep,
  countTtlMs: keep,
  keyset: keep,
  cursor: keep,
  deferred: keep,
  shape: keep,
  casts: keep,
  typeCasts: keep,
  nest: keep,
  nullObjects: keep,
  message: keep,
}

/**
 * What a page needs:
 *
 * - `data`: its statement, `{sql, params}`. A statement that says `:limit` and `:offset` gets them bound where it says
 *   so, for pages picked in a derived table; any other gets ` LIMIT … OFFSET …` appended.
 * - `count`: null, or how rows are counted, `{mode, sql, params, text, ttlMs}`: `sql` is `countSql` or COUNT(*) over the
 *   statement, `text` the statement for an estimate.
 * - `peeks`: whether one row more than `limit` is asked for, to see whether there is a next page.
 * - `limits`: `{signal, timeoutMs}` or null.
 * - `keyset` and `place` of a page by cursor, whose `page` is 0; see lib/keyset.js.
 */
function planPage(keysets, method, sql, params, asked) {
  checkNames(method, asked)
  const text = trimmed(sql)
  if (params !== undefined && params !== null && typeof params !== 'object') {
    throw new HegarTypeError(
      `parameters must be an array for ? or an object for :name, not ${typeof params}; put a single value in an array`,
    )
  }
  const { signal, timeoutMs } = asked
  const limits = readLimits(method, { signal, timeoutMs })
  const isByNumber = asked.keyset === undefined || asked.keyset === null
  const plan = isByNumber ? planByNumber(text, params, asked) : planByCursor(keysets, text, params, asked)
  plan.limits = limits
  return plan
}

function planByNumber(text, params, asked) {
  const { page, limit } = asked
  checkWhole('page', page, 'getPaginationParams')
  checkWhole('limit', limit, 'getPaginationParams')
  if (!Number.isSafeInteger((page - 1) * limit + 1)) {
    throw new HegarTypeError('paginate: page times limit must be a safe integer')
  }
  if (asked.cursor !== undefined && asked.cursor !== null) {
    throw new HegarTypeError('paginate: a cursor needs keyset, the columns that the statement is sorted by')
  }
  const mode = modeOf(asked, 'exact')
  const offset = (page - 1) * limit
  const plan = (data, count, peeks) => ({
    page,
    limit,
    data,
    count,
    peeks,
    keyset: null,
    place: null,
    isBackward: false,
  })
  const peeks = mode !== 'exact'
  const rows = peeks ? limit + 1 : limit
  if (asked.deferred !== undefined && asked.deferred !== null) {
    const { data, whole } = deferredStatement(text, params, asked.deferred, { rows, offset })
    return plan(data, counting(mode, asked, whole.sql, whole.params), peeks)
  }
  if (Array.isArray(params)) {
    const data = { sql: `${text}\nLIMIT ? OFFSET ?`, params: [...params, rows, offset] }
    return plan(data, counting(mode, asked, text, params), peeks)
  }
  const names = statementFor(text, true).names
  if (!names.includes('limit') && !names.includes('offset')) {
    const bound = { ...params, limit: rows, offset }
    const data = { sql: `${text}\nLIMIT :limit OFFSET :offset`, params: bound }
    return plan(data, counting(mode, asked, text, params ?? {}), peeks)
  }
  if (mode !== 'none' && asked.countSql === undefined) {
    throw new HegarTypeError(
      'paginate: a statement with :limit needs countSql, because it can not be counted as it is',
    )
  }
  // How many rows come for each that is picked is not known here, so there is no looking ahead.
  const data = { sql: text, params: { ...params, limit, offset } }
  return plan(data, counting(mode, asked, text, params ?? {}), false)
}

function planByCursor(keysets, text, params, asked) {
  checkWhole('limit', asked.limit, 'getCursorParams')
  const { limit } = asked
  for (const name of ['page', 'deferred']) {
    if (asked[name] !== undefined && asked[name] !== null) {
      throw new HegarTypeError(
        `paginate: ${name} is for pages by number and keyset for pages by cursor; take one`,
      )
    }
  }
  const mode = modeOf(asked, 'none')
  const cursor = readCursor(asked.cursor)
  const keyset = keysets.of(text, asked.keyset, !Array.isArray(params))
  const data = keyset.page(cursor, params, limit)
  const { place, isBackward } = data
  const count = counting(mode, asked, keyset.whole, params ?? {})
  return { page: 0, limit, data, count, peeks: true, keyset, place, isBackward }
}

function counting(mode, { countSql, countParams, countTtlMs = COUNT_TTL_MS }, text, params) {
  if (mode === 'none') return null
  return {
    mode,
    sql: countSql ?? `SELECT COUNT(*) AS total FROM (\n${text}\n) AS counted`,
    params: countParams ?? params,
    text: countSql ?? text,
    ttlMs: countTtlMs,
  }
}

/**
 * What `paginate` resolves with: `result` are the rows, or `{rows, ends}` of a page by cursor; `counted` the rows of
 * the count, if it was made at the same time; `known` a total, `{rows, isEstimate}`, that was there before.
 */
function pageOf(plan, result, counted, known) {
  const rows = plan.keyset === null ? result : result.rows
  const { limit, page } = plan
  if (!Array.isArray(rows)) {
    throw new HegarTypeError('paginate needs a statement that returns rows')
  }
  const hasMore = rows.length > limit
  if (plan.peeks && hasMore) rows.length = limit
  const total = counted === null ? null : totalOf(counted)
  if (plan.keyset !== null) {
    if (plan.isBackward) rows.reverse()
    return { data: rows, pagination: cursorSummary(limit, result.ends, total, known, rows.length) }
  }
  const seen = { rows: rows.length, hasMore, peeks: plan.peeks }
  if (known !== null) return { data: rows, pagination: knownSummary(page, limit, known, seen) }
  const hasNext = total === null && rows.length < limit ? false : null
  const pagination = pageSummary({ page, limit, total, hasNext })
  if (plan.peeks) pagination.hasNext = hasMore
  return { data: rows, pagination }
}

function cursorSummary(limit, ends, total, known, rows) {
  const all = total ?? (known === null ? null : Math.max(known.rows, rows))
  return {
    limit,
    ...(all !== null && { total: all }),
    ...ends,
    ...(known?.isEstimate && { isEstimate: true }),
  }
}

// A total that was known before, put right by what the page has shown; src/engine/envelope.rs does the same.
function knownSummary(page, limit, known, { rows, hasMore, peeks }) {
  const offset = (page - 1) * limit
  const isAtEnd = peeks && !hasMore
  let total = known.rows
  let { isEstimate } = known
  if (isAtEnd && (rows > 0 || offset === 0)) {
    total = offset + rows
    isEstimate = false
  } else if (isAtEnd) {
    total = Math.min(total, offset)
  } else if (rows > 0) {
    total = Math.max(total, offset + rows + (hasMore ? 1 : 0))
  }
  const summary = pageSummary({ page, limit, total })
  if (peeks) summary.hasNext = hasMore
  return known.isEstimate ? { ...summary, isEstimate } : summary
}

function modeOf({ count, countTtlMs }, usual) {
  if (count !== undefined && !counts.includes(count)) {
    throw new HegarTypeError("paginate: count must be 'exact', 'estimate', 'cached' or 'none'")
  }
  if (
    countTtlMs !== undefined &&
    !(Number.isInteger(countTtlMs) && countTtlMs >= 1 && countTtlMs <= LONGEST_MS)
  ) {
    throw new HegarTypeError(`paginate: countTtlMs must be a whole number from 1 to ${LONGEST_MS}`)
  }
  return count ?? usual
}

// A statement's own `;` would end it before our LIMIT.
function trimmed(sql) {
  if (typeof sql !== 'string') throw new HegarTypeError('paginate: the statement must be a string of SQL')
  return sql.replace(/[\s;]+$/, '')
}

function checkNames(method, asked) {
  if (typeof asked !== 'object' || asked === null) {
    throw new HegarTypeError(
      'paginate needs {page, limit} or {keyset, limit}; getPaginationParams(req) and getCursorParams(req) give the rest',
    )
  }
  for (const name of Object.keys(asked)) {
    // Reading the options once more tells what is wrong with them.
    if (!Object.hasOwn(options, name)) readCallOptions(method, asked, options)
  }
}

function checkWhole(name, value, giver) {
  if (Number.isSafeInteger(value) && value >= 1 && (name !== 'limit' || value < 2 ** 31)) return
  const range = name === 'limit' ? 'from 1 to 2147483647' : 'from 1 up'
  throw new HegarTypeError(`paginate: ${name} must be a whole number ${range}; ${giver}(req) gives one`)
}
