'use strict'

// Starts Redis servers for the Rust tests, which speak with it in lines of JSON: a request, then its answer. What it started
// ends with it, and it ends with its input.

const { createInterface } = require('node:readline')
const { startRedis } = require('../../tools/redis.js')
const { startRedisCluster, startSentinel } = require('../../tools/redis-groups.js')
const { run } = require('../../tools/run.js')
const { ensureRedis } = require('../../tools/redis-install.js')
const { certificateAuthority } = require('../../__test__/support/certificates.js')

const servers = []
const add = (server) => servers.push(server) - 1
const place = (server) => ({ server: add(server), port: server.port, socket: server.socket })

const actions = {
  async start({ args, port }) {
    return place(await startRedis({ args, port }))
  },
  async startTls({ args }) {
    const authority = certificateAuthority('hegar tests')
    const own = authority.issue({ names: ['redis.test'] })
    const server = await startRedis({ args, tls: { ca: authority.pem, ...own } })
    return { ...place(server), ca: authority.pem }
  },
  async startCluster() {
    const { nodes } = await startRedisCluster()
    return { nodes: nodes.map(place) }
  },
  async startSentinel() {
    const { name, primary, replica, sentinels } = await startSentinel()
    return { name, primary: place(primary), replica: place(replica), sentinels: sentinels.map(place) }
  },
  async pause({ server }) {
    servers[server].pause()
  },
  async resume({ server }) {
    servers[server].resume()
  },
  async kill({ server }) {
    await servers[server].kill()
  },
  async restart({ server }) {
    await servers[server].restart()
  },
  async cli({ server, args }) {
    const { cli } = await ensureRedis()
    return { said: (await run(cli, ['-p', `${servers[server].port}`, ...args])).trimEnd() }
  },
}

const lines = createInterface({ input: process.stdin })
lines.on('line', async (line) => {
  const { action, ...request } = JSON.parse(line)
  let answer
  try {
    answer = await actions[action](request)
  } catch (error) {
    answer = { error: error.stack }
  }
  process.stdout.write(`${JSON.stringify(answer ?? {})}\n`)
})
lines.on('close', () => process.exit())
