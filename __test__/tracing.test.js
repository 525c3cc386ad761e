'use strict'

const { AsyncLocalStorage } = require('node:async_hooks')
const { tracingChannel } = require('node:diagnostics_channel')
const { before, describe, it } = require('node:test')
const assert = require('node:assert/strict')
const { createPool } = require('../index.js')
const { rejects } = require('./support/outcome.js')
const { testServer } = require('./support/server.js')

let options
before(async () => {
  const server = await testServer()
  const { host, port, user, password } = server
  options = { host, port, user, password, database: await server.database() }
})

/** What a channel tells while `work` runs: `[event, context]`, in order. */
async function listen(name, work) {
  const channel = tracingChannel(`hegar-native:${name}`)
  const told = []
  const handlers = Object.fromEntries(
    ['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((event) => [
      event,
      (context) => told.push([event, { ...context }]),
    ]),
  )
  const pool = createPool({ ...options, connectionLimit: 2 })
  channel.subscribe(handlers)
  try {
    await work(pool)
  } finally {
    channel.unsubscribe(handlers)
    await pool.close()
  }
  return told
}

const names = (told) => told.map(([event]) => event)
const last = (told) => told.at(-1)[1]

describe('the channel hegar-native:query', () => {
  it('tells of a call under the names of OpenTelemetry, and gives what it gave', async () => {
    let rows
    const told = await listen('query', async (pool) => {
      rows = await pool.query('SELECT ? AS n UNION SELECT 2', [1])
    })
    assert.deepEqual(rows, [{ n: 1 }, { n: 2 }])
    assert.deepEqual(names(told), ['start', 'end', 'asyncStart', 'asyncEnd'])
    assert.deepEqual(told[0][1], {
      'db.system.name': 'mysql',
      'db.namespace': options.database,
      'server.address': options.host,
      'server.port': options.port,
      'db.query.text': 'SELECT ? AS n UNION SELECT 2',
      'db.operation.name': 'SELECT',
    })
    assert.equal(last(told)['db.response.returned_rows'], 2)
    assert.equal(last(told).result, rows)
  })

  it('tells of a failure as its caller sees it', async () => {
    let error
    const told = await listen('query', async (pool) => {
      error = await rejects(pool.queryJson('/* note */ select nothing'), 'ER_BAD_FIELD_ERROR')
    })
    assert.deepEqual(names(told), ['start', 'end', 'error', 'asyncStart', 'asyncEnd'])
    const context = last(told)
    assert.equal(context.error, error)
    assert.equal(context['error.type'], 'ER_BAD_FIELD_ERROR')
    assert.equal(context['db.response.status_code'], '1054')
    assert.equal(context['db.operation.name'], 'SELECT')
    assert.match(error.stack, /tracing\.test\.js/)
  })

  it('tells of every kind of call, in transactions too, and never of a value', async () => {
    const told = await listen('query', async (pool) => {
      await pool.queryOne('SELECT ?', ['secret'])
      await pool.execute('DO ?', ['secret'])
      await pool.paginate('SELECT ?', ['secret'], { page: 1, limit: 5 })
      await pool.paginateJson('SELECT ?', ['secret'], { page: 1, limit: 5 })
      await pool.transaction((tx) => tx.query('SELECT ?', ['secret']))
      for await (const row of pool.stream('SELECT ?', ['secret'])) void row
      await pool.all([{ sql: 'SELECT ?', params: ['secret'] }, { sql: 'SELECT 1' }])
    })
    const starts = told.filter(([event]) => event === 'start')
    assert.deepEqual(
      starts.map(([, context]) => context['db.query.text']),
      ['SELECT ?', 'DO ?', 'SELECT ?', 'SELECT ?', 'SELECT ?', 'SELECT ?', undefined],
    )
    assert.equal(starts.at(-1)[1]['db.operation.batch.size'], 2)
    assert.doesNotMatch(JSON.stringify(starts), /secret/)
  })

  it('carries the context of its caller, so that spans have parents', async () => {
    const storage = new AsyncLocalStorage()
    const channel = tracingChannel('hegar-native:query')
    const seen = []
    const handlers = {
      start: () => seen.push(storage.getStore()),
      asyncEnd: () => seen.push(storage.getStore()),
    }
    const pool = createPool(options)
    channel.subscribe(handlers)
    try {
      await Promise.all(
        [1, 2].map((request) => storage.run(request, () => pool.query('SELECT ?', [request]))),
      )
    } finally {
      channel.unsubscribe(handlers)
      await pool.close()
    }
    assert.deepEqual(seen.toSorted(), [1, 1, 2, 2])
  })
})

describe('the channels around queries', () => {
  it('hegar-native:transaction and hegar-native:acquire tell of transactions and held connections', async () => {
    const transactions = await listen('transaction', async (pool) => {
      assert.equal(await pool.transaction(() => 'done'), 'done')
      await assert.rejects(
        pool.transaction(() => {
          throw new Error('no')
        }),
      )
    })
    assert.deepEqual(names(transactions), [
      ...['start', 'end', 'asyncStart', 'asyncEnd'],
      ...['start', 'end', 'error', 'asyncStart', 'asyncEnd'],
    ])
    assert.equal(transactions[3][1].result, 'done')
    const acquired = await listen('acquire', async (pool) => {
      const connection = await pool.getConnection()
      await connection.release()
      await pool.transaction(() => {})
    })
    assert.deepEqual(names(acquired).filter((event) => event === 'asyncEnd').length, 2)
  })

  it('hegar-native:connect tells of connections once they are there, and of those that failed', async () => {
    const before = Date.now()
    const told = await listen('connect', async (pool) => {
      await pool.query('SELECT 1')
      const lost = createPool({ ...options, port: 1, connectTimeoutMs: 1000 })
      await rejects(lost.query('SELECT 1'), 'HEGAR_CONNECT_FAILED')
      await lost.close()
    })
    const [first, second] = told.filter(([event]) => event === 'asyncEnd').map(([, context]) => context)
    assert.ok(first.threadId > 0)
    assert.ok(first.durationMs > 0)
    assert.ok(first.startedAt >= before - 50 && first.startedAt <= Date.now())
    assert.equal(second['error.type'], 'HEGAR_CONNECT_FAILED')
    assert.equal(second['server.port'], 1)
    assert.doesNotMatch(JSON.stringify(told), /password/)
  })
})
