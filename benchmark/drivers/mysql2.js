'use strict'

// `mysql2` in its two forms: `query` (text protocol, parameters interpolated) and `execute` (prepared
// statements, binary protocol). Its defaults are its fastest settings. The callback form is used because
// the promise form makes an Error for every call.

const mysql = require('mysql2')

function open(server, entry, { connections }) {
  const pool = mysql.createPool({
    host: server.host,
    port: server.port,
    user: server.user,
    password: server.password,
    database: server.database,
    connectionLimit: connections,
  })
  const method = entry.method
  return {
    objects: (sql, params) =>
      new Promise((resolve, reject) => {
        pool[method](sql, params, (error, rows) => (error ? reject(error) : resolve(rows)))
      }),
  }
}

module.exports = { open }
