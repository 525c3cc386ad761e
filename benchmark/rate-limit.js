'use strict'

// `node benchmark/rate-limit.js [--quick] [--out FILE]`: what counting a hit costs in our store and in those that people
// use with express-rate-limit, called as it calls them. 10,000 clients come in turn, each time with a new string for a
// key, which is in the figures too; none is past his limit but where it says so. Every case runs in a process of its own,
// the cases take turns, and figures are medians over the rounds. In memory one hit is counted at a time; in Redis 64 at a
// time, as in a server under load, and as `…-alone` one. With 64 each waits 64 times as long as `nsPerHit`.

const fs = require('node:fs')
const path = require('node:path')
const { readArguments } = require('../tools/arguments')
const { startRedis } = require('../tools/redis')
const { median } = require('./measure')
const { runChild } = require('./process')

const CHILD = path.join(__dirname, 'rate-limit-child.js')

const CASES = {
  memory: 'rateLimitStore, in memory',
  'memory-rival': 'MemoryStore of express-rate-limit',
  redis: 'rateLimitStore, Redis',
  'redis-rival': 'rate-limit-redis over ioredis',
  'redis-rival-pipelined': 'the same with enableAutoPipelining',
  'redis-alone': 'rateLimitStore, Redis, one at a time',
  'redis-rival-alone': 'rate-limit-redis, one at a time',
  'redis-blocked': 'rateLimitStore, Redis, all past the limit',
}

async function main() {
  const { quick, out } = readArguments(process.argv.slice(2))
  const redis = await startRedis({ log: console.log })
  try {
    const rounds = quick ? 3 : 7
    const samples = Object.fromEntries(Object.keys(CASES).map((name) => [name, []]))
    for (let round = 1; round <= rounds; round++) {
      for (const name of Object.keys(CASES)) {
        const job = { name, quick, redis: { host: redis.host, port: redis.port } }
        samples[name].push(await runChild(job, { program: CHILD }))
        process.stdout.write(`\rround ${round} of ${rounds}: ${name.padEnd(24)}`)
      }
    }
    process.stdout.write(`\r${''.padEnd(50)}\r`)
    const results = Object.entries(samples).map(([name, runs]) => ({
      case: name,
      inflight: runs[0].inflight,
      nsPerHit: Math.round(median(runs.map((run) => run.nsPerHit))),
      mainNsPerHit: Math.round(median(runs.map((run) => run.mainNsPerHit))),
    }))
    if (out !== null) fs.writeFileSync(out, `${JSON.stringify({ results, samples }, null, 2)}\n`)
    report(results)
  } finally {
    await redis.stop()
  }
}

function report(results) {
  const heads = ['callers', 'ns a hit', 'ns of the JS thread', 'hits a second']
  console.log(''.padEnd(42) + heads.map((head) => head.padStart(20)).join(''))
  for (const { case: name, inflight, nsPerHit, mainNsPerHit } of results) {
    const figures = [inflight, nsPerHit, mainNsPerHit, Math.round(1e9 / nsPerHit)]
    console.log(CASES[name].padEnd(42) + figures.map((figure) => String(figure).padStart(20)).join(''))
  }
}

main().catch((error) => {
  console.error(error.message)
  process.exitCode = 1
})
