'use strict'

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const { once } = require('node:events')
const { readFileSync } = require('node:fs')
const { join } = require('node:path')
const { after, before, describe, it } = require('node:test')
const { setTimeout } = require('node:timers/promises')
const { promisify } = require('node:util')
const { createPool } = require('../index.js')
const { openDrivers } = require('./support/drivers.js')
const { readExposition } = require('./support/exposition.js')

// What prom-client 15 answers with for its default registry, in short.
const PROM_CLIENT = `# HELP process_cpu_user_seconds_total Total user CPU time spent in seconds.
# TYPE process_cpu_user_seconds_total counter
process_cpu_user_seconds_total 0.107281

# HELP nodejs_eventloop_lag_seconds Lag of event loop in seconds.
# TYPE nodejs_eventloop_lag_seconds gauge
nodejs_eventloop_lag_seconds 0.001

# HELP http_request_duration_seconds Duration of HTTP requests in seconds
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.1",method="GET",route="/a \\"b\\""} 1
http_request_duration_seconds_bucket{le="+Inf",method="GET",route="/a \\"b\\""} 2
http_request_duration_seconds_sum{method="GET",route="/a \\"b\\""} 1.3
http_request_duration_seconds_count{method="GET",route="/a \\"b\\""} 2
`

describe('metrics', () => {
  let drivers
  before(async () => {
    drivers = await openDrivers()
  })
  after(() => drivers.close())

  async function withPool(options, check) {
    const db = createPool({ ...drivers.target, ...options })
    try {
      await check(db)
    } finally {
      await db.close()
    }
  }

  // One of each call, two of them failing.
  async function work(db) {
    await db.query('SELECT 1 AS a UNION ALL SELECT 2')
    await db.queryOne('SELECT 1 AS a')
    await db.execute('DO 1')
    await db.queryJson("SELECT 'secret_text' AS a")
    await db.paginateJson('SELECT 1 AS a', [], { page: 1, limit: 1 })
    await db.query('SELECT 1 AS a UNION ALL SELECT 2')
    await assert.rejects(db.query('SELECT secret_text FROM missing_table'))
    await assert.rejects(db.queryJson('SELEC secret_text'))
  }

  describe('stats()', () => {
    it('has the shape that index.d.ts tells, before the first call and after many', () =>
      withPool({}, async (db) => {
        const types = shapesOf('PoolStats', 'PoolGauges', 'Latency')
        for (let round = 0; round < 2; round++) {
          const stats = db.stats()
          assertKeys(stats, types.PoolStats)
          assertKeys(stats.pool, types.PoolGauges)
          assertKeys(stats.queries, ['total', 'errors', 'timeouts', 'slow', 'rows', 'resultBytes'])
          assertKeys(stats.latency, ['query', 'acquire', 'connect', 'operations'])
          assertKeys(stats.latency.operations, [
            'query',
            'execute',
            'json',
            'paginate',
            'batch',
            'transaction',
            'stream',
          ])
          for (const latency of [
            ...['query', 'acquire', 'connect'].map((name) => stats.latency[name]),
            ...Object.values(stats.latency.operations),
          ]) {
            assertKeys(latency, types.Latency)
          }
          assertKeys(stats.connections, ['created', 'closed', 'resets', 'rollbacks'])
          assertKeys(stats.connections.closed, ['idle', 'lifetime', 'error', 'reset', 'closed', 'timeout'])
          assertKeys(stats.statements, ['prepared', 'cacheHits', 'cacheMisses', 'pipelined'])
          for (const number of numbersIn(stats))
            assert.ok(Number.isFinite(number) && number >= 0, JSON.stringify(stats))
          await work(db)
        }
      }))

    it('counts calls, rows, errors and statements', () =>
      withPool({ connectionLimit: 1 }, async (db) => {
        await work(db)
        // What is no SQL might have changed the session, so its connection is reset after the answer.
        await until(() => db.stats().pool.active === 0)
        const { queries, latency, errors, connections, statements, pool } = db.stats()
        assert.equal(queries.total, 8)
        assert.equal(queries.errors, 2)
        assert.equal(queries.timeouts, 0)
        assert.equal(queries.rows, 2 + 1 + 1 + 1 + 2)
        assert.ok(queries.resultBytes > 0)
        assert.deepEqual(
          ['query', 'execute', 'json', 'paginate'].map((operation) => latency.operations[operation].count),
          [4, 1, 2, 1],
        )
        assert.equal(latency.query.count, 8)
        assert.deepEqual(Object.values(errors), [1, 1])
        assert.equal(connections.created, 1)
        assert.equal(latency.connect.count, 1)
        assert.ok(statements.prepared >= 6 && statements.cacheHits >= 1)
        assert.deepEqual(
          [pool.total, pool.active, pool.idle, pool.waiting, pool.limit, pool.inFlight],
          [1, 0, 1, 0, 1, 0],
        )
      }))

    it('shows calls that are under way, waiting and done', () =>
      withPool({ connectionLimit: 2 }, async (db) => {
        await Promise.all([db.query('SELECT 1'), db.query('SELECT 1')])
        const locker = await drivers.my.getConnection()
        try {
          await locker.query("SELECT GET_LOCK('metrics', 5)")
          const calls = Array.from({ length: 5 }, () =>
            db.query("SELECT GET_LOCK('metrics', 10), RELEASE_LOCK('metrics')"),
          )
          await until(() => db.stats().pool.active === 2 && db.stats().pool.waiting === 3)
          assert.equal(db.stats().pool.inFlight, 5)
          assert.equal(db.stats().pool.idle, 0)
          await locker.query("SELECT RELEASE_LOCK('metrics')")
          await Promise.all(calls)
          assert.equal(db.stats().pool.inFlight, 0)
          // A session that held a lock is reset after the answer has gone out.
          await until(() => db.stats().pool.active === 0)
          assert.equal(db.stats().pool.waiting, 0)
          assert.ok(db.stats().latency.acquire.count >= 7)
        } finally {
          locker.release()
        }
      }))

    it('has percentiles that rise and a longest call that took as long as it took', () =>
      withPool({}, async (db) => {
        await Promise.all(Array.from({ length: 40 }, () => db.query('SELECT 1')))
        await db.query('SELECT SLEEP(0.12)')
        const { meanMs, p50Ms, p95Ms, p99Ms, maxMs, count } = db.stats().latency.query
        assert.equal(count, 41)
        assert.ok(
          p50Ms <= p95Ms && p95Ms <= p99Ms && p99Ms <= maxMs * 1.03,
          JSON.stringify(db.stats().latency.query),
        )
        assert.ok(maxMs >= 115 && meanMs < maxMs)
      }))

    it('counts a missed query deadline as an error and a timeout', () =>
      withPool({ queryTimeoutMs: 50 }, async (db) => {
        await assert.rejects(db.query('SELECT SLEEP(20)'), { code: 'HEGAR_QUERY_TIMEOUT' })
        const { queries, errors } = db.stats()
        assert.deepEqual([queries.errors, queries.timeouts], [1, 1])
        assert.deepEqual(errors, { HEGAR_QUERY_TIMEOUT: 1 })
      }))
  })

  describe('metricsText()', () => {
    it('follows the grammar of version 0.0.4, before the first call and after', () =>
      withPool({}, async (db) => {
        readExposition(db.metricsText())
        await work(db)
        const { types, samples } = readExposition(db.metricsText())
        assert.equal(types.get('database_query_duration_seconds'), 'histogram')
        assert.equal(types.get('database_pool_connections'), 'gauge')
        assert.equal(types.get('database_errors_total'), 'counter')
        const pool = `pool="${drivers.name}"`
        assert.equal(samples.get(`database_query_duration_seconds_count{${pool},operation="json"}`), 2)
        assert.equal(samples.get(`database_query_duration_seconds_count{${pool},operation="query"}`), 4)
        assert.equal(samples.get(`database_pool_connections_limit{${pool}}`), 10)
      }))

    it('tells the same as stats()', () =>
      withPool({}, async (db) => {
        await work(db)
        const { queries, errors } = db.stats()
        const { samples } = readExposition(db.metricsText())
        const sum = (name) =>
          [...samples]
            .filter(([key]) => key.startsWith(`${name}{`))
            .reduce((total, [, value]) => total + value, 0)
        assert.equal(sum('database_query_duration_seconds_count'), queries.total)
        assert.equal(sum('database_errors_total'), queries.errors)
        for (const [code, count] of Object.entries(errors)) {
          assert.equal(samples.get(`database_errors_total{pool="${drivers.name}",code="${code}"}`), count)
        }
      }))

    it('may follow or precede what prom-client gives', () =>
      withPool({}, async (db) => {
        await work(db)
        const own = db.metricsText()
        const { samples } = readExposition(PROM_CLIENT + own)
        assert.equal(samples.get('process_cpu_user_seconds_total{}'), 0.107281)
        assert.equal(samples.size, readExposition(own + PROM_CLIENT).samples.size)
        assert.doesNotMatch(own, /# EOF/)
      }))

    it('has no text of a statement and no value in it', () =>
      withPool({}, async (db) => {
        await work(db)
        await assert.rejects(db.query('SELECT ? FROM secret_text', ['secret_text']))
        for (const text of [db.metricsText(), JSON.stringify(db.stats())])
          assert.doesNotMatch(text, /secret_text|SELE/)
      }))

    it('escapes a database name that holds quotes, backslashes and line ends', async () => {
      const name = 'a"b\\c\nd'
      const db = createPool({ ...drivers.target, database: name })
      try {
        await assert.rejects(db.query('SELECT 1'), { code: 'ER_BAD_DB_ERROR' })
        const text = db.metricsText()
        readExposition(text)
        assert.ok(text.includes(String.raw`pool="a\"b\\c\nd"`))
      } finally {
        await db.close()
      }
    })

    it('the reader of this test refuses what Prometheus refuses', () => {
      for (const text of [
        'a 1',
        'a b\n',
        'a{x="1"y="2"} 1\n',
        'a{x="\n"} 1\n',
        'a 1\na 2\n',
        '# TYPE a counter\n# TYPE a gauge\n',
        '# TYPE a counter\na 1\n# TYPE b counter\nb 1\na{x="1"} 1\n',
        '# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n',
        '# TYPE h histogram\nh_bucket{le="1"} 2\nh_sum 1\nh_count 2\n',
      ]) {
        assert.throws(() => readExposition(text), Error, text)
      }
    })
  })

  describe('the event slowQuery', () => {
    it('comes for calls over slowQueryMs, with the statement but not its values', () =>
      withPool({ slowQueryMs: 60 }, async (db) => {
        for (const [operation, call] of [
          ['query', (sql, params) => db.query(sql, params)],
          ['query', (sql, params) => db.queryOne(sql, params)],
          ['execute', (sql, params) => db.execute(sql, params)],
          ['json', (sql, params) => db.queryJson(sql, params)],
          ['paginate', (sql, params) => db.paginateJson(sql, params, { page: 1, limit: 1, count: 'none' })],
        ]) {
          const slow = once(db, 'slowQuery', { signal: AbortSignal.timeout(10_000) })
          const sql = 'SELECT SLEEP(?) AS s'
          await call(sql, [0.1])
          const [event] = await slow
          assert.equal(event.operation, operation)
          assert.ok(event.sql.startsWith(sql))
          assert.ok(event.durationMs >= 95 && event.durationMs < 10_000, String(event.durationMs))
          assert.doesNotMatch(JSON.stringify(event), /0\.1\b/)
        }
        assert.equal(db.stats().queries.slow, 5)
        assert.match(db.metricsText(), /database_slow_queries_total\{[^}]*\} 5\n/)
      }))

    it('comes for a call that fails too, the wait for a connection included', () =>
      withPool({ slowQueryMs: 60, connectionLimit: 1 }, async (db) => {
        const events = []
        db.on('slowQuery', (event) => events.push(event))
        const locker = await drivers.my.getConnection()
        await locker.query("SELECT GET_LOCK('slow', 5)")
        const slow = db.query("SELECT GET_LOCK('slow', 10), RELEASE_LOCK('slow')")
        await until(() => db.stats().pool.active === 1)
        const waited = db.query('SELECT missing')
        await until(() => db.stats().pool.waiting === 1)
        // The limit itself has to pass.
        await setTimeout(70)
        await locker.query("SELECT RELEASE_LOCK('slow')")
        locker.release()
        await slow
        await assert.rejects(waited, { code: 'ER_BAD_FIELD_ERROR' })
        await until(() => events.length === 2)
        assert.equal(events[1].sql, 'SELECT missing')
        assert.ok(events[1].durationMs >= 60)
      }))

    it('does not come for calls below, and never when slowQueryMs is 0', async () => {
      for (const slowQueryMs of [10_000, 0]) {
        await withPool({ slowQueryMs }, async (db) => {
          db.on('slowQuery', assert.fail)
          await db.query('SELECT SLEEP(0.05)')
          assert.equal(db.stats().queries.slow, 0)
        })
      }
    })

    it('whose listener throws takes no result with it', async () => {
      const { stdout } = await promisify(execFile)(process.execPath, ['-e', THROWING_LISTENER], {
        env: { ...process.env, POOL_OPTIONS: JSON.stringify({ ...drivers.target, slowQueryMs: 20 }) },
        cwd: join(__dirname, '..'),
      })
      assert.deepEqual(JSON.parse(stdout), {
        caught: ['from a listener'],
        rows: [{ s: 0 }, { a: 1 }, { a: 2 }],
      })
    })
  })

  describe('health()', () => {
    it('says OK, how long the answer took, and what the pool does', () =>
      withPool({}, async (db) => {
        const health = await db.health()
        assertKeys(health, ['status', 'latencyMs', 'pool'])
        assert.equal(health.status, 'OK')
        assert.ok(health.latencyMs > 0 && health.latencyMs < 5000)
        assertKeys(health.pool, shapesOf('PoolGauges').PoolGauges)
      }))

    it('says Error and why, and does not reject, when there is no server', () =>
      withPool({ port: 1, acquireTimeoutMs: 300 }, async (db) => {
        const health = await db.health()
        assert.equal(health.status, 'Error')
        assert.match(health.code, /^HEGAR_(CONNECT_FAILED|POOL_TIMEOUT)$/)
        assert.ok(health.latencyMs >= 0)
      }))
  })
})

