'use strict'

// Measures one case of benchmark/http.js: its server runs in a process of its own, and this process is its client, so that
// what autocannon costs is not counted.

const { fork } = require('node:child_process')
const { once } = require('node:events')
const http = require('node:http')
const path = require('node:path')
const { performance } = require('node:perf_hooks')
const { setTimeout: sleep } = require('node:timers/promises')
const { promisify } = require('node:util')
const { brotliDecompress } = require('node:zlib')
const autocannon = require('autocannon')
const { DATABASE, ENCODINGS, PATH } = require('./http-cases')
const { Histogram } = require('./measure')

const SERVER = path.join(__dirname, 'http-server.js')
const VARIANT_DEADLINE_MS = 10_000

/**
 * Resolves with `{rps, p50Ms, p99Ms, mainCpuUs, clientShare}` of the case `job.name`; `clientShare` is the part of a core that
 * this process used. `expected` are the documents as text, in the order in which a case that asks the database gives them; the
 * others are handed the first, or `job.document`, and have to give the first. Rejects when an answer is another one, when a
 * request fails, or when a cached answer was made anew within the window.
 */
async function measureCase(job, expected, { connections, warmupMs, windowMs }) {
  const { name } = job
  const child = await startServer({ document: expected[0], ...job })
  try {
    const url = `http://127.0.0.1:${child.port}${PATH}`
    const wanted = DATABASE.includes(name) ? expected : expected.slice(0, 1)
    await verify(name, url, wanted)
    const figures = await load(child, url, { name, connections, warmupMs, windowMs })
    const { body } = await ask(url, ENCODINGS[name])
    if (!wanted.includes(body)) throw new WrongAnswer(`${name} gives another document after the window`)
    return figures
  } finally {
    await child.end()
  }
}

/** Asks for every document in turn, a cached one twice, and waits until the encoding that is to be measured is there. */
async function verify(name, url, wanted) {
  const encoding = ENCODINGS[name]
  const deadline = performance.now() + VARIANT_DEADLINE_MS
  for (;;) {
    const { headers } = await check(name, url, wanted[0])
    if (headers['content-encoding'] === encoding) break
    if (performance.now() > deadline) throw new WrongAnswer(`${name} gives no ${encoding}`)
    // The variant is made behind the answer.
    await sleep(20)
  }
  for (const document of wanted.slice(1)) await check(name, url, document)
  if (wanted.length === 1) await check(name, url, wanted[0])
}

async function check(name, url, document) {
  const { status, headers, body } = await ask(url, ENCODINGS[name])
  if (status !== 200) throw new WrongAnswer(`${name} answers with the status ${status}`)
  if (headers['content-type'] !== 'application/json; charset=utf-8') {
    throw new WrongAnswer(`${name} gives the type ${headers['content-type']}`)
  }
  if (body !== document) throw new WrongAnswer(`${name} gives another document: ${body.slice(0, 200)}`)
  return { headers }
}

async function ask(url, encoding) {
  const headers = encoding ? { 'Accept-Encoding': encoding } : {}
  const request = http.get(url, { agent: false, headers })
  const [response] = await once(request, 'response')
  const chunks = await response.toArray()
  const bytes = Buffer.concat(chunks)
  const body =
    response.headers['content-encoding'] === 'br' ? await promisify(brotliDecompress)(bytes) : bytes
  return { status: response.statusCode, headers: response.headers, body: body.toString() }
}

/** One run of autocannon, whose window lies between two messages to the server. */
async function load(child, url, { name, connections, warmupMs, windowMs }) {
  const encoding = ENCODINGS[name]
  const latencies = new Histogram()
  let answers = 0
  let open = false
  const run = autocannon({
    url,
    connections,
    headers: encoding ? { 'Accept-Encoding': encoding } : {},
    // Longer than it takes; `stop` ends it, and is heard once in each interval.
    duration: (warmupMs + windowMs) / 1000 + 60,
    sampleInt: 50,
  })
  run.on('response', (client, status, bytes, ms) => {
    answers++
    if (open) latencies.add(ms)
  })
  const look = async () => {
    const server = await child.ask()
    return { ...server, answers, at: performance.now(), own: process.cpuUsage() }
  }
  await sleep(warmupMs)
  const from = await look()
  open = true
  await sleep(windowMs)
  const to = await look()
  open = false
  run.stop()
  const { errors, timeouts, non2xx, mismatches, resets } = await run
  const failed = errors + timeouts + non2xx + mismatches + resets
  if (failed > 0) throw new WrongAnswer(`${name}: ${failed} requests failed`)
  if (to.loads !== from.loads) throw new WrongAnswer(`${name} made its answer anew: not all were hits`)
  const count = to.answers - from.answers
  if (count === 0) throw new WrongAnswer(`${name} gave no answer within the window`)
  const ms = to.at - from.at
  const own = to.own.user + to.own.system - from.own.user - from.own.system
  return {
    rps: (count * 1000) / ms,
    p50Ms: latencies.quantile(0.5) / 1000,
    p99Ms: latencies.quantile(0.99) / 1000,
    mainCpuUs: (to.cpuUs - from.cpuUs) / count,
    clientShare: own / 1000 / ms,
  }
}

/** Resolves when the server of a case listens: `{port, ask(), end()}`, where `ask` gives what it knows of itself. */
async function startServer(job) {
  const child = fork(SERVER, {
    env: {
      ...process.env,
      HEGAR_BENCH_JOB: JSON.stringify(job),
      NODE_ENV: 'production',
      NODE_OPTIONS: '',
      TZ: 'UTC',
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk))
  const ended = once(child, 'exit')
  const answer = () =>
    Promise.race([
      once(child, 'message').then(([message]) => message),
      ended.then(([code, signal]) => {
        throw new Error(`the server of ${job.name} ended with ${signal ?? code}: ${said.trim().slice(-2000)}`)
      }),
    ])
  const { port } = await answer()
  return {
    port,
    ask: () => {
      child.send('look')
      return answer()
    },
    end: async () => {
      if (child.connected) child.disconnect()
      const force = setTimeout(() => child.kill('SIGKILL'), 5000)
      await ended
      clearTimeout(force)
    },
  }
}

class WrongAnswer extends Error {}

module.exports = { WrongAnswer, measureCase }
