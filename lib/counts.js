'use strict'

const { createHash } = require('node:crypto')
const { HegarTypeError } = require('./errors.js')

const LIMIT = 1000

/** Counts that are kept for a while, for one pool. Those who ask for one that is being counted wait for it together. */
class Counts {
  #entries = new Map()

  /** The count under `key` that is at most `ttlMs` old, else what `load()` gives, which is kept. */
  get(key, ttlMs, load) {
    const known = this.#entries.get(key)
    if (known !== undefined && (known.since === null || performance.now() - known.since < ttlMs)) {
      // Renewed, so that the least used one is forgotten first.
      this.#entries.delete(key)
      this.#entries.set(key, known)
      return known.count
    }
    const entry = { count: load(), since: null }
    this.#entries.delete(key)
    if (this.#entries.size >= LIMIT) this.#entries.delete(this.#entries.keys().next().value)
    this.#entries.set(key, entry)
    entry.count.then(
      () => {
        entry.since = performance.now()
      },
      () => {
        if (this.#entries.get(key) === entry) this.#entries.delete(key)
      },
    )
    return entry.count
  }
}

/** What a count is kept under: its statement and parameters, of which nothing else is kept. */
function countKey(sql, { bytes, length }) {
  return createHash('sha256').update(`${sql}\0`).update(bytes.subarray(0, length)).digest('base64')
}

function totalOf(counted) {
  const first = Array.isArray(counted) && counted.length > 0 ? Object.values(counted[0])[0] : undefined
  const total = Number(first)
  if (first === null || first === undefined || !Number.isSafeInteger(total) || total < 0) {
    throw new HegarTypeError('paginate: the count statement must return one row with one whole number')
  }
  return total
}

/**
 * How many rows the optimiser expects, from the row of EXPLAIN FORMAT=JSON; null where it says nothing of it.
 *
 * Both servers describe the tables of a join from the outside in. MySQL says what has come out up to each of them,
 * MariaDB how many rows of each match, so there they are multiplied.
 */
function estimateOf(explained) {
  const text = Array.isArray(explained) && explained.length > 0 ? Object.values(explained[0])[0] : undefined
  if (text === undefined || text === null) return null
  try {
    const plan = typeof text === 'object' && !Buffer.isBuffer(text) ? text : JSON.parse(text)
    const rows = plan.query_plan === undefined ? rowsOf(plan.query_block) : estimatedIn(plan.query_plan)
    return rows === null ? null : Math.min(Math.round(rows), Number.MAX_SAFE_INTEGER)
  } catch {
    return null
  }
}

// The form of MySQL 9, whose steps say themselves how many rows come out of them; some do not.
function estimatedIn({ estimated_rows: rows, inputs = [] }) {
  if (rows !== undefined) return Number(rows)
  return inputs.length === 0 ? null : estimatedIn(inputs[0])
}

// What is computed beside the rows, for a cell or a condition or before the join, and is no factor of their number.
const beside = /subquer|^materialized/

function rowsOf(block) {
  const parts = block.union_result?.query_specifications
  if (parts) return sum(parts.map((part) => rowsOf(part.query_block)))
  const tables = []
  collect(block, tables)
  if (tables.length === 0) return null
  let product = 1
  let produced = null
  for (const table of tables) {
    if (table.message !== undefined) return /^Impossible|no matching row/i.test(table.message) ? 0 : null
    if (table.rows_produced_per_join !== undefined) produced = Number(table.rows_produced_per_join)
    const rows = Number(table.rows ?? table.rows_examined_per_scan)
    // MariaDB says nothing of a row that it has read while planning.
    if (!Number.isNaN(rows)) product *= (rows * Number(table.filtered ?? 100)) / 100
  }
  return produced ?? product
}

function collect(node, tables) {
  if (node === null || typeof node !== 'object') return
  for (const [name, child] of Object.entries(node)) {
    if (name === 'table') tables.push(child)
    else if (!beside.test(name)) collect(child, tables)
  }
}

function sum(values) {
  return values.includes(null) ? null : values.reduce((total, value) => total + value, 0)
}

module.exports = { Counts, countKey, totalOf, estimateOf }
