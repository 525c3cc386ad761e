'use strict'

// What the drop-ins do that a comparison with the originals does not show: files, safety, options, lost connections.

const { after, before, describe, it } = require('node:test')
const assert = require('node:assert/strict')
const { inspect } = require('node:util')
const { Readable } = require('node:stream')
const { setTimeout: sleep } = require('node:timers/promises')
const mysql = require('../lib/dropin/mysql.js')
const mysql2 = require('../lib/dropin/mysql2.js')
const promise = require('../lib/dropin/mysql2-promise.js')
const { mariadbOnly } = require('./support/mysql.js')
const { until } = require('./support/outcome.js')
const { ownServer } = require('./support/own-server.js')
const { ok, rogueServer } = require('./support/rogue.js')
const { testServer } = require('./support/server.js')

const QUERY = 3

let options
before(async () => {
  const server = await testServer()
  const { host, port, user, password } = server
  options = { host, port, user, password, database: await server.database() }
})

async function withPool(extra, use) {
  const pool = promise.createPool({ ...options, ...extra })
  try {
    return await use(pool)
  } finally {
    await pool.end()
  }
}

// The warnings of the process while `work` runs, by code.
async function warningsOf(work) {
  const codes = []
  const listener = ({ code }) => codes.push(code)
  process.on('warning', listener)
  try {
    await work()
    await sleep(10)
  } finally {
    process.off('warning', listener)
  }
  return codes
}

const codeOf = (work) =>
  work.then(
    () => assert.fail('it should have failed'),
    ({ code, message }) => code ?? message,
  )

describe('LOAD DATA LOCAL of a drop-in', () => {
  const sql = "LOAD DATA LOCAL INFILE 'some/file.csv' INTO TABLE loaded FIELDS TERMINATED BY ',' (id, name)"
  let server
  before(async () => {
    server = await ownServer({ args: ['--local-infile=1'] })
    await server.run('CREATE DATABASE files', 'CREATE TABLE files.loaded (id INT, name TEXT)')
  })
  after(() => server.remove())
  const open = (extra) => promise.createConnection({ ...server.options, database: 'files', ...extra })

  it('sends what the factory gives, in the transaction of its connection', async () => {
    const names = []
    const infileStreamFactory = (name) => {
      names.push(name)
      return Readable.from(['1,one\n2,', Buffer.from('zwei\n')])
    }
    const connection = await open()
    await connection.beginTransaction()
    const [header] = await connection.query({ sql, infileStreamFactory })
    assert.equal(header.constructor.name, 'ResultSetHeader')
    assert.equal(header.affectedRows, 2)
    assert.deepEqual(names, ['some/file.csv'])
    const [rows] = await connection.query('SELECT * FROM loaded ORDER BY id')
    assert.deepEqual(rows, [
      { id: 1, name: 'one' },
      { id: 2, name: 'zwei' },
    ])
    await connection.rollback()
    assert.deepEqual((await connection.query('SELECT * FROM loaded'))[0], [])
    await connection.end()
  })

  it('keeps the commands behind it waiting, and goes on after a file that can not be read', async () => {
    const connection = await open({
      infileStreamFactory: () =>
        Readable.from(
          (async function* () {
            yield '3,drei\n'
            await sleep(20)
            throw new Error('the disk is gone')
          })(),
        ),
    })
    const load = codeOf(connection.query(sql))
    const [rows] = await connection.query('SELECT 1 AS n')
    assert.deepEqual(rows, [{ n: 1 }])
    assert.equal(await load, 'the disk is gone')
    await connection.end()
  })

  it('is refused without a factory before anything is sent', async () => {
    const connection = await open()
    assert.match(await codeOf(connection.query(sql)), /you must provide streamFactory/)
    assert.deepEqual((await connection.query('SELECT 1 AS n'))[0], [{ n: 1 }])
    await connection.end()
  })

  it('is what a server may ask for alone: any other question ends its connection', async (t) => {
    for (const asked of ['/etc/passwd', 'some/other.csv']) {
      let sent = 0
      const { host, port, user } = await rogueServer(t, async (session) => {
        await session.welcome({ local: true })
        await session.serve((command) => {
          if (command !== QUERY) return session.send(ok())
          session.send(Buffer.from(`\xfb${asked}`, 'latin1'))
          session.socket.on('data', (bytes) => (sent += bytes.length))
        })
      })
      const names = []
      const infileStreamFactory = (name) => {
        names.push(name)
        return Readable.from(['secret'])
      }
      for (const text of ['SELECT 1', sql]) {
        const pool = promise.createPool({ host, port, user, infileStreamFactory })
        assert.equal(await codeOf(pool.query(text)), 'HEGAR_PROTOCOL_ERROR')
        await pool.end()
      }
      assert.deepEqual(names, [])
      assert.ok(sent < 50, `${sent} bytes beside good-bye`)
    }
  })

  it('works on a pool', async () => {
    const pool = promise.createPool({ ...server.options, database: 'files' })
    const infileStreamFactory = () => Readable.from(['9,neun\n'])
    assert.equal((await pool.query({ sql, infileStreamFactory }))[0].affectedRows, 1)
    await pool.end()
  })
})

