'use strict'

const { before, describe, it } = require('node:test')
const assert = require('node:assert/strict')
const { mariadbOnly } = require('./support/mysql.js')
const { runJob } = require('../benchmark/stream.js')
const { testServer } = require('./support/server.js')

let place
before(async () => {
  const server = await testServer()
  const { host, port, user, password } = server
  place = { host, port, user, password, database: await server.database() }
})

const ATTEMPTS = 4

// In a process of its own, which has nothing else to do. A machine that others use as well stops it now and then, also
// before it has collected what is garbage, so the best of a few attempts counts.
for (const form of ['rows', 'json']) {
  describe(`a million rows as ${form}`, () => {
    it(
      'pass with less than 64 MiB of growth, and other events wait less than 10 ms',
      mariadbOnly('tables of numbers'),
      async () => {
        const seen = []
        for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
          const figures = await runJob({ driver: 'hegar', form, rows: 1_000_000, place })
          if (figures.growthMb < 64 && figures.loopP99Ms < 10) return
          seen.push(`${figures.growthMb.toFixed(1)} MiB, ${figures.loopP99Ms} ms`)
        }
        assert.fail(`growth and p99 of the delay: ${seen.join('; ')}`)
      },
    )
  })
}
