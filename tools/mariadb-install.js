'use strict'

const { aptInstall } = require('./apt.js')
const { run, which } = require('./run.js')

const PACKAGE = 'mariadb-server-core'
const CLIENT_PACKAGE = 'mariadb-client-core'

/**
 * Finds a MariaDB server program, installing Debian's package of it when that is possible (root and apt-get).
 * Resolves with {mariadbd, version, userArgs}; rejects with one line that says what to install.
 */
async function ensureMariadb({ log = () => {}, signal } = {}) {
  if (!which('mariadbd')) await install({ log, signal })
  const mariadbd = which('mariadbd')
  if (!mariadbd) throw new Error(`${PACKAGE} is installed, but it brought no mariadbd program`)
  const printed = await run(mariadbd, ['--no-defaults', '--version'])
  const version = /Ver ([\d.]+)/.exec(printed)?.[1]
  if (!version)
    throw new Error(`${mariadbd} is no MariaDB server that we know: it calls itself ${printed.trim()}`)
  // mariadbd refuses to run as root unless it is told so.
  return { mariadbd, version, userArgs: process.getuid?.() === 0 ? ['--user=root'] : [] }
}

async function install({ log, signal }) {
  await aptInstall(PACKAGE, {
    missing: 'no MariaDB server was found',
    instead: 'set DATABASE_URL or DB_HOST to a server of yours',
    isThere: () => which('mariadbd') !== null,
    log,
    signal,
  })
}

/** Finds the command line client, installing Debian's package of it when that is possible. Resolves with its path. */
async function ensureClient({ log = () => {}, signal } = {}) {
  const isThere = () => which('mariadb')
  if (!isThere()) {
    await aptInstall(CLIENT_PACKAGE, {
      missing: 'no MariaDB client was found',
      instead: 'put one called mariadb on the PATH',
      isThere,
      log,
      signal,
    })
  }
  return isThere()
}

module.exports = { ensureMariadb, ensureClient }
