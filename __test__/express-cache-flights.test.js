'use strict'

// One run of a handler for all who ask at the same time, and what becomes of them when nothing comes of it.

const assert = require('node:assert/strict')
const http = require('node:http')
const { describe, it } = require('node:test')
const { setTimeout: sleep } = require('node:timers/promises')
const { until } = require('./support/outcome.js')
const { withApp } = require('./support/http-app.js')

/** A handler whose answers are given by hand: `handler.waiting` has what each run waits to do. */
function held() {
  const handler = (req, res) => {
    handler.runs++
    handler.waiting.push((answer) => answer(res))
  }
  handler.runs = 0
  handler.waiting = []
  return handler
}

const running = (handler, count) => until(`${count} runs`, () => handler.runs === count)

describe('requests for the same at the same time', () => {
  it('run the handler once, and all get its answer', async () => {
    const handler = held()
    await withApp(
      {},
      (app, cache) => app.get('/p', cache(60), handler),
      async ({ get, cache }) => {
        const all = Array.from({ length: 50 }, () => get('/p'))
        await until('all are there', () => cache.stats().collapsed === 49)
        assert.equal(handler.runs, 1)
        handler.waiting[0]((res) => res.json({ a: 1 }))
        const answers = await Promise.all(all)
        assert.equal(handler.runs, 1)
        assert.ok(answers.every(({ text }) => text === '{"a":1}'))
        assert.equal(
          answers.filter(({ cacheStatus }) => cacheStatus === 'hegar; fwd=uri-miss; collapsed').length,
          49,
        )
      },
    )
  })

  it('run it each for themselves where the answer can not be shared, and do not wait again', async () => {
    const handler = held()
    await withApp(
      {},
      (app, cache) => app.get('/p', cache(60), handler),
      async ({ get, cache }) => {
        const all = Array.from({ length: 5 }, () => get('/p'))
        await until('all are there', () => cache.stats().collapsed === 4)
        const own = (res) => res.set('Cache-Control', 'private').json({})
        handler.waiting[0](own)
        await running(handler, 5)
        handler.waiting.slice(1).forEach((finish) => finish(own))
        await Promise.all(all)
        const later = [get('/p'), get('/p')]
        await running(handler, 7)
        handler.waiting.slice(5).forEach((finish) => finish(own))
        for (const { cacheStatus } of await Promise.all(later)) {
          assert.equal(cacheStatus, 'hegar; fwd=uri-miss; detail=private')
        }
      },
    )
  })

  it('do not wait for a client that leaves: the next one has the handler run, and its answer is kept', async () => {
    const handler = held()
    await withApp(
      {},
      (app, cache) => app.get('/p', cache(60), handler),
      async ({ get, cache, port }) => {
        const leaving = http.get({ port, host: '127.0.0.1', path: '/p' })
        leaving.on('error', () => {})
        await running(handler, 1)
        const others = [get('/p'), get('/p')]
        await until('they wait', () => cache.stats().collapsed === 2)
        leaving.destroy()
        await running(handler, 2)
        handler.waiting[1]((res) => res.json({ by: 'second' }))
        for (const { text } of await Promise.all(others)) assert.equal(text, '{"by":"second"}')
        // What was made for the one that left does no harm when it comes.
        handler.waiting[0]((res) => res.json({ by: 'first' }))
        assert.equal((await get('/p')).status, 200)
        assert.equal(handler.runs, 2)
      },
    )
  })

  it('wait no longer than waitMs', async () => {
    const handler = held()
    await withApp(
      { cache: { waitMs: 100 } },
      (app, cache) => app.get('/p', cache(60), handler),
      async ({ get }) => {
        const first = get('/p')
        await running(handler, 1)
        const second = get('/p')
        await running(handler, 2)
        handler.waiting[1]((res) => res.json({ by: 'second' }))
        const { text, cacheStatus } = await second
        assert.equal(text, '{"by":"second"}')
        assert.equal(cacheStatus, 'hegar; fwd=uri-miss; stored')
        handler.waiting[0]((res) => res.json({ by: 'first' }))
        assert.equal((await first).text, '{"by":"first"}')
      },
    )
  })

  it('that left while they waited are not answered, and take nothing with them', async () => {
    const handler = held()
    await withApp(
      {},
      (app, cache) => app.get('/p', cache(60), handler),
      async ({ get, cache, port }) => {
        const first = get('/p')
        await running(handler, 1)
        const leaving = http.get({ port, host: '127.0.0.1', path: '/p' })
        leaving.on('error', () => {})
        await until('it waits', () => cache.stats().collapsed === 1)
        leaving.destroy()
        await sleep(20)
        handler.waiting[0]((res) => res.json({}))
        assert.equal((await first).status, 200)
        assert.equal(handler.runs, 1)
      },
    )
  })
})

