'use strict'

const { spawn } = require('node:child_process')
const fs = require('node:fs')
const net = require('node:net')
const path = require('node:path')
const tls = require('node:tls')
const { ensureRedis } = require('./redis-install.js')
const { tail } = require('./run.js')
const { freePort } = require('./sockets.js')
const {
  endsWithProcess,
  hasEnded,
  isRunning,
  makeThrowawayFolder,
  withDeathSignal,
} = require('./throwaway.js')

const START_DEADLINE_MS = 20_000
const ANSWER_MS = 500

/**
 * Starts a private server of 127.0.0.1 and resolves when it answers. Nothing of it is kept.
 *
 * - `args`: more options of redis-server; they win over ours.
 * - `port`: a fixed port; without it a free one.
 * - `tls`: {ca, cert, key} in PEM; the server then takes nothing but TLS.
 * - `sentinel`: the lines of a configuration file; the server is a sentinel then.
 */
async function startRedis({ port, args = [], tls: certificates, sentinel, log = () => {}, signal } = {}) {
  const redis = await ensureRedis({ log, signal })
  for (let attempt = 1; ; attempt++) {
    const chosen = port ?? (await freePort())
    const server = new Server({ redis, port: chosen, args, certificates, sentinel })
    try {
      await server.start(signal)
      log(`Redis ${redis.version} on 127.0.0.1:${chosen}`)
      return server
    } catch (error) {
      await server.stop()
      // Between the moment a port was found free and its use, another program may have taken it.
      const taken = /Address already in use/i.test(error.message)
      if (!taken || port !== undefined || attempt === 5) throw error
    }
  }
}

/** One running server; what startRedis resolves with. */
class Server {
  #options

  constructor(options) {
    this.#options = options
    this.host = '127.0.0.1'
    this.port = options.port
    this.version = options.redis.version
    this.dir = makeThrowawayFolder()
    this.log = path.join(this.dir, 'redis.log')
    this.socket = path.join(this.dir, 's')
  }

  async start(signal) {
    const [program, ...args] = this.#command()
    const output = fs.openSync(this.log, 'w')
    // Its own process group: Ctrl-C in a terminal is ours to answer.
    const child = spawn(program, args, { stdio: ['ignore', output, output], detached: true, cwd: this.dir })
    fs.closeSync(output)
    /** Resolves when the server process has ended, for whatever reason. */
    this.exited = new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message))
      child.once('exit', (code, killedBy) => resolve(killedBy ?? `exit code ${code}`))
    }).then((ending) => {
      hasEnded(this)
      return ending
    })
    this.pid = child.pid
    endsWithProcess(this)
    await this.#ready(signal)
  }

  /** Hangs: connections stay open and nothing is answered. */
  pause() {
    this.#signal('SIGSTOP')
  }

  resume() {
    this.#signal('SIGCONT')
  }

  /** Ends the server at once, as a crash does. Its port and folder stay for restart(). */
  async kill() {
    this.#signal('SIGKILL')
    await this.exited
  }

  /** Ends the server and removes its folder. Resolves also when it has ended before. */
  async stop() {
    if (isRunning(this)) await this.kill()
    fs.rmSync(this.dir, { recursive: true, force: true })
  }

  /** Starts the server again on the same port, empty unless `args` had it save. */
  async restart() {
    if (isRunning(this)) await this.kill()
    await this.start()
  }

  /** What must happen within the process's last synchronous moment. */
  abandon() {
    this.#signal('SIGKILL')
    fs.rmSync(this.dir, { recursive: true, force: true })
  }

  #signal(signal) {
    try {
      process.kill(this.pid, signal)
    } catch (error) {
      if (error.code !== 'ESRCH') throw error
    }
  }

  #command() {
    const { redis, port, args, certificates, sentinel } = this.#options
    const guard = withDeathSignal('KILL')
    if (sentinel) {
      const file = path.join(this.dir, 'sentinel.conf')
      fs.writeFileSync(file, [`port ${port}`, 'bind 127.0.0.1', ...sentinel, ''].join('\n'))
      return [...guard, redis.server, file, '--sentinel']
    }
    const files = certificates ? this.#certificateArgs(certificates) : ['--port', `${port}`]
    const own = ['--bind', '127.0.0.1', '--dir', this.dir, '--unixsocket', this.socket]
    return [...guard, redis.server, ...files, ...own, '--save', '', '--appendonly', 'no', ...args]
  }

  #certificateArgs(certificates) {
    const args = ['--port', '0', '--tls-port', `${this.port}`, '--tls-auth-clients', 'optional']
    for (const [name, option] of [
      ['ca', '--tls-ca-cert-file'],
      ['cert', '--tls-cert-file'],
      ['key', '--tls-key-file'],
    ]) {
      const file = path.join(this.dir, `${name}.pem`)
      fs.writeFileSync(file, certificates[name], { mode: 0o600 })
      args.push(option, file)
    }
    return args
  }

  async #ready(signal) {
    const deadline = Date.now() + START_DEADLINE_MS
    let ending = null
    this.exited.then((how) => (ending = how))
    for (;;) {
      signal?.throwIfAborted()
      if (ending) throw new Error(`Redis did not start (${ending}):\n${this.#lastLog()}`)
      if (await answersPing(this.port, this.#options.certificates)) return
      if (Date.now() > deadline)
        throw new Error(`Redis gave no answer within ${START_DEADLINE_MS} ms:\n${this.#lastLog()}`)
      // Nothing announces readiness; a connection is tried again shortly.
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  #lastLog() {
    return tail(fs.readFileSync(this.log, 'utf8'))
  }
}

/** Whether a server answers a PING, if only to say that it wants a password. */
function answersPing(port, certificates) {
  return new Promise((resolve) => {
    const target = { host: '127.0.0.1', port }
    const socket = certificates
      ? tls.connect({ ...target, ca: certificates.ca, checkServerIdentity: () => undefined })
      : net.connect(target)
    const answer = (value) => {
      socket.destroy()
      resolve(value)
    }
    socket.setTimeout(ANSWER_MS, () => answer(false))
    socket.once('error', () => answer(false))
    socket.once('close', () => answer(false))
    socket.once('data', (data) => answer(/^(\+PONG|-NOAUTH)/.test(data.toString('latin1'))))
    socket.write('PING\r\n')
  })
}

module.exports = { ensureRedis, startRedis }
