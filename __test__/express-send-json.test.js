'use strict'

// sendJson: the same answer as res.type('json').end(bytes), whatever has been said of it before.

const assert = require('node:assert/strict')
const { describe, it } = require('node:test')
const compression = require('compression')
const { sendJson } = require('../lib/express')
const { withApp } = require('./support/http-app.js')

const bytes = Buffer.from(JSON.stringify({ name: 'päge', list: Array.from({ length: 500 }, (_, n) => n) }))

describe('sendJson', () => {
  for (const [what, before] of [
    ['in an app as it is', () => {}],
    ['in one without X-Powered-By', (app) => app.disable('x-powered-by')],
    ['behind compression', (app) => app.disable('x-powered-by').use(compression())],
    ['with headers before', (app) => app.use((req, res, next) => next(res.set('X-Own', '1') && undefined))],
  ]) {
    it(`gives what type and end give, ${what}`, async () => {
      await withApp(
        { before },
        (app, cache) => {
          app.get('/ours', (req, res) => sendJson(res, bytes))
          app.get('/express', (req, res) => res.type('json').end(bytes))
          app.get('/kept', cache(60), (req, res) => sendJson(res, bytes))
        },
        async ({ send }) => {
          for (const method of ['GET', 'HEAD']) {
            const ours = await send(method, '/ours', { 'accept-encoding': 'gzip' })
            const theirs = await send(method, '/express', { 'accept-encoding': 'gzip' })
            const { date: _, 'content-length': __, ...headers } = theirs.headers
            for (const [name, value] of Object.entries(headers)) assert.equal(ours.headers[name], value, name)
            assert.deepEqual(ours.body, theirs.body)
          }
          await send('GET', '/kept')
          const kept = await send('GET', '/kept')
          assert.deepEqual([kept.cacheStatus, kept.text], ['hegar; hit', bytes.toString()])
        },
      )
    })
  }

  it('takes a status, keeps a type that was set, and nothing but bytes', async () => {
    await withApp(
      {},
      (app) => {
        app.get('/status', (req, res) => sendJson(res, bytes, 202))
        app.get('/before', (req, res) => sendJson(res.status(201).type('application/problem+json'), bytes))
        app.get('/text', (req, res) => {
          assert.throws(() => sendJson(res, '{}'), { name: 'HegarTypeError' })
          res.end()
        })
      },
      async ({ get }) => {
        assert.equal((await get('/status')).status, 202)
        const before = await get('/before')
        assert.deepEqual([before.status, before.headers['content-type']], [201, 'application/problem+json'])
        assert.equal((await get('/text')).status, 200)
      },
    )
  })
})
