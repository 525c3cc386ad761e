'use strict'

const { directivesOf, secondsOf } = require('./fields.js')

// Which of the answers that are kept may be given for a request (RFC 9111, section 4).

/** Why a request has nothing to do with what is kept, or null. */
function pastReason({ isStandard, hasKey }, headers) {
  if (isStandard || hasKey) return null
  if (headers.authorization !== undefined) return 'authorization'
  return headers.cookie === undefined ? null : 'cookie'
}

/** The answer that may be given for a request now, or null; `older` gets one that is past its time. */
function lookUp(route, store, key, headers, now, older) {
  for (let answer = store.first(key) ?? null; answer !== null;) {
    const { next } = answer
    if (!answer.isPending && answer.matches(headers) && store.isGood(answer, now)) {
      if (now < answer.fresh && (!route.isStandard || suits(answer, headers, now))) return answer
      older.answer = answer
    }
    answer = next
  }
  return null
}

/** The same for a request that no middleware has seen. */
function lookUpFront(route, store, key, headers, now) {
  if (pastReason(route, headers) !== null) return null
  for (let answer = store.first(key) ?? null; answer !== null;) {
    const { next } = answer
    if (
      answer.isForFront &&
      !answer.isPending &&
      answer.matchesFront(headers) &&
      now < answer.fresh &&
      store.isGood(answer, now)
    ) {
      return !route.isStandard || suits(answer, headers, now) ? answer : null
    }
    answer = next
  }
  return null
}

// What the request's own Cache-Control says of a fresh answer (RFC 9111, section 5.2.1).
function suits(answer, headers, now) {
  const field = headers['cache-control']
  if (field === undefined) return true
  const control = directivesOf(field)
  if (control.has('no-cache') || control.has('no-store')) return false
  const age = (now - answer.born) / 1000
  if (control.has('max-age') && age >= secondsOf(control.get('max-age'))) return false
  return !control.has('min-fresh') || (answer.fresh - now) / 1000 >= secondsOf(control.get('min-fresh'))
}

/** Whether a request takes an answer that is past its time. */
function suitsStale(answer, headers, now) {
  const control = directivesOf(headers['cache-control'])
  if (!control.has('max-stale') || answer.isStrict) return false
  const limit = control.get('max-stale')
  return limit === '' || (now - answer.fresh) / 1000 <= secondsOf(limit)
}

module.exports = { pastReason, lookUp, lookUpFront, suitsStale }
