'use strict'

// PoolCluster: which node answers is seen by a user variable that each node's connections set.

const EVENTS = ['warn', 'remove', 'online', 'offline']

function clusterOf(session, config, nodes) {
  const cluster = session.cluster(config)
  for (const event of EVENTS) cluster.on(event, (...args) => session.log(`cluster ${event}`, ...args))
  for (const [id, extra] of Object.entries(nodes)) cluster.add(id, { ...session.options, ...extra })
  return cluster
}

const three = { MASTER: {}, SLAVE1: {}, SLAVE2: {} }
const refusing = (session) => ({ port: session.closedPort })

/** Which node a connection is of: both originals note it there. */
async function nodeOf(session, target, ...args) {
  const [error, connection] = await session.ask(target, 'getConnection', ...args)
  if (error) return null
  const id = (connection.connection ?? connection)._clusterId
  connection.release()
  return id
}

const all = {
  'round robin': async (session) => {
    const cluster = clusterOf(session, {}, three)
    const ids = []
    for (let i = 0; i < 7; i++) ids.push(await nodeOf(session, cluster, '*', 'RR'))
    session.log('nodes', ids)
  },
  'the first of an order': async (session) => {
    const cluster = clusterOf(session, {}, three)
    const ids = []
    for (let i = 0; i < 3; i++) ids.push(await nodeOf(session, cluster, '*', 'ORDER'))
    session.log('nodes', ids)
  },
  'a random one': async (session) => {
    const cluster = clusterOf(session, {}, three)
    for (let i = 0; i < 3; i++)
      session.log('one of them', (await nodeOf(session, cluster, '*', 'RANDOM')) in three)
  },
  patterns: async (session) => {
    const cluster = clusterOf(session, { defaultSelector: 'ORDER' }, three)
    for (const pattern of ['MASTER', 'SLAVE*', 'SLAVE2', '*', 'S*1'])
      session.log(pattern, await nodeOf(session, cluster, pattern, 'RR'))
    for (const pattern of ['NONE', 'LAVE*', 'slave*'])
      await session.ask(cluster, 'getConnection', pattern, 'RR')
  },
  'a namespace': async (session) => {
    const cluster = clusterOf(session, {}, three)
    const slaves = cluster.of('SLAVE*', 'RR')
    session.log(
      'nodes',
      await nodeOf(session, slaves),
      await nodeOf(session, slaves),
      await nodeOf(session, slaves),
    )
    await session.ask(slaves, 'query', 'SELECT 1 AS a')
    await session.ask(slaves, 'query', 'SELECT ? AS a', [2])
    await session.ask(slaves, 'query', 'SELEC')
    await session.ask(cluster.of('NONE'), 'query', 'SELECT 1')
    if (session.api !== 'mysql') await session.ask(slaves, 'execute', 'SELECT ? AS a', ['three'])
  },
  'remove of a node': async (session) => {
    const cluster = clusterOf(session, {}, three)
    cluster.remove('SLAVE1')
    session.log('nodes', await nodeOf(session, cluster, 'SLAVE*', 'ORDER'))
    await session.ask(cluster, 'getConnection', 'SLAVE1', 'ORDER')
    cluster.remove('*')
    await session.ask(cluster, 'getConnection', '*', 'ORDER')
  },
  'a node that refuses and another': async (session) => {
    const cluster = clusterOf(session, { removeNodeErrorCount: 1 }, { A: refusing(session), B: {} })
    session.log('node', await nodeOf(session, cluster, '*', 'ORDER'))
    session.log('node', await nodeOf(session, cluster, '*', 'ORDER'))
    await session.ask(cluster, 'getConnection', 'A', 'ORDER')
  },
  'a node that refuses and is tried again': async (session) => {
    const cluster = clusterOf(session, { removeNodeErrorCount: 3 }, { A: refusing(session) })
    await session.ask(cluster, 'getConnection', 'A', 'ORDER')
    await session.ask(cluster, 'getConnection', 'A', 'ORDER')
  },
  'a node that refuses and no retries': async (session) => {
    const cluster = clusterOf(session, { canRetry: false, removeNodeErrorCount: 2 }, { A: refusing(session) })
    await session.ask(cluster, 'getConnection', 'A', 'ORDER')
    await session.ask(cluster, 'getConnection', 'A', 'ORDER')
    await session.ask(cluster, 'getConnection', 'A', 'ORDER')
  },
  'a node that is offline for a while': async (session) => {
    const options = { canRetry: false, removeNodeErrorCount: 1, restoreNodeTimeout: 60_000 }
    const cluster = clusterOf(session, options, { A: refusing(session) })
    await session.ask(cluster, 'getConnection', 'A', 'ORDER')
    await session.ask(cluster, 'getConnection', 'A', 'ORDER')
    await session.ask(cluster.of('A'), 'getConnection')
  },
  'a node without a name': async (session) => {
    const cluster = session.cluster({})
    cluster.add({ ...session.options })
    cluster.add({ ...session.options })
    session.log('nodes', await nodeOf(session, cluster, '*', 'RR'), await nodeOf(session, cluster, '*', 'RR'))
  },
  'a node of the same name again': async (session) => {
    const cluster = clusterOf(session, {}, { A: {} })
    try {
      cluster.add('A', { ...session.options })
      session.log('added')
    } catch (error) {
      session.log('add', error)
    }
    session.log('node', await nodeOf(session, cluster, 'A', 'RR'))
  },
  end: async (session) => {
    // With retries mysql2 ends the closed pool once more, which throws where nothing can catch it.
    const cluster = clusterOf(session, { canRetry: false }, { A: {}, B: {} })
    await nodeOf(session, cluster, 'A', 'RR')
    await session.ask(cluster, 'end')
    await session.ask(cluster, 'getConnection', 'A', 'RR')
    await session.ask(cluster, 'end')
  },
  'end of an empty cluster': async (session) => {
    const cluster = session.cluster({})
    await session.ask(cluster, 'end')
  },
  'no nodes': async (session) => {
    const cluster = session.cluster()
    await session.ask(cluster, 'getConnection', '*', 'RR')
  },
}

const callbacks = {
  'getConnection with a callback alone': async (session) => {
    const cluster = clusterOf(session, {}, three)
    session.log('nodes', await nodeOf(session, cluster), await nodeOf(session, cluster))
  },
  'getConnection with a pattern alone': async (session) => {
    const cluster = clusterOf(session, { defaultSelector: 'ORDER' }, three)
    session.log('nodes', await nodeOf(session, cluster, 'SLAVE*'), await nodeOf(session, cluster, 'SLAVE*'))
  },
  'a query without a callback': async (session) => {
    const cluster = clusterOf(session, {}, { A: {} })
    await session.follow(cluster.of('A').query('SELECT 1 AS a'), ['fields', 'result', 'error', 'end'])
  },
}

function cases(api) {
  const groups = api === 'promise' ? [all] : [all, callbacks]
  return groups.flatMap((group) =>
    Object.entries(group).map(([name, use]) => ({
      name: `cluster: ${name}`,
      run: (_driver, session) => use(session),
    })),
  )
}

module.exports = { cases }
