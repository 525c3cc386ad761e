'use strict'

const v8 = require('node:v8')
const vm = require('node:vm')

v8.setFlagsFromString('--expose-gc')
const gc = vm.runInNewContext('gc')
const MiB = 2 ** 20

/** What the process holds, `{ rss, heapUsed }` in MiB, once all that waited for a turn or the collector is gone. */
async function settledMemory() {
  for (let round = 0; round < 4; round++) {
    gc()
    await new Promise(setImmediate)
  }
  const { rss, heapUsed } = process.memoryUsage()
  return { rss: rss / MiB, heapUsed: heapUsed / MiB }
}

module.exports = { settledMemory }
