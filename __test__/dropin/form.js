'use strict'

const { createHash } = require('node:crypto')
const { EventEmitter } = require('node:events')
const { types } = require('node:util')

// A string of this length is still compared by its text; past it by its hash, so that a report stays readable.
const LONGEST_TEXT = 400

// What both originals let one read of a column. Some are getters and so no own keys.
const FIELD_PROPERTIES = [
  'catalog',
  'schema',
  'db',
  'table',
  'orgTable',
  'name',
  'orgName',
  'characterSet',
  'charsetNr',
  'encoding',
  'columnLength',
  'length',
  'columnType',
  'type',
  'flags',
  'decimals',
  'default',
  'zeroFill',
  'protocol41',
  'extendedTypeName',
  'extendedFormat',
]

/**
 * Makes the functions that turn what a driver gave into strings, arrays and `{ class, keys, values }`, in which two
 * things are equal only if they have the same type, the same value and the same order of properties.
 *
 * `mask(text)` is applied to every string: it hides what cannot be equal on both sides.
 */
function makeForms(mask = (text) => text) {
  function text(kind, value) {
    const shown = mask(value)
    if (shown.length <= LONGEST_TEXT) return `${kind} ${JSON.stringify(shown)}`
    return `${kind} of ${shown.length} with the hash ${createHash('sha1').update(shown).digest('hex')}`
  }

  function form(value, above = []) {
    switch (typeof value) {
      case 'string':
        return text('string', value)
      case 'number':
        return `number ${Object.is(value, -0) ? '-0' : value}`
      case 'undefined':
        return 'undefined'
      case 'function':
        return 'function'
      case 'object':
        return value === null ? 'null' : objectForm(value, above)
      default:
        return `${typeof value} ${String(value)}`
    }
  }

  function objectForm(value, above) {
    if (above.includes(value)) return 'a cycle'
    if (Buffer.isBuffer(value)) return text('Buffer', value.toString('hex'))
    if (types.isDate(value)) return `Date ${Number.isNaN(value.getTime()) ? 'Invalid' : value.toISOString()}`
    if (types.isPromise(value)) return 'promise'
    const inner = [...above, value]
    if (value instanceof Error) return errorForm(value, inner)
    if (value instanceof EventEmitter) return `emitter ${className(value)}`
    const keys = Object.keys(value)
    // An array with holes or with names of its own is shown by its keys.
    if (Array.isArray(value) && keys.length === value.length) return value.map((item) => form(item, inner))
    return {
      class: className(value),
      keys: keys.map(mask),
      values: keys.map((key) => form(value[key], inner)),
    }
  }

  // The order of an error's properties says nothing, so they are sorted. Its stack is left out: it names files.
  function errorForm(error, above) {
    const own = Object.keys(error).filter((key) => key !== 'stack')
    const keys = [...new Set([...own, 'message'])].sort()
    return { class: className(error), keys, values: keys.map((key) => form(error[key], above)) }
  }

  function fieldsForm(fields) {
    if (Array.isArray(fields)) return fields.map(fieldsForm)
    if (typeof fields !== 'object' || fields === null) return form(fields)
    const keys = FIELD_PROPERTIES.filter((key) => key in fields)
    return {
      class: className(fields),
      // A leading underscore is mysql2's mark for what is its own business, such as the packet's buffer.
      shown: Object.keys(fields).filter((key) => !key.startsWith('_')),
      keys,
      values: keys.map((key) => form(fields[key])),
    }
  }

  return { form, fieldsForm }
}

// Not `value.constructor`: a row may have a column of that name.
function className(value) {
  const prototype = Object.getPrototypeOf(value)
  if (prototype === null) return 'no prototype'
  const { constructor } = prototype
  return typeof constructor === 'function' ? constructor.name : 'no constructor'
}

/** Sentences about where two forms differ, at most `limit`. */
function differences(original, dropin, limit = 12) {
  const found = []
  const report = (path, a, b) => found.push(`${path}: the original has ${show(a)}, the drop-in ${show(b)}`)
  function compare(a, b, path) {
    if (found.length >= limit || a === b) return
    if (Array.isArray(a) && Array.isArray(b)) {
      if (a.length !== b.length) report(`${path}.length`, a.length, b.length)
      for (let i = 0; i < Math.min(a.length, b.length); i++) compare(a[i], b[i], `${path}[${i}]`)
    } else if (isPlain(a) && isPlain(b)) {
      if (Array.isArray(a.keys) && Array.isArray(b.keys)) compareKeyed(a, b, path)
      else
        for (const key of new Set([...Object.keys(a), ...Object.keys(b)]))
          compare(a[key], b[key], `${path}.${key}`)
    } else report(path, a, b)
  }
  function compareKeyed(a, b, path) {
    if (a.class !== b.class) report(`${path} (class)`, a.class, b.class)
    if (String(a.shown) !== String(b.shown)) report(`${path} (own keys)`, a.shown, b.shown)
    if (JSON.stringify(a.keys) !== JSON.stringify(b.keys)) report(`${path} (keys)`, a.keys, b.keys)
    a.keys.forEach((key, i) => {
      const j = b.keys.indexOf(key)
      if (j !== -1) compare(a.values[i], b.values[j], `${path}.${key}`)
    })
  }
  compare(original, dropin, '')
  return found.slice(0, limit)
}

const isPlain = (value) => typeof value === 'object' && value !== null && !Array.isArray(value)

function show(value) {
  const shown = typeof value === 'string' ? value : JSON.stringify(value)
  return shown?.length > 300 ? `${shown.slice(0, 300)}…` : shown
}

module.exports = { makeForms, differences }