// A process of its own, because the test runner takes uncaught exceptions for failures of its tests.
const THROWING_LISTENER = `
  const { createPool } = require('./index.js')
  const db = createPool(JSON.parse(process.env.POOL_OPTIONS))
  const caught = []
  process.on('uncaughtException', (error) => caught.push(error.message))
  db.once('slowQuery', () => { throw new Error('from a listener') })
  const rows = []
  const calls = [db.queryOne('SELECT SLEEP(0.05) AS s'), db.queryOne('SELECT 1 AS a')]
  Promise.all(calls)
    .then((both) => rows.push(...both))
    .then(() => db.queryOne('SELECT 2 AS a'))
    .then((row) => rows.push(row))
    .then(() => db.close())
    .then(() => process.stdout.write(JSON.stringify({ caught, rows })))
`

// Which keys there are; their order means nothing.
function assertKeys(object, keys) {
  assert.deepEqual(Object.keys(object).sort(), [...keys].sort())
}

// The keys of interfaces in index.d.ts, those of their first level.
function shapesOf(...names) {
  const text = readFileSync(join(__dirname, '..', 'index.d.ts'), 'utf8')
  return Object.fromEntries(
    names.map((name) => {
      const [, body] = new RegExp(`export interface ${name} \\{\\n([^]*?)\\n\\}`).exec(text)
      return [name, [...body.matchAll(/^ {2}(\w+)\??:/gm)].map(([, key]) => key)]
    }),
  )
}

function numbersIn(value) {
  // What is not asked for has no figures.
  if (value === null) return []
  return typeof value === 'object' ? Object.values(value).flatMap(numbersIn) : [value]
}

// Nothing announces what a gauge shows, so it is looked at again in each turn of the event loop.
async function until(condition) {
  const deadline = Date.now() + 10_000
  while (!condition()) {
    assert.ok(Date.now() < deadline, 'it did not come to pass')
    await setTimeout(5)
  }
}
