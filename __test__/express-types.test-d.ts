// The types of hegar-native/express, checked by tsc. What must not pass is marked with @ts-expect-error.

import { createServer, type IncomingMessage } from 'node:http'
import { createPool } from '../index.js'
import {
  cache as ownCache,
  createHttpCache,
  front,
  rateLimitStore,
  type HttpCacheStats,
  type RateLimitInfo,
} from '../lib/express/index.js'

interface Request extends IncomingMessage {
  params: Record<string, string>
}

async function use() {
  const db = createPool('mysql://root@localhost/shop')
  const cache = createHttpCache({ db, maxBytes: 1e6, encodings: ['br', 'gzip'] })
  const app = Object.assign((req: any, res: any) => void [req, res], {
    get(path: string, ...handlers: Array<(req: any, res: any, next: () => void) => unknown>) {
      return [path, handlers]
    },
  })
  app.get('/a', cache(300), ownCache(60), (req, res) => res.end())
  app.get(
    '/b',
    cache<Request>({
      ttl: 60,
      tables: 'products',
      tags: (req) => `product-${req.params.id}`,
      key: (req) => req.params.id ?? null,
    }),
  )
  app.get(
    '/c',
    cache({ front: { checks: [(req) => req.headers['x-a'] === '1', (req, res, next) => next()] } }),
  )
  createServer(front(app, cache)).listen(0)
  const stats: HttpCacheStats = cache.stats()
  const text: string = cache.metricsText()
  await cache.invalidate({ paths: '/a', tags: ['x'] })
  await cache.close()
  const store = rateLimitStore({ prefix: 'rl:api:', db })
  const info: RateLimitInfo = await store.increment('a')
  // @ts-expect-error a ttl is a number
  cache({ ttl: '60' })
  // @ts-expect-error there is no such option
  cache({ tll: 60 })
  // @ts-expect-error deflate is not made
  createHttpCache({ encodings: ['deflate'] })
  // @ts-expect-error without a cache there is nothing in front
  front(app)
  return [stats, text, info]
}

void use