describe('a value in the text of a query', () => {
  it('stays a value where backslashes are no escapes', () =>
    withPool({ connectionLimit: 1 }, async (pool) => {
      await pool.query("SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES')")
      // With the usual escapes the first would end its literal.
      for (const value of ["\\' OR 1=1 -- ", "a\\'b", '\\', "'", 'plain']) {
        const [rows] = await pool.query('SELECT ? AS value', [value])
        assert.deepEqual(rows, [{ value }])
      }
    }))

  it(
    'does so from the first query on, if the server has it in all sessions',
    mariadbOnly('an own server'),
    async () => {
      const server = await ownServer({ args: ['--sql-mode=NO_BACKSLASH_ESCAPES'] })
      try {
        const pool = promise.createPool(server.options)
        const value = "\\' OR 1=1 -- "
        assert.deepEqual((await pool.query('SELECT ? AS value', [value]))[0], [{ value }])
        assert.deepEqual((await pool.query('SELECT ? AS value', [value]))[0], [{ value }])
        await pool.end()
        const connection = mysql2.createConnection(server.options)
        const rows = await new Promise((resolve, reject) =>
          connection.query('SELECT ? AS value', [value], (error, found) =>
            error ? reject(error) : resolve(found),
          ),
        )
        assert.deepEqual(rows, [{ value }])
        await connection.promise().end()
      } finally {
        await server.remove()
      }
    },
  )

  it('is not expanded from an object that a client sent', () =>
    withPool({}, async (pool) => {
      await pool.query('CREATE TABLE users (name VARCHAR(20), password VARCHAR(20))')
      await pool.query('INSERT INTO users SET ?', [{ name: 'root', password: 'secret' }])
      const password = { password: 1 }
      const sql = 'SELECT * FROM users WHERE name = ? AND password = ?'
      assert.deepEqual((await pool.query(sql, ['root', password]))[0], [])
    }))
})

describe('a typed parameter of execute()', () => {
  const { TypedParameter } = mysql2

  it('is bound as what it says', () =>
    withPool({}, async (pool) => {
      const values = [
        TypedParameter.LONGLONG('9007199254740993'),
        TypedParameter.TINY.unsigned(255),
        TypedParameter.DOUBLE(1.5),
        TypedParameter.JSON({ a: [1] }),
        TypedParameter.BLOB('ab'),
        TypedParameter.VARCHAR(5),
        TypedParameter.NULL(),
      ]
      const [[row]] = await pool.execute(
        'SELECT CAST(? AS CHAR) AS a, ? AS b, ? AS c, ? AS d, HEX(?) AS e, ? AS f, ? AS g',
        values,
      )
      assert.deepEqual(row, {
        a: '9007199254740993',
        b: 255,
        c: 1.5,
        d: '{"a":[1]}',
        e: '6162',
        f: '5',
        g: null,
      })
    }))

  it('that does not fit its type is an error at once', () => {
    assert.throws(() => TypedParameter.TINY(128), RangeError)
    assert.throws(() => TypedParameter.LONG(2 ** 60), RangeError)
    assert.throws(() => TypedParameter.SHORT('x'), TypeError)
  })
})

describe('a typeCast of a drop-in', () => {
  it('reads numbers of a cell in both protocols', () =>
    withPool({}, async (pool) => {
      const typeCast = (field, next) => {
        if (field.type === 'LONG') return (field.int() ?? 0) + 1
        if (field.type === 'NEWDECIMAL') return field.float()
        return next()
      }
      await pool.query('CREATE TABLE cells (a INT, n INT, d DECIMAL(4,2), s TEXT)')
      await pool.query("INSERT INTO cells VALUES (41, NULL, 1.5, 'x')")
      for (const method of ['query', 'execute']) {
        const sql = 'SELECT * FROM cells'
        const [rows] = await pool[method]({ sql, typeCast })
        assert.deepEqual(rows, [{ a: 42, n: 1, d: 1.5, s: 'x' }])
      }
    }))
})

