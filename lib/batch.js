'use strict'

const { setImmediate: turn } = require('node:timers/promises')
const { readCallOptions, limitsOf, limitReaders } = require('./call-options.js')
const { Clock } = require('./clock.js')
const { HegarTypeError, optionError } = require('./errors.js')
const { Packing } = require('./params.js')
const { statementFor } = require('./statements.js')
const { watchLimits } = require('./watch.js')

// Rows cross to Rust in chunks of about this: packing one takes the JavaScript thread a millisecond or two.
const CHUNK_BYTES = 256 * 1024
// Rows that are checked before other events get their turn.
const CHECK_ROWS = 10_000
// What a value takes, and its text or bytes besides.
const VALUE_BYTES = 9

/**
 * The method by which a pool, a connection and a transaction run `work(channel, ahead)` within a transaction if
 * `wanted`: what fails is undone. `ahead` says whether rows may be sent before those in front of them are answered. When
 * a third argument, of `watchLimits`, ends it, its connection is closed.
 */
const enclose = Symbol('enclose')

const READERS = {
  signal: limitReaders.signal,
  transaction(value) {
    if (typeof value === 'boolean') return value
    throw optionError('HEGAR_OPTION_INVALID', "batch: 'transaction' must be true or false", 'transaction')
  },
  timeoutMs(value) {
    if (Number.isFinite(value) && value >= 0) return value
    throw optionError(
      'HEGAR_OPTION_INVALID',
      "batch: 'timeoutMs' must be a number of milliseconds from 0 up; 0 is no limit",
      'timeoutMs',
    )
  },
}

/** Runs `sql` for each of `rows` through `face`; `settings` are those of its channel. */
async function runBatch(face, settings, sql, rows, options) {
  const read = readCallOptions('batch', options, READERS)
  const { transaction = true, timeoutMs = settings.queryTimeoutMs, signal } = read
  const chunks = chunksOf(sql, rows, settings.timezone)
  // Its deadline is kept by a clock in Rust too.
  const watch = watchLimits(limitsOf({ signal }), 'the batch')
  try {
    const clock = new Clock('batch', timeoutMs)
    const first = await clock.within(watch.during(chunks.next(), () => {}))
    if (first.done) return nothing()
    const work = (channel, ahead) => sendAll({ channel, sql, chunks, first, ahead, timeoutMs, watch })
    return await face[enclose](transaction, work, watch)
  } catch (error) {
    // Rows that hang are not ended by their iterator, which waits for the next one.
    rows.destroy?.()
    throw watch.error ?? error
  } finally {
    watch.end()
    chunks.return().catch(() => {})
  }
}

// What all statements of a batch did together, as callers get it.
function nothing() {
  return { affectedRows: 0, insertId: 0, warningStatus: 0 }
}

function add(total, { affectedRows, insertId, warningStatus }) {
  total.affectedRows = sum(total.affectedRows, affectedRows)
  if (total.insertId === 0) total.insertId = insertId
  total.warningStatus += warningStatus
}

async function sendAll({ channel, sql, chunks, first, ahead, timeoutMs, watch }) {
  const clock = new Clock('batch', timeoutMs)
  const more = () => clock.within(watch.during(chunks.next(), () => {}))
  const total = nothing()
  let before = null
  for (let next = first; !next.done; next = await more()) {
    const { statement, packing, place } = next.value
    const left = clock.left()
    const sending = channel.call('batch', sql, (number) =>
      channel.native.batch(
        number,
        statement.native,
        packing.bytes,
        packing.length,
        statement.placeholders,
        place,
        left,
      ),
    )
    // Whoever awaits it later sees it fail; until then it is nobody's.
    sending.catch(() => {})
    if (before !== null) add(total, await before)
    before = sending
    if (!ahead) {
      add(total, await sending)
      before = null
    }
  }
  if (before !== null) add(total, await before)
  return total
}

/**
 * The rows in packed chunks, `{statement, packing, place}`; a chunk is valid until the next one is asked for. The rows of an array are
 * all checked before the first chunk, others when they are read.
 */
function chunksOf(sql, rows, timezone) {
  if (Array.isArray(rows)) return chunksOfArray(sql, rows, timezone)
  const isIterable = typeof rows?.[Symbol.iterator] === 'function' && typeof rows !== 'string'
  if (isIterable || typeof rows?.[Symbol.asyncIterator] === 'function') {
    return chunksOfIterable(sql, rows, timezone)
  }
  throw new HegarTypeError(
    `batch: the rows must be an array of rows or something to iterate over, not ${rows === null ? 'null' : typeof rows}`,
  )
}

async function* chunksOfArray(sql, rows, timezone) {
  if (rows.length === 0) return
  const statement = statementOf(sql, rows)
  const packing = new Packing()
  const packed = { first: 0, timezone, limit: CHUNK_BYTES }
  let next = packing.pack(statement, rows, 0, packed)
  const scratch = new Packing()
  for (let at = next; at < rows.length; at += CHECK_ROWS) {
    scratch.check(statement, rows, at, Math.min(at + CHECK_ROWS, rows.length), packed)
    await turn()
  }
  for (let place = 0; next > place;) {
    yield { statement, packing, place }
    place = next
    next = packing.pack(statement, rows, place, packed)
  }
}

async function* chunksOfIterable(sql, rows, timezone) {
  const packing = new Packing()
  let statement = null
  let first = 0
  let gathered = []
  let weight = 0
  function* pack() {
    statement ??= statementOf(sql, gathered)
    for (let at = 0; at < gathered.length;) {
      const next = packing.pack(statement, gathered, at, { first, timezone, limit: CHUNK_BYTES })
      yield { statement, packing, place: first + at }
      at = next
    }
    first += gathered.length
    gathered = []
    weight = 0
  }
  for await (const row of rows) {
    gathered.push(row)
    weight += weightOf(row)
    if (weight >= CHUNK_BYTES) yield* pack()
  }
  if (gathered.length > 0) yield* pack()
}

// About the bytes that a row packs to, of whatever it is made.
function weightOf(row) {
  if (row === null || typeof row !== 'object') return VALUE_BYTES
  let weight = VALUE_BYTES
  for (const value of Array.isArray(row) ? row : Object.values(row)) {
    const isLong = typeof value === 'string' || value instanceof Uint8Array
    weight += isLong ? VALUE_BYTES + value.length : VALUE_BYTES
  }
  return weight
}

// The first row tells whether all are arrays for `?` or objects for `:name`.
function statementOf(sql, rows) {
  const isNamed =
    rows.length > 0 && rows[0] !== null && typeof rows[0] === 'object' && !Array.isArray(rows[0])
  const statement = statementFor(sql, isNamed)
  if (statement.placeholders > 0) return statement
  throw new HegarTypeError(
    `batch: the statement has no placeholder ${isNamed ? ':name' : '?'} for the values of the rows`,
  )
}

function sum(one, other) {
  if (typeof one === 'number' && typeof other === 'number' && Number.isSafeInteger(one + other)) {
    return one + other
  }
  const exact = BigInt(one) + BigInt(other)
  return exact <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(exact) : exact
}

module.exports = { enclose, runBatch }
