'use strict'

const { spawn, spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

/** The folder that holds package.json and Cargo.toml. */
const CHECKOUT = path.join(__dirname, '..')
/** Everything the tools make at run time; ignored by git, safe to delete while nothing runs. */
const WORK_DIR = path.join(CHECKOUT, '.hegar')

/**
 * Runs a program to its end. Resolves with its standard output (empty when `inherit` shows it instead) and
 * rejects with an Error whose message carries the last lines it printed.
 *
 * With `signal` (an AbortSignal) the program leads a process group of its own: aborting ends it together with
 * everything it started, and Ctrl-C in a terminal reaches it through us alone.
 */
function run(
  command,
  args,
  { label = `${command} ${args[0] ?? ''}`, env = process.env, inherit = false, input = null, signal } = {},
) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const output = inherit ? 'inherit' : 'pipe'
    const stdio = [input === null ? 'ignore' : 'pipe', output, output]
    const child = spawn(command, args, { cwd: CHECKOUT, env, stdio, detached: signal !== undefined })
    const stop = () => killGroup(child.pid, 'SIGTERM')
    signal?.addEventListener('abort', stop, { once: true })
    const stdout = collect(child.stdout)
    const stderr = collect(child.stderr)
    if (input !== null) {
      // A program that ends early closes its input; its exit code says why, the broken pipe adds nothing.
      child.stdin.on('error', () => {})
      child.stdin.end(input)
    }
    child.on('error', reject)
    child.on('close', (code, killedBy) => {
      signal?.removeEventListener('abort', stop)
      if (signal?.aborted) return reject(signal.reason)
      if (code === 0) return resolve(stdout())
      const ending = killedBy ? `was ended by ${killedBy}` : `failed with exit code ${code}`
      const said = tail(stderr() || stdout())
      reject(new Error(`${label} ${ending}${said ? `:\n${said}` : ''}`))
    })
  })
}

/** The full path of a program on PATH or in the folders for system daemons, or null. */
function which(name) {
  const folders = (process.env.PATH ?? '').split(path.delimiter).filter(Boolean)
  for (const folder of [...folders, '/usr/local/sbin', '/usr/sbin', '/usr/libexec']) {
    const file = path.join(folder, name)
    try {
      fs.accessSync(file, fs.constants.X_OK)
      if (fs.statSync(file).isFile()) return file
    } catch {
      // Not here: the next folder may have it.
    }
  }
  return null
}

/** Whether a short command ends with exit code 0; used to ask a program for a feature. */
function succeeds(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0
}

/** The last lines of a text, for error messages. */
function tail(text, lines = 15) {
  return text.trimEnd().split('\n').slice(-lines).join('\n')
}

function collect(stream) {
  const chunks = []
  stream?.on('data', (chunk) => chunks.push(chunk))
  return () => Buffer.concat(chunks).toString()
}

function killGroup(pid, signal) {
  try {
    process.kill(-pid, signal)
  } catch (error) {
    // ESRCH: the group has ended by itself.
    if (error.code !== 'ESRCH') throw error
  }
}

module.exports = { CHECKOUT, WORK_DIR, run, which, succeeds, tail }
