'use strict'

// Which writes make which kept results invalid, and which results are not kept at all.

const assert = require('node:assert/strict')
const { after, before, beforeEach, describe, it } = require('node:test')
const { Readable } = require('node:stream')
const { createPool } = require('../index.js')
const mysql = require('../lib/dropin/mysql.js')
const mysql2 = require('../lib/dropin/mysql2-promise.js')
const { openDrivers } = require('./support/drivers.js')

describe('a kept result', () => {
  let drivers, db, other, dropin
  before(async () => {
    drivers = await openDrivers()
    ;({ db } = drivers)
    other = createPool(drivers.target)
    dropin = mysql2.createPool({ ...drivers.target, multipleStatements: true })
    await drivers.run(
      'CREATE TABLE stores (id INT PRIMARY KEY, name VARCHAR(50))',
      'CREATE TABLE items (id INT PRIMARY KEY AUTO_INCREMENT, store INT, n INT NOT NULL DEFAULT 0, FOREIGN KEY (store) REFERENCES stores (id) ON DELETE CASCADE)',
      'CREATE TABLE notes (id INT PRIMARY KEY AUTO_INCREMENT, text VARCHAR(50))',
      'CREATE TABLE audited (id INT PRIMARY KEY, n INT)',
      'CREATE TABLE audit (id INT PRIMARY KEY AUTO_INCREMENT, n INT)',
      'CREATE TRIGGER audits AFTER UPDATE ON audited FOR EACH ROW INSERT INTO audit (n) VALUES (NEW.n)',
      'CREATE VIEW rich AS SELECT id, n FROM items WHERE n > 10',
      'CREATE PROCEDURE add_note(IN t VARCHAR(50)) INSERT INTO notes (text) VALUES (t)',
      'CREATE FUNCTION take_note() RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO notes (text) VALUES ("taken"); RETURN 1; END',
      'CREATE FUNCTION doubled(n INT) RETURNS INT NO SQL RETURN n * 2',
    )
  })
  after(async () => {
    await other.close()
    await dropin.end()
    await drivers.close()
  })
  beforeEach(async () => {
    await drivers.run(
      'DELETE FROM stores',
      'DELETE FROM items',
      'DELETE FROM notes',
      'DELETE FROM audited',
      'DELETE FROM audit',
      "INSERT INTO stores VALUES (1, 'one'), (2, 'two')",
      'INSERT INTO items (id, store, n) VALUES (1, 1, 5), (2, 2, 7)',
      "INSERT INTO notes VALUES (1, 'first')",
      'INSERT INTO audited VALUES (1, 1)',
    )
    await db.invalidate({ all: true })
  })

  const reads = {
    items: 'SELECT id, store, n FROM items ORDER BY id',
    stores: 'SELECT id, name FROM stores ORDER BY id',
    notes: 'SELECT id, text FROM notes ORDER BY id',
    audit: 'SELECT COUNT(*) AS n FROM audit',
  }
  const cached = (name) => db.cachedQuery(reads[name], [], { ttl: 600, key: `${name}:all` })
  const loadsOf = (name) => db.stats().cache.prefixes[name]?.loads ?? 0

  // Which of the results the work has had loaded anew; what is given afterwards is what the server has.
  async function hitBy(work) {
    const names = Object.keys(reads)
    for (const name of names) await cached(name)
    const before = names.map(loadsOf)
    await work()
    const hit = []
    for (const [at, name] of names.entries()) {
      assert.deepEqual(await cached(name), await drivers.db.query(reads[name]), name)
      if (loadsOf(name) > before[at]) hit.push(name)
    }
    return hit
  }

  describe('is invalid after a write of its table', () => {
    for (const [what, work] of [
      ['by execute', () => db.execute('UPDATE items SET n = n + 1 WHERE id = ?', [1])],
      ['by query', () => db.query('INSERT INTO items (store, n) VALUES (1, 1)')],
      ['by another pool', () => other.execute('UPDATE items SET n = n + 1 WHERE id = ?', [1])],
      ['with an alias and odd spelling', () => db.execute('uPDaTe `items` i /* x */ SET i.n = 9')],
      ['by its whole name', () => db.execute(`DELETE FROM ${drivers.name}.items WHERE id = 2`)],
      [
        'by a batch',
        () =>
          db.batch('INSERT INTO items (store, n) VALUES (?, ?)', [
            [1, 1],
            [2, 2],
          ]),
      ],
      [
        'on a connection',
        async () => {
          const connection = await db.getConnection()
          await connection.execute('UPDATE items SET n = 8')
          await connection.release()
        },
      ],
      ['by a script', () => db.script('SET @a = 1; UPDATE items SET n = 4; SELECT 1')],
      [
        'of several reads and writes together',
        () => db.all([{ sql: 'SELECT 1' }, { sql: 'UPDATE items SET n = 12' }]),
      ],
      [
        'from a file',
        () =>
          db.execute("LOAD DATA LOCAL INFILE 'x' INTO TABLE items (store, n)", [], {
            infile: () => Readable.from(['1\t3\n']),
          }),
      ],
      [
        'as a stream',
        async () => {
          const sql = 'INSERT INTO items (store, n) VALUES (1, 6) RETURNING id'
          for await (const { id } of db.stream(sql)) assert.ok(id > 0)
        },
      ],
      ['by mysql2’s query', () => dropin.query('UPDATE items SET n = ? WHERE id = 1', [3])],
      ['by mysql2’s execute', () => dropin.execute('UPDATE items SET n = ? WHERE id = 1', [4])],
      [
        'by mysql',
        () =>
          new Promise((resolve, reject) => {
            const connection = mysql.createConnection(drivers.target)
            connection.query('UPDATE items SET n = 2', (error) => {
              connection.end()
              if (error) reject(error)
              else resolve()
            })
          }),
      ],
      ['by TRUNCATE', () => db.execute('TRUNCATE TABLE items')],
    ]) {
      it(what, async () => {
        const hit = await hitBy(work)
        assert.ok(hit.includes('items'), String(hit))
        // What changes the schema may have changed anything.
        if (what !== 'by TRUNCATE' && what !== 'by a script') assert.ok(!hit.includes('notes'), String(hit))
      })
    }

    it('by a procedure that began a transaction and failed, when that is committed at last', async () => {
      await drivers.run(
        `CREATE PROCEDURE fails() BEGIN START TRANSACTION; UPDATE items SET n = 123 WHERE id = 1; SIGNAL SQLSTATE '45000'; END`,
      )
      const connection = await db.getConnection()
      try {
        await assert.rejects(connection.call('CALL fails()'), { errno: 1644 })
        assert.notEqual((await cached('items'))[0].n, 123)
        await connection.execute('COMMIT')
        assert.equal((await cached('items'))[0].n, 123)
      } finally {
        await connection.release()
        await drivers.run('DROP PROCEDURE fails')
      }
    })

    it('that failed, too, and not after one that was refused before it was sent', async () => {
      await hitBy(() => assert.rejects(db.execute('INSERT INTO items (id, store) VALUES (3, 1), (1, 1)')))
      assert.deepEqual(await hitBy(() => assert.rejects(db.execute('UPDATE items SET n = ?', []))), [])
    })

    it('and after writes of tables that it follows by a foreign key', async () => {
      assert.deepEqual(await hitBy(() => db.execute('DELETE FROM stores WHERE id = 1')), ['items', 'stores'])
    })

    it('and after writes whose trigger writes it', async () => {
      assert.deepEqual(await hitBy(() => db.execute('UPDATE audited SET n = n + 1')), ['audit'])
    })

    it('and after anything that may have written it: a procedure, a function, several statements', async () => {
      assert.ok((await hitBy(() => db.call('CALL add_note(?)', ['called']))).includes('notes'))
      assert.ok((await hitBy(() => db.query('SELECT take_note()'))).includes('notes'))
      const both = "SELECT 1; INSERT INTO notes (text) VALUES ('second')"
      assert.ok((await hitBy(() => dropin.query(both))).includes('notes'))
    })

    it('and not after reads, or writes of others', async () => {
      assert.deepEqual(await hitBy(() => db.query('SELECT doubled(n) FROM items FOR UPDATE')), [])
      assert.deepEqual(await hitBy(() => db.query('SHOW TABLES')), [])
      assert.deepEqual(await hitBy(() => db.transaction((tx) => tx.query('SELECT * FROM items'))), [])
      assert.deepEqual(await hitBy(() => db.execute('INSERT INTO notes (text) SELECT name FROM stores')), [
        'notes',
      ])
    })
  })

  describe('and a transaction', () => {
    it('of which nothing is seen before its COMMIT, and everything after it', async () => {
      const tx = await other.begin()
      await tx.execute('UPDATE items SET n = 100 WHERE id = 1')
      for (let round = 0; round < 3; round++) assert.equal((await cached('items'))[0].n, 5)
      await tx.commit()
      assert.equal((await cached('items'))[0].n, 100)
    })

    it('keep nothing of its tables while it is open, and share what is asked at the same time', async () => {
      const tx = await db.begin()
      await tx.execute('UPDATE items SET n = 100 WHERE id = 1')
      const before = loadsOf('items')
      await cached('items')
      await cached('items')
      assert.equal(loadsOf('items'), before + 2)
      const { joined } = db.stats().cache.prefixes.items
      await Promise.all(Array.from({ length: 50 }, () => cached('items')))
      assert.ok(db.stats().cache.prefixes.items.joined > joined)
      await tx.rollback()
      await cached('items')
      const after = loadsOf('items')
      await cached('items')
      assert.equal(loadsOf('items'), after)
    })

    it('of a drop-in, too, also where it is begun by a text', async () => {
      const connection = await dropin.getConnection()
      await connection.query('START TRANSACTION')
      await connection.query('UPDATE items SET n = 55 WHERE id = 1')
      assert.equal((await cached('items'))[0].n, 5)
      await connection.query('COMMIT')
      assert.equal((await cached('items'))[0].n, 55)
      await connection.beginTransaction()
      await connection.execute('UPDATE items SET n = 56 WHERE id = 1')
      assert.equal((await cached('items'))[0].n, 55)
      await connection.commit()
      connection.release()
      assert.equal((await cached('items'))[0].n, 56)
    })

    it('sees its own writes, because its cached queries are no cached queries', async () => {
      await cached('items')
      await db.transaction(async (tx) => {
        await tx.execute('UPDATE items SET n = 77 WHERE id = 1')
        assert.equal((await tx.cachedQuery(reads.items, [], 600))[0].n, 77)
        assert.equal(JSON.parse(await tx.cachedQueryJson(reads.items, [], 600))[0].n, 77)
      })
      assert.ok(db.stats().cache.bypassed.session >= 2)
    })
  })

  describe('is there only if its statement is a plain read of known tables', () => {
    async function bypassOf(sql, params, options) {
      const before = db.stats().cache.bypassed
      const expected = await db.query(sql, params)
      const rows = await db.cachedQuery(sql, params, options ?? 60)
      assert.equal(rows.length ?? 1, expected.length ?? 1)
      const after = db.stats().cache.bypassed
      return Object.keys(after).filter((reason) => after[reason] !== before[reason])
    }

    for (const [sql, reason] of [
      ['SELECT NOW()', 'notDeterministic'],
      ['SELECT id, RAND() AS r FROM items', 'notDeterministic'],
      ['SELECT UUID() AS u', 'notDeterministic'],
      ['SELECT CURRENT_USER', 'notDeterministic'],
      ['SELECT id FROM items WHERE n > UNIX_TIMESTAMP()', 'notDeterministic'],
      ['SELECT @a AS a', 'variable'],
      ['SELECT @@sql_mode', 'variable'],
      ['SELECT id FROM items FOR UPDATE', 'locks'],
      ['SELECT id FROM items LOCK IN SHARE MODE', 'locks'],
      ['SELECT doubled(n) AS d FROM items', 'function'],
      ['SELECT TABLE_NAME FROM information_schema.TABLES LIMIT 1', 'systemTable'],
      ['SELECT id FROM rich', 'view'],
      ['SHOW TABLES', 'notARead'],
      ['UPDATE items SET n = n', 'notARead'],
    ]) {
      it(`not ${sql}`, async () => {
        assert.deepEqual(await bypassOf(sql), [reason])
        assert.deepEqual(await bypassOf(sql), [reason])
      })
    }

    it('but with tags a view is', async () => {
      const ask = () => db.cachedQuery('SELECT id FROM rich', [], { ttl: 60, tags: ['rich'] })
      assert.deepEqual(await ask(), [])
      await drivers.run('UPDATE items SET n = 50 WHERE id = 1')
      assert.deepEqual(await ask(), [])
      await db.invalidate({ tags: 'rich' })
      assert.deepEqual(await ask(), [{ id: 1 }])
    })

    it('joins, subqueries, unions and WITH included, each with all of its tables', async () => {
      for (const sql of [
        'SELECT i.n, s.name FROM items i JOIN stores s ON s.id = i.store ORDER BY i.id',
        'SELECT (SELECT MAX(n) FROM items) AS top, name FROM stores',
        'SELECT id FROM stores WHERE id IN (SELECT store FROM items WHERE n > 6)',
        'SELECT n FROM items UNION ALL SELECT id FROM stores',
        'WITH big AS (SELECT store, n FROM items WHERE n > 1) SELECT COUNT(*) AS c FROM big JOIN stores ON id = store',
        'SELECT d.m, d.store FROM (SELECT store, MAX(n) AS m FROM items GROUP BY store) d, stores',
      ]) {
        for (const write of ['UPDATE items SET n = n + 1', "UPDATE stores SET name = CONCAT(name, 'x')"]) {
          await db.cachedQuery(sql, [], 60)
          const before = db.stats().cache.prefixes['(query)'].loads
          await db.cachedQuery(sql, [], 60)
          assert.equal(db.stats().cache.prefixes['(query)'].loads, before, sql)
          await db.execute(write)
          assert.deepEqual(await db.cachedQuery(sql, [], 60), await db.query(sql), sql)
          assert.equal(db.stats().cache.prefixes['(query)'].loads, before + 1, `${sql} / ${write}`)
        }
      }
    })
  })

  describe('goes by invalidate', () => {
    const keyed = (key, more) => db.cachedQuery(reads.notes, [], { ttl: 600, key, ...more })

    // Which of the keys are loaded anew after the work, when somebody else has written.
    async function goneAfter(work) {
      const keys = [
        'product:1',
        'product:2',
        'products:list:1:20:newest:',
        'products:list:2:20:newest:',
        'products:count',
      ]
      for (const key of keys) await keyed(key, { tags: [`of ${key}`, 'shared'] })
      await drivers.run('UPDATE notes SET text = CONCAT(text, "!")')
      const [{ text }] = await drivers.db.query(reads.notes)
      await work()
      const gone = []
      for (const key of keys) {
        const [row] = await keyed(key, { tags: [`of ${key}`, 'shared'] })
        if (row.text === text) gone.push(key)
      }
      await db.invalidate({ all: true })
      return gone
    }

    it('of keys, prefixes, tags, tables and all', async () => {
      assert.deepEqual(await goneAfter(() => {}), [])
      assert.deepEqual(await goneAfter(() => db.invalidate({ keys: 'product:1' })), ['product:1'])
      assert.deepEqual(await goneAfter(() => db.invalidate({ keys: ['product:2', 'products:count'] })), [
        'product:2',
        'products:count',
      ])
      assert.deepEqual(await goneAfter(() => db.invalidate({ prefix: 'products:list:' })), [
        'products:list:1:20:newest:',
        'products:list:2:20:newest:',
      ])
      assert.deepEqual(await goneAfter(() => db.invalidate({ prefix: 'products:list:2:*' })), [
        'products:list:2:20:newest:',
      ])
      assert.deepEqual(await goneAfter(() => db.invalidate({ tags: ['of product:2'] })), ['product:2'])
      for (const what of [
        { tags: 'shared' },
        { tables: 'notes' },
        { tables: ['Shop.`NOTES`'] },
        { all: true },
      ]) {
        assert.equal((await goneAfter(() => db.invalidate(what))).length, 5, JSON.stringify(what))
      }
      assert.deepEqual(await goneAfter(() => other.invalidate({ keys: 'product:1' })), ['product:1'])
    })

    it('and refuses what it does not understand', async () => {
      await assert.rejects(db.invalidate(), /say what/)
      await assert.rejects(db.invalidate({ keys: undefined }), /nothing was named/)
      await db.invalidate({ keys: [] })
      await assert.rejects(db.invalidate({ table: 'x' }), /did you mean 'tables'/)
      await assert.rejects(db.invalidate({ prefix: 'prod' }), /must end at a colon/)
      await assert.rejects(db.invalidate({ keys: [7] }), /option 'keys' must be a string/)
    })
  })

  // Last, because its table is not kept for a while.
  it('of a transaction that is lost with its connection is none, because nobody knows what became of it', async () => {
    const tx = await other.begin()
    await tx.execute('UPDATE items SET n = 100 WHERE id = 1')
    await db.execute(`KILL ${tx.threadId}`).catch(() => {})
    await tx.rollback().catch(() => {})
    const before = loadsOf('items')
    assert.equal((await cached('items'))[0].n, 5)
    assert.equal((await cached('items'))[0].n, 5)
    assert.equal(loadsOf('items'), before + 2)
  })
})
