'use strict'

// Answers shared by processes: what one gives the other, who runs the handler, who hears of writes, and what becomes of it
// when Redis fails or holds what is none of ours.

const assert = require('node:assert/strict')
const { spawn } = require('node:child_process')
const { once } = require('node:events')
const { request } = require('node:http')
const { after, before, beforeEach, describe, it } = require('node:test')
const { setTimeout: sleep } = require('node:timers/promises')
const { gunzipSync } = require('node:zlib')
const Redis = require('ioredis')
const { createPool } = require('../index.js')
const { startRedis } = require('../tools/redis.js')
const { openDrivers } = require('./support/drivers.js')
const { openApp } = require('./support/http-app.js')
const { until } = require('./support/outcome.js')

const SUPPORT = JSON.stringify(require.resolve('./support/http-app.js'))
const EXPRESS = JSON.stringify(require.resolve('../lib/express'))
// All of them serve the same shop, so that their answers have the same key.
const SHOP = { host: 'shop.test' }
const STORED = 'hegar; fwd=uri-miss; stored'
const HIT = 'hegar; hit'
// A process goes on alone when Redis is late, as it should: what is shared would depend on how busy the machine is.
const PATIENT = { commandTimeoutMs: 5000, maxStalenessMs: 5000 }
const DEFAULTS = {}

