'use strict'

// Who stands around an answer on its way from the handler to the client, and changes it.

const assert = require('node:assert/strict')
const { once } = require('node:events')
const http2 = require('node:http2')
const { describe, it } = require('node:test')
const { setTimeout: sleep } = require('node:timers/promises')
const { createHttpCache } = require('../lib/express')
const { withApp } = require('./support/http-app.js')
const { until } = require('./support/outcome.js')

const HIT = 'hegar; hit'

describe('who stands around end or writeHead behind the cache', () => {
  it('has one turn, as without it', async () => {
    let turns = 0
    // As sessions do it: the second call is none.
    const once = (req, res, next) => {
      const { end } = res
      let isEnded = false
      res.end = function (chunk, ...rest) {
        turns++
        if (isEnded) return false
        isEnded = true
        return end.call(this, `${chunk}!`, ...rest)
      }
      next()
    }
    await withApp(
      {},
      (app, cache) => {
        app.get('/kept', cache(60), once, (req, res) => res.end('a'))
        app.get('/said', cache(60), once, (req, res) => res.writeHead(200, { ETag: '"v"' }).end('a'))
        app.get('/private', cache(60), once, (req, res) => {
          res.set({ ETag: '"v"', 'Cache-Control': 'private' })
          res.end('a')
        })
      },
      async ({ get }) => {
        for (const path of ['/kept', '/said', '/private']) {
          turns = 0
          const { text, headers } = await get(path)
          assert.deepEqual([text, Number(headers['content-length']), turns], ['a!', 2, 1], path)
        }
        assert.equal((await get('/kept')).text, 'a!')
        turns = 0
        assert.deepEqual([(await get('/private?other', { 'if-none-match': '"v"' })).status, turns], [304, 1])
      },
    )
  })

  it('adds to a head once, also to one that was said', async () => {
    const timed = (req, res, next) => {
      const { writeHead } = res
      res.writeHead = function (...head) {
        res.appendHeader('Server-Timing', 'a')
        return writeHead.apply(this, head)
      }
      next()
    }
    await withApp(
      {},
      (app, cache) => {
        app.get('/said', cache(60), timed, (req, res) => res.writeHead(200, { 'X-Own': '1' }).end('a'))
        app.get('/plain', cache(60), timed, (req, res) => res.end('a'))
      },
      async ({ get }) => {
        for (const path of ['/said', '/plain']) assert.equal((await get(path)).headers['server-timing'], 'a')
      },
    )
  })
})

describe('a field with several values', () => {
  // As `cookies` does it: in the list that getHeader gives.
  const adding = (name, of) => (req, res, next) => {
    const { writeHead } = res
    res.writeHead = function (...head) {
      const value = of(req)
      const list = res.getHeader(name) ?? []
      if (value !== undefined) list.push(value)
      if (list.length > 0) res.setHeader(name, list)
      return writeHead.apply(this, head)
    }
    next()
  }

  it('is of each answer alone, and what was added for one client goes to no other', async () => {
    await withApp(
      {
        before: (app) => {
          app.use(adding('Set-Cookie', (req) => req.headers['x-session']))
          app.use(adding('Link', (req) => req.headers['x-link']))
        },
      },
      (app, cache) => {
        app.get('/keyed', cache({ ttl: 60, key: 'all' }), (req, res) =>
          res.cookie('a', '1').cookie('b', '2').send('x'),
        )
        app.get('/links', cache(60), (req, res) => res.set('Link', ['<a>', '<b>']).send('x'))
        app.get('/said', cache(60), (req, res) => res.writeHead(200, { Link: ['<a>', '<b>'] }).end('x'))
      },
      async ({ get }) => {
        const own = ['a=1; Path=/', 'b=2; Path=/']
        assert.deepEqual((await get('/keyed', { 'x-session': 'one' })).headers['set-cookie'], [...own, 'one'])
        assert.deepEqual((await get('/keyed', { 'x-session': 'two' })).headers['set-cookie'], [...own, 'two'])
        const stranger = await get('/keyed')
        assert.deepEqual([stranger.cacheStatus, stranger.headers['set-cookie']], [HIT, own])
        for (const path of ['/links', '/said']) {
          for (const link of ['<1>', '<2>', '<3>']) {
            assert.equal((await get(path, { 'x-link': link })).headers.link, `<a>, <b>, ${link}`, path)
          }
          assert.equal((await get(path)).headers.link, '<a>, <b>')
        }
      },
    )
  })

  it('has what the handler adds to that of a middleware, and what writeHead is given in one', async () => {
    await withApp(
      { before: (app) => app.use((req, res, next) => res.set('Link', ['<o>', '<p>']) && next()) },
      (app, cache) => {
        app.get('/more', cache(60), (req, res) => {
          res.appendHeader('Link', '<h>')
          res.end('x')
        })
        app.get('/vary', cache(60), (req, res) => {
          const vary = ['Accept-Language', 'X-User', 'X-Role']
          res.writeHead(200, ['Content-Type', 'text/plain', 'Vary', vary]).end(`for ${req.headers['x-user']}`)
        })
      },
      async ({ get }) => {
        for (let time = 0; time < 2; time++) assert.equal((await get('/more')).headers.link, '<o>, <p>, <h>')
        for (const user of ['alice', 'bob', 'alice']) {
          assert.equal((await get('/vary', { 'x-user': user })).text, `for ${user}`)
        }
      },
    )
  })
})

