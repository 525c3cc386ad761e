'use strict'

// The store of rate limiters in the memory of the process, under the real express-rate-limit.

const assert = require('node:assert/strict')
const { describe, it } = require('node:test')
const { rateLimit } = require('express-rate-limit')
const { rateLimitStore } = require('../lib/express/rate-limit.js')
const { planApp, planLimiters, serve } = require('./support/limited-app.js')
const { settledMemory } = require('./support/memory.js')
const { until } = require('./support/outcome.js')

const MINUTE = 60_000

function storeFor(limiter = {}, options = {}) {
  const store = rateLimitStore(options)
  store.init({ windowMs: MINUTE, limit: 5, ...limiter })
  return store
}

describe('the limiters of the plan', () => {
  it('let a hundred requests through and tell the rest when to come again', async (t) => {
    const app = await planApp(
      t,
      planLimiters((prefix) => rateLimitStore({ prefix })),
    )
    for (let hit = 1; hit <= 100; hit++) {
      const answer = await app.request('/api/products')
      assert.equal(answer.status, 200)
      assert.equal(answer.headers.get('ratelimit-remaining'), String(100 - hit))
    }
    const refused = await app.request('/api/products')
    assert.equal(refused.status, 429)
    assert.deepEqual(await refused.json(), {
      status: 'error',
      message: 'Too many requests, please try again later.',
    })
    assert.equal(refused.headers.get('ratelimit-limit'), '100')
    assert.equal(refused.headers.get('ratelimit-policy'), '100;w=900')
    const reset = Number(refused.headers.get('ratelimit-reset'))
    assert.ok(reset > 890 && reset <= 900, String(reset))
    assert.equal(refused.headers.get('x-ratelimit-limit'), null)
  })

  it('count logins that fail and no others', async (t) => {
    const limiters = planLimiters((prefix) => rateLimitStore({ prefix }))
    const app = await planApp(t, limiters)
    const login = async (how) => (await app.request(`/api/users/login${how}`, { method: 'POST' })).status
    const counted = async (hits) =>
      until(
        'it is taken back',
        async () => (await limiters.authLimiter.getKey('127.0.0.1'))?.totalHits === hits,
      )
    for (let time = 0; time < 10; time++) {
      assert.equal(await login('?ok'), 200)
      await counted(0)
    }
    for (let time = 0; time < 5; time++) assert.equal(await login(''), 401)
    await counted(5)
    assert.equal(await login('?ok'), 429)
  })

  it('are known to express-rate-limit as stores of their own, with keys of their own', async (t) => {
    const complaints = []
    const logger = { error: (error) => complaints.push(error), warn: (error) => complaints.push(error) }
    const limiter = (limit) => rateLimit({ store: rateLimitStore(), limit, windowMs: MINUTE, logger })
    const app = await serve(t, (app) => app.use(limiter(2), limiter(3), (req, res) => res.end()))
    for (const status of [200, 200, 429]) assert.equal((await app.request('/')).status, status)
    assert.deepEqual(complaints, [])
  })
})

describe('a window', () => {
  it('begins with the first hit and is over at its end', async () => {
    const store = storeFor({ windowMs: 200 })
    const began = Date.now()
    const { totalHits, resetTime } = store.increment('a')
    const ended = Date.now()
    assert.equal(totalHits, 1)
    // Both clocks count whole milliseconds.
    const end = resetTime.getTime() - 200
    assert.ok(end >= began - 2 && end <= ended + 2, `${end}, from ${began} to ${ended}`)
    assert.equal(store.increment('a').totalHits, 2)
    await until('the window is over', async () => (await store.get('a')) === undefined)
    assert.equal(store.increment('a').totalHits, 1)
  })

  it('never counts below zero', async () => {
    const store = storeFor()
    await store.decrement('a')
    assert.equal(await store.get('a'), undefined)
    store.increment('a')
    for (let time = 0; time < 3; time++) await store.decrement('a')
    assert.equal((await store.get('a')).totalHits, 0)
    assert.equal(store.increment('a').totalHits, 1)
  })

  it('is left alone by a hit that is taken back after its own', async () => {
    const store = storeFor({ windowMs: 100 })
    store.increment('a')
    await until('the window is over', async () => (await store.get('a')) === undefined)
    await store.decrement('a')
    assert.equal(store.increment('a').totalHits, 1)
  })

  it('can be forgotten, for a key and for all', async () => {
    const store = storeFor()
    for (const key of ['a', 'a', 'b']) store.increment(key)
    await store.resetKey('a')
    assert.equal(await store.get('a'), undefined)
    assert.equal((await store.get('b')).totalHits, 1)
    await store.resetAll()
    assert.equal(await store.get('b'), undefined)
    assert.equal(store.stats().keys, 0)
    await store.shutdown()
  })
})

