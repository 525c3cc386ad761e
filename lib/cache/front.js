'use strict'

const { isDate, isProxy } = require('node:util/types')
const { HORIZON, TICK_MS, offset, seesChanges, wordsOf } = require('./words.js')

// Results that this thread was given and may give again without asking Rust: a call into it costs more than all of this.
// Whether a result is still what it was is read from memory that both sides have: the epochs of what it depends on
// (src/cache/epochs.rs), and the token by which Rust says that it was forgotten (src/cache/memory.rs).

// Longer ones are not worth comparing, and Rust finds the result as well.
const LONGEST_KEY = 1024
// An early refresh is thought of from so many times the cost of a load before the end on; earlier it has a chance of one
// in three thousand.
const EARLY = 8
// How many results are looked at for each that is added, so that what Rust forgot is soon forgotten here.
const SWEPT = 4
const MAX_PREFIXES = 128

class Front {
  #epochs
  #tokens
  /** Hits by the number of their prefix, and of these the stale ones, since they were told last. */
  #hits = new Float64Array(MAX_PREFIXES * 2)
  /** What there is, in the order in which it is swept. */
  #kept = new Set()
  #sweep = null
  #boundMs

  /**
   * `epochs` and `tokens` are words that Rust writes to. `boundMs` is how long a result is given while others
   * can not be heard of.
   */
  constructor(epochs, tokens, boundMs) {
    this.#boundMs = boundMs
    this.#epochs = epochs
    this.#tokens = tokens
  }

  /** The result kept in `lane` for these parameters, if it may be given; `refresh` is set on one that is due. */
  find(lane, sql, params) {
    const family = lane.get(sql)
    if (family === undefined) return undefined
    const kept = family.find(params)
    if (kept === undefined) return undefined
    const now = performance.now() - offset
    if (!this.#isGood(kept, now)) {
      // One whose time is over may have been replaced in Rust, or may still be of grace there.
      this.#drop(kept)
      return undefined
    }
    this.#tokens[kept.token + 1] = 1
    this.#hits[kept.prefix]++
    if (now >= kept.fresh) this.#hits[kept.prefix + 1]++
    if (now >= kept.early) judge(kept, now)
    return kept
  }

  #isGood(kept, now) {
    const epochs = this.#epochs
    if (now >= kept.stale || this.#tokens[kept.token] !== kept.generation) return false
    const { marks } = kept
    for (let at = 0; at < marks.length; at += 2) if (epochs[marks[at]] !== marks[at + 1]) return false
    return now < epochs[HORIZON] * TICK_MS || now < kept.read + this.#boundMs
  }

  /**
   * Keeps `value` in `lane` at a place that `placeOf` gave; `known` are the doubles that src/binding/delivery.rs writes in
   * `keep`.
   */
  keep(lane, sql, place, known, value) {
    let family = lane.get(sql)
    if (family === undefined) lane.set(sql, (family = new Family()))
    const [index, generation, fresh, stale, took, read, prefix] = known
    const map = family.mapOf(place)
    const kept = {
      value,
      promise: null,
      token: index * 2,
      generation,
      fresh,
      stale,
      took,
      read,
      early: fresh - took * EARLY,
      prefix: Math.min(prefix, MAX_PREFIXES - 1) * 2,
      marks: known.slice(7),
      refresh: false,
      lane,
      sql,
      family,
      map,
      key: place.key,
    }
    const before = map.get(place.key)
    if (before !== undefined) this.#kept.delete(before)
    map.set(place.key, kept)
    this.#kept.add(kept)
    this.#sweepSome()
  }

  #sweepSome() {
    const now = performance.now() - offset
    for (let looked = 0; looked < SWEPT; looked++) {
      this.#sweep ??= this.#kept.values()
      const { done, value } = this.#sweep.next()
      if (done) {
        this.#sweep = null
        return
      }
      if (!this.#isGood(value, now)) this.#drop(value)
    }
  }

