'use strict'

const { spawn } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { run, succeeds, tail } = require('./run.js')
const { ensureMysql } = require('./mysql-install.js')
const { freePort, greets } = require('./sockets.js')

const START_DEADLINE_MS = 120_000
const STOP_DEADLINE_MS = 20_000
/** Longer than a proof has bytes, and with what a connection string has to encode. */
const PASSWORD = 'hegar: pässword/for @ MySQL 0123456789 0123456789'

/**
 * Starts a private MySQL server of Debian sid in the folder `dir`, which must be empty, and resolves when it answers
 * with `{host, port, user, password, socket, version, authority, stop()}`. The user is root with
 * caching_sha2_password; the server makes its own certificate, and `authority` is the one that vouches for it.
 */
async function startMysql({ dir, log = () => {}, args = [], signal } = {}) {
  const mysql = await ensureMysql({ log, signal })
  const data = path.join(dir, 'data')
  const socket = path.join(dir, 'mysql.sock')
  const init = path.join(dir, 'init.sql')
  const [program, ...loading] = mysql.command
  const common = [
    ...loading,
    '--no-defaults',
    ...(process.getuid?.() === 0 ? ['--user=root'] : []),
    `--basedir=${mysql.base}`,
    `--lc-messages-dir=${mysql.share}`,
    `--character-sets-dir=${path.join(mysql.share, 'charsets')}`,
    `--datadir=${data}`,
    `--plugin-dir=${mysql.plugins}`,
  ]
  fs.mkdirSync(path.join(dir, 'tmp'), { recursive: true })
  // Reachable over TCP as over the socket: without name resolution, localhost is the socket alone.
  fs.writeFileSync(
    init,
    ['localhost', '127.0.0.1']
      .flatMap((host) => [
        `CREATE USER IF NOT EXISTS root@'${host}';`,
        `ALTER USER root@'${host}' IDENTIFIED WITH caching_sha2_password BY '${PASSWORD}';`,
        `GRANT ALL ON *.* TO root@'${host}' WITH GRANT OPTION;`,
      ])
      .concat("INSTALL COMPONENT 'file://component_classic_hashing';")
      .join('\n'),
  )
  await run(program, [...common, '--initialize-insecure'], { signal, label: 'mysqld --initialize-insecure' })

  const port = await freePort()
  const output = fs.openSync(path.join(dir, 'error.log'), 'w')
  const guard = succeeds('setpriv', ['--pdeathsig', 'KILL', 'true']) ? ['setpriv', '--pdeathsig', 'KILL'] : []
  const [command, ...rest] = [
    ...guard,
    program,
    ...common,
    `--init-file=${init}`,
    `--tmpdir=${path.join(dir, 'tmp')}`,
    `--secure-file-priv=${path.join(dir, 'tmp')}`,
    `--socket=${socket}`,
    `--pid-file=${path.join(dir, 'pid')}`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    '--mysqlx=OFF',
    '--skip-name-resolve',
    '--skip-log-bin',
    '--performance-schema=OFF',
    '--innodb-flush-log-at-trx-commit=0',
    '--max-allowed-packet=256M',
    '--max-connections=500',
    '--local-infile=ON',
    '--cte-max-recursion-depth=1000000',
    ...args,
  ]
  const child = spawn(command, rest, { stdio: ['ignore', output, output], detached: true })
  fs.closeSync(output)
  const exited = new Promise((resolve) => {
    child.once('error', resolve)
    child.once('exit', resolve)
  })
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    const force = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS)
    await exited
    clearTimeout(force)
  }
  try {
    await ready({ socket, exited, log: path.join(dir, 'error.log') })
  } catch (error) {
    await stop()
    throw error
  }
  log(`MySQL ${mysql.version} on 127.0.0.1:${port}`)
  return {
    host: '127.0.0.1',
    port,
    user: 'root',
    password: PASSWORD,
    socket,
    version: mysql.version,
    authority: fs.readFileSync(path.join(data, 'ca.pem'), 'utf8'),
    stop,
  }
}

/** Resolves when the server greets on its socket; rejects with the end of its log when it does not. */
async function ready({ socket, exited, log }) {
  let ended = false
  exited.then(() => (ended = true))
  const deadline = Date.now() + START_DEADLINE_MS
  for (;;) {
    if (await greets(socket)) return
    if (ended || Date.now() > deadline) {
      const what = ended ? 'ended' : `gave no answer within ${START_DEADLINE_MS} ms`
      throw new Error(`mysqld ${what}:\n${tail(fs.readFileSync(log, 'utf8'))}`)
    }
    // Nothing announces readiness; a connection is tried again shortly.
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

module.exports = { startMysql }
