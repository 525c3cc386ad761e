'use strict'

// Writes to the database make the answers invalid that were made from their tables, and nothing that was read before a write
// is kept after it.

const assert = require('node:assert/strict')
const { after, before, beforeEach, describe, it } = require('node:test')
const { createPool } = require('../index.js')
const mysql2 = require('../lib/dropin/mysql2-promise.js')
const { openDrivers } = require('./support/drivers.js')
const { until } = require('./support/outcome.js')
const { openApp } = require('./support/http-app.js')

describe('answers and writes', () => {
  let drivers, db, other, dropin, http
  /** What the handler of /held waits for between its query and its answer. */
  let gate = null

  before(async () => {
    drivers = await openDrivers()
    await drivers.run(
      'CREATE TABLE goods (id INT PRIMARY KEY, n INT NOT NULL)',
      'CREATE TABLE others (id INT PRIMARY KEY, n INT NOT NULL)',
    )
    db = createPool(drivers.target)
    other = createPool(drivers.target)
    dropin = mysql2.createPool(drivers.target)
    const read = (table) => db.queryJson(`SELECT id, n FROM ${table} ORDER BY id`)
    http = await openApp({ cache: { db } }, (app, cache) => {
      const give = (table) => async (req, res) => res.type('json').end(await read(table))
      app.get('/goods', cache({ ttl: 300, tables: ['goods'] }), give('goods'))
      app.get('/others', cache({ ttl: 300, tables: 'shop.`Others`' }), give('others'))
      app.get('/keyed/:id', cache({ ttl: 300, tags: (req) => `good-${req.params.id}` }), give('goods'))
      app.get('/late', cache(300), async (req, res) => {
        const bytes = await read('goods')
        await gate?.()
        res.set('Surrogate-Key', 'shelf goods-1').type('json').end(bytes)
      })
      app.get('/held', cache({ ttl: 300, tables: ['goods'] }), async (req, res) => {
        const bytes = await read('goods')
        await gate?.()
        res.type('json').end(bytes)
      })
      app.post('/goods', async (req, res) => {
        await db.execute('UPDATE goods SET n = n + 1')
        res.status(201).end()
      })
    })
  })
  after(async () => {
    await http.close()
    await dropin.end()
    await db.close()
    await other.close()
    await drivers.close()
  })
  beforeEach(async () => {
    gate = null
    await drivers.run(
      'DELETE FROM goods',
      'DELETE FROM others',
      'INSERT INTO goods VALUES (1, 1)',
      'INSERT INTO others VALUES (1, 1)',
    )
    await http.cache.invalidate({ all: true })
    // Until the schema is known a write may have reached any table.
    await db.execute('UPDATE goods SET n = 1')
    await until('the schema is known', async () => {
      await http.get('/others')
      await db.execute('UPDATE goods SET n = 1')
      return (await http.get('/others')).cacheStatus === 'hegar; hit'
    })
  })

  const n = async (path) => JSON.parse((await http.get(path)).text)[0].n
  const isHit = async (path) => (await http.get(path)).cacheStatus === 'hegar; hit'

  it('are made anew after a write by any pool of the process, and those of other tables are not', async () => {
    const writers = {
      'the pool': () => db.execute('UPDATE goods SET n = n + 1'),
      'another pool': () => other.execute('UPDATE goods SET n = n + 1'),
      'a drop-in': () => dropin.query('UPDATE goods SET n = n + 1'),
      'a transaction': () => db.transaction((tx) => tx.execute('UPDATE goods SET n = n + 1')),
    }
    let expected = 1
    for (const [who, write] of Object.entries(writers)) {
      await http.get('/goods')
      await http.get('/others')
      assert.ok((await isHit('/goods')) && (await isHit('/others')), who)
      await write()
      assert.equal(await n('/goods'), ++expected, who)
      assert.ok(await isHit('/others'), who)
    }
  })

  it('are made anew after a request that changes what is at their address', async () => {
    await http.get('/goods')
    await http.send('POST', '/goods')
    assert.equal(await n('/goods'), 2)
  })

  it('are not kept when a write came while they were made', async () => {
    for (const path of ['/held', '/late']) {
      let release
      gate = () => new Promise((resolve) => (release = resolve))
      const first = http.get(path)
      await until('it has read', () => release !== undefined)
      if (path === '/held') await db.execute('UPDATE goods SET n = n + 1')
      else await db.invalidate({ tags: 'shelf' })
      release()
      const before = http.cache.stats().fenced
      await first
      gate = null
      assert.equal(http.cache.stats().fenced, before + 1, path)
      assert.ok(!(await isHit(path)), path)
      assert.ok(await isHit(path), path)
    }
  })

  it('that were begun before a write are not given to those who ask after it', async () => {
    const releases = []
    gate = () => new Promise((resolve) => releases.push(resolve))
    const first = http.get('/held')
    await until('it has read', () => releases.length === 1)
    await db.execute('UPDATE goods SET n = n + 1')
    const second = http.get('/held')
    await until('the second reads for itself', () => releases.length === 2)
    releases.forEach((release) => release())
    assert.equal(JSON.parse((await first).text)[0].n, 1)
    assert.equal(JSON.parse((await second).text)[0].n, 2)
    assert.equal(await n('/held'), 2)
  })

  it('are found by tags of the route, of the request and of the answer, and by their path', async () => {
    const ways = [
      ['/keyed/7', { tags: 'good-7' }],
      ['/late', { tags: 'goods-1' }],
      ['/late', { tags: ['shelf', 'x'] }],
      ['/late', { paths: '/late' }],
      ['/goods', { tables: 'goods' }],
      ['/goods', { all: true }],
    ]
    for (const [path, what] of ways) {
      await http.get(path)
      await http.get('/keyed/8')
      assert.ok(await isHit(path))
      await http.cache.invalidate(what)
      assert.ok(!(await isHit(path)), JSON.stringify(what))
      if (!what.all) assert.ok(await isHit('/keyed/8'))
    }
    await http.get('/late')
    await db.invalidate({ tags: 'shelf' })
    assert.ok(!(await isHit('/late')), 'the pool invalidates them as well')
  })

  it('with more keys than are looked at are not kept', async () => {
    const names = Array.from({ length: 65 }, (_, index) => `k${index}`).join(' ')
    const own = await openApp({ cache: { db } }, (app, cache) =>
      app.get('/p', cache(60), (req, res) => res.set('Surrogate-Key', names).json({})),
    )
    try {
      assert.equal((await own.get('/p')).cacheStatus, 'hegar; fwd=uri-miss; detail=surrogate-key')
    } finally {
      await own.close()
    }
  })

  it('never give what is older than a write, with writers and readers at the same time', async () => {
    const began = performance.now()
    let written = 1
    let hits = 0
    // On a busy machine few requests are made in that time.
    const goesOn = () => {
      const took = performance.now() - began
      return took < 2000 || (hits <= 100 && took < 20_000)
    }
    const write = async () => {
      while (goesOn()) {
        await db.execute('UPDATE goods SET n = n + 1')
        written++
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 10))
      }
    }
    const ask = async () => {
      while (goesOn()) {
        const least = written
        const { text, cacheStatus } = await http.get('/goods')
        if (cacheStatus === 'hegar; hit') hits++
        const [row] = JSON.parse(text)
        assert.ok(row.n >= least, `${row.n} after ${least} was written`)
      }
    }
    await Promise.all([write(), ...Array.from({ length: 8 }, ask)])
    assert.ok(hits > 100, `${hits} hits`)
  })
})
