'use strict'

const assert = require('node:assert/strict')
const { after, before, describe, it, test } = require('node:test')
const { createPool } = require('../index.js')
const { rogueServer, ok, end, prepared, column, row } = require('./support/rogue.js')
const { testServer } = require('./support/server.js')

// MySQL gives `?` a type once, from the first value, where nothing else in the statement says which it has.
const VALUES = {
  integer: 5,
  'another integer': -7n,
  boolean: true,
  double: 1.5,
  text: 'abc',
  'text that begins with a number': '12x',
  bytes: Buffer.from('abc'),
  date: new Date(Date.UTC(2024, 1, 29, 12)),
}

describe('what a value means does not depend on the values before it', () => {
  const pools = []
  let options
  before(async () => {
    const { host, port, user, password } = await testServer()
    options = { host, port, user, password, connectionLimit: 1, timezone: 'Z' }
  })
  after(() => Promise.all(pools.map((pool) => pool.close())))

  const open = () => {
    const pool = createPool(options)
    pools.push(pool)
    return pool
  }

  for (const sql of ['SELECT ? AS v', 'SELECT HEX(?) AS v', 'SELECT CONCAT(?) AS v', 'SELECT 1 + ? AS v']) {
    it(sql, async () => {
      const used = open()
      for (const [first, before] of Object.entries(VALUES)) {
        for (const [second, value] of Object.entries(VALUES)) {
          // A text of its own has a prepared statement of its own.
          const fresh = await used.query(`${sql} /* ${first}, ${second} */`, [value])
          await used.query(sql, [before])
          assert.deepEqual(await used.query(sql, [value]), fresh, `${second} after ${first}`)
        }
      }
    })
  }
})

const PREPARE = 0x16
const EXECUTE = 0x17
const CLOSE = 0x19

/** A server that calls itself MySQL and lists what it is asked: prepares and closings, not executions. */
async function mysqlServer(t) {
  const asked = []
  let id = 0
  const server = await rogueServer(t, async (session) => {
    await session.welcome()
    for (let body; (body = await session.read()) !== null && body[0] !== 1;) {
      if (body[0] === PREPARE) {
        asked.push(`prepare ${++id}`)
        const params = body.filter((byte) => byte === 0x3f).length
        session.send(prepared({ id, params }), ...Array(params).fill(column('?')), column('a'))
      } else if (body[0] === CLOSE) asked.push(`close ${body.readUInt32LE(1)}`)
      else if (body[0] === EXECUTE) {
        session.send(Buffer.from([1]), column('a'), row(`by ${body.readUInt32LE(1)}`), end())
      } else session.send(ok())
    }
    session.socket.end()
  })
  const { host, port, user } = server
  const pool = createPool({ host, port, user, connectionLimit: 1 })
  t.after(() => pool.close({ drainMs: 0 }))
  const by = async (value) => (await pool.query('SELECT ? AS a', [value]))[0].a
  return { asked, by, pool }
}

test('MySQL gets a prepared statement for each kind of value, which NULL does not count as', async (t) => {
  const { asked, by } = await mysqlServer(t)
  assert.equal(await by(null), 'by 1')
  assert.equal(await by(1), 'by 1')
  assert.equal(await by('text'), 'by 2')
  for (const integer of [2, 3n, false, null]) assert.equal(await by(integer), 'by 1')
  assert.equal(await by(Buffer.from('bytes')), 'by 2')
  assert.equal(await by(1.5), 'by 3')
  assert.equal(await by(new Date(0)), 'by 4')
  for (const [value, statement] of [
    [1, 1],
    ['x', 2],
    [0.5, 3],
    [new Date(1), 4],
  ]) {
    assert.equal(await by(value), `by ${statement}`)
  }
  assert.deepEqual(asked, ['prepare 1', 'prepare 2', 'prepare 3', 'prepare 4'])
})

test('but never more than six of one text, however the kinds of several parameters mix', async (t) => {
  const { asked, pool } = await mysqlServer(t)
  const kinds = [1, 1.5, 'x', new Date(0)]
  for (const one of kinds) {
    for (const other of kinds) await pool.query('SELECT 1 IN (?) AS a', [[one, other]])
  }
  await pool.query('SELECT 2 AS a')
  const count = (what) => asked.filter((command) => command.startsWith(what)).length
  assert.equal(count('prepare'), 17)
  assert.equal(count('close'), 10)
})
