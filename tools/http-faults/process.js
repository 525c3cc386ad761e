'use strict'

const { fork } = require('node:child_process')
const path = require('node:path')

const CHILD = path.join(__dirname, 'child.js')

/** Starts a server process: `{port, stats(), close()}`. One that ends before it is closed rejects what is asked of it. */
async function startProcess(job) {
  const child = fork(CHILD, [], { serialization: 'advanced' })
  const waiting = new Map()
  let next = 1
  child.on('message', ({ number, value, error }) => {
    const { resolve, reject } = waiting.get(number)
    waiting.delete(number)
    if (error === undefined) resolve(value)
    else reject(new Error(error))
  })
  const exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)))
  exited.then((how) => {
    for (const { reject } of waiting.values()) reject(new Error(`a server process ended with ${how}`))
  })
  const ask = (action, argument) =>
    new Promise((resolve, reject) => {
      const number = next++
      waiting.set(number, { resolve, reject })
      child.send({ number, action, argument }, (error) => error && reject(error))
    })
  return {
    port: await ask('open', job),
    stats: () => ask('stats'),
    /** Resolves with how the process ended, once nothing was left for it to do. */
    async close() {
      await ask('close')
      child.disconnect()
      return exited
    },
    kill: () => child.kill('SIGKILL'),
  }
}

module.exports = { startProcess }
