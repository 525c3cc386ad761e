'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { WORK_DIR, run, which } = require('./run.js')
const { withLock } = require('./lock.js')

const PACKAGE = 'mariadb-server'

/**
 * A folder with the plugins of the MariaDB server that is installed, for `--plugin-dir`. Debian has them in the package
 * mariadb-server, which would also install a service; so the package is fetched and unpacked under .hegar instead.
 * Rejects with the reason where that can not be done.
 */
async function mariadbPlugins({ log = () => {} } = {}) {
  const installed = '/usr/lib/mysql/plugin'
  if (fs.existsSync(path.join(installed, 'auth_ed25519.so'))) return installed
  if (!which('apt-get') || !which('dpkg-deb'))
    throw new Error(`this system has no package ${PACKAGE} to unpack`)
  const version = await run('dpkg-query', ['-W', '-f', '${Version}', 'mariadb-server-core'])
  const folder = path.join(WORK_DIR, `mariadb-plugins-${version.replace(/[^\w.+-]/g, '_')}`)
  const plugins = path.join(folder, 'usr/lib/mysql/plugin')
  if (!fs.existsSync(plugins)) {
    await withLock(`${folder}.lock`, async () => {
      if (!fs.existsSync(plugins)) await unpack(version, folder, log)
    })
  }
  return plugins
}

async function unpack(version, folder, log) {
  log(`Unpacking the plugins of ${PACKAGE} ${version}`)
  const draft = `${folder}.draft`
  fs.rmSync(draft, { recursive: true, force: true })
  fs.mkdirSync(draft, { recursive: true })
  // By a shell for its folder: apt-get writes into the one it is started in.
  const fetch = () => run('sh', ['-c', 'cd "$0" && apt-get download -q "$1"', draft, `${PACKAGE}=${version}`])
  await fetch().catch(async () => {
    await run('apt-get', ['update', '-q'])
    await fetch()
  })
  const [file] = fs.readdirSync(draft)
  await run('dpkg-deb', ['-x', path.join(draft, file), draft])
  fs.renameSync(draft, folder)
}

module.exports = { mariadbPlugins }
