'use strict'

const assert = require('node:assert/strict')
const net = require('node:net')
const { after, before, describe, it } = require('node:test')
const mysql = require('mysql')
const mysql2 = require('mysql2')
const mysql2Promise = require('mysql2/promise')
const { PoolCluster, PoolNamespace } = require('../lib/dropin/cluster.js')
const { PromisePoolCluster, PromisePoolNamespace } = require('../lib/dropin/cluster-promise.js')
const { isMysql } = require('./support/mysql.js')
const { testServer } = require('./support/server.js')

// Ours work on the pools of the originals, so that nothing but the cluster differs.
const ours = {
  mysql2: (config) =>
    new PoolCluster(config, mysql2.createPool, {
      createQuery: (sql, values, callback) => mysql2.createQuery(sql, values, callback, {}),
    }),
  mysql: (config) =>
    new PoolCluster(config, mysql.createPool, { flavour: 'mysql', createQuery: mysql.createQuery }),
}
const theirs = { mysql2: mysql2.createPoolCluster, mysql: mysql.createPoolCluster }
const promisePoolCluster = (config) =>
  new PromisePoolCluster(ours.mysql2(config), undefined, (connection) => connection.promise())

// mysql cannot authenticate on MySQL 9.
const FLAVOURS = isMysql ? ['mysql2'] : ['mysql2', 'mysql']

let server
let node
let dead
const proxies = []

before(async () => {
  const { host, port, user, password } = await testServer()
  server = { host, port }
  node = { host, port, user, password, connectionLimit: 3 }
  const proxy = await createProxy()
  await proxy.stop()
  dead = { ...node, host: '127.0.0.1', port: proxy.port }
})
after(() => Promise.all(proxies.map((proxy) => proxy.stop())))

// A door to the server that can be closed and opened again on the same port.
async function createProxy() {
  const sockets = new Set()
  const own = net.createServer((socket) => {
    const upstream = net.connect(server.port, server.host)
    for (const [end, other] of [
      [socket, upstream],
      [upstream, socket],
    ]) {
      sockets.add(end)
      end.on('error', () => other.destroy())
      end.on('close', () => other.destroy())
      end.pipe(other)
    }
  })
  const listen = (port) => new Promise((resolve) => own.listen(port, '127.0.0.1', resolve))
  await listen(0)
  const { port } = own.address()
  const proxy = {
    port,
    start: () => listen(port),
    stop: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => own.close(resolve))
    },
  }
  proxies.push(proxy)
  return proxy
}

const told = (error) => `${error.code}: ${error.message.replaceAll(String(dead.port), 'PORT')}`

// The id of the node that gave a connection, or what its error says.
const connect = (target, ...args) =>
  new Promise((resolve) => {
    target.getConnection(...args, (error, connection) => {
      if (error) return resolve(told(error))
      connection.release()
      resolve(connection._clusterId)
    })
  })
const times = async (count, call) => {
  const results = []
  for (let index = 0; index < count; index++) results.push(await call(index))
  return results
}
// Codes of errors or 'connected'. No connection is kept, so that each call makes one.
const connectAnew = (cluster, count) =>
  times(count, () => {
    return new Promise((resolve) => {
      cluster.getConnection((error, connection) => {
        connection?.destroy()
        resolve(error ? error.code : 'connected')
      })
    })
  })
const end = (cluster) => new Promise((resolve) => cluster.end(resolve))
const thrown = (call) => {
  try {
    return call()
  } catch (error) {
    return `${error.name}: ${error.message}`
  }
}
const record = (cluster) => {
  const events = []
  for (const name of ['online', 'offline', 'remove']) cluster.on(name, (id) => events.push(`${name} ${id}`))
  cluster.on('warn', (error) => events.push(`warn ${error.code}`))
  return events
}
// The clock as the originals and as ours read it, later than it is.
const passing = (t) => {
  let late = 0
  const { hrtime } = process
  const now = performance.now.bind(performance)
  t.mock.method(
    process,
    'hrtime',
    Object.assign(() => hrtime([-Math.floor(late / 1000), -(late % 1000) * 1e6]), hrtime),
  )
  t.mock.method(performance, 'now', () => now() + late)
  return (ms) => (late += ms)
}

