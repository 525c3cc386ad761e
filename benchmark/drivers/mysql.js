'use strict'

// `mysql` interpolates the parameters and reads the text protocol. `trace` is off: it builds a stack
// trace for every query. DECIMAL comes as a number here and no option changes that for DECIMAL alone.

const mysql = require('mysql')

function open(server, entry, { connections }) {
  const pool = mysql.createPool({
    host: server.host,
    port: server.port,
    user: server.user,
    password: server.password,
    database: server.database,
    charset: 'utf8mb4',
    connectionLimit: connections,
    trace: false,
  })
  return {
    objects: (sql, params) =>
      new Promise((resolve, reject) => {
        pool.query(sql, params, (error, rows) => (error ? reject(error) : resolve(rows)))
      }),
  }
}

module.exports = { open }
