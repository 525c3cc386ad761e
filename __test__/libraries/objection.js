'use strict'

const { after, before, describe, it } = require('node:test')
const assert = require('node:assert/strict')
const knex = require('knex')
const objection = require('objection')
const support = require('./support.js')
const { openDatabase, mayLogIn, duplicate, missing, fails } = support
const { NAME, MADE_AT, DAY, DATA, BYTES, BIG, PRICE } = support

for (const client of ['mysql2', 'mysql'])
  describe(`objection on ${client}`, mayLogIn(client), () => onClient(client))

function onClient(client) {
  let database
  let db
  const said = (code, message) => (client === 'mysql' ? `${code}: ${message}` : message)

  class Part extends objection.Model {
    static tableName = 'parts'
  }
  class Thing extends objection.Model {
    static tableName = 'things'
    static jsonAttributes = ['data']
    static relationMappings = {
      parts: {
        relation: objection.Model.HasManyRelation,
        modelClass: Part,
        join: { from: 'things.id', to: 'parts.thing_id' },
      },
    }
  }

  before(async () => {
    database = await openDatabase()
    const connection = { ...database.options, charset: 'utf8mb4', supportBigNumbers: true }
    db = knex({ client, connection, pool: { min: 0, max: 3 } })
    for (const model of [Thing, Part]) model.knex(db)
  })
  after(async () => {
    await db?.destroy()
    await database?.close()
  })

  it('works on tables that knex makes', async () => {
    await db.schema.createTable('things', (table) => {
      table.increments('id')
      table.string('name', 100).notNullable().unique()
      table.decimal('price', 20, 4)
      table.bigInteger('big')
      table.boolean('active')
      table.datetime('made_at', { precision: 3 })
      table.date('day')
      table.json('data')
      table.binary('bytes')
    })
    await db.schema.createTable('parts', (table) => {
      table.increments('id')
      table.integer('thing_id').unsigned().references('things.id')
      table.string('label').notNullable()
    })
    const { columns } = await Thing.fetchTableMetadata()
    assert.deepEqual(columns.sort().slice(0, 3), ['active', 'big', 'bytes'])
  })

  it('inserts whole graphs', async () => {
    const made = await Thing.query().insertGraphAndFetch({
      ...{
        name: NAME,
        price: PRICE,
        big: BIG,
        active: true,
        made_at: MADE_AT,
        day: DAY,
        data: DATA,
        bytes: BYTES,
      },
      parts: [{ label: 'p' }, { label: 'q' }],
    })
    const { parts, ...thing } = made.toJSON()
    assert.deepEqual(thing, {
      ...{ id: 1, name: NAME, price: client === 'mysql' ? 12345678.9 : PRICE, big: BIG, active: 1 },
      ...{ made_at: MADE_AT, day: DAY, data: DATA, bytes: BYTES },
    })
    // objection inserts the parts at the same time, on connections of their own: either may be the first.
    assert.deepEqual(parts.map(({ id }) => id).sort(), [1, 2])
    assert.deepEqual(parts.map(({ label, thing_id: of }) => label + of).sort(), ['p1', 'q1'])
    assert.equal((await Thing.query().insert({ name: 'b' })).id, 2)
  })

  it('selects, with relations and pages', async () => {
    const [thing] = await Thing.query().select('things.id').withGraphJoined('parts').where('made_at', MADE_AT)
    assert.deepEqual(thing.parts.map(({ label }) => label).sort(), ['p', 'q'])
    const { results, total } = await Thing.query().select('id').orderBy('id').page(1, 1)
    assert.deepEqual([results.map(({ id }) => id), total], [[2], 2])
    assert.equal(await Thing.query().resultSize(), 2)
    assert.equal(await Thing.query().findById(9), undefined)
    const none = await Thing.query().findById(2)
    assert.deepEqual([none.price, none.active, none.data, none.made_at], [null, null, null, null])
  })

  it('updates and deletes, and counts', async () => {
    assert.equal(await Thing.query().patch({ active: false }).where('id', '<', 3), 2)
    assert.equal(await Thing.query().patch({ active: false }).where('id', '<', 3), 2)
    assert.equal((await Thing.query().patchAndFetchById(2, { big: 5 })).big, 5)
    assert.equal(await Part.query().deleteById(2), 1)
    assert.equal(await Part.query().deleteById(2), 0)
    assert.equal((await Part.query()).length, 1)
  })

  it('commits and rolls back', async () => {
    await Thing.transaction((trx) => Thing.query(trx).insert({ name: 'kept' }))
    const failing = Thing.transaction(async (trx) => {
      await Thing.query(trx).insert({ name: 'gone' })
      throw new Error('no')
    })
    await fails(failing, { message: 'no' })
    const trx = await Thing.startTransaction()
    await Thing.query(trx).insert({ name: 'gone too' })
    await trx.rollback()
    assert.deepEqual(await database.run('SELECT name FROM things WHERE id > 2'), [{ name: 'kept' }])
  })

  it('streams through knex', async () => {
    const names = []
    for await (const { name } of Thing.query().orderBy('id').toKnexQuery().stream()) names.push(name)
    assert.deepEqual(names, [NAME, 'b', 'kept'])
  })

  it('makes its own errors of those of the server', async () => {
    const serverSaid = duplicate('b', 'things_name_unique', 'things')
    const unique = await fails(Thing.query().insert({ name: 'b' }), { name: 'UniqueViolationError' })
    assert.ok(unique instanceof objection.UniqueViolationError)
    assert.equal(unique.nativeError.sqlMessage, serverSaid)
    assert.equal(
      unique.message,
      `insert into \`things\` (\`name\`) values ('b') - ${said('ER_DUP_ENTRY', serverSaid)}`,
    )
    await fails(Part.query().insert({ label: 'r', thing_id: 99 }), {
      name: 'ForeignKeyViolationError',
      table: 'parts',
    })
    await fails(Thing.query().deleteById(1), { name: 'ForeignKeyViolationError' })
    await fails(Part.query().insert({ thing_id: 1 }), { name: 'NotNullViolationError', column: 'label' })
    await fails(Part.query().insert({ label: null }), { name: 'NotNullViolationError', column: 'label' })
    await fails(Part.query().insert({ label: 'x'.repeat(300) }), { name: 'DataError' })
    class Nothing extends objection.Model {
      static tableName = 'nothing'
    }
    const unknown = await fails(Nothing.query(db).insert({ a: 1 }), { name: 'DBError' })
    assert.match(unknown.message, new RegExp(missing(database.options.database, 'nothing')))
  })
}
