'use strict'

const { after, before, describe, it } = require('node:test')
const assert = require('node:assert/strict')
const support = require('./support.js')
const { openDatabase, duplicate, missing, fails } = support
const { NAME, MADE_AT, DATA, BYTES, BIG, PRICE, DUPLICATE, SYNTAX, NO_TABLE, LOST } = support

describe('mikro-orm', () => {
  let database
  let mikro
  let orm
  let Thing
  let Nothing

  before(async () => {
    mikro = await import('@mikro-orm/mysql')
    const { EntitySchema } = mikro
    const column = (type, options) => ({ type, nullable: true, ...options })
    Thing = new EntitySchema({
      name: 'Thing',
      tableName: 'things',
      properties: {
        id: { type: 'number', primary: true },
        name: { type: 'string', length: 100, unique: 'by_name' },
        price: column('decimal', { precision: 20, scale: 4 }),
        big: column('bigint'),
        active: column('boolean'),
        madeAt: column('Date', { length: 3 }),
        day: column('date'),
        data: column('json'),
        bytes: column('blob'),
        rate: column('double'),
      },
    })
    Nothing = new EntitySchema({ name: 'Nothing', properties: { id: { type: 'number', primary: true } } })
    database = await openDatabase()
    orm = await open()
  })
  after(async () => {
    await orm?.close()
    await database?.close()
  })

  const open = (options) => {
    const { host, port, user, password, database: dbName } = database.options
    return mikro.MikroORM.init({
      ...{ host, port, user, password, dbName, entities: [Thing, Nothing], pool: { max: 3 } },
      ...options,
    })
  }
  const fork = () => orm.em.fork()

  it('makes the tables and finds nothing left to do', async () => {
    await orm.schema.create()
    await orm.schema.drop()
    await orm.schema.create()
    await database.run('DROP TABLE nothing')
    const sql = await orm.schema.getUpdateSchemaSQL()
    assert.match(sql, /create table `nothing`/)
    // Of the column of JSON, which is one of text on MariaDB, it would make another one each time.
    assert.doesNotMatch(sql, /`(name|price|big|active|made_at|day|bytes|rate)`/)
  })

  it('inserts and gives the new ids', async () => {
    const em = fork()
    const made = em.create('Thing', {
      ...{ name: NAME, price: PRICE, big: BigInt(BIG), active: true, madeAt: MADE_AT },
      ...{ day: '2024-02-29', data: DATA, bytes: BYTES, rate: 0.1 },
    })
    await em.flush()
    assert.equal(made.id, 1)
    const more = ['b', 'c'].map((name) => em.create('Thing', { name }))
    await em.flush()
    assert.deepEqual(
      more.map(({ id }) => id),
      [2, 3],
    )
  })

  it('selects each type', async () => {
    const em = fork()
    const rows = await em.find('Thing', { id: [1, 3] }, { orderBy: { id: 'asc' } })
    assert.deepEqual(
      rows.map((row) => ({ ...row })),
      [
        {
          ...{ id: 1, name: NAME, price: PRICE, big: BigInt(BIG), active: true, madeAt: MADE_AT },
          ...{ day: '2024-02-29', data: DATA, bytes: BYTES, rate: 0.1 },
        },
        {
          ...{ id: 3, name: 'c', price: null, big: null, active: null, madeAt: null },
          ...{ day: null, data: null, bytes: null, rate: null },
        },
      ],
    )
    assert.equal((await em.findOneOrFail('Thing', { madeAt: MADE_AT })).id, 1)
    assert.equal(await em.findOne('Thing', { name: 'nobody' }), null)
    assert.equal(await em.count('Thing'), 3)
    assert.deepEqual(await em.execute('select ? as a, ? as b', ['x', null]), [{ a: 'x', b: null }])
  })

  it('updates, deletes and merges, and counts', async () => {
    const em = fork()
    assert.equal(await em.nativeUpdate('Thing', { id: [1, 2] }, { active: false }), 2)
    assert.equal(await em.nativeUpdate('Thing', { id: [1, 2] }, { active: false }), 2)
    const things = await em.find('Thing', { id: [1, 2] })
    for (const thing of things) thing.rate = thing.id + 0.5
    await em.flush()
    await em.upsert('Thing', { name: 'b', data: [] })
    assert.equal(await em.nativeDelete('Thing', { name: 'c' }), 1)
    assert.equal(await em.nativeDelete('Thing', { name: 'c' }), 0)
    assert.deepEqual(
      await database.run('SELECT id, active, rate, CAST(data AS CHAR) = "[]" AS e FROM things'),
      [
        { id: 1, active: 0, rate: 1.5, e: 0 },
        { id: 2, active: 0, rate: 2.5, e: 1 },
      ],
    )
  })

  it('commits and rolls back, with savepoints within', async () => {
    const { IsolationLevel } = mikro
    await fork().transactional(
      async (em) => {
        em.create('Thing', { name: 'kept' })
        await em.flush()
        const inner = em.transactional(async (savepoint) => {
          await savepoint.insert('Thing', { name: 'dropped' })
          throw new Error('inner')
        })
        await fails(inner, { message: 'inner' })
      },
      { isolationLevel: IsolationLevel.READ_COMMITTED },
    )
    const em = fork()
    await em.begin()
    await em.insert('Thing', { name: 'gone' })
    await em.rollback()
    assert.deepEqual(await database.run('SELECT name FROM things WHERE id > 2'), [{ name: 'kept' }])
  })

  it('streams rows as they come', async () => {
    const names = []
    for await (const { name } of fork().stream('Thing', { orderBy: { id: 'asc' } })) names.push(name)
    assert.deepEqual(names, [NAME, 'b', 'kept'])
  })

  it('makes its own errors of those of the server', async () => {
    const em = fork()
    const said = duplicate('b', 'by_name', 'things')
    const again = await fails(em.insert('Thing', { name: 'b' }), {
      ...DUPLICATE,
      ...{ name: 'UniqueConstraintViolationException', sqlMessage: said, message: said },
    })
    assert.ok(again instanceof mikro.UniqueConstraintViolationException)
    await fails(em.execute('selec 1'), { ...SYNTAX, name: 'SyntaxErrorException' })
    await fails(em.find('Nothing', {}), {
      ...{ ...NO_TABLE, name: 'TableNotFoundException' },
      sqlMessage: missing(database.options.database, 'nothing'),
    })
    const required = em.execute('insert into things (name) values (null)')
    await fails(required, { name: 'NotNullConstraintViolationException', errno: 1048 })
  })

  it('says that a connection was lost, and takes a new one', async () => {
    const { code, fatal } = LOST
    const lost = fails(fork().execute('select sleep(20) as gets_lost'), { code, fatal })
    await database.kill(await database.running('gets_lost'))
    await lost
    assert.equal(await fork().count('Thing'), 3)
  })

  it('renews a password that a function gives', async () => {
    let asked = 0
    const renewed = await open({
      password: () => {
        asked++
        return database.options.password
      },
    })
    assert.equal(await renewed.em.fork().count('Thing'), 3)
    assert.equal(asked, 2)
    assert.equal(await renewed.em.fork().count('Thing'), 3)
    // The pool had a free connection.
    assert.equal(asked, 2)
    await renewed.close()
  })

  it('says whether it is connected', async () => {
    assert.deepEqual(await orm.checkConnection(), { ok: true })
    const refused = await open({ host: '127.0.0.1', port: 1 })
    await fails(refused.em.fork().count('Thing'), { name: 'DriverException', code: 'ECONNREFUSED' })
    await refused.close()
  })
})
