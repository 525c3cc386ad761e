'use strict'

const { readdirSync, readFileSync } = require('node:fs')
const { mkdtemp, rm } = require('node:fs/promises')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const mysql2 = require('mysql2/promise')
const { startMariadb } = require('../../tools/mariadb.js')
const { until } = require('./outcome.js')

// The kernel's letter for the state of each thread; it stands behind the name in parentheses.
function threadStates(pid) {
  const tasks = `/proc/${pid}/task`
  return readdirSync(tasks).map((task) => /\) (\w)/.exec(readFileSync(`${tasks}/${task}/stat`, 'utf8'))[1])
}

/**
 * A MariaDB that a test file may stop, pause and crash. Call `remove()` at the end. `current` is the running
 * server, which `restart` replaces by one on the same port.
 */
async function ownServer({ args = [], files = {} } = {}) {
  const { writeFile } = require('node:fs/promises')
  const dir = await mkdtemp(join(tmpdir(), 'hegar-own-'))
  for (const [name, content] of Object.entries(files)) await writeFile(join(dir, name), content)
  const options = args.map((arg) => arg.replaceAll('{dir}', dir))
  const own = {
    current: await startMariadb({ dir, args: options, log() {} }),
    /** Options of createPool for it. */
    get options() {
      const { host, port, user, password } = own.current
      return { host, port, user, password }
    },
    /** Pauses the server; resolves when none of its threads runs any more. */
    async pause() {
      own.current.kill('SIGSTOP')
      await until('the server is paused', () => threadStates(own.current.pid).every((state) => state === 'T'))
    },
    async crash() {
      own.current.kill('SIGKILL')
      await own.current.exited
    },
    async restart() {
      own.current = await own.current.restart()
    },
    /** Runs statements through mysql2, as root. */
    async run(...statements) {
      const connection = await mysql2.createConnection({ socketPath: own.current.socket, user: 'root' })
      try {
        let rows
        for (const sql of statements) [rows] = await connection.query(sql)
        return rows
      } finally {
        await connection.end()
      }
    },
    async remove() {
      await own.current.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
  return own
}

module.exports = { ownServer }