describe('answers in Redis', () => {
  let drivers, redis, client
  /** The options of a cache with Redis. */
  const inRedis = ({ commandTimeoutMs, maxStalenessMs } = PATIENT) => ({
    maxStalenessMs,
    redis: { host: redis.host, port: redis.port, commandTimeoutMs, retryMaxDelayMs: 200 },
  })
  before(async () => {
    drivers = await openDrivers()
    redis = await startRedis()
    client = new Redis(redis.port, redis.host)
    client.on('error', () => {})
    await drivers.run(
      'CREATE TABLE goods (id INT PRIMARY KEY, n INT NOT NULL)',
      'INSERT INTO goods VALUES (1, 0)',
    )
  })
  after(async () => {
    client.disconnect()
    await redis.stop()
    await drivers.close()
  })
  beforeEach(() => client.flushall())

  /** `{get, cache, runs(path), ...}` of an app whose handlers are counted; `build(get, cache, db)` gives it its routes. */
  async function openOne(options, build, db) {
    const runs = new Map()
    const one = await openApp({ cache: options }, (app, cache) => {
      const route = (path, middleware, handler) =>
        app.get(path, middleware, (req, res) => {
          runs.set(req.path, (runs.get(req.path) ?? 0) + 1)
          return handler(req, res)
        })
      build(route, cache, db, app)
    })
    const get = (path, headers) => one.get(path, { ...SHOP, ...headers })
    return { ...one, db, get, runs: (path) => runs.get(path) ?? 0 }
  }

  // Caches whose pools know nothing of each other but by Redis stand for processes: by its address each has a server of its own.
  async function withTwo(build, work, patience) {
    const pools = ['127.0.0.1', 'localhost'].map((host) =>
      createPool({ ...drivers.target, host, cache: inRedis(patience) }),
    )
    const apps = []
    try {
      for (const db of pools) apps.push(await openOne({ db }, build, db))
      for (const one of apps) await connected(one.cache)
      return await work(apps)
    } finally {
      for (const one of apps) await one.close()
      for (const db of pools) await db.close()
    }
  }

  const connected = (cache) => until('Redis is there', () => cache.stats().redis.connected)
  const stored = (cache, count = 1) => until('it is stored', () => cache.stats().redis.stores >= count)
  const page = (route, cache) => route('/p/:id', cache(60), (req, res) => res.json({ id: req.params.id }))

  // A process that serves `/p/:id`, slowly, and says what its cache has seen.
  async function openProcess() {
    const text = `
      const { openApp } = require(${SUPPORT})
      const { setTimeout: sleep } = require('node:timers/promises')
      let runs = 0
      const build = (app, cache) => app.get('/p/:id', cache(60), async (req, res) => {
        runs++
        await sleep(150)
        res.json({ id: req.params.id, pid: process.pid })
      })
      openApp({ cache: ${JSON.stringify(inRedis())} }, build).then(({ port, cache, close }) => {
        process.on('message', async (what) => {
          if (what === 'close') await close().then(() => process.disconnect())
          else process.send({ ...cache.stats(), runs })
        })
        process.send(port)
      })`
    const child = spawn(process.execPath, ['-e', text], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const told = async (what) => {
      child.send(what)
      return (await once(child, 'message'))[0]
    }
    const [port] = await once(child, 'message')
    return {
      get: (path) => fetched(port, path),
      stats: () => told('stats'),
      kill: () => child.kill('SIGKILL'),
      async close() {
        if (child.exitCode !== null || child.signalCode !== null) return
        const exited = once(child, 'exit')
        child.send('close')
        await exited
      },
    }
  }

  async function withProcesses(work) {
    const processes = await Promise.all([openProcess(), openProcess()])
    try {
      for (const one of processes)
        await until('Redis is there', async () => (await one.stats()).redis.connected)
      return await work(processes)
    } finally {
      await Promise.all(processes.map((one) => one.close()))
    }
  }

  describe('an answer that one process has made', () => {
    const fields = (route, cache) =>
      route('/p/:id', cache(60), (req, res) => {
        res
          .status(203)
          .set({ 'X-Shop': '7', 'X-List': ['a', 'b'], 'Last-Modified': 'Thu, 26 Nov 2026 10:00:00 GMT' })
        res.statusMessage = 'As Good As Any'
        res.type('text/plain; charset=utf-8').send(`Säge ${req.params.id}`)
      })

    it('is given by the other as it was, with its age, and no handler is run', () =>
      withTwo(fields, async ([one, two]) => {
        const first = await one.get('/p/1')
        assert.equal(first.cacheStatus, STORED)
        await stored(one.cache)
        // Ages are in whole seconds.
        await sleep(1050)
        const second = await two.get('/p/1')
        assert.deepEqual([second.status, second.message, second.text], [203, 'As Good As Any', 'Säge 1'])
        assert.equal(second.cacheStatus, HIT)
        assert.ok(second.headers.age >= 1, second.headers.age)
        for (const name of [
          'etag',
          'content-type',
          'x-shop',
          'x-list',
          'last-modified',
          'cache-control',
          'content-length',
        ]) {
          assert.ok(second.headers[name] !== undefined, name)
          assert.deepEqual(second.headers[name], first.headers[name], name)
        }
        assert.deepEqual([two.runs('/p/1'), two.cache.stats().remoteHits], [0, 1])
        // From there on it is in the memory of both.
        assert.ok((await two.get('/p/1')).headers.age >= 1)
        assert.deepEqual([two.runs('/p/1'), two.cache.stats().remoteHits, two.cache.stats().hits], [0, 1, 2])
      }))

    it('has the tag there that clients know it by', () =>
      withTwo(page, async ([one, two]) => {
        const { etag } = (await one.get('/p/1')).headers
        await stored(one.cache)
        const known = await two.get('/p/1', { 'if-none-match': etag })
        assert.deepEqual([known.status, known.headers.etag, two.runs('/p/1')], [304, etag, 0])
      }))

    it('is fresh in the other for what is left of its time', () => {
      const shortly = (route, cache) => route('/p/:id', cache(2), (req, res) => res.json({}))
      return withTwo(shortly, async ([one, two]) => {
        const began = performance.now()
        await one.get('/p/1')
        await stored(one.cache)
        await sleep(1500)
        assert.equal((await two.get('/p/1')).cacheStatus, HIT)
        await until('it is made anew', async () => (await two.get('/p/1')).cacheStatus !== HIT)
        const lasted = performance.now() - began
        // With all of its time it would last for 3500 ms.
        assert.ok(lasted > 1800 && lasted < 3000, `${lasted} ms`)
      })
    })

    it('is compressed by each for its own clients', () => {
      const long = (route, cache) =>
        route('/p/:id', cache(60), (req, res) => res.json({ text: 'abc'.repeat(10_000) }))
      return withTwo(long, async ([one, two]) => {
        const { text } = await one.get('/p/1')
        await stored(one.cache)
        assert.ok(one.cache.stats().redis.bytesWritten < text.length / 10)
        assert.equal((await two.get('/p/1')).text, text)
        const packed = () => two.get('/p/1', { 'accept-encoding': 'gzip' })
        const { body } = await until('it is compressed', async () => {
          const answer = await packed()
          return answer.headers['content-encoding'] === 'gzip' && answer
        })
        assert.equal(gunzipSync(body).toString(), text)
        assert.equal(two.runs('/p/1'), 0)
      })
    })

    it('for declared fields of requests is given for the same ones alone', () => {
      const spoken = (route, cache) =>
        route('/p/:id', cache({ ttl: 60, vary: ['Accept-Language'] }), (req, res) =>
          res.vary('Accept-Language').json({ language: req.headers['accept-language'] }),
        )
      return withTwo(spoken, async ([one, two]) => {
        const get = async (app, language) =>
          JSON.parse((await app.get('/p/1', { 'accept-language': language })).text).language
        assert.equal(await get(one, 'de'), 'de')
        await stored(one.cache)
        assert.equal(await get(two, 'de'), 'de')
        assert.equal(two.runs('/p/1'), 0)
        assert.equal(await get(two, 'en'), 'en')
        assert.equal(two.runs('/p/1'), 1)
      })
    })

    for (const [what, set] of [
      ['has a Surrogate-Key', (res) => res.set('Surrogate-Key', 'shelf-1')],
      ['varies by fields that were not declared', (res) => res.vary('Accept-Language')],
      ['is private', (res) => res.set('Cache-Control', 'private, max-age=60')],
    ]) {
      it(`stays there if it ${what}`, () => {
        const own = (route, cache) =>
          route('/p/:id', cache(60), (req, res) => {
            set(res)
            res.json({})
          })
        return withTwo(own, async ([one, two]) => {
          await one.get('/p/1')
          // Nobody waits for what the other process can not be given.
          const began = performance.now()
          await two.get('/p/1')
          assert.ok(performance.now() - began < 1000)
          assert.deepEqual([one.runs('/p/1'), two.runs('/p/1')], [1, 1])
          assert.equal(two.cache.stats().remoteHits, 0)
          assert.deepEqual(await client.keys('{hegar}:http:*'), [])
        })
      })
    }
  })

  describe('two processes', () => {
    it('that are asked for the same at the same moment run one handler, and the other one waits', () =>
      withProcesses(async ([one, two]) => {
        for (let round = 0; round < 3; round++) {
          const asked = [one, two, one, two].map((process) => process.get(`/p/${round}`))
          const answers = await Promise.all(asked)
          assert.equal(new Set(answers.map(({ text }) => text)).size, 1)
          const [first, second] = [await one.stats(), await two.stats()]
          assert.equal(first.runs + second.runs, round + 1)
          assert.equal(first.remoteHits + second.remoteHits, round + 1)
        }
      }))

    it('of which one dies with the right to make an answer do not keep the other waiting for ever', () =>
      withProcesses(async ([one, two]) => {
        const asked = one.get('/p/1').catch(() => {})
        await until('it has the lease', async () => (await client.keys('{hegar}:#lease:*')).length === 1)
        one.kill()
        await asked
        const began = performance.now()
        assert.equal((await two.get('/p/1')).status, 200)
        assert.ok(performance.now() - began < 5000)
      }))
  })

  describe('a request that is over before the other process has answered', () => {
    it('has no handler run, and keeps nobody waiting', () => {
      let open
      const gate = new Promise((resolve) => (open = resolve))
      const impatient = (route, cache, db, app) => {
        app.use((req, res, next) => {
          if (req.headers['x-patience'])
            setTimeout(() => res.status(503).end(), Number(req.headers['x-patience']))
          next()
        })
        route('/p/:id', cache(60), async (req, res) => {
          await gate
          res.status(req.headers['x-fails'] ? 500 : 200).json({})
        })
      }
      return withTwo(impatient, async ([one, two]) => {
        const failed = one.get('/p/1', { 'x-fails': 'yes' })
        await until('it is run', () => one.runs('/p/1') === 1)
        assert.equal((await two.get('/p/1', { 'x-patience': '100' })).status, 503)
        open()
        assert.equal((await failed).status, 500)
        await sleep(100)
        assert.equal(two.runs('/p/1'), 0)
        const began = performance.now()
        assert.equal((await two.get('/p/1')).cacheStatus, STORED)
        assert.equal((await one.get('/p/1')).status, 200)
        const took = performance.now() - began
        assert.ok(took < 1000, `${took} ms`)
      })
    })
  })

  describe('a handler that fails', () => {
    it('leaves the answer to the other process, which does not wait for longer than that', () => {
      let fail = true
      const failing = (route, cache) =>
        route('/p/:id', cache(60), async (req, res) => {
          await sleep(100)
          if (fail) res.status(500)
          res.json({})
        })
      return withTwo(failing, async ([one, two]) => {
        const failed = one.get('/p/1')
        await until('it is run', () => one.runs('/p/1') === 1)
        const other = two.get('/p/1')
        assert.equal((await failed).status, 500)
        fail = false
        const began = performance.now()
        assert.equal((await other).status, 200)
        assert.ok(performance.now() - began < 1000)
      })
    })
  })

  describe('a write', () => {
    const goods = (route, cache, db, app) => {
      const read = async (req, res) => res.type('json').end(await db.queryJson('SELECT n FROM goods'))
      route('/goods', cache({ ttl: 60, tables: ['goods'] }), read)
      route('/tagged', cache({ ttl: 60, tags: ['shelf'] }), read)
      app.post('/goods', cache(60), async (req, res) => {
        await db.execute('UPDATE goods SET n = n + 1')
        res.json({})
      })
    }
    const n = async (app, path) => JSON.parse((await app.get(path)).text)[0].n
    /** Awaits the new one; how long that took. */
    const renewed = async (app, path, expected) => {
      const began = performance.now()
      await until('the new one', async () => (await n(app, path)) === expected, 3000)
      return performance.now() - began
    }
    // A machine that others use as well stops now and then, so the bound is one for the median.
    const inBound = (times) => assert.ok(times.sort((a, b) => a - b)[times.length >> 1] < 1000, `${times} ms`)

    it('through one pool makes the answers of both invalid, there at once and within the bound here', () =>
      withTwo(goods, async ([one, two]) => {
        const times = []
        for (let round = 0; round < 5; round++) {
          const [writer, reader] = round % 2 === 0 ? [one, two] : [two, one]
          const before = await n(writer, '/goods')
          await until('both have it', async () => (await n(reader, '/goods')) === before)
          await writer.send('POST', '/goods', SHOP)
          assert.equal(await n(writer, '/goods'), before + 1)
          times.push(await renewed(reader, '/goods', before + 1))
        }
        inBound(times)
        assert.ok(one.cache.stats().remoteHits + two.cache.stats().remoteHits > 0)
      }))

    it('by invalidate makes the answers of both invalid', () =>
      withTwo(goods, async ([one, two]) => {
        const times = []
        for (const what of [{ tags: 'shelf' }, { paths: '/tagged' }, { all: true }]) {
          const before = await n(one, '/tagged')
          await until('both have it', async () => (await n(two, '/tagged')) === before)
          const runs = two.runs('/tagged') + one.runs('/tagged')
          await drivers.run('UPDATE goods SET n = n + 1')
          assert.deepEqual([await n(one, '/tagged'), await n(two, '/tagged')], [before, before])
          await one.cache.invalidate(what)
          assert.equal(await n(one, '/tagged'), before + 1)
          times.push(await renewed(two, '/tagged', before + 1))
          // Made by one of them, and given by the other.
          assert.equal(two.runs('/tagged') + one.runs('/tagged'), runs + 1)
        }
        inBound(times)
      }))
  })

  describe('Redis that fails', () => {
    for (const [how, fail, mend] of [
      ['hangs', () => redis.pause(), () => redis.resume()],
      ['is stopped', () => redis.kill(), () => redis.restart()],
    ]) {
      it(`and ${how} costs no request more than its timeout, and answers are shared again when it is back`, () =>
        withTwo(
          page,
          async ([one, two]) => {
            await one.get('/p/0')
            await fail()
            try {
              const times = []
              for (let id = 1; id <= 30; id++) {
                const began = performance.now()
                const { status, text } = await one.get(`/p/${id}`)
                assert.deepEqual([status, text], [200, `{"id":"${id}"}`])
                times.push(performance.now() - began)
              }
              // A machine that others use as well stops now and then; three of them may have met with that.
              times.sort((a, b) => a - b)
              assert.ok(times[26] < 400 && times[29] < 3000, `${times} ms`)
              assert.equal(one.runs('/p/30'), 1)
              // What was made meanwhile is kept in memory.
              assert.equal((await one.get('/p/30')).cacheStatus, HIT)
            } finally {
              await mend()
            }
            let id = 100
            await until('they share again', async () => {
              await one.get(`/p/${++id}`)
              await two.get(`/p/${id}`)
              return two.cache.stats().remoteHits > 0
            })
          },
          DEFAULTS,
        ))
    }

    it('and is restarted or emptied costs no answer under load', () =>
      withTwo(
        page,
        async (apps) => {
          let isOver = false
          const load = apps.map(async ({ get }) => {
            for (let id = 0; !isOver; id++) assert.equal((await get(`/p/${id % 50}`)).status, 200)
          })
          await sleep(100)
          await client.flushall()
          await sleep(100)
          await redis.restart()
          for (const { cache } of apps) await connected(cache)
          isOver = true
          await Promise.all(load)
          for (const { cache } of apps) assert.equal(cache.stats().failures, 0)
        },
        DEFAULTS,
      ))
  })

  describe('what is in Redis under the key of an answer', () => {
    const keyOf = async (path) => {
      const keys = await client.keys(`{hegar}:http:*${path} *`)
      assert.equal(keys.length, 1)
      return keys[0]
    }
    const BODY = '{"id":"forged"}'
    const PLAIN = {
      status: 200,
      headers: { 'content-type': 'application/json' },
      names: [['content-type', 'Content-Type']],
      before: {},
      tag: 'abcdefghijklmnopqrstuv',
    }
    // Made when it is needed, for it does not last long.
    const headOf = (other) => ({ ...PLAIN, made: Date.now(), ...other })
    const value = (head, body = BODY, length) => {
      const bytes = Buffer.from(typeof head === 'string' ? head : JSON.stringify(head))
      const size = Buffer.alloc(4)
      size.writeUInt32LE(length ?? bytes.length)
      // The first byte says that it is not compressed.
      return Buffer.concat([Buffer.from([1]), size, bytes, Buffer.from(body)])
    }

    async function forge(path, bytes, { one, two }) {
      await one.get(path)
      await until('it is stored', async () => (await client.keys(`{hegar}:http:*${path} *`)).length === 1)
      const key = await keyOf(path)
      if (bytes === null) await client.set(key, 'garbage')
      else await client.hset(key, 'value', bytes)
      return two.get(path)
    }

    it('is given if it has the shape of one, as the next test needs it', () =>
      withTwo(page, async ([one, two]) => {
        assert.equal((await forge('/p/1', value(headOf()), { one, two })).text, BODY)
        assert.equal(two.runs('/p/1'), 0)
      }))

    const without = (name) => Object.fromEntries(Object.entries(headOf()).filter(([key]) => key !== name))
    const forged = () => ({
      'no hash': null,
      nothing: Buffer.alloc(0),
      'bytes of no format': Buffer.from([9, 8, 7, 6, 5, 4, 3, 2, 1]),
      'bytes that are not compressed': Buffer.from([2, 255, 255, 255, 255, 1, 2, 3]),
      'too few bytes': Buffer.from([1, 2, 0]),
      'a head that is no JSON': value('{"status":200,'),
      'a head longer than all': value(headOf(), BODY, 1_000_000),
      'a head that is null': value('null'),
      'a head that is a list': value([]),
      'a head without anything': value({}),
      ...Object.fromEntries(
        Object.keys(headOf()).map((name) => [`a head without ${name}`, value(without(name))]),
      ),
      'a status that is a text': value(headOf({ status: '200' })),
      'a status that is none': value(headOf({ status: 99 })),
      'a status that is no answer': value(headOf({ status: 304 })),
      'a message that is a number': value(headOf({ message: 7 })),
      'a message of two lines': value(headOf({ message: 'OK\r\nX-Forged: 1' })),
      'headers that are a list': value(headOf({ headers: ['content-type'] })),
      'headers that are null': value(headOf({ headers: null })),
      'a header that is an object': value(headOf({ headers: { 'x-forged': { a: 1 } } })),
      'a header that is null': value(headOf({ headers: { 'x-forged': null } })),
      'a header of two lines': value(headOf({ headers: { 'x-forged': 'a\r\nX-Other: b' } })),
      'a list with a header of two lines': value(headOf({ headers: { 'x-forged': ['a', 'b\nc'] } })),
      'a header without a name': value(headOf({ headers: { '': 'a' } })),
      'a header whose name is none': value(headOf({ headers: { 'x forged:': 'a' } })),
      'names that are no pairs': value(headOf({ names: [1, 2] })),
      'a name that is none': value(headOf({ names: [['content-type', 'Content Type']] })),
      'names that are an object': value(headOf({ names: {} })),
      'fields of before that are null': value(headOf({ before: null })),
      'a tag with a quote': value(headOf({ tag: 'a"b' })),
      'a tag of two lines': value(headOf({ tag: 'a\r\nb' })),
      'a time that is a text': value(headOf({ made: 'today' })),
    })

    it('is not given if it is anything else, and the handler is run, and its answer kept', () =>
      withTwo(page, async ([one, two]) => {
        const given = []
        for (const [place, [what, bytes]] of Object.entries(forged()).entries()) {
          const path = `/p/${place + 1000}`
          const answer = await forge(path, bytes, { one, two })
          const isRight = answer.status === 200 && answer.text === `{"id":"${place + 1000}"}`
          const isPlain = answer.headers['x-forged'] === undefined && answer.headers['x-other'] === undefined
          const again = await two.get(path)
          const isKept = again.text === answer.text && again.cacheStatus === HIT && two.runs(path) === 1
          if (!isRight || !isPlain || !isKept)
            given.push(`${what}: ${answer.status} ${answer.text} ${again.cacheStatus}`)
        }
        assert.deepEqual(given, [])
      }))
  })

  describe('a cache that belongs to no pool', () => {
    async function withAlone(count, work) {
      const apps = []
      try {
        while (apps.length < count) apps.push(await openOne(inRedis(), page))
        for (const one of apps) await connected(one.cache)
        return await work(apps)
      } finally {
        for (const one of apps) await one.close()
      }
    }

    // One of the members is always there.
    const members = async () => (await client.zcard('{hegar}:#members')) - 1
    const connections = async () => (await client.client('LIST')).trim().split('\n').length

    it('shares answers and what is made invalid', () =>
      withAlone(2, async ([one, two]) => {
        await one.get('/p/1')
        await stored(one.cache)
        assert.equal((await two.get('/p/1')).cacheStatus, HIT)
        assert.equal(two.runs('/p/1'), 0)
        await two.cache.invalidate({ paths: '/p/1' })
        const isNew = async () => {
          await one.get('/p/1')
          return one.runs('/p/1') === 2
        }
        await until('it is made anew', isNew, 3000)
      }))

    it('leaves Redis when it is closed, and answers without it', () =>
      withAlone(2, async ([one, two]) => {
        assert.equal(await members(), 2)
        const before = await connections()
        await one.cache.close()
        assert.equal(await members(), 1)
        await two.cache.close()
        assert.equal(await members(), 0)
        // Each has one for commands and one for messages.
        await until('its connections are closed', async () => (await connections()) === before - 4)
        assert.equal((await one.get('/p/1')).status, 200)
        assert.equal(one.runs('/p/1'), 1)
      }))

    for (const [what, end] of [
      ['is closed', 'await cache.close()'],
      ['is left as it is', ''],
    ]) {
      it(`lets its process end when it ${what} and nothing is left to do`, async () => {
        const text = `
          const http = require('node:http')
          const { createHttpCache } = require(${EXPRESS})
          const cache = createHttpCache(${JSON.stringify(inRedis())})
          const middleware = cache(60)
          const server = http.createServer((req, res) => middleware(req, res, () => res.end('{}')))
          server.listen(0, '127.0.0.1', async () => {
            while (!cache.stats().redis.connected) await new Promise((resolve) => setTimeout(resolve, 10))
            await (await fetch('http://127.0.0.1:' + server.address().port)).text()
            ${end}
            server.closeAllConnections()
            server.close()
            console.log(cache.stats().stored)
          })`
        const child = spawn(process.execPath, ['-e', text], {
          stdio: ['ignore', 'pipe', 'inherit'],
          timeout: 20_000,
        })
        const chunks = []
        child.stdout.on('data', (chunk) => chunks.push(chunk))
        assert.deepEqual(await once(child, 'close'), [0, null])
        assert.equal(Buffer.concat(chunks).toString(), '1\n')
      })
    }
  })
})

async function fetched(port, path) {
  const asked = request({ host: '127.0.0.1', port, path, headers: SHOP, agent: false })
  asked.end()
  const [response] = await once(asked, 'response')
  const chunks = []
  for await (const chunk of response) chunks.push(chunk)
  return { status: response.statusCode, text: Buffer.concat(chunks).toString() }
}
