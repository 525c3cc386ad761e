'use strict'

// `mariadb` in its two forms: `query` (text protocol) and `execute` (prepared statements, binary
// protocol). BIGINT comes as a number as with the others (BigInt could not be written as JSON), DECIMAL
// keeps its digits. What it checks for safety alone is off: duplicate column names, parameters kept for
// error messages, the state of a connection given back.

const mariadb = require('mariadb')

function open(server, entry, { connections, patienceMs }) {
  const pool = mariadb.createPool({
    host: server.host,
    port: server.port,
    user: server.user,
    password: server.password,
    database: server.database,
    connectionLimit: connections,
    acquireTimeout: patienceMs,
    bigIntAsNumber: true,
    insertIdAsNumber: true,
    decimalAsNumber: false,
    checkDuplicate: false,
    logParam: false,
    noControlAfterUse: true,
  })
  const method = entry.method
  return { objects: (sql, params) => pool[method](sql, params) }
}

module.exports = { open }
