'use strict'

const { mkdtemp, rm } = require('node:fs/promises')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { after } = require('node:test')
const mysql2 = require('mysql2/promise')
const { startMariadb } = require('../../tools/mariadb.js')
const { isMysql, makeSequences } = require('./mysql.js')

let own = null
let databases = 0

// Registered while the file is loaded, which makes it the end of the test file. Within a hook it would be the end of
// that hook.
const endings = []
after(async () => {
  for (const end of endings.reverse()) await end()
})

/**
 * The MariaDB server of this test run. `tools/test.js` starts one for all files and names it in HEGAR_TEST_SERVER;
 * a file that runs alone starts its own and stops it at its end.
 */
async function testServer() {
  const shared = process.env.HEGAR_TEST_SERVER
  const server = shared ? JSON.parse(shared) : await (own ??= startOwn())
  const { host, port, user, password, socket } = server
  if (isMysql) await makeSystemSequences(server)
  const url = (name = '') =>
    `mysql://${user}${password ? `:${encodeURIComponent(password)}` : ''}@${host}:${port}/${name}`
  return {
    host,
    port,
    user,
    password,
    socket,
    url,
    database: () => createDatabase({ host, port, user, password }),
  }
}

async function startOwn() {
  const dir = await mkdtemp(join(tmpdir(), 'hegar-test-'))
  const server = await startMariadb({ dir, log() {} })
  endings.push(async () => {
    await server.stop()
    await rm(dir, { recursive: true, force: true })
  })
  return server
}

// For tests that use the database mysql, which is always there.
async function makeSystemSequences({ host, port, user, password }) {
  const connection = await mysql2.createConnection({ host, port, user, password })
  await makeSequences(connection, 'mysql')
  await connection.end()
}

// A database of its own for a test file, so that files may run at the same time.
async function createDatabase(options) {
  const name = `hegar_${process.pid}_${++databases}`
  const connection = await mysql2.createConnection(options)
  await connection.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`)
  await makeSequences(connection, name)
  await connection.end()
  endings.push(async () => {
    const last = await mysql2.createConnection(options)
    await last.query(`DROP DATABASE IF EXISTS ${name}`)
    await last.end()
  })
  return name
}

module.exports = { testServer }
