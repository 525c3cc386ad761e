'use strict'

const { after, before, describe, it } = require('node:test')
const assert = require('node:assert/strict')
const { createServer } = require('node:http')
const { promisify } = require('node:util')
const expressSession = require('express-session')
const MySQLStore = require('express-mysql-session')(expressSession)
const mysql = require('mysql')
const mysql2 = require('mysql2')
const promiseMysql2 = require('mysql2/promise')
const { openDatabase, mayLogIn, fails, missing, NO_TABLE } = require('./support.js')

const cookie = { originalMaxAge: 60_000, httpOnly: true, path: '/' }
const closers = []
let database
// The default of mysql has no room for what is beyond three bytes of UTF-8.
const utf8mb4 = () => ({ ...database.options, charset: 'utf8mb4' })

describe('express-mysql-session', () => {
  before(async () => {
    database = await openDatabase()
  })
  after(async () => {
    for (const close of closers) await close()
    await database?.close()
  })

  describe('on a pool that it makes', () => keepsSessions(() => new MySQLStore(database.options)))
  describe('on a pool of mysql2/promise', () =>
    onConnection(() => promiseMysql2.createPool(database.options)))
  describe('on a pool of mysql2', () => onConnection(() => mysql2.createPool(database.options)))
  describe('on a connection of mysql', mayLogIn('mysql'), () =>
    onConnection(() => mysql.createConnection(utf8mb4())),
  )
  describe('on a pool of mysql', mayLogIn('mysql'), () => onConnection(() => mysql.createPool(utf8mb4())))
})

function onConnection(open) {
  keepsSessions(() => {
    const connection = open()
    closers.push(async () => {
      const ended =
        connection.end.length === 0 ? connection.end() : promisify(connection.end.bind(connection))()
      await ended
    })
    return new MySQLStore({ schema: { tableName: `sessions_${closers.length}` } }, connection)
  })
}

function keepsSessions(open) {
  let store
  before(async () => {
    store = open()
    await store.onReady()
  })
  after(() => store?.close())

  it('keeps a session, replaces it and forgets it', async () => {
    await store.set('one', { cookie, user: 'Zoë 🍎 \' " \\' })
    assert.deepEqual(await store.get('one'), { cookie, user: 'Zoë 🍎 \' " \\' })
    await store.set('one', { cookie, user: 2 })
    await store.touch('one', { cookie })
    await store.set('two', { cookie })
    assert.equal(await store.length(), 2)
    assert.deepEqual(await store.all(), { one: { cookie, user: 2 }, two: { cookie } })
    await store.destroy('one')
    assert.equal(await store.get('one'), null)
    await store.clear()
    assert.equal(await store.length(), 0)
  })

  it('gives no session that has expired, and removes it', async () => {
    await store.set('old', { cookie: { ...cookie, expires: new Date(Date.now() - 10_000) } })
    await store.set('new', { cookie })
    assert.equal(await store.get('old'), null)
    await store.clearExpiredSessions()
    assert.deepEqual(Object.keys(await store.all()), ['new'])
  })

  it('serves express', async () => {
    const session = expressSession({ secret: 'x', store, resave: false, saveUninitialized: false })
    const server = createServer((request, response) => {
      session(request, response, () => {
        request.session.visits = (request.session.visits ?? 0) + 1
        response.end(String(request.session.visits))
      })
    })
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${server.address().port}/`
    const first = await fetch(url)
    const [mine] = first.headers.getSetCookie()[0].split(';')
    assert.equal(await first.text(), '1')
    assert.equal(await (await fetch(url, { headers: { cookie: mine } })).text(), '2')
    assert.equal(await (await fetch(url)).text(), '1')
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  it('says when its table is missing', async () => {
    const { tableName } = store.options.schema
    await database.run('DROP TABLE ??', [tableName])
    const error = await fails(store.get('one'), NO_TABLE)
    assert.ok(error.message.endsWith(missing(database.options.database, tableName)), error.message)
  })
}
