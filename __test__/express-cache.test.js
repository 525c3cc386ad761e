'use strict'

// The middleware that keeps answers: which are kept, for whom, for how long, and how they come back.

const assert = require('node:assert/strict')
const { describe, it } = require('node:test')
const { setTimeout: sleep } = require('node:timers/promises')
const { withApp } = require('./support/http-app.js')

/** A handler that counts its runs and answers with the count. */
function counted(answer = (res, runs) => res.json({ runs })) {
  const handler = (req, res) => answer(res, ++handler.runs, req)
  handler.runs = 0
  return handler
}

describe('the cache middleware', () => {
  it('runs the handler once and gives its answer again, with tag, age and what the cache did', async () => {
    const handler = counted()
    await withApp(
      {},
      (app, cache) => app.get('/p', cache(60), handler),
      async ({ get }) => {
        const first = await get('/p')
        const second = await get('/p')
        assert.equal(handler.runs, 1)
        assert.equal(first.text, '{"runs":1}')
        assert.equal(second.text, first.text)
        assert.equal(first.cacheStatus, 'hegar; fwd=uri-miss; stored')
        assert.equal(second.cacheStatus, 'hegar; hit')
        assert.equal(second.headers['content-type'], 'application/json; charset=utf-8')
        assert.equal(second.headers['content-length'], '10')
        assert.match(second.headers.etag, /^"[\w-]{22}"$/)
        assert.equal(first.headers.etag, second.headers.etag)
        assert.equal(second.headers.age, '0')
        assert.equal(second.headers['cache-control'], 'public, max-age=0, must-revalidate')
      },
    )
  })

  it('tells the age of an answer, and forgets it after its ttl', async () => {
    const handler = counted()
    await withApp(
      {},
      (app, cache) => app.get('/p', cache(3), handler),
      async ({ get }) => {
        await get('/p')
        await sleep(1100)
        const { headers, text } = await get('/p')
        assert.match(headers.age, /^[12]$/)
        assert.equal(text, '{"runs":1}')
        await sleep(2000)
        assert.equal((await get('/p')).text, '{"runs":2}')
      },
    )
  })

  it('lets what the handler says of its lifetime go before the ttl', async () => {
    const says = (control) => counted((res, runs) => res.set('Cache-Control', control).json({ runs }))
    const kept = { 's-maxage=60': true, 'max-age=60': true, 'max-age=0': false, 'max-age="x"': false }
    const never = { 'no-store': false, private: false, 'no-cache': false, 'max-age=60, s-maxage=0': false }
    for (const [control, isKept] of Object.entries({ ...kept, ...never })) {
      const handler = says(control)
      await withApp(
        {},
        (app, cache) => app.get('/p', cache(60), handler),
        async ({ get }) => {
          await get('/p')
          const { headers } = await get('/p')
          assert.equal(handler.runs, isKept ? 1 : 2, control)
          assert.equal(headers['cache-control'], control)
        },
      )
    }
  })

  it('answers HEAD from GET, and lets HEAD pass where there is nothing', async () => {
    const handler = counted()
    await withApp(
      {},
      (app, cache) => app.get('/p', cache(60), handler),
      async ({ get, head }) => {
        const before = await head('/p')
        assert.equal(before.status, 200)
        const { headers, text } = await get('/p')
        const after = await head('/p')
        assert.equal(handler.runs, 2)
        assert.equal(after.cacheStatus, 'hegar; hit')
        assert.equal(after.headers['content-length'], String(text.length))
        assert.equal(after.headers.etag, headers.etag)
        assert.equal(after.body.length, 0)
      },
    )
  })

  for (const [what, headers] of [
    ['Authorization', { authorization: 'Bearer x' }],
    ['Cookie', { cookie: 'sid=1' }],
  ]) {
    it(`neither keeps nor gives answers to requests with ${what}`, async () => {
      const handler = counted()
      await withApp(
        {},
        (app, cache) => app.get('/p', cache(60), handler),
        async ({ get, cache }) => {
          await get('/p')
          const own = await get('/p', headers)
          assert.equal(own.text, '{"runs":2}')
          assert.equal(own.cacheStatus, `hegar; fwd=bypass; detail=${what.toLowerCase()}`)
          assert.equal((await get('/p', headers)).text, '{"runs":3}')
          assert.equal((await get('/p')).text, '{"runs":1}')
          assert.equal(cache.stats().bypassed[what.toLowerCase()], 2)
        },
      )
    })
  }

  for (const [why, answer] of [
    ['set-cookie', (res, runs) => res.cookie('a', 'b').json({ runs })],
    ['private', (res, runs) => res.set('Cache-Control', 'private').json({ runs })],
    ['error', (res, runs) => res.status(404).json({ runs })],
    ['error', (res, runs) => res.status(500).json({ runs })],
    ['vary', (res, runs) => res.set('Vary', '*').json({ runs })],
    ['status', (res, runs) => res.status(206).json({ runs })],
    ['no-store', (res, runs) => res.set('Cache-Control', 'no-store').json({ runs })],
  ]) {
    it(`does not keep an answer that is ${why}, and says so`, async () => {
      const handler = counted(answer)
      await withApp(
        {},
        (app, cache) => app.get('/p', cache(60), handler),
        async ({ get, cache }) => {
          const first = await get('/p')
          assert.equal(first.cacheStatus, `hegar; fwd=uri-miss; detail=${why}`)
          assert.equal((await get('/p')).text, '{"runs":2}')
          assert.equal(cache.stats().entries, 0)
          assert.ok(cache.stats().refused[why] >= 1)
        },
      )
    })
  }

  it('keeps what is personal under a key that says whose it is', async () => {
    const handler = counted((res, runs, req) =>
      res.set('Cache-Control', 'private, max-age=60').json({ runs, who: req.headers.authorization }),
    )
    await withApp(
      {},
      (app, cache) =>
        app.get('/me', cache({ ttl: 60, key: (req) => `user:${req.headers.authorization}` }), handler),
      async ({ get, cache }) => {
        const as = (who) => get('/me', { authorization: who, cookie: 'x=1' })
        assert.equal((await as('ann')).text, '{"runs":1,"who":"ann"}')
        assert.equal((await as('bob')).text, '{"runs":2,"who":"bob"}')
        assert.equal((await as('ann')).text, '{"runs":1,"who":"ann"}')
        await cache.invalidate({ keys: 'user:ann' })
        assert.equal((await as('ann')).text, '{"runs":3,"who":"ann"}')
        assert.equal((await as('bob')).text, '{"runs":2,"who":"bob"}')
        await cache.invalidate({ prefix: 'user:' })
        assert.equal((await as('bob')).text, '{"runs":4,"who":"bob"}')
      },
    )
  })

  it('tells answers apart by the fields that they vary by', async () => {
    const handler = counted((res, runs, req) =>
      res.vary('Accept-Language').json({ runs, language: req.headers['accept-language'] }),
    )
    await withApp(
      {},
      (app, cache) => app.get('/p', cache(60), handler),
      async ({ get }) => {
        const inLanguage = async (language) => (await get('/p', { 'accept-language': language })).text
        assert.equal(await inLanguage('de'), '{"runs":1,"language":"de"}')
        assert.equal(await inLanguage('en'), '{"runs":2,"language":"en"}')
        assert.equal(await inLanguage('de'), '{"runs":1,"language":"de"}')
        assert.equal(await inLanguage('EN'), '{"runs":2,"language":"en"}')
        assert.equal((await get('/p', { 'accept-language': 'de' })).headers.vary, 'Accept-Language')
      },
    )
  })

  it('keeps the fields that handlers set, and leaves those of middlewares before it to them', async () => {
    let requests = 0
    const handler = counted((res, runs) => res.set('X-Made-By', 'handler').json({ runs }))
    await withApp(
      {
        before: (app) =>
          app.use((req, res, next) => {
            res.set('X-Request-Id', String(++requests)).vary('Origin')
            next()
          }),
      },
      (app, cache) => app.get('/p', cache(60), handler),
      async ({ get }) => {
        await get('/p', { origin: 'http://one' })
        const { headers, text } = await get('/p', { origin: 'http://two' })
        assert.equal(text, '{"runs":1}')
        assert.equal(headers['x-made-by'], 'handler')
        assert.equal(headers['x-request-id'], '2')
        assert.equal(headers.vary, 'Origin')
      },
    )
  })

  it('leaves out fields of the connection', async () => {
    const handler = counted((res, runs) =>
      res.set({ Connection: 'X-Hop', 'X-Hop': '1', 'X-Kept': '2' }).json({ runs }),
    )
    await withApp(
      {},
      (app, cache) => app.get('/p', cache(60), handler),
      async ({ get }) => {
        await get('/p')
        const { headers } = await get('/p')
        assert.equal(headers['x-hop'], undefined)
        assert.equal(headers['x-kept'], '2')
      },
    )
  })

  it('gives the same to those who use Node directly: writeHead, end with text or bytes', async () => {
    const bytes = Buffer.from('bytes')
    const ways = {
      text: (req, res) => {
        res.writeHead(200, { 'Content-Type': 'text/plain' })
        res.end('päge', 'utf8')
      },
      bytes: (req, res) => {
        res.writeHead(203, 'Fine', ['Content-Type', 'text/plain', 'X-Two', 'a', 'X-Two', 'b'])
        res.end(bytes)
        // The buffer is the handler's own.
        setImmediate(() => bytes.fill('x'))
      },
      nothing: (req, res) => res.writeHead(204).end(),
    }
    await withApp(
      {},
      (app, cache) => app.get('/:way', cache(60), (req, res) => ways[req.params.way](req, res)),
      async ({ get }) => {
        for (const way of Object.keys(ways)) {
          await get(`/${way}`)
          await sleep(5)
          const hit = await get(`/${way}`)
          assert.equal(hit.cacheStatus, 'hegar; hit', way)
          if (way === 'text') assert.equal(hit.text, 'päge')
          if (way === 'bytes') {
            assert.deepEqual(
              [hit.text, hit.status, hit.message, hit.headers['x-two']],
              ['bytes', 203, 'Fine', 'a, b'],
            )
          }
          if (way === 'nothing') assert.deepEqual([hit.status, hit.text], [204, ''])
        }
      },
    )
  })

  it('calls back who waits for the end of the answer', async () => {
    let ended = 0
    await withApp(
      {},
      (app, cache) => app.get('/p', cache(60), (req, res) => res.end('x', () => ended++)),
      async ({ get }) => {
        await get('/p')
        await sleep(5)
        assert.equal(ended, 1)
      },
    )
  })
})

