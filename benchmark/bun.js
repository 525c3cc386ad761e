'use strict'

// Bun's runtime, for the driver bun.sql alone. It is fetched from the npm registry when the benchmark is
// run, into a folder that git ignores; it is no dependency of the package.

const { execFile } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { promisify } = require('node:util')
const { WORK_DIR, run } = require('../tools/run')

const VERSION = '1.4.5'
const FOLDER = path.join(WORK_DIR, 'bench', `bun-${VERSION}`)
const FETCH_DEADLINE_MS = 180_000

/**
 * Resolves with `{binary, version}` of a Bun that runs on this machine, fetching it when it is not there.
 * Rejects with one line that says why there is none; the benchmark then goes on without bun.sql.
 */
async function findBun({ signal, log }) {
  const reasons = []
  for (const name of packagesFor(process.platform, process.arch)) {
    const binary = path.join(FOLDER, 'node_modules', ...name.split('/'), 'bin', 'bun')
    if (!fs.existsSync(binary)) await fetchPackage(name, { signal, log })
    try {
      const { stdout } = await promisify(execFile)(binary, ['--version'], { timeout: 10_000 })
      return { binary, version: stdout.trim() }
    } catch (error) {
      reasons.push(`${name} does not run: ${error.signal ?? error.message.trim().split('\n')[0]}`)
    }
  }
  throw new Error(reasons.join('; ') || `Bun has no package for ${process.platform} ${process.arch}`)
}

/** The usual build first; where the processor lacks AVX2 it ends with SIGILL, and the baseline build is next. */
function packagesFor(platform, arch) {
  if (platform !== 'linux') return []
  if (arch === 'arm64') return ['@oven/bun-linux-aarch64']
  if (arch === 'x64') return ['@oven/bun-linux-x64', '@oven/bun-linux-x64-baseline']
  return []
}

async function fetchPackage(name, { signal, log }) {
  log(`Fetching ${name} ${VERSION} for bun.sql`)
  fs.mkdirSync(FOLDER, { recursive: true })
  const deadline = AbortSignal.timeout(FETCH_DEADLINE_MS)
  // The prefix keeps npm from taking the checkout for the place to install into.
  const args = ['install', '--prefix', FOLDER, '--no-save', '--no-package-lock', `${name}@${VERSION}`]
  await run('npm', [...args, '--no-audit', '--no-fund'], { signal: AbortSignal.any([signal, deadline]) })
}

module.exports = { findBun }
