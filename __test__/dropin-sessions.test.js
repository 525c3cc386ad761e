'use strict'

// Sessions of the drop-ins that change under their statements, are given back, or end: each case went wrong once.

const { after, before, describe, it } = require('node:test')
const assert = require('node:assert/strict')
const { inspect } = require('node:util')
const { Readable } = require('node:stream')
const { setTimeout: sleep } = require('node:timers/promises')
const v8 = require('node:v8')
const vm = require('node:vm')
const mysql = require('../lib/dropin/mysql.js')
const mysql2 = require('../lib/dropin/mysql2.js')
const promise = require('../lib/dropin/mysql2-promise.js')
const { settledMemory } = require('./support/memory.js')
const { until } = require('./support/outcome.js')
const { ownServer } = require('./support/own-server.js')

let server
let options
before(async () => {
  server = await ownServer({ args: ['--local-infile=1', '--performance-schema=on'] })
  await server.run(
    'CREATE DATABASE drop_in',
    'CREATE DATABASE other',
    'CREATE TABLE drop_in.loaded (a TEXT, b TEXT)',
    "CREATE USER bob IDENTIFIED BY 'of bob'",
    'GRANT ALL ON *.* TO bob',
    "CREATE USER single IDENTIFIED BY 'of single' WITH MAX_USER_CONNECTIONS 1",
  )
  options = { ...server.options, database: 'drop_in' }
})
after(() => server.remove())

// Ends its literal where a backslash escapes nothing and it was written for one that does.
const EVIL = "\\' AS x, 2 AS injected -- "
const SET = "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'"

const called = (start) =>
  new Promise((resolve, reject) => start((error, value) => (error ? reject(error) : resolve(value))))
const ask = (target, ...args) => called((callback) => target.query(...args, callback))
const codeOf = (work) =>
  work.then(
    () => assert.fail('it should have failed'),
    ({ code, message }) => code ?? message,
  )

async function withConnection(extra, use, { createConnection } = mysql2) {
  const connection = createConnection({ ...options, ...extra })
  try {
    return await use(connection)
  } finally {
    connection.destroy()
  }
}

async function withPool(extra, use, { createPool } = mysql2) {
  const pool = createPool({ ...options, ...extra })
  try {
    return await use(pool)
  } finally {
    await called((callback) => pool.end(callback))
  }
}

const lend = (pool) => called((callback) => pool.getConnection(callback))

describe('a value is written for the session that reads it', () => {
  it('behind a statement that changes how, without waiting for it', () =>
    withConnection({}, async (connection) => {
      const [, rows] = await Promise.all([ask(connection, SET), ask(connection, 'SELECT ? AS a', [EVIL])])
      assert.deepEqual(rows, [{ a: EVIL }])
    }))

  it('behind a reset and a change of user', async () => {
    await server.run("SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES'")
    try {
      await withConnection({}, async (connection) => {
        assert.deepEqual(await ask(connection, 'SELECT ? AS a', [EVIL]), [{ a: EVIL }])
        for (const method of ['reset', 'changeUser']) {
          await ask(connection, "SET SESSION sql_mode = ''")
          assert.deepEqual(await ask(connection, 'SELECT ? AS a', [EVIL]), [{ a: EVIL }])
          const args = method === 'reset' ? [] : [{}]
          const [, rows] = await Promise.all([
            called((callback) => connection[method](...args, callback)),
            ask(connection, 'SELECT ? AS a', [EVIL]),
          ])
          assert.deepEqual(rows, [{ a: EVIL }], method)
        }
      })
    } finally {
      await server.run("SET GLOBAL sql_mode = ''")
    }
  })

  it('on the next connection of a pool, which may have another mode than those before', () =>
    withPool({ connectionLimit: 2 }, async (pool) => {
      for (let i = 0; i < 3; i++) await ask(pool, 'SELECT 1')
      await server.run("SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES'")
      try {
        const [first, second] = await Promise.all([
          ask(pool, 'SELECT SLEEP(0.05), ? AS a', [EVIL]),
          ask(pool, 'SELECT SLEEP(0.05), ? AS a', [EVIL]),
        ])
        assert.deepEqual([first[0].a, second[0].a], [EVIL, EVIL])
      } finally {
        await server.run("SET GLOBAL sql_mode = ''")
      }
    }))

  it('on a connection that is given back while its mode changes', () =>
    withPool({ connectionLimit: 1 }, async (pool) => {
      const connection = await lend(pool)
      const changed = ask(connection, SET)
      connection.release()
      assert.deepEqual(await ask(pool, 'SELECT ? AS a', [EVIL]), [{ a: EVIL }])
      await changed
    }))

  it('in a LOAD DATA LOCAL too', async () => {
    await server.run("SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES'")
    try {
      await withConnection({ infileStreamFactory: () => Readable.from(['row\n']) }, async (connection) => {
        const value = "\\', a = 'injected' -- "
        const sql = "LOAD DATA LOCAL INFILE 'x' INTO TABLE loaded (a) SET b = ?"
        await ask(connection, sql, [value])
        assert.deepEqual(await ask(connection, 'SELECT * FROM loaded'), [{ a: 'row', b: value }])
        await ask(connection, 'DELETE FROM loaded')
      })
    } finally {
      await server.run("SET GLOBAL sql_mode = ''")
    }
  })
})

