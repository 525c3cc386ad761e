'use strict'

const { give } = require('./answer.js')
const { capture } = require('./capture.js')
const { directivesOf } = require('./fields.js')
const { Fill } = require('./fill.js')
const { giveHit, goPast, HIT, STALE } = require('./hit.js')
const { lookUp, suitsStale } = require('./look-up.js')

const COLLAPSED = 'hegar; fwd=uri-miss; collapsed'
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
  #isPassed = false
  #key
  /** One that is past its time. */
  #older
  #flight = null
  #fill = null
  #conditions = null

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
    const { headers } = this.#req
    const older = this.#older.answer
    if (this.#route.isStandard && headers['cache-control'] !== undefined) {
      if (older !== null && suitsStale(older, headers, now)) return this.#give(older, now, STALE)
      const control = directivesOf(headers['cache-control'])
      if (control.has('only-if-cached')) return this.#refuse()
      if (control.has('no-store')) return this.#goPast('no-store')
    }
    if (PRECONDITIONS.some((name) => headers[name] !== undefined)) return this.#goPast('precondition')
    const flight = this.#flights.of(this.#key)
    if (flight === null) return this.#run(now)
    // Nothing will come of it that others can be given.
    if (flight.isVain) return this.#goPast(flight.why)
    if (older !== null && now < older.stale) return this.#give(older, now, STALE)
    if (!this.#store.isQuiet(flight.places, flight.since)) return this.#run(now)
    this.#store.counts.collapsed++
    const landed = (result) => this.#safely(() => this.#landed(result))
    return this.#flights.wait(flight, this.#res, landed)
  }

  /** The one that was waited for has its answer, or there is none to be shared. */
  #landed({ answer, why }) {
    if (this.#isAnswered()) return
    const now = performance.now()
    if (answer?.matches(this.#req.headers)) {
      this.#give(answer, now, COLLAPSED)
    } else if (answer === null && why !== null) {
      // Without an answer each asks for itself;
      this.#goPast(why)
    } else {
      // with one for other fields of the request, it is as if nobody had asked.
      this.#older.answer = null
      const found = lookUp(this.#route, this.#store, this.#key, this.#req.headers, now, this.#older)
      if (found === null) this.begin(now)
      else this.#give(found, now, HIT)
    }
  }

  // Somebody else may have answered meanwhile, such as a middleware for requests that take too long.
  #isAnswered() {
    return this.#res.headersSent || this.#res.destroyed
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

  #goPast(why) {
    goPast(this.#res, this.#store, why, () => this.#goOn())
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
    store.counts.misses++
    // The body of an answer to HEAD is not there to be kept.
    if (this.#req.method === 'HEAD') return this.#goOn()
    const fill = new Fill(store, this.#route, this.#req, this.#key, now)
    this.#fill = fill
    this.#flight = this.#flights.begin(this.#key, store.placesOf(fill.marks), fill.since)
    // What other processes have is as old as what there is here.
    if (!store.hasOthers || this.#older.answer !== null) return this.#ask(0)
    const found = (what) => this.#safely(() => this.#found(what))
    return store
      .find(this.#route.remoteKey(this.#key), fill.marks, this.#route.waitMs)
      .then(found, () => found(0))
  }

  /** What other processes have, or the right to make it for them too. */
  #found(what) {
    const lead = typeof what === 'number' ? what : 0
    const answer = typeof what === 'number' ? null : this.#unpacked(what)
    if (answer === null) return this.#isAnswered() ? this.#leave(lead) : this.#ask(lead)
    this.#store.counts.remoteHits++
    this.#flights.end(this.#flight, { answer, why: null })
    return this.#isAnswered() ? undefined : this.#give(answer, performance.now(), HIT)
  }

  /** The handler need not be run for nobody: those who wait do it for themselves. */
  #leave(lead) {
    if (lead !== 0) this.#store.abandon(lead)
    this.#flights.end(this.#flight, { answer: null, why: null })
  }

  #unpacked(bytes) {
    try {
      const answer = this.#fill.unpack(bytes)
      return answer?.matches(this.#req.headers) ? answer : null
    } catch (error) {
      this.#store.counts.failed(error)
      return null
    }
  }

  /** Runs the handler, with what it answers on its way through here. */
  #ask(lead) {
    const res = this.#res
    this.#fill.start({ ...res.getHeaders() }, lead)
    this.#hideConditions()
    // The handler may go on, and others need not wait for what nobody reads.
    const onClose = () => {
      this.#fill.giveBack()
      this.#flights.end(this.#flight, { answer: null, why: null })
    }
    const onWhole = (whole, pass) => {
      res.off('close', onClose)
      this.#showConditions()
      return this.#answered(whole, pass)
    }
    const onOther = (why) => {
      res.off('close', onClose)
      this.#showConditions()
      this.#giveUp(why)
    }
    capture(res, this.#store.maxEntryBytes, onWhole, onOther)
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

  /** The handler has answered: in its place, or as it was by `pass`. */
  #answered(whole, pass) {
    let answer = null
    let why = 'failure'
    try {
      ;({ answer, why } = this.#fill.judge(whole, this.#older.answer))
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

  #giveUp(why) {
    this.#fill.giveBack()
    this.#store.counts.refuse(why)
    this.#flights.vain(this.#flight, why)
  }

  #say(what) {
    if (!this.#res.headersSent && !this.#res.hasHeader('Cache-Status'))
      this.#res.setHeader('Cache-Status', what)
  }

  #send(answer, whole) {
    const res = this.#res
    if (this.#route.front !== null) this.#cache.aliases.add(this.#route, this.#req, this.#key)
    const form = answer.formFor(this.#req.headers, this.#store)
    for (const name of this.#fill.namesSet(whole)) {
      // Where it has been removed Node would send in chunks.
      if (name !== 'content-length') res.removeHeader(name)
    }
    res.setHeader('Content-Length', form.body.length)
    if (whole.callback) res.once('finish', whole.callback)
    const onItsWay = this.#onItsWay(answer, form)
    give(this.#req, res, answer, onItsWay, performance.now(), this.#says(answer, whole))
  }

  // Who compresses answers behind us sends other bytes than these under the tag.
  #onItsWay(answer, form) {
    const tag = answer.weakTag
    if (tag === null || !form.isIdentity || this.#req.headers['accept-encoding'] === undefined) return form
    const head = form.head.map((field, at) => (form.head[at - 1] === 'ETag' ? tag : field))
    return { ...form, tag, head }
  }

  #says(answer, { status }) {
    const older = this.#older.answer
    if (answer === older && status === 304) return 'hegar; fwd=stale; fwd-status=304'
    if (answer === older) return `hegar; fwd=stale; fwd-status=${status}; detail=grace`
    return `hegar; fwd=${older === null ? 'uri-miss' : 'stale'}${answer.number > 0 ? '; stored' : ''}`
  }

  #restore({ status, headers, names }) {
    for (const name of this.#res.getHeaderNames()) this.#res.removeHeader(name)
    for (const [name, value] of Object.entries(headers)) this.#res.setHeader(names.get(name) ?? name, value)
    this.#res.statusCode = status
  }
}

module.exports = { Miss }
