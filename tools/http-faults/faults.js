'use strict'

const { setTimeout: sleep } = require('node:timers/promises')
const Redis = require('ioredis')

/** What is done to a private Redis: `{[name]: async () => {}}`; `lost` is called when it has lost what it had. */
function faultsOf(redis, { awayMs, lost }) {
  return {
    async emptied() {
      await tell(redis, ['FLUSHALL'])
      lost()
      await sleep(300)
    },
    async cut() {
      await tell(redis, ['CLIENT', 'KILL', 'TYPE', 'pubsub'], ['CLIENT', 'KILL', 'TYPE', 'normal'])
      await sleep(300)
    },
    async paused() {
      redis.pause()
      await sleep(awayMs)
      redis.resume()
    },
    async stopped() {
      await redis.kill()
      lost()
      await sleep(awayMs)
      await redis.restart()
    },
    async restarted() {
      await redis.kill()
      lost()
      await redis.restart()
    },
  }
}

async function tell({ host, port }, ...commands) {
  const client = connect({ host, port })
  for (const command of commands) {
    // Killing all connections kills this one.
    await client.call(...command).catch(() => {})
  }
  client.disconnect()
}

/** What is in Redis of keys that do not expire, and of counts below zero. */
async function inspect({ host, port }) {
  const client = connect({ host, port })
  const found = { keys: 0, withoutExpiry: [], negative: [] }
  try {
    for await (const keys of client.scanStream({ count: 1000 })) {
      for (const key of keys) {
        found.keys++
        if ((await client.pttl(key)) === -1) found.withoutExpiry.push(key)
        if (key.includes(':rl:') && Number(await client.get(key)) < 0) found.negative.push(key)
      }
    }
  } finally {
    client.disconnect()
  }
  return found
}

function connect({ host, port }) {
  const client = new Redis({ host, port, retryStrategy: null, maxRetriesPerRequest: 0, commandTimeout: 3000 })
  client.on('error', () => {})
  return client
}

module.exports = { faultsOf, inspect }
