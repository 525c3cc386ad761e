'use strict'

const { after, before, describe, it } = require('node:test')
const assert = require('node:assert/strict')
const { Sequelize, DataTypes, QueryTypes, Transaction, Op } = require('sequelize')
const mysql2 = require('mysql2')
const support = require('./support.js')
const { openDatabase, missing, fails, assertMembers, duplicate } = support
const { NAME, MADE_AT, DATA, BYTES, BIG, PRICE, DUPLICATE, SYNTAX, NO_TABLE, LOST } = support

describe('sequelize', () => {
  let database
  let db
  let Thing
  let Part

  const open = (options) => {
    const { host, port, user, password, database: name } = database.options
    return new Sequelize(name, user, password, {
      ...{ dialect: 'mysql', host, port, logging: false, pool: { max: 3 } },
      ...options,
    })
  }

  before(async () => {
    database = await openDatabase()
    db = open()
    Thing = db.define(
      'thing',
      {
        name: { type: DataTypes.STRING(100), allowNull: false, unique: 'by_name' },
        price: DataTypes.DECIMAL(20, 4),
        big: DataTypes.BIGINT,
        active: DataTypes.BOOLEAN,
        madeAt: DataTypes.DATE(3),
        day: DataTypes.DATEONLY,
        data: DataTypes.JSON,
        bytes: DataTypes.BLOB,
        rate: DataTypes.DOUBLE,
        kind: DataTypes.ENUM('one', 'two'),
      },
      { timestamps: false },
    )
    Part = db.define('part', { label: DataTypes.STRING }, { timestamps: false })
    Thing.hasMany(Part, { onDelete: 'RESTRICT' })
    Part.belongsTo(Thing)
  })
  after(async () => {
    await db?.close()
    await database?.close()
  })

  it('makes the tables and describes them', async () => {
    await db.authenticate()
    await db.sync()
    const { id, name, kind } = await db.getQueryInterface().describeTable('things')
    assertMembers(id, { primaryKey: true, autoIncrement: true, allowNull: false })
    assertMembers(name, { type: 'VARCHAR(100)', allowNull: false, primaryKey: false })
    assert.equal(kind.type, "ENUM('one','two')")
    const indexes = await db.getQueryInterface().showIndex('things')
    assert.deepEqual(
      indexes.map(({ name, unique, fields }) => [name, unique, fields.map(({ attribute }) => attribute)]),
      [
        ['PRIMARY', true, ['id']],
        ['by_name', true, ['name']],
      ],
    )
    assert.deepEqual((await db.getQueryInterface().showAllTables()).sort(), ['parts', 'things'])
    await db.sync()
  })

  it('inserts and gives the new ids', async () => {
    const made = await Thing.create({
      ...{ name: NAME, price: PRICE, big: BIG, active: true, madeAt: MADE_AT },
      ...{ day: '2024-02-29', data: DATA, bytes: BYTES, rate: 0.1, kind: 'two' },
    })
    assert.equal(made.id, 1)
    await Thing.bulkCreate([{ name: 'b' }, { name: 'c' }])
    await Part.create({ label: 'p', thingId: 1 })
    const [id, affected] = await db.query("INSERT INTO parts (label) VALUES ('q')", {
      type: QueryTypes.INSERT,
    })
    assert.deepEqual([id, affected], [2, 1])
    const [kept] = await database.run('SELECT name, big, madeAt FROM things WHERE id = 1')
    // sequelize writes its dates in UTC.
    assert.deepEqual(kept, {
      name: NAME,
      big: BIG,
      madeAt: MADE_AT.toISOString().slice(0, -1).replace('T', ' '),
    })
  })

  it('selects each type', async () => {
    const rows = await Thing.findAll({ where: { id: { [Op.in]: [1, 3] } }, order: ['id'], raw: true })
    assert.deepEqual(rows, [
      {
        ...{ id: 1, name: NAME, price: PRICE, big: BIG, active: 1, madeAt: MADE_AT },
        ...{ day: '2024-02-29', data: DATA, bytes: BYTES, rate: 0.1, kind: 'two' },
      },
      {
        ...{ id: 3, name: 'c', price: null, big: null, active: null, madeAt: null },
        ...{ day: null, data: null, bytes: null, rate: null, kind: null },
      },
    ])
    const thing = await Thing.findOne({ where: { madeAt: MADE_AT }, include: Part })
    assert.equal(thing.active, true)
    assert.deepEqual(thing.get({ plain: true }).parts, [{ id: 1, label: 'p', thingId: 1 }])
    assert.equal(await Thing.count(), 3)
    assert.equal(await Thing.max('id'), 3)
    assert.equal(await Thing.findByPk(9), null)
  })

  it('replaces in the text, and binds to prepared statements', async () => {
    const select = { type: QueryTypes.SELECT }
    assert.deepEqual(
      await db.query('SELECT :a AS a, :b AS b', { replacements: { a: NAME, b: null }, ...select }),
      [{ a: NAME, b: null }],
    )
    const bound = await db.query('SELECT id, name, price, big, madeAt, data FROM things WHERE name = $name', {
      ...{ bind: { name: NAME }, ...select },
    })
    assert.deepEqual(bound, [{ id: 1, name: NAME, price: PRICE, big: BIG, madeAt: MADE_AT, data: DATA }])
    const [rows, metadata] = await db.query('SELECT 1 AS one')
    assert.deepEqual([rows, metadata], [[{ one: 1 }], [{ one: 1 }]])
    const [, changed] = await db.query('UPDATE things SET rate = 1 WHERE id = 3', { type: QueryTypes.UPDATE })
    assert.equal(changed, 1)
  })

  it('updates and deletes, and counts what it changed', async () => {
    assert.deepEqual(await Thing.update({ active: false }, { where: { id: [1, 2] } }), [2])
    // Without the flag FOUND_ROWS, rows count that became something else.
    assert.deepEqual(await Thing.update({ active: false }, { where: { id: [1, 2] } }), [0])
    const [, created] = await Thing.upsert({ name: 'b', rate: 2 })
    assert.equal(created, false)
    const [found, isNew] = await Thing.findOrCreate({ where: { name: 'd' } })
    assert.deepEqual([found.id > 3, isNew], [true, true])
    assert.equal(await Thing.destroy({ where: { name: ['c', 'd'] } }), 2)
    const thing = await Thing.findByPk(2)
    await thing.increment('rate', { by: 3 })
    assert.deepEqual(await database.run('SELECT id, active, rate FROM things ORDER BY id'), [
      { id: 1, active: 0, rate: 0.1 },
      { id: 2, active: 0, rate: 5 },
    ])
  })

  it('commits and rolls back, with savepoints within', async () => {
    const isolationLevel = Transaction.ISOLATION_LEVELS.READ_COMMITTED
    await db.transaction({ isolationLevel }, async (transaction) => {
      await Thing.create({ name: 'kept' }, { transaction })
      const inner = db.transaction({ transaction }, async (savepoint) => {
        await Thing.create({ name: 'dropped' }, { transaction: savepoint })
        throw new Error('inner')
      })
      await fails(inner, { message: 'inner' })
    })
    const transaction = await db.transaction()
    await Thing.create({ name: 'gone' }, { transaction })
    await transaction.rollback()
    assert.deepEqual(await database.run('SELECT name FROM things WHERE id > 2'), [{ name: 'kept' }])
  })

  it('makes its own errors of those of the server', async () => {
    const error = await fails(Thing.create({ name: 'b' }), { name: 'SequelizeUniqueConstraintError' })
    assert.deepEqual(error.fields, { name: 'b' })
    assert.deepEqual(
      error.errors.map(({ path, value, validatorKey }) => [path, value, validatorKey]),
      [['name', 'b', 'not_unique']],
    )
    assertMembers(error.parent, { ...DUPLICATE, sqlMessage: duplicate('b', 'by_name', 'things') })
    const child = await fails(Part.create({ thingId: 99 }), { name: 'SequelizeForeignKeyConstraintError' })
    assertMembers(child, { table: 'things', fields: ['thingId'], index: 'parts_ibfk_1' })
    assertMembers(child.parent, { code: 'ER_NO_REFERENCED_ROW_2', errno: 1452 })
    const parent = await fails(Thing.destroy({ where: { id: 1 } }), {
      name: 'SequelizeForeignKeyConstraintError',
    })
    assertMembers(parent, { table: 'things', fields: ['thingId'], reltype: 'parent' })
    const syntax = await fails(db.query('SELEC 1'), { name: 'SequelizeDatabaseError', sql: 'SELEC 1' })
    assertMembers(syntax.parent, SYNTAX)
    const unknown = missing(database.options.database, 'nothing')
    const table = await fails(db.query('SELECT * FROM nothing'), {
      ...{ name: 'SequelizeDatabaseError', message: unknown },
    })
    assertMembers(table.parent, NO_TABLE)
    const bound = await fails(db.query('SELECT * FROM nothing WHERE a = $1', { bind: [1] }), {
      message: unknown,
    })
    assertMembers(bound.parent, { ...NO_TABLE, parameters: [1] })
  })

  it('says that a connection was lost, and takes a new one', async () => {
    const lost = fails(db.query('SELECT SLEEP(20) AS gets_lost'), { name: 'SequelizeDatabaseError' })
    await database.kill(await database.running('gets_lost'))
    assertMembers((await lost).parent, LOST)
    assert.equal(await Thing.count(), 3)
    // Lost while it is idle in the pool of sequelize.
    const single = open({ pool: { max: 1 }, dialectModule: mysql2 })
    const id = async () => (await single.query('SELECT CONNECTION_ID() AS id', { plain: true })).id
    const first = await id()
    await database.kill(first)
    assert.notEqual(await id(), first)
    await single.close()
  })

  it('reports a server that refuses', async () => {
    const refused = open({ port: 1, host: '127.0.0.1' })
    await fails(refused.authenticate(), { name: 'SequelizeConnectionRefusedError' })
    await refused.close()
    const denied = new Sequelize('none', 'nobody', 'wrong', { ...open().options })
    await fails(denied.authenticate(), { name: 'SequelizeAccessDeniedError' })
    await denied.close()
  })

  it('sets the time zone of its sessions', async () => {
    const shifted = open({ timezone: '+05:00' })
    const [{ zone, at }] = await shifted.query(
      "SELECT @@session.time_zone AS zone, TIMESTAMP'2024-02-29 12:00:00' AS at",
      { type: QueryTypes.SELECT },
    )
    assert.deepEqual([zone, at], ['+05:00', new Date('2024-02-29T07:00:00Z')])
    await shifted.close()
  })
})
