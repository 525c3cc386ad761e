'use strict'

const path = require('node:path')
const { withLock } = require('./lock.js')
const { WORK_DIR, run, which } = require('./run.js')

/**
 * Installs a package of Debian where that is possible: root and apt-get. Otherwise rejects with one line that says what
 * is `missing`, how to install it and what to do `instead`. Several processes may want it at once; `isThere` says whether
 * another one has installed it meanwhile.
 */
async function aptInstall(name, { missing, instead, isThere, log = () => {}, signal }) {
  const aptGet = which('apt-get')
  if (!aptGet || process.getuid?.() !== 0)
    throw new Error(`${missing}: install it with "apt-get install ${name}", or ${instead}`)
  await withLock(path.join(WORK_DIR, 'apt.lock'), async () => {
    if (isThere()) return
    log(`Installing ${name} with apt-get`)
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    await run(aptGet, ['update', '-q'], { env, signal })
    await run(aptGet, ['install', '-y', '-q', '--no-install-recommends', name], { env, signal })
  })
}

module.exports = { aptInstall }
