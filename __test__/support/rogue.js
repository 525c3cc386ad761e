'use strict'

const net = require('node:net')
const { Duplex } = require('node:stream')
const tls = require('node:tls')

const PROTOCOL_41 = 0x200
const LOCAL_FILES = 0x80
const SSL = 0x800
const CONNECT_WITH_DB = 0x8
const SECURE_CONNECTION = 0x8000
const PLUGIN_AUTH = 0x80000
const DEPRECATE_EOF = 0x1000000
const NONCE = Buffer.from('0123456789abcdefghij')

/**
 * A server whose every session is played by `script(session)`, for what a real one never does. It ends with the
 * test. Resolves with what createPool needs, `{host, port, user}`, and the list of `sessions`. With `socketPath` it
 * listens there and has no port.
 */
async function rogueServer(t, script, socketPath) {
  const sessions = []
  const server = net.createServer((socket) => {
    const session = new Session(socket)
    sessions.push(session)
    session.ended = Promise.resolve(script(session)).catch((error) => (session.error = error))
  })
  await new Promise((resolve) => {
    if (socketPath) server.listen(socketPath, resolve)
    else server.listen(0, '127.0.0.1', resolve)
  })
  t.after(() => {
    for (const { socket } of sessions) socket.destroy()
    return new Promise((resolve) => server.close(resolve))
  })
  return { host: '127.0.0.1', port: server.address().port, user: 'someone', sessions }
}

/** The server's side of one connection. */
class Session {
  #received = Buffer.alloc(0)
  #waiting = null
  #over = false

  constructor(socket) {
    this.socket = socket
    this.sequence = 0
    this.#listen(socket)
    /** Resolves when the connection is gone. */
    this.closed = new Promise((resolve) => socket.once('close', resolve)).then(() => {
      this.#over = true
      this.#wake()
    })
    // A client that hangs up on us is what most scripts are about.
    socket.on('error', () => {})
  }

  #listen(socket) {
    socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk])
      this.#wake()
    })
  }

  /** Goes on in TLS as its server; `options` are those of tls.TLSSocket. */
  secure(options) {
    const { socket } = this
    socket.removeAllListeners('data')
    // Through a stream of ours, because the client's first words in TLS may be here already.
    const bytes = new Duplex({
      read() {},
      write: (chunk, _, done) => socket.write(chunk, done),
      final: (done) => socket.end(done),
    })
    bytes.push(this.#received)
    this.#received = Buffer.alloc(0)
    socket.on('data', (chunk) => bytes.push(chunk))
    socket.once('close', () => bytes.destroy())
    bytes.on('error', () => {})
    this.socket = new tls.TLSSocket(bytes, { isServer: true, ...options })
    this.#listen(this.socket)
    this.socket.on('error', () => socket.destroy())
  }

  /** The body of the client's next packet, or null when the client has gone. Replies continue its numbers. */
  async read() {
    for (;;) {
      if (this.#received.length >= 4) {
        const length = this.#received.readUIntLE(0, 3)
        if (this.#received.length >= 4 + length) {
          this.sequence = this.#received[3] + 1
          const body = this.#received.subarray(4, 4 + length)
          this.#received = this.#received.subarray(4 + length)
          return body
        }
      }
      if (this.#over) return null
      await new Promise((resolve) => (this.#waiting = resolve))
    }
  }

  #wake() {
    this.#waiting?.()
    this.#waiting = null
  }

  /** Sends bodies as packets. */
  send(...bodies) {
    this.socket.write(Buffer.concat(bodies.map((body) => packet(body, this.sequence++))))
  }

  /** Sends `bodies` again and again until the client hangs up, as fast as it reads. */
  async flood(...bodies) {
    const { socket } = this
    while (!socket.destroyed) {
      this.send(...bodies)
      const next = new Promise((resolve) => {
        if (socket.writableNeedDrain) socket.once('drain', resolve)
        else setImmediate(resolve)
      })
      await Promise.race([next, this.closed])
    }
  }

  /** Greets, lets anyone in, and returns the client's login. */
  async welcome(options) {
    this.send(greeting(options))
    const login = await this.read()
    this.send(ok())
    return login
  }

  /** Answers the client's commands with `answer(command, body)` until it leaves; COM_STMT_CLOSE has no answer. */
  async serve(answer) {
    for (;;) {
      const body = await this.read()
      if (body === null || body[0] === 0x01) return this.socket.end()
      if (body[0] !== 0x19) await answer(body[0], body)
    }
  }
}

function packet(body, sequence) {
  const header = Buffer.alloc(4)
  header.writeUIntLE(body.length, 0, 3)
  header[3] = sequence & 0xff
  return Buffer.concat([header, body])
}

function greeting({
  plugin = 'mysql_native_password',
  nonce = NONCE,
  tls = false,
  local = false,
  without = 0,
} = {}) {
  const all = PROTOCOL_41 | CONNECT_WITH_DB | SECURE_CONNECTION | PLUGIN_AUTH | DEPRECATE_EOF | 1
  const flags = ((all | (tls ? SSL : 0) | (local ? LOCAL_FILES : 0)) & ~without) >>> 0
  const tail = Buffer.alloc(31 - 8)
  tail.writeUInt16LE(flags & 0xffff, 1)
  tail[3] = 45
  tail.writeUInt16LE(2, 4)
  tail.writeUInt16LE(flags >>> 16, 6)
  tail[8] = 21
  return Buffer.concat([
    Buffer.from('\n8.0.0-rogue\0\x07\0\0\0', 'latin1'),
    nonce.subarray(0, 8),
    tail.subarray(0, 19),
    nonce.subarray(8, 20),
    Buffer.from(`\0${plugin}\0`),
  ])
}

function ok({ status = 2, info = '' } = {}) {
  return Buffer.concat([Buffer.from([0, 0, 0, status & 0xff, status >> 8, 0, 0]), text(info)])
}

/** The end of rows where an OK packet stands for it. */
function end({ status = 2 } = {}) {
  return Buffer.from([0xfe, 0, 0, status & 0xff, status >> 8, 0, 0])
}

function err(errno, message, state = 'HY000') {
  return Buffer.concat([Buffer.from([0xff, errno & 0xff, errno >> 8]), Buffer.from(`#${state}${message}`)])
}

function authSwitch(plugin, data) {
  return Buffer.concat([Buffer.from([0xfe]), Buffer.from(`${plugin}\0`), data])
}

/** The answer to a prepare, without the definitions that follow it. */
function prepared({ id = 1, columns = 1, params = 0 } = {}) {
  const body = Buffer.alloc(12)
  body.writeUInt32LE(id, 1)
  body.writeUInt16LE(columns, 5)
  body.writeUInt16LE(params, 7)
  return body
}

/** The definition of a column; 253 is text, 3 an INT. */
function column(name, type = 253) {
  const parts = ['def', '', '', '', name, name].map(text)
  const rest = Buffer.from([12, 45, 0, 0, 1, 0, 0, type, 0, 0, 0, 0, 0])
  return Buffer.concat([...parts, rest])
}

/** A row of the binary protocol whose cells are text. */
function row(...cells) {
  return Buffer.concat([Buffer.from([0]), Buffer.alloc((cells.length + 9) >> 3), ...cells.map(text)])
}

function text(value) {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([bytes.length]), bytes])
}

module.exports = { rogueServer, packet, greeting, ok, end, err, authSwitch, prepared, column, row, NONCE }
