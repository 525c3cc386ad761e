'use strict'

const mysql = require('mysql2/promise')

/** The same routes on mysql2 and res.json, as the shop was before: for comparison, answer by answer. */
module.exports = function openMysql2(options) {
  const pool = mysql.createPool({ ...options, namedPlaceholders: true })

  return {
    async sendPage(res, sql, params, { page, limit, countSql, countParams, shape }) {
      const offset = (page - 1) * limit
      const [[rows], [[{ total }]]] = await Promise.all([
        pool.query(sql, { ...params, limit, offset }),
        pool.query(countSql, countParams),
      ])
      const totalPages = Math.ceil(total / limit)
      const pagination = { page, limit, total, totalPages, hasNext: page < totalPages, hasPrevious: page > 1 }
      res.json(success(rows.map(shaped(shape)), { pagination }))
    },

    async sendOne(res, sql, params, { shape }) {
      const [rows] = await pool.query(sql, params)
      if (rows.length === 0) return false
      res.json(success(shaped(shape)(rows[0])))
      return true
    },

    async isHealthy() {
      try {
        await pool.query('SELECT 1')
        return true
      } catch {
        return false
      }
    },

    metrics: () => null,
    close: () => pool.end(),
  }
}

function success(data, more) {
  return { status: 'success', message: 'Success', data, ...more, timestamp: new Date().toISOString() }
}

/** What the shop's controllers do to a row: lists out of comma-joined columns, numbers out of decimals. */
function shaped(shape) {
  return (row) => {
    for (const [column, { split, prefix = '', number }] of Object.entries(shape)) {
      const value = row[column]
      if (split !== undefined) row[column] = value ? value.split(split).map((item) => prefix + item) : []
      else if (number && value !== null) row[column] = Number(value)
    }
    return row
  }
}
