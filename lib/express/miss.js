'use strict'

const { Answer, give } = require('./answer.js')
const { capture } = require('./capture.js')
const { isCompressible } = require('./encodings.js')
const { directivesOf } = require('./fields.js')
const { judge } = require('./freshness.js')
const { giveHit, goPast, HIT, STALE } = require('./hit.js')
const { pathOf } = require('./key.js')
const { lookUp, suitsStale } = require('./look-up.js')
const { entityTagOf } = require('./store.js')
const wire = require('./wire.js')

const COLLAPSED = 'hegar; fwd=uri-miss; collapsed'
// Each is looked at for every hit.
const MOST_KEYS = 64
const CONDITIONS = ['if-none-match', 'if-modified-since']
// Those are between the client and the handler.
const PRECONDITIONS = ['if-match', 'if-unmodified-since']

/** A request for which there is nothing to be given at once: it waits for another's answer, or has the handler run. */
class Miss {
  #cache
  #route
  #store
  #flights
  #req
  #res
  #next
  #key
  /** One that is past its time. */
  #older
  #flight = null
  #lead = 0
  #conditions = null
  #before
  #began
  #since
  #isPassed = false

  /** `cache` is `{store, flights, aliases}`, `older` what `lookUp` found besides. */
  constructor(cache, route, req, res, next, key, older) {
    this.#cache = cache
    this.#route = route
    this.#store = cache.store
    this.#flights = cache.flights
    this.#req = req
    this.#res = res
    this.#next = next
    this.#key = key
    this.#older = older
  }

