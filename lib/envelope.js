'use strict'

module.exports = { readEnvelope }

const { HegarTypeError } = require('./errors.js')

const NAMES = ['key', 'before', 'after']

/**
 * The text in front of the rows and the one behind them, `[head, tail]`, for an `envelope` option: head, rows and tail
 * are `JSON.stringify({...before, [key]: rows, ...after})`.
 */
function readEnvelope(value) {
  if (!isPlain(value)) throw new HegarTypeError('envelope must be an object with key, before and after')
  for (const name of Object.keys(value)) {
    if (!NAMES.includes(name)) {
      throw new HegarTypeError(`envelope.${name} is not known; there are key, before and after`)
    }
  }
  const { key, before = {}, after = {} } = value
  if (typeof key !== 'string') {
    throw new HegarTypeError('envelope.key must be a string, the name that the rows get')
  }
  // An object without a prototype has the order of every object, and a place for `__proto__`.
  const texts = Object.create(null)
  addMembers(texts, before, 'before')
  add(texts, key, '')
  addMembers(texts, after, 'after')
  const names = Object.keys(texts)
  const at = names.indexOf(key)
  const members = names.map((name) => `${JSON.stringify(name)}:${texts[name]}`)
  return [`{${members.slice(0, at + 1).join(',')}`, `${['', ...members.slice(at + 1)].join(',')}}`]
}

function addMembers(texts, members, part) {
  if (!isPlain(members)) throw new HegarTypeError(`envelope.${part} must be an object`)
  for (const [name, value] of Object.entries(members)) {
    const text = textOf(value, `envelope.${part}.${name}`)
    if (text !== undefined) add(texts, name, text)
  }
}

function add(texts, name, text) {
  if (Object.hasOwn(texts, name))
    throw new HegarTypeError(`envelope has '${name}' twice; leave one of them out`)
  texts[name] = text
}

function textOf(value, path) {
  try {
    return JSON.stringify(value)
  } catch (error) {
    throw new HegarTypeError(`${path} can not be written as JSON: ${error.message}`)
  }
}

function isPlain(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)
}
