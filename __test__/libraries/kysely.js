'use strict'

const { after, before, describe, it } = require('node:test')
const assert = require('node:assert/strict')
const mysql2 = require('mysql2')
const support = require('./support.js')
const { openDatabase, duplicate, missing, fails } = support
const { NAME, MADE_AT, DAY, DATA, BYTES, BIG, PRICE, DUPLICATE, SYNTAX, NO_TABLE, LOST } = support

describe('kysely', () => {
  let kysely
  let sql
  let database
  let db
  const created = []

  const open = (options) =>
    new kysely.Kysely({
      dialect: new kysely.MysqlDialect({
        pool: mysql2.createPool({ ...database.options, connectionLimit: 3, supportBigNumbers: true }),
        controlConnection: mysql2.createConnection,
        ...options,
      }),
    })

  before(async () => {
    kysely = await import('kysely')
    sql = kysely.sql
    database = await openDatabase()
    db = open({ onCreateConnection: async (connection) => created.push(connection) })
  })
  after(async () => {
    await db?.destroy()
    await database?.close()
  })

  it('makes a table and finds it', async () => {
    await db.schema
      .createTable('things')
      .addColumn('id', 'bigint', (column) => column.unsigned().autoIncrement().primaryKey())
      .addColumn('name', 'varchar(100)', (column) => column.notNull().unique())
      .addColumn('price', 'decimal(20, 4)')
      .addColumn('big', 'bigint')
      .addColumn('active', 'boolean')
      .addColumn('made_at', 'datetime(3)')
      .addColumn('day', 'date')
      .addColumn('data', 'json')
      .addColumn('bytes', sql`varbinary(100)`)
      .addColumn('rate', 'double precision')
      .execute()
    const [{ name, columns }] = await db.introspection.getTables()
    assert.equal(name, 'things')
    assert.deepEqual(
      columns
        .slice(0, 3)
        .map(({ name, dataType, isNullable, isAutoIncrementing }) => [
          ...[name, dataType, isNullable, isAutoIncrementing],
        ]),
      [
        ['id', 'bigint', false, true],
        ['name', 'varchar', false, false],
        ['price', 'decimal', true, false],
      ],
    )
  })

  it('inserts and gives the new id', async () => {
    const row = {
      ...{ name: NAME, price: PRICE, big: BIG, active: true, made_at: MADE_AT },
      ...{ day: DAY, data: JSON.stringify(DATA), bytes: BYTES, rate: 0.1 },
    }
    const { insertId, numInsertedOrUpdatedRows } = await db
      .insertInto('things')
      .values(row)
      .executeTakeFirst()
    assert.deepEqual([insertId, numInsertedOrUpdatedRows], [1n, 1n])
    const more = await db
      .insertInto('things')
      .values([{ name: 'b', big: 9007199254740993n }, { name: 'c' }])
      .executeTakeFirst()
    assert.deepEqual([more.insertId, more.numInsertedOrUpdatedRows], [2n, 2n])
  })

  it('selects each type', async () => {
    assert.deepEqual(
      await db.selectFrom('things').selectAll().where('id', 'in', [1, 3]).orderBy('id').execute(),
      [
        {
          ...{ id: 1, name: NAME, price: PRICE, big: BIG, active: 1, made_at: MADE_AT },
          ...{ day: DAY, data: DATA, bytes: BYTES, rate: 0.1 },
        },
        {
          ...{ id: 3, name: 'c', price: null, big: null, active: null, made_at: null },
          ...{ day: null, data: null, bytes: null, rate: null },
        },
      ],
    )
    const one = db.selectFrom('things').select('id').where('made_at', '=', MADE_AT)
    assert.deepEqual(await one.executeTakeFirstOrThrow(), { id: 1 })
    const byName = db.selectFrom('things').select(['id', 'big']).where('name', '=', 'b').limit(1).offset(0)
    assert.deepEqual(await byName.execute(), [{ id: 2, big: BIG }])
    assert.equal(await db.selectFrom('things').select('id').where('id', '=', 9).executeTakeFirst(), undefined)
    assert.deepEqual((await sql`select ${'x'} as a, ${null} as b`.execute(db)).rows, [{ a: 'x', b: null }])
  })

  it('updates and deletes, and counts as bigints', async () => {
    const update = db.updateTable('things').set({ active: false }).where('id', '<=', 2)
    const counts = async () => {
      const { numUpdatedRows, numChangedRows } = await update.executeTakeFirst()
      return [numUpdatedRows, numChangedRows]
    }
    assert.deepEqual(await counts(), [2n, 2n])
    assert.deepEqual(await counts(), [2n, 0n])
    await db.insertInto('things').values({ name: 'b' }).onDuplicateKeyUpdate({ rate: 2 }).execute()
    const ignored = await db.insertInto('things').ignore().values({ name: 'b' }).executeTakeFirst()
    assert.deepEqual([ignored.insertId, ignored.numInsertedOrUpdatedRows], [undefined, 0n])
    const removed = await db.deleteFrom('things').where('name', '=', 'c').executeTakeFirst()
    assert.equal(removed.numDeletedRows, 1n)
    assert.deepEqual(await database.run('SELECT id, active, rate FROM things ORDER BY id'), [
      { id: 1, active: 0, rate: 0.1 },
      { id: 2, active: 0, rate: 2 },
    ])
  })

  it('commits and rolls back, with savepoints', async () => {
    const insert = (on, name) => on.insertInto('things').values({ name }).execute()
    await db
      .transaction()
      .setIsolationLevel('read committed')
      .execute((trx) => insert(trx, 'kept'))
    const failing = db.transaction().execute(async (trx) => {
      await insert(trx, 'gone')
      throw new Error('no')
    })
    await fails(failing, { message: 'no' })
    const trx = await db.startTransaction().execute()
    await insert(trx, 'before')
    const saved = await trx.savepoint('here').execute()
    await insert(saved, 'dropped')
    const back = await saved.rollbackToSavepoint('here').execute()
    await back.commit().execute()
    const names = await database.run('SELECT name FROM things WHERE id > 3 ORDER BY id')
    assert.deepEqual(names, [{ name: 'kept' }, { name: 'before' }])
  })

  it('streams rows as they come, and stops where the loop is left', async () => {
    const query = db.selectFrom('things').select('name').orderBy('id')
    const seen = []
    for await (const { name } of query.stream()) seen.push(name)
    assert.deepEqual(seen, [NAME, 'b', 'kept', 'before'])
    for await (const { name } of query.stream()) {
      assert.equal(name, NAME)
      break
    }
    const failing = async () => {
      for await (const row of db.selectFrom('nothing').selectAll().stream()) assert.fail(row)
    }
    await fails(failing(), { ...NO_TABLE, message: missing(database.options.database, 'nothing') })
    assert.deepEqual(await query.limit(1).execute(), [{ name: NAME }])
  })

  it('passes the errors of the server on', async () => {
    const again = db.insertInto('things').values({ name: 'b' }).execute()
    const message = duplicate('b', 'name', 'things')
    await fails(again, {
      ...DUPLICATE,
      message,
      sqlMessage: message,
      sql: "insert into `things` (`name`) values ('b')",
    })
    await fails(sql`selec 1`.execute(db), SYNTAX)
    const nothing = db.selectFrom('nothing').selectAll().execute()
    await fails(nothing, { ...NO_TABLE, message: missing(database.options.database, 'nothing') })
  })

  it('ends a running statement whose signal is aborted, through a connection of its own', async () => {
    for (const strategy of ['cancel query', 'kill session']) {
      const controller = new AbortController()
      const text = `'${strategy}'`
      const running = sql`select sleep(20), ${sql.raw(text)}`.execute(db, {
        ...{ signal: controller.signal, inflightQueryAbortStrategy: strategy },
      })
      const aborted = fails(running, { name: 'AbortError' })
      const id = await database.running(text)
      controller.abort()
      await aborted
      await database.gone(strategy === 'kill session' ? { id } : { text })
    }
    assert.equal((await db.selectFrom('things').select('id').execute()).length, 4)
  })

  it('says that a connection was lost, and takes a new one', async () => {
    const lost = fails(sql`select sleep(20) as gets_lost`.execute(db), LOST)
    await database.kill(await database.running('gets_lost'))
    await lost
    assert.equal((await db.selectFrom('things').select('id').execute()).length, 4)
    // Each connection of the pool is always the same object, so that it is introduced once.
    const before = created.length
    for (let i = 0; i < 5; i++) await db.selectFrom('things').select('id').execute()
    assert.equal(created.length, before)
    assert.equal(new Set(created).size, before)
  })
})