describe('a connection that was given back', () => {
  it('takes no commands, and serves the next one who gets it', () =>
    withPool({ connectionLimit: 1 }, async (pool) => {
      const connection = await lend(pool)
      connection.release()
      assert.match(await codeOf(ask(connection, 'SELECT 1')), /closed state/)
      const next = await lend(pool)
      assert.equal(next, connection)
      assert.deepEqual(await ask(next, 'SELECT 2 AS n'), [{ n: 2 }])
      next.release()
    }))

  it('does first what it was asked for, a file included, also when the pool ends', async () => {
    const slowly = async function* () {
      yield 'a\n'
      await sleep(50)
    }
    const infileStreamFactory = () => Readable.from(slowly())
    const sql = "LOAD DATA LOCAL INFILE 'x' INTO TABLE loaded (a)"
    for (const ends of [false, true]) {
      const pool = mysql2.createPool({ ...options, infileStreamFactory })
      const connection = await lend(pool)
      const work = Promise.all([ask(connection, sql), ask(connection, 'SELECT 1 AS n')])
      let ended = null
      if (ends) ended = called((callback) => pool.end(callback))
      else connection.release()
      const [header, rows] = await work
      assert.deepEqual([header.affectedRows, rows], [1, [{ n: 1 }]])
      await (ended ?? called((callback) => pool.end(callback)))
    }
  })

  it('is told from one of another server that has the same number', async () => {
    const pool = mysql2.createPool({ ...options, connectionLimit: 2 })
    const [a, b] = [await lend(pool), await lend(pool)]
    // As if both had it.
    b.threadId = a.threadId
    a.release()
    const c = await lend(pool)
    assert.notEqual(c, b)
    c.release()
    b.release()
    await called((callback) => pool.end(callback))
  })
})

describe('a query that goes wrong here', () => {
  it('ends with its error, and the connection goes on', () =>
    withConnection({}, async (connection) => {
      const zone = { sql: 'SELECT 1', timezone: 'Europe/Rome' }
      const before = [
        codeOf(ask(connection, zone)),
        ask(connection, { sql: 'SELECT 1 AS n', timeout: '1000' }),
      ]
      assert.deepEqual(await Promise.all(before), ['HEGAR_OPTION_INVALID', [{ n: 1 }]])
      assert.equal(await codeOf(ask(connection, zone)), 'HEGAR_OPTION_INVALID')
      assert.deepEqual(await ask(connection, 'SELECT 2 AS n'), [{ n: 2 }])
    }))

  it('is no connection less for its pool', () =>
    withPool({ connectionLimit: 1 }, async (pool) => {
      await ask(pool, 'SELECT 1')
      for (let i = 0; i < 3; i++) {
        assert.equal(
          await codeOf(ask(pool, { sql: 'SELECT 1', timezone: 'Europe/Rome' })),
          'HEGAR_OPTION_INVALID',
        )
      }
      assert.equal(pool._freeConnections.length, 1)
      const connection = await lend(pool)
      connection.release()
      const behind = codeOf(ask(pool, { sql: 'SELECT 1', timezone: 'Europe/Rome' }))
      assert.equal(await behind, 'HEGAR_OPTION_INVALID')
    }))

  it("ends with what a typeCast throws, of events and of mysql's several results too", async () => {
    const typeCast = () => {
      throw new Error('no such value')
    }
    await withConnection({}, async (connection) => {
      const events = []
      const query = connection.query({ sql: 'SELECT 1 UNION SELECT 2', typeCast })
      for (const event of ['error', 'end']) query.on(event, (error) => events.push(error?.message ?? event))
      await until('it ends', () => events.length === 2)
      assert.deepEqual(events, ['no such value', 'end'])
      assert.deepEqual(await ask(connection, 'SELECT 3 AS n'), [{ n: 3 }])
    })
    const several = { multipleStatements: true }
    await withConnection(
      several,
      async (connection) => {
        const outcome = codeOf(ask(connection, { sql: 'SELECT 1; SELECT 2', typeCast }))
        assert.equal(await outcome, 'no such value')
        assert.equal((await ask(connection, 'SELECT 3 AS n'))[0].n, 3)
      },
      mysql,
    )
  })
})

