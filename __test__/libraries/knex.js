'use strict'

const { after, before, describe, it } = require('node:test')
const assert = require('node:assert/strict')
const { once } = require('node:events')
const { Writable } = require('node:stream')
const knex = require('knex')
const mysql2 = require('mysql2')
const promiseMysql2 = require('mysql2/promise')
const { until } = require('../support/outcome.js')
const support = require('./support.js')
const { openDatabase, mayLogIn, duplicate, missing, fails, plain } = support
const { NAME, MADE_AT, DAY, DATA, BYTES, BIG, PRICE, DUPLICATE, SYNTAX, NO_TABLE, LOST } = support

// It also prints the errors that it rejects with.
const log = { warn() {}, error() {} }

for (const client of ['mysql2', 'mysql'])
  describe(`knex on ${client}`, mayLogIn(client), () => onClient(client))

function onClient(client) {
  let database
  let db
  const connection = () => ({ ...database.options, charset: 'utf8mb4', supportBigNumbers: true })
  const open = (options) =>
    knex({ client, connection: connection(), pool: { min: 0, max: 3 }, log, ...options })
  // mysql puts the code before the message of the server.
  const said = (code, message) => (client === 'mysql' ? `${code}: ${message}` : message)

  before(async () => {
    database = await openDatabase()
    db = open()
  })
  after(async () => {
    await db?.destroy()
    await database?.close()
  })

  it('makes a table and describes it', async () => {
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
      table.double('ratio')
    })
    assert.equal(await db.schema.hasTable('things'), true)
    assert.equal(await db.schema.hasTable('nothing'), false)
    assert.equal(await db.schema.hasColumn('things', 'price'), true)
    const { defaultValue, type, maxLength, nullable } = await db('things').columnInfo('name')
    assert.deepEqual({ type, maxLength, nullable }, { type: 'varchar', maxLength: 100, nullable: false })
    assert.equal(defaultValue, null)
    await db.schema.alterTable('things', (table) => table.renameColumn('ratio', 'rate'))
    assert.equal(await db.schema.hasColumn('things', 'ratio'), false)
  })

  it('inserts and gives the first new id', async () => {
    const row = {
      ...{ name: NAME, price: PRICE, big: BIG, active: true, made_at: MADE_AT },
      ...{ day: DAY, data: JSON.stringify(DATA), bytes: BYTES, rate: 0.1 },
    }
    assert.deepEqual(await db('things').insert(row), [1])
    assert.deepEqual(await db('things').insert([{ name: 'b', active: false }, { name: 'c' }]), [2])
    await db.batchInsert('things', [{ name: 'd' }, { name: 'e' }, { name: 'f' }], 2)
    const [{ n, sum }] = await database.run('SELECT COUNT(*) AS n, SUM(id) AS sum FROM things')
    assert.deepEqual([n, sum], [6, '21'])
    const [kept] = await database.run(
      'SELECT name, big, made_at, HEX(bytes) AS bytes FROM things WHERE id = 1',
    )
    assert.deepEqual(kept, {
      ...{ name: NAME, big: BIG, made_at: '2024-02-29 12:34:56.789', bytes: '0001275C80FF' },
    })
  })

  it('selects each type', async () => {
    const [{ text }] = await database.run('SELECT CAST(data AS CHAR) AS text FROM things WHERE id = 1')
    assert.deepEqual(plain(await db('things').whereIn('id', [1, 3]).orderBy('id')), [
      {
        ...{ id: 1, name: NAME, price: client === 'mysql' ? 12345678.9 : PRICE, big: BIG, active: 1 },
        ...{ made_at: MADE_AT, day: DAY, data: client === 'mysql' ? text : DATA },
        ...{ bytes: BYTES, rate: 0.1 },
      },
      {
        ...{ id: 3, name: 'c', price: null, big: null, active: null },
        ...{ made_at: null, day: null, data: null, bytes: null, rate: null },
      },
    ])
    assert.deepEqual(
      { ...(await db('things').where({ name: NAME }).first('id', 'name')) },
      { id: 1, name: NAME },
    )
    assert.deepEqual(await db('things').where('id', '>', 1).orderBy('id').limit(2).offset(1).pluck('name'), [
      'c',
      'd',
    ])
    assert.equal(await db('things').where({ id: 99 }).first(), undefined)
    assert.deepEqual(plain(await db('things').count({ n: '*' })), [{ n: 6 }])
    assert.equal((await db('things').where('made_at', MADE_AT)).length, 1)
  })

  it('gives rows and fields of a raw query', async () => {
    const [rows, fields] = await db.raw('SELECT ? AS ??, ? AS b', [1, 'a', null])
    assert.deepEqual(plain(rows), [{ a: 1, b: null }])
    assert.deepEqual(
      fields.map(({ name }) => name),
      ['a', 'b'],
    )
    const [nested] = await db.raw('SELECT :a AS a, :b AS b', { a: 'x', b: 2 }).options({ nestTables: '_' })
    assert.deepEqual(plain(nested), [{ _a: 'x', _b: 2 }])
  })

  it('updates, deletes and merges, and counts', async () => {
    // The rows that matched count, whether or not they were something else before.
    assert.equal(await db('things').where('id', '<=', 2).update({ active: false }), 2)
    assert.equal(await db('things').where('id', '<=', 2).update({ active: false }), 2)
    assert.equal(await db('things').where({ id: 1 }).increment('price', 1), 1)
    await db('things').insert({ name: 'b', rate: 2 }).onConflict('name').merge({ rate: 2 })
    await db('things').insert({ name: 'b', rate: 3 }).onConflict('name').ignore()
    assert.equal((await db('things').where({ name: 'b' }).first()).rate, 2)
    assert.equal(await db('things').where('id', '>', 3).del(), 3)
    assert.equal(await db('things').where('id', '>', 3).del(), 0)
    assert.deepEqual(await database.run('SELECT id, active FROM things ORDER BY id'), [
      { id: 1, active: 0 },
      { id: 2, active: 0 },
      { id: 3, active: null },
    ])
  })

  it('commits and rolls back, with savepoints within', async () => {
    const made = await db.transaction(async (trx) => {
      const [id] = await trx('things').insert({ name: 'kept' })
      const inner = trx.transaction(async (savepoint) => {
        await savepoint('things').insert({ name: 'dropped' })
        throw new Error('inner')
      })
      await fails(inner, { message: 'inner' })
      return id
    })
    assert.equal(typeof made, 'number')
    await fails(
      db.transaction(async (trx) => {
        await trx('things').insert({ name: 'gone' })
        throw new Error('outer')
      }),
      { message: 'outer' },
    )
    const trx = await db.transaction({ isolationLevel: 'read committed' })
    await trx('things').where({ id: made }).update({ rate: 5 })
    await trx.rollback()
    assert.equal(trx.isCompleted(), true)
    const names = await database.run('SELECT name, rate FROM things WHERE id > 3')
    assert.deepEqual(names, [{ name: 'kept', rate: null }])
  })

  it('streams rows as they come', async () => {
    const seen = []
    for await (const { name } of db('things').orderBy('id').stream({ highWaterMark: 1 })) seen.push(name)
    assert.deepEqual(seen, [NAME, 'b', 'c', 'kept'])
    const piped = []
    const target = new Writable({
      objectMode: true,
      write(row, encoding, done) {
        piped.push(row.id)
        setImmediate(done)
      },
    })
    await once(db('things').select('id').where('id', '<', 4).orderBy('id').pipe(target), 'finish')
    assert.deepEqual(piped, [1, 2, 3])
    const failing = db('nothing').stream()
    const [error] = await once(failing.resume(), 'error')
    assert.equal(error.message, said(NO_TABLE.code, missing(database.options.database, 'nothing')))
    assert.equal(error.errno, NO_TABLE.errno)
  })

  it('puts the statement before what the server said', async () => {
    const serverSaid = duplicate('b', 'things_name_unique', 'things')
    const sql = "insert into `things` (`name`) values ('b')"
    await fails(db('things').insert({ name: 'b' }), {
      ...DUPLICATE,
      sqlMessage: serverSaid,
      message: `${sql} - ${said('ER_DUP_ENTRY', serverSaid)}`,
      sql,
    })
    const { message } = await fails(db.raw('SELEC 1'), { ...SYNTAX, sql: 'SELEC 1' })
    assert.match(
      message,
      new RegExp(`^SELEC 1 - ${said('ER_PARSE_ERROR', 'You have an error in your SQL syntax;')}`),
    )
    await fails(db('nothing'), {
      ...NO_TABLE,
      message: `select * from \`nothing\` - ${said('ER_NO_SUCH_TABLE', missing(database.options.database, 'nothing'))}`,
    })
  })

  it('ends a statement that takes too long on the server', async () => {
    const error = await fails(db.raw('SELECT SLEEP(20) AS takes_long').timeout(100, { cancel: true }), {
      name: 'KnexTimeoutError',
    })
    assert.equal(error.timeout, 100)
    // The list has it a moment longer.
    await until('it has ended', async () => {
      const sql = "SELECT 1 FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT SLEEP%'"
      return (await database.run(sql)).length === 0
    })
    assert.equal((await db('things').where({ id: 1 })).length, 1)
  })

  it('says that a connection was lost, and takes a new one', async () => {
    const running = db.raw('SELECT SLEEP(20) AS gets_lost')
    const lost = fails(running, { ...LOST, message: `SELECT SLEEP(20) AS gets_lost - ${LOST.message}` })
    await database.kill(await database.running('gets_lost'))
    await lost
    // Lost while it is idle in the pool of knex.
    const single = open({ pool: { min: 1, max: 1 } })
    const id = async () => (await single.raw('SELECT CONNECTION_ID() AS id'))[0][0].id
    const first = await id()
    assert.equal(await id(), first)
    await database.kill(first)
    assert.notEqual(await id(), first)
    await single.destroy()
  })

  it('reports a server that refuses', async () => {
    const refused = open({ connection: { ...database.options, user: 'nobody', password: 'wrong' } })
    await fails(refused.raw('SELECT 1'), { code: 'ER_ACCESS_DENIED_ERROR', errno: 1045 })
    await refused.destroy()
    const nowhere = open({ connection: { host: '127.0.0.1', port: 1 } })
    await fails(nowhere.raw('SELECT 1'), { code: 'ECONNREFUSED' })
    await nowhere.destroy()
  })

  if (client === 'mysql2') {
    for (const [kind, driver] of Object.entries({ callback: mysql2, promise: promiseMysql2 })) {
      it(`works on a pool of mysql2 with the ${kind} interface`, async () => {
        const pool = driver.createPool({ ...connection(), connectionLimit: 2 })
        const onPool = knex({ client, connectionPool: pool })
        assert.deepEqual(await onPool('things').where('id', '<', 3).orderBy('id').pluck('id'), [1, 2])
        await onPool.transaction((trx) => trx('things').where({ id: 2 }).update({ rate: 8 }))
        assert.equal((await onPool('things').where({ id: 2 }).first()).rate, 8)
        await onPool.destroy()
        if (kind === 'promise') await pool.end()
        else await new Promise((resolve, reject) => pool.end((error) => (error ? reject(error) : resolve())))
      })
    }
  }

  it('drops the table', async () => {
    await db.schema.dropTable('things')
    assert.equal(await db.schema.hasTable('things'), false)
  })
}