describe('what is kept', () => {
  it('stays within maxKeys for a million keys, and those in use stay', { timeout: 60_000 }, async () => {
    const store = storeFor({}, { maxKeys: 10_000 })
    const before = await settledMemory()
    for (let key = 0; key < 1_000_000; key++) {
      store.increment(`2001:db8::${key.toString(16)}`)
      if (key % 1000 === 0) store.increment('in use')
    }
    const { hits, keys } = store.stats()
    assert.equal(keys, 10_000)
    assert.equal(hits, 1_001_000)
    assert.equal(store.increment('in use').totalHits, 1001)
    const grown = (await settledMemory()).rss - before.rss
    assert.ok(grown < 100, `the process grew by ${grown.toFixed(1)} MiB`)
  })

  it('takes any key for what it is', async () => {
    const store = storeFor()
    const long = 'k'.repeat(64 * 1024)
    const keys = [
      '',
      '#',
      '{a}:b',
      '__proto__',
      'nul\0',
      '\n',
      '日本語',
      '😀',
      long,
      `${long}2`,
      '%s',
      '*',
      7,
    ]
    for (const key of keys) assert.equal(store.increment(key).totalHits, 1, String(key).slice(0, 20))
    for (const key of keys) assert.equal((await store.get(key)).totalHits, 1)
    assert.equal(store.increment('7').totalHits, 2)
    assert.equal(store.stats().keys, keys.length)
  })
})

describe('options', () => {
  const refused = (options, code, pattern) =>
    assert.throws(
      () => rateLimitStore(options),
      (error) => {
        assert.equal(error.code, code, error.message)
        assert.match(error.message, pattern)
        return true
      },
    )

  it('that mean nothing are refused at once', () => {
    const invalid = 'HEGAR_OPTION_INVALID'
    refused({ prefx: 'rl:' }, 'HEGAR_OPTION_UNKNOWN', /did you mean 'prefix'/)
    refused({ prefix: '' }, invalid, /'prefix' must be a text/)
    refused({ prefix: '#epochs' }, invalid, /'#'/)
    refused({ maxKeys: 0 }, invalid, /from 1 to/)
    refused({ insuranceLimit: -1 }, invalid, /from 0 to/)
    refused({ blockAfter: 0.5 }, invalid, /1 or above/)
    refused({ blockAfter: '2' }, invalid, /must be a number/)
    refused({ db: {} }, invalid, /createPool/)
    refused({ redis: { hst: 'a' } }, 'HEGAR_OPTION_UNKNOWN', /did you mean 'host'/)
    refused({ redis: 'http://localhost' }, invalid, /redis:\/\//)
  })

  it('of the limiter that mean nothing make every hit fail, as its initialisation did', () => {
    for (const windowMs of [0, -1, NaN, Infinity, 2 ** 32, '1000', undefined]) {
      const store = rateLimitStore()
      const refused = { code: 'HEGAR_OPTION_INVALID', option: 'windowMs' }
      assert.throws(() => store.increment('a'), refused)
      assert.throws(() => store.init({ windowMs, limit: 5 }), refused)
      assert.throws(() => store.increment('a'), refused)
    }
  })

  it('of the limiter may leave the limit to a function', async (t) => {
    const store = rateLimitStore()
    const limit = (req) => Number(req.query.limit)
    const limiter = rateLimit({ store, windowMs: MINUTE, limit })
    const app = await serve(t, (app) => app.use(limiter, (req, res) => res.end()))
    assert.equal((await app.request('/?limit=1')).status, 200)
    assert.equal((await app.request('/?limit=1')).status, 429)
    assert.equal((await app.request('/?limit=3')).status, 200)
  })
})
