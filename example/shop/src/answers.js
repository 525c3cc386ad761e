'use strict'

const { rateLimit } = require('express-rate-limit')
const { createHttpCache, front, rateLimitStore } = require('hegar-native/express')
const { errorBody } = require('./errors.js')

/** Seconds, as the plan has them. */
const TTL = { PRODUCT: 300, PRODUCT_LIST: 180 }

/** The tables that the product queries read: a write to one makes their answers invalid. */
const TABLES = [
  'products',
  'stores',
  'product_image',
  'product_category',
  'category_product',
  'product_tag',
  'tag_product',
  'order_details',
  'product_review',
  'orders',
]

const LIST_QUERY = ['search', 'category', 'name', 'categories', 'tags', '_sort', '_order', 'page', 'limit']

const pass = (req, res, next) => next()

/**
 * What keeps the shop's answers and limits its clients, on the pool of a database opened by openDatabase():
 *
 * - `list` and `product`: middleware for the routes; `limiter`: for all of the API
 * - `serve(app)`: the listener for the server; `metrics()`: what became of it, as Prometheus text
 *
 * Without a pool (DRIVER=mysql2), with CACHE=off or RATE_LIMIT=0 they let everything pass.
 */
function openAnswers({ pool }, { cache: isCached, rateLimit: limit }) {
  const limiter = pool && limit > 0 ? limiterOn(pool, limit) : pass
  if (!pool || !isCached)
    return { limiter, list: pass, product: pass, serve: (app) => app, metrics: () => '' }
  const cache = createHttpCache({ db: pool })
  const shared = { tables: TABLES, front: { checks: limiter === pass ? [] : [limiter] } }
  return {
    limiter,
    list: cache({ ttl: TTL.PRODUCT_LIST, query: LIST_QUERY, ...shared }),
    product: cache({ ttl: TTL.PRODUCT, query: [], ...shared }),
    serve: (app) => front(app, cache),
    metrics: () => cache.metricsText(),
  }
}

function limiterOn(pool, limit) {
  return rateLimit({
    store: rateLimitStore({ db: pool, prefix: 'rl:api:' }),
    windowMs: 15 * 60 * 1000,
    limit,
    standardHeaders: true,
    legacyHeaders: false,
    message: () => errorBody('Too many requests, please try again later.'),
  })
}

module.exports = { openAnswers }
