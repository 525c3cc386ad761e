'use strict'

module.exports = { native, errorOf, invalid, unsupported, unknown }

// What the tests of options ask: the normalised options, or the error that refuses them.

const assert = require('node:assert/strict')
const { inspect } = require('node:util')

const { HegarError } = require('../lib/errors.js')
const { normaliseOptions } = require('../lib/options.js')

function native(options, surroundings) {
  return normaliseOptions(options, surroundings).native
}

function errorOf(options, surroundings) {
  try {
    normaliseOptions(options, surroundings)
  } catch (error) {
    assert.ok(error instanceof HegarError, inspect(error))
    return error
  }
  return assert.fail(`accepted ${inspect(options)}`)
}

function invalid(options, ...patterns) {
  return refused(options, 'HEGAR_OPTION_INVALID', patterns)
}

function unsupported(options, ...patterns) {
  return refused(options, 'HEGAR_OPTION_UNSUPPORTED', patterns)
}

function unknown(options, ...patterns) {
  return refused(options, 'HEGAR_OPTION_UNKNOWN', patterns)
}

function refused(options, code, patterns) {
  const error = errorOf(options)
  assert.equal(error.code, code, error.message)
  for (const pattern of patterns) assert.match(error.message, pattern)
  return error
}