describe('a change of user', () => {
  it('keeps what it does not say', () =>
    withConnection({}, async (connection) => {
      await called((callback) => connection.changeUser({ user: 'bob', password: 'of bob' }, callback))
      await called((callback) => connection.changeUser({ database: 'other' }, callback))
      const [row] = await ask(connection, 'SELECT CURRENT_USER() AS u, DATABASE() AS d')
      assert.deepEqual(row, { u: 'bob@%', d: 'other' })
    }))

  it('that is refused leaves the session as it is, for a reset as well', () =>
    withConnection({}, async (connection) => {
      const wrong = { user: 'bob', password: 'wrong', database: 'other' }
      const refused = called((callback) => connection.changeUser(wrong, callback))
      assert.equal(await codeOf(refused), 'ER_ACCESS_DENIED_ERROR')
      await called((callback) => connection.reset(callback))
      assert.deepEqual(await ask(connection, 'SELECT DATABASE() AS d'), [{ d: 'drop_in' }])
    }))

  it('takes no name with a NUL in it', () =>
    withConnection({}, async (connection) => {
      const change = called((callback) => connection.changeUser({ user: 'bob\0x' }, callback))
      assert.match(await codeOf(change), /may not contain a NUL/)
    }))

  it("of a pool of mysql is undone with today's password, or the connection is not lent again", async () => {
    await server.run("CREATE USER rotated IDENTIFIED BY 'first'")
    const login = { user: 'rotated', password: 'first', connectionLimit: 1 }
    const pool = mysql.createPool({ ...options, database: undefined, ...login })
    const userOf = async (connection) => (await ask(connection, 'SELECT CURRENT_USER() AS u'))[0].u
    for (const password of ['second', null]) {
      const connection = await lend(pool)
      await called((callback) => connection.changeUser({ user: 'bob', password: 'of bob' }, callback))
      if (password === null) await server.run("ALTER USER rotated IDENTIFIED BY 'third'")
      else {
        await server.run(`ALTER USER rotated IDENTIFIED BY '${password}'`)
        pool.config.connectionConfig.password = password
      }
      connection.release()
      const next = await lend(pool).catch(({ code }) => code)
      assert.equal(
        typeof next === 'string' ? next : await userOf(next),
        password ? 'rotated@%' : 'ER_ACCESS_DENIED_ERROR',
      )
      if (typeof next !== 'string') next.release()
    }
    await called((callback) => pool.end(callback))
  })

  it('and a reset work without a database', () =>
    withConnection({ database: undefined }, async (connection) => {
      await called((callback) => connection.reset(callback))
      assert.deepEqual(await ask(connection, 'SELECT 1 AS n'), [{ n: 1 }])
    }))
})

