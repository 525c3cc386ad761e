'use strict'

const { directivesOf, secondsOf, dateOf, namesIn } = require('./fields.js')

// Which answers are kept, and for how long (RFC 9111, sections 3 and 4.2).

// Those that a cache may keep by a lifetime that the answer does not state itself. The second list is of errors.
const PLAIN = new Set([200, 203, 204, 300, 301, 308])
const HEURISTIC_ERRORS = new Set([404, 405, 410, 414, 501])
// What `must-understand` allows.
const UNDERSTOOD = new Set([
  200, 203, 204, 300, 301, 302, 303, 307, 308, 400, 404, 405, 410, 414, 500, 501, 502, 503, 504,
])
// A nonce is of one answer alone: in its head, which may be made anew, and in its body, which is not.
const POLICIES = ['content-security-policy', 'content-security-policy-report-only']
// The share of the time since it was changed for which an answer is taken to stay the same, and the most.
const HEURISTIC_SHARE = 0.1
const HEURISTIC_MOST_MS = 24 * 3600 * 1000

/**
 * What becomes of an answer: `{why}`, a word that says why it is not kept, or `{why: null, lifetimeMs, ageMs, staleMs,
 * graceMs}`. `headers` are those of the answer with names in lower case, `request` those of the request; `route` says what
 * was asked for.
 */
function judge({ route, request, status, headers, now }) {
  const { isStandard, hasKey, ttl } = route
  const control = directivesOf(headers['cache-control'])
  const why = refusal(route, request, status, headers, control)
  if (why !== null) return { why }
  let lifetimeMs = statedMs(headers, control, now)
  if (lifetimeMs === null) {
    // Errors are kept for as long as they say themselves or not at all.
    const mayGuess = isStandard
      ? PLAIN.has(status) || HEURISTIC_ERRORS.has(status) || control.has('public')
      : PLAIN.has(status)
    if (!mayGuess) return { why: 'status' }
    if (ttl === null && !isStandard) return { why: 'no-ttl' }
    lifetimeMs = ttl === null ? guessedMs(headers, now) : ttl * 1000
  }
  const hasValidator = headers.etag !== undefined || headers['last-modified'] !== undefined
  const asksAlways = control.has('no-cache')
  if (asksAlways) {
    if (!isStandard && !hasKey) return { why: 'no-cache' }
    lifetimeMs = 0
  }
  const ageMs = ageOf(headers, now)
  if (ageMs === null || (lifetimeMs <= ageMs && !hasValidator)) return { why: 'stale' }
  const isStrict =
    asksAlways || control.has('must-revalidate') || control.has('proxy-revalidate') || control.has('s-maxage')
  const allowed = (directive, seconds) => {
    if (isStrict) return 0
    return (control.has(directive) ? secondsOf(control.get(directive)) : seconds) * 1000
  }
  return {
    why: null,
    lifetimeMs,
    ageMs,
    staleMs: allowed('stale-while-revalidate', route.staleTtl),
    graceMs: allowed('stale-if-error', route.graceTtl),
    isStrict,
  }
}

function refusal({ isStandard, hasKey }, request, status, headers, control) {
  if (status < 200 || status === 206 || status === 304) return 'status'
  if (control.has('must-understand')) {
    if (!UNDERSTOOD.has(status)) return 'status'
  } else if (control.has('no-store')) return 'no-store'
  if (namesIn(headers.vary).includes('*')) return 'vary'
  // Nobody who gets it from a cache gets those.
  if (headers.trailer !== undefined) return 'trailer'
  if (isStandard) {
    if (control.has('private')) return 'private'
    const isShared = control.has('public') || control.has('s-maxage') || control.has('must-revalidate')
    if (request.authorization !== undefined && !isShared) return 'authorization'
    return directivesOf(request['cache-control']).has('no-store') ? 'no-store' : null
  }
  if (POLICIES.some((name) => String(headers[name] ?? '').includes("'nonce-"))) return 'nonce'
  // Whoever gives a key says whose the answers are.
  if (hasKey) return null
  if (control.has('private')) return 'private'
  if (headers['set-cookie'] !== undefined) return 'set-cookie'
  return status >= 400 ? 'error' : null
}

// The lifetime that the answer states for caches like this, or null.
function statedMs(headers, control, now) {
  for (const directive of ['s-maxage', 'max-age']) {
    if (control.has(directive)) return secondsOf(control.get(directive)) * 1000
  }
  if (headers.expires === undefined) return null
  const expires = dateOf(headers.expires)
  if (Number.isNaN(expires)) return 0
  const date = dateOf(headers.date)
  return Math.max(0, expires - (Number.isNaN(date) ? now : date))
}

function guessedMs(headers, now) {
  const changed = dateOf(headers['last-modified'])
  if (Number.isNaN(changed)) return 0
  return Math.min(HEURISTIC_MOST_MS, Math.max(0, now - changed) * HEURISTIC_SHARE)
}

// How old the answer was when it came, or null for an Age that says nothing.
function ageOf(headers, now) {
  const { age } = headers
  if (age !== undefined && !/^\d+$/.test(age)) return null
  const date = dateOf(headers.date)
  const apparent = Number.isNaN(date) ? 0 : Math.max(0, now - date)
  return Math.max(apparent, age === undefined ? 0 : secondsOf(String(age)) * 1000)
}

module.exports = { judge }