  #drop(kept) {
    this.#kept.delete(kept)
    const { map, key, family, lane, sql } = kept
    if (map.get(key) === kept) map.delete(key)
    if (family.isEmpty && lane.get(sql) === family) lane.delete(sql)
  }

  /** Takes the hits that have not been told: pairs of all and stale ones by prefix, or null for none. */
  takeHits() {
    const hits = this.#hits
    if (hits.every((count) => count === 0)) return null
    this.#hits = new Float64Array(MAX_PREFIXES * 2)
    return hits
  }
}

// Whether somebody should load it again: who has it stale, and by chance some before (as in src/engine/cached.rs).
function judge(kept, now) {
  if (now - kept.took * Math.log(Math.random()) < kept.fresh) return
  kept.refresh = true
  // The next one waits for a while; this one's result takes the place of what there is.
  kept.early = now + Math.max(kept.took, 10)
}

/** The results of one statement by its parameters. */
class Family {
  /** By the value of a single parameter. */
  #one = new Map()
  /** By all of them as one text. */
  #many = new Map()

  get isEmpty() {
    return this.#one.size === 0 && this.#many.size === 0
  }

  find(params) {
    if (Array.isArray(params) && params.length === 1 && isSingle(params[0])) return this.#one.get(params[0])
    const text = textOf(params)
    return text === null ? undefined : this.#many.get(text)
  }

  mapOf({ isSingle }) {
    return isSingle ? this.#one : this.#many
  }
}

/**
 * Where the result for these parameters has its place, or null if they are not compared here. Taken when a call is made:
 * the caller may change the parameters before it ends.
 */
function placeOf(params) {
  if (Array.isArray(params) && params.length === 1 && isSingle(params[0])) {
    return { isSingle: true, key: params[0] }
  }
  const key = textOf(params)
  return key === null ? null : { isSingle: false, key }
}

// Whether a value is found in a Map as the server would find it: zero has two signs, which a Map does not tell apart.
function isSingle(value) {
  if (typeof value === 'number') return value !== 0
  return typeof value === 'string' && value.length <= LONGEST_KEY
}

function isPlainDate(date) {
  return Object.getPrototypeOf(date) === Date.prototype && Object.getOwnPropertyNames(date).length === 0
}

// Parameters as a text that no others have, or null for such as are not compared here. Each value begins with its type
// and a text with its length.
function textOf(params) {
  if (params === undefined || params === null) return ''
  if (Array.isArray(params)) return listText(params)
  if (typeof params !== 'object' || isProxy(params)) return null
  let text = '{'
  // All that the parameters are read from, whether they are enumerable or not.
  for (const name of Object.getOwnPropertyNames(params).sort()) {
    const given = params[name]
    const list = Array.isArray(given) ? listText(given, true) : null
    const value = list === null ? valueText(given) : `[${list}]`
    if (value === null) return null
    text += `${name.length}:${name}=${value}`
    if (text.length > LONGEST_KEY) return null
  }
  return text
}

function listText(values, isNested = false) {
  let text = ''
  // By index, as the parameters are read: an array may have an iterator of its own.
  for (let at = 0; at < values.length; at++) {
    const value = values[at]
    // A list for IN; deeper ones are refused.
    const isList = Array.isArray(value) && !isNested
    const one = isList ? listText(value, true) : valueText(value)
    if (one === null) return null
    text += isList ? `[${one}]` : one
    if (text.length > LONGEST_KEY) return null
  }
  return text
}

function valueText(value) {
  switch (typeof value) {
    case 'string':
      return `s${value.length}:${value}`
    case 'number':
      return Object.is(value, -0) ? null : `n${value};`
    case 'boolean':
      return value ? 't' : 'f'
    case 'bigint':
      return `i${value};`
    case 'object':
      if (value === null) return '_'
      // As the parameters are read: others may have methods of their own.
      return isDate(value) && isPlainDate(value) ? `d${value.getTime()};` : null
    default:
      return null
  }
}

/**
 * Opens the front of a pool; null where the memory can not be shared, as in runtimes that copy what native code lends, and
 * everything has to be asked of Rust.
 */
function openFront(native, boundMs) {
  const epochs = wordsOf(native.cacheEpochs())
  const tokens = native.cacheTokens()
  if (tokens === null || !seesChanges(epochs, () => native.cacheProbe())) return null
  return new Front(epochs, wordsOf(tokens), boundMs)
}

module.exports = { openFront, placeOf }
