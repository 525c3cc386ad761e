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

/**
 * `keyOf(req)` for a route: the key of a request, or null for none. `names` are the parameters that count, null for all;
 * `scope` is the same for routes alone that are as this one.
 */
function keysOf(names, scope) {
  // The same key is the same string each time, so that looking it up does not begin with reading it.
  const known = { plain: new Map(), encrypted: new Map() }
  return function keyOf(req, middleware) {
    const url = req.originalUrl ?? req.url
    const { headers } = req
    const place = placeOf(req, middleware)
    const isPlain = headers['x-forwarded-host'] === undefined && headers['x-forwarded-proto'] === undefined
    if (!isPlain || url.length > LONGEST_REMEMBERED) return makeKey(req, url, names, scope + place)
    const byHost = req.socket?.encrypted ? known.encrypted : known.plain
    const host = hostOf(req) + place
    let keys = byHost.get(host)
    if (keys === undefined) {
      if (byHost.size >= REMEMBERED_HOSTS) byHost.clear()
      byHost.set(host, (keys = new Map()))
    }
    let key = keys.get(url)
    if (key === undefined) {
      key = makeKey(req, url, names, scope + place)
      if (keys.size >= REMEMBERED) keys.clear()
      keys.set(url, key)
    }
    return key
  }
}

// Between a middleware for all and the route of an address there may be others that let not everybody pass: what is kept
// behind them is not given before them.
function placeOf(req, middleware) {
  // Express leaves a route where it is when that goes on to what comes behind it.
  const stack = req.route?.stack
  if (stack !== undefined && stack.some(({ handle }) => handle === middleware)) return ''
  return req.baseUrl === undefined ? '' : `@${req.baseUrl}`
}

function makeKey(req, url, names, scope) {
  // What Express cuts at #, and addresses with a host of their own, are nobody's but an attacker's.
  if (url.length > LONGEST_URL || url[0] !== '/' || url.includes('#')) return null
  const origin = originOf(req)
  const address = origin === null ? null : addressOf(req, url, names)
  // No address has a space in it.
  return address === null ? null : `${origin}${address} ${scope}`
}

/**
 * The scheme and host that a request was sent to, or null for a host that is none. What a proxy says of them counts as far
 * as Express trusts it, because answers may have been made from it.
 */
function originOf(req) {
  const { headers } = req
  const host = forwardedHost(req) ?? hostOf(req)
  const isEncrypted =
    headers['x-forwarded-proto'] === undefined ? req.socket?.encrypted : req.protocol === 'https'
  if (!HOST.test(host ?? '')) return null
  return `${isEncrypted ? 'https' : 'http'}://${(host ?? '').toLowerCase()}`
}

// As `req.host` of Express 5 has it; in Express 4 that is deprecated.
function forwardedHost(req) {
  const field = req.headers['x-forwarded-host']
  if (field === undefined) return null
  const trusts = req.app?.get?.('trust proxy fn')
  if (typeof trusts !== 'function' || !trusts(req.socket?.remoteAddress, 0)) return null
  return field.split(',', 1)[0].trim() || null
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
  const isNamed = (name) => names.includes(name) || names.includes(baseOf(name))
  const pairs = pairsOf(url.slice(at + 1))
  if (pairs === null) return null
  // As they are written, and as the handler is shown them: it may look at either.
  const written = pairs.filter(([base, name]) => names.includes(base) || names.includes(name))
  const shown = Object.entries(req.query ?? {}).filter(([name]) => isNamed(name))
  if (written.length === 0 && shown.length === 0) return path
  const values = written.map(([, name, value]) => [name, value])
  return `${path}?${JSON.stringify(values)}${JSON.stringify(shown.sort(byFirst))}`
}

function sortedQuery(query) {
  const pairs = pairsOf(query)
  if (pairs === null) return null
  return pairs.length === 0 ? '' : `?${pairs.map(([, , , pair]) => pair).join('&')}`
}

/**
 * The parameters of a query by what they belong to, in their order where that is the same: that, the name, the value as it
 * is written, and the whole as it is written. Null for too many.
 */
function pairsOf(query) {
  const pairs = query.split('&').filter((pair) => pair !== '')
  if (pairs.length > MOST_PARAMETERS) return null
  const parts = pairs.map((pair) => {
    const at = pair.indexOf('=')
    const written = (at === -1 ? pair : pair.slice(0, at)).replaceAll('+', ' ')
    const name = decoded(decodeURIComponent, written)
    return [baseOf(name), name, at === -1 ? null : pair.slice(at + 1), pair]
  })
  return parts.sort(byFirst)
}

function byFirst([one], [other]) {
  return one < other ? -1 : one > other ? 1 : 0
}

function decoded(decode, text) {
  try {
    return decode(text)
  } catch {
    // As it is written.
    return text
  }
}

// a[b], a[] and [a] are parts of a, and their order makes a difference.
function baseOf(name) {
  return /^\[?([^[\]]*)/.exec(name)[1]
}

/**
 * The path of an address as the mark that its answers have. Express takes /Products/ for /products, and %31 for 1, so they go
 * together where one is made invalid.
 */
function pathMark(url) {
  const segments = pathOf(url).split('/')
  const path = segments
    .map((segment) => decoded(decodeURIComponent, segment))
    .join('/')
    .toLowerCase()
  return `u:${path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path}`
}

function pathOf(url) {
  // With a scheme and a host, as clients of proxies say it.
  const whole = /^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i.exec(url)
  const [path] = url.slice(whole === null ? 0 : whole[0].length).split(/[?#]/, 1)
  return path === '' ? '/' : path
}

/** What other processes know an answer by. */
function remoteKey(name) {
  const key = `http:${name}`
  if (Buffer.byteLength(key) <= LONGEST_REMOTE_KEY && !/[\n\0]/.test(key)) return key
  return `http:${createHash('sha256').update(name).digest('base64url')}`
}

module.exports = { keysOf, hostOf, pathMark, remoteKey }
