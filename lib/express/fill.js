'use strict'

const { entityTagOf } = require('../native.js')
const { Answer } = require('./answer.js')
const { isCompressible } = require('./encodings.js')
const { directivesOf, namesIn, same } = require('./fields.js')
const { judge } = require('./freshness.js')
const { pathMark } = require('./key.js')
const wire = require('./wire.js')

// Each is looked at for every hit.
const MOST_KEYS = 64
// For so long after its time, or for its lifetime again, it is worth asking a handler whether an answer is still the same.
const ASKED_MS = 60_000

// What others may add to Cache-Control when the head is made, so that an answer is not for everybody.
const RESTRICTIONS = ['private', 'no-store', 'no-cache']

/** What becomes of the answer for one key: what is kept of a handler's, and what is given to other processes. */
class Fill {
  #store
  #route
  #req
  #key
  /** What the answer depends on, as far as it is known before it is there. */
  marks
  /** The number of the last change of anything before the handler was run. */
  since
  #began
  /** The headers that were there before the handler. */
  #before = {}
  /** The right to make the answer for other processes too; 0 for none. */
  #lead = 0
  #tag = ''
  #isShared = false

  constructor(store, route, req, key, now) {
    this.#store = store
    this.#route = route
    this.#req = req
    this.#key = key
    this.#began = now
    this.marks = [...route.marksOf(req, key), pathMark(req.originalUrl ?? req.url)]
    this.since = store.sequence
  }

  /** The handler is run next. */
  start(before, lead) {
    this.#before = before
    this.#lead = lead
    this.#began = performance.now()
    this.since = this.#store.sequence
  }

