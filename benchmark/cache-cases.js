'use strict'

// The cases of benchmark/cache.js: `open(job)` gives `{hit(id), read(answer), close()}`, where `hit` is what is measured and
// `read` makes of its answer the document to compare.

const SQL = 'SELECT place, title, body, price FROM documents WHERE id = ? ORDER BY place'
const MISS = 'SELECT place, title, body, price FROM documents WHERE id = ? AND -1 < ? ORDER BY place'
const TTL = 3600

const cases = {
  'tier1-json': async ({ place }) => hegar(place, {}, (db) => (id) => db.cachedQueryJson(SQL, [id], TTL)),

  'tier1-objects': async ({ place }) => ({
    ...(await hegar(place, {}, (db) => (id) => db.cachedQuery(SQL, [id], TTL))),
    read: (rows) => rows,
  }),

  // No result fits into the memory of the process, so each comes from Redis.
  'tier2-json': async ({ place, redis }) =>
    hegar(place, { maxBytes: 0, redis }, (db) => (id) => db.cachedQueryJson(SQL, [id], TTL)),

  // What a miss adds to its query: the same statement, each time with a parameter that it never had.
  'miss-json': async ({ place }) => {
    let nonce = 0
    return hegar(place, {}, (db) => (id) => db.cachedQueryJson(MISS, [id, nonce++], TTL))
  },

  // The same where nothing is kept: what analysing and fencing add.
  'fence-json': async ({ place }) => {
    let nonce = 0
    return hegar(place, { maxBytes: 0 }, (db) => (id) => db.cachedQueryJson(MISS, [id, nonce++], TTL))
  },

  'query-json': async ({ place }) => {
    let nonce = 0
    return hegar(place, {}, (db) => (id) => db.queryJson(MISS, [id, nonce++]))
  },

  'bentocache-memory': async ({ load }) => {
    const { BentoCache, bentostore } = await import('bentocache')
    const { memoryDriver } = await import('bentocache/drivers/memory')
    // As it is quickest: what is kept is given as it is.
    const store = bentostore().useL1Layer(memoryDriver({ maxItems: 1000, serialize: false }))
    const cache = new BentoCache({ default: 'memory', stores: { memory: store } })
    return {
      hit: (id) => cache.getOrSet({ key: `document:${id}`, ttl: '1h', factory: () => load(id) }),
      read: (bytes) => JSON.parse(bytes),
      close: () => cache.disconnectAll(),
    }
  },

  'bentocache-redis': async ({ load, redis }) => {
    const { BentoCache, bentostore } = await import('bentocache')
    const { redisDriver } = await import('bentocache/drivers/redis')
    const store = bentostore().useL2Layer(redisDriver({ connection: redis }))
    const cache = new BentoCache({ default: 'redis', stores: { redis: store } })
    return {
      hit: (id) =>
        cache.getOrSet({ key: `bento:${id}`, ttl: '1h', factory: async () => JSON.parse(await load(id)) }),
      read: (document) => document,
      close: () => cache.disconnectAll(),
    }
  },

  'ioredis-json': async ({ load, redis, ids }) => {
    const { default: Redis } = await import('ioredis')
    const client = new Redis(redis)
    for (const id of ids) await client.set(`ioredis:${id}`, await load(id), 'EX', TTL)
    return {
      hit: async (id) => JSON.parse(await client.get(`ioredis:${id}`)),
      read: (document) => document,
      close: () => client.disconnect(),
    }
  },

  'lru-cache-js': async ({ load, ids }) => {
    const { LRUCache } = await import('lru-cache')
    const cache = new LRUCache({ max: 1000, ttl: TTL * 1000 })
    for (const id of ids) cache.set(`document:${id}`, await load(id))
    return {
      hit: async (id) => cache.get(`document:${id}`),
      read: (bytes) => JSON.parse(bytes),
      close() {},
    }
  },
}

async function hegar(place, cache, hitOf) {
  const { createPool } = require('../index.js')
  const db = createPool({ ...place, cache })
  return {
    hit: hitOf(db),
    read: (bytes) => JSON.parse(bytes),
    close: () => db.close(),
    stats: () => db.stats().cache,
  }
}

// Of these a process asks over a socket.
const REMOTE = ['tier2-json', 'bentocache-redis', 'ioredis-json']
const MANY = [...REMOTE, 'miss-json', 'fence-json', 'query-json']
const CASES = [...Object.keys(cases), ...MANY.map((name) => `${name}-alone`)]

module.exports = { CASES, MANY, cases, SQL }
