'use strict'

const { spawn } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { which } = require('./run.js')

const BUSY = 75

/**
 * Takes an exclusive lock on a file, waiting while another process holds it (`onWait` is called once when it
 * has to). Resolves with a function that releases it.
 *
 * The kernel's flock is used, held by a small child that ends when its standard input closes: so the lock can
 * not outlive this process however it ends, which no scheme of lock files with process numbers can promise.
 * Where the flock program is missing the lock is not taken; it guards only against two set-ups at once.
 */
async function lock(file, { onWait = () => {} } = {}) {
  const flock = which('flock')
  if (!flock) return async () => {}
  fs.mkdirSync(path.dirname(file), { recursive: true })
  let holder = await hold(flock, file, ['--nonblock', '--conflict-exit-code', String(BUSY)])
  if (!holder) {
    onWait()
    holder = await hold(flock, file, [])
  }
  return async () => {
    const ended = new Promise((resolve) => holder.once('close', resolve))
    holder.stdin.end()
    await ended
  }
}

/** Runs `work` while holding the lock on a file. */
async function withLock(file, work, options) {
  const release = await lock(file, options)
  try {
    return await work()
  } finally {
    await release()
  }
}

function hold(flock, file, options) {
  return new Promise((resolve, reject) => {
    const args = [...options, file, 'sh', '-c', 'echo locked; cat > /dev/null']
    // Detached, because a Ctrl-C meant for us would otherwise end the holder before we have finished.
    const child = spawn(flock, args, { stdio: ['pipe', 'pipe', 'inherit'], detached: true })
    child.on('error', reject)
    child.stdin.on('error', () => {})
    child.stdout.once('data', () => resolve(child))
    child.once('close', (code) => {
      if (code === BUSY) resolve(null)
      else reject(new Error(`flock could not lock ${file} (exit code ${code})`))
    })
  })
}

module.exports = { lock, withLock }
