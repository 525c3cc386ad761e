'use strict'

const { NativeShape } = require('./native.js')
const { optionError } = require('./errors.js')
const { limitReaders } = require('./call-options.js')
const { boolean, integer, text, invalid, refusal } = require('./options/readers.js')
const { readCasts, readTypeCasts } = require('./casts.js')
const { readEnvelope } = require('./envelope.js')
const { checkShape } = require('./shape.js')

const NEST_LENGTH = 16

// How rows are laid out and what becomes of values; of pools and of calls alike.
const poolReaders = {
  rowsAsArray: boolean,
  nestTables: readNestTables,
  casts: readCasts({ takesFunctions: false }),
  typeCasts: readTypeCasts,
}

const changes = { nest: readNest, nullObjects: boolean, shape: readShape }

/** The options of a call that gives rows as JSON, for readCallOptions. */
const jsonReaders = { ...limitReaders, ...poolReaders, ...changes, envelope: readEnvelope }

/** The options of a call that gives rows as objects, for readCallOptions. */
const rowReaders = {
  ...limitReaders,
  ...poolReaders,
  ...changes,
  columns: boolean,
  casts: readCasts({ takesFunctions: true }),
}

const stallReaders = { stallTimeoutMs: integer(0, 2 ** 31 - 1) }
const { columns: _, ...streamedReaders } = rowReaders
const { envelope: __, ...streamedJsonReaders } = jsonReaders

/** The options of a stream of rows, for readCallOptions. */
const streamReaders = { ...streamedReaders, ...stallReaders }

/** The options of a stream of JSON, for readCallOptions. */
const jsonStreamReaders = { ...streamedJsonReaders, ...stallReaders, format: readFormat }

function readFormat(value, name) {
  if (value !== 'array' && value !== 'ndjson') throw invalid(name, "must be 'array' or 'ndjson'", value)
  return value
}

const pageNames = ['casts', 'typeCasts', 'shape', 'nest', 'nullObjects']

/** Those of a page, read from its options. */
function pageRowOptions(options) {
  const read = {}
  for (const name of pageNames) {
    if (options[name] !== undefined) read[name] = rowReaders[name](options[name], name)
  }
  return read
}

/**
 * What a call wants that says nothing: `native` is a NativeShape or null for Rust, `text` the same as no other wish has
 * it, `describes` says whether the rows
 * have to come with their shape for what is left to do here.
 */
const PLAIN = Object.freeze({
  native: null,
  text: '',
  envelope: undefined,
  describes: false,
  wantsColumns: false,
  functions: null,
})

/** How the calls of a pool want their rows: the pool's own options with those of a call on top. */
class RowOptions {
  #defaults
  #plain = null
  #plainCall = null

  /** `defaults` has what `poolReaders` read. */
  constructor(defaults) {
    this.#defaults = defaults
    checkTogether(defaults)
  }

