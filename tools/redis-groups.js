'use strict'

const { ensureRedis, startRedis } = require('./redis.js')
const { run } = require('./run.js')
const { freePort } = require('./sockets.js')

const CLUSTER_NODES = 6
const FORMED_DEADLINE_MS = 30_000
const SENTINELS = 3
const SERVICE = 'hegar'

/** Starts three primaries with a replica each and resolves when the cluster is complete: {nodes, stop()}. */
async function startRedisCluster({ log = () => {}, signal } = {}) {
  const { cli } = await ensureRedis({ log, signal })
  const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000']
  const nodes = await startAll(CLUSTER_NODES, async () =>
    startRedis({ port: await clusterPort(), args, signal }),
  )
  const group = { nodes, stop: () => stopAll(nodes) }
  try {
    const addresses = nodes.map(({ host, port }) => `${host}:${port}`)
    await run(cli, ['--cluster', 'create', ...addresses, '--cluster-replicas', '1', '--cluster-yes'], {
      signal,
    })
    const isComplete = (info) => info.includes('cluster_state:ok')
    // Each has to have heard who is whose replica, and the replicas to have what their primaries have.
    const knowsAll = (list) => list.match(/ (myself,)?slave /g)?.length === CLUSTER_NODES / 2
    const isInStep = (info) => info.includes('role:master') || info.includes('master_link_status:up')
    for (const { port } of nodes) {
      await until(cli, port, ['cluster', 'info'], isComplete)
      await until(cli, port, ['cluster', 'nodes'], knowsAll)
      await until(cli, port, ['info', 'replication'], isInStep)
    }
    log(`Redis cluster on ${addresses.join(', ')}`)
    return group
  } catch (error) {
    await group.stop()
    throw error
  }
}

/** Starts a primary, its replica and three sentinels: {name, primary, replica, sentinels, stop()}. */
async function startSentinel({ log = () => {}, signal } = {}) {
  const { cli } = await ensureRedis({ log, signal })
  const servers = []
  const stop = () => stopAll(servers)
  const add = async (options) => {
    const server = await startRedis({ ...options, signal })
    servers.push(server)
    return server
  }
  try {
    const primary = await add({ args: ['--repl-diskless-sync-delay', '0'] })
    const replica = await add({ args: ['--replicaof', '127.0.0.1', `${primary.port}`] })
    await until(cli, replica.port, ['info', 'replication'], (info) => info.includes('master_link_status:up'))
    const lines = [
      `sentinel monitor ${SERVICE} 127.0.0.1 ${primary.port} 2`,
      `sentinel down-after-milliseconds ${SERVICE} 1000`,
      `sentinel failover-timeout ${SERVICE} 3000`,
    ]
    const sentinels = []
    for (let i = 0; i < SENTINELS; i++) sentinels.push(await add({ sentinel: lines }))
    const asked = ['sentinel', 'master', SERVICE]
    const knowsAll = (text) => /num-other-sentinels\n2\b/.test(text) && /num-slaves\n1\b/.test(text)
    for (const { port } of sentinels) await until(cli, port, asked, knowsAll)
    log(`Redis with sentinels on ${sentinels.map(({ port }) => port).join(', ')}`)
    return { name: SERVICE, primary, replica, sentinels, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Asks a server until its answer is as it should be. */
async function until(cli, port, command, isRight) {
  const deadline = Date.now() + FORMED_DEADLINE_MS
  for (;;) {
    const answer = await run(cli, ['-p', `${port}`, ...command])
    if (isRight(answer)) return
    if (Date.now() > deadline)
      throw new Error(`port ${port} still answers ${command.join(' ')} with:\n${answer}`)
    // Nothing announces it.
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** A free port that leaves room for the second one of a cluster's node, which is 10,000 higher. */
async function clusterPort() {
  for (;;) {
    const port = await freePort()
    if (port < 55_000) return port
  }
}

async function startAll(count, start) {
  const servers = []
  try {
    // One after the other, so that none takes a port that another has found free.
    for (let i = 0; i < count; i++) servers.push(await start())
    return servers
  } catch (error) {
    await stopAll(servers)
    throw error
  }
}

async function stopAll(servers) {
  await Promise.all(servers.map((server) => server.stop()))
}

module.exports = { startRedisCluster, startSentinel }
