'use strict'

const assert = require('node:assert/strict')
const { createHmac } = require('node:crypto')
const { after, before, describe, it } = require('node:test')
const { inspect } = require('node:util')
const { Worker } = require('node:worker_threads')
const { createPool, getCursorParams, HegarError } = require('../index.js')
const { normaliseOptions } = require('../lib/options.js')
const { openDrivers } = require('./support/drivers.js')
const { createRandom } = require('./support/random.js')

const SQL = 'SELECT id, name FROM things WHERE :keyset'
const SECRET = 'a secret of more than 16 bytes'
const KEYSET = ['name', 'id']

describe('cursors', () => {
  let drivers, db, cursor
  const pools = []
  before(async () => {
    drivers = await openDrivers({ cursorSecret: SECRET }, { mysql2Options: {} })
    ;({ db } = drivers)
    await drivers.run(
      'CREATE TABLE things (id INT PRIMARY KEY, name VARCHAR(40) NULL)',
      "INSERT INTO things SELECT seq, IF(seq < 3, NULL, CONCAT('thing ', seq)) FROM seq_1_to_20",
    )
    cursor = (await read(db)).pagination.nextCursor
  })
  after(async () => {
    await Promise.all(pools.map((pool) => pool.close()))
    await drivers.close()
  })

  const read = (pool, options) => pool.paginate(SQL, [], { limit: 3, keyset: KEYSET, ...options })
  const open = (options) => {
    const pool = createPool({ ...drivers.target, ...options })
    pools.push(pool)
    return pool
  }

  async function refused(pool, given, { sql = SQL, ...options } = {}) {
    const { total } = pool.stats().queries
    for (const method of ['paginate', 'paginateJson']) {
      const error = await pool[method](sql, [], { limit: 3, keyset: KEYSET, cursor: given, ...options }).then(
        () => assert.fail(`not refused: ${inspect(given)}`),
        (reason) => reason,
      )
      assert.ok(error instanceof HegarError, inspect(error))
      assert.equal(error.code, 'HEGAR_CURSOR_INVALID', inspect(given))
      assert.deepEqual([error.statusCode, error.isOperational], [400, true])
      const [{ type, path, location, msg }] = error.errors
      assert.deepEqual([type, path, location], ['field', 'cursor', 'query'])
      assert.equal(msg, error.message)
    }
    assert.equal(pool.stats().queries.total, total, 'something was sent')
  }

  it('are text for a URL as it is', () => {
    assert.match(cursor, /^[\w-]{60,150}$/)
    assert.equal(encodeURIComponent(cursor), cursor)
  })

  it('are absent when they are null, undefined or empty', async () => {
    for (const none of [null, undefined, '']) {
      assert.equal((await read(db, { cursor: none })).data[0].id, 1)
    }
  })

  it('that were changed anywhere, cut or made longer are refused', async () => {
    for (let at = 0; at < cursor.length; at++) {
      const other = cursor[at] === 'A' ? 'B' : 'A'
      await refused(db, cursor.slice(0, at) + other + cursor.slice(at + 1))
      if (at > 0) await refused(db, cursor.slice(0, at))
    }
    for (const changed of [`${cursor}A`, ` ${cursor}`, `${cursor}\n`, `${cursor}=`, `${cursor}${cursor}`]) {
      await refused(db, changed)
    }
  })

  it('of another statement, order, column or secret are refused', async () => {
    for (const sql of [
      SQL.replace('name', 'name '),
      'SELECT id, name FROM things WHERE id > 0 AND :keyset',
    ]) {
      await refused(db, cursor, { sql })
    }
    for (const keyset of [['id', 'name'], ['id'], ['name', { column: 'id', direction: 'desc' }]]) {
      await refused(db, cursor, { keyset })
    }
    await refused(open({ cursorSecret: `${SECRET}!` }), cursor)
    await refused(open({}), cursor)
  })

  it('are no way for text of any kind', async () => {
    const hostile = [
      "' OR 1=1 --",
      '1; DROP TABLE things',
      'undefined',
      '__proto__',
      '../../etc/passwd',
      '\0',
      '\ud800',
      '漢😀',
      '%00',
      'AQAA',
      'A'.repeat(1e6),
      'A'.repeat(5505),
      '-'.repeat(100),
      Buffer.from(JSON.stringify({ name: 1 })).toString('base64url'),
    ]
    for (const text of hostile) await refused(db, text)
    for (const value of [
      7,
      true,
      {},
      [],
      [cursor],
      { toString: () => cursor },
      Buffer.from(cursor),
      1n,
      Symbol('x'),
    ]) {
      await refused(db, value)
    }
    const random = createRandom(7)
    for (let count = 0; count < 200; count++) {
      const bytes = Buffer.from(Array.from({ length: random.int(120) + 1 }, () => random.int(256)))
      await refused(db, bytes.toString('base64url'))
    }
    assert.equal((await db.queryOne('SELECT COUNT(*) AS n FROM things')).n, 20)
  })

  it('that were signed with the secret but are no cursors are refused', async () => {
    for (const payload of [Buffer.alloc(0), Buffer.from([1, 0]), Buffer.from([2, 0, 0, 0, 0, 0])]) {
      const tag = createHmac('sha256', SECRET).update(payload).digest()
      await refused(db, Buffer.concat([payload, tag]).toString('base64url'))
    }
  })

  it('hold in another process with the same secret', async () => {
    const other = open({ cursorSecret: Buffer.from(SECRET) })
    assert.deepEqual(await read(other, { cursor }), await read(db, { cursor }))
  })

  it('of an old secret hold while it is listed, and new ones are signed with the first', async () => {
    const rotated = open({ cursorSecret: ['another secret of 16 bytes or more', SECRET] })
    const { data, pagination } = await read(rotated, { cursor })
    assert.deepEqual(data, (await read(db, { cursor })).data)
    await refused(db, pagination.nextCursor)
    await read(rotated, { cursor: pagination.nextCursor })
  })

  it('without a secret hold in this process, and not in a worker thread', async () => {
    const [one, two] = [open({}), open({})]
    const own = (await read(one)).pagination.nextCursor
    assert.equal((await read(two, { cursor: own })).data.length, 3)
    const worker = new Worker(
      `const { workerData, parentPort } = require('node:worker_threads')
       const { createPool } = require(workerData.index)
       const db = createPool(workerData.target)
       db.paginate(workerData.sql, [], { limit: 3, keyset: ['name', 'id'], cursor: workerData.cursor })
         .then(() => 'read', (error) => error.code)
         .then(async (word) => { await db.close(); parentPort.postMessage(word) })`,
      {
        eval: true,
        workerData: { index: require.resolve('../index.js'), target: drivers.target, sql: SQL, cursor: own },
      },
    )
    const word = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
    assert.equal(word, 'HEGAR_CURSOR_INVALID')
  })

  it('come from requests, where anything else than text is refused', () => {
    assert.deepEqual(getCursorParams({ query: {} }), { cursor: null, limit: 20 })
    assert.deepEqual(getCursorParams({ query: undefined }), { cursor: null, limit: 20 })
    assert.deepEqual(getCursorParams({ query: { cursor: '', page: 'x' } }), { cursor: null, limit: 20 })
    const query = { cursor: 'abc', limit: '7', page: ['1', '2'] }
    assert.deepEqual(getCursorParams({ query }, { maxLimit: 5, strict: false }), { cursor: 'abc', limit: 5 })
    assert.deepEqual(getCursorParams({ query: Object.create({ cursor: 'abc' }) }).cursor, null)
    for (const wrong of [['a', 'b'], { a: 'b' }, 7]) {
      assert.throws(() => getCursorParams({ query: { cursor: wrong } }), {
        code: 'HEGAR_CURSOR_INVALID',
        statusCode: 400,
      })
    }
    assert.throws(() => getCursorParams({ query: { limit: 'x' } }, { strict: true }), {
      code: 'HEGAR_PAGINATION_INVALID',
    })
    for (const none of [undefined, null, 'x', {}]) {
      assert.throws(() => getCursorParams(none), { name: 'HegarTypeError' })
    }
    assert.throws(() => getCursorParams({ query: {} }, { maxPage: 3 }), { name: 'HegarTypeError' })
  })
})

