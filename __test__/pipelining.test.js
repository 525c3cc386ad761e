'use strict'

const { after, before, describe, it } = require('node:test')
const assert = require('node:assert/strict')
const { createConnection } = require('mysql2/promise')
const { createPool } = require('../index.js')
const { rejects, until } = require('./support/outcome.js')
const { testServer } = require('./support/server.js')

const WARM = 8

describe('quick reads that wait share a write', () => {
  let options
  let admin
  before(async () => {
    const server = await testServer()
    const { host, port, user, password } = server
    options = { host, port, user, password, database: await server.database(), connectionLimit: 1 }
    admin = createPool({ ...options, connectionLimit: 3, pipelining: false })
    await admin.execute('CREATE TABLE items (id INT PRIMARY KEY, name VARCHAR(100))')
    await admin.execute('CREATE TABLE others LIKE items')
    for (const table of ['items', 'others']) {
      await admin.execute(
        `INSERT INTO ${table} SELECT seq, CONCAT('${table} ', seq) FROM mysql.seq_1_to_1000`,
      )
    }
  })
  after(() => admin.close())

  const ITEM = 'SELECT id, name FROM items WHERE id = ?'
  const OTHER = 'SELECT id, name FROM others WHERE id = ?'

  // While it has the connection, others gather.
  const PAUSE = 'SELECT SLEEP(0.1)'

  // A pool whose connections know the statements to be quick.
  async function withPool(extra, use, statements = [ITEM, OTHER]) {
    const db = createPool({ ...options, ...extra })
    try {
      await learn(db, statements)
      await use(db, () => db.stats().statements.pipelined)
    } finally {
      await db.close()
    }
  }

  async function learn(db, statements = [ITEM, OTHER]) {
    for (let i = 0; i < WARM; i++) for (const sql of statements) await db.query(sql, [1])
  }

  // Asks again when the machine had other things to do, so that the statements did not count as quick just then.
  async function inCompany(pipelined, least, ask) {
    for (let round = 0; round < 20; round++) {
      const before = pipelined()
      await ask()
      if (pipelined() - before >= least) return
    }
    assert.fail(`never ${least} at once`)
  }

  const ids = Array.from({ length: 100 }, (_, i) => i + 1)

  it('and every caller gets the answer to its own', () =>
    withPool({}, (db, pipelined) =>
      inCompany(pipelined, 50, async () => {
        const rows = await Promise.all(ids.map((id) => db.queryOne(ITEM, [id])))
        assert.deepEqual(
          rows,
          ids.map((id) => ({ id, name: `items ${id}` })),
        )
      }),
    ))

  it('whatever the forms and statements of their neighbours', () =>
    withPool({}, async (db, pipelined) => {
      const forms = [
        async (id) => (await db.query(ITEM, [id]))[0].name,
        async (id) => JSON.parse(await db.queryJson(OTHER, [id]))[0].name,
        async (id) => (await db.queryOne(OTHER, [id])).name,
        async (id) => JSON.parse(await db.queryJson(ITEM, [id]))[0].name,
        async (id) => (await db.query('SELECT CAST(? AS CHAR) AS name', [`fresh ${id}`]))[0].name,
      ]
      const tables = ['items', 'others', 'others', 'items', 'fresh']
      await inCompany(pipelined, 20, async () => {
        const names = await Promise.all(ids.map((id) => forms[id % forms.length](id)))
        assert.deepEqual(
          names,
          ids.map((id) => `${tables[id % forms.length]} ${id}`),
        )
      })
    }))

  it('and are answered in the order in which they were made', () =>
    withPool({}, (db, pipelined) =>
      inCompany(pipelined, 50, async () => {
        const order = []
        await Promise.all(ids.map((id) => db.query(ITEM, [id]).then(() => order.push(id))))
        assert.deepEqual(order, ids)
      }),
    ))

  it('on every one of several connections', () =>
    withPool({ connectionLimit: 4 }, async (db, pipelined) => {
      await inCompany(pipelined, 200, async () => {
        for (let round = 0; round < 20; round++) {
          const rows = await Promise.all(ids.map((id) => db.queryOne(ITEM, [id])))
          assert.deepEqual(
            rows.map((row) => row.id),
            ids,
          )
        }
      })
      const { pool, connections } = db.stats()
      assert.deepEqual([pool.active, pool.waiting, connections.created], [0, 0, 4])
    }))

  it('and an error of one is its own', async () => {
    const sql = 'SELECT id, IF(id = 7, (SELECT id FROM others LIMIT 2), 0) AS n FROM items WHERE id = ?'
    await withPool(
      {},
      async (db, pipelined) => {
        await inCompany(pipelined, 50, async () => {
          const outcomes = await Promise.allSettled(ids.map((id) => db.query(sql, [id])))
          for (const [index, { status, value, reason }] of outcomes.entries()) {
            if (ids[index] === 7) assert.equal(reason.code, 'ER_SUBQUERY_NO_1_ROW')
            else assert.deepEqual([status, value], ['fulfilled', [{ id: ids[index], n: 0 }]])
          }
        })
        assert.equal(db.stats().connections.created, 1)
      },
      [sql],
    )
  })

  it('and a long answer among them arrives whole', async () => {
    const sql = "SELECT REPEAT('é', ?) AS text"
    await withPool(
      {},
      async (db, pipelined) => {
        const lengths = ids.map((id) => (id === 10 ? 3_000_000 : id))
        await inCompany(pipelined, 5, async () => {
          // The long one made the statement slow and large for a while.
          for (let i = 0; i < 100; i++) await db.query(sql, [1])
          const rows = await Promise.all(lengths.map((length) => db.queryOne(sql, [length])))
          assert.deepEqual(
            rows.map((row) => row.text.length),
            lengths,
          )
          assert.ok(rows.every((row) => /^é+$/.test(row.text)))
        })
      },
      [sql],
    )
  })

  it('and one that is late takes nobody with it', () =>
    withPool({ queryTimeoutMs: 1500 }, (db, pipelined) =>
      inCompany(pipelined, 1, async () => {
        await learn(db)
        const release = await holdTable('items')
        try {
          // While this one has the connection, the others gather and are sent together.
          const lead = db.query(OTHER, [1])
          const late = rejects(db.query(ITEM, [1]), 'HEGAR_QUERY_TIMEOUT')
          const others = Promise.all(ids.map((id) => db.queryOne(OTHER, [id])))
          await Promise.all([lead, late])
          const rows = await others
          assert.deepEqual(
            rows.map((row) => row.id),
            ids,
          )
        } finally {
          await release()
        }
      }),
    ))

  it('and those behind one whose connection is killed are answered over another', () =>
    withPool({}, (db, pipelined) =>
      inCompany(pipelined, 1, async () => {
        await learn(db)
        const { created } = db.stats().connections
        const { id: session } = await db.queryOne('SELECT CONNECTION_ID() AS id')
        const release = await holdTable('items')
        try {
          const lead = db.query(OTHER, [1])
          const killed = db.query(ITEM, [1]).catch((error) => error)
          const others = Promise.all(ids.map((id) => db.queryOne(OTHER, [id])))
          await lead
          await until('it waits for the lock', async () => (await waiting(session)) === 1)
          await admin.execute(`KILL CONNECTION ${session}`)
          assert.match((await killed).code, /HEGAR_CONNECTION_LOST|ER_CONNECTION_KILLED/)
          assert.deepEqual(
            (await others).map((row) => row.id),
            ids,
          )
          assert.equal(db.stats().connections.created, created + 1)
        } finally {
          await release()
        }
      }),
    ))

  it('and those behind one that waits for a lock are soon answered over another connection', () =>
    withPool({ connectionLimit: 2 }, (db, pipelined) =>
      inCompany(pipelined, 1, async () => {
        // Both connections have to know the statements.
        const both = () => Promise.all([ITEM, OTHER, ITEM, OTHER].map((sql) => db.query(sql, [1])))
        for (let i = 0; i < WARM; i++) await both()
        const release = await holdTable('items')
        try {
          const leads = [db.query(PAUSE), db.query(PAUSE)]
          let isHeld = true
          const held = db.query(ITEM, [1]).then((rows) => {
            assert.ok(!isHeld, 'nobody reads a locked table')
            return rows
          })
          const started = performance.now()
          const rows = await Promise.all(ids.map((id) => db.queryOne(OTHER, [id])))
          const took = performance.now() - started
          assert.deepEqual(
            rows.map((row) => row.id),
            ids,
          )
          assert.ok(took < 5000, `${took} ms`)
          isHeld = false
          await Promise.all([...leads, release()])
          assert.deepEqual(await held, [{ id: 1, name: 'items 1' }])
        } finally {
          await release()
        }
      }),
    ))

  it('and are never refused for a full queue once they have been let in', () =>
    withPool({ queueLimit: 20 }, async (db) => {
      let sentAlong = 0
      const alongside = () => sentAlong
      await inCompany(alongside, 1, async () => {
        await learn(db)
        const { id: session } = await db.queryOne('SELECT CONNECTION_ID() AS id')
        const release = await holdTable('items')
        try {
          const lead = db.query(PAUSE)
          const killed = db.query(ITEM, [1]).catch((error) => error)
          const others = ids.slice(0, 19).map((id) => db.queryOne(OTHER, [id]))
          await rejects(db.query(OTHER, [1]), 'HEGAR_QUEUE_FULL')
          await lead
          await until('it waits for the lock', async () => (await waiting(session)) === 1)
          // Those that were sent along have left the queue; others take their places.
          const { waiting: left } = db.stats().pool
          sentAlong += 19 - left
          for (let i = left; i < 20; i++) others.push(db.queryOne(OTHER, [ids[i]]))
          await rejects(db.query(OTHER, [1]), 'HEGAR_QUEUE_FULL')
          await admin.execute(`KILL CONNECTION ${session}`)
          await killed
          assert.ok((await Promise.all(others)).every((row) => row.name === `others ${row.id}`))
        } finally {
          await release()
        }
      })
    }))

  it('and all are ended when the pool closes without patience', () =>
    withPool({}, async (db) => {
      const release = await holdTable('items')
      try {
        const calls = ids.map((id) => rejects(db.query(ITEM, [id]), 'HEGAR_POOL_CLOSED', 3000))
        await until('they wait', () => db.stats().pool.active === 1)
        await db.close({ drainMs: 0 })
        await Promise.all(calls)
      } finally {
        await release()
      }
    }))

  it('but statements that write never do', async () => {
    const sql = 'UPDATE items SET name = name WHERE id = ?'
    await withPool(
      {},
      async (db, pipelined) => {
        await Promise.all(ids.map((id) => db.execute(sql, [id])))
        assert.equal(pipelined(), 0)
      },
      [sql],
    )
  })

  it('but reads that call functions of the user never do', async () => {
    await admin.execute('DROP FUNCTION IF EXISTS twice')
    await admin.execute('CREATE FUNCTION twice(n INT) RETURNS INT DETERMINISTIC RETURN 2 * n')
    const sql = 'SELECT twice(?) AS n'
    await withPool(
      {},
      async (db, pipelined) => {
        const rows = await Promise.all(ids.map((id) => db.queryOne(sql, [id])))
        assert.deepEqual(
          rows.map((row) => row.n),
          ids.map((id) => 2 * id),
        )
        assert.equal(pipelined(), 0)
      },
      [sql],
    )
  })

  it('but slow statements never do', async () => {
    const sql = "SELECT COUNT(*) AS n, SUM(CRC32(REPEAT('x', 100000))) AS s FROM others WHERE id >= ?"
    await withPool(
      {},
      async (db, pipelined) => {
        await Promise.all(ids.slice(0, 10).map((id) => db.query(sql, [id])))
        assert.equal(pipelined(), 0)
      },
      [sql],
    )
  })

  it('but nothing does without pipelining', () =>
    withPool({ pipelining: false }, async (db, pipelined) => {
      const rows = await Promise.all(ids.map((id) => db.queryOne(ITEM, [id])))
      assert.deepEqual(
        rows.map((row) => row.id),
        ids,
      )
      assert.equal(pipelined(), 0)
    }))

  const waiting = async (session) => {
    const state = "state LIKE 'Waiting for table metadata lock%'"
    const [{ n }] = await admin.query(
      `SELECT COUNT(*) AS n FROM information_schema.processlist WHERE ${state} AND id = ?`,
      [session],
    )
    return n
  }

  // Locks a table against readers until the function that it resolves to is called.
  async function holdTable(table) {
    const { host, port, user, password, database } = options
    const connection = await createConnection({ host, port, user, password, database })
    await connection.query(`LOCK TABLES ${table} WRITE`)
    let released = null
    return () => (released ??= connection.end())
  }
})
