'use strict'

// The first hits of a process, which come before its connection to Redis is there.

const assert = require('node:assert/strict')
const { once } = require('node:events')
const net = require('node:net')
const { describe, it } = require('node:test')
const { rateLimitStore } = require('../lib/express/rate-limit.js')
const { startRedis } = require('../tools/redis.js')

function storeFor(port) {
  const store = rateLimitStore({ redis: { host: '127.0.0.1', port, commandTimeoutMs: 2000 } })
  store.init({ windowMs: 60_000, limit: 5 })
  return store
}

describe('a process that has just begun', () => {
  it('counts on where others were', async () => {
    const redis = await startRedis()
    try {
      const totals = []
      for (let restart = 0; restart < 3; restart++) {
        const store = storeFor(redis.port)
        const hits = await Promise.all([store.increment('a'), store.increment('a')])
        totals.push(...hits.map(({ totalHits }) => totalHits))
        assert.equal(store.stats().insured, 0)
        await store.shutdown()
      }
      assert.deepEqual(
        totals.sort((one, other) => one - other),
        [1, 2, 3, 4, 5, 6],
      )
    } finally {
      await redis.stop()
    }
  })

  it('counts by itself at once where nobody listens', async () => {
    // A port that was free a moment ago.
    const server = net.createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address()
    server.close()
    await once(server, 'close')
    const store = storeFor(port)
    const began = performance.now()
    assert.equal((await store.increment('a')).totalHits, 1)
    assert.ok(performance.now() - began < 1500)
    assert.equal(store.stats().insured, 1)
    await store.shutdown()
  })
})
