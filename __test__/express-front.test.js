'use strict'

// The front: answers that are given before Express is entered, for routes that opted in and after the checks that they name.

const assert = require('node:assert/strict')
const { describe, it } = require('node:test')
const { rateLimit } = require('express-rate-limit')
const { withApp } = require('./support/http-app.js')

const FRONT = 'hegar; hit; detail=front'

describe('the front', () => {
  let entered = 0
  const count = (app) =>
    app.use((req, res, next) => {
      entered++
      res.set('X-Outer', 'always')
      next()
    })
  const fronted = (route, work, handler = (req, res) => res.json({ entered })) =>
    withApp(
      { isFront: true, before: count },
      (app, cache) => app.get('/p', cache({ ttl: 60, ...route }), handler),
      work,
    )

  it('answers before Express is entered, with the fields that its middlewares set', async () => {
    await fronted({ front: true }, async ({ get, head, cache }) => {
      const first = await get('/p?a=1')
      const before = entered
      const second = await get('/p?a=1')
      assert.equal(entered, before)
      assert.equal(second.cacheStatus, FRONT)
      assert.equal(second.text, first.text)
      const { date: _, 'cache-status': __, ...rest } = first.headers
      for (const [name, value] of Object.entries(rest)) assert.equal(second.headers[name], value, name)
      assert.equal(second.headers['x-outer'], 'always')
      const known = await get('/p?a=1', { 'if-none-match': first.headers.etag })
      assert.deepEqual([known.status, known.cacheStatus], [304, FRONT])
      const headed = await head('/p?a=1')
      assert.deepEqual([headed.cacheStatus, headed.body.length], [FRONT, 0])
      assert.equal(headed.headers['content-length'], String(first.body.length))
      assert.equal(cache.stats().frontHits, 3)
    })
  })

  it('leaves to Express what did not opt in, what is not kept, and what is not for everybody', async () => {
    await fronted({}, async ({ get }) => {
      await get('/p')
      assert.equal((await get('/p')).cacheStatus, 'hegar; hit')
    })
    await fronted({ front: true }, async ({ get, send, cache }) => {
      await get('/p')
      const passes = async (headers, method = 'GET') =>
        (await send(method, '/p', headers)).cacheStatus !== FRONT
      assert.ok(await passes({ authorization: 'x' }))
      assert.ok(await passes({ cookie: 'x=1' }))
      assert.ok(await passes({ range: 'bytes=0-1' }))
      assert.ok(await passes({ host: 'other' }))
      assert.ok(await passes({}, 'POST'))
      assert.ok(!(await passes({})))
      await cache.invalidate({ paths: '/p' })
      assert.ok(await passes({}))
      assert.ok(!(await passes({})))
    })
  })

  it('minds what middlewares let answers vary by', async () => {
    const cors = (app) =>
      app.use((req, res, next) => {
        res.vary('Origin').set('Access-Control-Allow-Origin', req.headers.origin ?? '*')
        next()
      })
    await withApp(
      { isFront: true, before: cors },
      (app, cache) => app.get('/p', cache({ ttl: 60, front: true }), (req, res) => res.json({})),
      async ({ get }) => {
        for (const origin of ['http://one', 'http://two', 'http://one', 'http://one']) {
          const { headers } = await get('/p', { origin })
          assert.equal(headers['access-control-allow-origin'], origin)
          assert.equal(headers.vary, 'Origin')
        }
      },
    )
  })

  it('does not repeat what belongs to one request', async () => {
    let requests = 0
    await withApp(
      {
        isFront: true,
        before: (app) =>
          app.use((req, res, next) => {
            res.set({ 'X-Request-Id': String(++requests), 'RateLimit-Remaining': '3', 'X-Other': 'kept' })
            next()
          }),
      },
      (app, cache) => app.get('/p', cache({ ttl: 60, front: true }), (req, res) => res.json({})),
      async ({ get }) => {
        await get('/p')
        const { headers } = await get('/p')
        assert.deepEqual(
          [headers['x-request-id'], headers['ratelimit-remaining'], headers['x-other']],
          [undefined, undefined, 'kept'],
        )
      },
    )
  })

  it('has a rate limit say its word before', async () => {
    const limiter = rateLimit({ windowMs: 60_000, limit: 3, standardHeaders: true, legacyHeaders: false })
    await withApp(
      { isFront: true, before: (app) => app.use(limiter) },
      (app, cache) =>
        app.get('/p', cache({ ttl: 60, front: { checks: [limiter] } }), (req, res) => res.json({})),
      async ({ get }) => {
        const answers = []
        for (let n = 0; n < 5; n++) answers.push(await get('/p'))
        assert.deepEqual(
          answers.map(({ status }) => status),
          [200, 200, 200, 429, 429],
        )
        assert.equal(answers[2].cacheStatus, FRONT)
        assert.deepEqual(
          answers.slice(0, 3).map(({ headers }) => headers['ratelimit-remaining']),
          ['2', '1', '0'],
        )
      },
    )
  })

  it('goes to Express where a condition is not met, a check fails, or one answers', async () => {
    const cases = [
      [(req) => req.headers['x-go'] === undefined, 'hegar; hit'],
      [(req, res, next) => next(new Error('broken')), 'hegar; hit'],
      [async (req, res, next) => Promise.reject(new Error('broken')) ?? next, 'hegar; hit'],
      [
        (req, res, next) => {
          throw new Error(typeof next)
        },
        'hegar; hit',
      ],
      [(req, res, next) => (req.headers['x-go'] ? res.status(403).end('no') : next()), undefined],
    ]
    for (const [check, cacheStatus] of cases) {
      await fronted({ front: { checks: [check] } }, async ({ get }) => {
        await get('/p', { 'x-go': '1' }).then(() => get('/p'))
        const answer = await get('/p', { 'x-go': '1' })
        assert.equal(answer.cacheStatus, cacheStatus, String(check))
      })
    }
  })

  it('gives checks what Express gives them', async () => {
    const seen = []
    const check = (req, res, next) => {
      seen.push([typeof req.ip, req.app !== undefined, req.get('host') !== undefined, typeof res.status])
      next()
    }
    await fronted({ front: { checks: [check] } }, async ({ get }) => {
      await get('/p')
      assert.equal((await get('/p')).cacheStatus, FRONT)
      assert.deepEqual(seen, [['string', true, true, 'function']])
    })
  })
})
