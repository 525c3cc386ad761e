'use strict'

const { HegarTypeError } = require('../errors.js')
const { readCallOptions } = require('../call-options.js')
const { boolean, invalid, refusal } = require('../options/readers.js')
const { readKey } = require('./options.js')

const readers = {
  tables: listOf(readTable),
  tags: listOf(readKey),
  keys: listOf(readKey),
  prefix: listOf(readPrefix),
  all: boolean,
}

/** The marks of what `db.invalidate` names, as src/cache/mod.rs writes them. */
function marksOf(what) {
  if (what === undefined || what === null) {
    throw new HegarTypeError('invalidate: say what: {tables, tags, keys, prefix} or {all: true}')
  }
  const {
    tables = [],
    tags = [],
    keys = [],
    prefix = [],
    all = false,
  } = readCallOptions('invalidate', what, readers)
  if (all) return ['*']
  // An empty list may be meant; a name that came to nothing is not.
  if (![what.tables, what.tags, what.keys, what.prefix].some((given) => given !== undefined)) {
    throw new HegarTypeError('invalidate: nothing was named; say {tables, tags, keys, prefix} or {all: true}')
  }
  return [
    ...tables.map((table) => `t:${table}`),
    ...tags.map((tag) => `g:${tag}`),
    ...keys.map((key) => `k:${key}`),
    ...prefix.map((start) => `p:${start}`),
  ]
}

// One string or an array of them.
function listOf(read) {
  return (value, name) => (Array.isArray(value) ? value : [value]).map((one) => read(one, name))
}

// Tables are told apart by their names alone, whatever their database.
function readTable(value, name) {
  const table = readKey(value, name)
  return table
    .slice(table.lastIndexOf('.') + 1)
    .replaceAll('`', '')
    .toLowerCase()
}

function readPrefix(value, name) {
  if (typeof value !== 'string') throw invalid(name, "must be a string such as 'products:list:'", value)
  const prefix = value.endsWith('*') ? value.slice(0, -1) : value
  if (!prefix.endsWith(':')) {
    throw refusal(
      name,
      "must end at a colon, such as 'products:list:', because keys are found by their parts",
    )
  }
  return readKey(prefix, name)
}

module.exports = { marksOf, readTable, listOf }
