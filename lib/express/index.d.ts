/// <reference types="node" />

// What `hegar-native/express` exports. It names no type of Express, so that it fits any version of it, and Node's http alone.

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { CacheStats, Pool, RedisOptions } from '../../index.js'

export {
  rateLimitStore,
  type RateLimitInfo,
  type RateLimitStore,
  type RateLimitStoreOptions,
  type RateLimitStoreStats,
} from './rate-limit.js'

/** What a middleware of Express or Connect is to this package, and, with `req` alone, a condition of the front. */
export type Middleware = (req: any, res: any, next: (error?: any) => void) => unknown

/** Options of one cache of answers. */
export interface HttpCacheOptions {
  /**
   * The pool whose writes make answers invalid, and whose Redis (`cache.redis`) shares them with other processes. Writes by
   * every pool for the same server in this process count, see docs/caching.md. Default: none.
   */
  db?: Pool
  /**
   * A Redis to share answers through, for a cache without a pool: a uri or options as `cache.redis` of `createPool`. Not
   * together with `db`. Default: null, answers stay in the process.
   */
  redis?: string | URL | RedisOptions | null | false
  /** How long, without contact to Redis, an answer is given that others may have made invalid. 200 to 60,000. Default: 1,000. */
  maxStalenessMs?: number | string
  /** Bytes of all answers in memory, with their forms and some 2 KiB for each. The least used go first. Default: 64 MiB. */
  maxBytes?: number | string
  /** Bytes of one answer with its forms. A larger one is sent as it is, and not kept. Default: 1 MiB. */
  maxEntryBytes?: number | string
  /**
   * The content codings that answers are kept in besides their own, the best first; false for none. Each is made once, when
   * a client asks for it, on the threads of Node's zlib. Default: `['br', 'zstd', 'gzip']`, zstd where Node has it.
   */
  encodings?: Array<'br' | 'zstd' | 'gzip'> | 'br' | 'zstd' | 'gzip' | false
  /** Bytes from which on a body of text is worth compressing. Default: 1,024. */
  compressFromBytes?: number | string
  /** How long a request waits for the answer to another before its own handler is run. Default: 10,000. */
  waitMs?: number | string
}

/** Options of one route. A number in their place is a ttl. */
export interface RouteOptions<Req = any> {
  /**
   * For how many seconds an answer is fresh that says nothing of it itself; Cache-Control and Expires of the handler go
   * before. Fractions are allowed. 0, negative ones and NaN throw. Default: none, and only such answers are kept.
   */
  ttl?: number
  /** For how many seconds more the old answer is given while one request has a new one made. Default: 0. */
  staleTtl?: number
  /** For how many seconds more the old answer is given in place of an error of the handler, 500 and above. Default: 0. */
  graceTtl?: number
  /**
   * The tables that answers are made from: a write to one makes them invalid, and one that comes while an answer is made
   * keeps it from being kept. Name the tables of views. Needs a cache with `db`. Default: none.
   */
  tables?: string | string[]
  /** Names to invalidate answers by, or what makes them of a request. Names in the answer's Surrogate-Key are added. */
  tags?: string | string[] | ((req: Req) => string | string[])
  /**
   * What the answer is kept under instead of method, host, path and query: up to 1,024 characters, or a function of the
   * request that gives null for one that is not to be kept. It says that whoever has the same key may have the same answer,
   * so requests with Authorization and Cookie, answers with Set-Cookie or `private`, and errors that state a lifetime are
   * kept too. Not together with `query`. Default: none, and of those nothing is.
   */
  key?: string | ((req: Req) => string | null | undefined)
  /**
   * The query parameters that make a difference, as they are written and as `req.query` has them; `filter` stands for `filter[price]` too. The handler must not use others.
   * Default: all make one, whatever their order.
   */
  query?: string | string[]
  /** Fields of the request that make a difference, so that answers that vary by them can be shared by processes. Default: none. */
  vary?: string | string[]
  /**
   * Whether `front` may answer before Express is entered; with `checks` after these. Functions with one parameter are
   * conditions on the request, which may be async: all have to hold. Those with three are middlewares, such as a rate limit,
   * which are run when all conditions hold. Others throw. Not together with a `key` that is a function. Default: false.
   */
  front?: boolean | { checks?: Middleware[] }
  /**
   * `'safe'`, or `'rfc9111'` for exactly what RFC 9111 allows a shared cache: Cache-Control of requests is heard, errors and
   * answers to requests with cookies are kept if their own fields allow it, and those without a lifetime for a tenth of
   * their age. Default: `'safe'`.
   */
  policy?: 'safe' | 'rfc9111'
}

/** What `invalidate` takes; one at least. */
export interface HttpInvalidation {
  /**
   * Paths as clients ask for them, without a query: all answers of a path go, whatever their query and host, in any spelling
   * (`/café`, `/caf%C3%A9`).
   */
  paths?: string | string[]
  tables?: string | string[]
  tags?: string | string[]
  /** Keys of the option `key`. */
  keys?: string | string[]
  /** Beginnings of such keys up to a colon. */
  prefix?: string | string[]
  /** Everything, also results of `cachedQuery` of the pool. */
  all?: boolean
}