describe('two statements in one text', () => {
  it('are refused by the server unless multipleStatements asks for them', async () => {
    for (const { createConnection } of [mysql, mysql2]) {
      const connection = createConnection(options)
      const outcome = new Promise((resolve) => connection.query('SELECT 1; SELECT 2', resolve))
      assert.equal((await outcome).code, 'ER_PARSE_ERROR')
      connection.end()
    }
  })
})

describe('options of a drop-in', () => {
  it('that nobody knows are told and ignored', async () => {
    const codes = await warningsOf(() => withPool({ conectionLimit: 5 }, (pool) => pool.query('SELECT 1')))
    assert.deepEqual(codes, ['HEGAR_OPTION_UNKNOWN'])
  })

  it('that can not be honoured are errors that say what to do', () => {
    const leftOut = {
      stream: () => {},
      isServer: true,
      authPlugins: {},
      authSwitchHandler: () => {},
      localAddress: '127.0.0.2',
      passwordSha1: 'ab',
      password2: 'x',
      password3: 'x',
    }
    for (const [name, value] of Object.entries(leftOut)) {
      assert.throws(() => mysql2.createPool({ ...options, [name]: value }), {
        code: 'HEGAR_OPTION_UNSUPPORTED',
        message: new RegExp(`option '${name}' is not supported: `),
      })
    }
    for (const flags of ['INTERACTIVE', ['+NO_SCHEMA'], 'SSL']) {
      assert.throws(() => mysql2.createPool({ ...options, flags }), {
        code: 'HEGAR_OPTION_UNSUPPORTED',
        message: /option 'flags' cannot contain (?:INTERACTIVE|NO_SCHEMA|SSL): /,
      })
    }
    assert.throws(() => mysql2.createServer(), /createServer is left out/)
    assert.throws(() => mysql2.Connection.prototype.createBinlogStream({}), /createBinlogStream is left out/)
    const pool = mysql2.createPool(options)
    assert.throws(
      () => pool.query({ sql: 'SELECT 1', attributes: { a: 1 } }, () => {}),
      /attributes are left out/,
    )
    pool.end()
  })

  it('count matched or changed rows as the flags say', () =>
    withPool({ flags: ['-FOUND_ROWS'] }, async (pool) => {
      await pool.query('CREATE TABLE matched (n INT)')
      await pool.query('INSERT INTO matched VALUES (1)')
      assert.equal((await pool.query('UPDATE matched SET n = 1'))[0].affectedRows, 0)
    }))

  it('of this package bound what the originals leave without a limit', () =>
    withPool({ connectionLimit: 1, acquireTimeoutMs: 1000, queryTimeoutMs: 1000 }, async (pool) => {
      const held = await pool.getConnection()
      await assert.rejects(pool.getConnection(), { code: 'HEGAR_POOL_TIMEOUT' })
      held.release()
      await assert.rejects(pool.query('SELECT SLEEP(20)'), { code: 'PROTOCOL_SEQUENCE_TIMEOUT' })
    }))

  it('take numbers as text and undefined as nothing', () =>
    withPool(
      { port: String(options.port), connectionLimit: '2', charset: undefined, trace: undefined },
      async (pool) => {
        assert.deepEqual((await pool.query('SELECT 1 AS n'))[0], [{ n: 1 }])
        assert.equal(pool.pool.config.connectionLimit, 2)
      },
    ))

  it('count also where they are hidden or inherited', async () => {
    const { password, ...rest } = options
    const hidden = Object.defineProperty({ ...rest, user: 'hidden' }, 'password', { value: 'of hidden' })
    const root = await promise.createConnection(options)
    await root.query("CREATE USER IF NOT EXISTS hidden IDENTIFIED BY 'of hidden'")
    await root.end()
    for (const given of [hidden, Object.create(hidden)]) {
      const connection = await promise.createConnection(Object.assign(given, { database: undefined }))
      assert.deepEqual((await connection.query('SELECT 1 AS n'))[0], [{ n: 1 }])
      await connection.end()
    }
    assert.equal(typeof password, 'string')
  })

  it('do not print the password, and a new one counts for new connections', async () => {
    const pool = promise.createPool({ ...options, password: 'hunter2', user: 'nobody' })
    const { connectionConfig } = pool.pool.config
    assert.equal(connectionConfig.password, 'hunter2')
    assert.doesNotMatch(inspect(pool, { depth: 10 }), /hunter2/)
    assert.equal(await codeOf(pool.query('SELECT 1')), 'ER_ACCESS_DENIED_ERROR')
    await pool.end()

    const root = await promise.createConnection(options)
    await root.query("CREATE USER IF NOT EXISTS changing IDENTIFIED BY 'of today'")
    await root.end()
    const other = promise.createPool({ ...options, database: undefined, user: 'changing', password: 'old' })
    assert.equal(await codeOf(other.query('SELECT 1')), 'ER_ACCESS_DENIED_ERROR')
    other.pool.config.connectionConfig.password = 'of today'
    assert.deepEqual((await other.query('SELECT 1 AS n'))[0], [{ n: 1 }])
    await other.end()
  })
})

