'use strict'

const { after, before, describe, it } = require('node:test')
const assert = require('node:assert/strict')
const mysql2 = require('mysql2')
const { isMysql } = require('../support/mysql.js')
const support = require('./support.js')
const { openDatabase, duplicate, missing, fails, assertMembers } = support
const { NAME, MADE_AT, DATA, BYTES, BIG, PRICE, DUPLICATE, SYNTAX, NO_TABLE, LOST } = support

const { DataSource, EntitySchema, In, QueryFailedError } = require('typeorm')

const column = (type, options) => ({ type, nullable: true, ...options })
const Thing = new EntitySchema({
  name: 'Thing',
  tableName: 'things',
  columns: {
    id: { type: 'int', primary: true, generated: true },
    name: { type: 'varchar', length: 100, unique: true },
    price: column('decimal', { precision: 20, scale: 4 }),
    big: column('bigint'),
    active: column('boolean'),
    madeAt: column('datetime', { precision: 3 }),
    day: column('date'),
    data: column('json'),
    bytes: column('varbinary', { length: 100 }),
    rate: column('double'),
    tags: column('simple-array'),
  },
})

for (const type of isMysql ? ['mysql'] : ['mysql', 'mariadb'])
  describe(`typeorm, type ${type}`, () => ofType(type))

