'use strict'

const assert = require('node:assert/strict')
const { Readable } = require('node:stream')
const { after, before, describe, it } = require('node:test')
const { createPool } = require('../index.js')
const { rejects, until } = require('./support/outcome.js')
const { rogueServer, err } = require('./support/rogue.js')
const { testServer } = require('./support/server.js')

const LOAD = "LOAD DATA LOCAL INFILE 'rows.csv' INTO TABLE loaded FIELDS TERMINATED BY ','"
const LOCAL_FILES = 1 << 7
const QUERY = 0x03

describe('LOAD DATA LOCAL INFILE', () => {
  let db, uri
  before(async () => {
    const server = await testServer()
    uri = server.url(await server.database())
    db = createPool({ uri, connectionLimit: 2 })
    await db.execute('CREATE TABLE loaded (a INT, b VARCHAR(20))')
  })
  after(() => db.close())

  const count = async () => (await db.queryOne('SELECT COUNT(*) AS n FROM loaded')).n
  const load = (infile, pool = db) => pool.execute(LOAD, null, { infile })

  it('is refused without a stream for that one call', async () => {
    for (const call of ['query', 'execute', 'queryJson', 'call', 'script']) {
      await assert.rejects(db[call](LOAD), { name: 'HegarError', sqlState: /./ }, call)
    }
    assert.equal(await count(), 0)
  })

  it('ends at timeoutMs while its stream hangs', async () => {
    const silent = new Readable({ read() {} })
    const work = db.execute(LOAD, null, { infile: () => silent, timeoutMs: 100 })
    await rejects(work, 'HEGAR_QUERY_TIMEOUT')
    await until('the stream is closed', () => silent.destroyed)
    assert.equal(await count(), 0)
  })

  it('gets the rows of the stream that a function gives for its name', async () => {
    const names = []
    const sources = {
      readable: () => Readable.from([Buffer.from('1,one\n2,t'), Buffer.from('wo\n')]),
      text: async () => ['3,three\n', '', '4,vier ✓\n'],
      generator: async function* () {
        yield '5,five\n'
      },
      nothing: () => [],
    }
    for (const source of Object.values(sources)) {
      const done = await load((name) => {
        names.push(name)
        return source()
      })
      assert.equal(typeof done.affectedRows, 'number')
    }
    assert.deepEqual(names, Array(4).fill('rows.csv'))
    assert.deepEqual(await db.query('SELECT b FROM loaded ORDER BY a'), [
      { b: 'one' },
      { b: 'two' },
      { b: 'three' },
      { b: 'vier ✓' },
      { b: 'five' },
    ])
    await db.execute('DELETE FROM loaded')
  })

  it('brings hundreds of thousands of rows', async () => {
    const part = Buffer.from(`${'7,'.padEnd(22, 'x')}\n`.repeat(50_000))
    const done = await load(function* () {
      for (let index = 0; index < 10; index++) yield part
    })
    assert.equal(done.affectedRows, 500_000)
    await db.execute('TRUNCATE loaded')
  })

  it('reads the stream no faster than the server takes it', async (t) => {
    const { host, port, user } = await rogueServer(t, async (session) => {
      await session.welcome({ local: true })
      await session.serve((command) => {
        if (command !== QUERY) return
        session.send(Buffer.from('\xfbrows.csv', 'latin1'))
        session.socket.pause()
      })
    })
    const pool = createPool({ host, port, user, queryTimeoutMs: 500 })
    let parts = 0
    const endless = async function* () {
      for (;;) {
        parts++
        yield Buffer.alloc(1024 * 1024)
      }
    }
    await rejects(load(endless, pool), 'HEGAR_QUERY_TIMEOUT')
    assert.ok(parts >= 1 && parts < 64, `${parts} MiB for a server that reads nothing`)
    await pool.close()
  })

  it('stores nothing when the stream fails, gives no bytes, or never ends', async () => {
    const failure = new Error('the upload broke off')
    const breaking = async function* () {
      yield '1,one\n2,two\n'
      throw failure
    }
    await assert.rejects(load(breaking), (error) => error === failure)
    await assert.rejects(
      load(() => {
        throw failure
      }),
      (error) => error === failure,
    )
    await rejects(
      load(() => ['1,one\n', 5]),
      'HEGAR_PARAM_INVALID',
    )
    await rejects(
      load(() => 'text'),
      'HEGAR_PARAM_INVALID',
    )
    const pool = createPool({ uri, queryTimeoutMs: 300 })
    const endless = new Readable({ read() {} })
    endless.push('1,one\n')
    await rejects(
      load(() => endless, pool),
      'HEGAR_QUERY_TIMEOUT',
    )
    assert.ok(endless.destroyed)
    await pool.close()
    await until('the server has undone the loads', async () => {
      const rows = await db.query('SHOW PROCESSLIST')
      return !rows.some(({ Info }) => Info === LOAD)
    })
    assert.equal(await count(), 0)
    assert.equal(db.stats().pool.active, 0)
  })

  it('rejects with the error of the server', async () => {
    const sql = LOAD.replace('loaded', 'nowhere')
    const asked = []
    await rejects(db.execute(sql, null, { infile: (name) => asked.push(name) }), 'ER_NO_SUCH_TABLE')
    assert.deepEqual(asked, [])
    assert.equal(await count(), 0)
    // The server takes LOCAL for IGNORE: it can not stop the client in the middle.
    const done = await load(() => ['not a number,x\n'])
    assert.deepEqual([done.affectedRows, done.warningStatus], [1, 1])
    await db.execute('DELETE FROM loaded')
  })

  it('is checked before anything is sent', async () => {
    const infile = () => assert.fail('nobody asked')
    const pool = createPool({ uri })
    for (const [sql, params] of [
      ['SELECT 1', null],
      ["LOAD DATA INFILE '/etc/passwd' INTO TABLE loaded", null],
      ["LOAD DATA LOCAL INFILE 'a''b' INTO TABLE loaded", null],
      [LOAD, [1]],
    ]) {
      await rejects(pool.execute(sql, params, { infile }), 'HEGAR_PARAM_INVALID')
    }
    await rejects(pool.execute(LOAD, null, { infile: 'rows.csv' }), 'HEGAR_OPTION_INVALID')
    await rejects(pool.execute(LOAD, null, { infile, infle: 1 }), 'HEGAR_OPTION_UNKNOWN')
    assert.equal(pool.stats().pool.total, 0)
    await pool.close()
  })

  it('holds the place of one connection of the pool while it runs', async (t) => {
    const pool = createPool({ uri, connectionLimit: 1, acquireTimeoutMs: 1000 })
    t.after(() => pool.close())
    let finish
    const finished = new Promise((resolve) => (finish = resolve))
    const loading = load(async function* () {
      yield '1,one\n'
      await finished
    }, pool)
    await until('it runs', () => pool.stats().pool.active === 1)
    await rejects(pool.query('SELECT 1'), 'HEGAR_POOL_TIMEOUT')
    finish()
    assert.equal((await loading).affectedRows, 1)
    await pool.execute('DELETE FROM loaded')
  })

  it('gives no file to a server that asks for another one, and offers none elsewhere', async (t) => {
    const offers = []
    const sent = []
    const server = await rogueServer(t, async (session) => {
      const login = await session.welcome({ local: true })
      offers.push((login.readUInt32LE(0) & LOCAL_FILES) !== 0)
      await session.serve((command, body) => {
        sent.push(body)
        if (command === QUERY) return session.send(Buffer.from('\xfb/etc/passwd', 'latin1'))
        return session.send(err(1064, 'no'))
      })
    })
    const { host, port, user } = server
    const pool = createPool({ host, port, user, connectionLimit: 1 })
    const asked = []
    const call = pool.execute(LOAD, null, { infile: (name) => asked.push(name) })
    const error = await rejects(call, 'HEGAR_PROTOCOL_ERROR')
    assert.match(error.message, /another file/)
    assert.deepEqual(asked, [])
    await pool.close()
    // The one that the pool holds for its place, and the one of the load.
    assert.deepEqual(offers.toSorted(), [false, true])
    assert.deepEqual(
      sent.filter((body) => body[0] !== QUERY),
      [],
    )
  })
})
