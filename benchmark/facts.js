'use strict'

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { CHECKOUT } = require('../tools/run')
const { DRIVERS } = require('./drivers')

/** What the figures depend on: the machine, the programs, their versions, the state of the checkout. */
function collectFacts({ serverVersion, bunVersion, drivers }) {
  return {
    date: new Date().toISOString(),
    commit: commit(),
    cpu: os.cpus()[0].model.trim(),
    cores: os.availableParallelism(),
    memoryGiB: Math.round((os.totalmem() / 2 ** 30) * 10) / 10,
    kernel: `${os.type()} ${os.release()}`,
    loadAverage: os.loadavg()[0],
    node: process.version,
    server: `MariaDB ${serverVersion}`,
    drivers: Object.fromEntries(drivers.map((name) => [name, version(name, bunVersion)])),
  }
}

/** The short commit, with `-dirty` when tracked files differ from it; `unknown` outside of git. */
function commit() {
  try {
    const git = (...args) => execFileSync('git', args, { cwd: CHECKOUT, stdio: ['ignore', 'pipe', 'ignore'] })
    const dirty = String(git('status', '--porcelain', '--untracked-files=no')).trim() !== ''
    return String(git('rev-parse', '--short', 'HEAD')).trim() + (dirty ? '-dirty' : '')
  } catch {
    return 'unknown'
  }
}

function version(name, bunVersion) {
  if (name === 'bun.sql') return `Bun ${bunVersion}`
  const folder = name === 'hegar' ? CHECKOUT : path.join(CHECKOUT, 'node_modules', DRIVERS[name].package)
  const { name: title, version } = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'))
  return `${title} ${version}`
}

module.exports = { collectFacts }
