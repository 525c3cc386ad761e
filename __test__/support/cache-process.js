'use strict'

const { fork } = require('node:child_process')
const path = require('node:path')

/** A process of support/cache-child.js: its actions as methods, and `kill()`. */
function cacheProcess(options) {
  const child = fork(path.join(__dirname, 'cache-child.js'), [], { serialization: 'advanced' })
  const waiting = new Map()
  let next = 1
  child.on('message', ({ number, value, error }) => {
    const { resolve, reject } = waiting.get(number)
    waiting.delete(number)
    if (error === undefined) resolve(value)
    else reject(new Error(error))
  })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const call =
    (action) =>
    (...args) =>
      new Promise((resolve, reject) => {
        const number = next++
        waiting.set(number, { resolve, reject })
        child.send({ number, action, args })
      })
  const actions = ['query', 'json', 'many', 'execute', 'invalidate', 'stats']
  return {
    ...Object.fromEntries(actions.map((action) => [action, call(action)])),
    opened: call('open')(options),
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return
      await call('close')()
      child.disconnect()
      await exited
    },
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
  }
}

module.exports = { cacheProcess }