// Each gives what was seen, which has to be the same with the original and with ours.
const SCENARIOS = {
  async 'takes turns by default and with RR'(createCluster) {
    const cluster = createCluster()
    for (const id of ['a', 'b', 'c']) cluster.add(id, node)
    const seen = [
      await times(7, () => connect(cluster)),
      await times(4, () => connect(cluster, '*', 'RR')),
      await times(2, () => connect(cluster, '*')),
      await times(4, () => connect(cluster.of('*', 'rr'))),
    ]
    await end(cluster)
    return seen
  },
  async 'takes the first with ORDER'(createCluster) {
    const cluster = createCluster({ defaultSelector: 'ORDER' })
    for (const id of ['b', 'a', 'c']) cluster.add(id, node)
    const seen = [
      await times(3, () => connect(cluster)),
      await times(3, () => connect(cluster, '*', 'order')),
    ]
    await end(cluster)
    return seen
  },
  async 'takes each now and then with RANDOM'(createCluster) {
    const cluster = createCluster()
    for (const id of ['a', 'b', 'c']) cluster.add(id, node)
    const ids = await times(90, () => connect(cluster, '*', 'RANDOM'))
    await end(cluster)
    // Each has 30 on average, with a deviation of 4.5.
    return ['a', 'b', 'c'].map((id) => ids.filter((one) => one === id).length > 5)
  },
  async 'keeps turns apart by pattern and selector'(createCluster) {
    const cluster = createCluster()
    for (const id of ['MASTER', 'SLAVE1', 'SLAVE2', 'SLAVE10']) cluster.add(id, node)
    const patterns = [
      'SLAVE*',
      '*1',
      '*',
      'S*E1*',
      'MASTER',
      'SLAVE',
      '*A*1*',
      'M*R',
      '**',
      'MASTER*MASTER',
      'S.*',
    ]
    const seen = []
    for (const pattern of patterns) seen.push(await times(3, () => connect(cluster, pattern)))
    for (const pattern of [/^SLAVE\d$/, /slave/i, /0/, /x/]) {
      seen.push(await times(3, () => connect(cluster.of(pattern))))
    }
    seen.push(cluster.of('SLAVE*') === cluster.of('SLAVE*', 'RR'), cluster.of('a') === cluster.of('b'))
    await end(cluster)
    return seen
  },
  async 'orders nodes whose names are numbers'(createCluster) {
    const cluster = createCluster({ defaultSelector: 'ORDER' })
    for (const id of ['10', 'x', '2']) cluster.add(id, node)
    const seen = [await connect(cluster), await connect(cluster, '*2')]
    await end(cluster)
    return seen
  },
  async 'names nodes that have no name'(createCluster) {
    const cluster = createCluster()
    cluster.add(node)
    cluster.add(node)
    cluster.add('CLUSTER::x', node)
    const seen = await times(4, () => connect(cluster, 'CLUSTER*'))
    await end(cluster)
    return seen
  },
  async 'has no connection without nodes, and none from nodes it does not have'(createCluster) {
    const cluster = createCluster()
    const seen = [await connect(cluster)]
    cluster.add('a', node)
    seen.push(await connect(cluster, 'b'), await connect(cluster, 'A'), await connect(cluster.of('')))
    await end(cluster)
    return seen
  },
  async 'keeps the first of two nodes with one name'(createCluster) {
    const cluster = createCluster()
    const seen = [thrown(() => cluster.add('a', node)), thrown(() => cluster.add('a', dead))]
    seen.push(await connect(cluster, 'a'))
    await end(cluster)
    return seen
  },
  async 'removes nodes by pattern and tells nobody'(createCluster) {
    const cluster = createCluster()
    const events = record(cluster)
    for (const id of ['a1', 'a2', 'b']) cluster.add(id, node)
    const seen = [await times(3, () => connect(cluster))]
    cluster.remove('a*')
    cluster.remove('nothing')
    seen.push(await times(2, () => connect(cluster)), await connect(cluster, 'a1'))
    cluster.add('a1', node)
    seen.push(await times(2, () => connect(cluster)), events)
    await end(cluster)
    return seen
  },
  async 'goes on with another node when one fails'(createCluster) {
    const cluster = createCluster({ removeNodeErrorCount: 2, defaultSelector: 'ORDER' })
    const events = record(cluster)
    cluster.add('dead', dead)
    cluster.add('live', node)
    const seen = [await times(3, () => connect(cluster)), await connect(cluster, 'dead'), events]
    await end(cluster)
    return seen
  },
  async 'goes around with RR while one fails'(createCluster) {
    const cluster = createCluster()
    const events = record(cluster)
    cluster.add('a', node)
    cluster.add('dead', dead)
    cluster.add('c', node)
    const seen = [await times(20, () => connect(cluster)), events]
    await end(cluster)
    return seen
  },
  async 'gives the error at once without canRetry'(createCluster) {
    const cluster = createCluster({ canRetry: false, removeNodeErrorCount: 2 })
    const events = record(cluster)
    cluster.add('dead', dead)
    cluster.add('live', node)
    const seen = [await times(6, () => connect(cluster)), events]
    await end(cluster)
    return seen
  },
  async 'gives the last error when the last node has failed'(createCluster) {
    const cluster = createCluster({ removeNodeErrorCount: 1 })
    const events = record(cluster)
    cluster.add('dead', dead)
    cluster.add('dead2', dead)
    const seen = [await connect(cluster), await connect(cluster), events]
    await end(cluster)
    return seen
  },
  async 'takes a node offline and back online after restoreNodeTimeout'(createCluster, t) {
    const passes = passing(t)
    const proxy = await createProxy()
    const cluster = createCluster({ canRetry: false, removeNodeErrorCount: 2, restoreNodeTimeout: 60_000 })
    const events = record(cluster)
    cluster.add('a', { ...node, host: '127.0.0.1', port: proxy.port })
    await proxy.stop()
    const codes = (count) => connectAnew(cluster, count)
    const seen = [await codes(3)]
    passes(59_000)
    seen.push(await codes(1))
    // Once its time is over, one more error is enough to be offline again.
    passes(2_000)
    seen.push(await codes(2), [...events])
    passes(61_000)
    await proxy.start()
    seen.push(await codes(2), [...events])
    // Two successes took back the two errors that count at most.
    await proxy.stop()
    seen.push(await codes(1), [...events], await codes(2), events)
    await end(cluster)
    return seen
  },
  async 'says that no node is online'(createCluster) {
    const cluster = createCluster({ removeNodeErrorCount: 1, restoreNodeTimeout: 60_000 })
    const events = record(cluster)
    cluster.add('dead', dead)
    const seen = [await connect(cluster), await connect(cluster), await connect(cluster, 'other'), events]
    await end(cluster)
    return seen
  },
  async 'forgets one error with each success'(createCluster) {
    const proxy = await createProxy()
    const cluster = createCluster({ canRetry: false, removeNodeErrorCount: 3 })
    const events = record(cluster)
    cluster.add('a', { ...node, host: '127.0.0.1', port: proxy.port })
    const codes = (count) => connectAnew(cluster, count)
    await proxy.stop()
    const seen = [await codes(2)]
    await proxy.start()
    seen.push(await codes(1))
    await proxy.stop()
    seen.push(await codes(1), [...events], await codes(2), events)
    await end(cluster)
    return seen
  },
  async 'runs queries on the node whose turn it is and gives the connection back'(createCluster) {
    const cluster = createCluster()
    cluster.add('a', { ...node, connectionLimit: 1, database: 'mysql' })
    cluster.add('b', { ...node, connectionLimit: 1, database: 'information_schema' })
    const query = (...args) =>
      new Promise((resolve) => {
        cluster.of('*').query(...args, (error, rows) => resolve(error ? error.code : JSON.stringify(rows)))
      })
    const seen = await times(5, (index) => query('SELECT DATABASE() AS d, ? AS n', [index]))
    seen.push(await query('SELECT 1 AS one'), await query({ sql: 'SELECT ? AS n', values: ['x'] }))
    seen.push(await query('SELECT nonsense'), await query('SELECT 2 AS two'))
    await end(cluster)
    return seen
  },
  async 'gives the events of a query'(createCluster) {
    const cluster = createCluster()
    cluster.add('a', node)
    const events = await new Promise((resolve) => {
      const seen = []
      const query = cluster.of('a').query('SELECT 1 AS one')
      query.on('fields', (fields) => seen.push(`fields ${fields[0].name}`))
      query.on('result', (row) => seen.push(`result ${JSON.stringify(row)}`))
      query.on('end', () => resolve(seen))
    })
    const error = await new Promise((resolve) => {
      cluster.of('a').query('SELECT nonsense').on('error', resolve)
    })
    await end(cluster)
    return [events, error.code]
  },
  async 'gives the error of a query that finds no node, or none that answers'(createCluster) {
    const cluster = createCluster({ removeNodeErrorCount: 1, restoreNodeTimeout: 60_000 })
    const query = (pattern) =>
      new Promise((resolve) => cluster.of(pattern).query('SELECT 1', (error) => resolve(told(error))))
    const seen = [await query('*')]
    cluster.add('dead', dead)
    seen.push(await query('*'), await query('*'), await query('x'))
    await end(cluster)
    return seen
  },
  async 'retries a query on another node'(createCluster) {
    const cluster = createCluster({ removeNodeErrorCount: 1, defaultSelector: 'ORDER' })
    const events = record(cluster)
    cluster.add('dead', dead)
    cluster.add('live', node)
    const rows = await new Promise((resolve, reject) => {
      cluster
        .of('*')
        .query('SELECT ? AS n', [5], (error, result) => (error ? reject(error) : resolve(result)))
    })
    await end(cluster)
    return [JSON.stringify(rows), events]
  },
  async 'ends once, with connections that are open or none'(createCluster) {
    const cluster = createCluster()
    cluster.add('a', node)
    cluster.add('b', node)
    await connect(cluster)
    const seen = [await end(cluster), await end(cluster), await end(createCluster())]
    seen.push(createCluster().end())
    return seen
  },
}

