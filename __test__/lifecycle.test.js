'use strict'

const { before, describe, test } = require('node:test')
const assert = require('node:assert/strict')
const { spawn } = require('node:child_process')
const { join } = require('node:path')
const { createPool } = require('../index.js')
const { rejects, until } = require('./support/outcome.js')
const { testServer } = require('./support/server.js')

const root = join(__dirname, '..')
let options
before(async () => {
  const { host, port, user, password } = await testServer()
  options = { host, port, user, password }
})

/** Runs a program in a Node of its own; resolves with how it ended. `db` is a pool there, `root` this checkout. */
function program(source, { type = 'commonjs' } = {}) {
  const head = `const root = ${JSON.stringify(root)}; const options = ${JSON.stringify(options)};`
  const start =
    type === 'commonjs'
      ? `${head} const { createPool } = require(root); const db = createPool(options);`
      : head
  const started = performance.now()
  const child = spawn(process.execPath, [`--input-type=${type}`, '-e', `${start}\n${source}`], { cwd: root })
  return new Promise((resolve) => {
    const out = { stdout: '', stderr: '' }
    child.stdout.on('data', (chunk) => (out.stdout += chunk))
    child.stderr.on('data', (chunk) => (out.stderr += chunk))
    const tooLong = setTimeout(() => child.kill('SIGKILL'), 10_000)
    child.once('close', (code, signal) => {
      clearTimeout(tooLong)
      resolve({ code, signal, ms: performance.now() - started, ...out })
    })
  })
}

describe('a process', () => {
  test('ends by itself when nothing is in flight, although the pool is open', async () => {
    const ending = await program("db.query('SELECT 1 AS one').then((rows) => console.log(rows[0].one))")
    assert.deepEqual([ending.code, ending.stdout.trim()], [0, '1'], ending.stderr)
    assert.ok(ending.ms < 8000, `after ${ending.ms} ms`)
  })

  test('ends by itself when the pool was never used', async () => {
    assert.equal((await program('')).code, 0)
  })

  test('stays alive while a query is in flight', async () => {
    const ending = await program(
      "db.query('SELECT SLEEP(0.5) AS s').then((rows) => console.log('slept', rows[0].s))",
    )
    assert.deepEqual([ending.code, ending.stdout.trim()], [0, 'slept 0'], ending.stderr)
  })

  test('ends when the pool is closed, once or twice', async () => {
    const ending = await program(
      "db.query('SELECT 1').then(() => Promise.all([db.close(), db.close()])).then(() => db.close()).then(() => console.log('closed'))",
    )
    assert.deepEqual([ending.code, ending.stdout.trim()], [0, 'closed'], ending.stderr)
  })

  test('ends at process.exit with queries in flight', async () => {
    const ending = await program(
      "for (let i = 0; i < 20; i++) db.query('SELECT SLEEP(5)'); setTimeout(() => process.exit(3), 100)",
    )
    assert.equal(ending.code, 3, ending.stderr)
    assert.equal(ending.signal, null)
  })

  test('sees a rejection that nobody awaits as an ordinary unhandled one', async () => {
    const handled = await program(
      "process.on('unhandledRejection', (error) => console.log(error.code, error instanceof Error)); db.query('SELECT nonsense')",
    )
    assert.deepEqual([handled.code, handled.stdout.trim()], [0, 'ER_BAD_FIELD_ERROR true'], handled.stderr)
    const unhandled = await program("db.query('SELECT nonsense')")
    assert.equal(unhandled.code, 1)
    assert.match(unhandled.stderr, /HegarError: Unknown column 'nonsense'/)
  })

  test('goes on after a slowQuery listener that throws', async () => {
    const ending = await program(
      `const slow = createPool({ ...options, slowQueryMs: 1 })
       process.on('uncaughtException', (error) => console.log('caught', error.message))
       slow.on('slowQuery', () => { throw new Error('listener') })
       slow.query('SELECT SLEEP(0.05) AS s').then((rows) => console.log('rows', rows.length))`,
    )
    assert.equal(ending.code, 0, ending.stderr)
    assert.deepEqual(ending.stdout.trim().split('\n').sort(), ['caught listener', 'rows 1'])
  })

  test('gets the same module from require twice and from import', async () => {
    const ending = await program(
      `import { createRequire } from 'node:module'
       import { createPool, HegarError } from 'hegar-native'
       const require = createRequire(root + '/index.js')
       const one = require('./index.js')
       delete require.cache[require.resolve('./index.js')]
       const two = require('./index.js')
       const db = two.createPool(options)
       console.log(one.createPool === createPool, one.HegarError === HegarError, two.HegarError === HegarError)
       console.log((await db.query('SELECT 7 AS n'))[0].n)`,
      { type: 'module' },
    )
    assert.deepEqual(ending.stdout.trim().split('\n'), ['true true true', '7'], ending.stderr)
  })

  test('may load every file of the addon a second time', async () => {
    const ending = await program(
      `for (const file of Object.keys(require.cache)) if (file.startsWith(root)) delete require.cache[file]
       const again = require(root)
       const second = again.createPool(options)
       Promise.all([db.query('SELECT 1 AS n'), second.query('SELECT 2 AS n')]).then(([a, b]) => console.log(again.createPool !== createPool, a[0].n, b[0].n))`,
    )
    assert.deepEqual([ending.code, ending.stdout.trim()], [0, 'true 1 2'], ending.stderr)
  })
})

