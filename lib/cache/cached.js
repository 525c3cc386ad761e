'use strict'

const { openFront, placeOf } = require('./front.js')
const { readCached } = require('./options.js')
const { rowsOfKept } = require('../completions.js')
const { HegarTypeError } = require('../errors.js')
const tracing = require('../tracing.js')

/** Cached calls of a pool: what is kept on this thread is given at once, everything else is asked of Rust. */
class Cached {
  #channel
  #maxEntryBytes
  #boundMs
  /** Undefined until the first result comes; null where there can be none. */
  #front
  /** Results by their form, and in each by statement: of calls without options about rows, and of all others. */
  #plain = { json: new Map(), rows: new Map() }
  #lanes = new Map()
  /** What has been read of options that are a number or undefined. */
  #asked = { json: new Map(), rows: new Map() }

  constructor(channel, { maxEntryBytes, maxStalenessMs }) {
    this.#channel = channel
    this.#maxEntryBytes = maxEntryBytes
    this.#boundMs = maxStalenessMs
  }

  /** The promise of a result that is kept on this thread for a call that says no more than a ttl, or undefined. */
  find(json, sql, params, options) {
    if (options !== undefined && !(options > 0)) return undefined
    const lane = json ? this.#plain.json : this.#plain.rows
    const kept = this.#front?.find(lane, sql, params)
    if (kept === undefined || this.#channel.gate.isClosed || tracing.isWatched(tracing.query))
      return undefined
    if (kept.refresh)
      this.#refresh(kept, this.#ask(json ? 'cachedQueryJson' : 'cachedQuery', json, options), sql, params)
    if (json) return (kept.promise ??= Promise.resolve(kept.value))
    return Promise.resolve(rowsOfKept(kept.value, this.#channel.settings.mayGenerate))
  }

  /**
   * The result of a cached call: `{value, wanted}`, where rows come as `{rows, shape}` if `wanted.describes` them.
   * `pack(sql, params)` gives `{statement, bytes, length}`; `past(asked)` runs the call without the cache.
   */
  async get(method, json, sql, params, options, { pack, past }) {
    const asked = this.#ask(method, json, options)
    const { wanted } = asked
    if (asked.bypass) {
      this.#channel.native.cacheBypass('asked')
      return { value: await past(asked), wanted }
    }
    const name = nameOf(asked, sql)
    const kept = this.#front?.find(asked.lane, name, params)
    const refused = this.#channel.refused()
    if (kept !== undefined && refused === null && !asked.limits?.signal?.aborted) {
      if (kept.refresh) this.#refresh(kept, asked, sql, params, pack)
      if (json) return { value: kept.value, wanted }
      const rows = rowsOfKept(kept.value, this.#channel.settings.mayGenerate)
      return { value: wanted.describes ? { rows, shape: kept.value.shape } : rows, wanted }
    }
    const place = placeOf(params)
    const { statement, bytes, length } = pack(sql, params)
    const start = (number, ticket) =>
      this.#channel.native.cached(
        number,
        statement.native,
        bytes,
        length,
        json,
        wanted.native,
        asked.form,
        asked.policy,
        asked.key,
        ticket,
      )
    const keep =
      place === null ? null : (known, value) => this.#openFront()?.keep(asked.lane, name, place, known, value)
    const operation = json ? 'json' : 'query'
    const value = await this.#channel.call(operation, sql, start, asked.limits, wanted.describes, keep)
    return { value, wanted }
  }

  /** The same calls for a session, where a result may be what no other sees: they go past the cache. */
  past(reason) {
    return {
      find() {},
      get: async (method, json, sql, params, options, { past }) => {
        const asked = this.#ask(method, json, options)
        this.#channel.native.cacheBypass(reason)
        return { value: await past(asked), wanted: asked.wanted }
      },
      past: () => this.past(reason),
    }
  }

  /** Tells Rust of the hits that it did not see. */
  tellHits() {
    const hits = this.#front?.takeHits() ?? null
    if (hits !== null) this.#channel.native.cacheNote(hits)
  }

  // Most calls give a ttl and nothing else, or nothing at all.
  #ask(method, json, options) {
    if (options !== undefined && typeof options !== 'number') return this.#read(method, json, options)
    const known = this.#asked[json ? 'json' : 'rows']
    let asked = known.get(options)
    if (asked === undefined) {
      asked = this.#read(method, json, options)
      if (known.size >= 100) known.clear()
      known.set(options, asked)
    }
    return asked
  }

  #read(method, json, options) {
    const asked = readCached(method, options, { json, maxEntryBytes: this.#maxEntryBytes })
    const { rowOptions } = this.#channel
    const wanted = rowOptions.read(asked.read)
    const form = `${json ? 'json' : 'rows'} ${wanted.text}`
    const lane = wanted === rowOptions.plain ? this.#plain[json ? 'json' : 'rows'] : this.#laneOf(form)
    return { ...asked, wanted, form, lane }
  }

  #laneOf(form) {
    let lane = this.#lanes.get(form)
    if (lane === undefined) {
      // Programs have few forms; whoever makes them up without end gives up what is kept.
      if (this.#lanes.size >= 200) this.#lanes.clear()
      this.#lanes.set(form, (lane = new Map()))
    }
    return lane
  }

  #refresh(kept, asked, sql, params, pack) {
    kept.refresh = false
    const { statement, bytes, length } = (pack ?? this.#pack)(sql, params)
    const { wanted, form, policy, key } = asked
    const json = Buffer.isBuffer(kept.value)
    this.#channel.native.refresh(statement.native, bytes, length, json, wanted.native, form, policy, key)
  }

  #pack = (sql, params) => this.#channel.packed(sql, params)

  #openFront() {
    if (this.#front === undefined) this.#front = openFront(this.#channel.native, this.#boundMs)
    return this.#front
  }
}

// What tells calls of one form and statement apart, beside their parameters.
function nameOf({ key, tags }, sql) {
  if (typeof sql !== 'string') throw new HegarTypeError('the statement must be a string of SQL')
  if (key === null && tags.length === 0) return sql
  return JSON.stringify([key, tags, sql])
}

module.exports = { Cached }
