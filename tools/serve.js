'use strict'

// `node tools/serve.js [--option=value …]`: a throwaway MariaDB with these options for a test in another language. Where it
// is comes as one line of JSON; it ends with its standard input, so with whoever started it.

const { startMariadb } = require('./mariadb.js')

main().catch((error) => {
  console.error(`serve: ${error.message}`)
  process.exitCode = 1
})

async function main() {
  const server = await startMariadb({ args: process.argv.slice(2) })
  const { host, port, pid } = server
  console.log(JSON.stringify({ host, port, pid }))
  const ended = new Promise((resolve) => process.stdin.resume().once('close', resolve))
  await Promise.race([ended, server.exited])
  await server.stop()
  process.stdin.destroy()
}
