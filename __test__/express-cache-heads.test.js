'use strict'

// What handlers say of the head before there is a body, and what becomes of answers that nobody waits for any more.

const assert = require('node:assert/strict')
const { once } = require('node:events')
const { writeFile, mkdtemp, rm } = require('node:fs/promises')
const http = require('node:http')
const net = require('node:net')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { describe, it } = require('node:test')
const { setTimeout: sleep } = require('node:timers/promises')
const { withApp } = require('./support/http-app.js')
const { until } = require('./support/outcome.js')

const STORED = 'hegar; fwd=uri-miss; stored'
const HIT = 'hegar; hit'
const JSON_TYPE = { 'Content-Type': 'application/json' }
const codeOf = (promise) =>
  promise.then(
    ({ status }) => status,
    ({ code }) => code,
  )

describe('a head that is said before the body', () => {
  it('is no answer of an error that comes behind it', async () => {
    let isBroken = true
    await withApp(
      {},
      (app, cache) => {
        app.get('/p', cache({ ttl: 60, graceTtl: 60 }), async (req, res) => {
          res.writeHead(200, JSON_TYPE)
          await sleep(1)
          if (isBroken) throw new Error('the database is gone')
          res.end('{"ok":true}')
        })
        app.use((error, req, res, _next) => {
          if (res.headersSent) return res.destroy()
          return res.status(500).json({ error: error.message })
        })
      },
      async ({ get, cache }) => {
        assert.equal(await codeOf(get('/p')), 'ECONNRESET')
        assert.equal(cache.stats().entries, 0)
        isBroken = false
        assert.equal((await get('/p')).text, '{"ok":true}')
        assert.equal((await get('/p')).cacheStatus, HIT)
      },
    )
  })

  it('counts as sent for who answers in place of a handler that takes too long', async () => {
    await withApp(
      {
        before: (app) =>
          app.use((req, res, next) => {
            setTimeout(() => res.headersSent || res.status(503).end(), 20)
            next()
          }),
      },
      (app, cache) =>
        app.get('/p', cache(60), async (req, res) => {
          res.writeHead(201, 'Made', JSON_TYPE)
          assert.ok(res.headersSent)
          await sleep(60)
          res.end('{}')
        }),
      async ({ get }) => {
        const { status, message, text } = await get('/p')
        assert.deepEqual([status, message, text], [201, 'Made', '{}'])
      },
    )
  })

  it('can not be changed, as without the cache', async () => {
    const attempts = {
      set: (res) => res.setHeader('X-Late', '1'),
      append: (res) => res.appendHeader('X-Late', '1'),
      remove: (res) => res.removeHeader('Content-Type'),
      again: (res) => res.writeHead(500),
      json: (res) => res.status(500).json({}),
    }
    await withApp(
      {},
      (app, cache) => {
        for (const [path, middleware] of [
          ['/kept', cache(60)],
          ['/plain', (req, res, next) => next()],
        ]) {
          app.get(`${path}/:how`, middleware, (req, res) => {
            res.writeHead(200, { ...JSON_TYPE, 'X-Own': 'a' })
            let code
            try {
              attempts[req.params.how](res)
            } catch (error) {
              ;({ code } = error)
            }
            res.end(JSON.stringify({ code }))
          })
        }
      },
      async ({ get, cache }) => {
        for (const how of Object.keys(attempts)) {
          const [kept, plain] = [await get(`/kept/${how}`), await get(`/plain/${how}`)]
          assert.deepEqual(JSON.parse(kept.text), { code: 'ERR_HTTP_HEADERS_SENT' }, how)
          assert.deepEqual([kept.status, kept.text], [plain.status, plain.text], how)
          assert.equal(kept.headers['x-own'], 'a')
        }
        assert.equal(cache.stats().refused['late-head'], Object.keys(attempts).length)
        assert.equal(cache.stats().entries, 0)
      },
    )
  })

  it('is refused where Node refuses it, each time, and the process lives', async () => {
    const heads = {
      value: (res) => res.writeHead(200, { 'X-Name': 'Tēja' }).end('x'),
      name: (res) => res.writeHead(200, { 'X Name': 'a' }).end('x'),
      list: (res) => res.writeHead(200, ['X-Name', 'Tēja']).end('x'),
      status: (res) => res.writeHead(42).end('x'),
      message: (res) => res.writeHead(200, 'Tēja').end('x'),
      property: (res) => {
        res.statusMessage = 'Tēja'
        res.end('x')
      },
      body: (res) => res.end(42),
    }
    await withApp(
      { isFront: true },
      (app, cache) => {
        for (const [path, middleware] of [
          ['/kept', cache({ ttl: 60, front: true })],
          ['/plain', (req, res, next) => next()],
        ]) {
          app.get(`${path}/:how`, middleware, (req, res) => heads[req.params.how](res))
        }
        app.use((error, req, res, _next) => {
          res.statusMessage = undefined
          for (const name of res.getHeaderNames()) res.removeHeader(name)
          res.status(500).end(error.code)
        })
      },
      async ({ get, cache }) => {
        for (const how of Object.keys(heads)) {
          const plain = await get(`/plain/${how}`)
          assert.equal(plain.status, 500, how)
          for (let time = 0; time < 2; time++) assert.equal((await get(`/kept/${how}`)).text, plain.text, how)
        }
        assert.equal(cache.stats().entries, 0)
      },
    )
  })
})