describe('files', () => {
  it('are not what a path with local in it is about', () =>
    withConnection({}, async (connection) => {
      const sql = "LOAD DATA INFILE '/usr/local/none.csv' INTO TABLE loaded"
      assert.equal(await codeOf(ask(connection, sql)), 'EE_STAT')
    }))

  it('may have quotes and backslashes in their names', async () => {
    const names = []
    const infileStreamFactory = (name) => {
      names.push(name)
      return Readable.from([])
    }
    await withConnection({ infileStreamFactory }, async (connection) => {
      for (const name of ["it's.csv", 'C:\\data\\x.csv', 'a"b']) {
        await ask(connection, 'LOAD DATA LOCAL INFILE ? INTO TABLE loaded', [name])
      }
    })
    assert.deepEqual(names, ["it's.csv", 'C:\\data\\x.csv', 'a"b'])
  })

  it('are not sent where the flag is taken away', () =>
    withConnection(
      { flags: '-LOCAL_FILES', infileStreamFactory: () => assert.fail('asked') },
      async (connection) => {
        const code = await codeOf(ask(connection, "LOAD DATA LOCAL INFILE 'x' INTO TABLE loaded"))
        assert.match(code, /^ER_/)
      },
    ))

  it('end with their connection', async () => {
    const file = new Readable({ read() {} })
    const connection = mysql2.createConnection({ ...options, infileStreamFactory: () => file })
    const load = codeOf(ask(connection, "LOAD DATA LOCAL INFILE 'x' INTO TABLE loaded"))
    await until(
      'it is read',
      () => file.listenerCount('readable') > 0 || file.readableFlowing !== null,
      2000,
    ).catch(() => {})
    await sleep(50)
    connection.destroy()
    assert.equal(typeof (await load), 'string')
    assert.equal(file.destroyed, true)
  })
})

describe('a statement that takes too long', () => {
  it('is told once, also where the server refuses the order to end it', () =>
    withConnection({ user: 'single', password: 'of single', database: undefined }, async (connection) => {
      // Emitted without a listener, an error would end the process.
      const late = ask(connection, { sql: 'SELECT SLEEP(4)', timeout: 100 })
      assert.equal(await codeOf(late), 'PROTOCOL_SEQUENCE_TIMEOUT')
      assert.equal(await codeOf(ask(connection, 'SELECT 1')), 'PROTOCOL_CONNECTION_LOST')
    }))
})

describe('results without a row', () => {
  it('come no faster than they are wanted', () =>
    withConnection({}, async (connection) => {
      const body = 'WHILE @n < 1000000 DO SELECT 1 AS a FROM DUAL WHERE 0; SET @n = @n + 1; END WHILE'
      await ask(connection, `CREATE PROCEDURE drop_in.empties() BEGIN SET @n = 0; ${body}; END`)
      const before = await settledMemory()
      let results = 0
      const query = connection.query('CALL empties()')
      query.on('error', () => {})
      query.on('fields', () => {
        results++
        connection.pause()
      })
      await until('the first is there', () => results > 0)
      await sleep(1000)
      assert.equal(results, 1)
      const grown = (await settledMemory()).rss - before.rss
      assert.ok(grown < 32, `grew by ${grown.toFixed(0)} MiB`)
    }))
})

it('a configuration made by hand does not print its password', () => {
  const config = new mysql2.ConnectionConfig({ password: 'hunter2' })
  assert.equal(config.password, 'hunter2')
  assert.doesNotMatch(inspect(config), /hunter2/)
})

it('a pool that ends refuses those who wait, whoever gives a connection back', async () => {
  const pool = promise.createPool({ ...options, connectionLimit: 1 })
  const held = await pool.getConnection()
  const waiting = [
    codeOf(pool.query('SELECT 1')),
    codeOf(pool.execute('SELECT 1')),
    codeOf(pool.getConnection()),
  ]
  const ended = pool.end()
  assert.deepEqual(await Promise.all(waiting), Array(3).fill('Pool is closed.'))
  await ended
  assert.match(await codeOf(held.query('SELECT 1')), /closed state/)
})

describe('a connection of a drop-in', () => {
  it('says who connects as connectAttributes have it', () =>
    withConnection({ connectAttributes: { program_name: 'the shop' } }, async (connection) => {
      const sql =
        "SELECT ATTR_VALUE AS v FROM performance_schema.session_account_connect_attrs WHERE ATTR_NAME = 'program_name' AND PROCESSLIST_ID = CONNECTION_ID()"
      assert.equal((await ask(connection, sql))[0].v, 'the shop')
    }))

  it('is forgotten by its pool once it is destroyed', () =>
    withPool({}, async (pool) => {
      v8.setFlagsFromString('--expose-gc')
      const gc = vm.runInNewContext('gc')
      const destroyed = await (async () => {
        const connection = await called((callback) => pool.getConnection(callback))
        connection.destroy()
        return new WeakRef(connection)
      })()
      await until('the collector has found it', async () => {
        await sleep(10)
        gc()
        return destroyed.deref() === undefined
      })
    }))
})
