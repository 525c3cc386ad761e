'use strict'

// hegar-native as a user gets it, default options but for the number of connections and the patience
// that every driver is given. The JSON path is its own: bytes encoded in Rust.

const { createPool } = require('../..')

function open(server, entry, { connections, patienceMs }) {
  const pool = createPool({
    host: server.host,
    port: server.port,
    user: server.user,
    password: server.password,
    database: server.database,
    connectionLimit: connections,
    acquireTimeoutMs: patienceMs,
    queryTimeoutMs: patienceMs,
  })
  return {
    objects: (sql, params) => pool.query(sql, params),
    json: (sql, params) => pool.queryJson(sql, params),
  }
}

module.exports = { open }
