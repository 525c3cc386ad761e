'use strict'

// The drivers under test. Each file exports `open(server)` and gives `{objects, json}`: functions of
// `(sql, params)` that resolve with an array of rows or with a Buffer of their JSON.
//
// Every driver gets ten connections over TCP and its fastest settings that leave the answer the same;
// each file says which and why. Where mysql and mysql2 offer callbacks, one promise is laid around them,
// which is cheaper than the promise wrappers they ship.

const CONNECTIONS = 10

// A question waits for its connection behind up to 54 others; at ten slow rows a second this is what
// keeps a pool's own deadline from ending a measurement that is merely slow.
const PATIENCE_MS = 120_000

const DRIVERS = {
  mysql: { runtime: 'node', package: 'mysql', file: './mysql' },
  'mysql2.query': { runtime: 'node', package: 'mysql2', file: './mysql2', method: 'query' },
  'mysql2.execute': { runtime: 'node', package: 'mysql2', file: './mysql2', method: 'execute' },
  'mariadb.query': { runtime: 'node', package: 'mariadb', file: './mariadb', method: 'query' },
  'mariadb.execute': { runtime: 'node', package: 'mariadb', file: './mariadb', method: 'execute' },
  'bun.sql': { runtime: 'bun', package: null, file: './bun' },
  hegar: { runtime: 'node', package: null, file: './hegar' },
}

/** The driver by its name, with the JSON path added where it has none of its own. */
function openDriver(name, server) {
  const entry = DRIVERS[name] ?? require('./wrong').WRONG_DRIVERS[name]
  const driver = require(entry.file).open(server, entry, {
    connections: CONNECTIONS,
    patienceMs: PATIENCE_MS,
  })
  if (!driver.json) driver.json = (sql, params) => driver.objects(sql, params).then(encode)
  return driver
}

function encode(rows) {
  return Buffer.from(JSON.stringify(rows))
}

module.exports = { DRIVERS, CONNECTIONS, openDriver }
