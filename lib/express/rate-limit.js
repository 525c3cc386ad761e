'use strict'

module.exports = { rateLimitStore }

const { NativeLimits, countHit } = require('../native.js')
const { HegarError } = require('../errors.js')
const { completions } = require('../completions.js')
const { Channel } = require('../channel.js')
const { readCallOptions } = require('../call-options.js')
const { Gate } = require('../gate.js')
const { normaliseOptions } = require('../options.js')
const { integer, invalid, refusal, text } = require('../options/readers.js')
const { readRedis } = require('../options/redis.js')
const { nativeOf } = require('../pool.js')
const { ask } = require('./native-call.js')

const MAX_KEYS = 100_000
// What an expiry in Redis and a count of milliseconds in 32 bits can be: 49 days.
const LONGEST_WINDOW = 2 ** 32 - 1
const MOST_HITS = Number.MAX_SAFE_INTEGER
// What one hit is in a count that Rust has in memory; the rest of it are the milliseconds that are left of the window.
const HIT = 2 ** 32

const readers = {
  prefix: readPrefix,
  maxKeys: integer(1, 2 ** 24),
  redis: readRedis,
  db: readDb,
  insuranceLimit: (value, name) => (value === Infinity ? value : integer(0, 2 ** 31 - 1)(value, name)),
  blockAfter: readFactor,
}

/** Where express-rate-limit counts; see rate-limit.d.ts. */
function rateLimitStore(options) {
  return new RateLimitStore(readCallOptions('rateLimitStore', options, readers))
}

class RateLimitStore {
  prefix
  /** False where other stores count the same keys. */
  localKeys
  #native
  /** What `countHit` counts in, once the limiter has said how. */
  #counters = null
  #gate = new Gate()
  #insuranceLimit
  #blockAfter
  /** That of the limiter; null if it differs from request to request. */
  #limit = null
  #refusal = ['windowMs', 'is not known before rateLimit({ store }) was given this store']
  #closing = null

  constructor({
    prefix = 'rl:',
    maxKeys = MAX_KEYS,
    redis = null,
    db,
    insuranceLimit = null,
    blockAfter = 1,
  }) {
    if (redis !== null && db !== undefined) {
      throw refusal(
        'redis',
        "and 'db' do not go together: a pool's store uses the Redis of its option cache.redis",
      )
    }
    const { workerThreads } = normaliseOptions({}).native
    this.prefix = prefix
    this.#insuranceLimit = insuranceLimit
    this.#blockAfter = blockAfter
    this.#native = open(db, { prefix, maxKeys, redis, workerThreads })
    this.localKeys = !this.#native.isRemote()
  }

  /** Called by rateLimit() with its options. What it throws is logged there, and thrown by each increment. */
  init({ windowMs, limit, skipFailedRequests, skipSuccessfulRequests }) {
    if (typeof windowMs !== 'number' || !(windowMs > 0 && windowMs <= LONGEST_WINDOW)) {
      this.#refusal = ['windowMs', `must be a number of milliseconds, above 0 and up to ${LONGEST_WINDOW}`]
      throw refusal(...this.#refusal)
    }
    this.#limit = typeof limit === 'number' && limit >= 0 ? limit : null
    // Without a number, or past what is counted, nobody is blocked.
    const blockPast = Math.min((this.#limit ?? Infinity) * this.#blockAfter || 0, MOST_HITS)
    this.#counters = this.#native.begin(
      Math.ceil(windowMs),
      blockPast,
      Boolean(skipFailedRequests || skipSuccessfulRequests),
    )
    this.#refusal = null
  }

  increment(key) {
    if (this.#refusal !== null) throw refusal(...this.#refusal)
    const name = String(key)
    const count = countHit(this.#counters, name)
    return count < 0 ? this.#ask(name) : unpacked(count)
  }

  async #ask(name) {
    // What is left is counted from here, so that nobody takes the window to last longer than it does.
    const sent = Date.now()
    return this.#told(sent, await ask(this.#gate, (number) => this.#native.ask(number, name)))
  }

  async decrement(key) {
    const name = String(key)
    const window = this.#native.undo(name)
    if (window !== 0) await ask(this.#gate, (number) => this.#native.undoThere(number, name, window))
  }

  async get(key) {
    const name = String(key)
    const count = this.#native.look(name)
    if (count >= 0) return unpacked(count)
    if (this.localKeys) return undefined
    const sent = Date.now()
    const bytes = await ask(this.#gate, (number) => this.#native.lookThere(number, name))
    return bytes === 0 ? undefined : this.#told(sent, bytes)
  }

  async resetKey(key) {
    const name = String(key)
    const done = await ask(this.#gate, (number) => this.#native.reset(number, name))
    if (done === 0) throw unanswered('resetKey')
  }

  async resetAll() {
    const done = await ask(this.#gate, (number) => this.#native.reset(number, null))
    if (done === 0) throw unanswered('resetAll')
  }

  /** Forgets what is in memory and closes the Redis of this store; that of a pool stays. */
  async shutdown() {
    this.#closing ??= ask(this.#gate, (number) => this.#native.close(number))
    await this.#closing
  }

  stats() {
    return JSON.parse(this.#native.stats())
  }

  #told(sent, bytes) {
    const hits = bytes.readDoubleLE(0)
    const isInsured = bytes.readDoubleLE(16) === 1
    return info(sent, isInsured ? this.#insuredHits(hits) : hits, bytes.readDoubleLE(8))
  }

  // The limiter compares hits with its limit. Where another one holds, they are moved by the difference of the two.
  #insuredHits(hits) {
    const most = this.#insuranceLimit
    if (most === null) return hits
    if (this.#limit === null) return hits > most ? MOST_HITS : 1
    return Math.max(1, hits + this.#limit - most)
  }
}

function unpacked(count) {
  return info(Date.now(), Math.floor(count / HIT), count % HIT)
}

function info(from, totalHits, leftMs) {
  return { totalHits, resetTime: new Date(from + leftMs) }
}

function open(db, config) {
  const pool = db === undefined ? null : nativeOf(db)
  try {
    return new NativeLimits(pool, JSON.stringify(config), completions)
  } catch (error) {
    throw Channel.thrown(error)
  }
}

function unanswered(method) {
  const message = `${method}: Redis gave no answer in time, so the counts there may still be what they were; call it again`
  return new HegarError(message, { code: 'HEGAR_CONNECTION_LOST' })
}

// With # begin the names of what else is in the Redis of a cache.
function readPrefix(value, name) {
  const prefix = text(200)(value, name)
  if (prefix === '' || prefix.startsWith('#')) {
    throw refusal(name, "must be a text such as 'rl:api:', which is not empty and does not begin with '#'")
  }
  return prefix
}

function readDb(value, name) {
  if (nativeOf(value) === undefined) throw invalid(name, 'must be what createPool gave', value)
  return value
}

function readFactor(value, name) {
  if (typeof value !== 'number') throw invalid(name, 'must be a number, 1 or above', value)
  if (!(value >= 1)) throw refusal(name, `must be a number, 1 or above, but is ${value}`)
  return value
}
