'use strict'

const { after, before, describe, it } = require('node:test')
const assert = require('node:assert/strict')
const { drizzle } = require('drizzle-orm/mysql2')
const orm = require('drizzle-orm')
const core = require('drizzle-orm/mysql-core')
const mysql2 = require('mysql2')
const promiseMysql2 = require('mysql2/promise')
const support = require('./support.js')
const { openDatabase, duplicate, missing, fails, assertMembers } = support
const { NAME, MADE_AT, DATA, BYTES, BIG, PRICE, DUPLICATE, SYNTAX, NO_TABLE, LOST } = support
const { eq, gt, inArray, lte, sql } = orm

const columns = () => ({
  id: core.serial().primaryKey(),
  name: core.varchar({ length: 100 }).notNull(),
  price: core.decimal({ precision: 20, scale: 4 }),
  big: core.bigint({ mode: 'bigint' }),
  active: core.boolean(),
  madeAt: core.datetime('made_at', { fsp: 3 }),
  day: core.date({ mode: 'string' }),
  data: core.json(),
  bytes: core.varbinary({ length: 100 }),
  rate: core.double(),
})
const things = core.mysqlTable('things', columns())
const nothing = core.mysqlTable('nothing', columns())
const parts = core.mysqlTable('parts', {
  id: core.int().primaryKey(),
  thingId: core.bigint({ mode: 'number' }),
})
const thingRelations = orm.relations(things, ({ many }) => ({ parts: many(parts) }))
const partRelations = orm.relations(parts, ({ one }) => ({
  thing: one(things, { fields: [parts.thingId], references: [things.id] }),
}))
const schema = { things, parts, thingRelations, partRelations }

