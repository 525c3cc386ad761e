'use strict'

const { spawn } = require('node:child_process')
const path = require('node:path')

const CHILD = path.join(__dirname, 'child.js')
// Start-up, warm-up and window of the slowest cell take a fraction of this; it ends what hangs.
const DEADLINE_MS = 180_000

/**
 * Runs one job of child.js, or of another `program`, in a process of its own, by Node or by `binary`, and resolves with
 * its result. Rejects with an Error that carries the child's message; `error.wrong` tells that the driver
 * gave a wrong answer. `signal` ends the process.
 */
function runChild(job, { binary = process.execPath, program = CHILD, signal } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(binary, [program], {
      // All read timestamps as UTC, because Bun's client knows no other zone; and the caller's options for
      // Node must not change what is measured.
      env: { ...process.env, HEGAR_BENCH_JOB: JSON.stringify(job), TZ: 'UTC', NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      timeout: DEADLINE_MS,
      killSignal: 'SIGKILL',
      signal,
    })
    let said = ''
    let text = ''
    child.stdout.on('data', (chunk) => (said += chunk))
    child.stderr.on('data', (chunk) => (said += chunk))
    child.stdio[3].on('data', (chunk) => (text += chunk))
    child.on('error', reject)
    child.on('close', (code, killedBy) => {
      if (text === '') {
        const end = killedBy ? `was ended by ${killedBy}` : `ended with exit code ${code}`
        return reject(
          new Error(`the process ${end} and left no result; it printed: ${said.trim().slice(-2000)}`),
        )
      }
      const result = JSON.parse(text)
      if (result.error) return reject(Object.assign(new Error(result.error), { wrong: result.wrong }))
      resolve(result)
    })
  })
}

module.exports = { runChild }
