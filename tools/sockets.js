'use strict'

const net = require('node:net')

/** A TCP port of 127.0.0.1 that is free at this moment. */
function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })
}

/** Whether a server sends its greeting on a unix socket. */
function greets(socketPath) {
  return new Promise((resolve) => {
    const socket = net.connect({ path: socketPath })
    const answer = (value) => {
      socket.destroy()
      resolve(value)
    }
    socket.once('data', () => answer(true))
    socket.once('error', () => answer(false))
    socket.once('close', () => answer(false))
  })
}

/** Rejects, with advice, when a port cannot be listened on. */
function refuseBusyPort(port) {
  return new Promise((resolve, reject) => {
    const probe = net.createServer()
    probe.once('error', (error) => {
      const busy = error.code === 'EADDRINUSE'
      reject(
        busy ? new Error(`port ${port} is in use: stop what uses it, or set PORT to another one`) : error,
      )
    })
    probe.listen(port, () => probe.close(resolve))
  })
}

module.exports = { freePort, greets, refuseBusyPort }
