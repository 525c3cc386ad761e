'use strict'

const { after, before, describe, it } = require('node:test')
const assert = require('node:assert/strict')
const net = require('node:net')
const mysql2 = require('mysql2/promise')
const { mariadbOnly } = require('../support/mysql.js')
const { testServer } = require('../support/server.js')
const { differences } = require('./form.js')
const { Session } = require('./session.js')

let suites = 0

/**
 * Registers a test for each case that runs it with the original and with the drop-in, each in a database of its own
 * that `prepare` filled, and fails where anything that the case observed is not the same.
 *
 * - `api`: 'mysql', 'mysql2' or 'promise'; how a case opens connections and asks.
 * - `cases`: `{ name, run(driver, session), atOnce }`, run in their order. See session.js for what a case can do. One that
 *   waits for the server's sake runs on both sides `atOnce`.
 * - `base`: options that every connection has.
 * - `prepare`: statements of one connection that has selected the database; `{database}` in them is its name.
 * - `differs`: `{ [case]: { reason, original(journal), dropin(journal) } }`, the deliberate differences. Both functions
 *   assert what their side is to do. A case may have the same as `differs`.
 */
function compareCases({
  name,
  api,
  original,
  dropin,
  cases,
  prepare = [],
  cleanup = [],
  differs = {},
  base = {},
}) {
  const sides = []
  const number = ++suites
  let admin
  let calls = 0
  describe(name, mariadbOnly('the cases name types and tables of MariaDB'), () => {
    before(async () => {
      const { host, port, user, password } = await testServer()
      admin = await mysql2.createConnection({ host, port, user, password, multipleStatements: true })
      const closedPort = await portWithoutServer()
      for (const [mark, driver] of [
        ['a', original],
        ['b', dropin],
      ]) {
        // Of one length, because the length of a name is seen in the length of a column.
        const database = `dropin_${process.pid}_${number}${mark}`
        await fill(admin, database, prepare)
        const options = { host, port, user, password, database, ...base }
        sides.push({ driver, api, options, closedPort, marks: [[database, '<database>']] })
      }
    })
    after(async () => {
      for (const { options } of sides) {
        await admin.query(`DROP DATABASE IF EXISTS ${options.database}`)
        for (const sql of cleanup) await admin.query(sql.replaceAll('{database}', options.database))
      }
      await admin.end()
    })
    for (const one of cases) {
      it(one.name, async () => {
        const first = observe(sides[0], one)
        if (!one.atOnce) await first
        const [seen, seenOfDropin] = await Promise.all([first, observe(sides[1], one)])
        calls += seen.calls
        const expected = differs[one.name] ?? one.differs
        if (original === dropin) selfCheck(seen.journal, seenOfDropin.journal, expected)
        else judge(seen.journal, seenOfDropin.journal, expected)
      })
    }
    it('has compared at least as many calls as there are cases', (context) => {
      context.diagnostic(`${calls} calls compared in ${cases.length} cases`)
      assert.ok(calls >= cases.length, `${calls} calls in ${cases.length} cases`)
    })
  })
}

/** Runs one case with one side: `{ journal, calls }`. */
async function observe({ marks, ...side }, { run }) {
  const session = new Session({ ...side, marks: [...marks] })
  const journal = await session.run(run)
  const { calls } = session
  await session.close()
  return { journal, calls }
}

/** Fails unless both journals are the same, or differ as they are expected to. */
function judge(original, dropin, expected) {
  const found = differences(named(original), named(dropin))
  if (expected) {
    assert.ok(found.length > 0, `the same by now, though it was to differ: ${expected.reason}`)
    expected.original(original)
    expected.dropin(dropin)
    return
  }
  assert.ok(original.length > 0, 'the case observed nothing')
  if (found.length > 0) assert.fail(`${found.join('\n')}\n\n${outline(original, dropin)}`)
}

/** The same with the original in the place of the drop-in. What is expected of the original then holds for both. */
function selfCheck(first, second, expected) {
  judge(first, second)
  for (const journal of expected ? [first, second] : []) expected.original(journal)
}

// So that a difference names the call and not its number. An entry on one side only shows as an order that differs.
function named(journal) {
  const keys = journal.map(({ label }, i) => `${i + 1}. ${label}`)
  return { class: 'order', keys, values: journal.map(({ seen }) => seen) }
}

function outline(original, dropin) {
  const [a, b] = [original, dropin].map((journal) => journal.map(({ label }) => label).join('\n  '))
  return a === b ? 'The order is the same.' : `The original:\n  ${a}\nThe drop-in:\n  ${b}`
}

async function fill(admin, database, prepare) {
  await admin.query(`CREATE DATABASE ${database} CHARACTER SET utf8mb4; USE ${database}`)
  for (const sql of prepare) await admin.query(sql.replaceAll('{database}', database))
}

// Both sides are refused at the same port, so that errors can be equal to the digit.
async function portWithoutServer() {
  const server = net.createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** The driver to compare with: the drop-in, or the original itself when HEGAR_DROPIN_ORIGINAL is 1 (a self-check). */
function dropinOr(original, file) {
  return process.env.HEGAR_DROPIN_ORIGINAL === '1' ? original : require(file)
}

module.exports = { compareCases, observe, judge, dropinOr }
