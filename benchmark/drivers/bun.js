'use strict'

// Bun's native client, prepared statements with several questions in flight on a connection (its
// default). `unsafe` with parameters takes the same prepared path as its tagged template and spares the
// template's work. Run by the bun binary only.

function open(server, entry, { connections }) {
  const { SQL } = require('bun')
  const sql = new SQL({
    adapter: 'mariadb',
    hostname: server.host,
    port: server.port,
    username: server.user,
    password: server.password,
    database: server.database,
    max: connections,
  })
  return { objects: (text, params) => sql.unsafe(text, params) }
}

module.exports = { open }
