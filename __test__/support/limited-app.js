'use strict'

const { once } = require('node:events')
const express = require('express')
const { rateLimit } = require('express-rate-limit')

// The limiters of section 3.2 of the plan, each with a store of that make.
function planLimiters(storeOf) {
  const apiLimiter = rateLimit({
    store: storeOf('rl:api:'),
    windowMs: 15 * 60 * 1000,
    max: 100,
    message: { status: 'error', message: 'Too many requests, please try again later.' },
    standardHeaders: true,
    legacyHeaders: false,
  })
  const authLimiter = rateLimit({
    store: storeOf('rl:auth:'),
    windowMs: 15 * 60 * 1000,
    max: 5,
    skipSuccessfulRequests: true,
  })
  return { apiLimiter, authLimiter }
}

/** Serves `build(app)` until the test of the context `t` is over, and gives `{request(path, init)}`. */
async function serve(t, build) {
  const app = express()
  build(app)
  const server = app.listen(0, '127.0.0.1')
  t.after(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  await once(server, 'listening')
  const { port } = server.address()
  return { request: (path, init) => fetch(`http://127.0.0.1:${port}${path}`, init) }
}

/** The plan's application: `/api/products` answers, `/api/users/login` lets in who says `?ok`. */
function planApp(t, limiters) {
  return serve(t, (app) => {
    const { apiLimiter, authLimiter } = limiters
    app.use('/api/', apiLimiter)
    app.get('/api/products', (req, res) => res.json([]))
    app.post('/api/users/login', authLimiter, (req, res) => res.sendStatus('ok' in req.query ? 200 : 401))
  })
}

module.exports = { planLimiters, planApp, serve }
