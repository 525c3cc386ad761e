'use strict'

const { NativeAnswers } = require('../native.js')
const { HORIZON, SEQUENCE, TICK_MS, offset, seesChanges, wordsOf } = require('../cache/words.js')
const { Channel } = require('../channel.js')
const { completions } = require('../completions.js')
const { Gate } = require('../gate.js')
const { ask } = require('./native-call.js')

// The answers of a cache. Their bytes are here, for Node to send; what they depend on, how much memory there is and what
// other processes have is known in Rust (src/cache/answers.rs), whose memory tells whether one may still be given.

// What an answer takes beside its bytes: fields, key, places in maps and lists.
const OVERHEAD = 2048
// How many answers are looked at for each that is added, so that what may be given no more is soon forgotten.
const SWEPT = 4
// Of one key; each request may have to look at all of them.
const MOST_VARIANTS = 64

class Store {
  #native
  #epochs
  #tokens
  #boundMs
  #gate = new Gate()
  /** The answers of each key, one for each variant, as a list by `next`. */
  #byKey = new Map()
  #all = new Set()
  #sweep = null
  #number = 0
  #isAlone

  /** `pool` is a native pool, or null for a cache that belongs to none; then `alone` says where its Redis is. */
  constructor({ pool, alone, maxBytes, maxEntryBytes, counts }) {
    this.counts = counts
    const native = open(pool, alone, maxBytes)
    this.#native = native
    this.#isAlone = pool === null
    this.maxEntryBytes = maxEntryBytes
    this.#boundMs = native.boundMs()
    this.#epochs = wordsOf(native.epochs())
    this.#tokens = wordsOf(native.tokens())
    this.isShared = seesChanges(this.#epochs, () => native.probe())
    this.hasOthers = native.hasOthers()
  }

  /** The number of the last change of anything. What is read after it is as new as it. */
  get sequence() {
    return this.#epochs[SEQUENCE]
  }

  /** The first of the answers of a key, with the others behind it by `next`, or undefined. */
  first(key) {
    return this.#byKey.get(key)
  }

  /** Whether nothing that the answer depends on has changed, as far as can be known; one that may be given no more goes. */
  isGood(kept, now) {
    const epochs = this.#epochs
    if (this.#tokens[kept.token] === kept.generation) {
      const { marks } = kept
      let at = 0
      while (at < marks.length && epochs[marks[at]] === marks[at + 1]) at += 2
      if (at === marks.length && now < kept.until) {
        // Others can not be heard of: then it is good for a while after it was read.
        const heard = epochs[HORIZON] * TICK_MS + offset
        return now < heard || now < kept.read + this.#boundMs
      }
    }
    this.drop(kept)
    return false
  }

  /** It was used, and is to be spared when room is needed. */
  use(kept) {
    this.#tokens[kept.token + 1] = 1
  }

  /** Whether nothing with these marks has changed after the change with the number `since`. */
  isQuiet(marks, since) {
    const epochs = this.#epochs
    // As in Rust: numbers go round, and half of them are before.
    const isOlder = (place) => (since - epochs[place]) >>> 0 < 2 ** 31
    return isOlder(0) && this.#native.places(marks).every(isOlder)
  }

  /**
   * Keeps an answer, `{key, selects, markNames, since, until, read, forms, ...}`, in place of those that are selected as it
   * is; beside them while it is pending. Gives 'kept', 'fenced' if something it depends on has changed since, or 'tooLarge'.
   */
  keep(answer) {
    const bytes = weightOf(answer)
    if (bytes > this.maxEntryBytes) return 'tooLarge'
    if (this.#hasNewer(answer)) return 'fenced'
    answer.number = ++this.#number
    const words = this.#native.hold(answer.number, bytes, answer.markNames, answer.since)
    if (words === null) return 'fenced'
    this.#hold(answer, words)
    this.#enlist(answer)
    this.#all.add(answer)
    this.#sweepSome()
    return 'kept'
  }

  // In front of the others of its key.
  #enlist(answer) {
    answer.next = this.#byKey.get(answer.key) ?? null
    this.#byKey.set(answer.key, answer)
    if (!answer.isPending) this.#trim(answer)
  }

  /** An answer that was pending takes the place of those before it, if it was not overtaken. */
  release(answer) {
    answer.isPending = false
    if (!this.#all.has(answer)) return
    if (this.#hasNewer(answer)) this.drop(answer)
    else this.#trim(answer)
  }

  #trim(answer) {
    let count = 1
    for (let other = this.#byKey.get(answer.key) ?? null; other !== null;) {
      const { next } = other
      if (other !== answer && !other.isPending && (other.selects(answer) || ++count > MOST_VARIANTS)) {
        this.drop(other)
      }
      other = next
    }
  }

  // One that was begun later, while the handler of this one took its time.
  #hasNewer(answer) {
    for (let other = this.#byKey.get(answer.key) ?? null; other !== null; other = other.next) {
      if (other.read > answer.read && other.selects(answer)) return true
    }
    return false
  }

  /** Adds a form of an answer's body, if there is room for it. */
  addForm(answer, coding, form) {
    if (!this.#all.has(answer)) return
    answer.forms[coding] = form
    const bytes = weightOf(answer)
    if (bytes > this.maxEntryBytes) {
      delete answer.forms[coding]
      return
    }
    this.counts.variants++
    const words = this.#native.hold(answer.number, bytes, answer.markNames, answer.since)
    if (words === null) this.drop(answer)
    else this.#hold(answer, words)
  }

  #hold(answer, words) {
    answer.token = words[0] * 2
    answer.generation = words[1]
    answer.marks = words.subarray(2)
  }

  drop(kept) {
    if (!this.#all.has(kept)) return
    const first = this.#byKey.get(kept.key)
    if (first === kept) {
      if (kept.next === null) this.#byKey.delete(kept.key)
      else this.#byKey.set(kept.key, kept.next)
    } else {
      let before = first
      while (before.next !== kept) before = before.next
      before.next = kept.next
    }
    this.#forget(kept)
  }

  #forget(kept) {
    this.#all.delete(kept)
    this.#native.forget(kept.number)
  }

  #sweepSome() {
    const now = performance.now()
    for (let looked = 0; looked < SWEPT; looked++) {
      this.#sweep ??= this.#all.values()
      const { done, value } = this.#sweep.next()
      if (done) {
        this.#sweep = null
        return
      }
      this.isGood(value, now)
    }
  }

