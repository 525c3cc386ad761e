'use strict'

const net = require('node:net')
const { once } = require('node:events')

/**
 * A TCP proxy of 127.0.0.1 in front of `target`, `{host, port}`: `{port, delay, silence(), resume(), cut(), close()}`.
 *
 * `delay(bytes)` is asked for each piece that a client sends and gives milliseconds by which everything that the server
 * answers from then on, until the next piece of that client, is held back. `silence` holds back everything, both ways,
 * until `resume`; `cut` ends all connections.
 */
async function startProxy(target) {
  const pairs = new Set()
  const proxy = { delay: () => 0, isSilent: false }
  const server = net.createServer((client) => {
    const upstream = net.connect(target)
    let held = 0
    let last = Promise.resolve()
    const pair = { client, upstream }
    pairs.add(pair)
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true)
      socket.on('error', () => {})
      socket.on('close', () => {
        client.destroy()
        upstream.destroy()
        pairs.delete(pair)
      })
    }
    client.on('data', (bytes) => {
      held = proxy.delay(bytes)
      whenHeard(() => upstream.write(bytes))
    })
    upstream.on('data', (bytes) => {
      const wait = held === 0 ? null : new Promise((resolve) => setTimeout(resolve, held))
      last = last.then(() => wait).then(() => whenHeard(() => client.write(bytes)))
    })
  })
  const waiting = []
  function whenHeard(send) {
    if (proxy.isSilent) waiting.push(send)
    else send()
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return Object.assign(proxy, {
    host: '127.0.0.1',
    port: server.address().port,
    silence() {
      proxy.isSilent = true
    },
    resume() {
      proxy.isSilent = false
      for (const send of waiting.splice(0)) send()
    },
    cut() {
      for (const { client, upstream } of pairs) {
        client.destroy()
        upstream.destroy()
      }
    },
    async close() {
      proxy.cut()
      server.close()
      await once(server, 'close')
    },
  })
}

module.exports = { startProxy }
