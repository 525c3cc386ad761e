'use strict'

// Writes by others, from the server's binary log.

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const { after, before, describe, it } = require('node:test')
const { setTimeout: sleep } = require('node:timers/promises')
const { promisify } = require('node:util')
const { createPool } = require('../index.js')
const { ensureClient } = require('../tools/mariadb-install.js')
const { mariadbOnly } = require('./support/mysql.js')
const { ownServer } = require('./support/own-server.js')
const { until } = require('./support/outcome.js')

const ALL = 'SELECT id, n FROM followed ORDER BY id'

describe('with followBinlog, a kept result', mariadbOnly('its server is started with a log'), () => {
  let server, db
  before(async () => {
    server = await ownServer({ args: ['--log-bin', '--binlog-format=ROW', '--server-id=1'] })
    await server.run(
      'CREATE DATABASE shop',
      'CREATE TABLE shop.followed (id INT PRIMARY KEY, n INT)',
      'CREATE TABLE shop.others (id INT PRIMARY KEY, n INT)',
      'CREATE TABLE shop.parents (id INT PRIMARY KEY)',
      'CREATE TABLE shop.children (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES shop.parents (id) ON DELETE CASCADE)',
      'INSERT INTO shop.followed VALUES (1, 1)',
      'INSERT INTO shop.parents VALUES (1)',
      'INSERT INTO shop.children VALUES (1, 1)',
    )
    db = createPool({ ...server.options, database: 'shop', cache: { followBinlog: true } })
    await until('the log is followed', () => db.stats().cache.binlog.isFollowed)
  })
  const warnings = []
  const listener = ({ code, message }) => warnings.push(`${code}: ${message}`)
  process.on('warning', listener)
  after(async () => {
    await db.close()
    await server.remove()
    process.off('warning', listener)
    // One connection was killed, which is told; that the pool was closed is not.
    assert.equal(warnings.filter((text) => text.includes('defect')).length, 0, String(warnings))
  })

  const read = async () => (await db.cachedQuery(ALL, [], 600))[0].n
  const kept = (what) =>
    until(what, async () => {
      const before = db.stats().cache.prefixes['(query)']?.loads
      await read()
      return db.stats().cache.prefixes['(query)'].loads === before
    })

  it('is invalid within 100 ms after a change by the command line client', async () => {
    await kept('it is kept at first')
    const times = []
    for (let n = 2; n <= 12; n++) {
      await kept('it is kept again')
      await client(server, `UPDATE shop.followed SET n = ${n}`)
      const began = performance.now()
      await until('the new value', async () => (await read()) === n, 2000)
      times.push(performance.now() - began)
    }
    times.sort((a, b) => a - b)
    assert.ok(times[5] < 100, `a median of ${times[5]} ms`)
  })

  it('stays after a change of another table, and after a transaction that is rolled back', async () => {
    await kept('it is kept')
    const { loads } = db.stats().cache.prefixes['(query)']
    const { changes } = db.stats().cache.binlog
    await server.run('INSERT INTO shop.others VALUES (1, 1)')
    await until('the log was read', () => db.stats().cache.binlog.changes > changes)
    await server.run('START TRANSACTION', 'UPDATE shop.followed SET n = 0', 'ROLLBACK')
    await read()
    assert.equal(db.stats().cache.prefixes['(query)'].loads, loads)
  })

  it('goes with a parent whose rows took its own along, which the log does not say', async () => {
    const children = () => db.cachedQuery('SELECT id FROM children', [], { ttl: 600, key: 'children:all' })
    assert.equal((await children()).length, 1)
    await until('it is kept', async () => {
      const before = db.stats().cache.prefixes.children.loads
      await children()
      return db.stats().cache.prefixes.children.loads === before
    })
    await server.run('DELETE FROM shop.parents')
    await until('it is gone', async () => (await children()).length === 0, 1000)
  })

  it('goes when the schema changes', async () => {
    await kept('it is kept')
    await server.run('ALTER TABLE shop.followed MODIFY n BIGINT')
    const { loads } = db.stats().cache.prefixes['(query)']
    await until('it is loaded anew', async () => {
      await read()
      return db.stats().cache.prefixes['(query)'].loads > loads
    })
  })

  it('goes when the log can not be followed any more, and is followed again', async () => {
    await kept('it is kept')
    const { loads } = db.stats().cache.prefixes['(query)']
    const { attempts } = db.stats().cache.binlog
    const [{ id }] = await server.run(
      "SELECT ID AS id FROM information_schema.PROCESSLIST WHERE COMMAND = 'Binlog Dump'",
    )
    await server.run(`KILL ${id}`)
    await until('it is followed again', () => {
      const { isFollowed, attempts: now } = db.stats().cache.binlog
      return isFollowed && now > attempts
    })
    await read()
    assert.ok(db.stats().cache.prefixes['(query)'].loads > loads)
    await kept('it is kept again')
  })
})

