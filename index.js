'use strict'

const { createPool } = require('./lib/pool.js')
const { HegarError, HegarTypeError } = require('./lib/errors.js')
const { getPaginationParams, sortClause, pageSummary } = require('./lib/pagination.js')
const { getCursorParams } = require('./lib/cursor.js')
const { sortKeyset } = require('./lib/sort-keyset.js')
const { pageLinks } = require('./lib/links.js')

module.exports = {
  createPool,
  HegarError,
  HegarTypeError,
  getPaginationParams,
  getCursorParams,
  sortClause,
  sortKeyset,
  pageSummary,
  pageLinks,
}
