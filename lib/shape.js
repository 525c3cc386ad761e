'use strict'

module.exports = { shapeFor }

const { NativeShape } = require('./native.js')
const { HegarTypeError } = require('./errors.js')

const readers = {
  split: (value) => typeof value === 'string' && value.length > 0,
  prefix: (value) => typeof value === 'string',
  number: (value) => typeof value === 'boolean',
}

const expected = {
  split: 'the separator, a string of at least one character',
  prefix: 'a string',
  number: 'true or false',
}

// Callers write shapes as literals in a handler, so the same shape comes as a new object each time; its text is
// what recognises it. The object in front saves the text for those who keep theirs.
const byObject = new WeakMap()
const byText = new Map()
const LIMIT = 200

/** The compiled form of a `shape` option, or null for none. A shape that is no shape throws a HegarTypeError. */
function shapeFor(shape) {
  if (shape === undefined || shape === null) return null
  if (typeof shape !== 'object' || Array.isArray(shape)) {
    throw new HegarTypeError(
      `shape must be an object, not ${Array.isArray(shape) ? 'an array' : typeof shape}`,
    )
  }
  const known = byObject.get(shape)
  if (known !== undefined) return known
  const text = JSON.stringify(checked(shape))
  let compiled = byText.get(text)
  if (compiled === undefined) {
    compiled = new NativeShape(text)
    if (byText.size >= LIMIT) byText.clear()
    byText.set(text, compiled)
  }
  // A shape that is frozen to the bottom can not change after it has been read; any other is read anew each time.
  if (Object.isFrozen(shape) && Object.values(shape).every(Object.isFrozen)) byObject.set(shape, compiled)
  return compiled
}

function checked(shape) {
  for (const [column, change] of Object.entries(shape)) {
    if (change === undefined) continue
    if (typeof change !== 'object' || change === null) {
      throw new HegarTypeError(`shape.${column} must be an object with split, prefix or number`)
    }
    for (const [name, value] of Object.entries(change)) {
      if (!Object.hasOwn(readers, name)) {
        throw new HegarTypeError(`shape.${column}.${name} is not known; there are split, prefix and number`)
      }
      if (value !== undefined && !readers[name](value)) {
        throw new HegarTypeError(`shape.${column}.${name} must be ${expected[name]}`)
      }
    }
  }
  return shape
}