describe('a pool of a drop-in', () => {
  it('keeps what was set in a session, also across queries of the pool', () =>
    withPool({ connectionLimit: 1 }, async (pool) => {
      await pool.query('SET @kept = 5')
      assert.deepEqual((await pool.query('SELECT @kept AS kept'))[0], [{ kept: 5 }])
      const connection = await pool.getConnection()
      assert.deepEqual((await connection.query('SELECT @kept AS kept'))[0], [{ kept: 5 }])
      connection.release()
    }))

  it('resets sessions where resetOnRelease asks for it', () =>
    withPool({ connectionLimit: 1, resetOnRelease: true }, async (pool) => {
      await pool.query('SET @kept = 5')
      assert.deepEqual((await pool.query('SELECT @kept AS kept'))[0], [{ kept: null }])
    }))

  it("runs what a 'connection' listener asks for before the first query of a connection", () =>
    withPool({ connectionLimit: 3 }, async (pool) => {
      pool.on('connection', (connection) => connection.query("SET @zone = 'set'"))
      const seen = await Promise.all(Array.from({ length: 9 }, () => pool.query('SELECT @zone AS zone')))
      for (const [rows] of seen) assert.deepEqual(rows, [{ zone: 'set' }])
    }))

  it('shows as free at once what was given back', () =>
    withPool({ connectionLimit: 2 }, async (pool) => {
      const core = pool.pool
      const connection = await pool.getConnection()
      assert.deepEqual([core._allConnections.length, core._freeConnections.length], [1, 0])
      connection.release()
      assert.deepEqual([core._allConnections.length, core._freeConnections.length], [1, 1])
    }))

  it('gives the same object for the same connection', () =>
    withPool({ connectionLimit: 1 }, async (pool) => {
      const first = await pool.getConnection()
      first.release()
      const second = await pool.getConnection()
      assert.equal(second.connection, first.connection)
      second.release()
    }))

  it('closes connections whose server has become read-only', () =>
    withPool({ connectionLimit: 1 }, async (pool) => {
      const [[{ id }]] = await pool.query('SELECT CONNECTION_ID() AS id')
      await pool.query('CREATE TABLE read_only_here (n INT)')
      await pool.query('SET SESSION TRANSACTION READ ONLY')
      assert.equal(
        await codeOf(pool.query('INSERT INTO read_only_here VALUES (1)')),
        'ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION',
      )
      const [[after]] = await pool.query('SELECT CONNECTION_ID() AS id')
      assert.notEqual(after.id, id)
      await pool.query('INSERT INTO read_only_here VALUES (1)')
    }))

  it('is no reason for the process to stay', async () => {
    const { execFile } = require('node:child_process')
    const script = `
      const pool = require(${JSON.stringify(require.resolve('../lib/dropin/mysql2.js'))}).createPool(${JSON.stringify(options)})
      pool.query('SELECT 1', (error) => { if (error) throw error })`
    await new Promise((resolve, reject) =>
      execFile(process.execPath, ['-e', script], { timeout: 10_000 }, (error) =>
        error ? reject(error) : resolve(),
      ),
    )
  })
})

