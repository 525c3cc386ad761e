'use strict'

const path = require('node:path')
const mysql = require('mysql2/promise')
const { WORK_DIR } = require('../tools/run')
const { startMariadb } = require('../tools/mariadb')
const { migrateUp } = require('../example/shop/migrate')
const { seed } = require('../example/shop/seed')
const { withSetupConnection } = require('../example/shop/src/connection')
const { buildWorkload } = require('./workloads')

const DECIMAL = 246

/**
 * Starts a private server of the benchmark's own with the example shop's tables and data, and prepares the
 * named workloads for it. Resolves with `{place, version, workloads, stop()}`; `place` is where drivers
 * connect. The data stay in `folder` of .hegar/bench for the next run; what runs at the same time needs folders of its own.
 */
async function openShop(names, { signal, log, folder = 'server' }) {
  const server = await startMariadb({ dir: path.join(WORK_DIR, 'bench', folder), signal, log })
  try {
    const { host, port, user, password } = server
    const place = { host, port, user, password, database: 'hegar_shop' }
    await withSetupConnection(place, async (connection) => {
      await migrateUp(connection)
      const before = Date.now()
      const state = await seed(connection)
      if (state === 'seeded') log(`Shop seeded in ${Math.round((Date.now() - before) / 1000)} s`)
    })
    return {
      place,
      version: server.version,
      workloads: await readWorkloads(names, place),
      stop: () => server.stop(),
    }
  } catch (error) {
    await server.stop()
    throw error
  }
}

/** The workloads with the names of their DECIMAL columns, see answer.js. */
async function readWorkloads(names, place) {
  const connection = await mysql.createConnection(place)
  try {
    const [[shop]] = await connection.query(
      'SELECT MIN(id) AS first, MAX(id) AS last, COUNT(*) AS count FROM products',
    )
    if (shop.last - shop.first + 1 !== shop.count) {
      throw new Error('the product ids have gaps, and the workloads take ranges of them for full')
    }
    const workloads = []
    for (const name of names) {
      const workload = buildWorkload(name, shop)
      const [, fields] = await connection.query(workload.sql, workload.params[0])
      const decimals = fields.filter((field) => field.columnType === DECIMAL).map((field) => field.name)
      workloads.push({ ...workload, decimals })
    }
    return workloads
  } finally {
    await connection.end()
  }
}

module.exports = { openShop }