  begin(now) {
    const store = this.#store
    const { headers } = this.#req
    const older = this.#older.answer
    if (this.#route.isStandard && headers['cache-control'] !== undefined) {
      if (older !== null && suitsStale(older, headers, now)) return this.#give(older, now, STALE)
      const control = directivesOf(headers['cache-control'])
      if (control.has('only-if-cached')) return this.#refuse()
      if (control.has('no-store')) return goPast(this.#res, store, 'no-store', () => this.#goOn())
    }
    if (PRECONDITIONS.some((name) => headers[name] !== undefined)) {
      return goPast(this.#res, store, 'precondition', () => this.#goOn())
    }
    const flight = this.#flights.of(this.#key)
    if (flight === null) return this.#run(now)
    // Nothing will come of it that others can be given.
    if (flight.isVain) return goPast(this.#res, store, flight.why, () => this.#goOn())
    if (older !== null && now < older.stale) return this.#give(older, now, STALE)
    if (!store.isQuiet(flight.places, flight.since)) return this.#run(now)
    store.counts.collapsed++
    return this.#flights.wait(flight, this.#res, (result) => this.#safely(() => this.#landed(result)))
  }

  /** The one that was waited for has its answer, or there is none to be shared. */
  #landed({ answer, why }) {
    // Somebody else has answered meanwhile, such as a middleware for requests that take too long.
    if (this.#res.headersSent || this.#res.destroyed) return
    const now = performance.now()
    if (answer?.matches(this.#req.headers)) {
      this.#give(answer, now, COLLAPSED)
    } else if (answer === null && why !== null) {
      // Without an answer each asks for itself;
      goPast(this.#res, this.#store, why, () => this.#goOn())
    } else {
      // with one for other fields of the request, it is as if nobody had asked.
      this.#older.answer = null
      const found = lookUp(this.#route, this.#store, this.#key, this.#req.headers, now, this.#older)
      if (found === null) this.begin(now)
      else this.#give(found, now, HIT)
    }
  }

  // Called by others, who must not suffer from what happens to this one. Whatever becomes of the cache, there is a handler.
  #safely(work) {
    try {
      work()
    } catch (error) {
      if (this.#isPassed) throw error
      this.#store.counts.failed(error)
      if (!this.#res.headersSent) this.#goOn()
    }
  }

  #goOn() {
    this.#isPassed = true
    this.#next()
  }

  #give(answer, now, says) {
    giveHit(this.#cache, this.#route, this.#req, this.#res, this.#key, answer, now, says)
  }

  #refuse() {
    this.#store.counts.misses++
    this.#res.statusCode = 504
    this.#res.setHeader('Cache-Status', 'hegar; detail=only-if-cached')
    this.#res.end()
  }

  #run(now) {
    const store = this.#store
    const { method } = this.#req
    store.counts.misses++
    // The body of an answer to HEAD is not there to be kept.
    if (method === 'HEAD') return this.#goOn()
    const marks = [...this.#route.marksOf(this.#req, this.#key), `u:${pathOf(this.#req)}`]
    this.#since = store.sequence
    this.#flight = this.#flights.begin(this.#key, store.placesOf(marks), this.#since)
    this.#began = now
    if (!store.hasOthers || this.#older.answer !== null) return this.#ask(marks)
    return this.#askOthers(marks)
  }

  #askOthers(marks) {
    const store = this.#store
    const found = (what) => this.#safely(() => this.#found(what, marks))
    store.find(this.#route.remoteKey(this.#key), marks, this.#route.waitMs).then(found, () => found(0))
  }

  /** What other processes have, or the right to make it for them too. */
  #found(what, marks) {
    const store = this.#store
    if (typeof what === 'number') {
      this.#lead = what
      this.#since = store.sequence
      return this.#ask(marks)
    }
    const answer = this.#unpack(what, marks)
    if (answer === null || !answer.matches(this.#req.headers)) return this.#ask(marks)
    store.counts.remoteHits++
    this.#flights.end(this.#flight, { answer, why: null })
    if (!this.#res.headersSent && !this.#res.destroyed) this.#give(answer, performance.now(), HIT)
    return undefined
  }

  #unpack(found, marks) {
    try {
      const read = wire.unpack(found)
      if (read === null) return null
      const answer = this.#answerOf(read.whole, read.before, read.tag, read.request)
      const now = performance.now()
      this.#time(answer, now, { lifetimeMs: read.freshMs, ageMs: 0, staleMs: 0, graceMs: 0, isStrict: true })
      answer.born = now - read.ageMs
      // Its fields from before the handler were for somebody else's request.
      answer.isForFront = answer.frontSelectors.length === 0
      this.#enter(answer, marks, read.since)
      return answer
    } catch {
      return null
    }
  }

  /** Runs the handler, with what it answers on its way through here. */
  #ask(marks) {
    const res = this.#res
    const flight = this.#flight
    this.#before = { ...res.getHeaders() }
    this.#hideConditions()
    // The handler may go on, and others need not wait for what nobody reads.
    const onClose = () => {
      this.#giveBack()
      this.#flights.end(flight, { answer: null, why: null })
    }
    capture(
      res,
      this.#store.maxEntryBytes,
      (whole, pass) => {
        res.off('close', onClose)
        return this.#answered(whole, marks, pass)
      },
      (why) => {
        res.off('close', onClose)
        this.#showConditions()
        this.#giveUp(why)
      },
    )
    res.once('close', onClose)
    this.#goOn()
  }

  // The handler is to give the whole answer, whatever this client has; and to say whether what is kept is still right.
  #hideConditions() {
    const { headers } = this.#req
    this.#conditions = {}
    for (const name of CONDITIONS) {
      if (headers[name] === undefined) continue
      this.#conditions[name] = headers[name]
      delete headers[name]
    }
    const older = this.#older.answer
    if (older === null) return
    if (older.originTag !== null) headers['if-none-match'] = older.originTag
    if (older.changed !== null) headers['if-modified-since'] = older.changed
  }

  #showConditions() {
    const { headers } = this.#req
    for (const name of CONDITIONS) delete headers[name]
    Object.assign(headers, this.#conditions)
  }

  /** The answer of the handler. */
  #answered(whole, marks, pass) {
    this.#showConditions()
    let answer = null
    let why = 'error'
    try {
      ;({ answer, why } = this.#judge(whole, marks))
    } catch (error) {
      this.#store.counts.failed(error)
    }
    if (answer === null) {
      this.#giveUp(why)
      this.#say(`hegar; fwd=${this.#older.answer ? 'stale' : 'uri-miss'}; detail=${why}`)
      return pass()
    }
    this.#flights.end(this.#flight, { answer, why: null })
    try {
      this.#send(answer, whole)
      return this.#res
    } catch (error) {
      this.#store.counts.failed(error)
      if (this.#res.headersSent) return this.#res
      this.#restore(whole)
      return pass()
    }
  }

  #send(answer, whole) {
    const now = performance.now()
    if (this.#route.front !== null) this.#cache.aliases.add(this.#route, this.#req, this.#key)
    const form = answer.formFor(this.#req.headers, this.#store)
    this.#clear(whole, form)
    if (whole.callback) this.#res.once('finish', whole.callback)
    give(this.#req, this.#res, answer, this.#onItsWay(answer, form), now, this.#says(answer, whole))
  }

  #say(what) {
    if (!this.#res.headersSent && !this.#res.hasHeader('Cache-Status'))
      this.#res.setHeader('Cache-Status', what)
  }

  // Who compresses answers behind us sends other bytes than these under the tag.
  #onItsWay(answer, form) {
    const tag = answer.weakTag
    if (tag === null || !form.isIdentity || this.#req.headers['accept-encoding'] === undefined) return form
    const head = form.head.map((field, at) => (form.head[at - 1] === 'ETag' ? tag : field))
    return { ...form, tag, head }
  }

  #says(answer, { status }) {
    if (answer === this.#older.answer) {
      return status === 304
        ? 'hegar; fwd=stale; fwd-status=304'
        : `hegar; fwd=stale; fwd-status=${status}; detail=grace`
    }
    const why = this.#older.answer === null ? 'uri-miss' : 'stale'
    return `hegar; fwd=${why}${answer.number > 0 ? '; stored' : ''}`
  }

  // What the handler set goes, where another answer takes the place of its own. Without a length, once removed, Node would
  // send in chunks.
  #clear({ headers }, { body }) {
    for (const name of Object.keys(headers)) {
      if (this.#before[name] === undefined && name !== 'content-length') this.#res.removeHeader(name)
    }
    this.#res.setHeader('Content-Length', body.length)
  }

  #restore({ status, headers, names }) {
    for (const name of this.#res.getHeaderNames()) this.#res.removeHeader(name)
    for (const [name, value] of Object.entries(headers)) this.#res.setHeader(names.get(name) ?? name, value)
    this.#res.statusCode = status
  }

  /** What becomes of the handler's answer: `{answer, why}`, where `answer` is null if it goes to this client alone. */
  #judge(whole, marks) {
    const older = this.#older.answer
    const { status } = whole
    if (older !== null && status === 304) return { answer: this.#freshened(older, whole, marks), why: null }
    if (older !== null && status >= 500 && performance.now() < older.grace) {
      this.#store.counts.grace++
      return { answer: older, why: null }
    }
    const request = this.#req.headers
    const { headers } = whole
    const verdict = judge({ route: this.#route, request, status, headers, now: Date.now() })
    if (verdict.why !== null) return { answer: null, why: verdict.why }
    const late = namesOf(headers['surrogate-key']).map((name) => `g:${name}`)
    if (late.length > MOST_KEYS) return { answer: null, why: 'surrogate-key' }
    const tag = entityTagOf(whole.body)
    const answer = this.#answerOf(whole, this.#before, tag, request)
    this.#time(answer, this.#began, verdict)
    const kept = this.#enter(answer, [...marks, ...late], this.#since)
    this.#share(kept && late.length === 0, answer, whole, tag)
    return { answer, why: null }
  }

  #answerOf(whole, before, tag, request) {
    const { headers, body } = whole
    const isFree =
      headers['content-encoding'] === undefined && !directivesOf(headers['cache-control']).has('no-transform')
    const { encodings, compressFromBytes, control, vary } = this.#route
    const isOffered =
      isFree && encodings !== null && isCompressible(headers['content-type'], body, compressFromBytes)
    const ownTag = this.#isExpressTag(headers.etag, body) ? undefined : headers.etag
    const offered = isOffered ? encodings : null
    return new Answer({ request, whole, before, tag, ownTag, control, declared: vary, offered })
  }

  // Express makes tags by itself, weak ones; the one that Rust has made of the same bytes says more.
  #isExpressTag(tag, body) {
    if (this.#route.isStandard || typeof tag !== 'string' || !tag.startsWith('W/')) return false
    const make = this.#req.app?.get?.('etag fn')
    return typeof make === 'function' && make(body, 'utf8') === tag
  }

  #time(answer, now, { lifetimeMs, ageMs, staleMs, graceMs, isStrict }) {
    answer.read = now
    answer.born = now - ageMs
    answer.fresh = now + lifetimeMs - ageMs
    answer.stale = answer.fresh + staleMs
    answer.grace = answer.fresh + graceMs
    // As long again it is worth asking the handler whether it is still the same.
    const asked = answer.originTag === null && answer.changed === null ? 0 : Math.max(lifetimeMs, 60_000)
    answer.isStrict = isStrict
    answer.until = Math.max(answer.stale, answer.grace, answer.fresh + asked)
  }

  #enter(answer, marks, since) {
    answer.key = this.#key
    answer.markNames = marks
    answer.since = since
    const outcome = this.#store.keep(answer)
    if (outcome !== 'kept') answer.number = 0
    this.#store.counts[outcome]++
    return outcome === 'kept'
  }

  #freshened(older, whole, marks) {
    const headers = { ...older.headersNow(), ...whole.headers }
    const verdict = judge({
      route: this.#route,
      request: this.#req.headers,
      status: older.status,
      headers,
      now: Date.now(),
    })
    this.#store.counts.revalidated++
    older.freshen(whole)
    if (verdict.why === null) {
      this.#time(older, this.#began, verdict)
      this.#store.drop(older)
      this.#enter(older, marks, this.#since)
    } else {
      this.#store.drop(older)
    }
    this.#giveBack()
    return older
  }

  #share(isShared, answer, whole, tag) {
    const lead = this.#lead
    if (lead === 0) return
    const now = performance.now()
    // What is selected by fields that nobody knew before is found by this process alone.
    const isWhole = isShared && answer.selectors.length === 0
    if (!isWhole || answer.fresh <= now) return this.#giveBack()
    this.#lead = 0
    const packed = wire.pack({ whole, before: this.#before, tag, ageMs: now - answer.born })
    this.#store.share(lead, packed, answer.fresh - now, now - this.#began)
  }

  #giveBack() {
    if (this.#lead !== 0) this.#store.abandon(this.#lead)
    this.#lead = 0
  }

  #giveUp(why) {
    this.#giveBack()
    this.#store.counts.refuse(why)
    this.#flights.vain(this.#flight, why)
  }
}

// The names in a Surrogate-Key.
function namesOf(field) {
  if (field === undefined) return []
  const text = Array.isArray(field) ? field.join(' ') : String(field)
  return text.split(/\s+/).filter((name) => name !== '')
}

module.exports = { Miss }
