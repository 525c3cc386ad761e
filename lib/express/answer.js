'use strict'

const { namesIn, same } = require('./fields.js')
const { encode, wanted } = require('./encodings.js')

// An answer that is kept: what it is made of, which requests it is for, and in which forms there are of it.

// Of one connection, or made anew for each answer (RFC 9111, section 3.1).
const OF_A_CONNECTION = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
const MADE_HERE = new Set(['content-length', 'age', 'etag', 'vary', 'cache-status'])
const OF_THE_BODY = new Set(['content-encoding', 'content-md5', 'content-range'])
// Of one request, whatever it asked for. The front, which is before the middleware that sets them, leaves them out.
const OF_A_REQUEST =
  /^(?:(?:x-)?ratelimit|retry-after$|set-cookie|server-timing$|x-response-time$|traceparent$|tracestate$|.*(?:-|^)(?:trace|request|correlation|span|session|transaction)-?id|.*(?:csrf|xsrf|nonce))/

const LONGEST_TEXT = 2048
const NO_LIST = Object.freeze({ age: -1, says: '', list: [] })
// Longer fields are compared as they are.
const LONGEST_PLAIN = 256

class Answer {
  key
  status
  message
  /** `[name, value]` of fields that handlers set, and of those that were set before them. */
  fields
  outerFields
  /** The names that select it, with what the request had; `front` has those of what was set before, too. */
  selectors
  frontSelectors
  /** By content coding: `{body, tag, head}`, where `head` is a flat list of names and values. */
  forms
  markNames
  since
  /** In milliseconds of performance.now(): when its age was zero, when it was read, and until when it is what. */
  born
  read
  fresh
  stale
  grace
  until
  /** What a handler can be asked with whether it is still the same. */
  originTag
  changed
  /** What is needed to hold it, see store.js. */
  next = null
  number = 0
  token = 0
  generation = 0
  marks = null
  #offered
  #made = new Set()
  #weakTag
  #vary
  /** What clients are told where the handler says nothing. */
  #control
  /** Whether it may be given before any middleware has run. */
  isForFront = true
  /** Whether the head of the first client's answer is not made yet: what is added to it may keep it from others. */
  isPending = false
  /** Whether it was too late to be kept: something it depends on has changed while it was made. */
  isFenced = false
  /** What handlers have taken from the headers before them. */
  removed