describe('cursorSecret', () => {
  it('is long enough, or refused without being shown', () => {
    for (const wrong of [
      'hunter2',
      '',
      7,
      true,
      {},
      [],
      [''],
      [SECRET, 'short'],
      'x'.repeat(1025),
      Array(9).fill(SECRET),
      new Date(),
    ]) {
      assert.throws(
        () => createPool({ cursorSecret: wrong }),
        (error) => {
          assert.equal(error.code, 'HEGAR_OPTION_INVALID')
          assert.equal(error.option, 'cursorSecret')
          assert.ok(!inspect(error).includes('hunter2'))
          return true
        },
      )
    }
  })

  it('is shown by no option, pool or error', async () => {
    const options = normaliseOptions({ cursorSecret: [SECRET, Buffer.from('another secret of 16 bytes')] })
    const db = createPool({ host: '127.0.0.1', port: 1, cursorSecret: SECRET })
    const error = await db
      .paginate('SELECT 1 AS id FROM t WHERE :keyset', [], { limit: 1, keyset: ['id'] })
      .catch((reason) => reason)
    for (const shown of [
      inspect(options, { depth: 9, showHidden: true }),
      JSON.stringify(options),
      inspect(db, { depth: 9 }),
      inspect(error),
    ]) {
      assert.ok(!shown.includes(SECRET) && !shown.includes('another secret'), shown)
      assert.ok(!shown.includes(Buffer.from(SECRET).toString('hex').slice(0, 8)), shown)
    }
    assert.match(inspect(options.pool), /cursorSecret: \*\*\*/)
    await db.close()
  })

  it('may be in a uri', async () => {
    const db = createPool(`mysql://root@127.0.0.1:1/?cursorSecret=${encodeURIComponent(SECRET)}`)
    await db.close()
  })
})
