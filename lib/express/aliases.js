'use strict'

const { hostOf } = require('./key.js')
const { lookUpFront } = require('./look-up.js')

// Addresses as they were asked for, with the route and the key that their answers have: so the front, which knows no routes,
// finds an answer without taking the address apart.

const MOST = 4096
const LONGEST = 1024

class Aliases {
  #store
  #byAddress = new Map()

  constructor(store) {
    this.#store = store
  }

  /** The middleware of a route has an answer for this request under `key`. */
  add(route, req, key) {
    const url = req.originalUrl ?? req.url
    if (url.length > LONGEST) return
    const address = addressOf(req, url)
    const known = this.#byAddress.get(address)
    if (known !== undefined) {
      known.route = route
      known.key = key
      return
    }
    if (this.#byAddress.size >= MOST) {
      // The oldest one goes; if it is asked for, it comes back.
      this.#byAddress.delete(this.#byAddress.keys().next().value)
    }
    this.#byAddress.set(address, { route, key })
  }

  /** `{route, answer}` for a request that may be answered before any middleware has run, or null. */
  find(req, now) {
    const { method, headers, url } = req
    if ((method !== 'GET' && method !== 'HEAD') || headers.range !== undefined) return null
    const known = this.#byAddress.get(addressOf(req, url))
    if (known === undefined) return null
    const answer = lookUpFront(known.route, this.#store, known.key, headers, now)
    return answer === null ? null : { route: known.route, answer }
  }
}

// The parts are apart by what can be in none of them.
function addressOf(req, url) {
  const { headers } = req
  const host = headers['x-forwarded-host']
  const scheme = headers['x-forwarded-proto']
  const address = `${hostOf(req)}\n${url}`
  if (host === undefined && scheme === undefined && !req.socket?.encrypted) return address
  return JSON.stringify([address, host, scheme, Boolean(req.socket?.encrypted)])
}

module.exports = { Aliases }