describe('conditional requests', () => {
  const asked = async (headers, answer = (res) => res.json({})) =>
    withApp(
      {},
      (app, cache) => app.get('/p', cache(60), (req, res) => answer(res)),
      async ({ get }) => {
        const { headers: of } = await get('/p')
        const given = typeof headers === 'function' ? headers(of.etag) : headers
        return { ...(await get('/p', given)), tag: of.etag }
      },
    )

  it('are answered with 304 by the tag: as it is, weak, in a list, and by *', async () => {
    for (const condition of [(t) => t, (t) => `W/${t}`, (t) => `"a", W/"b" ,${t}`, () => '*', () => ' * ']) {
      const { status, body, headers, tag } = await asked((t) => ({ 'if-none-match': condition(t) }))
      assert.equal(status, 304)
      assert.equal(body.length, 0)
      assert.equal(headers.etag, tag)
      assert.equal(headers['content-type'], undefined)
      assert.equal(headers['cache-control'], 'public, max-age=0, must-revalidate')
    }
  })

  it('get the whole answer where the tag is another one or malformed', async () => {
    for (const value of ['"other"', '', 'W/', '"', '"unclosed', ',,,', '*, "a"', 'W/"', '\xff\xfe']) {
      const { status, text } = await asked({ 'if-none-match': value })
      assert.equal(status, 200, value)
      assert.equal(text, '{}')
    }
  })

  it('go by Last-Modified where there is no tag in the request, and by the tag alone where there is', async () => {
    const changed = 'Wed, 01 Jan 2025 00:00:00 GMT'
    const answer = (res) => res.set('Last-Modified', changed).json({})
    const by = async (headers) => (await asked(headers, answer)).status
    assert.equal(await by({ 'if-modified-since': changed }), 304)
    assert.equal(await by({ 'if-modified-since': 'Thu, 02 Jan 2025 00:00:00 GMT' }), 304)
    assert.equal(await by({ 'if-modified-since': 'Tue, 31 Dec 2024 23:59:59 GMT' }), 200)
    for (const malformed of ['yesterday', '0', '2025-01-01', '']) {
      assert.equal(await by({ 'if-modified-since': malformed }), 200, malformed)
    }
    assert.equal(await by({ 'if-modified-since': changed, 'if-none-match': '"other"' }), 200)
  })

  it('of the first client do not keep the answer from being kept', async () => {
    await withApp(
      {},
      (app, cache) => app.get('/p', cache(60), (req, res) => res.json({ a: 1 })),
      async ({ get }) => {
        const { headers } = await get('/p')
        const { etag } = headers
        await withApp(
          {},
          (app, cache) => app.get('/p', cache(60), (req, res) => res.json({ a: 1 })),
          async (other) => {
            assert.equal((await other.get('/p', { 'if-none-match': etag })).status, 304)
            const hit = await other.get('/p')
            assert.equal(hit.cacheStatus, 'hegar; hit')
            assert.equal(hit.text, '{"a":1}')
          },
        )
      },
    )
  })

  it('for a part get it, and the whole for what can not be had in parts', async () => {
    const answer = (res) => res.type('text').send('0123456789')
    const part = async (headers) => asked(headers, answer)
    const some = await part({ range: 'bytes=2-4' })
    assert.deepEqual([some.status, some.text, some.headers['content-range']], [206, '234', 'bytes 2-4/10'])
    assert.equal((await part({ range: 'bytes=-3' })).text, '789')
    assert.equal((await part({ range: 'bytes=7-' })).text, '789')
    assert.equal((await part({ range: 'bytes=5-99' })).text, '56789')
    const beyond = await part({ range: 'bytes=10-' })
    assert.deepEqual([beyond.status, beyond.text, beyond.headers['content-range']], [416, '', 'bytes */10'])
    for (const malformed of ['bytes=4-2', 'bytes=-', 'lines=1-2', 'bytes=1-2,4-5', 'bytes=a-b', '']) {
      assert.deepEqual([(await part({ range: malformed })).status, malformed], [200, malformed])
    }
    await withApp(
      {},
      (app, cache) => app.get('/p', cache(60), (req, res) => answer(res)),
      async ({ get }) => {
        assert.equal((await get('/p', { range: 'bytes=2-4' })).text, '234')
        assert.equal((await get('/p')).cacheStatus, 'hegar; hit', 'the first one who asks may ask for a part')
      },
    )
    assert.equal((await part((tag) => ({ range: 'bytes=0-0', 'if-range': tag }))).status, 206)
    assert.equal((await part({ range: 'bytes=0-0', 'if-range': '"other"' })).status, 200)
    assert.equal((await part((tag) => ({ range: 'bytes=0-0', 'if-range': `W/${tag}` }))).status, 200)
  })
})

