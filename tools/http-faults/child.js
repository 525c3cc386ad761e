'use strict'

// One server process of the check of the HTTP layer: an app of Express with a cache of answers and two limiters.

const { once } = require('node:events')
const express = require('express')
const { rateLimit } = require('express-rate-limit')
const { createPool } = require('../../index.js')
const { createHttpCache } = require('../../lib/express')
const { rateLimitStore } = require('../../lib/express/rate-limit.js')
const { cacheRemoveFence } = require('../../native.js')
const { serve } = require('../remote.js')

const PAD = 'x'.repeat(3000)

let opened
serve({
  open: async (job) => (opened = await open(job)).port,
  stats: () => opened.stats(),
  close: () => opened.close(),
})

async function open({ place, redis, isFenced, maxBytes, ttl, limits }) {
  if (!isFenced) cacheRemoveFence()
  const db = createPool({ ...place, connectionLimit: 6, cache: { redis } })
  const cache = createHttpCache({ db, maxBytes })
  const stores = Object.entries(limits).map(([name, { insuranceLimit }]) => [
    name,
    rateLimitStore({ db, prefix: `rl:${name}:`, insuranceLimit }),
  ])
  const app = express()
  addPages(app, db, cache, ttl)
  for (const [name, store] of stores) addLimited(app, name, store, limits[name])
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: server.address().port,
    stats: () => ({
      cache: cache.stats(),
      limits: Object.fromEntries(stores.map(([name, store]) => [name, store.stats()])),
    }),
    async close() {
      server.closeAllConnections()
      server.close()
      await cache.close()
      for (const [, store] of stores) await store.shutdown()
      await db.close()
    },
  }
}

function addPages(app, db, cache, ttl) {
  const versions = cache({ ttl: 600, tables: ['versions'] })
  const READ = 'SELECT id, version FROM versions'
  app.get('/rows', versions, async (req, res) => {
    res.type('json').end(await db.queryJson(`${READ} ORDER BY id`))
  })
  app.get('/rows/:id', versions, async (req, res) => {
    res.type('json').end(await db.queryJson(`${READ} WHERE id = ?`, [req.params.id]))
  })
  app.post('/rows/:id', async (req, res) => {
    await db.execute('UPDATE versions SET version = ? WHERE id = ?', [req.query.version, req.params.id])
    res.json({ status: 'success' })
  })
  // Nothing is written that this depends on, and what it says is when it was made.
  app.get('/clock/:name', cache(ttl), (req, res) => res.json({ made: Date.now(), pad: PAD }))
  app.get('/plain', async (req, res) => {
    res.type('json').end(await db.queryJson(`${READ} WHERE id = 0`))
  })
}

function addLimited(app, name, store, { windowMs, limit, skipSuccessfulRequests }) {
  const tell = (req, res) => res.json({ used: req.rateLimit.used, reset: req.rateLimit.resetTime.getTime() })
  const limiter = rateLimit({
    store,
    windowMs,
    limit,
    skipSuccessfulRequests,
    // One for all clients, so that both processes count the same.
    keyGenerator: () => 'everybody',
    handler: (req, res) => tell(req, res.status(429)),
    // A limit that is no whole number makes hits of those that Redis did not count, see limits.js.
    validate: { positiveHits: false },
  })
  app.get(`/${name}`, limiter, tell)
}
