'use strict'

module.exports = { checkShape }

const { HegarTypeError } = require('./errors.js')

const isBoolean = (value) => typeof value === 'boolean'

const readers = {
  as: (value) => typeof value === 'string',
  omit: isBoolean,
  split: (value) => typeof value === 'string' && value.length > 0,
  prefix: (value) => typeof value === 'string',
  number: isBoolean,
  boolean: isBoolean,
  json: isBoolean,
}

const expected = {
  as: 'the name in the result, a string',
  omit: 'true or false',
  split: 'the separator, a string of at least one character',
  prefix: 'a string',
  number: 'true or false',
  boolean: 'true or false',
  json: 'true or false',
}

const known = 'as, omit, split, prefix, number, boolean and json'

/** Throws a HegarTypeError for a `shape` option that is no shape, naming what is wrong in it. */
function checkShape(shape) {
  if (typeof shape !== 'object' || shape === null || Array.isArray(shape)) {
    throw new HegarTypeError(
      `shape must be an object, not ${Array.isArray(shape) ? 'an array' : typeof shape}`,
    )
  }
  const renamed = new Map()
  for (const [column, change] of Object.entries(shape)) {
    if (change === undefined) continue
    if (typeof change !== 'object' || change === null) {
      throw new HegarTypeError(`shape.${column} must be an object with any of ${known}`)
    }
    for (const [name, value] of Object.entries(change)) {
      if (!Object.hasOwn(readers, name)) {
        throw new HegarTypeError(`shape.${column}.${name} is not known; there are ${known}`)
      }
      if (value !== undefined && !readers[name](value)) {
        throw new HegarTypeError(`shape.${column}.${name} must be ${expected[name]}`)
      }
    }
    checkTogether(column, change)
    if (change.as === undefined || change.omit) continue
    if (renamed.has(change.as)) {
      const both = `shape.${renamed.get(change.as)}.as and shape.${column}.as`
      throw new HegarTypeError(`${both} are both '${change.as}'; give each column a name of its own`)
    }
    renamed.set(change.as, column)
  }
}

function checkTogether(column, change) {
  const types = ['number', 'boolean', 'json'].filter((name) => change[name])
  if (types.length > 1) {
    throw new HegarTypeError(`shape.${column} can not be both ${types[0]} and ${types[1]}; choose one`)
  }
  if (types.length === 1 && change.prefix) {
    throw new HegarTypeError(
      `shape.${column} has a prefix, which makes it text, so it can not be ${types[0]}`,
    )
  }
  const others = Object.keys(change).filter((name) => name !== 'omit' && change[name] !== undefined)
  if (change.omit && others.length > 0) {
    throw new HegarTypeError(
      `shape.${column} is omitted, so ${others[0]} has no effect; leave one of them out`,
    )
  }
}
