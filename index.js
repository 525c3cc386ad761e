'use strict'

const { createPool } = require('./lib/pool.js')
const { HegarError, HegarTypeError } = require('./lib/errors.js')
const { getPaginationParams, sortClause, pageSummary } = require('./lib/pagination.js')

module.exports = { createPool, HegarError, HegarTypeError, getPaginationParams, sortClause, pageSummary }
