'use strict'

const { loadConfig } = require('./src/config.js')
const { startShop } = require('./src/server.js')

/** Serves the shop on a database that is migrated already, until SIGINT or SIGTERM. */
async function main() {
  const shop = await startShop(loadConfig())
  console.log(`The shop listens on ${shop.url}`)
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => shop.close().catch(fail))
}

function fail(error) {
  console.error(error.message)
  process.exitCode = 1
}

main().catch(fail)