  /** What other processes have for a key: a Buffer, the number of the right to make it, or 0. */
  find(key, marks, patienceMs) {
    return ask(this.#gate, (number) => this.#native.find(number, key, marks, patienceMs))
  }

  /** Gives others what was made by that right. */
  share(lead, bytes, freshMs, costMs) {
    this.#native.store(lead, bytes, freshMs, costMs)
  }

  abandon(lead) {
    this.#native.abandon(lead)
  }

  /** What depends on these has changed. Resolves when other processes can know. */
  async invalidate(marks) {
    await ask(this.#gate, (number) => this.#native.invalidate(number, marks))
  }

  bump(marks) {
    this.#native.bump(marks)
  }

  stats() {
    return JSON.parse(this.#native.stats())
  }

  async close() {
    for (const kept of [...this.#all]) this.drop(kept)
    // The pool's own connection goes with the pool.
    if (this.#isAlone) await ask(this.#gate, (number) => this.#native.close(number))
  }
}

function open(pool, alone, maxBytes) {
  try {
    return new NativeAnswers(pool, JSON.stringify(alone), maxBytes, completions)
  } catch (error) {
    throw Channel.thrown(error)
  }
}

function weightOf({ key, forms, markNames, selectors, frontSelectors, outerFields }) {
  let bytes = OVERHEAD + key.length * 2
  const add = (value) => (bytes += 16 + String(value).length)
  for (const list of [markNames, selectors, frontSelectors, outerFields.flat(2)]) list.forEach(add)
  for (const { body, text, head } of Object.values(forms)) {
    bytes += body.length + (text?.length ?? 0)
    // Also as the front has it.
    for (const value of head.flat()) bytes += 2 * (16 + String(value).length)
  }
  return bytes
}

module.exports = { Store }