function ofType(type) {
  let database
  let source
  let things

  const open = (options) =>
    new DataSource({
      ...{ type, username: database.options.user, supportBigNumbers: true, poolSize: 3 },
      ...{ ...database.options, entities: [Thing], ...options },
    }).initialize()

  before(async () => {
    database = await openDatabase()
    source = await open({ synchronize: true })
    things = source.getRepository(Thing)
  })
  after(async () => {
    await source?.destroy()
    await database?.close()
  })

  it('has made the table and finds nothing left to do', async () => {
    const runner = source.createQueryRunner()
    const { columns, uniques, indices } = await runner.getTable('things')
    await runner.release()
    const described = Object.fromEntries(columns.map((found) => [found.name, found]))
    assertMembers(described.id, { type: 'int', isNullable: false, isGenerated: true, isPrimary: true })
    assertMembers(described.name, { type: 'varchar', length: '100', isNullable: false, isUnique: true })
    assertMembers(described.price, { type: 'decimal', precision: 20, scale: 4, isNullable: true })
    assert.deepEqual([uniques.length, indices.length, indices[0].isUnique], [0, 1, true])
    // Of type mysql on MariaDB, typeorm would make each column anew that may be NULL.
    if (type === 'mysql' && !isMysql) return
    const { upQueries } = await source.driver.createSchemaBuilder().log()
    assert.deepEqual(upQueries, [])
  })

  it('inserts and gives the new ids', async () => {
    const made = await things.save({
      ...{ name: NAME, price: PRICE, big: BIG, active: true, madeAt: MADE_AT },
      ...{ day: '2024-02-29', data: DATA, bytes: BYTES, rate: 0.1, tags: ['a', 'b'] },
    })
    assert.equal(made.id, 1)
    const { identifiers, raw } = await things.insert([{ name: 'b' }, { name: 'c' }])
    assert.deepEqual(identifiers, [{ id: 2 }, { id: 3 }])
    // MariaDB gets a RETURNING clause from typeorm, where it has one.
    if (type === 'mysql') assertMembers(raw, { affectedRows: 2, insertId: 2, warningStatus: 0 })
  })

  it('selects each type', async () => {
    const rows = await things.find({ where: { id: In([1, 3]) }, order: { id: 'ASC' } })
    assert.deepEqual(rows, [
      {
        ...{ id: 1, name: NAME, price: PRICE, big: BIG, active: true, madeAt: MADE_AT },
        ...{ day: '2024-02-29', data: DATA, bytes: BYTES, rate: 0.1, tags: ['a', 'b'] },
      },
      {
        ...{ id: 3, name: 'c', price: null, big: null, active: null, madeAt: null },
        ...{ day: null, data: null, bytes: null, rate: null, tags: null },
      },
    ])
    assert.equal((await things.findOneByOrFail({ madeAt: MADE_AT })).id, 1)
    assert.equal(await things.findOneBy({ name: 'nobody' }), null)
    assert.deepEqual((await things.findAndCount({ skip: 1, take: 1, order: { id: 'ASC' } }))[1], 3)
    assert.deepEqual(await source.query('SELECT ? AS a, ? AS b', ['x', null]), [{ a: 'x', b: null }])
    const raw = await things
      .createQueryBuilder('t')
      .select('t.name', 'n')
      .where('t.id = :id', { id: 2 })
      .getRawMany()
    assert.deepEqual(raw, [{ n: 'b' }])
  })

  it('updates, deletes and merges, and counts', async () => {
    assert.equal((await things.update({ id: In([1, 2]) }, { active: false })).affected, 2)
    assert.equal((await things.update({ id: In([1, 2]) }, { active: false })).affected, 2)
    await things.increment({ id: 1 }, 'rate', 1)
    await things.upsert({ name: 'b', rate: 2 }, ['name'])
    assert.equal((await things.delete({ name: 'c' })).affected, 1)
    assert.equal((await things.delete({ name: 'c' })).affected, 0)
    assert.deepEqual(await database.run('SELECT id, active, rate FROM things ORDER BY id'), [
      { id: 1, active: 0, rate: 1.1 },
      { id: 2, active: 0, rate: 2 },
    ])
    const header = await source.query('UPDATE things SET rate = 2')
    assertMembers(header, {
      affectedRows: 2,
      changedRows: 1,
      info: 'Rows matched: 2  Changed: 1  Warnings: 0',
    })
  })

  it('commits and rolls back, with savepoints within', async () => {
    await source.transaction('READ COMMITTED', async (manager) => {
      await manager.insert('Thing', { name: 'kept' })
      const inner = manager.transaction(async (savepoint) => {
        await savepoint.insert('Thing', { name: 'dropped' })
        throw new Error('inner')
      })
      await fails(inner, { message: 'inner' })
    })
    const runner = source.createQueryRunner()
    await runner.startTransaction()
    await runner.manager.insert('Thing', { name: 'gone' })
    await runner.rollbackTransaction()
    await runner.release()
    assert.deepEqual(await database.run('SELECT name FROM things WHERE id > 2'), [{ name: 'kept' }])
  })

  it('streams rows as they come', async () => {
    const stream = await things.createQueryBuilder('t').select('t.name', 'name').orderBy('t.id').stream()
    const seen = []
    for await (const { name } of stream) seen.push(name)
    assert.deepEqual(seen, [NAME, 'b', 'kept'])
    const runner = source.createQueryRunner()
    const ended = []
    const failing = await runner.stream(
      'SELECT * FROM nothing',
      [],
      () => ended.push('end'),
      (error) => ended.push(error.message),
    )
    const read = async () => {
      for await (const row of failing) assert.fail(row)
    }
    const message = missing(database.options.database, 'nothing')
    await fails(read(), { ...NO_TABLE, message })
    await runner.release()
    assert.equal(ended.includes(message), true)
  })

  it('puts what the server said into its own error', async () => {
    const failed = async (promise, expected) => {
      const error = await fails(promise, expected)
      assert.ok(error instanceof QueryFailedError)
      assertMembers(error.driverError, expected)
      return error
    }
    const [{ name: key }] = await database.run(
      "SELECT INDEX_NAME AS name FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ? AND COLUMN_NAME = 'name'",
      [database.options.database],
    )
    const message = duplicate('b', key, 'things')
    const again = await failed(things.insert({ name: 'b' }), { ...DUPLICATE, message, sqlMessage: message })
    assert.match(again.query, /^INSERT INTO `things`\(`id`, `name`, .* VALUES \(DEFAULT, \?, DEFAULT/)
    assert.deepEqual(again.parameters, ['b'])
    await failed(source.query('SELEC 1'), SYNTAX)
    const unknown = missing(database.options.database, 'nothing')
    await failed(source.query('SELECT * FROM nothing'), { ...NO_TABLE, message: unknown })
  })

  it('says that a connection was lost, and takes a new one', async () => {
    const lost = fails(source.query('SELECT SLEEP(20) AS gets_lost'), LOST)
    await database.kill(await database.running('gets_lost'))
    await lost
    assert.equal(await things.count(), 3)
  })

  it('reports a server that refuses', async () => {
    await fails(open({ username: 'nobody', password: 'wrong' }), {
      code: 'ER_ACCESS_DENIED_ERROR',
      errno: 1045,
    })
    await fails(open({ host: '127.0.0.1', port: 1 }), { code: 'ECONNREFUSED' })
  })

  it('reads from the replicas of a cluster and writes to its master', async () => {
    const { host, port, user: username, password, database: name } = database.options
    const server = { host, port, username, password, database: name }
    const replicated = await open({
      ...{ driver: mysql2, replication: { master: server, slaves: [server, server], selector: 'RR' } },
    })
    const repository = replicated.getRepository(Thing)
    assert.equal(await repository.count(), 3)
    await repository.update({ id: 2 }, { rate: 7 })
    assert.equal((await repository.findOneBy({ id: 2 })).rate, 7)
    const runner = replicated.createQueryRunner('slave')
    assert.deepEqual(await runner.query('SELECT ? AS one', ['x']), [{ one: 'x' }])
    await runner.release()
    await replicated.destroy()
  })
}
