'use strict'

const http = require('node:http')
const { before, describe, it } = require('node:test')
const assert = require('node:assert/strict')
const { once } = require('node:events')
const { pipeline } = require('node:stream/promises')
const { setTimeout: sleep } = require('node:timers/promises')
const { createPool } = require('../index.js')
const { ownServer } = require('./support/own-server.js')
const { rejects, until } = require('./support/outcome.js')
const { testServer } = require('./support/server.js')

let options
before(async () => {
  const server = await testServer()
  const { host, port, user, password } = server
  options = { host, port, user, password, database: await server.database() }
})

async function withPool(extra, use) {
  const pool = createPool({ ...options, connectionLimit: 1, ...extra })
  try {
    return await use(pool)
  } finally {
    await pool.close({ drainMs: 1000 })
  }
}

const MILLION =
  "SELECT seq AS id, CONCAT('product ', seq) AS name, REPEAT('x', 50) AS note FROM seq_1_to_1000000"
const isIdle = (pool) => until('the connection is back', () => pool.stats().pool.active === 0, 5000)

async function collect(iterable) {
  const all = []
  for await (const item of iterable) all.push(item)
  return all
}
const text = async (stream) => Buffer.concat(await collect(stream)).toString()

describe('a stream of rows', () => {
  it('gives the rows of query, in their order and types', () =>
    withPool({}, async (pool) => {
      const sql =
        "SELECT seq, seq * 1.5 AS price, IF(seq % 3 = 0, NULL, CONCAT('größe ', seq, IF(seq % 50 = 0, '😀', ''))) AS name, " +
        "TIMESTAMP('2026-01-01') + INTERVAL seq SECOND AS at, UNHEX(SHA1(CONCAT(seq))) AS hash, JSON_OBJECT('n', seq) AS doc " +
        'FROM seq_1_to_20000 WHERE seq > ? ORDER BY seq'
      const expected = await pool.query(sql, [7])
      assert.equal(expected.length, 19_993)
      assert.deepEqual(await collect(pool.stream(sql, [7])), expected)
      const named = pool.stream('SELECT :a AS a UNION ALL SELECT :b', { a: 1, b: 2 })
      assert.deepEqual(await collect(named), [{ a: 1 }, { a: 2 }])
      assert.deepEqual(await collect(pool.stream('SELECT 1 FROM DUAL WHERE FALSE')), [])
    }))

  it('begins with the first row that is asked for', () =>
    withPool({}, async (pool) => {
      const rows = pool.stream('SELECT 1 AS n')
      await sleep(20)
      assert.equal(pool.stats().connections.created, 0)
      assert.deepEqual(await rows.next(), { value: { n: 1 }, done: false })
      assert.deepEqual(await rows.next(), { value: undefined, done: true })
      assert.deepEqual(await rows.next(), { value: undefined, done: true })
    }))

  it('keeps the order of those who ask for several rows at once', () =>
    withPool({}, async (pool) => {
      const rows = pool.stream('SELECT seq FROM seq_1_to_5')
      const asked = await Promise.all(Array.from({ length: 7 }, () => rows.next()))
      assert.deepEqual(
        asked.map(({ value, done }) => (done ? null : value.seq)),
        [1, 2, 3, 4, 5, null, null],
      )
    }))

  it('gives rows as soon as the server has sent them', () =>
    withPool({}, async (pool) => {
      const rows = pool.stream('SELECT 1 AS n UNION ALL SELECT SLEEP(30)', [], { timeoutMs: 20_000 })
      const started = performance.now()
      // MariaDB buffers rows before it sends them, so the first is made longer than that.
      const wide = pool.stream("SELECT REPEAT('x', 100000) AS x FROM seq_1_to_3 UNION ALL SELECT SLEEP(1.5)")
      await wide.next()
      assert.ok(performance.now() - started < 1000, 'the first row did not wait for the last')
      await wide.return()
      await rows.return()
    }))

  it('holds no more than a small part of the rows, and the server waits with the others', () =>
    withPool({}, async (pool) => {
      const rows = pool.stream(MILLION)
      await rows.next()
      const read = () => pool.stats().queries.rows
      let seen = -1
      await until('the server waits', async () => {
        const before = seen
        seen = read()
        await sleep(100)
        return before === seen
      })
      assert.ok(seen < 20_000, `${seen} rows were read for one that was used`)
      assert.equal(pool.stats().pool.active, 1)
      await rows.return()
      await isIdle(pool)
    }))

  it('is not bound by maxResultBytes nor by the query deadline, and is no slow query', () =>
    withPool({ maxResultBytes: 4096, queryTimeoutMs: 1500, slowQueryMs: 50 }, async (pool) => {
      let n = 0
      for await (const { id } of pool.stream("SELECT seq AS id, REPEAT('x', 2000) AS x FROM seq_1_to_5000")) {
        assert.equal(id, ++n)
        if (n % 1000 === 0) await sleep(350)
      }
      assert.equal(n, 5000)
      assert.equal(pool.stats().queries.slow, 0)
      assert.equal(pool.stats().latency.operations.stream.count, 1)
      await rejects(pool.query("SELECT REPEAT('x', 5000)"), 'HEGAR_RESULT_TOO_LARGE')
    }))
})

