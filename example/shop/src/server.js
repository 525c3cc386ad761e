'use strict'

const http = require('node:http')
const { openDatabase } = require('./database.js')
const { createApp } = require('./app.js')
const { openAnswers } = require('./answers.js')

const DRAIN_MS = 5_000

/**
 * Opens the database and serves the shop. Resolves, once it listens, with {port, url, close()}; close() lets
 * requests in flight finish for a while, then ends what is left and closes the database.
 */
async function startShop(config) {
  const db = openDatabase(config)
  const answers = openAnswers(db, config)
  const server = http.createServer(answers.serve(createApp(db, config, answers)))
  try {
    await listen(server, config.port)
  } catch (error) {
    await db.close()
    throw error
  }
  const { port } = server.address()
  return { port, url: `http://localhost:${port}`, close: once(() => close(server, db)) }
}

function listen(server, port) {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      if (error.code !== 'EADDRINUSE') return reject(error)
      reject(new Error(`port ${port} is in use: stop the program that uses it, or set PORT to another one`))
    })
    server.listen(port, resolve)
  })
}

async function close(server, db) {
  const closed = new Promise((resolve) => server.close(resolve))
  const force = setTimeout(() => server.closeAllConnections(), DRAIN_MS)
  await closed
  clearTimeout(force)
  await db.close()
}

function once(work) {
  let result
  return () => (result ??= work())
}

module.exports = { startShop }
