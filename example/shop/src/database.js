'use strict'

/**
 * Opens the database with the configured driver. Both drivers offer the same few methods:
 *
 * - `sendPage(res, sql, params, {page, limit, countSql, countParams, shape})` answers with one page of rows
 * - `sendOne(res, sql, params, {shape})` answers with one row; resolves with false, unanswered, when there is none
 * - `isHealthy()`, `metrics()` (Prometheus text, or null) and `close()`
 * - `pool`: what createPool of hegar-native gave; undefined with mysql2
 */
function openDatabase(config) {
  const open = config.driver === 'mysql2' ? require('./drivers/mysql2.js') : require('./drivers/hegar.js')
  return open(config.database, config)
}

module.exports = { openDatabase }