/** Figures of a cache. Those but `entries`, `bytes`, `maxBytes` and `redis` only rise. */
export interface HttpCacheStats {
  /** Answers that were given from the cache; `stale` of them past their time, `frontHits` before Express was entered. */
  hits: number
  stale: number
  frontHits: number
  /** Requests for which there was nothing to give. */
  misses: number
  /** Requests that waited for the answer to another. */
  collapsed: number
  /** Answers that another process had made. */
  remoteHits: number
  /** Old answers that a handler said to be the same still (304). */
  revalidated: number
  /** Old answers that were given in place of an error. */
  grace: number
  /** Answers that were kept; that were not because of a write meanwhile; that were not because of their size. */
  stored: number
  fenced: number
  tooLarge: number
  /** Bodies that were compressed. */
  variants: number
  /** Answers that could not be kept by a defect. They were sent; the first is told as a warning, HEGAR_HTTP_CACHE. */
  failures: number
  /** Requests that had nothing to do with the cache, by reason: authorization, cookie, key, precondition, and what is in `refused`. */
  bypassed: Record<string, number>
  /**
   * Answers that were not to be kept, by reason: no-store, private, no-cache, set-cookie, error, status, vary, stream,
   * too-large, no-ttl, stale, surrogate-key, nonce, trailer, authorization, failure, and late-head for what Node refuses.
   */
  refused: Record<string, number>
  entries: number
  bytes: number
  maxBytes: number
  /** Answers that made room for others. */
  evicted: number
  /** As in `db.stats().cache.redis`; null without Redis. */
  redis: CacheStats['redis']
}

/** A cache of answers. Called, it gives the middleware of a route. */
export interface HttpCache {
  /**
   * The middleware that gives what is kept and keeps what the handler behind it answers.
   *
   * ```js
   * app.get('/api/products', cache(300), list)
   * app.get('/api/products/:id', cache({ ttl: 600, tables: ['products', 'stores'] }), detail)
   * ```
   *
   * It gives what middlewares with the same options have kept in the same place: in routes, or before them at the same
   * mount. So what a guard stands before is given to nobody who does not pass it. Without an argument only answers that
   * state a lifetime are kept. Throws `HEGAR_OPTION_INVALID` and `HEGAR_OPTION_UNKNOWN`.
   */
  <Req = any>(options?: number | RouteOptions<Req>): (req: any, res: any, next: (error?: any) => void) => void
  /**
   * A middleware for routes that write: a POST, PUT, PATCH, DELETE or other unsafe request that succeeds (200 to 399) makes the
   * answers of its own path invalid, and of `Location` and `Content-Location`: in this process before its client hears of
   * it, in others a moment later and after `maxStalenessMs` at the latest. The middleware of a route does it too.
   *
   * ```js
   * app.use(cache.afterWrites())
   * ```
   */
  afterWrites(): (req: any, res: any, next: (error?: any) => void) => void
  /**
   * Makes answers invalid: in this process at once, and in others when the promise resolves, or after a second without Redis.
   */
  invalidate(what: HttpInvalidation): Promise<void>
  stats(): HttpCacheStats
  /** The figures in Prometheus' text format, `hegar_http_cache_…`. */
  metricsText(): string
  /**
   * Forgets all answers, and leaves the Redis of a cache without a pool. Meant for the end: requests that come later are
   * served, and what they are answered is kept again, in this process.
   */
  close(): Promise<void>
}

/** Makes a cache of answers. Throws `HEGAR_OPTION_INVALID` and `HEGAR_OPTION_UNKNOWN`. */
export function createHttpCache(options?: HttpCacheOptions): HttpCache

/** A cache for programs that need one, in memory and without a pool: as `createHttpCache()`, made at first use. */
export const cache: HttpCache

/**
 * A listener for `http.createServer`: gives fresh answers of routes with `front` before `app` is entered, with the fields that
 * its middlewares set when the answer was made, and leaves everything else to `app`.
 *
 * ```js
 * http.createServer(front(app, cache)).listen(2000)
 * ```
 */
export function front(
  app: RequestListener | ((req: any, res: any) => unknown),
  cache: HttpCache,
): (req: IncomingMessage, res: ServerResponse) => unknown

/**
 * Sends bytes of JSON, as `queryJson`, `paginateJson` and `cachedQueryJson` give them: what `res.type('json').end(bytes)` does,
 * in one go where nothing has been said of the answer yet (`app.disable('x-powered-by')`), which takes Node a tenth less. A
 * Content-Type that was set stays. Throws a TypeError for anything but bytes.
 */
export function sendJson(res: any, bytes: Uint8Array, status?: number): unknown
