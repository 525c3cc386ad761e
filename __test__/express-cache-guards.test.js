'use strict'

// Whoever stands before an answer: conditions and limiters of the front, guards between two middlewares of the cache; and
// writes, after which nobody is given what was before.

const assert = require('node:assert/strict')
const { request } = require('node:http')
const { describe, it } = require('node:test')
const { setTimeout: sleep } = require('node:timers/promises')
const { rateLimit } = require('express-rate-limit')
const { rateLimitStore } = require('../lib/express/rate-limit.js')
const { withApp } = require('./support/http-app.js')

const HIT = 'hegar; hit'
const FRONT = 'hegar; hit; detail=front'

describe('the checks of the front', () => {
  const withChecks = (checks, work) =>
    withApp(
      { isFront: true },
      (app, cache) => app.get('/p', cache({ ttl: 60, front: { checks } }), (req, res) => res.send('a')),
      async ({ get, ...rest }) => {
        await get('/p')
        return work({ get, ...rest })
      },
    )

  it('leave a request to Express where they throw or reject', async () => {
    const failing = {
      throws(req) {
        throw new Error(`no ${req.url}`)
      },
      rejects: async (req) => {
        await sleep(1)
        throw new Error(`no ${req.url}`)
      },
      'is a middleware that throws': (req, _res, _next) => {
        throw new Error(`no ${req.url}`)
      },
      'is a middleware that rejects': async (req, _res, _next) => {
        throw new Error(`no ${req.url}`)
      },
    }
    for (const [how, check] of Object.entries(failing)) {
      await withChecks([check], async ({ get }) => {
        for (let time = 0; time < 2; time++) assert.equal((await get('/p')).cacheStatus, HIT, how)
      })
    }
  })

  it('may be async', async () => {
    const isOpen = async (req) => {
      await sleep(1)
      return req.headers['x-open'] === 'yes'
    }
    const isGet = (req) => req.method === 'GET'
    await withChecks([isGet, isOpen, isGet], async ({ get }) => {
      assert.equal((await get('/p')).cacheStatus, HIT)
      assert.equal((await get('/p', { 'x-open': 'yes' })).cacheStatus, FRONT)
    })
  })

  it('give nothing that was made invalid while they took their time', async () => {
    let cacheOfApp
    const check = async (req) => {
      if (req.headers['x-slow'] === undefined) return true
      await cacheOfApp.invalidate({ all: true })
      return true
    }
    await withChecks([check], async ({ get, cache }) => {
      cacheOfApp = cache
      assert.equal((await get('/p')).cacheStatus, FRONT)
      assert.equal((await get('/p', { 'x-slow': '1' })).cacheStatus, 'hegar; fwd=uri-miss; stored')
    })
  })

  it('count no request twice that Express has to answer', async () => {
    const limiter = rateLimit({ store: rateLimitStore(), windowMs: 60_000, limit: 10, legacyHeaders: true })
    await withApp(
      { isFront: true, before: (app) => app.use(limiter) },
      (app, cache) => {
        const checks = [limiter, (req) => req.headers['x-beta'] === undefined]
        app.get('/p', cache({ ttl: 60, front: { checks } }), (req, res) => res.send('a'))
      },
      async ({ get }) => {
        const left = async (headers) => Number((await get('/p', headers)).headers['x-ratelimit-remaining'])
        assert.deepEqual([await left(), await left()], [9, 8])
        assert.deepEqual([await left({ 'x-beta': '1' }), await left({ 'x-beta': '1' })], [7, 6])
      },
    )
  })
})

describe('an answer that is kept behind a guard', () => {
  const guard = (req, res, next) => (req.headers['x-api-key'] === 'right' ? next() : res.sendStatus(403))
  const KEY = { 'x-api-key': 'right' }

  for (const outer of [undefined, 60, { ttl: 60, tags: 'a' }]) {
    it(`is not given before it by cache(${JSON.stringify(outer) ?? ''})`, async () => {
      await withApp(
        {},
        (app, cache) => {
          app.use(cache(outer))
          app.use('/admin', guard)
          app.get('/admin/report', cache(60), (req, res) => res.json({ turnover: 1 }))
          app.get('/direct', guard, cache(60), (req, res) => res.json({ turnover: 1 }))
        },
        async ({ get }) => {
          for (const path of ['/admin/report', '/direct']) {
            for (let time = 0; time < 3; time++) assert.equal((await get(path, KEY)).status, 200)
            assert.equal((await get(path)).status, 403, path)
            assert.equal((await get(path, KEY)).cacheStatus, HIT, path)
          }
        },
      )
    })
  }
})