describe('a handler that streams', () => {
  it('is not told of what the client has, who gets a 304 all the same', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'hegar-stream-'))
    try {
      await writeFile(join(dir, 'f.txt'), 'x'.repeat(5000))
      await withApp(
        {},
        (app, cache) => {
          app.get('/file', cache(60), (req, res) => res.sendFile(join(dir, 'f.txt')))
          app.get('/said', cache(60), (req, res) => {
            res.writeHead(200, { ETag: '"own"', 'Content-Type': 'text/plain' })
            res.write('part')
            res.end('part')
          })
        },
        async ({ app, get, cache }) => {
          app.get('/plain', (req, res) => res.sendFile(join(dir, 'f.txt')))
          const { etag, 'last-modified': changed } = (await get('/plain')).headers
          const conditions = { '/file': [{ 'if-none-match': etag }, { 'if-modified-since': changed }] }
          conditions['/said'] = [{ 'if-none-match': '"a", "own"' }]
          for (const [path, all] of Object.entries(conditions)) {
            for (const condition of all) {
              await cache.invalidate({ all: true })
              const first = await get(`${path}?${Object.keys(condition)}`, condition)
              assert.deepEqual([first.status, first.body.length], [304, 0], path)
              assert.equal(first.cacheStatus, 'hegar; fwd=uri-miss; detail=stream')
            }
            const other = await get(`${path}?other`, { 'if-none-match': '"other"' })
            assert.deepEqual([other.status, other.body.length > 4], [200, true])
          }
        },
      )
    } finally {
      await rm(dir, { recursive: true })
    }
  })
})

