'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { run, CHECKOUT, WORK_DIR } = require('../../tools/run.js')
const { withLock } = require('../../tools/lock.js')

const NODE_MODULES = path.join(__dirname, 'node_modules')
// Where the real drivers that npm has installed are kept while the drop-ins stand in their places.
const ORIGINALS = path.join(NODE_MODULES, '.originals')
const DRIVERS = ['mysql2', 'mysql']

/**
 * Installs the locked libraries unless exactly those are there, and puts a driver under the names mysql2 and mysql: the
 * packages of this checkout as npm would install them, or with `original` the real ones, which show what the tests have
 * to expect. Only node: modules and tools/, because it may be the first thing that runs in a checkout.
 */
function installLibraries({ log = () => {}, original = process.env.HEGAR_DROPIN_ORIGINAL === '1' } = {}) {
  return withLock(path.join(WORK_DIR, 'libraries.lock'), async () => {
    if (!isInstalled()) {
      log('Installing the libraries that the drop-ins are tested with (npm ci)')
      await npmCi()
    }
    keepOriginals()
    for (const name of DRIVERS) {
      const source = original ? path.join(ORIGINALS, name) : path.join(CHECKOUT, 'packages', name)
      const target = path.join(NODE_MODULES, name)
      if (isSame(source, target)) continue
      log(`Putting ${original ? 'the real' : 'the drop-in'} ${name} in its place`)
      fs.rmSync(target, { recursive: true, force: true })
      fs.cpSync(source, target, { recursive: true })
    }
    linkCheckout()
  })
}

/** As in tools/setup.js: what npm says that it has installed last, compared with what it should have. */
function isInstalled() {
  const wanted = JSON.parse(fs.readFileSync(path.join(__dirname, 'package-lock.json'), 'utf8'))
  const record = path.join(NODE_MODULES, '.package-lock.json')
  if (!fs.existsSync(record)) return false
  const present = JSON.parse(fs.readFileSync(record, 'utf8'))
  return Object.entries(wanted.packages).every(([name, { optional, version, integrity }]) => {
    const found = present.packages[name]
    if (name === '' || (!found && optional)) return true
    return found?.version === version && found.integrity === integrity
  })
}

// Some libraries name a newer Node as their lowest than the one they run on, of which npm warns.
function npmCi() {
  const args = ['ci', '--loglevel=error', '--ignore-scripts', '--prefix', __dirname]
  const options = { inherit: true, label: 'npm ci in __test__/libraries' }
  const script = process.env.npm_execpath
  if (script?.endsWith('npm-cli.js')) return run(process.execPath, [script, ...args], options)
  return run('npm', args, options)
}

// What bears a real driver's own name has just been installed by npm.
function keepOriginals() {
  for (const name of DRIVERS) {
    const installed = path.join(NODE_MODULES, name)
    const kept = path.join(ORIGINALS, name)
    if (nameOf(installed) !== name || isSame(installed, kept)) continue
    fs.rmSync(kept, { recursive: true, force: true })
    fs.cpSync(installed, kept, { recursive: true })
  }
}

function nameOf(folder) {
  const file = path.join(folder, 'package.json')
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')).name : null
}

function isSame(source, target) {
  const names = filesIn(source)
  if (String(names) !== String(filesIn(target))) return false
  return names.every((name) =>
    fs.readFileSync(path.join(source, name)).equals(fs.readFileSync(path.join(target, name))),
  )
}

function filesIn(folder) {
  if (!fs.existsSync(folder)) return []
  const entries = fs.readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath ?? entry.path, entry.name)))
    .sort()
}

function linkCheckout() {
  const link = path.join(NODE_MODULES, 'hegar-native')
  if (!fs.existsSync(link)) fs.symlinkSync(path.relative(NODE_MODULES, CHECKOUT), link, 'dir')
}

if (require.main === module) {
  installLibraries({ log: (line) => console.log(line) }).catch((error) => {
    console.error(error.message)
    process.exitCode = 1
  })
}

module.exports = { installLibraries }
