'use strict'

// What an answer is found by: its host, path and query. Parameters are sorted by name, those of one name keep their order.

// Longer addresses are not kept: each would take more memory than its answer.
const LONGEST_URL = 8192
// How many addresses a route remembers for a host, so that a query is sorted once, how long they may be, and of how many
// hosts, which are what clients say.
const REMEMBERED = 1024
const LONGEST_REMEMBERED = 512
const REMEMBERED_HOSTS = 16

/** `keyOf(req)` for a route: the key of a request, or null for none. `names` are the parameters that count, null for all. */
function keysOf(names) {
  const allowed = names === null ? null : new Set(names)
  // The same key is the same string each time, so that looking it up does not begin with reading it.
  const known = new Map()
  return function keyOf(req) {
    const url = req.originalUrl ?? req.url
    if (url.length > LONGEST_URL) return null
    const { headers } = req
    const isPlain = headers['x-forwarded-host'] === undefined && headers['x-forwarded-proto'] === undefined
    if (!isPlain || url.length > LONGEST_REMEMBERED) return originOf(req) + addressOf(url, allowed)
    const { host } = headers
    let keys = known.get(host)
    if (keys === undefined) {
      if (known.size >= REMEMBERED_HOSTS) known.clear()
      known.set(host, (keys = new Map()))
    }
    let key = keys.get(url)
    if (key === undefined) {
      key = originOf(req) + addressOf(url, allowed)
      if (keys.size >= REMEMBERED) keys.clear()
      keys.set(url, key)
    }
    return key
  }
}

function addressOf(url, allowed) {
  const at = url.indexOf('?')
  return at === -1 ? url : url.slice(0, at) + sortedQuery(url.slice(at + 1), allowed)
}

/**
 * The scheme and host that a request was sent to. What a proxy says of them counts as far as Express trusts it, because
 * answers may have been made from it.
 */
function originOf(req) {
  const { headers } = req
  const host = headers['x-forwarded-host'] === undefined ? headers.host : (req.host ?? req.hostname)
  const scheme = headers['x-forwarded-proto'] === undefined ? '' : (req.protocol ?? '')
  return `${scheme}//${(host ?? '').toLowerCase()}`
}

/** The path of a request, without its query. */
function pathOf(req) {
  return cutQuery(req.originalUrl ?? req.url)
}

function cutQuery(url) {
  const at = url.indexOf('?')
  return at === -1 ? url : url.slice(0, at)
}

function sortedQuery(query, allowed) {
  const pairs = query.split('&').filter((pair) => pair !== '')
  const named = pairs.map((pair) => ({ name: nameOf(pair), pair }))
  const counted = allowed === null ? named : named.filter(({ name }) => isAllowed(name, allowed))
  if (counted.length === 0) return ''
  counted.sort((one, other) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0))
  return `?${counted.map(({ pair }) => pair).join('&')}`
}

function nameOf(pair) {
  const at = pair.indexOf('=')
  const name = at === -1 ? pair : pair.slice(0, at)
  try {
    return decodeURIComponent(name.replaceAll('+', ' '))
  } catch {
    return name
  }
}

// `filter` stands for filter[price] and filter[] too.
function isAllowed(name, allowed) {
  if (allowed.has(name)) return true
  const at = name.indexOf('[')
  return at > 0 && allowed.has(name.slice(0, at))
}

module.exports = { keysOf, originOf, pathOf, cutQuery }
