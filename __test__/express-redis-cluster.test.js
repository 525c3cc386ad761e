'use strict'

// What Express needs of Redis, where that is a cluster: counters and answers are shared whichever node is asked first.

const assert = require('node:assert/strict')
const { after, before, describe, it } = require('node:test')
const Redis = require('ioredis')
const { rateLimitStore } = require('../lib/express/rate-limit.js')
const { startRedisCluster } = require('../tools/redis-groups.js')
const { withApp } = require('./support/http-app.js')
const { until } = require('./support/outcome.js')

// Both serve the same shop, so that their answers have the same key.
const SHOP = { host: 'shop.test' }

describe('with a cluster of Redis', () => {
  let cluster, client
  // Each process knows another node. What is late goes on alone, as it should, and here nothing is to be late.
  const place = (at) => ({
    cluster: [{ host: cluster.nodes[at].host, port: cluster.nodes[at].port }],
    commandTimeoutMs: 5000,
  })
  before(async () => {
    cluster = await startRedisCluster()
    client = new Redis.Cluster(cluster.nodes.map(({ host, port }) => ({ host, port })))
  })
  after(async () => {
    client?.disconnect()
    await cluster?.stop()
  })

  const connected = (one) => until('Redis is there', () => one.stats().redis.connected)

  it('limiters count together, take back, and forget', async () => {
    const stores = [0, 1, 2].map((at) => rateLimitStore({ redis: place(at) }))
    try {
      for (const store of stores) {
        store.init({ windowMs: 60_000, limit: 100 })
        await connected(store)
      }
      const keys = ['a', '{b}', '2001:db8::/64']
      const counts = await Promise.all(
        keys.map(async (key) => {
          for (const store of stores) await store.increment(key)
          await stores[0].decrement(key)
          return (await stores[1].get(key)).totalHits
        }),
      )
      assert.deepEqual(counts, [2, 2, 2])
      const key = '{hegar}:rl:a'
      const left = await client.pttl(key)
      assert.ok(left > 0 && left <= 60_000, `${left} ms`)
      await stores[0].resetKey('a')
      assert.equal(await client.exists(key), 0)
      await stores[2].resetAll()
      for (const key of keys) assert.equal(await stores[1].get(key), undefined)
      for (const store of stores) assert.equal(store.stats().insured, 0)
    } finally {
      await Promise.all(stores.map((store) => store.shutdown()))
    }
  })

  it('an answer that one process made is given by another until either is told of a write', async () => {
    const build = (runs) => (app, cache) =>
      app.get('/p', cache({ ttl: 60, tags: ['products'] }), (req, res) => res.json({ runs: ++runs.count }))
    const [one, two] = [{ count: 0 }, { count: 10 }]
    await withApp({ cache: { redis: place(0), maxStalenessMs: 5000 } }, build(one), (first) =>
      withApp({ cache: { redis: place(1), maxStalenessMs: 5000 } }, build(two), async (second) => {
        await connected(first.cache)
        await connected(second.cache)
        assert.equal((await first.get('/p', SHOP)).text, '{"runs":1}')
        await until('the other has it', async () => (await second.get('/p', SHOP)).text === '{"runs":1}')
        await second.cache.invalidate({ tags: ['products'] })
        await until('a new one is made', async () => (await first.get('/p', SHOP)).text !== '{"runs":1}')
      }),
    )
  })
})