for (const flavour of FLAVOURS) {
  describe(`a pool cluster as ${flavour} has it`, () => {
    for (const [name, scenario] of Object.entries(SCENARIOS)) {
      it(name, async (t) => {
        const expected = await scenario(theirs[flavour], t)
        t.mock.reset()
        const seen = await scenario(ours[flavour], t)
        assert.deepEqual(seen, expected)
      })
    }
  })
}

describe('what mysql and mysql2 do not have in common', () => {
  it('is that mysql refuses to add nodes twice or to a cluster that has ended', async () => {
    for (const flavour of ['mysql2', 'mysql']) {
      for (const create of [theirs[flavour], ours[flavour]]) {
        const cluster = create()
        cluster.add('a', node)
        const twice = thrown(() => cluster.add('a', node))
        assert.equal(
          twice,
          flavour === 'mysql' ? 'Error: Node ID "a" is already defined in PoolCluster.' : undefined,
        )
        await end(cluster)
        assert.equal(
          thrown(() => cluster.add('b', node)),
          flavour === 'mysql' ? 'Error: PoolCluster is closed.' : undefined,
        )
      }
    }
  })

  it('is that mysql2 tells of each retry and has execute', () => {
    assert.equal(typeof ours.mysql2().of().execute, 'function')
    for (const { mysql: create } of [theirs, ours]) assert.equal(create().of().execute, undefined)
  })

  it('is how they write their messages', async () => {
    assert.equal(await connect(ours.mysql2()), 'POOL_NOEXIST: Pool does Not exist.')
    assert.equal(await connect(ours.mysql()), 'POOL_NOEXIST: Pool does not exist.')
  })

  it('is whose turn it is once a node has gone', async () => {
    const turns = async (create) => {
      const cluster = create()
      for (const id of ['a', 'b', 'c']) cluster.add(id, node)
      const seen = await times(4, () => connect(cluster))
      cluster.remove('c')
      seen.push(...(await times(3, () => connect(cluster))))
      await end(cluster)
      return seen.join('')
    }
    for (const flavour of FLAVOURS) assert.equal(await turns(ours[flavour]), await turns(theirs[flavour]))
    assert.equal(await turns(ours.mysql2), 'abcaaba')
    if (!isMysql) assert.equal(await turns(ours.mysql), 'abcabab')
  })
})

