'use strict'

module.exports = { pageStatements }

const { HegarTypeError } = require('./errors.js')
const { statementFor } = require('./statements.js')

/**
 * The two statements of a page: `{page, limit, data: {sql, params}, count: {sql, params} | null}`.
 *
 * A statement that says `:limit` and `:offset` gets them bound where it says so, for pages picked in a derived table;
 * any other gets ` LIMIT … OFFSET …` appended. The count is `countSql`, or COUNT(*) over the statement.
 */
function pageStatements(sql, params, options) {
  const { page, limit, count = 'exact', countSql, countParams } = checked(options)
  const range = { limit, offset: (page - 1) * limit }
  const text = trimmed(sql)
  if (Array.isArray(params)) {
    const data = { sql: `${text}\nLIMIT ? OFFSET ?`, params: [...params, range.limit, range.offset] }
    return { page, limit, data, count: counting(count, countSql, countParams ?? params, text) }
  }
  const bound = { ...params, ...range }
  const names = statementFor(text, true).names
  const placesItself = names.includes('limit') || names.includes('offset')
  if (placesItself && count === 'exact' && countSql === undefined) {
    throw new HegarTypeError(
      'paginate: a statement with :limit needs countSql, because it can not be counted as it is',
    )
  }
  const data = { sql: placesItself ? text : `${text}\nLIMIT :limit OFFSET :offset`, params: bound }
  return { page, limit, data, count: counting(count, countSql, countParams ?? params ?? {}, text) }
}

function counting(count, countSql, params, text) {
  if (count === 'none') return null
  return { sql: countSql ?? `SELECT COUNT(*) AS total FROM (\n${text}\n) AS counted`, params }
}

// A statement's own `;` would end it before our LIMIT.
function trimmed(sql) {
  if (typeof sql !== 'string') throw new HegarTypeError('paginate: the statement must be a string of SQL')
  return sql.replace(/[\s;]+$/, '')
}

function checked(options) {
  if (typeof options !== 'object' || options === null) {
    throw new HegarTypeError('paginate needs {page, limit}; getPaginationParams(req) gives them')
  }
  for (const name of ['page', 'limit']) {
    if (!Number.isSafeInteger(options[name]) || options[name] < 1) {
      throw new HegarTypeError(
        `paginate: ${name} must be a whole number from 1 up; getPaginationParams(req) gives one`,
      )
    }
  }
  if (!Number.isSafeInteger((options.page - 1) * options.limit)) {
    throw new HegarTypeError('paginate: page times limit must be a safe integer')
  }
  if (options.count !== undefined && options.count !== 'exact' && options.count !== 'none') {
    throw new HegarTypeError("paginate: count must be 'exact' or 'none'")
  }
  return options
}
