'use strict'

const path = require('node:path')
const { startRemote } = require('../remote.js')

/** Starts a server process: `{port, stats(), close(), kill()}`. */
async function startProcess(job) {
  const remote = startRemote(path.join(__dirname, 'child.js'))
  return {
    port: await remote.ask('open', job),
    stats: () => remote.ask('stats'),
    /** Resolves with how the process ended, once nothing was left for it to do. */
    async close() {
      await remote.ask('close')
      return remote.end()
    },
    kill: () => remote.kill(),
  }
}

module.exports = { startProcess }