describe('what only our cluster does', () => {
  it('takes any string for the name of a node or a pattern', async () => {
    for (const id of ['__proto__', 'constructor', 'toString', 'a.b', 'a(b', '[', '\\', '^$', 'ż']) {
      for (const flavour of ['mysql2', 'mysql']) {
        const cluster = ours[flavour]()
        assert.match(await connect(cluster, id), /^POOL_NOEXIST/)
        cluster.add(id, node)
        if (FLAVOURS.includes(flavour)) assert.equal(await connect(cluster, id), id)
        await end(cluster)
      }
    }
    const number = ours.mysql2()
    number.add(7, node)
    assert.equal(await connect(number, '7'), '7')
    await end(number)
  })

  it('falls back to the default for a selector that it does not know', async () => {
    const cluster = ours.mysql2({ defaultSelector: 'order' })
    cluster.add('a', node)
    cluster.add('b', node)
    assert.deepEqual(await times(3, () => connect(cluster, '*', 'nonsense')), ['a', 'a', 'a'])
    assert.equal(cluster.of('*', 'constructor'), cluster.of('*', 'ORDER'))
    const strange = ours.mysql2({ defaultSelector: '__proto__' })
    assert.equal(strange.of(), strange.of('*', 'RR'))
    await end(cluster)
  })

  it('holds no more than a few hundred patterns, and matches one with many stars quickly', () => {
    const cluster = ours.mysql2()
    cluster.add('a'.repeat(200), node)
    const first = cluster.of('first')
    for (let index = 0; index < 1000; index++) cluster.of(`pattern ${index}`)
    assert.notEqual(cluster.of('first'), first)
    const started = performance.now()
    cluster.remove(`${'*a'.repeat(150)}b`)
    assert.ok(performance.now() - started < 1000)
    cluster.remove('*')
  })

  it('tells a RegExp from a string with the same text', () => {
    const cluster = ours.mysql2()
    assert.notEqual(cluster.of(/a/), cluster.of('/a/'))
  })

  it('says why a node is offline', async () => {
    const cluster = ours.mysql2({ removeNodeErrorCount: 1, restoreNodeTimeout: 60_000 })
    cluster.add('dead', dead)
    await connect(cluster)
    const error = await new Promise((resolve) => cluster.getConnection(resolve))
    assert.equal(error.code, 'POOL_NONEONLINE')
    assert.equal(error.previous.code, 'ECONNREFUSED')
    await end(cluster)
  })

  it('hands over what a connection refuses, which nothing could catch', async () => {
    const cluster = ours.mysql2()
    cluster.add('a', { ...node, connectionLimit: 1 })
    const refused = await new Promise((resolve) => cluster.of('a').execute('SELECT ?', [undefined], resolve))
    assert.match(refused.message, /undefined/)
    const unwritable = { toString: null, valueOf: null }
    const failed = await new Promise((resolve) => cluster.of('a').query('SELECT ?', [unwritable], resolve))
    assert.ok(failed instanceof TypeError)
    // Both gave the only connection back.
    assert.equal(await connect(cluster), 'a')
    await end(cluster)
  })

  it('says that a pool is closed once it has ended', async () => {
    // mysql2 throws where nothing can catch it when it removes the node.
    for (const flavour of FLAVOURS) {
      const cluster = ours[flavour]()
      cluster.add('a', node)
      await connect(cluster)
      await end(cluster)
      assert.match(await connect(cluster), /Pool is closed\./)
    }
  })

  it('refuses to end with something else than a callback, or to remove without a pattern', () => {
    for (const create of Object.values(ours)) {
      assert.throws(() => create().end('callback'), TypeError)
      assert.throws(() => create().remove(), TypeError)
    }
  })

  it('keeps no process alive', async () => {
    const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const cluster = ours.mysql2({ removeNodeErrorCount: 1, restoreNodeTimeout: 60_000 })
    cluster.add('dead', dead)
    await connect(cluster)
    assert.equal(process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length, before)
    await end(cluster)
  })
})