describe('an answer that is no whole one', () => {
  it('passes as it is written, and is not kept', async () => {
    let runs = 0
    const written = (req, res) => {
      runs++
      res.set('X-Own', '1')
      res.write('one ')
      setTimeout(() => res.end('two'), 20)
    }
    await withApp(
      {},
      (app, cache) => app.get('/p', cache(60), written),
      async ({ get, cache }) => {
        for (let run = 1; run <= 2; run++) {
          const { text, headers } = await get('/p')
          assert.equal(text, 'one two')
          assert.equal(headers['transfer-encoding'], 'chunked')
          assert.equal(headers['x-own'], '1')
          assert.equal(headers.etag, undefined)
          assert.equal(runs, run)
        }
        assert.equal(cache.stats().entries, 0)
        assert.equal(cache.stats().refused.stream, 2)
      },
    )
  })

  it('passes with the status and fields of writeHead', async () => {
    await withApp(
      {},
      (app, cache) =>
        app.get('/p', cache(60), (req, res) => {
          res.writeHead(201, 'Made', { 'X-Own': '1' })
          res.flushHeaders()
          res.write('x')
          res.end()
        }),
      async ({ get }) => {
        const { status, message, headers, text } = await get('/p')
        assert.deepEqual([status, message, headers['x-own'], text], [201, 'Made', '1', 'x'])
      },
    )
  })

  it('that fails in the middle ends as it would without the cache, and those who wait go on', async () => {
    let runs = 0
    let first
    const half = (req, res) => {
      if (++runs > 1) res.send('whole')
      else first = res
    }
    await withApp(
      {},
      (app, cache) => app.get('/p', cache(60), half),
      async ({ get, cache }) => {
        const broken = assert.rejects(get('/p'), { code: 'ECONNRESET' })
        await until('it runs', () => runs === 1)
        const other = get('/p')
        await until('one waits', () => cache.stats().collapsed === 1)
        await new Promise((resolve) => first.write('half', resolve))
        first.destroy()
        await broken
        assert.equal((await other).text, 'whole')
      },
    )
  })

  it('that throws after writing half is ended by Express, and not kept', async () => {
    const throwing = (req, res, next) => {
      res.write('half')
      next(new Error('in the middle'))
    }
    await withApp(
      { before: (app) => app.set('env', 'test') },
      (app, cache) => app.get('/p', cache(60), throwing),
      async ({ get, cache }) => {
        await assert.rejects(get('/p'), { code: 'ECONNRESET' })
        assert.equal(cache.stats().entries, 0)
      },
    )
  })

  it('of sendFile and pipe passes', async () => {
    await withApp(
      {},
      (app, cache) => app.get('/p', cache(60), (req, res) => res.sendFile(__filename)),
      async ({ get, cache }) => {
        const { text, headers } = await get('/p')
        assert.match(text, /of sendFile and pipe passes/)
        assert.equal((await get('/p', { 'if-none-match': headers.etag })).status, 304)
        assert.equal(cache.stats().entries, 0)
      },
    )
  })
})