describe('reads of a pool of a drop-in that wait', () => {
  const asked = (pool, count) =>
    Promise.all(
      Array.from({ length: count }, (_, n) =>
        pool.query("SELECT ? AS n, 'it\\'s' AS text, ? AS o", [n, `o${n}`]),
      ),
    )
  const shared = (pool) => pool.pool.stats().statements.pipelined
  // Reads share writes where they are known to be quick, which on a busy machine they are not always: so they are asked
  // again until some do.

  it('share writes, and each gets its own answer', () =>
    withPool({ connectionLimit: 2 }, async (pool) => {
      const round = async () => {
        for (const [n, [rows]] of (await asked(pool, 200)).entries()) {
          assert.deepEqual(rows, [{ n, text: "it's", o: `o${n}` }])
        }
      }
      await until('some share a write', async () => {
        await round()
        return shared(pool) > 0
      })
      for (let more = 0; more < 4; more++) await round()
    }))

  it('do not touch each other when one fails, and nothing that writes is among them', () =>
    withPool({ connectionLimit: 1 }, async (pool) => {
      const times = (count, ask) => Promise.all(Array.from({ length: count }, (_, n) => ask(n)))
      await pool.query('CREATE TABLE counted (n INT)')
      await asked(pool, 50)
      const before = shared(pool)
      await times(60, (n) => pool.query('INSERT INTO counted VALUES (?)', [n]))
      assert.equal(shared(pool), before)
      // Has two rows, which fails, for all but 1.
      const orFails = (value) => pool.query('SELECT (SELECT 1 UNION SELECT ?) AS n', [value])
      const read = (n) => pool.query('SELECT ? AS n', [n])
      await until('some share a write', async () => {
        await times(20, () => orFails(1))
        await times(20, read)
        await pool.query('DELETE FROM counted')
        const warmed = shared(pool)
        const calls = Array.from({ length: 60 }, (_, n) => {
          if (n % 3 === 0) return pool.query('INSERT INTO counted VALUES (?)', [n])
          if (n % 3 === 1) return orFails(2).catch(({ code }) => code)
          return read(n)
        })
        for (const [n, result] of (await Promise.all(calls)).entries()) {
          if (n % 3 === 1) assert.equal(result, 'ER_SUBQUERY_NO_1_ROW')
          if (n % 3 === 2) assert.equal(result[0][0].n, n)
        }
        assert.equal((await pool.query('SELECT COUNT(*) AS n FROM counted'))[0][0].n, 20)
        return shared(pool) > warmed
      })
    }))
})

describe('a connection of a drop-in that the server ends', () => {
  it("says so by 'error' and 'end' while it is idle", async () => {
    const connection = await promise.createConnection(options)
    const events = []
    connection.on('error', ({ code }) => events.push(code))
    connection.on('end', () => events.push('end'))
    await withPool({}, (pool) => pool.query(`KILL ${connection.threadId}`))
    await until('it is told', () => events.length === 2)
    assert.deepEqual(events, ['end', 'PROTOCOL_CONNECTION_LOST'])
    assert.match(await codeOf(connection.query('SELECT 1')), /closed state/)
  })

  it('is replaced in a pool', () =>
    withPool({ connectionLimit: 1 }, async (pool) => {
      const connection = await pool.getConnection()
      const { threadId } = connection
      const lost = codeOf(connection.query('SELECT SLEEP(20)'))
      await withPool({}, async (other) => {
        await until('it runs', async () => {
          const [rows] = await other.query(
            "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP(20)%'",
          )
          return rows.some(({ id }) => id === threadId)
        })
        await other.query(`KILL ${threadId}`)
      })
      assert.equal(await lost, 'PROTOCOL_CONNECTION_LOST')
      const [[{ id }]] = await pool.query('SELECT CONNECTION_ID() AS id')
      assert.notEqual(id, threadId)
    }))
})

describe('a stream of a drop-in', () => {
  it(
    'ends its statement when it is destroyed, and frees the connection',
    mariadbOnly('tables of numbers'),
    () =>
      withPool({ connectionLimit: 1 }, async (pool) => {
        const stream = pool.pool.query('SELECT seq FROM mysql.seq_1_to_100000000').stream()
        for await (const row of stream) {
          if (row.seq > 10) break
        }
        const started = performance.now()
        assert.deepEqual((await pool.query('SELECT 1 AS n'))[0], [{ n: 1 }])
        assert.ok(performance.now() - started < 5000)
      }),
  )

  it('waits for its reader', mariadbOnly('tables of numbers'), async () => {
    const connection = mysql2.createConnection(options)
    const query = connection.query("SELECT seq, REPEAT('x', 1000) AS x FROM mysql.seq_1_to_100000")
    let rows = 0
    query.on('result', () => {
      rows++
      if (rows === 10) connection.pause()
    })
    await until('ten rows are there', () => rows >= 10)
    await sleep(100)
    assert.equal(rows, 10)
    const ended = new Promise((resolve) => query.on('end', resolve))
    connection.resume()
    await ended
    assert.equal(rows, 100_000)
    await connection.promise().end()
  })
})
