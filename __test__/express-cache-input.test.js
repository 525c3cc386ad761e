'use strict'

// What clients and programs may throw at the cache of answers: addresses, lifetimes, options, bodies.

const assert = require('node:assert/strict')
const { describe, it } = require('node:test')
const { createHttpCache, cache: ownCache, front } = require('../lib/express')
const { withApp } = require('./support/http-app.js')
const { settledMemory } = require('./support/memory.js')

function echo(req, res) {
  echo.runs++
  res.json({ query: req.query, runs: echo.runs })
}
echo.runs = 0

describe('the key of an answer', () => {
  const answered = (options, work, isFront = false) =>
    withApp({ isFront }, (app, cache) => app.get('/p', cache(options), echo), work)
  const isHit = ({ cacheStatus }) => cacheStatus.startsWith('hegar; hit')

  it('has the parameters in any order, and those of one name in theirs', async () => {
    await answered(60, async ({ get }) => {
      await get('/p?b=2&a=1')
      assert.ok(isHit(await get('/p?a=1&b=2')))
      assert.ok(isHit(await get('/p?a=1&&b=2&')))
      assert.ok(!isHit(await get('/p?a=2&b=1')))
      await get('/p?a=1&a=2')
      assert.ok(!isHit(await get('/p?a=2&a=1')))
      assert.ok(!isHit(await get('/p')))
    })
  })

  it('has those parameters alone that count, where they are named', async () => {
    await answered({ ttl: 60, query: ['page', 'filter'] }, async ({ get }) => {
      await get('/p?page=1&utm_source=mail')
      assert.ok(isHit(await get('/p?utm_source=ad&page=1&x=%zz')))
      assert.ok(!isHit(await get('/p?page=2')))
      await get('/p?filter[price]=1')
      assert.ok(isHit(await get('/p?filter%5Bprice%5D=1')))
      assert.ok(isHit(await get('/p?filter[price]=1&a=b')))
      assert.ok(!isHit(await get('/p?filter[price]=2')))
    })
  })

  it('has the host, in any case', async () => {
    await answered(60, async ({ get }) => {
      await get('/p', { host: 'one.example' })
      assert.ok(isHit(await get('/p', { host: 'ONE.example' })))
      assert.ok(!isHit(await get('/p', { host: 'two.example' })))
    })
  })

  it('has the host and the scheme that a trusted proxy names, so that nobody can have a wrong one kept', async () => {
    const linked = (req, res) => res.json({ link: `${req.protocol}://${req.hostname}/` })
    for (const isFront of [false, true]) {
      await withApp(
        { isFront, before: (app) => app.set('trust proxy', true) },
        (app, cache) => app.get('/p', cache({ ttl: 60, front: true }), linked),
        async ({ get }) => {
          const evil = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' }
          assert.equal((await get('/p', evil)).text, '{"link":"https://evil.example/"}')
          assert.equal((await get('/p')).text, '{"link":"http://127.0.0.1/"}')
          assert.equal((await get('/p', evil)).text, '{"link":"https://evil.example/"}')
        },
      )
    }
  })

  it('is not made of what is longer than 8,192 characters: the handler answers', async () => {
    await withApp(
      { server: { maxHeaderSize: 128 * 1024 } },
      (app, cache) => app.get('/p', cache(60), echo),
      async ({ get, cache }) => {
        const long = `/p?a=${'x'.repeat(64 * 1024)}`
        for (let run = 0; run < 2; run++) {
          const { status, cacheStatus } = await get(long)
          assert.equal(status, 200)
          assert.equal(cacheStatus, 'hegar; fwd=bypass; detail=key')
        }
        assert.equal(cache.stats().entries, 0)
      },
    )
  })

  it('that its function gives up or fails at is none, and the handler answers', async () => {
    const keys = [() => null, () => '', () => 7, () => 'x'.repeat(2000)]
    for (const key of keys) {
      await answered({ ttl: 60, key }, async ({ get }) => {
        assert.equal((await get('/p')).cacheStatus, 'hegar; fwd=bypass; detail=key')
      })
    }
    const failing = () => {
      throw new Error('no session')
    }
    for (const options of [{ key: failing }, { tags: failing }]) {
      await answered({ ttl: 60, ...options }, async ({ get, cache }) => {
        const { status } = await get('/p')
        assert.equal(status, 200)
        assert.equal(cache.stats().failures, 1)
      })
    }
  })
})