describe('drizzle', () => {
  let database
  let pool
  let db

  before(async () => {
    database = await openDatabase()
    pool = mysql2.createPool({ ...database.options, connectionLimit: 3, supportBigNumbers: true })
    db = drizzle(pool, { schema, mode: 'default' })
  })
  after(async () => {
    if (pool) await pool.promise().end()
    await database?.close()
  })

  // What drizzle rejects with holds the error of the driver.
  async function failsWith(promise, expected, query) {
    const error = await fails(promise, {})
    assert.match(error.message, /^Failed query: /)
    if (query) assertMembers(error, query)
    assertMembers(error.cause, expected)
  }

  it('makes tables with statements of its own', async () => {
    const [header] = await db.execute(
      sql`create table things (id serial primary key, name varchar(100) not null, price decimal(20,4), \`big\` bigint,
        active boolean, made_at datetime(3), \`day\` date, \`data\` json, bytes varbinary(100), rate double,
        unique key by_name (name))`,
    )
    assertMembers(header, { affectedRows: 0, insertId: 0, warningStatus: 0, fieldCount: 0 })
    await db.execute(sql`create table parts (id int primary key, thingId bigint)`)
    const [rows, fields] = await db.execute(sql`show tables`)
    assert.deepEqual(rows.map((row) => Object.values(row)[0]).sort(), ['parts', 'things'])
    assert.equal(fields.length, 1)
  })

  it('inserts and gives the header of mysql2 or the new ids', async () => {
    const row = {
      ...{ name: NAME, price: PRICE, big: BigInt(BIG), active: true, madeAt: MADE_AT },
      ...{ day: '2024-02-29', data: DATA, bytes: BYTES, rate: 0.1 },
    }
    const [header] = await db.insert(things).values(row)
    assertMembers(header, { affectedRows: 1, insertId: 1, changedRows: 0, warningStatus: 0 })
    assert.equal(header.constructor.name, 'ResultSetHeader')
    const ids = await db
      .insert(things)
      .values([{ name: 'b' }, { name: 'c' }])
      .$returningId()
    assert.deepEqual(ids, [{ id: 2 }, { id: 3 }])
    await db.insert(parts).values([
      { id: 1, thingId: 1 },
      { id: 2, thingId: 1 },
    ])
  })

  it('selects each type', async () => {
    const rows = await db
      .select()
      .from(things)
      .where(inArray(things.id, [1, 3]))
      .orderBy(things.id)
    assert.deepEqual(rows, [
      {
        ...{ id: 1, name: NAME, price: PRICE, big: BigInt(BIG), active: true, madeAt: MADE_AT },
        ...{ day: '2024-02-29', data: DATA, bytes: BYTES.toString(), rate: 0.1 },
      },
      {
        ...{ id: 3, name: 'c', price: null, big: null, active: null, madeAt: null },
        ...{ day: null, data: null, bytes: null, rate: null },
      },
    ])
    const joined = await db
      .select({ name: things.name, part: parts.id })
      .from(things)
      .leftJoin(parts, eq(parts.thingId, things.id))
      .orderBy(things.id, parts.id)
      .limit(3)
    assert.deepEqual(joined, [
      { name: NAME, part: 1 },
      { name: NAME, part: 2 },
      { name: 'b', part: null },
    ])
    assert.equal(await db.$count(things), 3)
  })

  it('keeps a query for later, and reads through its relations', async () => {
    const found = await db.query.things.findFirst({
      columns: { name: true },
      where: eq(things.id, 2),
      with: {},
    })
    assert.deepEqual(found, { name: 'b' })
    const prepared = db
      .select({ id: things.id })
      .from(things)
      .where(eq(things.name, sql.placeholder('name')))
      .prepare()
    assert.deepEqual(await prepared.execute({ name: NAME }), [{ id: 1 }])
    assert.deepEqual(await prepared.execute({ name: 'nobody' }), [])
  })

  it('updates, deletes and merges, and counts', async () => {
    const update = () => db.update(things).set({ active: false }).where(lte(things.id, 2))
    const [first] = await update()
    assertMembers(first, { affectedRows: 2, changedRows: 2 })
    const [second] = await update()
    assertMembers(second, { affectedRows: 2, changedRows: 0 })
    await db
      .insert(things)
      .values({ name: 'b' })
      .onDuplicateKeyUpdate({ set: { rate: 2 } })
    const [removed] = await db.delete(things).where(eq(things.name, 'c'))
    assert.equal(removed.affectedRows, 1)
    assert.deepEqual(await database.run('SELECT id, active, rate FROM things ORDER BY id'), [
      { id: 1, active: 0, rate: 0.1 },
      { id: 2, active: 0, rate: 2 },
    ])
  })

  it('commits and rolls back, with savepoints within', async () => {
    await db.transaction(
      async (tx) => {
        await tx.insert(things).values({ name: 'kept' })
        const inner = tx.transaction(async (savepoint) => {
          await savepoint.insert(things).values({ name: 'dropped' })
          savepoint.rollback()
        })
        await fails(inner, { message: 'Rollback' })
      },
      { isolationLevel: 'read committed', accessMode: 'read write' },
    )
    const failing = db.transaction(async (tx) => {
      await tx.insert(things).values({ name: 'gone' })
      throw new Error('no')
    })
    await fails(failing, { message: 'no' })
    assert.deepEqual(await database.run('SELECT name FROM things WHERE id > 2'), [{ name: 'kept' }])
  })

  it('iterates over rows as they come, and gives the connection back', async () => {
    // More often than the pool has connections.
    for (let i = 0; i < 5; i++) {
      const seen = []
      const iterator = await db.select({ name: things.name }).from(things).orderBy(things.id).iterator()
      for await (const { name } of iterator) seen.push(name)
      assert.deepEqual(seen, [NAME, 'b', 'kept'])
    }
  })

  it('wraps the errors of the server', async () => {
    const message = duplicate('b', 'by_name', 'things')
    await failsWith(
      db.insert(parts).values({ id: 1 }),
      { ...DUPLICATE, message: duplicate('1', 'PRIMARY', 'parts') },
      { query: 'insert into `parts` (`id`, `thingId`) values (?, default)', params: [1] },
    )
    await failsWith(db.insert(things).values({ name: 'b' }), { ...DUPLICATE, message, sqlMessage: message })
    await failsWith(db.execute(sql`selec 1`), SYNTAX)
    const unknown = missing(database.options.database, 'nothing')
    await failsWith(db.select().from(nothing).where(gt(nothing.id, 1)), { ...NO_TABLE, message: unknown })
  })

  it('says that a connection was lost, and takes a new one', async () => {
    const lost = failsWith(db.execute(sql`select sleep(20) as gets_lost`), LOST)
    await database.kill(await database.running('gets_lost'))
    await lost
    assert.equal(await db.$count(things), 3)
  })

  it('makes its own pool of a URL, and takes what mysql2/promise makes', async () => {
    const ofUrl = drizzle(database.url)
    assert.equal(await ofUrl.$count(things), 3)
    await ofUrl.$client.promise().end()
    const ofOptions = drizzle({ connection: { uri: database.url, connectionLimit: 1 } })
    assert.equal(await ofOptions.$count(things), 3)
    await ofOptions.$client.promise().end()
    for (const client of [
      promiseMysql2.createPool(database.url),
      await promiseMysql2.createConnection(database.options),
      mysql2.createConnection(database.options),
    ]) {
      const on = drizzle({ client })
      assert.equal(await on.$count(things), 3)
      await on.transaction((tx) => tx.update(things).set({ rate: 9 }).where(eq(things.id, 2)))
      assert.deepEqual(await on.select({ rate: things.rate }).from(things).where(eq(things.id, 2)), [
        { rate: 9 },
      ])
      await (client.promise?.() ?? client).end()
    }
  })
})
