'use strict'

// The store of rate limiters in Redis: what processes share, what is in Redis, and what happens when it fails.

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const { after, before, beforeEach, describe, it } = require('node:test')
const { promisify } = require('node:util')
const Redis = require('ioredis')
const { createPool } = require('../index.js')
const { rateLimitStore } = require('../lib/express/rate-limit.js')
const { startRedis } = require('../tools/redis.js')
const { planApp, planLimiters } = require('./support/limited-app.js')
const { rejects, until } = require('./support/outcome.js')
const { testServer } = require('./support/server.js')

const MINUTE = 60_000
// A hit that Redis answers late is counted in memory, as it should: exact counts would depend on how busy the machine is.
const PATIENT = { commandTimeoutMs: 5000 }
// Of a Redis that fails; in less a busy machine may not get its hits counted before that.
const IMPATIENT = { commandTimeoutMs: 300 }
const DEFAULTS = {}

describe('with Redis', () => {
  let redis, client
  const place = (patience = PATIENT) => ({ host: redis.host, port: redis.port, ...patience })
  before(async () => {
    redis = await startRedis()
    client = new Redis(redis.port, redis.host)
    client.on('error', () => {})
  })
  after(async () => {
    client.disconnect()
    await redis.stop()
  })
  beforeEach(() => client.flushall())

  async function withStores(count, work, { limiter = {}, ...options } = {}) {
    const stores = Array.from({ length: count }, () => rateLimitStore({ redis: place(), ...options }))
    try {
      for (const store of stores) {
        store.init({ windowMs: MINUTE, limit: 5, ...limiter })
        await connected(store)
      }
      return await work(stores)
    } finally {
      await Promise.all(stores.map((store) => store.shutdown()))
    }
  }

  const connected = (store) => until('Redis is there', () => store.stats().redis.connected)
  const hits = async (store, key) => (await store.increment(key)).totalHits

  // The script, as Node runs it, with the path of this checkout and the place of Redis.
  async function inProcess(script) {
    const text = `
      const { rateLimitStore } = require(${JSON.stringify(require.resolve('../lib/express/rate-limit.js'))})
      const store = rateLimitStore({ redis: ${JSON.stringify(place())} })
      store.init({ windowMs: 60000, limit: 100 })
      const connected = async () => { while (!store.stats().redis.connected) await new Promise((r) => setTimeout(r, 10)) }
      ${script}`
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', text], { timeout: 20_000 })
    return stdout.trim()
  }

  // What `work` has Redis do, as MONITOR shows it, but for what scripts do and the store's connection.
  async function commandsOf(key, work) {
    const monitor = await client.monitor()
    const seen = []
    monitor.on('monitor', (time, args, source) => {
      if (source !== 'lua' && args.some((arg) => arg.includes(key))) seen.push(args[0].toLowerCase())
    })
    try {
      await work()
      await client.echo(`end of ${key}`)
      await until('all was seen', () => seen.includes('echo'))
    } finally {
      monitor.disconnect()
    }
    return seen.slice(0, seen.indexOf('echo'))
  }

  describe('the limiters of the plan', () => {
    it('count in Redis under their names, and count no login that succeeds', async (t) => {
      const stores = []
      const limiters = planLimiters((prefix) => {
        const store = rateLimitStore({ prefix, redis: place() })
        t.after(() => store.shutdown())
        stores.push(store)
        return store
      })
      for (const store of stores) await connected(store)
      const app = await planApp(t, limiters)
      const login = async (how) => (await app.request(`/api/users/login${how}`, { method: 'POST' })).status
      const failed = async () => Number(await client.get('{hegar}:rl:auth:127.0.0.1'))
      for (let time = 0; time < 8; time++) {
        assert.equal(await login('?ok'), 200)
        await until('it is taken back', async () => (await failed()) === 0)
      }
      for (let time = 0; time < 5; time++) assert.equal(await login(''), 401)
      assert.equal(await login(''), 429)
      for (let hit = 15; hit <= 100; hit++) assert.equal((await app.request('/api/products')).status, 200)
      const refused = await app.request('/api/products')
      assert.equal(refused.status, 429)
      assert.equal(refused.headers.get('ratelimit-remaining'), '0')
      assert.deepEqual((await client.keys('*rl:*')).sort(), [
        '{hegar}:rl:api:127.0.0.1',
        '{hegar}:rl:auth:127.0.0.1',
      ])
    })

    it('let somebody in again whose logins at the same time turned out to be right', () =>
      withStores(
        1,
        async ([store]) => {
          await Promise.all(Array.from({ length: 6 }, () => store.increment('a')))
          assert.equal(store.increment('a').totalHits, 7, 'blocked')
          for (let time = 0; time < 7; time++) await store.decrement('a')
          assert.equal(await hits(store, 'a'), 1)
        },
        { limiter: { skipSuccessfulRequests: true } },
      ))

    it('give nothing back to an abuser whose refusals are taken back', () =>
      withStores(
        1,
        async ([store]) => {
          for (let hit = 1; hit <= 6; hit++) await store.increment('a')
          for (let time = 0; time < 50; time++) {
            assert.ok((await hits(store, 'a')) > 5)
            await store.decrement('a')
          }
        },
        { limiter: { skipFailedRequests: true } },
      ))
  })

  describe('a count', () => {
    it('is shared by stores and by processes', () =>
      withStores(2, async ([one, two]) => {
        assert.equal(await hits(one, 'a'), 1)
        assert.equal(await hits(two, 'a'), 2)
        const script =
          'connected().then(async () => { console.log((await store.increment("a")).totalHits); store.shutdown() })'
        assert.equal(await inProcess(script), '3')
        const { totalHits, resetTime } = await one.get('a')
        assert.equal(totalHits, 3)
        assert.ok(Math.abs(resetTime.getTime() - Date.now() - MINUTE) < 20_000)
      }))

    it('takes one command for each hit', () =>
      withStores(1, async ([store]) => {
        await store.increment('warm')
        const commands = await commandsOf('rl:b', async () => {
          for (let hit = 1; hit <= 5; hit++) assert.equal(await hits(store, 'b'), hit)
        })
        assert.deepEqual(commands, Array(5).fill('evalsha'))
        assert.equal(store.stats().redisCalls, 6)
      }))

    it('of hits at the same time takes fewer commands, and each has its own', () =>
      withStores(
        1,
        async ([store]) => {
          const counts = await Promise.all(Array.from({ length: 500 }, () => hits(store, 'a')))
          assert.deepEqual(
            counts.sort((a, b) => a - b),
            Array.from({ length: 500 }, (_, index) => index + 1),
          )
          const { redisCalls } = store.stats()
          assert.ok(redisCalls < 400, String(redisCalls))
        },
        { limiter: { limit: 1000 } },
      ))

    it('goes on when Redis has lost its scripts', () =>
      withStores(1, async ([store]) => {
        await store.increment('a')
        await client.script('FLUSH')
        assert.equal(await hits(store, 'a'), 2)
      }))

    it('is never without an expiry, whatever was there before', () =>
      withStores(1, async ([store]) => {
        const names = ['a', 'persisted', 'number', 'text', 'hash', 'list', 'below', 'far']
        await store.increment('persisted')
        const name = (key) => `{hegar}:rl:${key}`
        await client.persist(name('persisted'))
        await client.set(name('number'), '7')
        await client.set(name('text'), 'garbage')
        await client.hset(name('hash'), 'a', 'b')
        await client.lpush(name('list'), 'a')
        await client.set(name('below'), '-5', 'PX', MINUTE)
        await client.set(name('far'), '3', 'PX', 10 * MINUTE)
        const counts = []
        for (const key of names) counts.push(await hits(store, key))
        assert.deepEqual(counts, [1, 1, 1, 1, 1, 1, 1, 4])
        for (const key of await client.keys('*rl:*')) {
          const left = await client.pttl(key)
          assert.ok(left > 0 && left <= MINUTE, `${key}: ${left}`)
        }
      }))

    it('is never below zero, and a window is left alone by hits from before it', () =>
      withStores(
        1,
        async ([store]) => {
          await store.decrement('a')
          await store.increment('a')
          for (let time = 0; time < 3; time++) await store.decrement('a')
          assert.equal((await store.get('a')).totalHits, 0)
          await until('the window is over', async () => (await store.get('a')) === undefined)
          // As another process does, so that this one knows the window before alone.
          await withStores(1, async ([other]) => {
            assert.equal(await hits(other, 'a'), 1)
            await store.decrement('a')
            assert.equal((await other.get('a')).totalHits, 1)
          })
        },
        { limiter: { windowMs: 2000 } },
      ))

    it('can be forgotten, for a key and for all of the prefix', () =>
      withStores(
        2,
        async ([one, two]) => {
          await client.set('{hegar}:rlx', 'stays')
          for (const key of ['a', 'b', ...Array(2000).keys()]) await one.increment(String(key))
          await two.resetKey('a')
          assert.equal(await hits(one, 'a'), 1)
          await two.resetAll()
          assert.deepEqual(await client.keys('{hegar}:r*'), ['{hegar}:rlx'])
        },
        { prefix: 'rl*[a]:' },
      ))

    it('is of any key, however long', () =>
      withStores(1, async ([store]) => {
        const long = 'k'.repeat(64 * 1024)
        const keys = ['', '#', '#epochs', '{a}:b', '}{', 'nul\0', '日本語', '😀', long, `${long}2`, '*']
        for (const key of keys) assert.equal(await hits(store, key), 1)
        for (const key of keys) assert.equal((await store.get(key)).totalHits, 1)
        for (const key of await client.keys('*rl:*')) assert.ok(key.length < 300)
      }))
  })

  describe('an abuser', () => {
    it('is answered from memory', () =>
      withStores(1, async ([store]) => {
        for (let hit = 1; hit <= 6; hit++) assert.equal(await hits(store, 'a'), hit)
        const { redisCalls } = store.stats()
        const commands = await commandsOf('rl:a', async () => {
          for (let hit = 7; hit <= 100; hit++) {
            const { totalHits, resetTime } = store.increment('a')
            assert.equal(totalHits, hit)
            assert.ok(resetTime > Date.now())
          }
        })
        assert.deepEqual(commands, [])
        assert.deepEqual(
          { ...store.stats(), redis: 0 },
          {
            hits: 100,
            blockedInMemory: 94,
            insured: 0,
            keys: 1,
            redisCalls,
            redis: 0,
          },
        )
      }))

    it('is let in again at the end of his window, and no sooner', () =>
      withStores(
        1,
        async ([store]) => {
          for (let hit = 1; hit <= 6; hit++) assert.equal(await hits(store, 'a'), hit)
          const { totalHits, resetTime } = store.increment('a')
          assert.equal(totalHits, 7)
          await until('the window is over', async () => (await store.get('a')) === undefined)
          // Both clocks count whole milliseconds.
          assert.ok(Date.now() >= resetTime.getTime() - 2)
          assert.equal(await hits(store, 'a'), 1)
        },
        { limiter: { windowMs: 2000 } },
      ))

    it('is blocked later, or never, where the options say so', () =>
      withStores(
        1,
        async ([store]) => {
          for (let hit = 1; hit <= 11; hit++) assert.equal(await hits(store, 'a'), hit)
          assert.equal(store.stats().blockedInMemory, 0)
          assert.equal(store.increment('a').totalHits, 12)
        },
        { blockAfter: 2 },
      ))
  })

  describe('when Redis fails', () => {
    /** Hits one after the other; what each took is added to `took`. */
    async function hitFor(store, key, times, took) {
      const counts = []
      for (let time = 0; time < times; time++) {
        const began = performance.now()
        counts.push(await hits(store, key))
        took.push(performance.now() - began)
      }
      return counts
    }

    // A machine that others use as well stops now and then; one of ten, or of a few, may have met with that.
    function inTime(took) {
      took.sort((a, b) => a - b)
      const late = Math.max(1, Math.floor(took.length / 10))
      const isInTime = took.at(-1 - late) < IMPATIENT.commandTimeoutMs * 3 && took.at(-1) < 3000
      assert.ok(isInTime, `${took.slice(-2 * late)} ms, the slowest of ${took.length}`)
    }

    it('hits are counted in memory within its timeout, once, and in Redis again when it is back', () =>
      withStores(
        1,
        async ([store]) => {
          for (let hit = 1; hit <= 3; hit++) assert.equal(await hits(store, 'a'), hit)
          redis.pause()
          try {
            const took = []
            const [paused, many] = await Promise.all([
              hitFor(store, 'a', 20, took),
              Promise.all(Array.from({ length: 200 }, (_, key) => hits(store, `many ${key}`))),
            ])
            assert.deepEqual(
              paused,
              Array.from({ length: 20 }, (_, index) => index + 1),
            )
            assert.ok(many.every((count) => count === 1))
            inTime(took)
          } finally {
            redis.resume()
          }
          await until('Redis counts again', async () => {
            const { insured } = store.stats()
            await store.increment('b')
            return store.stats().insured === insured
          })
          // None of those that were counted here meanwhile.
          assert.equal(await hits(store, 'a'), 4)
          assert.equal(await client.exists('{hegar}:rl:many 0'), 0)
          assert.ok(store.stats().insured >= 220)
        },
        { limiter: { limit: 1000 }, redis: place(IMPATIENT) },
      ))

    it('another limit holds where one is given', () =>
      withStores(
        1,
        async ([store]) => {
          assert.equal(await hits(store, 'a'), 1)
          redis.pause()
          try {
            const took = []
            assert.deepEqual(await hitFor(store, 'a', 4, took), [99, 100, 101, 102])
            inTime(took)
          } finally {
            redis.resume()
          }
        },
        { limiter: { limit: 100 }, insuranceLimit: 2, redis: place(IMPATIENT) },
      ))

    it('a limiter whose limit is a function lets as many through as the insurance says', () =>
      withStores(
        1,
        async ([store]) => {
          redis.pause()
          try {
            const took = []
            assert.deepEqual(await hitFor(store, 'a', 3, took), [1, 1, Number.MAX_SAFE_INTEGER])
            inTime(took)
          } finally {
            redis.resume()
          }
        },
        { limiter: { limit: () => 7 }, insuranceLimit: 2, redis: place(DEFAULTS) },
      ))

    it('a restart under load costs no answer, and counting begins anew', () =>
      withStores(
        1,
        async ([store]) => {
          let isOver = false
          const took = []
          const load = async (_, lane) => {
            while (!isOver) await hitFor(store, `lane ${lane}`, 1, took)
          }
          const running = Promise.all(Array.from({ length: 8 }, load))
          await redis.kill()
          await until('it is missed', () => store.stats().insured > 100)
          await redis.restart()
          await connected(store)
          await until('it counts again', async () => (await client.exists('{hegar}:rl:lane 0')) === 1)
          isOver = true
          await running
          inTime(took)
        },
        { limiter: { limit: 1e9 }, redis: place(DEFAULTS) },
      ))

    it('what cannot be forgotten is said', () =>
      withStores(
        1,
        async ([store]) => {
          redis.pause()
          try {
            await rejects(store.resetKey('a'), 'HEGAR_CONNECTION_LOST')
            await rejects(store.resetAll(), 'HEGAR_CONNECTION_LOST')
            await store.decrement('a')
            assert.equal(await store.get('a'), undefined)
          } finally {
            redis.resume()
          }
        },
        { redis: place(DEFAULTS) },
      ))
  })

  describe('a store', () => {
    it('takes the Redis of a pool, which it leaves open, or counts in memory with a pool that has none', async (t) => {
      const { host, port, user, password } = await testServer()
      const db = createPool({ host, port, user, password, cache: { redis: place() } })
      t.after(() => db.close())
      const store = rateLimitStore({ db })
      t.after(() => store.shutdown())
      assert.equal(store.localKeys, false)
      store.init({ windowMs: MINUTE, limit: 5 })
      await connected(store)
      assert.equal(await hits(store, 'a'), 1)
      assert.equal(await client.get('{hegar}:rl:a'), '1')
      await store.shutdown()
      assert.equal(db.stats().cache.redis.connected, true)
      await db.close()
      // Nobody is left to ask, so the limiter goes on in memory.
      assert.equal(await hits(store, 'a'), 1)
      assert.throws(() => rateLimitStore({ db, redis: place() }), { code: 'HEGAR_OPTION_INVALID' })
      const plain = createPool({ host, port, user, password })
      t.after(() => plain.close())
      assert.equal(rateLimitStore({ db: plain }).localKeys, true)
    })

    it('lets its process end when it is shut down', async () => {
      const script =
        'connected().then(async () => { await store.increment("a"); await store.shutdown(); console.log("shut") })'
      assert.equal(await inProcess(script), 'shut')
    })

    it('that nobody uses keeps no process alive', async () => {
      assert.equal(
        await inProcess('connected().then(() => store.increment("a")).then(() => console.log("idle"))'),
        'idle',
      )
    })
  })
})
