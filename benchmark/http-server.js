'use strict'

// The server of one case of benchmark/http.js, in a process of its own. It tells its port when it listens, and answers each
// message with the CPU time of this thread and how often its cache has asked behind itself.

const http = require('node:http')
const { cases } = require('./http-cases')
const { threadCpuUs } = require('./measure')

async function main() {
  const job = JSON.parse(process.env.HEGAR_BENCH_JOB)
  const { listener, loads = () => 0, close = () => {} } = await cases[job.name](job)
  const server = http.createServer(listener)
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  process.on('message', () => process.send({ cpuUs: threadCpuUs(), loads: loads() }))
  process.once('disconnect', async () => {
    server.close()
    server.closeAllConnections()
    await close()
    process.exit()
  })
  process.send({ port: server.address().port })
}

main().catch((error) => {
  console.error(error.stack)
  process.exit(1)
})
