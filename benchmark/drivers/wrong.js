'use strict'

// Drivers that answer wrongly, each in one way, for the self-test: mysql2 with something spoilt in between.
// They are not in the list of drivers and take no part in a benchmark.

const mysql2 = require('./mysql2')

/** How each spoils the answer to its `call`-th question; returns the rows to hand on. */
const SPOILERS = {
  'wrong.value': (rows) => [{ ...rows[0], stock: rows[0].stock + 1 }, ...rows.slice(1)],
  'wrong.type': (rows) => [{ ...rows[0], id: String(rows[0].id) }, ...rows.slice(1)],
  'wrong.null': (rows) => rows.map((row) => ({ ...row, sale_price: row.sale_price ?? 0 })),
  'wrong.column': (rows) => rows.map(({ stock, ...row }) => ({ stock, ...row })),
  'wrong.order': (rows) => [...rows].reverse(),
  'wrong.rows': (rows) => rows.slice(1),
  // Right for as many questions as a check asks of a process, wrong in the middle of a timed window.
  'wrong.late': (rows, call) => (call < LATE ? rows : [{ ...rows[0], stock: -1 }, ...rows.slice(1)]),
  'wrong.late.rows': (rows, call) => (call < LATE ? rows : rows.slice(1)),
}

// A check of page20 asks 502 questions, the self-test's window lasts for 2,000.
const LATE = 1000

/** Gives answers that belong to the question before, as a client that mixes up its replies would. */
function swapped(driver) {
  let previous = null
  return async (sql, params) => {
    const rows = await driver.objects(sql, params)
    const answer = previous ?? rows
    previous = rows
    return answer
  }
}

function open(server, { spoil, path }, limits) {
  const driver = mysql2.open(server, { method: 'query' }, limits)
  let calls = 0
  const objects =
    spoil === 'wrong.swap'
      ? swapped(driver)
      : async (sql, params) => SPOILERS[spoil](await driver.objects(sql, params), ++calls)
  if (path === 'objects') return { objects }
  const json = (sql, params) => objects(sql, params).then((rows) => Buffer.from(JSON.stringify(rows)))
  return { objects: driver.objects, json }
}

const WRONG_DRIVERS = {}
for (const spoil of [...Object.keys(SPOILERS), 'wrong.swap']) {
  for (const path of ['objects', 'json']) {
    WRONG_DRIVERS[`${spoil} (${path})`] = { runtime: 'node', package: 'mysql2', file: './wrong', spoil, path }
  }
}

module.exports = { open, WRONG_DRIVERS }
