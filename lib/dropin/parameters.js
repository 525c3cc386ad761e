'use strict'

const { isBoxedPrimitive, isDate, isUint8Array } = require('node:util').types
const { Typed } = require('./typed-parameter.js')

/**
 * The parameters of execute() as a prepared statement takes them: arrays and objects as JSON. Throws, as mysql2 does, for
 * undefined and functions.
 */
function toParameters(values) {
  if (values === undefined || values === null) return []
  if (!Array.isArray(values)) {
    throw new TypeError('Bind parameters must be array if namedPlaceholders parameter is not enabled')
  }
  return values.map(toParameter)
}

function toParameter(value) {
  switch (typeof value) {
    case 'undefined':
      throw new TypeError('Bind parameters must not contain undefined. To pass SQL NULL specify JS null')
    case 'function':
      throw new TypeError(
        'Bind parameters must not contain function(s). To pass the body of a function as a string call .toString() first',
      )
    case 'symbol':
      return value.toString()
    case 'object':
      if (value === null || isDate(value) || isUint8Array(value)) return value
      if (value instanceof Typed) return value.value
      if (isBoxedPrimitive(value)) return toParameter(value.valueOf())
      return JSON.stringify(value)
    default:
      return value
  }
}

module.exports = { toParameters }
