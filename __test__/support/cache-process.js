'use strict'

const path = require('node:path')
const { startRemote } = require('../../tools/remote.js')

/** A process of support/cache-child.js: its actions as methods, and `kill()`. */
function cacheProcess(options) {
  const remote = startRemote(path.join(__dirname, 'cache-child.js'))
  const actions = ['query', 'json', 'many', 'execute', 'invalidate', 'stats']
  return {
    ...Object.fromEntries(actions.map((action) => [action, (...args) => remote.ask(action, ...args)])),
    opened: remote.ask('open', options),
    async close() {
      if (remote.hasEnded) return
      await remote.ask('close')
      await remote.end()
    },
    kill: () => remote.kill(),
  }
}

module.exports = { cacheProcess }