describe('a pool with followBinlog', mariadbOnly('its server is started with a log'), () => {
  it('that is closed leaves other pools as they are', async () => {
    const server = await ownServer({ args: ['--log-bin', '--binlog-format=ROW', '--server-id=1'] })
    const other = createPool(server.options)
    try {
      for (let round = 0; round < 10; round++) {
        const db = createPool({ ...server.options, cache: { followBinlog: true } })
        await until('the log is followed', () => db.stats().cache.binlog.isFollowed)
        await db.close()
        const answer = await Promise.race([other.query('SELECT 1 AS one'), sleep(5000, 'no answer')])
        assert.deepEqual(answer, [{ one: 1 }])
      }
    } finally {
      await other.close()
      await server.remove()
    }
  })
})

describe('followBinlog that can not be had', mariadbOnly('its server is started with a log'), () => {
  async function warningOf(args, prepare, options) {
    const server = await ownServer({ args })
    const warnings = []
    const listener = (warning) => warnings.push(warning)
    process.on('warning', listener)
    let db
    try {
      await server.run(
        'CREATE DATABASE shop',
        'CREATE TABLE shop.t (id INT)',
        'INSERT INTO shop.t VALUES (1)',
        ...prepare,
      )
      db = createPool({ ...server.options, database: 'shop', ...options, cache: { followBinlog: true } })
      await until('the warning', () => warnings.length > 0)
      // Results are kept all the same, for as long as was said.
      for (let call = 0; call < 2; call++)
        assert.deepEqual(await db.cachedQuery('SELECT id FROM t', [], 60), [{ id: 1 }])
      const { isFollowed, error } = db.stats().cache.binlog
      assert.equal(isFollowed, false)
      assert.equal(warnings.length, 1)
      assert.equal(warnings[0].code, 'HEGAR_BINLOG')
      assert.ok(warnings[0].message.endsWith(error))
      return error
    } finally {
      process.off('warning', listener)
      await db?.close()
      await server.remove()
    }
  }

  it('is told with the reason: no log, another format, no privilege', async () => {
    assert.match(await warningOf([], []), /log[_-]bin/)
    assert.match(await warningOf(['--log-bin', '--binlog-format=STATEMENT', '--server-id=1'], []), /ROW/)
    const poor = ["CREATE USER poor@'%'", "GRANT SELECT ON shop.* TO poor@'%'"]
    const options = { user: 'poor', password: '' }
    assert.match(
      await warningOf(['--log-bin', '--binlog-format=ROW', '--server-id=1'], poor, options),
      /REPLICATION SLAVE/,
    )
  })
})

// As somebody at a terminal would.
async function client(server, sql) {
  const program = await ensureClient()
  const { socket } = server.current
  await promisify(execFile)(program, ['--no-defaults', `--socket=${socket}`, '--user=root', '-e', sql])
}