describe('close', () => {
  test('lets calls in flight finish and refuses new ones', async () => {
    const pool = createPool(options)
    const other = createPool(options)
    const lock = [`in_flight_${process.pid}`]
    const holder = await other.getConnection()
    await holder.query('SELECT GET_LOCK(?, 0)', lock)
    const slow = pool.query('SELECT GET_LOCK(?, 30) AS got', lock)
    await until('it is in flight', () => pool.stats().pool.active === 1)
    const closed = pool.close({ drainMs: 10_000 })
    const refused = (error) => error.code === 'HEGAR_POOL_CLOSED'
    await until('it refuses', () => pool.query('SELECT 1').then(() => false, refused))
    await holder.query('SELECT RELEASE_LOCK(?)', lock)
    assert.deepEqual(await slow, [{ got: 1 }])
    await closed
    await holder.release()
    await other.close()
    assert.equal(pool.stats().pool.total, 0)
    await rejects(pool.queryJson('SELECT 1'), 'HEGAR_POOL_CLOSED')
    await rejects(pool.execute('DO 1'), 'HEGAR_POOL_CLOSED')
    assert.equal((await pool.health()).code, 'HEGAR_POOL_CLOSED')
  })

  test('ends what is left after drainMs, here and on the server', async () => {
    const pool = createPool({ ...options, connectionLimit: 2 })
    const marks = [1, 2, 3, 4].map((number) => `/* left_${process.pid}_${number} */`)
    const calls = marks.map((mark) => pool.query(`SELECT ${mark} SLEEP(30)`).catch((error) => error))
    await until(
      'two run and two wait',
      () => pool.stats().pool.waiting === 2 && pool.stats().pool.active === 2,
    )
    const started = performance.now()
    await pool.close({ drainMs: 200 })
    assert.ok(performance.now() - started < 3000)
    for (const error of await Promise.all(calls)) assert.equal(error.code, 'HEGAR_POOL_CLOSED')
    const other = createPool(options)
    const running = () =>
      other.query(
        `SELECT id FROM information_schema.processlist WHERE info LIKE '%left\\_${process.pid}%' AND id <> CONNECTION_ID()`,
      )
    await until('the server has ended them', async () => (await running()).length === 0)
    await other.close()
  })

  test('twice is one close, and a wrong drainMs is refused', async () => {
    const pool = createPool(options)
    for (const drainMs of [-1, NaN, Infinity, '5'])
      await rejects(pool.close({ drainMs }), 'HEGAR_PARAM_INVALID')
    assert.equal(pool.close(), pool.close())
    await pool.close()
    await pool.close()
  })

  test('waits for nobody when the pool was never used', async () => {
    const started = performance.now()
    await createPool(options).close()
    assert.ok(performance.now() - started < 1000)
  })
})

