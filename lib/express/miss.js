'use strict'

const { capture, headersOf } = require('./capture.js')
const { directivesOf } = require('./fields.js')
const { Fill } = require('./fill.js')
const { give, isUnchanged } = require('./give.js')
const { giveHit, goPast, WATCHER, HIT, STALE } = require('./hit.js')
const { remoteKey } = require('./key.js')
const { lookUp, suitsStale } = require('./look-up.js')

const COLLAPSED = 'hegar; fwd=uri-miss; collapsed'
const CONDITIONS = ['if-none-match', 'if-modified-since']
// Those are between the client and the handler.
const PRECONDITIONS = ['if-match', 'if-unmodified-since']

// Of what a handler has set: the matter of its connection. Where the length has been removed Node would send in chunks.
const IS_LEFT = new Set(['connection', 'keep-alive', 'content-length'])

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
  /** Until when it waits for others. */
  #deadline = 0
  #flight = null
  #fill = null
  #capture = null
  #conditions = null
  /** The client has left while the handler was at it. */
  #hasLeft = false
  /** The answer that is on its way to the first client. */
  #pending = null

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
    // One that watches already leaves the rest to the one that is nearer to the handler.
    this.#req[WATCHER]?.yieldToInner()
    const { headers } = this.#req
    const older = this.#older.answer
    if (this.#route.isStandard && headers['cache-control'] !== undefined) {
      if (older !== null && suitsStale(older, headers, now)) return this.#give(older, now, STALE)
      const control = directivesOf(headers['cache-control'])
      if (control.has('only-if-cached')) return this.#refuse()
      if (control.has('no-store')) return this.#goPast('no-store')
    }
    if (PRECONDITIONS.some((name) => headers[name] !== undefined)) return this.#goPast('precondition')
    this.#deadline = now + this.#flights.waitMs
    return this.#join(now)
  }

  /** Waits for the one who has the handler run, if there is one whose answer will be as new as this request. */
  #join(now) {
    const flights = this.#flights
    const key = this.#flightKey()
    const flight = flights.of(key, now)
    if (flight === null) return this.#run(now, key, flights.isVain(key, now))
    const older = this.#older.answer
    if (older !== null && now < older.stale) return this.#give(older, now, STALE)
    if (!this.#store.isQuiet(flight.marks, flight.since)) return this.#run(now, key, false)
    this.#store.counts.collapsed++
    const landed = (result) => this.#safely(() => this.#landed(result))
    return flights.wait(flight, Math.max(0, this.#deadline - now), this.#res, landed)
  }

  // Those who will get different answers do not wait for each other, as far as it is known what makes them different.
  #flightKey() {
    const known = this.#store.first(this.#key)
    return known === undefined ? this.#key : known.variantOf(this.#key, this.#req.headers)
  }

  /** The one that was waited for has its answer, or there is none to be shared. */
  #landed({ answer, why }) {
    if (this.#isOver()) return
    const now = performance.now()
    if (answer?.matches(this.#req.headers)) return this.#give(answer, now, COLLAPSED)
    // Each for itself, and at once: who has waited is not to wait again.
    if (answer === null && why !== null) return this.#run(now, this.#flightKey(), true)
    this.#older.answer = null
    const found = lookUp(this.#route, this.#store, this.#key, this.#req.headers, now, this.#older)
    if (found === null) this.#join(now)
    else this.#give(found, now, HIT)
  }

  // Somebody else may have answered meanwhile, such as a middleware for requests that take too long; or nobody is there.
  #isOver() {
    const res = this.#res
    // In HTTP/2 an answer does not tell.
    return this.#hasLeft || res.headersSent || res.destroyed || res.closed
  }

  // Called by others, who must not suffer from what happens to this one. Whatever becomes of the cache, there is a handler.
  #safely(work) {
    try {
      work()
    } catch (error) {
      if (this.#isPassed) {
        // The handler's own, which nobody here can answer: as if it had been run by itself.
        queueMicrotask(() => {
          throw error
        })
        return
      }
      this.#store.counts.failed(error)
      if (!this.#res.headersSent) this.#goOn()
    }
  }

  #goOn() {
    this.#isPassed = true
    this.#next()
  }

  #goAlone() {
    if (!this.#res.headersSent) this.#tellWhy('head')
    this.#goOn()
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

  /** Has the handler run; if `isAlone`, for nobody who comes meanwhile. */
  #run(now, flightKey, isAlone) {
    const store = this.#store
    store.counts.misses++
    // The body of an answer to HEAD is not there to be kept; and nobody hears of the end of one that is over.
    if (this.#req.method === 'HEAD' || this.#isOver()) return this.#goAlone()
    const fill = new Fill(store, this.#route, this.#req, this.#key, now)
    this.#fill = fill
    this.#flight = this.#flights.begin(flightKey, isAlone, fill.marks, fill.since, now)
    // What other processes have is as old as what there is here.
    if (!store.hasOthers || isAlone || this.#older.answer !== null) return this.#ask(0, isAlone)
    const found = (what) => this.#safely(() => this.#found(what))
    return store.find(remoteKey(this.#key), fill.marks, this.#flights.waitMs).then(found, () => found(0))
  }

  /** What other processes have, or the right to make it for them too. */
  #found(what) {
    const lead = typeof what === 'number' ? what : 0
    const answer = typeof what === 'number' ? null : this.#unpacked(what)
    if (answer === null) return this.#isOver() ? this.#leave(lead) : this.#ask(lead, false)
    this.#store.counts.remoteHits++
    this.#flights.end(this.#flight, { answer, why: null })
    return this.#isOver() ? undefined : this.#give(answer, performance.now(), HIT)
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
  #ask(lead, isAlone) {
    const { headers } = this.#req
    this.#fill.start(headersOf(this.#res), lead)
    // Who is alone gets from the handler what it would get without the cache.
    if (!isAlone || this.#older.answer !== null) this.#hideConditions(headers)
    this.#capture = capture(
      this.#res,
      this.#store.maxEntryBytes,
      (whole, pass) => this.#answered(whole, pass),
      (why, head) => this.#letGo(why, head),
    )
    this.#req[WATCHER] = this
    this.#res.once('close', this.#onClose)
    this.#goOn()
  }

  // The handler may go on, and others need not wait for what nobody reads.
  #onClose = () => {
    this.#hasLeft = true
    if (this.#pending?.isPending) this.#store.drop(this.#pending)
    this.#fill.giveBack()
    this.#flights.end(this.#flight, { answer: null, why: null })
  }

  #stopWatching() {
    this.#req[WATCHER] = undefined
    this.#res.off('close', this.#onClose)
    this.#showConditions()
  }

  /** Another middleware of the cache, between this one and the handler, does the rest. */
  yieldToInner() {
    this.#stopWatching()
    this.#capture.leave()
    this.#onClose()
  }

  // The handler is to give the whole answer, whatever this client has; and to say whether what is kept is still right.
  #hideConditions(headers) {
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
    if (this.#conditions === null) return
    const { headers } = this.#req
    for (const name of CONDITIONS) delete headers[name]
    Object.assign(headers, this.#conditions)
  }

  /** The handler has answered: what is sent takes its place, or is as it was by `pass`. */
  #answered(whole, pass) {
    this.#stopWatching()
    let answer = null
    let why = 'failure'
    try {
      ;({ answer, why } = this.#fill.judge(whole, this.#older.answer))
    } catch (error) {
      this.#store.counts.failed(error)
    }
    if (answer === null) {
      this.#giveUp(why)
      return this.#sendOwn(whole, why, pass)
    }
    // Heard here too while the head is not made.
    this.#pending = answer
    this.#res.once('close', this.#onClose)
    this.#capture.afterHead(() => this.#settle(answer, why, whole))
    try {
      if (!this.#isOver()) return this.#send(answer, whole)
      // Nobody reads it; but others may add to its head what keeps it from all.
      this.#capture.makeHead()
      return pass()
    } catch (error) {
      this.#store.counts.failed(error)
      this.#capture.afterHead(null)
      this.#onClose()
      if (this.#res.headersSent) throw error
      this.#restore(whole)
      return pass()
    }
  }

  /** The first client has its answer, and nothing is added to it any more. */
  #settle(answer, why, whole) {
    this.#res.off('close', this.#onClose)
    const refused =
      why ?? (answer.isPending ? this.#fill.settle(answer, whole, this.#res.getHeaders()) : null)
    this.#fill.giveBack()
    if (refused === null) return this.#flights.end(this.#flight, { answer, why: null })
    if (refused !== 'fenced') this.#store.counts.refuse(refused)
    return this.#flights.end(this.#flight, { answer: null, why: refused })
  }

  #giveUp(why) {
    this.#fill.giveBack()
    this.#store.counts.refuse(why)
    this.#flights.end(this.#flight, { answer: null, why })
  }

  // An answer that is for this client alone.
  #sendOwn(head, why, pass) {
    const res = this.#res
    if (res.headersSent) return pass()
    this.#tellWhy(why)
    if (!this.#isKnown(head)) return pass()
    this.#capture.sayUnchanged(head)
    return head.callback ? res.end(head.callback) : res.end()
  }

  /** The answer goes its way; whether the client has it. */
  #letGo(why, head) {
    this.#stopWatching()
    this.#giveUp(why)
    if (why === 'late-head' || this.#res.headersSent) return false
    this.#tellWhy(why)
    // In HTTP/2 nothing may be written behind a 304.
    return this.#req.httpVersionMajor < 2 && this.#isKnown(head)
  }

  #tellWhy(why) {
    const res = this.#res
    if (res.hasHeader('Cache-Status')) return
    res.setHeader('Cache-Status', `hegar; fwd=${this.#older.answer ? 'stale' : 'uri-miss'}; detail=${why}`)
  }

  // The handler was not told of the client's conditions, and would have said so.
  #isKnown({ status, headers }) {
    return status === 200 && isUnchanged(this.#conditions ?? {}, headers.etag, headers['last-modified'])
  }

  #send(answer, whole) {
    const res = this.#res
    if (this.#route.front !== null) this.#cache.aliases.add(this.#route, this.#req, this.#key)
    const form = answer.formFor(this.#req.headers, this.#store)
    for (const name of Object.keys(this.#fill.own(whole))) {
      if (!IS_LEFT.has(name)) res.removeHeader(name)
    }
    if (answer.status !== 204) res.setHeader('Content-Length', form.body.length)
    if (this.#req.httpVersionMajor < 2 && whole.headers.connection !== undefined) {
      res.setHeader('Connection', whole.headers.connection)
    }
    if (whole.callback) res.once('finish', whole.callback)
    give(this.#req, res, answer, form, performance.now(), this.#says(answer, whole), this.#capture.isWrapped)
  }

  #says(answer, { status }) {
    const older = this.#older.answer
    if (answer === older && status === 304) return 'hegar; fwd=stale; fwd-status=304'
    if (answer === older) return `hegar; fwd=stale; fwd-status=${status}; detail=grace`
    // Whoever adds to the head at last may keep it from being so.
    const isStored = answer.number > 0 && !this.#capture.isHeadWrapped
    return `hegar; fwd=${older === null ? 'uri-miss' : 'stale'}${isStored ? '; stored' : ''}`
  }

  #restore({ status, headers, names }) {
    for (const name of this.#res.getHeaderNames()) this.#res.removeHeader(name)
    for (const [name, value] of Object.entries(headers)) this.#res.setHeader(names.get(name) ?? name, value)
    this.#res.statusCode = status
  }
}

module.exports = { Miss }