describe('execute of a namespace of mysql2', () => {
  it('runs prepared statements in turn', async () => {
    for (const create of [theirs.mysql2, ours.mysql2]) {
      const cluster = create()
      cluster.add('a', { ...node, connectionLimit: 1, database: 'mysql' })
      cluster.add('b', { ...node, connectionLimit: 1, database: 'information_schema' })
      const execute = (...args) =>
        new Promise((resolve) => {
          cluster
            .of('*')
            .execute(...args, (error, rows) => resolve(error ? error.code : JSON.stringify(rows)))
        })
      assert.deepEqual(await times(3, () => execute('SELECT DATABASE() AS d, ? AS n', ['x'])), [
        '[{"d":"mysql","n":"x"}]',
        '[{"d":"information_schema","n":"x"}]',
        '[{"d":"mysql","n":"x"}]',
      ])
      assert.equal(await execute('SELECT 1 AS one'), '[{"one":1}]')
      assert.equal(await execute({ sql: 'SELECT ? AS n', values: ['y'] }), '[{"n":"y"}]')
      assert.equal(await execute('SELECT nonsense'), 'ER_BAD_FIELD_ERROR')
      assert.equal(await execute('SELECT 2 AS two'), '[{"two":2}]')
      await end(cluster)
    }
  })
})