describe('leaving a stream', () => {
  it('early frees its connection soon, to be used again', () =>
    withPool({}, async (pool) => {
      const { id } = await pool.queryOne('SELECT CONNECTION_ID() AS id')
      let n = 0
      for await (const row of pool.stream(MILLION)) {
        assert.equal(row.id, ++n)
        if (n === 5) break
      }
      await isIdle(pool)
      assert.equal((await pool.queryOne('SELECT CONNECTION_ID() AS id')).id, id)
      assert.deepEqual(pool.stats().errors, {}, 'leaving is no failure')
    }))

  it('by an error in the loop frees it too', () =>
    withPool({}, async (pool) => {
      const failing = (async () => {
        for await (const row of pool.stream(MILLION)) throw new Error(`at ${row.id}`)
      })()
      await assert.rejects(failing, /at 1/)
      await isIdle(pool)
      assert.deepEqual(await pool.query('SELECT 1 AS n'), [{ n: 1 }])
    }))

  it('at the end of an await using block frees it, and before the first row nothing happens', () =>
    withPool({}, async (pool) => {
      const rows = pool.stream(MILLION)
      await rows.next()
      await rows[Symbol.asyncDispose]()
      await isIdle(pool)
      assert.deepEqual(await rows.next(), { value: undefined, done: true })
      const unread = pool.stream(MILLION)
      await unread.return()
      assert.deepEqual(await unread.next(), { value: undefined, done: true })
      assert.equal(pool.stats().connections.created, 1)
    }))

  it('by a signal rejects with HEGAR_ABORTED', () =>
    withPool({}, async (pool) => {
      const controller = new AbortController()
      const rows = pool.stream(MILLION, [], { signal: controller.signal })
      await rows.next()
      controller.abort()
      const error = await rejects(collect(rows), 'HEGAR_ABORTED')
      assert.equal(error.cause, controller.signal.reason)
      assert.deepEqual(await rows.next(), { value: undefined, done: true })
      await isIdle(pool)
      await rejects(pool.stream('SELECT 1', [], { signal: controller.signal }).next(), 'HEGAR_ABORTED')
    }))
})