test('an event loop that was blocked for two seconds finds every answer', async () => {
  const pool = createPool({ ...options, acquireTimeoutMs: 20_000 })
  const calls = Array.from({ length: 200 }, (_, n) =>
    pool.query('SELECT ? AS n, REPEAT("x", 5000) AS x', [n]),
  )
  const end = performance.now() + 2000
  while (performance.now() < end);
  const rows = await Promise.all(calls)
  rows.forEach(([row], n) => assert.deepEqual([row.n, row.x.length], [n, 5000]))
  await pool.close()
})

test('64 calls in flight, again and again, each get their own answer', async () => {
  const pool = createPool({ ...options, database: 'mysql' })
  let next = 0
  const errors = []
  const caller = async () => {
    while (next < 6000) {
      const n = next++
      const kind = n % 4
      if (kind === 0) assert.equal((await pool.queryOne('SELECT ? AS n', [n])).n, n)
      else if (kind === 1)
        assert.equal((await pool.queryJson('SELECT ? AS n', [n])).toString(), `[{"n":${n}}]`)
      else if (kind === 2)
        assert.equal((await pool.query('SELECT seq + ? AS n FROM seq_1_to_20', [n]))[19].n, n + 20)
      else
        errors.push(await pool.query('SELECT ? AS n FROM nowhere.nothing', [n]).catch((error) => error.errno))
    }
  }
  await Promise.all(Array.from({ length: 64 }, caller))
  assert.ok(
    errors.length >= 1500 && errors.every((errno) => errno === 1146 || errno === 1049 || errno === 1142),
    `${[...new Set(errors)]}`,
  )
  const { pool: gauges } = pool.stats()
  assert.deepEqual([gauges.active, gauges.waiting], [0, 0])
  await pool.close()
})

describe('calls around a close', () => {
  test('a call after close() is refused, even before the close is done', async () => {
    for (let round = 0; round < 50; round++) {
      const pool = createPool(options)
      await pool.query('SELECT 1')
      const closed = pool.close()
      await rejects(pool.query('SELECT 2'), 'HEGAR_POOL_CLOSED')
      await closed
    }
  })

  test('a call begun right before close() finishes', async () => {
    for (let round = 0; round < 50; round++) {
      const pool = createPool(options)
      const call = pool.query('SELECT 1 AS a')
      const closed = pool.close({ drainMs: 10_000 })
      assert.deepEqual(await call, [{ a: 1 }])
      await closed
    }
  })

  test('calls that wait for a connection finish as well', async () => {
    const pool = createPool({ ...options, connectionLimit: 1 })
    const calls = Array.from({ length: 5 }, (_, i) => pool.query('SELECT ? AS a, SLEEP(0.05) AS s', [i]))
    const closed = pool.close({ drainMs: 10_000 })
    assert.deepEqual(
      (await Promise.all(calls)).map(([row]) => row.a),
      [0, 1, 2, 3, 4],
    )
    await closed
  })
})

test('calls reach a pool of one connection in the order in which they were made', async () => {
  const pool = createPool({ ...options, connectionLimit: 1 })
  await pool.query('SELECT 1')
  for (let round = 0; round < 200; round++) {
    const done = []
    await Promise.all([0, 1, 2, 3].map((n) => pool.query('SELECT 1').then(() => done.push(n))))
    assert.deepEqual(done, [0, 1, 2, 3])
  }
  await pool.close()
})