describe('a pool cluster as mysql2/promise has it', () => {
  const clusters = { theirs: mysql2Promise.createPoolCluster, ours: promisePoolCluster }
  for (const [whose, create] of Object.entries(clusters)) {
    it(`gives connections and results (${whose})`, async () => {
      const cluster = create()
      cluster.add('a', { ...node, database: 'mysql' })
      cluster.add('b', { ...node, database: 'information_schema' })
      const connection = await cluster.getConnection('b', 'ORDER')
      const [rows, fields] = await connection.query('SELECT DATABASE() AS d')
      connection.release()
      assert.deepEqual([rows[0].d, fields[0].name], ['information_schema', 'd'])
      const namespace = cluster.of('a')
      assert.deepEqual(await namespace.query('SELECT ? AS n', [1]).then(([[row]]) => row.n), 1)
      assert.deepEqual(await namespace.execute('SELECT ? AS n', ['x']).then(([[row]]) => row.n), 'x')
      const own = await namespace.getConnection()
      assert.equal(own.connection._clusterId, 'a')
      own.release()
      await assert.rejects(namespace.query('SELECT nonsense'), { code: 'ER_BAD_FIELD_ERROR' })
      await assert.rejects(namespace.execute('SELECT nonsense'), { code: 'ER_BAD_FIELD_ERROR' })
      await assert.rejects(cluster.getConnection('x'), {
        code: 'POOL_NOEXIST',
        message: 'Pool does Not exist.',
      })
      await assert.rejects(cluster.of('x').query('SELECT 1'), { code: 'POOL_NOEXIST' })
      for (const call of ['query', 'execute']) {
        for (const target of [cluster, namespace]) {
          assert.throws(() => target[call]('SELECT 1', () => {}), {
            message: 'Callback function is not available with promise clients.',
          })
        }
      }
      cluster.remove('b')
      await assert.rejects(cluster.getConnection('b'), { code: 'POOL_NOEXIST' })
      assert.equal(await cluster.end(), undefined)
      assert.equal(await cluster.end(), undefined)
    })

    it(`forwards events only while somebody listens (${whose})`, async () => {
      const cluster = create({ removeNodeErrorCount: 1, defaultSelector: 'ORDER' })
      const events = []
      assert.equal(cluster.poolCluster.listenerCount('remove'), 0)
      const onRemove = (id) => events.push(`remove ${id}`)
      cluster.on('remove', onRemove)
      cluster.once('warn', (error) => events.push(`warn ${error.code}`))
      cluster.add('dead', dead)
      cluster.add('live', node)
      const connection = await cluster.getConnection()
      connection.release()
      assert.deepEqual(events, ['remove dead', 'warn ECONNREFUSED'])
      cluster.removeListener('remove', onRemove)
      assert.equal(cluster.poolCluster.listenerCount('remove'), 0)
      assert.equal(cluster.poolCluster.listenerCount('warn'), 0)
      await cluster.end()
    })
  }

  it('has query and execute that work, which the original has not', async () => {
    const original = mysql2Promise.createPoolCluster()
    await assert.rejects(original.query('SELECT 1'), TypeError)
    await original.end()
    const cluster = promisePoolCluster()
    cluster.add('a', node)
    const [[row]] = await cluster.query('SELECT 1 AS one')
    assert.equal(row.one, 1)
    const [[again]] = await cluster.execute('SELECT ? AS n', ['x'])
    assert.equal(again.n, 'x')
    await cluster.end()
  })

  it('uses the Promise that it is given', async () => {
    class Own extends Promise {}
    const cluster = new PromisePoolCluster(ours.mysql2(), Own, (connection) => connection.promise())
    assert.ok(cluster.of() instanceof PromisePoolNamespace)
    const ended = cluster.end()
    assert.ok(ended instanceof Own)
    await ended
    assert.ok(ours.mysql2().of() instanceof PoolNamespace)
  })

  it('ends itself at the end of its scope', async () => {
    const cluster = promisePoolCluster()
    cluster.add('a', node)
    await cluster[Symbol.asyncDispose]()
    assert.equal(cluster.poolCluster._closed, true)
    const plain = ours.mysql2()
    plain[Symbol.dispose]()
    assert.equal(plain._closed, true)
  })
})
