'use strict'

const assert = require('node:assert/strict')
const { spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const { describe, test } = require('node:test')
const { ensureRedis, startRedis } = require('../tools/redis.js')
const { startRedisCluster, startSentinel } = require('../tools/redis-groups.js')
const { run } = require('../tools/run.js')
const { certificateAuthority } = require('./support/certificates.js')

const TOOL = path.join(__dirname, '..', 'tools', 'redis.js')

async function cli(server, ...args) {
  const { cli } = await ensureRedis()
  return (await run(cli, ['-p', `${server.port}`, ...args])).trimEnd()
}

describe('a throwaway Redis', () => {
  test('answers on TCP and on its socket, with its own options, and leaves nothing behind', async () => {
    const server = await startRedis({ args: ['--databases', '3'] })
    const { cli: program } = await ensureRedis()
    assert.match(await run(program, ['-s', server.socket, 'config', 'get', 'databases']), /\n3\n/)
    assert.match(await cli(server, 'config', 'get', 'save'), /^save$/)
    await server.stop()
    assert.equal(fs.existsSync(server.dir), false)
    await assert.rejects(cli(server, 'ping'), /Connection refused/)
  })

  test('comes back on the same port, and empty, after a crash', async () => {
    const server = await startRedis()
    const { port, pid } = server
    await cli(server, 'set', 'kept', '7')
    await server.kill()
    await server.restart()
    assert.equal(server.port, port)
    assert.notEqual(server.pid, pid)
    assert.equal(await cli(server, 'exists', 'kept'), '0')
    await server.stop()
  })

  test('hangs and goes on, and stops even when it hangs', async () => {
    const server = await startRedis()
    server.pause()
    const answer = cli(server, 'ping')
    server.resume()
    assert.equal(await answer, 'PONG')
    server.pause()
    await server.stop()
    assert.equal(await server.exited, 'SIGKILL')
  })

  test('is ready when it wants a password, and says in its error what the server said', async () => {
    const server = await startRedis({ args: ['--requirepass', 'hunter2'] })
    assert.match(await cli(server, 'ping'), /NOAUTH/)
    await server.stop()
    await assert.rejects(startRedis({ args: ['--no-such-option', '1'] }), /no-such-option/)
  })

  test('takes nothing but TLS when it has certificates', async () => {
    const authority = certificateAuthority('hegar tests')
    const server = await startRedis({
      tls: { ca: authority.pem, ...authority.issue({ names: ['127.0.0.1'] }) },
    })
    const ca = path.join(server.dir, 'ca.pem')
    assert.equal(await cli(server, '--tls', '--cacert', ca, 'ping'), 'PONG')
    await server.stop()
  })

  for (const [ending, code] of [
    ['an uncaught error', 'throw new Error("end")'],
    ['SIGTERM', 'process.kill(process.pid, "SIGTERM")'],
    ['SIGKILL', 'process.kill(process.pid, "SIGKILL")'],
  ]) {
    test(`ends with its process, here by ${ending}`, async () => {
      const script = `require(${JSON.stringify(TOOL)}).startRedis().then((server) => {
        require('node:fs').writeSync(1, JSON.stringify({ pid: server.pid, dir: server.dir }))
        ${code}
      })`
      const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] })
      let printed = ''
      child.stdout.on('data', (chunk) => (printed += chunk))
      await once(child, 'close')
      const { pid, dir } = JSON.parse(printed)
      await gone(pid)
      if (ending === 'SIGKILL') fs.rmSync(dir, { recursive: true, force: true })
      assert.equal(fs.existsSync(dir), false)
    })
  }
})

describe('groups of servers', () => {
  test('a cluster has all of its slots', async () => {
    const cluster = await startRedisCluster()
    assert.equal(cluster.nodes.length, 6)
    assert.match(await cli(cluster.nodes[5], 'cluster', 'info'), /cluster_slots_ok:16384/)
    await cluster.stop()
  })

  test('sentinels know the primary and its replica', async () => {
    const { name, primary, sentinels, stop } = await startSentinel()
    for (const sentinel of sentinels) {
      const address = await cli(sentinel, 'sentinel', 'get-master-addr-by-name', name)
      assert.equal(address, `127.0.0.1\n${primary.port}`)
    }
    await stop()
  })
})

/** Resolves when a process that is not our child has ended. */
async function gone(pid) {
  for (;;) {
    try {
      process.kill(pid, 0)
    } catch {
      return
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
}