  /** What a call without options wants. */
  get plain() {
    return (this.#plain ??= this.#compile(this.#defaults))
  }

  /** The same, and what may end it: nothing. */
  get plainCall() {
    return (this.#plainCall ??= { wanted: this.plain, limits: null })
  }

  /**
   * What a call wants whose `options` have been read with the readers below. `inLines`: raw JSON may hold line breaks, so
   * where every row is a line it is written anew.
   */
  read(options, { inLines = false } = {}) {
    if (!has(options) && !inLines) return this.plain
    const defaults = { ...this.#defaults }
    // What a call says about the layout of its rows replaces what the pool says.
    if (options.rowsAsArray || options.nest) delete defaults.nestTables
    if (isNesting(options.nestTables) || options.nest) delete defaults.rowsAsArray
    const merged = { ...defaults, ...options }
    if (defaults.casts && options.casts) merged.casts = { ...defaults.casts, ...options.casts }
    if (defaults.typeCasts && options.typeCasts) {
      merged.typeCasts = { ...defaults.typeCasts, ...options.typeCasts }
    }
    checkTogether(merged)
    if (inLines)
      Object.assign(merged, { casts: rewritten(merged.casts), typeCasts: rewritten(merged.typeCasts) })
    return this.#compile(merged)
  }

  #compile(options) {
    const functions = functionsOf(options.casts)
    const wantsColumns = options.columns === true
    const describes = wantsColumns || functions !== null
    const wishes = wishesOf(options, describes)
    if (wishes === NO_WISHES && options.envelope === undefined) return PLAIN
    const native = shapeOf(wishes)
    return {
      native: options.envelope ? native.enveloped(...options.envelope) : native,
      text: options.envelope ? wishes + JSON.stringify(options.envelope) : wishes,
      envelope: options.envelope,
      describes,
      wantsColumns,
      functions,
    }
  }
}

const wishNames = [...Object.keys(poolReaders), ...Object.keys(changes), 'envelope', 'columns']

function rewritten(casts) {
  return (
    casts &&
    Object.fromEntries(Object.entries(casts).map(([name, cast]) => [name, cast === 'raw' ? 'json' : cast]))
  )
}

function has(options) {
  return wishNames.some((name) => options[name] !== undefined)
}

// An empty separator is one.
function isNesting(nestTables) {
  return nestTables !== undefined && nestTables !== false
}

function checkTogether({ rowsAsArray, nestTables, nest, shape }) {
  const nests = isNesting(nestTables)
  if (rowsAsArray && nests) throw contradiction('rowsAsArray', 'nestTables')
  if (rowsAsArray && nest) throw contradiction('rowsAsArray', 'nest')
  if (nests && nest) throw contradiction('nestTables', 'nest')
  if (rowsAsArray && shape !== undefined && shape.renames) throw contradiction('rowsAsArray', 'shape.as')
}

function contradiction(one, other) {
  const message = `options '${one}' and '${other}' say different things of what a row is; give one of them`
  return optionError('HEGAR_OPTION_INVALID', message, one)
}

function functionsOf(casts) {
  if (casts === undefined) return null
  const functions = Object.entries(casts).filter(([, cast]) => typeof cast === 'function')
  return functions.length === 0 ? null : new Map(functions)
}

// The text that src/codec/shape.rs reads.
function wishesOf(options, describes) {
  const { nestTables = false, nest = null, nullObjects = false, shape, casts, typeCasts } = options
  const separator = typeof nestTables === 'string' ? nestTables : ''
  const rows = options.rowsAsArray
    ? 'arrays'
    : nestTables === true
      ? 'tables'
      : nestTables === false
        ? 'objects'
        : 'prefixed'
  return (
    `{"rows":"${rows}","separator":${JSON.stringify(separator)},"nest":${JSON.stringify(nest)},` +
    `"nullObjects":${nullObjects},"describes":${describes},"columns":${shape?.text ?? '{}'},` +
    `"casts":${casts === undefined ? '{}' : textOf(casts, named)},` +
    `"typeCasts":${typeCasts === undefined ? '{}' : textOf(typeCasts, given)}}`
  )
}

// Without functions, which JSON.stringify calls if they are named toJSON.
function textOf(casts, read) {
  return JSON.stringify(Object.fromEntries(Object.entries(casts).map(([name, cast]) => [name, read(cast)])))
}

// A function keeps its column from the cast of its type.
function named(cast) {
  return typeof cast === 'function' ? null : cast
}

function given(cast) {
  return cast ?? undefined
}

const NO_WISHES = wishesOf({}, false)

// Callers write options as literals in a handler, so the same ones come as new objects each time; their text is what
// recognises them.
const shapes = new Map()
const LIMIT = 200

function shapeOf(wishes) {
  let shape = shapes.get(wishes)
  if (shape === undefined) {
    shape = new NativeShape(wishes)
    if (shapes.size >= LIMIT) shapes.clear()
    shapes.set(wishes, shape)
  }
  return shape
}

const shapeTexts = new WeakMap()

// `{text, renames}` of a `shape` option.
function readShape(shape) {
  if (shape === null) return undefined
  const known = typeof shape === 'object' ? shapeTexts.get(shape) : undefined
  if (known !== undefined) return known
  checkShape(shape)
  const renames = Object.values(shape).some((change) => change?.as !== undefined)
  const read = { text: JSON.stringify(shape), renames }
  // One that is frozen to the bottom can not change after it has been read; any other is read anew each time.
  if (Object.isFrozen(shape) && Object.values(shape).every(Object.isFrozen)) shapeTexts.set(shape, read)
  return read
}

function readNestTables(value, name) {
  if (typeof value === 'string') return text(64)(value, name)
  if (typeof value !== 'boolean') {
    throw invalid(name, "must be true, false or the separator of table and column, such as '_'", value)
  }
  return value
}

function readNest(value, name) {
  if (value === false) return null
  if (value === true) return '.'
  if (typeof value !== 'string')
    throw invalid(name, "must be true, false or a separator, such as '__'", value)
  if (value === '') throw refusal(name, 'must be a separator of at least one character')
  return text(NEST_LENGTH)(value, name)
}

module.exports = {
  PLAIN,
  RowOptions,
  rowReaders,
  jsonReaders,
  streamReaders,
  jsonStreamReaders,
  poolReaders,
  pageRowOptions,
}
