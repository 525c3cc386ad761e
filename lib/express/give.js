'use strict'

const { namesOf, titled } = require('./answer.js')
const { copyOf, dateOf, namesIn, namesTag } = require('./fields.js')
const { rangeOf } = require('./range.js')

// How an answer is sent: whole, in part, or as 304 to who has it.

// Those that a 304 carries (RFC 9110, section 15.4.5), and what tells caches about it.
const IN_304 = new Set(['cache-control', 'content-location', 'date', 'expires', 'last-modified'])

/** Sends an answer in the form that fits the request; `says` is the Cache-Status. */
function give(req, res, answer, given, now, says, isWrapped = Object.hasOwn(res, 'end')) {
  const { headers } = req
  const form = isWrapped ? onItsWay(headers, answer, given) : given
  const { head } = form
  if (isKnown(headers, answer, form)) return giveKnown(req, res, answer, form, now, says)
  if (!isWrapped && headers.range === undefined && isBare(req, res)) {
    if (!isFor(form.bare, answer, now, says)) form.bare = listed(answer, form, [], form.vary, now, says)
    return giveList(req, res, answer, form, form.bare.list)
  }
  // Express gives `res` another prototype, and after that a property of its own is dear: as much as ten headers.
  if (res.statusCode !== answer.status) res.statusCode = answer.status
  setMessage(req, res, answer.message)
  for (const name of answer.removed) res.removeHeader(name)
  for (let at = 0; at < head.length; at += 2) res.setHeader(head[at], copyOf(head[at + 1]))
  setVary(res, form)
  res.setHeader('Age', answer.ageAt(now))
  res.setHeader('Cache-Status', says)
  // Said, so that others can log it, and HTTP/1.0 keep the connection.
  if (answer.status !== 204) res.setHeader('Content-Length', form.body.length)
  if (req.method === 'HEAD') return res.end()
  if (headers.range !== undefined && answer.status === 200) {
    const part = rangeOf(headers, answer)
    if (part !== null) {
      res.statusCode = part.status
      res.setHeader('Content-Range', part.range)
      // A part of other bytes would be no part of these.
      res.setHeader('Cache-Control', joined(res.getHeader('Cache-Control') ?? [], 'no-transform'))
      res.setHeader('Content-Length', part.body.length)
      return res.end(part.body)
    }
  }
  return res.end(form.body)
}

// Whoever stands around `end` may compress the answer, and send other bytes than these under the tag.
function onItsWay(headers, answer, form) {
  const tag = answer.weakTag
  if (tag === null || !form.isIdentity || headers['accept-encoding'] === undefined) return form
  const head = form.head.map((field, at) => (form.head[at - 1] === 'ETag' ? tag : field))
  return { ...form, tag, head }
}

function setVary(res, form) {
  if (form.vary === null) return
  const before = res.getHeader('Vary')
  res.setHeader('Vary', before === undefined ? form.vary : joined(before, form.vary))
}

// A list with those of another that it has not.
function joined(before, list) {
  const names = namesIn(before)
  const others = list.split(', ').filter((name) => !names.includes(name.toLowerCase()))
  return others.length === 0 ? before : [before, ...others].flat().join(', ')
}

/** Whether the client has it already, by the fields of the request alone (RFC 9110, section 13.2.2). */
function isKnown(headers, answer, form) {
  if (answer.status !== 200) return false
  const tags = headers['if-none-match']
  if (tags === undefined) return isUnchanged(headers, undefined, answer.changed)
  // Any form of it will do: the client keeps what it has.
  return namesTag(tags, form.tag, ...answer.tags())
}

/** Whether a client with these conditions has what has this tag, or was changed then; either may be undefined. */
function isUnchanged(headers, tag, changed) {
  const tags = headers['if-none-match']
  if (tags !== undefined) return tag !== undefined && namesTag(tags, tag)
  const since = headers['if-modified-since']
  return since !== undefined && dateOf(changed) <= dateOf(since)
}

// There are none in HTTP/2, which warns of the question. What an error has left is not that of the answer.
function setMessage(req, res, message) {
  if (req.httpVersionMajor < 2 && res.statusMessage !== message) res.statusMessage = message
}

function giveKnown(req, res, answer, form, now, says) {
  res.statusCode = 304
  setMessage(req, res, undefined)
  const { head } = form
  for (let at = 0; at < head.length; at += 2) {
    if (IN_304.has(head[at].toLowerCase())) res.setHeader(head[at], copyOf(head[at + 1]))
  }
  for (const name of ['Content-Type', 'Content-Length', 'Content-Encoding']) res.removeHeader(name)
  res.setHeader('ETag', form.tag)
  setVary(res, form)
  res.setHeader('Age', answer.ageAt(now))
  res.setHeader('Cache-Status', says)
  return res.end()
}

/** Sends an answer with the fields that were set before its handler, where no middleware has run but checks: the front's way. */
function giveFull(req, res, answer, form, now, says) {
  if (isBare(req, res) && !isKnown(req.headers, answer, form)) {
    if (!isFor(form.full, answer, now, says)) {
      form.full = listed(answer, form, answer.outerFields, varyOfAll(answer, form), now, says)
    }
    return giveList(req, res, answer, form, form.full.list)
  }
  for (const [name, value] of answer.outerFields) if (!res.hasHeader(name)) res.setHeader(name, copyOf(value))
  return give(req, res, answer, { ...form, vary: varyOfAll(answer, form) }, now, says)
}

// Whether nothing has been said of the answer yet: then Node takes all of its head at once, for less than one header by itself.
function isBare(req, res) {
  return (
    req.httpVersionMajor === 1 &&
    !Object.hasOwn(res, 'writeHead') &&
    res.getHeaderNames().length === 0 &&
    !isWatched(res)
  )
}

// Whether somebody waits for the end of it, such as a log, who may ask for fields then: Node knows no longer what it was given
// at once. One listener is Node's own.
function isWatched(res) {
  return res.listenerCount('finish') > 1 || res.listenerCount('close') > 0
}

function isFor(made, answer, now, says) {
  return made.age === answer.ageAt(now) && made.says === says
}

function listed(answer, form, fields, vary, now, says) {
  const age = answer.ageAt(now)
  const list = [...fields.flat(), ...form.head]
  if (vary !== null) list.push('Vary', vary)
  list.push('Age', String(age), 'Cache-Status', says)
  if (answer.status !== 204) list.push('Content-Length', String(form.body.length))
  return { age, says, list }
}

function giveList(req, res, answer, form, list) {
  if (answer.message === undefined) res.writeHead(answer.status, list)
  else res.writeHead(answer.status, answer.message, list)
  if (req.method === 'HEAD') return res.end()
  return form.text === null ? res.end(form.body) : res.end(form.text, 'latin1')
}

function varyOfAll(answer, form) {
  const vary = namesOf(answer.frontSelectors).map(titled)
  if (form.vary?.includes('Accept-Encoding')) vary.push('Accept-Encoding')
  return vary.length === 0 ? null : vary.join(', ')
}

module.exports = { give, giveFull, isBare, isUnchanged }
