'use strict'

const http = require('node:http')

/** A client that has one connection to a port of this machine and keeps it: `{send(method, path), close()}`. */
function openClient(port) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  // Both processes serve the same shop, so their answers have the same key.
  const headers = { host: 'shop.test' }
  const send = (method, path) =>
    new Promise((resolve, reject) => {
      const request = http.request({ host: '127.0.0.1', port, method, path, headers, agent }, (response) => {
        const chunks = []
        response.on('data', (chunk) => chunks.push(chunk))
        response.once('error', reject)
        response.once('end', () => {
          resolve({ status: response.statusCode, text: Buffer.concat(chunks).toString() })
        })
      })
      request.once('error', reject)
      request.end()
    })
  return { send, close: () => agent.destroy() }
}

module.exports = { openClient }