describe('a stream that fails', () => {
  it('rejects at the row that was asked for, with the statement and the line of whoever asked', () =>
    withPool({}, async (pool) => {
      const error = await rejects(pool.stream('SELECT nothing').next(), 'ER_BAD_FIELD_ERROR')
      assert.equal(error.sql, 'SELECT nothing')
      const loop = async () => collect(pool.stream('SELECT nothing'))
      assert.match((await rejects(loop(), 'ER_BAD_FIELD_ERROR')).stack, /stream\.test\.js/)
    }))

  it('in the middle gives the rows before', () =>
    withPool({}, async (pool) => {
      const sql =
        'SELECT IF(seq < 9000, seq, (SELECT t.seq FROM seq_1_to_2 t WHERE t.seq < s.seq)) AS n FROM seq_1_to_10000 s'
      const seen = []
      const loop = (async () => {
        for await (const { n } of pool.stream(sql)) seen.push(n)
      })()
      await rejects(loop, 'ER_SUBQUERY_NO_1_ROW')
      assert.ok(seen.length > 1000 && seen.length <= 8999, `${seen.length} rows`)
      assert.ok(seen.every((n, index) => n === index + 1))
      await rejects(text(pool.streamJson(sql)), 'ER_SUBQUERY_NO_1_ROW')
      await isIdle(pool)
    }))

  it('because nobody uses its rows gives its connection back', () =>
    withPool({}, async (pool) => {
      const rows = pool.stream(MILLION, [], { stallTimeoutMs: 200 })
      await rows.next()
      await until('the connection is free', () => pool.stats().pool.total === 0, 2000)
      const error = await rejects(collect(rows), 'HEGAR_STREAM_STALLED')
      assert.match(error.message, /200 ms \(stallTimeoutMs\)/)
      assert.deepEqual(await pool.query('SELECT 1 AS n'), [{ n: 1 }])
    }))

  it('past timeoutMs is ended, however fast it is read', () =>
    withPool({}, async (pool) => {
      const sql = 'SELECT a.seq FROM seq_1_to_1000000 a, seq_1_to_1000 b'
      await rejects(collect(pool.stream(sql, [], { timeoutMs: 150 })), 'HEGAR_QUERY_TIMEOUT')
      await isIdle(pool)
    }))

  it('rejects when its connection is killed, when the server falls silent and when the pool is closed', async () => {
    const server = await ownServer()
    const pool = createPool({
      ...server.options,
      database: 'mysql',
      connectionLimit: 2,
      queryTimeoutMs: 1500,
    })
    try {
      const killed = pool.stream(MILLION)
      await killed.next()
      const [{ Id }] = (await pool.query('SHOW PROCESSLIST')).filter(({ Info }) =>
        Info?.includes('seq_1_to_1000000'),
      )
      await pool.execute(`KILL ${Id}`)
      await rejects(collect(killed), 'HEGAR_CONNECTION_LOST')

      const silent = pool.stream(MILLION)
      await silent.next()
      await server.pause()
      await rejects(collect(silent), 'HEGAR_QUERY_TIMEOUT')
      server.current.kill('SIGCONT')

      const open = pool.stream(MILLION)
      await open.next()
      await pool.close({ drainMs: 50 })
      await rejects(collect(open), 'HEGAR_POOL_CLOSED')
      await rejects(pool.stream('SELECT 1').next(), 'HEGAR_POOL_CLOSED')
    } finally {
      await pool.close({ drainMs: 0 })
      await server.remove()
    }
  })

  it('has wrong arguments refused at once', () =>
    withPool({}, async (pool) => {
      assert.throws(() => pool.stream('SELECT ?', []), { code: 'HEGAR_PARAM_INVALID', sql: 'SELECT ?' })
      assert.throws(() => pool.stream('SELECT ?', [undefined]), { code: 'HEGAR_PARAM_INVALID' })
      assert.throws(() => pool.stream(7), { code: 'HEGAR_PARAM_INVALID' })
      assert.throws(() => pool.stream('SELECT 1', [], { stallTimeout: 5 }), /did you mean 'stallTimeoutMs'/)
      assert.throws(() => pool.stream('SELECT 1', [], { format: 'array' }), { code: 'HEGAR_OPTION_UNKNOWN' })
      assert.throws(() => pool.streamJson('SELECT 1', [], { format: 'csv' }), {
        code: 'HEGAR_OPTION_INVALID',
      })
      assert.throws(() => pool.streamJson('SELECT 1', [], { shape: 7 }), { code: 'HEGAR_PARAM_INVALID' })
    }))
})

