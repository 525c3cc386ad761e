'use strict'

const { optionError } = require('../errors.js')

// A reader checks one option's value and returns it in the form that the rest uses, or throws. Its second
// argument is the option's name as the caller wrote it. Readers never put a text value into a message, for any
// text may be a secret in the wrong place; numbers and the choices of a closed list are shown.

/** An integer from `min` to `max`; decimal digits in a string count too, since environment variables are strings. */
function integer(min, max) {
  const expected = `must be an integer from ${min} to ${max}`
  return (value, name) => {
    const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value
    if (typeof number !== 'number') throw invalid(name, expected, value)
    if (!Number.isInteger(number) || number < min || number > max) {
      throw refusal(name, `${expected}, but is ${number}`)
    }
    return number
  }
}

/** True or false; in a uri 1 and 0 too, as mysql2 reads them. */
function boolean(value, name, inUri) {
  if (inUri && (value === 1 || value === 0)) return value === 1
  if (typeof value !== 'boolean') throw invalid(name, 'must be true or false', value)
  return value
}

/** A string without NUL, at most `maxBytes` long in UTF-8. */
function text(maxBytes = 65535) {
  return (value, name) => {
    if (typeof value !== 'string') throw invalid(name, 'must be a string', value)
    if (value.includes('\0')) throw refusal(name, 'must not contain a NUL character')
    if (Buffer.byteLength(value) > maxBytes) throw refusal(name, `must be at most ${maxBytes} bytes long`)
    return value
  }
}

/** A PEM text, as a string or Buffer, whose sections are named like `label`. */
function pem(label) {
  const section = new RegExp(`-----BEGIN [A-Z0-9 ]*${label}-----`)
  return (value, name) => {
    const read = Buffer.isBuffer(value) ? value.toString('latin1') : value
    if (typeof read !== 'string') throw invalid(name, 'must be PEM text as a string or Buffer', value)
    if (!section.test(read)) {
      const what = `must be PEM text with a "BEGIN … ${label}" line`
      throw refusal(name, `${what}; to give a file, pass what fs.readFileSync(path) returns`)
    }
    return read
  }
}

/** The error for a value of the wrong type or out of range. */
function invalid(name, expected, value) {
  return refusal(name, `${expected}, but is ${typeName(value)}`)
}

/** The error for a value that is wrong for the reason that `sentence` gives. */
function refusal(name, sentence) {
  return optionError('HEGAR_OPTION_INVALID', `option '${name}' ${sentence}`, name)
}

function typeName(value) {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (Buffer.isBuffer(value)) return 'a Buffer'
  if (value === '') return 'an empty string'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

/** Own enumerable properties of a plain options object, in order; a symbol or an inherited name is no option. */
function entriesOf(value, name) {
  const plain =
    value !== null && typeof value === 'object' && !Array.isArray(value) && !ArrayBuffer.isView(value)
  if (!plain) throw invalid(name, 'must be an object', value)
  return Object.entries(value)
}

module.exports = { integer, boolean, text, pem, invalid, refusal, typeName, entriesOf }
