'use strict'

const { createHash } = require('node:crypto')

// What an answer is found by: its scheme, host, path and query. Parameters are sorted by name, those of one name keep their
// order.

// Longer addresses are not kept: each would take more memory than its answer.
const LONGEST_URL = 8192
// Parsers of queries stop somewhere, Express's at a thousand; past it the order of parameters decides which count.
const MOST_PARAMETERS = 1000
// How many addresses a route remembers for a host, so that a query is sorted once, how long they may be, and of how many
// hosts, which are what clients say.
const REMEMBERED = 1024
const LONGEST_REMEMBERED = 512
const REMEMBERED_HOSTS = 16
// Longer ones are known to other processes by their hash; what is in Redis takes 1,024 bytes.
const LONGEST_REMOTE_KEY = 400
// A host with anything else could end in the middle of a path.
const HOST = /^[\w.:[\]-]*$/

/** `keyOf(req)` for a route: the key of a request, or null for none. `names` are the parameters that count, null for all. */
function keysOf(names) {
  // The same key is the same string each time, so that looking it up does not begin with reading it.
  const known = { plain: new Map(), encrypted: new Map() }
  return function keyOf(req) {
    const url = req.originalUrl ?? req.url
    const { headers } = req
    const isPlain = headers['x-forwarded-host'] === undefined && headers['x-forwarded-proto'] === undefined
    if (!isPlain || url.length > LONGEST_REMEMBERED) return makeKey(req, url, names)
    const byHost = req.socket?.encrypted ? known.encrypted : known.plain
    const host = hostOf(req)
    let keys = byHost.get(host)
    if (keys === undefined) {
      if (byHost.size >= REMEMBERED_HOSTS) byHost.clear()
      byHost.set(host, (keys = new Map()))
    }
    let key = keys.get(url)
    if (key === undefined) {
      key = makeKey(req, url, names)
      if (keys.size >= REMEMBERED) keys.clear()
      keys.set(url, key)
    }
    return key
  }
}

function makeKey(req, url, names) {
  // What Express cuts at #, and addresses with a host of their own, are nobody's but an attacker's.
  if (url.length > LONGEST_URL || url[0] !== '/' || url.includes('#')) return null
  const origin = originOf(req)
  const address = origin === null ? null : addressOf(req, url, names)
  return address === null ? null : origin + address
}

/**
 * The scheme and host that a request was sent to, or null for a host that is none. What a proxy says of them counts as far
 * as Express trusts it, because answers may have been made from it.
 */
function originOf(req) {
  const { headers } = req
  const host =
    headers['x-forwarded-host'] === undefined ? hostOf(req) : (req.host ?? req.hostname ?? hostOf(req))
  const isEncrypted =
    headers['x-forwarded-proto'] === undefined ? req.socket?.encrypted : req.protocol === 'https'
  if (!HOST.test(host ?? '')) return null
  return `${isEncrypted ? 'https' : 'http'}://${(host ?? '').toLowerCase()}`
}

/** As the client says it, in HTTP/2 too. */
function hostOf({ headers }) {
  return headers.host ?? headers[':authority']
}

function addressOf(req, url, names) {
  const at = url.indexOf('?')
  if (at === -1) return url
  const path = url.slice(0, at)
  if (names === null) {
    const query = sortedQuery(url.slice(at + 1))
    return query === null ? null : path + query
  }
  // What the handler will see of them: there is more than one way to write a name.
  const query = req.query ?? Object.fromEntries(new URLSearchParams(url.slice(at + 1)))
  const given = Object.keys(query).filter((name) => names.includes(name) || names.includes(baseOf(name)))
  if (given.length === 0) return path
  return `${path}?${JSON.stringify(given.sort().map((name) => [name, query[name]]))}`
}

function sortedQuery(query) {
  const pairs = query.split('&').filter((pair) => pair !== '')
  if (pairs.length > MOST_PARAMETERS) return null
  const named = pairs.map((pair) => ({ name: nameOf(pair), pair }))
  named.sort((one, other) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0))
  return pairs.length === 0 ? '' : `?${named.map(({ pair }) => pair).join('&')}`
}

// The parameter that a pair belongs to.
function nameOf(pair) {
  const at = pair.indexOf('=')
  let name = (at === -1 ? pair : pair.slice(0, at)).replaceAll('+', ' ')
  try {
    name = decodeURIComponent(name)
  } catch {
    // As it is written.
  }
  return baseOf(name)
}

// a[b], a[] and [a] are parts of a, and their order makes a difference.
function baseOf(name) {
  return /^\[?([^[\]]*)/.exec(name)[1]
}

/**
 * The path of an address as the mark that its answers have. Express takes /Products/ for /products, so they go together
 * where one is made invalid.
 */
function pathMark(url) {
  const at = url.indexOf('?')
  const path = (at === -1 ? url : url.slice(0, at)).toLowerCase()
  return `u:${path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path}`
}

/** What other processes know an answer by. */
function remoteKey(name) {
  const key = `http:${name}`
  if (Buffer.byteLength(key) <= LONGEST_REMOTE_KEY && !/[\n\0]/.test(key)) return key
  return `http:${createHash('sha256').update(name).digest('base64url')}`
}

module.exports = { keysOf, hostOf, pathMark, remoteKey }
