'use strict'

const net = require('node:net')

const HEADER = 4
const BULK_OPERATIONS = 1 << 2

/**
 * The way to a MariaDB that says nothing of its bulk protocol, as MySQL does not have it. It ends with the test.
 * Resolves with `{host, port, commands}`; `commands` are the first bytes of what clients sent since the login.
 */
async function withoutBulk(t, { host, port }) {
  const commands = []
  const sockets = new Set()
  const server = net.createServer((client) => {
    const upstream = net.connect(port, host)
    let greeted = false
    upstream.on('data', (bytes) => {
      if (!greeted) conceal(bytes)
      greeted = true
      client.write(bytes)
    })
    const note = commandsInto(commands)
    client.on('data', (bytes) => {
      note(bytes)
      upstream.write(bytes)
    })
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => other.destroy())
    }
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise((resolve) => server.close(resolve))
  })
  return { host: '127.0.0.1', port: server.address().port, commands }
}

// MariaDB's own flags are the last four of the reserved bytes of the greeting.
function conceal(greeting) {
  const version = greeting.indexOf(0, HEADER + 1)
  const flags = version + 1 + 4 + 8 + 1 + 2 + 1 + 2 + 2 + 1 + 6
  greeting.writeUInt32LE(greeting.readUInt32LE(flags) & ~BULK_OPERATIONS, flags)
}

function commandsInto(commands) {
  let rest = Buffer.alloc(0)
  return (bytes) => {
    rest = Buffer.concat([rest, bytes])
    while (rest.length > HEADER) {
      const length = rest.readUIntLE(0, 3)
      if (rest.length < HEADER + length) return
      // Others continue a login or a long packet.
      if (rest[3] === 0) commands.push(rest[HEADER])
      rest = rest.subarray(HEADER + length)
    }
  }
}

module.exports = { withoutBulk }