describe('a stream of a held connection', () => {
  it('reads what its transaction has written, and other calls are refused until it is over', () =>
    withPool({}, async (pool) => {
      await pool.execute('DROP TABLE IF EXISTS seen')
      await pool.execute('CREATE TABLE seen (n INT)')
      await pool.transaction(async (tx) => {
        await tx.execute('INSERT INTO seen SELECT seq FROM seq_1_to_50000')
        let n = 0
        for await (const row of tx.stream('SELECT n FROM seen ORDER BY n')) {
          assert.equal(row.n, ++n)
          if (n === 3) {
            const error = await rejects(tx.execute('DELETE FROM seen'), 'HEGAR_CONNECTION_BUSY')
            assert.match(error.message, /leave its loop/)
            await rejects(tx.stream('SELECT 1').next(), 'HEGAR_CONNECTION_BUSY')
            break
          }
        }
        assert.equal((await tx.queryOne('SELECT COUNT(*) AS n FROM seen')).n, 50_000)
      })
      assert.equal((await pool.queryOne('SELECT COUNT(*) AS n FROM seen')).n, 50_000)
    }))

  it('is left when the transaction is rolled back or the connection released', () =>
    withPool({}, async (pool) => {
      let rows
      const failing = pool.transaction(async (tx) => {
        rows = tx.stream(MILLION)
        await rows.next()
        throw new Error('no')
      })
      await assert.rejects(failing, /no/)
      await isIdle(pool)
      const connection = await pool.getConnection()
      await connection.stream(MILLION).next()
      await connection.release()
      assert.deepEqual(await pool.query('SELECT 1 AS n'), [{ n: 1 }])
      assert.equal(pool.stats().connections.created, 1)
    }))
})

describe('a stream that is cut off', () => {
  const endings = {
    'a release': async (pool, read) => {
      const session = await pool.getConnection()
      try {
        await read(session, () => session.release())
      } finally {
        session.release()
      }
    },
    'the end of its transaction': async (pool, read) => {
      const failed = new Error('given up')
      const work = pool.transaction(async (tx) => {
        const rows = tx.stream(MILLION)[Symbol.asyncIterator]()
        await rows.next()
        work.rows = rows
        throw failed
      })
      await assert.rejects(work, failed)
      await read({ stream: () => ({ [Symbol.asyncIterator]: () => work.rows }) }, () => {})
    },
  }
  for (const [name, end] of Object.entries(endings)) {
    it(`by ${name} is never taken for a whole one`, () =>
      withPool({}, async (pool) => {
        let seen = 0
        await end(pool, async (session, cut) => {
          const reading = (async () => {
            for await (const row of session.stream(MILLION)) {
              assert.ok(row)
              seen += 1
              if (seen === 10) cut()
            }
          })()
          await rejects(reading, 'HEGAR_CONNECTION_RELEASED')
        })
        assert.ok(seen < 1_000_000)
        await isIdle(pool)
        assert.deepEqual(await pool.query('SELECT 1 AS one'), [{ one: 1 }])
      }))
  }

  it('refuses the COMMIT while it is open, and the transaction goes on', () =>
    withPool({}, async (pool) => {
      const tx = await pool.begin()
      const rows = tx.stream(MILLION)[Symbol.asyncIterator]()
      await rows.next()
      await rejects(tx.commit(), 'HEGAR_CONNECTION_BUSY')
      await rows.return()
      assert.deepEqual(await tx.query('SELECT 1 AS one'), [{ one: 1 }])
      await tx.commit()
      await isIdle(pool)
    }))
})

