'use strict'

const assert = require('node:assert/strict')
const { after, before, beforeEach, describe, it } = require('node:test')
const { setTimeout: sleep } = require('node:timers/promises')
const { createPool } = require('../index.js')
const { openDrivers } = require('./support/drivers.js')
const { startProxy } = require('./support/proxy.js')
const { until } = require('./support/outcome.js')

const BY_ID = 'SELECT * FROM products WHERE id = ?'
const ALL = 'SELECT id, name FROM products ORDER BY id'

let drivers, db

async function fresh() {
  await drivers.run(
    'DELETE FROM products',
    `INSERT INTO products VALUES (1, 'Hammer', 9.5, '2026-01-02 03:04:05.678', '{"a": [1]}', 0x0102), (2, 'Säge', NULL, NULL, NULL, NULL)`,
  )
  await db.invalidate({ all: true })
}

const loads = () => Object.values(db.stats().cache.prefixes).reduce((sum, { loads }) => sum + loads, 0)

// How many statements the work sent to the server for cached results.
async function loadsOf(work) {
  const before = loads()
  await work()
  return loads() - before
}

// By a driver that the cache knows nothing of.
const elsewhere = (sql) => drivers.run(sql)

describe('the cache', () => {
  before(async () => {
    drivers = await openDrivers()
    ;({ db } = drivers)
    await drivers.run(
      'CREATE TABLE products (id INT PRIMARY KEY, name VARCHAR(200), price DECIMAL(10,2), made DATETIME(3), extra JSON, picture BLOB)',
    )
  })
  after(() => drivers.close())
  describe('a cached query', () => {
    beforeEach(fresh)

    it('gives the rows that query gives, each caller objects of their own', async () => {
      const expected = await db.query(BY_ID, [1])
      const [first] = await db.cachedQuery(BY_ID, [1], 60)
      assert.deepEqual([first], expected)
      first.name = 'changed by its caller'
      first.made.setFullYear(1999)
      first.extra.a.push(2)
      first.picture[0] = 9
      for (let again = 0; again < 3; again++) {
        const [row] = await db.cachedQuery(BY_ID, [1], 60)
        assert.deepEqual([row], expected)
        row.extra.a.push(again)
        row.picture[1] = 7
      }
    })

    it('as JSON gives the bytes that queryJson gives, the same Buffer to all', async () => {
      const expected = await db.queryJson(ALL)
      await db.cachedQueryJson(ALL, [], 60)
      const one = await db.cachedQueryJson(ALL, [], 60)
      assert.deepEqual(one, expected)
      assert.equal(await db.cachedQueryJson(ALL, [], 60), one)
    })

    it('is sent once, and once more after its time', async () => {
      const sent = await loadsOf(async () => {
        for (let call = 0; call < 5; call++) await db.cachedQuery(ALL, [], 2)
      })
      assert.equal(sent, 1)
      await elsewhere("UPDATE products SET name = 'Axe' WHERE id = 1")
      assert.equal((await db.cachedQuery(ALL, [], 2))[0].name, 'Hammer')
      await sleep(2050)
      assert.equal((await db.cachedQuery(ALL, [], 2))[0].name, 'Axe')
    })

    it('is another one for other parameters, by type and value', async () => {
      const sql = 'SELECT ? AS value, COUNT(*) AS n FROM products'
      const values = [
        1,
        '1',
        1n,
        true,
        null,
        0,
        -0,
        0.5,
        '',
        'a',
        new Date(0),
        Buffer.from('1'),
        Buffer.from('2'),
      ]
      for (const round of [1, 2]) {
        for (const value of values) {
          const expected = await db.query(sql, [value])
          assert.deepEqual(await db.cachedQuery(sql, [value], 60), expected, `${round}: ${String(value)}`)
        }
      }
      const list = 'SELECT id FROM products WHERE id IN (?) AND name <> ?'
      for (const params of [
        [[1, 2], 'x'],
        [[1], 'x'],
        [[12], 'x'],
        [['1', '2'], 'x'],
        [[1, 2], 'Hammer'],
      ]) {
        const expected = await db.query(list, params)
        await db.cachedQuery(list, params, 60)
        assert.deepEqual(await db.cachedQuery(list, params, 60), expected)
      }
    })

    it('takes parameters by name, and as they were when it was called', async () => {
      const sql = 'SELECT name FROM products WHERE id = :id OR name = :name'
      const params = { id: 1, name: 'x', more: true }
      const first = db.cachedQuery(sql, params, 60)
      params.id = 2
      assert.deepEqual(await first, [{ name: 'Hammer' }])
      assert.deepEqual(await db.cachedQuery(sql, { name: 'x', id: 1 }, 60), [{ name: 'Hammer' }])
      assert.deepEqual(await db.cachedQuery(sql, params, 60), [{ name: 'Säge' }])
      const place = [1]
      const second = db.cachedQuery(BY_ID, place, 60)
      place[0] = 2
      assert.equal((await second)[0].id, 1)
      assert.equal((await db.cachedQuery(BY_ID, [1], 60))[0].id, 1)
      assert.equal((await db.cachedQuery(BY_ID, [2], 60))[0].id, 2)
    })

    it('takes all of its parameters into account, also those that do not show', async () => {
      const sql = 'SELECT name FROM products WHERE id = :id'
      for (const id of [1, 2]) {
        const params = Object.defineProperty({}, 'id', { value: id })
        for (let call = 0; call < 2; call++) {
          assert.deepEqual(await db.cachedQuery(sql, params, 60), await db.query(sql, params))
        }
        const guarded = new Proxy({ id }, {})
        assert.deepEqual(await db.cachedQuery(sql, guarded, 60), await db.query(sql, { id }))
      }
    })

    it('whose values can not be made rejects each time', async () => {
      const sql = 'SELECT name FROM products WHERE id = ?'
      for (let call = 0; call < 3; call++) {
        await assert.rejects(db.cachedQuery(sql, [1], { ttl: 60, casts: { name: 'json' } }), {
          code: 'HEGAR_UNSUPPORTED',
        })
      }
    })

    it('takes the options about rows that query takes', async () => {
      for (const options of [
        { rowsAsArray: true },
        { nestTables: true },
        { casts: { price: 'number' } },
        { shape: { name: { as: 'title' } } },
        { columns: true },
        { casts: { name: (value) => value.toUpperCase() } },
      ]) {
        const expected = await db.query(BY_ID, [1], options)
        for (let call = 0; call < 3; call++) {
          assert.deepEqual(await db.cachedQuery(BY_ID, [1], { ttl: 60, ...options }), expected)
        }
      }
      const envelope = { key: 'data', before: { status: 'success' } }
      const expected = await db.queryJson(ALL, [], { envelope })
      for (let call = 0; call < 3; call++) {
        assert.deepEqual(await db.cachedQueryJson(ALL, [], { ttl: 60, envelope }), expected)
      }
    })

    it('of many rows and of long text is what it was', async () => {
      const sql = `SELECT seq, REPEAT(CHAR(65 + seq % 26), seq % 300) AS text, CONCAT('\u{1F600}', seq) AS wide FROM seq_1_to_5000 ORDER BY seq`
      const expected = await db.query(sql)
      const bytes = await db.queryJson(sql)
      for (let call = 0; call < 3; call++) {
        assert.deepEqual(await db.cachedQuery(sql, [], 60), expected)
        assert.deepEqual(await db.cachedQueryJson(sql, [], 60), bytes)
      }
    })

    it('rejects with the error of its statement, and keeps none', async () => {
      for (let call = 0; call < 2; call++) {
        await assert.rejects(db.cachedQuery('SELECT nothing FROM products', [], 60), (error) => {
          assert.equal(error.code, 'ER_BAD_FIELD_ERROR')
          assert.equal(error.sql, 'SELECT nothing FROM products')
          assert.match(error.stack, /cache\.test\.js/)
          return true
        })
      }
    })

    it('is refused by a pool that is closed, kept or not', async () => {
      const other = createPool(drivers.target)
      await other.cachedQueryJson(ALL, [], 60)
      await other.cachedQueryJson(ALL, [], 60)
      await other.close()
      await assert.rejects(other.cachedQueryJson(ALL, [], 60), { code: 'HEGAR_POOL_CLOSED' })
      await assert.rejects(other.cachedQuery(ALL, [], 60), { code: 'HEGAR_POOL_CLOSED' })
    })
  })

  describe('callers of the same', () => {
    beforeEach(fresh)

    it('share one statement, a thousand of them', async () => {
      const sent = await loadsOf(async () => {
        const results = await Promise.all(Array.from({ length: 1000 }, () => db.cachedQuery(ALL, [], 60)))
        for (const rows of results) assert.equal(rows.length, 2)
        assert.notEqual(results[0][0], results[1][0])
      })
      assert.equal(sent, 1)
    })

    it('share its error too, and the next one asks anew', async () => {
      const sql = 'SELECT id FROM made_later'
      const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => db.cachedQuery(sql, [], 60)))
      assert.ok(outcomes.every(({ reason }) => reason?.code === 'ER_NO_SUCH_TABLE'))
      await db.execute('CREATE TABLE made_later (id INT)')
      assert.deepEqual(await db.cachedQuery(sql, [], 60), [])
      await db.execute('DROP TABLE made_later')
    })

    it('who come after a write do not wait for a statement that was sent before it', async () => {
      const proxy = await startProxy(drivers.target)
      const slow = createPool({ ...drivers.target, host: proxy.host, port: proxy.port })
      try {
        const sql = "SELECT name, 'late answer' AS note FROM products WHERE id = ?"
        await slow.query(sql, [1])
        await slow.query(sql, [1])
        // The schema is known, so that the statement goes out at once.
        await slow.cachedQuery('SELECT COUNT(*) AS n FROM products', [], 60)
        // The execution of a statement carries its parameters.
        let isSent = false
        proxy.delay = (bytes) => {
          if (isSent || bytes[4] !== 0x17) return 0
          isSent = true
          return 300
        }
        const before = slow.cachedQuery(sql, [1], 60)
        await until('it is on its way', () => isSent)
        await slow.execute("UPDATE products SET name = 'Axe' WHERE id = 1")
        const after = await slow.cachedQuery(sql, [1], 60)
        assert.equal(after[0].name, 'Axe')
        assert.equal((await before)[0].name, 'Hammer')
        // What came late did not take the place of what came after it.
        assert.equal((await slow.cachedQuery(sql, [1], 60))[0].name, 'Axe')
      } finally {
        await slow.close()
        await proxy.close()
      }
    })
  })

  describe('past its time', () => {
    beforeEach(fresh)

    it('a result without rows has a time of its own', async () => {
      const none = 'SELECT id FROM products WHERE name = ?'
      const sent = await loadsOf(async () => {
        for (let call = 0; call < 3; call++) await db.cachedQuery(none, ['none'], { ttl: 60, negativeTtl: 0 })
      })
      assert.equal(sent, 3)
      await db.cachedQuery(none, ['nobody'], { ttl: 60, negativeTtl: 1.5 })
      await elsewhere("UPDATE products SET name = 'nobody' WHERE id = 1")
      assert.deepEqual(await db.cachedQuery(none, ['nobody'], { ttl: 60, negativeTtl: 1.5 }), [])
      await sleep(1550)
      assert.equal((await db.cachedQuery(none, ['nobody'], { ttl: 60, negativeTtl: 1.5 })).length, 1)
    })

    it('a stale result is given while one statement replaces it', async () => {
      const options = { ttl: 1, staleTtl: 60 }
      await db.cachedQuery(ALL, [], options)
      await elsewhere("UPDATE products SET name = 'Axe' WHERE id = 1")
      await sleep(1050)
      const sent = await loadsOf(async () => {
        const stale = await Promise.all(Array.from({ length: 50 }, () => db.cachedQuery(ALL, [], options)))
        // Nobody waits; on a busy machine the new one may be there before the last of them has asked.
        assert.equal(stale[0][0].name, 'Hammer')
        assert.ok(stale.every(([{ name }]) => name === 'Hammer' || name === 'Axe'))
        await until('it is replaced', async () => (await db.cachedQuery(ALL, [], options))[0].name === 'Axe')
      })
      assert.equal(sent, 1)
      const { stale, refreshes } = db.stats().cache.prefixes['(query)']
      assert.ok(stale >= 1 && refreshes >= 1, `${stale} ${refreshes}`)
    })

    it('but never after a write', async () => {
      const options = { ttl: 0.1, staleTtl: 60, graceTtl: 60 }
      await db.cachedQuery(ALL, [], options)
      await sleep(150)
      await db.execute("UPDATE products SET name = 'Axe' WHERE id = 1")
      assert.equal((await db.cachedQuery(ALL, [], options))[0].name, 'Axe')
    })

    it('a result is replaced early by chance, the more likely the longer its statement takes', async () => {
      const proxy = await startProxy(drivers.target)
      const slow = createPool({ ...drivers.target, host: proxy.host, port: proxy.port })
      try {
        await slow.cachedQuery(ALL, [], 60)
        proxy.delay = () => 100
        const sql = 'SELECT COUNT(*) AS n FROM products'
        const asked = Date.now()
        while (Date.now() - asked < 4000) {
          await slow.cachedQuery(sql, [], 1)
          await sleep(5)
        }
        const { refreshes, loads: all } = slow.stats().cache.prefixes['(query)']
        // Without it every replacement would have been waited for.
        assert.ok(refreshes >= 2 && all - refreshes <= 3, JSON.stringify({ refreshes, all }))
      } finally {
        await slow.close()
        await proxy.close()
      }
    })
  })

  describe('when the server fails or is slow', () => {
    beforeEach(fresh)

    let proxy, slow
    beforeEach(async () => {
      proxy = await startProxy(drivers.target)
      slow = createPool({
        ...drivers.target,
        host: proxy.host,
        port: proxy.port,
        connectionLimit: 2,
        queryTimeoutMs: 3000,
      })
      await slow.cachedQuery(ALL, [], 60)
    })
    const end = async () => {
      await slow.close({ drainMs: 0 })
      await proxy.close()
    }

    it('a result within graceTtl is given in place of the error', async () => {
      try {
        const sql = 'SELECT name FROM products WHERE id = ?'
        await slow.cachedQuery(sql, [1], { ttl: 0.1, graceTtl: 60 })
        await slow.cachedQuery(sql, [2], { ttl: 0.1 })
        await sleep(150)
        await proxy.close()
        assert.deepEqual(await slow.cachedQuery(sql, [1], { ttl: 0.1, graceTtl: 60 }), [{ name: 'Hammer' }])
        await assert.rejects(slow.cachedQuery(sql, [2], { ttl: 0.1, graceTtl: 60 }), {
          code: 'HEGAR_CONNECT_FAILED',
        })
        assert.equal(slow.stats().cache.prefixes['(query)'].grace, 1)
      } finally {
        await slow.close({ drainMs: 0 })
      }
    })

    it('a call waits once for a server that was never there, and says so', async () => {
      const nowhere = createPool({
        ...drivers.target,
        host: proxy.host,
        port: proxy.port,
        acquireTimeoutMs: 500,
        connectTimeoutMs: 500,
      })
      try {
        proxy.silence()
        const began = performance.now()
        const outcomes = await Promise.allSettled(
          Array.from({ length: 20 }, (_, id) => nowhere.cachedQuery(BY_ID, [id], 60)),
        )
        assert.ok(performance.now() - began < 2000)
        for (const { reason } of outcomes) assert.match(reason.code, /^HEGAR_(CONNECT|POOL)_TIMEOUT$/)
      } finally {
        proxy.resume()
        await nowhere.close({ drainMs: 0 })
        await end()
      }
    })

    it('it is given after softTimeoutMs too, and the statement goes on', async () => {
      try {
        const sql = 'SELECT name FROM products WHERE id = ?'
        const options = { ttl: 0.1, graceTtl: 60, softTimeoutMs: 50 }
        await slow.cachedQuery(sql, [1], options)
        await elsewhere("UPDATE products SET name = 'Axe' WHERE id = 1")
        await sleep(150)
        proxy.delay = () => 2000
        const began = performance.now()
        assert.deepEqual(await slow.cachedQuery(sql, [1], options), [{ name: 'Hammer' }])
        assert.ok(performance.now() - began < 1500)
        proxy.delay = () => 0
        await until('the new one is kept', async () => {
          const [row] = await slow.cachedQuery(sql, [1], { ...options, ttl: 0.1 })
          return row.name === 'Axe'
        })
      } finally {
        await end()
      }
    })

    it('a call rejects after hardTimeoutMs, and the result is kept for the next', async () => {
      try {
        const sql = 'SELECT name FROM products WHERE id = ?'
        await slow.query(sql, [1])
        proxy.delay = () => 2000
        const began = performance.now()
        await assert.rejects(slow.cachedQuery(sql, [1], { ttl: 60, hardTimeoutMs: 50 }), (error) => {
          assert.equal(error.code, 'HEGAR_QUERY_TIMEOUT')
          assert.match(error.message, /hardTimeoutMs/)
          return true
        })
        assert.ok(performance.now() - began < 1500)
        proxy.delay = () => 0
        await until('it is kept', () => slow.stats().cache.entries === 2)
        const before = slow.stats().cache.prefixes['(query)'].loads
        assert.deepEqual(await slow.cachedQuery(sql, [1], 60), [{ name: 'Hammer' }])
        assert.equal(slow.stats().cache.prefixes['(query)'].loads, before)
      } finally {
        await end()
      }
    })

    it('a call rejects when its signal is aborted, and others wait on', async () => {
      try {
        const sql = 'SELECT name FROM products WHERE id = ?'
        await slow.query(sql, [1])
        proxy.delay = () => 200
        const controller = new AbortController()
        const left = slow.cachedQuery(sql, [1], { ttl: 60, signal: controller.signal })
        const stays = slow.cachedQuery(sql, [1], 60)
        controller.abort(new Error('gone'))
        await assert.rejects(left, { code: 'HEGAR_ABORTED' })
        assert.deepEqual(await stays, [{ name: 'Hammer' }])
        assert.equal(slow.stats().cache.prefixes['(query)'].joined, 1)
      } finally {
        await end()
      }
    })
  })

  describe('the memory of the cache', () => {
    beforeEach(fresh)

    it('is bounded by bytes: the least used results are forgotten, used ones stay', async () => {
      const small = createPool({ ...drivers.target, cache: { maxBytes: 200_000 } })
      try {
        const sql = 'SELECT REPEAT(?, 5000) AS text'
        const hot = await small.cachedQueryJson(sql, ['h'], 60)
        for (let call = 0; call < 200; call++) {
          await small.cachedQueryJson(sql, [`${call}`.slice(0, 1) + String.fromCharCode(200 + call)], 60)
          await small.cachedQueryJson(sql, ['h'], 60)
        }
        const { bytes, maxBytes, evicted, entries, prefixes } = small.stats().cache
        assert.equal(maxBytes, 200_000)
        assert.ok(bytes <= maxBytes && bytes > 100_000, String(bytes))
        assert.ok(evicted > 150 && entries < 30, JSON.stringify({ evicted, entries }))
        assert.equal(prefixes['(query)'].loads, 201)
        assert.deepEqual(await small.cachedQueryJson(sql, ['h'], 60), hot)
      } finally {
        await small.close()
      }
    })

    it('takes no result that is larger than maxBytes, of the call or of all', async () => {
      const sql = 'SELECT REPEAT(?, 5000) AS text'
      const sent = await loadsOf(async () => {
        for (let call = 0; call < 3; call++) {
          const bytes = await db.cachedQueryJson(sql, ['x'], { ttl: 60, maxBytes: 1000 })
          assert.equal(bytes.length, 5013)
        }
      })
      assert.equal(sent, 3)
      const none = createPool({ ...drivers.target, cache: { maxBytes: 0 } })
      try {
        for (let call = 0; call < 3; call++) assert.equal((await none.cachedQuery(ALL, [], 60)).length, 2)
        assert.equal(none.stats().cache.entries, 0)
        assert.equal(none.stats().cache.prefixes['(query)'].loads, 3)
      } finally {
        await none.close()
      }
    })
  })

  describe('the options of a cached query', () => {
    beforeEach(fresh)

    it('that make no sense are refused with what is expected', async () => {
      for (const [options, pattern] of [
        [0, /option 'ttl' must be a number of seconds greater than 0, but is 0/],
        [-1, /greater than 0, but is -1/],
        [NaN, /but is NaN/],
        [Infinity, /but is Infinity/],
        ['60', /third argument must be a number of seconds or options, not a string/],
        [{ ttl: '60' }, /option 'ttl' must be a number of seconds greater than 0, but is a string/],
        [{ staleTtl: -1 }, /option 'staleTtl' must be a number of seconds from 0 up/],
        [{ key: 'x'.repeat(1025) }, /option 'key' must be at most 1024 bytes, but is 1025/],
        [{ key: ':'.repeat(40) }, /option 'key' must have at most 32 parts/],
        [1e12, /option 'ttl' must be a number of seconds/],
        [{ key: '' }, /option 'key' must be a string such as 'product:7', but is empty/],
        [{ key: 7 }, /option 'key' must be a string/],
        [{ tags: 'home' }, /option 'tags' must be an array of strings/],
        [{ tags: Array(33).fill('a') }, /at most 32/],
        [{ jitter: 2 }, /option 'jitter' must be a number from 0 to 1/],
        [{ maxBytes: 0 }, /option 'maxBytes' must be an integer from 1/],
        [{ softTimeoutMs: 50 }, /needs 'graceTtl'/],
        [{ timeoutMs: 50 }, /has no option 'timeoutMs': did you mean '(soft|hard)TimeoutMs'\?/],
        [{ tll: 5 }, /did you mean 'ttl'\?/],
      ]) {
        for (const method of ['cachedQuery', 'cachedQueryJson']) {
          await assert.rejects(db[method](ALL, [], options), pattern, JSON.stringify(options))
        }
      }
      await db.cachedQuery(ALL, [], 60)
      await assert.rejects(db.cachedQuery(ALL, [], NaN), /but is NaN/, 'also where there is a result')
    })

    it('refuse a parameter that can not be sent, as query does', async () => {
      await assert.rejects(db.cachedQuery(BY_ID, [{ id: 1 }], 60), {
        code: 'HEGAR_PARAM_INVALID',
        message: /position 1 is a value of type Object/,
      })
      await assert.rejects(db.cachedQuery(BY_ID, [], 60), /1 placeholder and 0 parameters/)
      await assert.rejects(db.cachedQuery(7, [], 60), /string of SQL/)
    })

    it('warn of a time in milliseconds, once', async () => {
      const warnings = []
      const listener = (warning) => warnings.push(warning)
      process.on('warning', listener)
      await db.cachedQuery(ALL, [], 7 * 24 * 3600 * 1000)
      await db.cachedQuery(ALL, [1].slice(1), { ttl: 7 * 24 * 3600 * 1000 })
      await sleep(10)
      process.off('warning', listener)
      assert.equal(warnings.length, 1)
      assert.equal(warnings[0].code, 'HEGAR_TTL_LONG')
      assert.match(warnings[0].message, /in seconds.*were 604800 meant/)
    })

    it('do not keep a statement without rows from its answer', async () => {
      for (const options of [60, { bypass: true }, { envelope: { key: 'data' } }]) {
        const bytes = await db.cachedQueryJson("UPDATE products SET name = 'Axe' WHERE id = 1", [], options)
        const { affectedRows } = options.envelope ? JSON.parse(bytes).data : JSON.parse(bytes)
        assert.equal(affectedRows, 1)
      }
      await assert.rejects(
        db.cachedQuery(BY_ID, {
          get id() {
            throw new Error('of the caller')
          },
        }),
        /of the caller|placeholder|parameter/,
      )
    })

    it('bypass runs the statement and keeps nothing', async () => {
      await db.cachedQuery(ALL, [], 60)
      await elsewhere("UPDATE products SET name = 'Axe' WHERE id = 1")
      assert.equal((await db.cachedQuery(ALL, [], { bypass: true }))[0].name, 'Axe')
      assert.equal((await db.cachedQuery(ALL, [], 60))[0].name, 'Hammer')
      assert.equal(JSON.parse(await db.cachedQueryJson(ALL, [], { bypass: true }))[0].name, 'Axe')
      assert.ok(db.stats().cache.bypassed.asked >= 2)
    })

    it('a key parts the figures by what stands before its first colon', async () => {
      await db.cachedQuery(BY_ID, [1], { key: 'product:1' })
      await db.cachedQuery(BY_ID, [1], { key: 'product:1' })
      await db.cachedQuery(BY_ID, [2], { key: 'product:2' })
      const { loads, hits } = db.stats().cache.prefixes.product
      assert.deepEqual([loads, hits], [2, 1])
      assert.ok(!JSON.stringify(db.stats()).includes('product:'))
    })

    it('the figures are in the text for Prometheus too', async () => {
      const { readExposition } = require('./support/exposition.js')
      await db.cachedQuery(BY_ID, [1], { key: 'metered:1' })
      for (let call = 0; call < 3; call++) await db.cachedQuery(BY_ID, [1], { key: 'metered:1' })
      await db.cachedQuery(BY_ID, [1], { key: 'none-without-a-colon' })
      const text = db.metricsText()
      assert.ok(readExposition(text) !== undefined)
      const value = (labels) =>
        Number(new RegExp(`^database_cache_results_total\\{.*${labels}\\} (\\d+)$`, 'm').exec(text)[1])
      assert.equal(value('prefix="metered",outcome="hit"'), 3)
      assert.equal(value('prefix="metered",outcome="loaded"'), 1)
      assert.ok(!text.includes('metered:1') && !text.includes('none-without'))
      assert.equal(db.stats().cache.prefixes['(key)'].loads, 1)
    })

    it('a key is no tag of the same name', async () => {
      const sent = await loadsOf(async () => {
        await db.cachedQuery(ALL, [], { key: 'same' })
        await db.cachedQuery(ALL, [], { tags: ['same'] })
      })
      assert.equal(sent, 2)
      await db.invalidate({ keys: 'same' })
      assert.equal(await loadsOf(() => db.cachedQuery(ALL, [], { tags: ['same'] })), 0)
      assert.equal(await loadsOf(() => db.cachedQuery(ALL, [], { key: 'same' })), 1)
    })

    it('a key does not stand for its statement: another one has a result of its own', async () => {
      const options = { key: 'shared:1' }
      assert.equal((await db.cachedQuery(BY_ID, [1], options))[0].id, 1)
      assert.deepEqual(await db.cachedQuery('SELECT 2 AS two', [], options), [{ two: 2 }])
      assert.equal((await db.cachedQuery(BY_ID, [2], options))[0].id, 2)
      assert.equal((await db.cachedQuery(BY_ID, [1], options))[0].id, 1)
    })
  })
})