describe('answers past their time', () => {
  it('are kept on by a handler that says that nothing has changed', async () => {
    const tag = '"v1"'
    const handler = counted((res, runs, req) => {
      res.set('ETag', tag).set('X-Runs', String(runs))
      if (req.headers['if-none-match'] === tag) res.status(304).end()
      else res.send(`body ${runs}`)
    })
    await withApp(
      {},
      (app, cache) => app.get('/p', cache(1), handler),
      async ({ get, cache }) => {
        await get('/p')
        await sleep(1100)
        const again = await get('/p')
        assert.equal(again.status, 200)
        assert.equal(again.text, 'body 1')
        assert.equal(again.headers['x-runs'], '2')
        assert.equal(again.cacheStatus, 'hegar; fwd=stale; fwd-status=304')
        assert.equal((await get('/p')).cacheStatus, 'hegar; hit')
        assert.equal((await get('/p', { 'if-none-match': tag })).status, 304)
        assert.equal(cache.stats().revalidated, 1)
      },
    )
  })

  it('are given while one request has the handler run, with staleTtl', async () => {
    let finish
    const handler = counted((res, runs) => {
      if (runs === 1) res.send('old')
      else finish = () => res.send('new')
    })
    await withApp(
      {},
      (app, cache) => app.get('/p', cache({ ttl: 0.2, staleTtl: 60 }), handler),
      async ({ get }) => {
        await get('/p')
        await sleep(250)
        const leader = get('/p')
        while (finish === undefined) await sleep(5)
        const other = await get('/p')
        assert.equal(other.text, 'old')
        assert.equal(other.cacheStatus, 'hegar; hit; detail=stale')
        finish()
        assert.equal((await leader).text, 'new')
        assert.equal((await get('/p')).text, 'new')
      },
    )
  })

  for (const [what, fail] of [
    ['answers with an error', (res) => res.status(503).type('text').send('away')],
    [
      'throws',
      () => {
        throw Object.assign(new Error('away'), { expose: false })
      },
    ],
  ]) {
    it(`are given in place of an error, with graceTtl, where the handler ${what}`, async () => {
      const handler = counted((res, runs) => (runs === 1 ? res.json({ runs }) : fail(res)))
      await withApp(
        { before: (app) => app.set('env', 'test') },
        (app, cache) => app.get('/p', cache({ ttl: 0.2, graceTtl: 60 }), handler),
        async ({ get, cache }) => {
          await get('/p')
          await sleep(250)
          const answer = await get('/p')
          assert.deepEqual([answer.status, answer.text], [200, '{"runs":1}'])
          assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
          assert.match(answer.cacheStatus, /^hegar; fwd=stale; fwd-status=50[03]; detail=grace$/)
          assert.equal(handler.runs, 2)
          assert.equal(cache.stats().grace, 1)
        },
      )
    })
  }

  it('are not given in place of an error where must-revalidate forbids it', async () => {
    const handler = counted((res, runs) =>
      runs === 1
        ? res.set('Cache-Control', 'max-age=1, must-revalidate').send('x')
        : res.status(503).send('away'),
    )
    await withApp(
      {},
      (app, cache) => app.get('/p', cache({ graceTtl: 60 }), handler),
      async ({ get }) => {
        await get('/p')
        await sleep(1100)
        assert.equal((await get('/p')).status, 503)
      },
    )
  })
})