describe('a query of which some parameters count', () => {
  it('counts them as the handler may read them, whatever Express makes of it', async () => {
    for (const parser of [
      false,
      'simple',
      'extended',
      (text) => Object.fromEntries(new URLSearchParams(text)),
    ]) {
      await withApp(
        { before: (app) => app.set('query parser', parser) },
        (app, cache) =>
          app.get('/list', cache({ ttl: 60, query: ['page'] }), (req, res) =>
            res.send(new URL(req.url, 'http://a').searchParams.get('page')),
          ),
        async ({ get, cache }) => {
          for (const [query, page] of [
            ['page=1&page=2', '1'],
            ['page=2', '2'],
            ['page=2&page=1', '2'],
            ['%70age=3', '3'],
          ]) {
            assert.equal((await get(`/list?${query}`)).text, page, String(parser))
          }
          assert.equal((await get('/list?a=1&page=2&b')).cacheStatus, HIT)
          assert.equal(cache.stats().hits, 1)
        },
      )
    }
  })
})

describe('a write makes invalid', () => {
  async function withPages(work) {
    let version = 1
    await withApp(
      {},
      (app, cache) => {
        app.use(cache.afterWrites())
        app.get('/p/:name', cache(60), (req, res) => res.json(version))
        app.post('/other', (req, res) => {
          version++
          res.writeHead(201, req.headers['x-list'] ? ['Location', '/p/1'] : { location: '/p/1' })
          res.end()
        })
        app.post('/p/:name', (req, res) => res.json(++version))
      },
      ({ get, send, port, cache }) =>
        work({
          send,
          port,
          cache,
          async isForgottenBy(path, write) {
            await get(path)
            assert.equal((await get(path)).cacheStatus, HIT, path)
            await write()
            assert.equal((await get(path)).text, String(version), path)
            assert.notEqual((await get(path)).text, '1', path)
          },
        }),
    )
  }

  it('what a Location names that is given to writeHead', () =>
    withPages(async ({ send, isForgottenBy }) => {
      await isForgottenBy('/p/1', () => send('POST', '/other'))
      await isForgottenBy('/p/1', () => send('POST', '/other', { 'x-list': '1' }))
    }))

  it('its path when that is asked for with a host, as of a proxy', () =>
    withPages(({ port, isForgottenBy }) =>
      isForgottenBy(
        '/p/1',
        () =>
          new Promise((resolve, reject) => {
            const path = `http://127.0.0.1:${port}/p/1`
            const asked = request({ port, host: '127.0.0.1', path, method: 'POST' }, (response) =>
              response.resume().on('end', resolve),
            )
            asked.on('error', reject).end()
          }),
      ),
    ))

  it('all spellings of its path', () =>
    withPages(async ({ send, isForgottenBy }) => {
      await isForgottenBy('/p/%31', () => send('POST', '/p/1'))
      await isForgottenBy('/P/1/', () => send('POST', '/p/%31?a=b'))
      await isForgottenBy('/p/caf%c3%a9', () => send('POST', '/p/caf%C3%A9'))
      await isForgottenBy('/p/100%25', () => send('POST', '/p/100%25'))
    }))

  it('and so does invalidate, by any spelling', () =>
    withPages(async ({ send, cache, isForgottenBy }) => {
      await isForgottenBy('/p/caf%C3%A9', async () => {
        await send('POST', '/p/x')
        await cache.invalidate({ paths: '/p/café' })
      })
      await isForgottenBy('/p/1', async () => {
        await send('POST', '/p/x')
        await cache.invalidate({ paths: ['/p/%31'] })
      })
    }))
})
