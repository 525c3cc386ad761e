'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { CHECKOUT, WORK_DIR, run, which } = require('./run.js')
const { withLock } = require('./lock.js')

const OLDEST_NODE = 20
const BUILD_INPUTS = ['Cargo.toml', 'Cargo.lock', 'build.rs', 'src']

/**
 * Brings a checkout to the point where it can run: the JavaScript dependencies and the addon. Does nothing when
 * nothing has changed. Uses Node's built-in modules alone, because it runs before anything is installed.
 */
async function setUp({ log = () => {}, signal } = {}) {
  const onWait = () => log('Waiting for another set-up in this checkout to finish')
  await withLock(
    path.join(WORK_DIR, 'set-up.lock'),
    async () => {
      await ensureDependencies({ log, signal })
      await ensureAddon({ log, signal })
    },
    { onWait },
  )
}

/** Installs the locked JavaScript dependencies unless exactly those are there. */
async function ensureDependencies({ log = () => {}, signal } = {}) {
  const version = process.versions.node
  if (Number.parseInt(version, 10) < OLDEST_NODE) {
    throw new Error(`Node.js ${OLDEST_NODE} or newer is needed, and this is ${version}`)
  }
  if (isInstalled()) return
  log('Installing the JavaScript dependencies (npm ci)')
  // The build and the tests need the development dependencies even where NODE_ENV says production.
  await npm(['ci', '--include=dev', '--loglevel=error'], { signal })
}

/** Builds the addon in release mode unless it is newer than everything it is made of. */
async function ensureAddon({ log = () => {}, signal } = {}) {
  if (isBuilt()) return
  if (!which('cargo')) {
    throw new Error(
      'cargo was not found: install Rust (rustup.rs, or your distribution) and open a new shell',
    )
  }
  log('Building the addon in release mode (a few minutes the first time)')
  const started = Date.now()
  await npm(['run', 'build', '--silent'], { signal })
  if (!isBuilt()) throw new Error('npm run build ended well but left no addon (*.node) that is up to date')
  log(`Built in ${Math.round((Date.now() - started) / 1000)} s`)
}

/**
 * npm records what it has installed in node_modules/.package-lock.json, as the last thing it does. Comparing
 * that with the lock file is right whatever the files' times are, and after an install that was cut short.
 */
function isInstalled() {
  const wanted = readJson(path.join(CHECKOUT, 'package-lock.json'))
  const present = readJson(path.join(CHECKOUT, 'node_modules', '.package-lock.json'))
  if (!wanted) throw new Error('package-lock.json is missing or cannot be read: restore it from git')
  if (!present) return false
  return Object.entries(wanted.packages).every(([name, entry]) => {
    const found = present.packages[name]
    // The checkout itself is not listed, and optional packages for other platforms are left out.
    if (name === '' || (!found && entry.optional)) return true
    return found !== undefined && found.version === entry.version && found.integrity === entry.integrity
  })
}

function isBuilt() {
  const prefix = `hegar-native.${process.platform}-${process.arch}`
  const addon = fs.readdirSync(CHECKOUT).find((name) => name.startsWith(prefix) && name.endsWith('.node'))
  if (!addon) return false
  const builtAt = fs.statSync(path.join(CHECKOUT, addon)).mtimeMs
  return BUILD_INPUTS.every((name) => newest(path.join(CHECKOUT, name)) <= builtAt)
}

/** The latest modification time at or below a path, 0 when there is nothing. */
function newest(file) {
  const stat = fs.statSync(file, { throwIfNoEntry: false })
  if (!stat) return 0
  if (!stat.isDirectory()) return stat.mtimeMs
  return Math.max(0, ...fs.readdirSync(file).map((name) => newest(path.join(file, name))))
}

function npm(args, { signal }) {
  const options = { signal, inherit: true, label: `npm ${args.join(' ')}` }
  // Started by npm, we use that npm; it may not be the one on PATH.
  const script = process.env.npm_execpath
  if (script?.endsWith('npm-cli.js')) return run(process.execPath, [script, ...args], options)
  return run('npm', args, options)
}

function readJson(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'))
  } catch {
    return null
  }
}

module.exports = { setUp, ensureDependencies, ensureAddon }
