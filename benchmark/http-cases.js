'use strict'

// The cases of benchmark/http.js: what `open(job)` gives is `{listener, loads(), close()}`. `listener` answers the requests of
// the server that is measured; `loads` tells how often a cached answer was made anew. Each gives the same JSON with the same
// Content-Type; every app is what `express()` makes in production, without X-Powered-By, as Express's own advice for it is.

const PATH = '/api/products'
const TYPE = 'application/json; charset=utf-8'
const TTL = 300
// Each driver has as many as it is fastest with on two cores, of 2, 4, 10 and 20. mysql2 makes no difference between them; with
// few connections more of hegar-native's reads share a write and a wake-up of the server, which ten would take one each.
const CONNECTION_LIMIT = { mysql2: 10, hegar: 4 }

const cases = {
  'node-http': ({ document }) => {
    const body = Buffer.from(document)
    const headers = { 'Content-Type': TYPE, 'Content-Length': body.length }
    return { listener: (req, res) => res.writeHead(200, headers).end(body) }
  },

  'express-end': ({ document }) => {
    const body = Buffer.from(document)
    const end = (req, res) => {
      res.setHeader('Content-Type', TYPE)
      res.end(body)
    }
    return { listener: app(end) }
  },

  'express-send': ({ document }) => {
    const body = Buffer.from(document)
    const send = (req, res) => {
      res.setHeader('Content-Type', TYPE)
      res.send(body)
    }
    return { listener: app(send) }
  },

  middleware: ({ document }) => hegar(document),

  'middleware-br': ({ document }) => hegar(document),

  front: ({ document }) => {
    const { front } = require('../lib/express')
    const { listener, cache, ...rest } = hegar(document, { front: true })
    return { ...rest, listener: front(listener, cache) }
  },

  'plan-redis': ({ document, redis }) => {
    const { default: Redis } = require('ioredis')
    const client = new Redis(redis)
    const { handler, loads } = loader(document)
    // A hit of the plan's middleware sends a string, which Express takes for HTML unless somebody has said what it is.
    const typed = (req, res, next) => {
      res.setHeader('Content-Type', TYPE)
      next()
    }
    return {
      listener: app(typed, planMiddleware(client, TTL), handler),
      loads,
      close: () => client.disconnect(),
    }
  },

  apicache: ({ document }) => {
    const { middleware } = require('apicache')
    const { handler, loads } = loader(document)
    return { listener: app(middleware('5 minutes'), handler), loads }
  },

  'mysql2-json': ({ place, sql, params }) => {
    const pool = require('mysql2').createPool({ ...place, connectionLimit: CONNECTION_LIMIT.mysql2 })
    const next = cycle(params)
    const page = (req, res, fail) => {
      pool.query(sql, next(), (error, rows) => (error ? fail(error) : res.json(rows)))
    }
    return { listener: app(page), close: () => pool.end() }
  },

  'query-json': ({ place, sql, params }) => {
    const { sendJson } = require('../lib/express')
    const db = require('../index.js').createPool({ ...place, connectionLimit: CONNECTION_LIMIT.hegar })
    const next = cycle(params)
    const page = async (req, res) => {
      sendJson(res, await db.queryJson(sql, next()))
    }
    return { listener: app(page), close: () => db.close() }
  },
}

function hegar(document, options = {}) {
  const { createHttpCache } = require('../lib/express')
  const cache = createHttpCache({})
  const { handler, loads } = loader(document)
  return {
    cache,
    listener: app(cache({ ttl: TTL, ...options }), handler),
    loads,
    close: () => cache.close(),
  }
}

/** The middleware of the plan, section 2.3, but for its lines on the console. */
function planMiddleware(redis, duration) {
  return async (req, res, next) => {
    const key = `cache:${req.originalUrl || req.url}`
    try {
      const cachedData = await redis.get(key)
      if (cachedData) {
        return res.status(200).send(JSON.parse(cachedData))
      }
      const originalSend = res.send
      res.send = function (data) {
        redis
          .setex(key, duration, JSON.stringify(data))
          .catch((err) => console.error('Cache save error:', err))
        originalSend.call(this, data)
      }
      next()
    } catch (error) {
      console.error('Cache middleware error:', error)
      next()
    }
  }
}

function app(...handlers) {
  const express = require('express')
  return express()
    .disable('x-powered-by')
    .get(PATH, ...handlers)
}

/** The handler behind a cache, and how often it has run. */
function loader(document) {
  const rows = JSON.parse(document)
  let count = 0
  const handler = (req, res) => {
    count++
    res.json(rows)
  }
  return { handler, loads: () => count }
}

function cycle(values) {
  let at = -1
  return () => values[(at = at + 1 === values.length ? 0 : at + 1)]
}

const CASES = Object.keys(cases)
/** Cases that ask the database for one page after another. */
const DATABASE = ['mysql2-json', 'query-json']
/** What the client of a case says that it takes; nothing unless it is named here. */
const ENCODINGS = { 'middleware-br': 'br' }

module.exports = { CASES, DATABASE, ENCODINGS, PATH, cases }
