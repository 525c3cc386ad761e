'use strict'

const { openFront, placeOf } = require('./front.js')
const { readCached, MOST_SECONDS } = require('./options.js')
const { NativeWish } = require('../native.js')
const { rowsOfKept } = require('../completions.js')
const { HegarTypeError } = require('../errors.js')
const tracing = require('../tracing.js')

const LIMIT = 1000

// Anything else is looked at, and complained of, where it takes its time.
const isTtl = (options) => typeof options === 'number' && options > 0 && options <= MOST_SECONDS

/** Cached calls of a pool: what is kept on this thread is given at once, everything else is asked of Rust. */
class Cached {
  #channel
  #maxEntryBytes
  #boundMs
  /** What this thread has; null before the first result, and where there can be none. */
  #front = null
  #isOpened = false
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
    if (this.#front === null || (options !== undefined && !isTtl(options))) return undefined
    const channel = this.#channel
    if (channel.gate.isClosed || tracing.isWatched(tracing.query)) return undefined
    let kept
    try {
      kept = this.#front.find(json ? this.#plain.json : this.#plain.rows, sql, params)
      if (kept?.refresh) this.#refresh(kept, this.ask(json, options), sql, params)
    } catch {
      // Reading a parameter failed. That is told by the promise, when it is read again.
      return undefined
    }
    if (kept === undefined) return undefined
    if (json) return (kept.promise ??= Promise.resolve(kept.value))
    return Promise.resolve(rowsOfKept(kept.value, channel.settings.mayGenerate))
  }

  /** What a cached call with these options wants, for `give` and `goesPast`: `wanted` of its rows, and its `limits`. */
  ask(json, options) {
    // Most calls give a ttl and nothing else, or nothing at all.
    if (options !== undefined && typeof options !== 'number') return this.#read(json, options)
    const known = json ? this.#asked.json : this.#asked.rows
    let asked = known.get(options)
    if (asked === undefined) {
      asked = this.#read(json, options)
      if (known.size >= 100) known.clear()
      known.set(options, asked)
    }
    return asked
  }

  /** Whether the call is to be run as if there were no cache; counts it. */
  goesPast(asked) {
    if (asked.bypass) this.#channel.native.cacheBypass('asked')
    return asked.bypass
  }

  /** The promise of the result: a Buffer, or rows, as `{rows, shape}` if `wanted.describes` them. */
  give(asked, sql, params) {
    const { json, wanted, lane, limits } = asked
    const channel = this.#channel
    const name = nameOf(asked, sql)
    const kept = this.#front?.find(lane, name, params)
    if (kept !== undefined && channel.refused() === null && !limits?.signal?.aborted) {
      if (kept.refresh) this.#refresh(kept, asked, sql, params)
      if (json) return kept.value
      const rows = rowsOfKept(kept.value, channel.settings.mayGenerate)
      return wanted.describes ? { rows, shape: kept.value.shape } : rows
    }
    const place = placeOf(params)
    const { statement, bytes, length } = channel.packed(sql, params)
    const start = (number, ticket) =>
      channel.native.cached(number, statement.native, bytes, length, asked.wish, asked.key, ticket)
    const keep = place === null ? null : (known, value) => this.#keep(lane, name, place, known, value)
    return channel.call(json ? 'json' : 'query', sql, start, limits, wanted.describes, keep)
  }

  /** The same calls for a session, where a result may be what no other sees: they go past the cache. */
  past(reason) {
    return {
      find() {},
      ask: (json, options) => this.ask(json, options),
      goesPast: () => {
        this.#channel.native.cacheBypass(reason)
        return true
      },
      past: () => this.past(reason),
    }
  }

  /** Tells Rust of the hits that it did not see. */
  tellHits() {
    const hits = this.#front?.takeHits() ?? null
    if (hits !== null) this.#channel.native.cacheNote(hits)
  }

  #read(json, options) {
    const method = json ? 'cachedQueryJson' : 'cachedQuery'
    const asked = readCached(method, options, { json, maxEntryBytes: this.#maxEntryBytes })
    const { rowOptions } = this.#channel
    const wanted = rowOptions.read(asked.rows)
    const wish = wishOf(json, wanted, asked.policy)
    const lane =
      wanted === rowOptions.plain ? this.#plain[json ? 'json' : 'rows'] : this.#laneOf(json, wanted)
    return { ...asked, json, wanted, wish, lane }
  }

  #laneOf(json, wanted) {
    const form = formOf(json, wanted)
    let lane = this.#lanes.get(form)
    if (lane === undefined) {
      // Programs have few forms; whoever makes them up without end gives up what is kept.
      if (this.#lanes.size >= LIMIT) this.#lanes.clear()
      this.#lanes.set(form, (lane = new Map()))
    }
    return lane
  }

  #refresh(kept, { wish, key }, sql, params) {
    kept.refresh = false
    const { statement, bytes, length } = this.#channel.packed(sql, params)
    this.#channel.native.refresh(statement.native, bytes, length, wish, key)
  }

  #keep(lane, name, place, known, value) {
    // The memory that both sides have is there from the first result on.
    if (!this.#isOpened) {
      this.#isOpened = true
      this.#front = openFront(this.#channel.native, this.#boundMs)
    }
    this.#front?.keep(lane, name, place, known, value)
  }
}

// What callers want, by its text: they write options as literals, so the same ones come as new objects each time.
const wishes = new Map()

function wishOf(json, wanted, policy) {
  const form = formOf(json, wanted)
  const text = `${form}\n${policy}`
  let wish = wishes.get(text)
  if (wish === undefined) {
    wish = new NativeWish(json, wanted.native, form, policy)
    if (wishes.size >= LIMIT) wishes.clear()
    wishes.set(text, wish)
  }
  return wish
}

function formOf(json, wanted) {
  return `${json ? 'json' : 'rows'} ${wanted.text}`
}

// What tells calls of one form and statement apart, beside their parameters.
function nameOf({ key, tags }, sql) {
  if (typeof sql !== 'string') throw new HegarTypeError('the statement must be a string of SQL')
  if (key === null && tags.length === 0) return sql
  return JSON.stringify([key, tags, sql])
}

module.exports = { Cached }