describe('memory', () => {
  it('stays within maxBytes for a million different queries', async () => {
    const maxBytes = 4 * 1024 * 1024
    const cache = createHttpCache({ maxBytes })
    const middleware = cache(60)
    const { ServerResponse, IncomingMessage } = require('node:http')
    // The way of a request through the middleware, without a socket: a million over one would take minutes.
    const ask = (url) => {
      const req = new IncomingMessage(null)
      Object.assign(req, { method: 'GET', url, headers: { host: 'a' } })
      const res = new ServerResponse(req)
      middleware(req, res, () => res.end('some answer'))
    }
    const count = Number(process.env.HEGAR_TEST_QUERIES ?? 100_000)
    let asked = 0
    const askUpTo = async (end) => {
      while (asked < end) {
        ask(`/p?q=${asked++}`)
        // As between requests of a server, what waits for a turn gets one: without it, all answers would be held.
        if (asked % 100 === 0) await new Promise(setImmediate)
      }
    }
    await askUpTo(count / 2)
    const before = await settledMemory()
    await askUpTo(count)
    const after = await settledMemory()
    const { bytes, entries, evicted } = cache.stats()
    assert.ok(bytes <= maxBytes)
    assert.ok(entries > 500 && entries < 2100, String(entries))
    assert.ok(evicted > count - 2100)
    const grown = (name) => after[name] - before[name]
    assert.ok(grown('heapUsed') < 3, `the heap by ${grown('heapUsed').toFixed(1)} MiB`)
    assert.ok(grown('rss') < 32, `the process by ${grown('rss').toFixed(1)} MiB`)
    await cache.close()
  })

  it('is given to 64 answers of one key that vary by what clients send, the latest', async () => {
    await withApp(
      {},
      (app, cache) =>
        app.get('/p', cache(60), (req, res) => res.vary('X-Any').json({ any: req.headers['x-any'] })),
      async ({ get, cache }) => {
        for (let n = 0; n < 100; n++) await get('/p', { 'x-any': String(n) })
        assert.equal(cache.stats().entries, 64)
        assert.equal((await get('/p', { 'x-any': '36' })).cacheStatus, 'hegar; hit')
        assert.equal((await get('/p', { 'x-any': '35' })).cacheStatus, 'hegar; fwd=uri-miss; stored')
      },
    )
  })

  it('is not taken by a body over the largest entry, which is sent as it is', async () => {
    const large = 'x'.repeat(100_001)
    await withApp(
      { cache: { maxEntryBytes: 100_000 } },
      (app, cache) => {
        app.get('/text', cache(60), (req, res) => res.type('text').send(large))
        app.get('/bytes', cache(60), (req, res) => res.end(Buffer.from(large)))
      },
      async ({ get, cache }) => {
        for (const path of ['/text', '/bytes', '/text', '/bytes']) {
          const { text, status } = await get(path)
          assert.deepEqual([status, text === large], [200, true])
        }
        assert.equal(cache.stats().entries, 0)
        assert.ok(cache.stats().refused['too-large'] >= 2)
      },
    )
  })
})

describe('options', () => {
  const cache = createHttpCache()
  const refused = (options, code, message) => {
    assert.throws(
      () => cache(options),
      (error) => {
        assert.equal(error.code, code)
        assert.match(error.message, message)
        return true
      },
    )
  }

  it('refuse a ttl that keeps nothing or means nothing', () => {
    for (const ttl of [0, -1, NaN, -0]) {
      refused(ttl, 'HEGAR_OPTION_INVALID', /option 'ttl' must be a number of seconds greater than 0/)
      refused({ ttl }, 'HEGAR_OPTION_INVALID', /option 'ttl' must be a number of seconds greater than 0/)
    }
    refused({ ttl: '60' }, 'HEGAR_OPTION_INVALID', /'ttl' must be a number of seconds/)
    refused(Infinity, 'HEGAR_OPTION_INVALID', /'ttl'/)
  })

  it('name what is unknown or goes together with nothing', () => {
    refused({ tll: 60 }, 'HEGAR_OPTION_UNKNOWN', /did you mean 'ttl'/)
    refused({ ttl: 60, tables: 'products' }, 'HEGAR_OPTION_INVALID', /createHttpCache\(\{ db \}\)/)
    refused({ ttl: 60, key: () => 'a', front: true }, 'HEGAR_OPTION_INVALID', /do not go together/)
    refused({ front: { checks: 1 } }, 'HEGAR_OPTION_INVALID', /array of functions/)
    for (const check of [1, (...args) => args, (req, res) => res]) {
      refused({ front: { checks: [check] } }, 'HEGAR_OPTION_INVALID', /condition with one parameter/)
    }
    refused({ ttl: 60, key: 'a', query: 'page' }, 'HEGAR_OPTION_INVALID', /do not go together/)
    refused({ policy: 'wild' }, 'HEGAR_OPTION_INVALID', /'safe' or 'rfc9111'/)
    refused({ vary: 'a b' }, 'HEGAR_OPTION_INVALID', /name of a request field/)
    assert.throws(() => cache('60'), /must be a number of seconds or options/)
    assert.throws(() => cache(null), /must be a number of seconds or options, not null/)
    assert.throws(() => createHttpCache({ db: {} }), /must be what createPool gave/)
    assert.throws(() => createHttpCache({ encodings: ['lzma'] }), { code: 'HEGAR_OPTION_INVALID' })
    assert.throws(() => createHttpCache({ maxbytes: 1 }), /did you mean 'maxBytes'/)
    assert.throws(() => front(null, cache), /first argument/)
    assert.throws(() => front(() => {}, {}), /second argument/)
  })

  it('are none for the cache that is there for all', async () => {
    assert.equal(typeof ownCache(60), 'function')
    assert.equal(ownCache.stats().entries, 0)
    await ownCache.close()
  })

  it('of invalidate name what there is', async () => {
    await assert.rejects(cache.invalidate(), /say what: \{paths/)
    await assert.rejects(cache.invalidate({ paths: 'x' }), /paths without a query/)
    await assert.rejects(cache.invalidate({ path: '/x' }), { code: 'HEGAR_OPTION_UNKNOWN' })
    await cache.invalidate({ paths: '/x', tags: ['a'] })
    await cache.close()
  })
})
