'use strict'

const { createPool } = require('hegar-native')

/** The routes on hegar-native: rows become the bytes of the answer in Rust and never reach this thread. */
module.exports = function openHegar(options, { redis }) {
  const pool = createPool({ ...options, cache: { redis } })

  return {
    pool,

    async sendPage(res, sql, params, options) {
      const body = await pool.paginateJson(sql, params, options)
      res.type('json').end(body)
    },

    async sendOne(res, sql, params, { shape }) {
      const rows = await pool.queryJson(sql, params, { shape })
      // The bytes of an array without its brackets are those of its one row.
      const row = rows.subarray(1, -1)
      if (row.length === 0) return false
      const end = `,"timestamp":"${new Date().toISOString()}"}`
      res.type('json').end(Buffer.concat([ONE_ROW, row, Buffer.from(end)]))
      return true
    },

    async isHealthy() {
      const { status } = await pool.health()
      return status === 'OK'
    },

    metrics: () => pool.metricsText(),
    close: () => pool.close(),
  }
}

const ONE_ROW = Buffer.from('{"status":"success","message":"Success","data":')
