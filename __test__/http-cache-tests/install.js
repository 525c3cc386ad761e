'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { run, WORK_DIR } = require('../../tools/run.js')
const { withLock } = require('../../tools/lock.js')

/**
 * Installs the locked suite unless exactly that is there. It names npm 6 and liquidjs as dependencies and loads neither,
 * so `nothing/` stands in their places.
 */
function installSuite({ log = () => {} } = {}) {
  return withLock(path.join(WORK_DIR, 'http-cache-tests.lock'), async () => {
    if (isInstalled()) return
    log('Installing the public tests of HTTP caches (npm ci)')
    const args = ['ci', '--loglevel=error', '--ignore-scripts', '--prefix', __dirname]
    const options = { inherit: true, label: 'npm ci in __test__/http-cache-tests' }
    const script = process.env.npm_execpath
    if (script?.endsWith('npm-cli.js')) await run(process.execPath, [script, ...args], options)
    else await run('npm', args, options)
  })
}

/** As in tools/setup.js: what npm says that it has installed last, compared with what it should have. */
function isInstalled() {
  const wanted = packagesOf(path.join(__dirname, 'package-lock.json'))
  const present = packagesOf(path.join(__dirname, 'node_modules', '.package-lock.json'))
  return Object.entries(wanted).every(
    ([name, { version, integrity }]) =>
      name === '' || (present[name]?.version === version && present[name].integrity === integrity),
  )
}

function packagesOf(file) {
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')).packages : {}
}

module.exports = { installSuite }