describe('the values of a stream', () => {
  it('go through the functions of casts', () =>
    withPool({}, async (pool) => {
      const casts = { a: (text) => `<${text}>` }
      const sql = "SELECT CONCAT('v', seq) AS a FROM seq_1_to_3000"
      assert.deepEqual(await collect(pool.stream(sql, [], { casts })), await pool.query(sql, [], { casts }))
    }))

  it('that cannot be read end it with an error, without a broken row before it', () =>
    withPool({}, async (pool) => {
      const sql = "SELECT IF(seq = 1500, '{', '1') AS a FROM seq_1_to_100000"
      const seen = []
      const reading = (async () => {
        for await (const row of pool.stream(sql, [], { casts: { a: 'json' } })) seen.push(row)
      })()
      await rejects(reading, 'HEGAR_UNSUPPORTED')
      assert.ok(
        seen.every((row) => row?.a === 1),
        'a row was missing or half built',
      )
      await isIdle(pool)
    }))

  it('may be used slowly, as long as it goes on', () =>
    withPool({}, async (pool) => {
      const sql = "SELECT seq, REPEAT('x', 2000) AS note FROM seq_1_to_300"
      let seen = 0
      for await (const row of pool.stream(sql, [], { stallTimeoutMs: 1000 })) {
        assert.equal(row.note.length, 2000)
        seen += 1
        await sleep(10)
      }
      assert.equal(seen, 300)
    }))

  it('may take longer than queryTimeoutMs where timeoutMs says so', () =>
    withPool({ queryTimeoutMs: 200 }, async (pool) => {
      const sql = 'SELECT seq, SLEEP(0.1) AS s FROM seq_1_to_6'
      assert.equal((await collect(pool.stream(sql, [], { timeoutMs: 10_000 }))).length, 6)
      await rejects(collect(pool.stream('SELECT SLEEP(5) AS s')), 'HEGAR_QUERY_TIMEOUT')
    }))
})

describe('a stream of JSON', () => {
  it('has the bytes of queryJson, as an array or a line for each row', () =>
    withPool({}, async (pool) => {
      const sql = "SELECT seq, CONCAT('a,', seq) AS tags, NOW(6) AS at FROM seq_1_to_30000 WHERE seq > ?"
      const frozen = sql.replace('NOW(6)', "'2026-01-01'")
      const shape = { tags: { split: ',' } }
      const whole = String(await pool.queryJson(frozen, [5], { shape }))
      assert.equal(await text(pool.streamJson(frozen, [5], { shape })), whole)
      const lines = await text(pool.streamJson(frozen, [5], { shape, format: 'ndjson' }))
      assert.ok(lines.endsWith('}\n'))
      assert.equal(`[${lines.trimEnd().replaceAll('\n', ',')}]`, whole)
    }))

  it('of nothing is an empty array or no line', () =>
    withPool({}, async (pool) => {
      const none = 'SELECT 1 AS n FROM DUAL WHERE FALSE'
      assert.equal(await text(pool.streamJson(none)), '[]')
      assert.equal(await text(pool.streamJson(none, [], { format: 'ndjson' })), '')
      assert.equal(await text(pool.streamJson('SELECT 1 AS n')), '[{"n":1}]')
    }))

  it('goes into a response, as slowly as its client reads, and ends with its client', () =>
    withPool({}, async (pool) => {
      const server = http.createServer((request, response) => {
        response.setHeader('content-type', 'application/json')
        pipeline(pool.streamJson(MILLION), response).catch(() => {})
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      try {
        const request = http.get({ port: server.address().port, host: '127.0.0.1' })
        const [response] = await once(request, 'response')
        response.pause()
        let seen = -1
        await until('the server waits for the client', async () => {
          const before = seen
          seen = pool.stats().queries.rows
          await sleep(200)
          return seen > 0 && before === seen
        })
        assert.ok(seen < 500_000, `${seen} rows were read for a client that reads none`)
        request.destroy()
        await isIdle(pool)
        const body = await fetch(`http://127.0.0.1:${server.address().port}`)
        assert.equal((await body.json()).length, 1_000_000)
      } finally {
        server.closeAllConnections()
        server.close()
      }
    }))
})