describe('a client that leaves', () => {
  async function leave(port, path, method = 'GET') {
    const socket = net.connect(port, '127.0.0.1')
    await once(socket, 'connect')
    const length = method === 'GET' ? '' : 'Content-Length: 0\r\n'
    socket.write(`${method} ${path} HTTP/1.1\r\nHost: shop.test\r\n${length}\r\n`)
    return socket
  }
  const SHOP = { host: 'shop.test' }

  for (const said of [false, true]) {
    it(`leaves what its handler makes to others${said ? ', with a head that was said' : ''}`, async () => {
      let runs = 0
      let go
      await withApp(
        {},
        (app, cache) =>
          app.get('/p', cache(60), async (req, res) => {
            runs++
            await new Promise((resolve) => (go = resolve))
            if (said) res.writeHead(200, JSON_TYPE)
            res.end('made')
          }),
        async ({ get, port, cache }) => {
          const socket = await leave(port, '/p')
          await until('the handler runs', () => runs === 1)
          socket.destroy()
          await sleep(50)
          go()
          await until('it is kept', () => cache.stats().entries === 1)
          const { text, cacheStatus } = await get('/p', SHOP)
          assert.deepEqual([text, cacheStatus, runs], ['made', HIT, 1])
        },
      )
    })
  }

  for (const place of ['before', 'behind']) {
    it(`leaves nothing to others that a cookie of a session ${place} the cache keeps from them`, async () => {
      let go = null
      const session = (req, res, next) => {
        const { writeHead } = res
        res.writeHead = function (...head) {
          res.setHeader('Set-Cookie', 'session=1')
          return writeHead.apply(this, head)
        }
        next()
      }
      await withApp(
        {},
        (app, cache) => {
          const around = place === 'before' ? [session, cache(60)] : [cache(60), session]
          app.get('/p', ...around, async (req, res) => {
            await new Promise((resolve) => (go = resolve))
            res.end('made')
          })
        },
        async ({ port, cache }) => {
          const socket = await leave(port, '/p')
          await until('the handler runs', () => go !== null)
          socket.destroy()
          await sleep(50)
          go()
          await until('it is refused', () => cache.stats().refused['set-cookie'] === 1)
          assert.equal(cache.stats().entries, 0)
        },
      )
    })
  }

  it('takes no old answer from those who get it in place of an error', async () => {
    let work = (res) => res.json({ ok: true })
    await withApp(
      {},
      (app, cache) => app.get('/p', cache({ ttl: 0.1, graceTtl: 60 }), (req, res) => work(res)),
      async ({ get, port }) => {
        await get('/p', SHOP)
        await sleep(150)
        const done = new Promise((resolve) => {
          work = async (res) => {
            await sleep(50)
            res.status(503).end()
            resolve()
          }
        })
        const socket = await leave(port, '/p')
        await sleep(20)
        socket.destroy()
        await done
        const { text, cacheStatus } = await get('/p', SHOP)
        assert.deepEqual(
          [text, cacheStatus],
          ['{"ok":true}', 'hegar; fwd=stale; fwd-status=503; detail=grace'],
        )
      },
    )
  })

  it('has written all the same, and nobody is given what was before', async () => {
    let version = 1
    let go = null
    await withApp(
      {},
      (app, cache) => {
        app.use(cache.afterWrites())
        app.get('/p', cache(60), (req, res) => res.json(version))
        app.post('/p', async (req, res) => {
          await new Promise((resolve) => (go = resolve))
          version = 2
          res.json({})
          go = null
        })
      },
      async ({ get, port }) => {
        await get('/p', SHOP)
        assert.equal((await get('/p', SHOP)).cacheStatus, HIT)
        const socket = await leave(port, '/p', 'POST')
        await until('it is asked', () => go !== null)
        socket.destroy()
        await sleep(50)
        go()
        await until('it is written', () => go === null)
        assert.equal((await get('/p', SHOP)).text, '2')
      },
    )
  })
})

