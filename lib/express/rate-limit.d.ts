import type { Pool, RedisOptions } from '../../index.js'

/** Options of `rateLimitStore`. One that is unknown or wrong is thrown at once, `HEGAR_OPTION_UNKNOWN` or `HEGAR_OPTION_INVALID`. */
export interface RateLimitStoreOptions {
  /**
   * Put before the keys in Redis, behind the `keyPrefix` of its options: `{hegar}:rl:api:203.0.113.7`. Each limiter needs
   * one of its own that begins no other's, so let it end in a colon. Not empty, not beginning with #. Default: `'rl:'`.
   */
  prefix?: string
  /**
   * How many keys are kept in memory. Past it the one that came longest ago makes room, and is counted anew when it comes
   * again. With Redis so many are noted and, while it does not answer, so many counted. A key takes some 150 bytes.
   * Default: 100,000; from 1 to 16,777,216.
   */
  maxKeys?: number | string
  /**
   * Counts in Redis, together with other processes: a uri or options, as `cache.redis` of a pool. The store has connections
   * of its own then; `commandTimeoutMs`, 100 by default, is what a request waits for at most. Default: null, in memory.
   */
  redis?: string | URL | RedisOptions | null | false
  /** Counts in the Redis of this pool's option `cache.redis`; in memory if it has none. Not together with `redis`. */
  db?: Pool
  /**
   * How many hits of a key each process lets through in a window while Redis does not answer; 0 refuses all, Infinity none.
   * Default: the limit of the limiter.
   */
  insuranceLimit?: number | string
  /**
   * Past the limit times this a key is refused from memory, without asking Redis, until its window ends; Infinity asks
   * always. Where hits are taken back (`skipSuccessfulRequests`, `skipFailedRequests`) it is for a second at a time. Of no
   * effect in memory, or when the limit is a function. Default: 1; not below.
   */
  blockAfter?: number
}

/** What is counted of a key. */
export interface RateLimitInfo {
  totalHits: number
  /** When its window ends, by the clock of this process. */
  resetTime: Date
}

/** Figures of a store. Those but `keys` and `redis` only rise. */
export interface RateLimitStoreStats {
  /** Hits that were counted, wherever. */
  hits: number
  /** Those of them that were refused without asking Redis. */
  blockedInMemory: number
  /** Those of them that were counted in memory, because Redis did not answer. */
  insured: number
  /** Commands that were sent to Redis. */
  redisCalls: number
  /** Keys that are in memory. */
  keys: number
  /** What was done with Redis, as `cache.redis` of a pool's figures; null without Redis. */
  redis: Record<string, number | boolean | string | null> | null
}

/**
 * A store for express-rate-limit 8. `localKeys` and `prefix` are for its own checks.
 *
 * The window of a key begins with its first hit and is `windowMs` long, at most 2^32 - 1, 49 days; it comes from the
 * limiter, as the limit does. Another `windowMs` cannot be thrown where the limiter is made, because express-rate-limit
 * logs what fails there: each hit throws it, `HEGAR_OPTION_INVALID`.
 */
export interface RateLimitStore {
  readonly prefix: string
  readonly localKeys: boolean
  init(options: {
    windowMs: number
    limit?: unknown
    skipFailedRequests?: boolean
    skipSuccessfulRequests?: boolean
  }): void
  /** Counts a hit. At once where it is counted in memory, otherwise as a promise, which no failure of Redis rejects. */
  increment(key: string): RateLimitInfo | Promise<RateLimitInfo>
  /** Takes a hit back from the window it was counted in, if that is not over. While Redis does not answer it stays counted. */
  decrement(key: string): Promise<void>
  get(key: string): Promise<RateLimitInfo | undefined>
  /**
   * Forgets what is counted of a key. Rejects with `HEGAR_CONNECTION_LOST` if Redis does not answer. Other processes that
   * refuse the key from memory do so until its window ends.
   */
  resetKey(key: string): Promise<void>
  /** The same for all keys of the prefix, which it looks for among all that are in Redis. */
  resetAll(): Promise<void>
  /** Forgets what is in memory and closes the connections of this store's own; hits are counted in memory from then on. */
  shutdown(): Promise<void>
  stats(): RateLimitStoreStats
}

/**
 * Where express-rate-limit 8 counts: in the memory of the process, or in Redis with one command for each hit.
 *
 * ```js
 * const apiLimiter = rateLimit({
 *   store: rateLimitStore({ prefix: 'rl:api:', redis: process.env.REDIS_URL }),
 *   windowMs: 15 * 60 * 1000,
 *   limit: 100,
 * })
 * ```
 *
 * Whom a key stands for is the matter of the limiter's `keyGenerator`. The one of express-rate-limit counts a client by its
 * IPv4 address, also where it comes mapped into IPv6, and by its /56 of IPv6; one of your own needs its `ipKeyGenerator`
 * for that. Behind a proxy set Express's `trust proxy` to the number of proxies: true believes what clients write.
 *
 * Keys of more than 256 bytes in UTF-8, and those that begin with #, are counted as their hash.
 */
export function rateLimitStore(options?: RateLimitStoreOptions): RateLimitStore
