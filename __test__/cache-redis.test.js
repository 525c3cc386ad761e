'use strict'

// Results shared by processes: what Redis holds, who loads, who hears of writes, and what becomes of it when Redis fails.

const assert = require('node:assert/strict')
const { after, before, beforeEach, describe, it } = require('node:test')
const { inspect } = require('node:util')
const { setTimeout: sleep } = require('node:timers/promises')
const { createPool } = require('../index.js')
const { normaliseOptions } = require('../lib/options.js')
const { startRedis } = require('../tools/redis.js')
const { cacheProcess } = require('./support/cache-process.js')
const { openDrivers } = require('./support/drivers.js')
const { until } = require('./support/outcome.js')

const ALL = 'SELECT id, name, made FROM goods ORDER BY id'
// A process goes on alone when Redis is late, as it should: what is shared would depend on how busy the machine is.
const PATIENT = { commandTimeoutMs: 5000, maxStalenessMs: 5000 }
const DEFAULTS = { commandTimeoutMs: 100, maxStalenessMs: 1000 }

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1]

describe('with Redis', () => {
  let drivers, redis
  /** The options of a cache with Redis. */
  const inRedis = ({ commandTimeoutMs, maxStalenessMs } = PATIENT) => ({
    maxStalenessMs,
    redis: { host: redis.host, port: redis.port, commandTimeoutMs },
  })
  before(async () => {
    drivers = await openDrivers()
    redis = await startRedis()
    await drivers.run(
      'CREATE TABLE goods (id INT PRIMARY KEY, name VARCHAR(200), made DATETIME)',
      'CREATE TABLE others (id INT PRIMARY KEY)',
    )
  })
  after(async () => {
    await redis.stop()
    await drivers.close()
  })
  beforeEach(async () => {
    await drivers.run(
      'DELETE FROM goods',
      "INSERT INTO goods VALUES (1, 'Säge', '2026-01-02 03:04:05'), (2, 'Axe', NULL)",
    )
    await withPools(1, ([db]) => db.invalidate({ all: true }))
  })

  // Pools that know nothing of each other but by Redis stand for processes: by its address each has a server of its own.
  async function withPools(count, work, options = {}) {
    const pools = Array.from({ length: count }, (_, index) =>
      createPool({
        ...drivers.target,
        host: ['127.0.0.1', 'localhost'][index],
        cache: inRedis(),
        ...options,
      }),
    )
    try {
      for (const pool of pools) await until('Redis is there', () => pool.stats().cache.redis.connected)
      return await work(pools)
    } finally {
      for (const pool of pools) await pool.close()
    }
  }

  async function withProcesses(count, work, options = {}) {
    const processes = Array.from({ length: count }, () =>
      cacheProcess({ ...drivers.target, cache: inRedis(), ...options }),
    )
    try {
      for (const one of processes) {
        await one.opened
        await until('Redis is there', async () => (await one.stats()).redis.connected)
      }
      return await work(processes)
    } finally {
      await Promise.all(processes.map((one) => one.close()))
    }
  }

  const figures = ({ prefixes }) =>
    Object.values(prefixes).reduce(
      (sum, { loads, remoteHits }) => ({ loads: sum.loads + loads, remoteHits: sum.remoteHits + remoteHits }),
      { loads: 0, remoteHits: 0 },
    )

  describe('a result', () => {
    it('that one process has loaded is given by the others, as JSON and as objects', () =>
      withProcesses(2, async ([one, two]) => {
        const [rows, json] = [await one.query(ALL, [], 60), await one.json(ALL, [], 60)]
        assert.deepEqual(rows, await drivers.db.query(ALL))
        await until('both are stored', async () => (await one.stats()).redis.stores === 2)
        assert.deepEqual(await two.query(ALL, [], 60), rows)
        assert.equal(await two.json(ALL, [], 60), json)
        assert.deepEqual(figures(await two.stats()), { loads: 0, remoteHits: 2 })
        // From there on it is in the memory of both.
        assert.deepEqual(await two.query(ALL, [], 60), rows)
        assert.equal(figures(await two.stats()).remoteHits, 2)
      }))

    it('of many kilobytes is compressed on its way', () =>
      withProcesses(2, async ([one, two]) => {
        const sql = 'SELECT seq, REPEAT(?, 200) AS text FROM seq_1_to_1000'
        const json = await one.json(sql, ['abc'], 60)
        await until('it is stored', async () => (await one.stats()).redis.stores === 1)
        assert.equal(await two.json(sql, ['abc'], 60), json)
        const { bytesWritten } = (await one.stats()).redis
        assert.ok(bytesWritten < json.length / 10, `${bytesWritten} of ${json.length}`)
      }))

    it('has the name that its caller gave it', () =>
      withProcesses(2, async ([one, two]) => {
        const Redis = require('ioredis')
        await one.query(ALL, [], { ttl: 60, key: 'products:list:1:20:newest:' })
        await until('it is stored', async () => (await one.stats()).redis.stores === 1)
        const client = new Redis(redis.port, redis.host)
        const ttl = await client.pttl('{hegar}:products:list:1:20:newest:')
        await client.quit()
        assert.ok(ttl > 50_000 && ttl <= 60_000, String(ttl))
        await two.query(ALL, [], { ttl: 60, key: 'products:list:1:20:newest:' })
        assert.equal(figures(await two.stats()).remoteHits, 1)
      }))

    it('is not given to pools whose options make something else of it', () =>
      withPools(1, async ([one]) => {
        await one.query(ALL)
        await one.cachedQueryJson(ALL, [], 60)
        await until('it is stored', () => one.stats().cache.redis.stores === 1)
        await withPools(
          1,
          async ([two]) => {
            assert.deepEqual(await two.cachedQueryJson(ALL, [], 60), await two.queryJson(ALL))
            assert.equal(figures(two.stats().cache).remoteHits, 0)
          },
          { dateStrings: true },
        )
      }))
  })

  // The others know of it within a second, which a machine that others use as well may add to now and then.
  describe('a write', () => {
    const bounded = () => ({ cache: inRedis({ ...PATIENT, maxStalenessMs: 1000 }) })

    it('in one process is known in the others, which load anew', () =>
      withProcesses(
        3,
        async (processes) => {
          const [writer] = processes
          const took = []
          for (let version = 1; version <= 5; version++) {
            for (const one of processes) await one.query(ALL, [], 60)
            await writer.execute('UPDATE goods SET name = ? WHERE id = 1', [`version ${version}`])
            // The writer itself never sees the old one, the others for no longer than the bound.
            assert.equal((await writer.query(ALL, [], 60))[0].name, `version ${version}`)
            const began = performance.now()
            for (const one of processes) {
              await until(
                'the new one',
                async () => (await one.query(ALL, [], 60))[0].name === `version ${version}`,
                3000,
              )
            }
            took.push(performance.now() - began)
          }
          assert.ok(median(took) < 1000, `${took} ms`)
        },
        bounded(),
      ))

    it('by invalidate, too, within the bound', () =>
      withProcesses(
        2,
        async ([one, two]) => {
          const options = { ttl: 60, key: 'goods:all', tags: ['home'] }
          const took = []
          for (const what of [
            { keys: 'goods:all' },
            { prefix: 'goods:' },
            { tags: 'home' },
            { tables: 'goods' },
            { all: true },
          ]) {
            await one.query(ALL, [], options)
            await until('it is stored', async () => (await two.query(ALL, [], options)).length === 2)
            const name = `changed for ${JSON.stringify(what)}`
            await drivers.run(`UPDATE goods SET name = '${name}' WHERE id = 1`)
            await one.invalidate(what)
            const began = performance.now()
            await until(
              'the other one',
              async () => (await two.query(ALL, [], options))[0].name === name,
              3000,
            )
            took.push(performance.now() - began)
          }
          assert.ok(median(took) < 1000, `${took} ms`)
        },
        bounded(),
      ))
  })

  describe('a thousand callers in four processes', () => {
    it('of a result that nobody has share one statement', () =>
      withProcesses(4, async (processes) => {
        for (let round = 0; round < 3; round++) {
          // What each needs to know beforehand: the schema.
          for (const one of processes) await one.query('SELECT COUNT(*) AS n FROM others', [], 60)
          const before = await total(processes)
          const sql = `SELECT COUNT(*) AS n, ${round} AS round FROM goods a, goods b, seq_1_to_300000`
          const kinds = await Promise.all(processes.map((one) => one.many(250, sql, [], 60)))
          assert.deepEqual(kinds, [1, 1, 1, 1])
          assert.equal((await total(processes)) - before, 1)
        }
      }))

    async function total(processes) {
      const all = await Promise.all(processes.map((one) => one.stats()))
      return all.reduce((sum, stats) => sum + figures(stats).loads, 0)
    }

    it('whose leader is killed have another one after its lease', () =>
      withProcesses(2, async ([leader, follower]) => {
        for (const one of [leader, follower]) await one.query('SELECT COUNT(*) AS n FROM others', [], 60)
        const Redis = require('ioredis')
        const client = new Redis(redis.port, redis.host)
        const lock = await drivers.db.getConnection()
        try {
          await lock.query('LOCK TABLES goods WRITE')
          leader.query(ALL, [], 60).catch(() => {})
          const leases = () => client.keys('{hegar}:#lease:*')
          await until('the leader has the lease', async () => (await leases()).length === 1)
          const before = await follower.stats()
          follower.query(ALL, [], 60).catch(() => {})
          await until('it asks', async () => (await follower.stats()).redis.waits > before.redis.waits)
          assert.equal(
            figures(await follower.stats()).loads,
            figures(before).loads,
            'it waits for the leader',
          )
          await leader.kill()
        } finally {
          await client.quit()
          await lock.query('UNLOCK TABLES')
          await lock.release()
        }
        const began = performance.now()
        const rows = await Promise.race([follower.query(ALL, [], 60), sleep(8000)])
        assert.equal(rows?.length, 2)
        assert.ok(performance.now() - began < 7000)
      }))
  })

  describe('that fails', () => {
    it('at the start, a query is a query, and Redis is used when it comes', async () => {
      const late = await startRedis()
      await late.kill()
      const db = createPool({
        ...drivers.target,
        cache: { redis: { host: late.host, port: late.port, commandTimeoutMs: 5000, retryMaxDelayMs: 200 } },
      })
      try {
        const began = performance.now()
        for (let call = 0; call < 10; call++) assert.equal((await db.cachedQuery(ALL, [], 60)).length, 2)
        // Less than the deadline of one command.
        assert.ok(performance.now() - began < 3000)
        assert.equal(db.stats().cache.redis.connected, false)
        await late.restart()
        await until('it is used', async () => {
          await db.cachedQuery(ALL, [], { ttl: 60, key: `some:${Math.random()}` })
          return db.stats().cache.redis.stores > 0
        })
      } finally {
        await db.close()
        await late.stop()
      }
    })

    it('in the middle, no query fails or waits for long, results are given for a second more, and it recovers', () =>
      withPools(
        2,
        async ([one, two]) => {
          await one.cachedQuery(ALL, [], 60)
          for (const [fail, mend] of [
            [() => redis.pause(), () => redis.resume()],
            [() => redis.kill(), () => redis.restart()],
          ]) {
            await two.cachedQuery(ALL, [], 60)
            await fail()
            const failed = performance.now()
            const took = []
            let version = 0
            while (performance.now() - failed < 2500) {
              const began = performance.now()
              await one.cachedQuery(ALL, [], { ttl: 60, key: `key:${version++}` })
              took.push(performance.now() - began)
              if (performance.now() - failed > 1200) {
                // Past the bound nobody gives what the other one has written meanwhile.
                await one.execute('UPDATE goods SET name = ? WHERE id = 2', [`written ${version}`])
                await sleep(1010)
                assert.equal((await two.cachedQuery(ALL, [], 60))[1].name, `written ${version}`)
              }
            }
            // The machine may stop one query or two. Those that wait for Redis are five in a row.
            const slowest = took.toSorted((a, b) => b - a).slice(0, 5)
            assert.ok(median(slowest) < 400 && slowest[0] < 3000, `${slowest} ms`)
            await mend()
            await until('it recovers', async () => {
              await two.cachedQuery(ALL, [], 60)
              const { stores } = two.stats().cache.redis
              await two.cachedQuery(ALL, [], { ttl: 60, key: `after:${Math.random()}` })
              await sleep(20)
              return two.stats().cache.redis.stores > stores
            })
          }
        },
        { cache: inRedis(DEFAULTS) },
      ))
  })

  describe('the options', () => {
    const read = (redis) => normaliseOptions({ cache: { redis } }).native.cache.redis

    it("are ioredis's and our own", () => {
      const ioredis = {
        host: 'redis.local',
        port: 6380,
        password: 'geheim',
        retryStrategy: (times) => Math.min(times * 50, 2000),
        maxRetriesPerRequest: 3,
      }
      const { host, port, password, retryDelayMs, retryMaxDelayMs, maxRetriesPerRequest } = read(ioredis)
      assert.deepEqual(
        [host, port, password, retryDelayMs, retryMaxDelayMs, maxRetriesPerRequest],
        ['redis.local', 6380, 'geheim', 50, 2000, 3],
      )
      const uri = read('rediss://me:p%40ss@cache.local:6390/2')
      assert.deepEqual(
        [uri.host, uri.port, uri.username, uri.password, uri.db],
        ['cache.local', 6390, 'me', 'p@ss', 2],
      )
      assert.equal(uri.tls.verify, true)
      const sentinel = read({ sentinels: [{ host: 's1', port: 26379 }], name: 'shop', sentinelPassword: 'x' })
      assert.deepEqual(sentinel.sentinel.nodes, [{ host: 's1', port: 26379 }])
      assert.equal(read(null), null)
    })

    it('that make no sense are refused, and secrets never print', () => {
      for (const [options, pattern] of [
        [{ hots: 'x' }, /option 'cache.redis' has no 'hots': did you mean 'host'/],
        [{ port: 0 }, /option 'cache.redis.port' must be an integer from 1/],
        ['http://x', /must be a uri such as 'redis:/],
        [{ retryStrategy: () => null }, /growing pauses in milliseconds/],
        [{ sentinels: [] }, /must be an array of \{host, port\}/],
        [{ name: 'x' }, /needs 'sentinels'/],
        [{ cluster: [{ port: 7000 }], keyPrefix: 'app:' }, /needs a hash tag in a cluster/],
        [{ cluster: [{ port: 7000 }], db: 3 }, /must be 0 in a cluster/],
        [7, /option 'cache.redis' must be an object/],
      ]) {
        assert.throws(() => read(options), pattern)
      }
      const { native } = normaliseOptions({ cache: { redis: { password: 'hunter2' } } })
      assert.ok(!inspect(native, { depth: 9 }).includes('hunter2'))
    })
  })
})