describe('what is told of an answer', () => {
  it('are its fields, to a log that asks for them at the end', async () => {
    const log = []
    await withApp(
      {
        before: (app) => {
          app.disable('x-powered-by')
          app.use((req, res, next) => {
            const told = (name) => res.getHeader(name)
            res.on('finish', () =>
              log.push([told('content-length'), told('content-type'), told('cache-status')]),
            )
            next()
          })
        },
      },
      (app, cache) => app.get('/p', cache(60), (req, res) => res.json({ a: 1 })),
      async ({ get }) => {
        await get('/p')
        await get('/p')
        await until('both are told', () => log.length === 2)
        const fields = log.map(([length, ...rest]) => [Number(length), ...rest])
        const TYPE = 'application/json; charset=utf-8'
        assert.deepEqual(fields, [
          [7, TYPE, STORED],
          [7, TYPE, HIT],
        ])
      },
    )
  })

  it('is its length, to clients of HTTP/1.0 that keep their connection', async () => {
    await withApp(
      {},
      (app, cache) => app.get('/p', cache(60), (req, res) => res.json({ a: 1 })),
      async ({ port }) => {
        const socket = net.connect(port, '127.0.0.1')
        for (let time = 0; time < 2; time++) {
          socket.write('GET /p HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n')
          const [bytes] = await once(socket, 'data')
          assert.match(String(bytes), /content-length: 7\r\n/i)
          assert.match(String(bytes), /connection: keep-alive\r\n/i)
        }
        socket.destroy()
      },
    )
  })

  it('is why it is not kept', async () => {
    await withApp(
      { cache: { maxEntryBytes: 1000 } },
      (app, cache) => {
        app.get('/large', cache(60), (req, res) => res.type('text').send('x'.repeat(2000)))
        app.get('/stream', cache(60), (req, res) => {
          res.write('a')
          res.end('b')
        })
        app.get('/head', cache(60), (req, res) => res.send('a'))
        app.get('/trailer', cache(60), (req, res) => res.set('Trailer', 'X-Sum').end('a'))
        app.get('/nonce', cache(60), (req, res) =>
          res.set('Content-Security-Policy', "script-src 'nonce-abc'").send('<script nonce=abc>'),
        )
        const key = () => {
          throw new Error('no key')
        }
        app.get('/key', cache({ ttl: 60, key }), (req, res) => res.send('a'))
      },
      async ({ get, head }) => {
        const why = {
          '/large': 'fwd=uri-miss; detail=too-large',
          '/stream': 'fwd=uri-miss; detail=stream',
          '/trailer': 'fwd=uri-miss; detail=trailer',
          '/nonce': 'fwd=uri-miss; detail=nonce',
          '/key': 'fwd=bypass; detail=failure',
        }
        for (const [path, said] of Object.entries(why)) {
          for (let time = 0; time < 2; time++) assert.equal((await get(path)).cacheStatus, `hegar; ${said}`)
        }
        assert.equal((await head('/head')).cacheStatus, 'hegar; fwd=uri-miss; detail=head')
      },
    )
  })

  it('is no length of a 204, and not that it is stored where others may add to its head', async () => {
    await withApp(
      {
        before: (app) =>
          app.use('/wrapped', (req, res, next) => {
            const { writeHead } = res
            res.writeHead = (...head) => writeHead.apply(res, head)
            next()
          }),
      },
      (app, cache) => {
        app.get('/none', cache(60), (req, res) => res.status(204).end())
        app.get('/wrapped', cache(60), (req, res) => res.send('a'))
      },
      async ({ get, head }) => {
        assert.equal((await get('/none')).cacheStatus, STORED)
        const { headers, cacheStatus } = await head('/none')
        assert.deepEqual([cacheStatus, headers['content-length']], [HIT, undefined])
        assert.equal((await get('/wrapped')).cacheStatus, 'hegar; fwd=uri-miss')
        assert.equal((await get('/wrapped')).cacheStatus, HIT)
      },
    )
  })

  it('is that it is known, by the tag of any of its forms, made or not, in a list that is one', async () => {
    await withApp(
      {},
      (app, cache) => app.get('/p', cache(60), (req, res) => res.type('text').send('x'.repeat(5000))),
      async ({ get }) => {
        const { etag } = (await get('/p')).headers
        const br = `${etag.slice(0, -1)}-br"`
        for (const list of [etag, br, `"a" , W/${etag},`, `,${br}`, '*']) {
          assert.equal((await get('/p', { 'if-none-match': list })).status, 304, list)
        }
        for (const list of [`foo${etag}bar`, etag.slice(1), `"a" ${etag}`, `w/${etag}`, '']) {
          assert.equal((await get('/p', { 'if-none-match': list })).status, 200, list)
        }
      },
    )
  })
})

it('a server of Node alone is answered by the parameters as they are written', async () => {
  const { createHttpCache } = require('../lib/express')
  const cache = createHttpCache()
  const paged = cache({ ttl: 60, query: ['page'] })
  const server = http.createServer((req, res) =>
    paged(req, res, () => res.end(new URL(req.url, 'http://a').searchParams.get('page'))),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const ask = async (query) => (await fetch(`http://127.0.0.1:${server.address().port}/list?${query}`)).text()
  try {
    assert.equal(await ask('page=1&page=2'), '1')
    assert.equal(await ask('page=2'), '2')
    assert.equal(await ask('page=2&page=1'), '2')
    assert.equal(await ask('a=1&page=1'), '1')
    assert.equal(cache.stats().hits, 0)
    assert.equal(await ask('page=1&b=2'), '1')
    assert.equal(cache.stats().hits, 1)
  } finally {
    server.closeAllConnections()
    server.close()
    await cache.close()
  }
})
