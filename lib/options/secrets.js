'use strict'

const { inspect } = require('node:util')
const { invalid, refusal } = require('./readers.js')

const LEAST_BYTES = 16
const MOST_BYTES = 1024
const MOST_SECRETS = 8

/** Secrets that show themselves only to the code that asks by name. */
class Secrets {
  #list

  constructor(list) {
    this.#list = list
  }

  reveal() {
    return this.#list
  }

  toJSON() {
    return '***'
  }

  [inspect.custom]() {
    return '***'
  }
}

/** One secret or, for changing it, an array of them, each a string or bytes of at least 16 bytes. */
function readSecrets(value, name) {
  const list = Array.isArray(value) ? value : [value]
  if (list.length === 0 || list.length > MOST_SECRETS) {
    throw refusal(name, `must be a secret or an array of 1 to ${MOST_SECRETS} of them`)
  }
  return new Secrets(list.map((secret) => bytesOf(secret, name)))
}

function bytesOf(secret, name) {
  if (typeof secret !== 'string' && !(secret instanceof Uint8Array)) {
    throw invalid(name, 'must be a string, a Buffer, or an array of these', secret)
  }
  const bytes = Buffer.from(secret)
  if (bytes.length < LEAST_BYTES || bytes.length > MOST_BYTES) {
    throw refusal(name, `must have from ${LEAST_BYTES} to ${MOST_BYTES} bytes, better 32 random ones`)
  }
  return bytes
}

module.exports = { readSecrets }