  /**
   * Of what a handler answered: `{status, message, headers, names, body}`. `before` are the headers that were there before
   * the handler, `tag` is the entity tag of the body without quotes, `ownTag` the one that the handler gave; `control` is the
   * Cache-Control for an answer without one, `declared` the fields of requests that are part of the key, `offered` the codings
   * that it may be sent in.
   */
  constructor({ request, whole, before, tag, ownTag, control, declared, offered, isStandard }) {
    const { status, message, headers, names, body } = whole
    this.status = status
    this.message = message
    const dropped = new Set(namesIn(headers.connection))
    const isKept = (name) => !OF_A_CONNECTION.has(name) && !MADE_HERE.has(name) && !dropped.has(name)
    const fields = Object.keys(headers).filter(isKept)
    const isOuter = (name) => same(headers[name], before[name])
    this.removed = Object.keys(before).filter((name) => headers[name] === undefined)
    const field = (name) => [names.get(name) ?? name, headers[name]]
    this.fields = fields.filter((name) => !isOuter(name)).map(field)
    this.outerFields = fields.filter((name) => isOuter(name) && !OF_A_REQUEST.test(name)).map(field)
    this.#control = headers['cache-control'] === undefined ? control : null
    // CORS decides for each request, before the handler and without it.
    const outer = namesIn(before.vary).filter((name) => name === 'origin' && !isStandard)
    const vary = [...namesIn(headers.vary), ...declared]
    const inner = vary.filter((name) => !outer.includes(name))
    this.selectors = selectorsOf(
      inner.filter((name) => !declared.includes(name)),
      request,
      offered,
    )
    this.frontSelectors = selectorsOf(vary, request, offered)
    this.#vary = namesOf(selectorsOf(inner, request, offered))
    this.originTag = ownTag ?? null
    this.changed = headers['last-modified'] ?? null
    this.#offered = offered
    const quoted = this.originTag ?? `"${tag}"`
    this.#weakTag = quoted.startsWith('W/') ? quoted : `W/${quoted}`
    // A copy: whoever gave it may change it when it has been sent.
    this.forms = { identity: this.#form('identity', Buffer.from(body), quoted) }
  }

  /** Whether a request with these headers is answered by it. */
  matches(headers) {
    return areSelected(this.selectors, headers)
  }

  /** The same for a request that no middleware has seen. */
  matchesFront(headers) {
    return areSelected(this.frontSelectors, headers)
  }

  /** A text that requests with this key have in common if they differ in nothing that this answer varies by. */
  variantOf(key, headers) {
    const { selectors } = this
    if (selectors.length === 0) return key
    return JSON.stringify([key, ...namesOf(selectors).map((name) => plain(name, headers[name]) ?? null)])
  }

  /** Whether it is selected by the same fields of requests as another. */
  selects(other) {
    return same(this.selectors, other.selectors)
  }

  get identity() {
    return this.forms.identity
  }

  /** The best form for a request; one that is not there yet is begun, and `store` told of it when it is. */
  formFor(headers, store) {
    // Parts are of the body as it is, and what is not kept is not worth compressing.
    if (this.#offered === null || headers.range !== undefined || this.number === 0) return this.forms.identity
    const order = wanted(headers['accept-encoding'], this.#offered)
    for (let at = 0; at < order.length; at++) {
      const form = this.forms[order[at]]
      if (form !== undefined) return form
      if (!this.#made.has(order[at])) this.#make(order[at], store)
    }
    return this.forms.identity
  }

  #make(coding, store) {
    this.#made.add(coding)
    const begun = encode(coding, this.identity.body, (bytes) => {
      if (bytes === null) return
      const tag = tagOf(this.identity.tag, coding)
      const form = this.#form(coding, bytes, tag, ['Content-Encoding', coding])
      store.addForm(this, coding, form)
    })
    if (!begun) this.#made.delete(coding)
  }

  #form(coding, body, tag, fields = []) {
    const vary = [...this.#vary]
    if (this.#offered !== null) vary.push('accept-encoding')
    const head = []
    for (const [name, value] of this.fields) head.push(name, value)
    if (this.#control !== null) head.push('Cache-Control', this.#control)
    return {
      body,
      /** A short body as text, a byte each: Node sends it with its head in one piece, which is quicker than two. */
      text: body.length <= LONGEST_TEXT ? body.latin1Slice() : null,
      tag,
      head: [...head, 'ETag', tag, ...fields],
      vary: vary.length === 0 ? null : vary.map(titled).join(', '),
      isIdentity: coding === 'identity',
      /** The whole head as a list for an age, as give.js makes it: for the middleware and for the front. */
      bare: NO_LIST,
      full: NO_LIST,
    }
  }

  /** What a handler's 304 says anew: headers by their names in lower case, and the names as written (RFC 9111, section 3.2). */
  freshen(headers, names) {
    const isUpdated = (name) => !OF_A_CONNECTION.has(name) && !MADE_HERE.has(name) && !OF_THE_BODY.has(name)
    const fields = new Map(this.fields.map((field) => [field[0].toLowerCase(), field]))
    for (const name of Object.keys(headers).filter(isUpdated)) {
      fields.set(name, [names.get(name) ?? name, headers[name]])
    }
    this.fields = [...fields.values()]
    if (fields.has('cache-control')) this.#control = null
    const { body, tag } = this.identity
    this.forms = { identity: this.#form('identity', body, tag) }
    this.#made.clear()
  }

  /** The tags of all its forms, made or not: their bytes are always the same. */
  tags() {
    const { tag } = this.identity
    return [tag, ...(this.#offered?.names ?? []).map((coding) => tagOf(tag, coding))]
  }

  /** The tag for a body that others may still encode on its way; null where nobody does. */
  get weakTag() {
    return this.#offered === null ? null : this.#weakTag
  }

  /** How many seconds old it is. */
  ageAt(now) {
    return now > this.born ? Math.floor((now - this.born) / 1000) : 0
  }

  /** The fields of it as headers with names in lower case, as `judge` reads them. */
  headersNow() {
    const headers = Object.fromEntries(this.fields.map(([name, value]) => [name.toLowerCase(), value]))
    return { ...headers, vary: this.#vary.length > 0 ? this.#vary.join(', ') : undefined }
  }
}

function tagOf(tag, coding) {
  return `${tag.slice(0, -1)}-${coding}"`
}

// Pairs in one list: the name, and what the request had for it.
function selectorsOf(names, request, offered) {
  const list = []
  // The forms of an answer are chosen by its codings here, unless the handler has chosen.
  const counted = offered === null ? names : names.filter((name) => name !== 'accept-encoding')
  for (const name of [...new Set(counted)].sort()) list.push(name, plain(name, request[name]))
  return list
}

function areSelected(selectors, headers) {
  for (let at = 0; at < selectors.length; at += 2) {
    const name = selectors[at]
    const value = headers[name]
    if (value !== selectors[at + 1] && plain(name, value) !== selectors[at + 1]) return false
  }
  return true
}

// Without what makes no difference in a list (RFC 9111, section 4.1); languages have no case. What is longer is as it is.
function plain(name, value) {
  if (typeof value !== 'string' || value.length > LONGEST_PLAIN) return value
  const text = value
    .split(',')
    .map((part) => part.trim())
    .join(',')
  return name === 'accept-language' ? text.toLowerCase() : text
}

function namesOf(selectors) {
  return selectors.filter((_, at) => at % 2 === 0)
}

function titled(name) {
  return name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase())
}

module.exports = { Answer, namesOf, titled }
