'use strict'

const { spawn } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { succeeds, tail } = require('./run.js')
const { ensureMariadb } = require('./mariadb-install.js')
const { freePort, greets } = require('./sockets.js')
const {
  endsWithProcess,
  hasEnded,
  isRunning,
  makeThrowawayFolder,
  withDeathSignal,
} = require('./throwaway.js')
const { copyTemplate, makeFresh, LAYOUT_ARGS } = require('./mariadb-template.js')

const DATADIR_BUSY = 75
const LONGEST_SOCKET_PATH = 107
const START_DEADLINE_MS = 60_000
const STOP_DEADLINE_MS = 20_000

/**
 * Starts a private server and resolves when it answers.
 *
 * - `dir`: the server's folder (data, socket, log). What is there already is used. Without it the server is a
 *   throwaway: its folder is made under .hegar/servers and removed when it stops.
 * - `args`: more options of mariadbd; they win over ours.
 * - `port`: a fixed TCP port of 127.0.0.1; without it a free one.
 * - `template`: false makes the data directory afresh with `args`, for options that change its layout.
 *
 * Commits are not flushed to disk, because what lives here can be made again.
 */
async function startMariadb({ dir, log = () => {}, args = [], port, template = true, signal } = {}) {
  const mariadb = await ensureMariadb({ log, signal })
  const throwaway = dir === undefined
  const folder = throwaway ? makeThrowawayFolder() : path.resolve(dir)
  fs.mkdirSync(folder, { recursive: true })
  try {
    const data = path.join(folder, 'data')
    if (!fs.existsSync(data)) await (template ? copyTemplate(mariadb, data) : makeFresh(mariadb, data, args))
    for (let attempt = 1; ; attempt++) {
      const chosen = port ?? (await freePort())
      const server = new Server({ mariadb, folder, throwaway, args, port: chosen, log })
      try {
        await server.start(signal)
        log(`MariaDB ${mariadb.version} on 127.0.0.1:${chosen}`)
        return server
      } catch (error) {
        // Between the moment a port was found free and its use, another program may have taken it.
        const taken = /Address already in use/i.test(error.message)
        if (!taken || port !== undefined || attempt === 5) throw error
      }
    }
  } catch (error) {
    if (throwaway) fs.rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

/** One running server; what startMariadb resolves with. */
class Server {
  #options
  #child
  #socketFolder = null

  constructor(options) {
    this.#options = options
    const { folder, port } = options
    this.host = '127.0.0.1'
    this.port = port
    this.user = 'root'
    this.password = ''
    this.dir = folder
    this.version = options.mariadb.version
    this.log = path.join(folder, 'error.log')
    this.socket = path.join(folder, 'mariadb.sock')
    if (Buffer.byteLength(this.socket) > LONGEST_SOCKET_PATH) {
      this.#socketFolder = fs.mkdtempSync(path.join(os.tmpdir(), 'hegar-'))
      this.socket = path.join(this.#socketFolder, 's')
    }
  }

  // Its own, because a server that starts deletes the temporary tables of all others that share the folder.
  get #temporary() {
    return path.join(this.dir, 'tmp')
  }

  /** The connection string of a database of this server. */
  url(database = '') {
    return `mysql://${this.user}@${this.host}:${this.port}/${database}`
  }

  async start(signal) {
    const [program, ...args] = this.#command()
    fs.rmSync(this.socket, { force: true })
    fs.mkdirSync(this.#temporary, { recursive: true })
    const output = fs.openSync(this.log, 'w')
    // Its own process group: Ctrl-C in a terminal is ours to answer, and we stop the server in good order.
    this.#child = spawn(program, args, { stdio: ['ignore', output, output], detached: true })
    fs.closeSync(output)
    /** Resolves with {code, signal} when the server process has ended, for whatever reason. */
    this.exited = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve({ code: null, signal: null, error }))
      this.#child.once('exit', (code, killedBy) => resolve({ code, signal: killedBy }))
    }).then((ending) => {
      hasEnded(this)
      return ending
    })
    this.pid = this.#child.pid
    endsWithProcess(this)
    try {
      await this.#ready(signal)
    } catch (error) {
      this.kill('SIGKILL')
      await this.exited
      this.#removeSocketFolder()
      throw error
    }
  }

  /** Sends a signal to the server process; SIGKILL is a crash, SIGSTOP a hang, SIGCONT its end. */
  kill(signal = 'SIGKILL') {
    try {
      process.kill(this.pid, signal)
    } catch (error) {
      if (error.code !== 'ESRCH') throw error
    }
  }

  /** Ends the server in good order, or by force past a deadline, and removes what was made for it alone. */
  async stop({ deadlineMs = STOP_DEADLINE_MS } = {}) {
    if (isRunning(this)) {
      // Data that is about to be deleted needs no orderly shutdown.
      this.kill(this.#options.throwaway ? 'SIGKILL' : 'SIGTERM')
      this.kill('SIGCONT')
      const force = setTimeout(() => this.kill('SIGKILL'), deadlineMs)
      await this.exited
      clearTimeout(force)
    }
    this.#removeSocketFolder()
    if (this.#options.throwaway) fs.rmSync(this.dir, { recursive: true, force: true })
  }

  /** Starts a server again on the same folder and port, after kill() or a crash; `args` replaces its options. */
  async restart({ args = this.#options.args } = {}) {
    if (isRunning(this)) {
      this.kill('SIGTERM')
      this.kill('SIGCONT')
    }
    await this.exited
    this.#removeSocketFolder()
    const next = new Server({ ...this.#options, args })
    await next.start()
    return next
  }

  /** What must happen within the process's last synchronous moment. */
  abandon() {
    this.kill(this.#options.throwaway ? 'SIGKILL' : 'SIGTERM')
    this.kill('SIGCONT')
    this.#removeSocketFolder()
    if (this.#options.throwaway) fs.rmSync(this.dir, { recursive: true, force: true })
  }

  /**
   * The server runs behind two programs that replace themselves by it: flock, whose lock on the folder lives
   * exactly as long as the server, and setpriv, which has the kernel end the server should this process be
   * killed before it can do so itself.
   */
  #command() {
    const { mariadb, folder, port, args } = this.#options
    const guard = []
    if (hasFlock()) guard.push(...flockCommand(path.join(folder, 'lock')))
    guard.push(...withDeathSignal())
    return [
      ...guard,
      mariadb.mariadbd,
      '--no-defaults',
      ...mariadb.userArgs,
      `--datadir=${path.join(folder, 'data')}`,
      `--tmpdir=${this.#temporary}`,
      `--socket=${this.socket}`,
      `--pid-file=${path.join(folder, 'pid')}`,
      '--bind-address=127.0.0.1',
      `--port=${port}`,
      '--skip-name-resolve',
      '--character-set-server=utf8mb4',
      '--collation-server=utf8mb4_unicode_ci',
      '--innodb-flush-log-at-trx-commit=0',
      '--skip-innodb-doublewrite',
      '--innodb-buffer-pool-size=256M',
      '--skip-innodb-buffer-pool-dump-at-shutdown',
      '--skip-performance-schema',
      '--max-allowed-packet=256M',
      '--max-connections=500',
      ...LAYOUT_ARGS,
      ...args,
    ]
  }

  /** Resolves when the server greets a connection; rejects with the end of its log when it does not. */
  async #ready(signal) {
    const deadline = Date.now() + START_DEADLINE_MS
    let ending = null
    this.exited.then((how) => (ending = how))
    for (;;) {
      signal?.throwIfAborted()
      if (await greets(this.socket)) return
      if (ending) throw this.#startError(ending)
      if (Date.now() > deadline) {
        throw new Error(`MariaDB gave no answer within ${START_DEADLINE_MS} ms:\n${this.#lastLog()}`)
      }
      // Nothing announces readiness; a connection is tried again shortly.
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  #startError({ code, signal, error }) {
    if (error) return error
    if (code === DATADIR_BUSY) {
      const busy = new Error(
        `another process runs a server on ${this.dir}: stop it first, or use another folder`,
      )
      return Object.assign(busy, { code: 'HEGAR_DATADIR_BUSY' })
    }
    const failed = new Error(`MariaDB did not start (${signal ?? `exit code ${code}`}):\n${this.#lastLog()}`)
    return Object.assign(failed, { code: 'HEGAR_SERVER_FAILED' })
  }

  #lastLog() {
    return tail(fs.readFileSync(this.log, 'utf8'))
  }

  #removeSocketFolder() {
    if (this.#socketFolder) fs.rmSync(this.#socketFolder, { recursive: true, force: true })
  }
}

const flockCommand = (file) => [
  'flock',
  '--nonblock',
  '--no-fork',
  '--conflict-exit-code',
  `${DATADIR_BUSY}`,
  file,
]
let canFlock
const hasFlock = () => (canFlock ??= succeeds('flock', ['--no-fork', os.devNull, 'true']))

module.exports = { ensureMariadb, startMariadb }