describe('what is kept', () => {
  it('is not what varies by more than was known before its head', async () => {
    const negotiated = (req, res, next) => {
      const { writeHead } = res
      res.writeHead = function (...head) {
        res.vary('Accept-Language')
        return writeHead.apply(this, head)
      }
      next()
    }
    await withApp(
      {},
      (app, cache) => {
        const language = (req, res) => res.send(`in ${req.headers['accept-language']}`)
        app.get('/behind', cache(60), negotiated, language)
        app.get('/before', negotiated, cache(60), language)
        app.get('/known', negotiated, cache({ ttl: 60, vary: 'Accept-Language' }), language)
      },
      async ({ get }) => {
        for (const path of ['/behind', '/before', '/known']) {
          for (const language of ['de', 'fr', 'de']) {
            assert.equal((await get(path, { 'accept-language': language })).text, `in ${language}`, path)
          }
        }
        assert.equal((await get('/known', { 'accept-language': 'fr' })).cacheStatus, HIT)
      },
    )
  })

  it('is not given before a guard where a route was left behind', async () => {
    await withApp(
      {},
      (app, cache) => {
        app.all('/*all', (req, res, next) => next())
        app.use(cache(60))
        app.use((req, res, next) => (req.headers['x-api-key'] ? next() : res.sendStatus(403)))
        app.get('/secret', cache(60), (req, res) => res.send('secret'))
      },
      async ({ get }) => {
        for (let time = 0; time < 2; time++)
          assert.equal((await get('/secret', { 'x-api-key': 'a' })).text, 'secret')
        assert.equal((await get('/secret')).status, 403)
      },
    )
  })

  it('has the words behind its status, and none of an error or for a 304', async () => {
    let fails = false
    await withApp(
      {},
      (app, cache) => {
        app.get('/p', cache({ ttl: 0.1, graceTtl: 60 }), (req, res) => {
          if (fails) throw new Error('gone')
          res.send('a')
        })
        app.get('/said', cache(60), (req, res) => {
          res.statusMessage = 'Fine'
          res.writeHead(200, { ETag: '"v"' }).end('a')
        })
      },
      async ({ get }) => {
        await get('/p')
        fails = true
        await sleep(150)
        const { status, message, text } = await get('/p')
        assert.deepEqual([status, message, text], [200, 'OK', 'a'])
        for (let time = 0; time < 2; time++) assert.equal((await get('/said')).message, 'Fine')
        assert.equal((await get('/said', { 'if-none-match': '"v"' })).message, 'Not Modified')
      },
    )
  })

  it('is what a client of HTTP/2 has left behind, once', async () => {
    const cache = createHttpCache()
    const kept = cache(60)
    let go = null
    const server = http2.createServer((req, res) =>
      kept(req, res, async () => {
        await new Promise((resolve) => (go = resolve))
        res.end('made')
        go = null
      }),
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = http2.connect(`http://127.0.0.1:${server.address().port}`)
    try {
      const asked = client.request({ ':path': '/p' })
      asked.on('error', () => {})
      await until('it is asked', () => go !== null)
      asked.close(http2.constants.NGHTTP2_CANCEL)
      await sleep(50)
      go()
      await until('it is kept', () => cache.stats().entries === 1)
      const again = client.request({ ':path': '/p' })
      const [headers] = await once(again, 'response')
      assert.equal(headers['cache-status'], HIT)
      await cache.invalidate({ all: true })
      again.close()
    } finally {
      client.destroy()
      server.close()
      await cache.close()
    }
  })
})

it('a check of the front that answers and then fails is not followed by another answer', async () => {
  const refusing = async (req, res, _next) => {
    res.statusCode = 429
    res.end('too many')
    throw new Error('the log is gone')
  }
  await withApp(
    { isFront: true },
    (app, cache) =>
      app.get('/p', cache({ ttl: 60, front: { checks: [refusing] } }), (req, res) => res.send('a')),
    async ({ get, cache }) => {
      await get('/p')
      for (let time = 0; time < 2; time++) assert.equal((await get('/p')).status, 429)
      await until('it is told', () => cache.stats().failures === 2)
    },
  )
})

it('a write forgets a path whichever of its letters are encoded', async () => {
  await withApp(
    {},
    (app, cache) => {
      app.use(cache.afterWrites())
      app.get('/users/:name', cache(60), (req, res) => res.send('a'))
      app.put('/users/:name', (req, res) => res.end())
    },
    async ({ get, send, cache }) => {
      const path = `/users/${encodeURIComponent('a@b,c:d')}`
      for (const forget of [
        () => send('PUT', '/users/a@b,c:d'),
        () => cache.invalidate({ paths: '/users/a@b,c:d' }),
      ]) {
        await get(path)
        assert.equal((await get(path)).cacheStatus, HIT)
        await forget()
        assert.notEqual((await get(path)).cacheStatus, HIT)
      }
    },
  )
})