  /** The headers that the handler has set, without those that were there before it. */
  own({ headers }) {
    return Object.fromEntries(
      Object.entries(headers).filter(([name, value]) => !same(value, this.#before[name])),
    )
  }

  /**
   * What becomes of the handler's answer: `{answer, why}`. Without an `answer` the handler's goes to this client as it is;
   * with a `why` it goes to nobody else. `older` is one past its time, or null. A new answer is pending until `settle`.
   */
  judge(whole, older) {
    const { status, headers, body } = whole
    if (older !== null && status === 304) return this.#freshened(older, whole)
    if (older !== null && status >= 500 && this.#isOfGrace(older)) {
      this.#store.counts.grace++
      return { answer: older, why: null }
    }
    const verdict = this.#judge(status, headers)
    if (verdict.why !== null) return { answer: null, why: verdict.why }
    const late = namesOf(headers['surrogate-key']).map((name) => `g:${name}`)
    if (late.length > MOST_KEYS) return { answer: null, why: 'surrogate-key' }
    this.#tag = entityTagOf(body)
    const answer = this.#answerOf(whole, this.#before, this.#tag, this.#req.headers)
    this.#time(answer, verdict)
    answer.isPending = true
    const outcome = this.#keep(answer, [...this.marks, ...late], this.since)
    // What others can not know before they have it is found by this process alone.
    this.#isShared = outcome === 'kept' && late.length === 0 && answer.selectors.length === 0
    return { answer, why: null }
  }

  /**
   * The head of the first client's answer has been made: others may have the answer, unless something was added to it that
   * keeps it from them. Gives why.
   */
  settle(answer, whole, head) {
    const control = directivesOf(head['cache-control'])
    const restrictions = RESTRICTIONS.filter((name) => control.has(name))
    const headers = { ...whole.headers, 'set-cookie': head['set-cookie'] }
    if (restrictions.length > 0) {
      headers['cache-control'] = [whole.headers['cache-control'] ?? [], restrictions].flat()
    }
    const { why: judged } = this.#judge(whole.status, headers)
    const why = judged ?? (this.#variesByMore(whole, head) ? 'vary' : null)
    if (why !== null) {
      this.#store.drop(answer)
      return why
    }
    this.#store.release(answer)
    if (this.#isShared) this.#share(answer, whole, this.#tag)
    return answer.isFenced ? 'fenced' : null
  }

  // By what nobody knew when it was chosen what the answer is for.
  #variesByMore({ headers }, head) {
    const known = new Set([...namesIn(headers.vary), ...this.#route.vary, 'accept-encoding'])
    return namesIn(head.vary).some((name) => !known.has(name))
  }

  #judge(status, headers) {
    return judge({ route: this.#route, request: this.#req.headers, status, headers, now: Date.now() })
  }

  #isOfGrace(older) {
    const now = performance.now()
    return now < older.grace && this.#store.isGood(older, now)
  }

  #freshened(older, whole) {
    const own = this.own(whole)
    const verdict = this.#judge(older.status, { ...older.headersNow(), ...own })
    this.#store.counts.revalidated++
    this.#store.drop(older)
    older.freshen(own, whole.names)
    // Then it is for this client alone.
    if (verdict.why !== null) return { answer: older, why: verdict.why }
    this.#time(older, verdict)
    const late = namesOf(own['surrogate-key']).map((name) => `g:${name}`)
    const marks = new Set([...older.markNames, ...late])
    const outcome = this.#keep(older, [...marks], this.since)
    return { answer: older, why: outcome === 'fenced' ? 'fenced' : null }
  }

  /** The answer that another process has made, from its bytes; null for bytes that are none. */
  unpack(bytes) {
    const { whole, before, tag, request, ageMs, freshMs, since } = wire.unpack(bytes) ?? {}
    if (whole === undefined) return null
    const answer = this.#answerOf(whole, before, tag, request)
    // Read no later than it was asked for.
    this.#time(answer, { lifetimeMs: freshMs + ageMs, ageMs, staleMs: 0, graceMs: 0, isStrict: true })
    // Its fields from before the handler were for somebody else's request.
    answer.isForFront = answer.frontSelectors.length === 0
    this.#keep(answer, this.marks, since)
    return answer
  }

  #answerOf(whole, before, tag, request) {
    const { headers, body } = whole
    const { encodings, compressFromBytes, control, vary } = this.#route
    const isFree =
      headers['content-encoding'] === undefined && !directivesOf(headers['cache-control']).has('no-transform')
    const isOffered =
      isFree && encodings !== null && isCompressible(headers['content-type'], body, compressFromBytes)
    const ownTag = this.#isExpressTag(headers.etag, body) ? undefined : headers.etag
    const offered = isOffered ? encodings : null
    const { isStandard } = this.#route
    return new Answer({ request, whole, before, tag, ownTag, control, declared: vary, offered, isStandard })
  }

  // Express makes tags by itself, weak ones; the one that Rust has made of the same bytes says more.
  #isExpressTag(tag, body) {
    if (this.#route.isStandard || typeof tag !== 'string' || !tag.startsWith('W/')) return false
    const make = this.#req.app?.get?.('etag fn')
    return typeof make === 'function' && make(body, 'utf8') === tag
  }

  #time(answer, { lifetimeMs, ageMs, staleMs, graceMs, isStrict }) {
    const began = this.#began
    answer.read = began
    answer.born = began - ageMs
    answer.fresh = answer.born + lifetimeMs
    answer.stale = answer.fresh + staleMs
    answer.grace = answer.fresh + graceMs
    answer.isStrict = isStrict
    const hasValidator = answer.originTag !== null || answer.changed !== null
    const asked = hasValidator ? Math.max(lifetimeMs, ASKED_MS) : 0
    answer.until = Math.max(answer.stale, answer.grace, answer.fresh + asked)
  }

  #keep(answer, marks, since) {
    answer.key = this.#key
    answer.markNames = marks
    answer.since = since
    const outcome = this.#store.keep(answer)
    if (outcome !== 'kept') answer.number = 0
    answer.isFenced = outcome === 'fenced'
    this.#store.counts[outcome]++
    return outcome
  }

  #share(answer, whole, tag) {
    const now = performance.now()
    if (this.#lead === 0 || answer.fresh <= now) return
    const packed = wire.pack({ whole, before: this.#before, tag, ageMs: now - answer.born })
    this.#store.share(this.#lead, packed, answer.fresh - now, now - this.#began)
    this.#lead = 0
  }

  /** Whoever waits for the answer in other processes makes it. */
  giveBack() {
    if (this.#lead !== 0) this.#store.abandon(this.#lead)
    this.#lead = 0
  }
}

// The names in a Surrogate-Key.
function namesOf(field) {
  if (field === undefined) return []
  const text = Array.isArray(field) ? field.join(' ') : String(field)
  return text.split(/\s+/).filter((name) => name !== '')
}

module.exports = { Fill }
