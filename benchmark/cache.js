'use strict'

// `npm run bench:cache -- [--quick] [--out FILE]`: what a hit costs, beside the caches that people use. Every case gives
// the same documents of some 10 kB, in a process of its own, and the cases take turns; figures are medians over the rounds.
// What is in memory is asked for one at a time. What is in Redis is asked for by 64 callers at a time, as a server under
// load does, and as `…-alone` one at a time; `nsPerHit` is the time by the number of hits in it, so with 64 callers each
// waits 64 times as long, which `p50Us` and `p99Us` tell.

const fs = require('node:fs')
const path = require('node:path')
const { createPool } = require('../index.js')
const { readArguments } = require('../tools/arguments')
const { startMariadb } = require('../tools/mariadb')
const { startRedis } = require('../tools/redis')
const { CASES } = require('./cache-cases')
const { median } = require('./measure')
const { runChild } = require('./process')

const CHILD = path.join(__dirname, 'cache-child.js')
const DOCUMENTS = 100
const ROWS = 20

const NAMES = {
  'tier1-json': 'cachedQueryJson, in memory',
  'tier1-objects': 'cachedQuery, in memory, new objects',
  'tier2-json': 'cachedQueryJson, Redis alone',
  'miss-json': 'cachedQueryJson, a miss',
  'fence-json': 'cachedQueryJson, a miss that is not kept',
  'query-json': 'queryJson',
  'bentocache-memory': 'bentocache getOrSet, in memory',
  'bentocache-redis': 'bentocache getOrSet, Redis alone',
  'ioredis-json': 'ioredis get and JSON.parse',
  'lru-cache-js': 'lru-cache get',
}

async function main() {
  const { quick, out } = readArguments(process.argv.slice(2))
  const server = await startMariadb({ log: console.log })
  const redis = await startRedis({ log: console.log })
  try {
    const place = { host: server.host, port: server.port, user: server.user, database: 'bench' }
    await fill(place)
    const job = { place, redis: { host: redis.host, port: redis.port }, documents: DOCUMENTS, quick }
    const rounds = quick ? 3 : 7
    const samples = Object.fromEntries(CASES.map((name) => [name, []]))
    for (let round = 1; round <= rounds; round++) {
      for (const name of CASES) {
        samples[name].push(await runChild({ ...job, name }, { program: CHILD }))
        process.stdout.write(`\rround ${round} of ${rounds}: ${name.padEnd(20)}`)
      }
    }
    process.stdout.write(`\r${''.padEnd(50)}\r`)
    const medianOf = (name, figure) => median(samples[name].map((sample) => sample[figure]))
    const results = CASES.map((name) => ({
      case: name,
      inflight: samples[name][0].inflight,
      nsPerHit: Math.round(medianOf(name, 'nsPerHit')),
      mainNsPerHit: Math.round(medianOf(name, 'mainNsPerHit')),
      p50Us: Number(medianOf(name, 'p50Us').toFixed(1)),
      p99Us: Number(medianOf(name, 'p99Us').toFixed(1)),
    }))
    if (out !== null) fs.writeFileSync(out, `${JSON.stringify(results, null, 2)}\n`)
    report(results, samples['tier1-json'][0].bytes)
  } finally {
    await redis.stop()
    await server.stop()
  }
}

function report(results, bytes) {
  console.log(`A hit of a document of ${bytes} bytes`)
  const heads = ['callers', 'ns a hit', 'ns of the JS thread', 'p50 µs', 'p99 µs']
  console.log(''.padEnd(42) + heads.map((head) => head.padStart(20)).join(''))
  for (const { case: name, inflight, nsPerHit, mainNsPerHit, p50Us, p99Us } of results) {
    const figures = [inflight, nsPerHit, mainNsPerHit, p50Us, p99Us]
    const title = NAMES[name.replace('-alone', '')]
    console.log(title.padEnd(42) + figures.map((figure) => String(figure).padStart(20)).join(''))
  }
}

async function fill({ database, ...place }) {
  const admin = createPool(place)
  await admin.execute(`CREATE DATABASE ${database}`)
  await admin.close()
  const db = createPool({ ...place, database })
  await db.execute(
    'CREATE TABLE documents (id INT, place INT, title VARCHAR(100), body VARCHAR(500), price DECIMAL(10,2), PRIMARY KEY (id, place))',
  )
  const rows = []
  for (let id = 1; id <= DOCUMENTS; id++) {
    for (let place = 1; place <= ROWS; place++) {
      rows.push([id, place, `Product ${id} in place ${place}`, `Words about it. `.repeat(25), '19.90'])
    }
  }
  await db.batch('INSERT INTO documents VALUES (?, ?, ?, ?, ?)', rows)
  await db.close()
}

main().catch((error) => {
  console.error(error.message)
  process.exitCode = 1
})
