'use strict'

const http = require('node:http')
const express = require('express')
const { createHttpCache, front } = require('../../lib/express')

/**
 * An app of Express with a cache of answers, listening: `build(app, cache)` gives it its routes. With `isFront` the front is
 * before it. `get(path, headers)` gives `{status, body, text, headers, cacheStatus, raw}` of what came over the wire.
 */
async function openApp({ cache: options, isFront = false, server: serverOptions = {}, before } = {}, build) {
  const app = express()
  const cache = createHttpCache(options)
  before?.(app)
  build(app, cache)
  const server = http.createServer(serverOptions, isFront ? front(app, cache) : app)
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  const agent = new http.Agent({ keepAlive: true })

  const send = (method, path, headers = {}, body) =>
    new Promise((resolve, reject) => {
      const request = http.request({ port, host: '127.0.0.1', path, method, headers, agent }, (response) => {
        const chunks = []
        response.on('data', (chunk) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const bytes = Buffer.concat(chunks)
          resolve({
            status: response.statusCode,
            message: response.statusMessage,
            headers: response.headers,
            cacheStatus: response.headers['cache-status'],
            body: bytes,
            text: bytes.toString(),
          })
        })
      })
      request.on('error', reject)
      request.end(body)
    })

  return {
    app,
    cache,
    port,
    send,
    get: (path, headers) => send('GET', path, headers),
    head: (path, headers) => send('HEAD', path, headers),
    async close() {
      agent.destroy()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await cache.close()
    },
  }
}

/** Opens an app for one test, and closes it when `work(app)` is done. */
async function withApp(options, build, work) {
  const app = await openApp(options, build)
  try {
    return await work(app)
  } finally {
    await app.close()
  }
}

module.exports = { openApp, withApp }
