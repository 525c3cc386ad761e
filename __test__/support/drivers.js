'use strict'

const assert = require('node:assert/strict')
const mysql2 = require('mysql2/promise')
const { createPool } = require('../../index.js')
const { makeSequences } = require('./mysql.js')
const { testServer } = require('./server.js')

const FLOAT = 4

// Asked for while the test file loads: hooks that stop a server must belong to the file, not to a hook in it.
const serverReady = testServer()
let databases = 0

/**
 * hegar-native and mysql2 on a database of their own, with the same options. `same(sql)` asserts that both read the
 * same rows: as objects, types and invalid dates included, and as JSON to the byte; `same(sql, layout)` the same for a
 * call with rowsAsArray or nestTables. mysql2 is asked in the text
 * protocol, because that is what `query` of existing programs speaks.
 *
 * A FLOAT is the one documented difference: the server's text keeps six digits of it, so the value expected there
 * is the shortest decimal of what mysql2 reads in the binary protocol.
 */
async function openDrivers(options = {}, { mysql2Options = options } = {}) {
  const { host, port, user, password } = await serverReady
  const name = `hegar_d${process.pid}_${++databases}`
  const target = { host, port, user, password, database: name }
  const admin = await mysql2.createConnection({ host, port, user, password })
  await admin.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`)
  await makeSequences(admin, name)
  const my = mysql2.createPool({ ...target, connectionLimit: 1, ...mysql2Options })
  const db = createPool({ ...target, connectionLimit: 2, queryTimeoutMs: 20_000, ...options })

  async function expectedRows(sql, layout = options) {
    const [rows, fields] = await my.query({ sql, ...layout })
    // Of columns in the same place the last one counts.
    const places = new Map(
      fields.map((field, index) => [JSON.stringify(pathOf(field, index, layout)), index]),
    )
    const floats = [...places].filter(([, index]) => fields[index].columnType === FLOAT)
    if (floats.length === 0) return rows
    const [exact] = await my.execute({ sql, rowsAsArray: true, nestTables: false })
    for (const [path, column] of floats) {
      const names = JSON.parse(path)
      for (const [index, row] of rows.entries()) {
        const object = names.slice(0, -1).reduce((outer, name) => outer[name], row)
        object[names.at(-1)] = shortestSingle(exact[index][column])
      }
    }
    return rows
  }

  async function same(sql, layout) {
    const expected = await expectedRows(sql, layout)
    const rows = await db.query(sql, null, layout)
    const json = await db.queryJson(sql, null, layout)
    assertSameRows(rows, expected, sql)
    assert.equal(json.toString(), JSON.stringify(expected), sql)
    return rows
  }

  return {
    db,
    my,
    name,
    target,
    same,
    expectedRows,
    /** Statements through mysql2, one after the other on one connection. */
    async run(...statements) {
      for (const sql of statements) await my.query(sql)
    },
    async close() {
      await db.close()
      await my.end()
      await admin.query(`DROP DATABASE ${name}`)
      await admin.end()
    },
  }
}

function pathOf({ table, name }, index, { rowsAsArray, nestTables }) {
  if (typeof nestTables === 'string') return [table + nestTables + name]
  if (nestTables) return [table, name]
  return rowsAsArray ? [index] : [name]
}

/** The double that the shortest decimal of a single precision number means; of two equally near ones the even one. */
function shortestSingle(value) {
  if (value === null || !Number.isFinite(value)) return value
  const [, sign, first, more, exponent] = /^(-?)(\d)\.(\d+)e(.+)$/.exec(value.toExponential(100))
  for (let digits = 1; digits <= 9; digits++) {
    const kept = (first + more).slice(0, digits)
    const isTie = /^50*$/.test((first + more).slice(digits))
    const even = isTie && Number(kept) % 2 === 0
    const text = even ? `${sign}${kept}e${Number(exponent) - digits + 1}` : value.toPrecision(digits)
    if (Math.fround(Number(text)) === value) return Number(text)
  }
  return value
}

function assertSameRows(actual, expected, message) {
  assert.deepStrictEqual(comparable(actual), comparable(expected), message)
}

/** Two invalid dates are not deepStrictEqual in Node 20, so they are replaced by something that is. */
function comparable(value) {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? { invalid: 'Date' } : value
  if (value === null || typeof value !== 'object' || Buffer.isBuffer(value)) return value
  if (Array.isArray(value)) return value.map(comparable)
  const copy = Object.create(Object.getPrototypeOf(value))
  for (const key of Object.keys(value)) {
    Object.defineProperty(copy, key, {
      value: comparable(value[key]),
      enumerable: true,
      writable: true,
      configurable: true,
    })
  }
  return copy
}

module.exports = { openDrivers, assertSameRows, shortestSingle }
