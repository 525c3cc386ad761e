'use strict'

const assert = require('node:assert/strict')
const { spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { describe, test } = require('node:test')
const { createConnection } = require('mysql2/promise')
const { startMariadb } = require('../tools/mariadb.js')

const TOOL = path.join(__dirname, '..', 'tools', 'mariadb.js')

async function select(server, sql) {
  const connection = await createConnection({ uri: server.url() })
  try {
    return (await connection.query(sql))[0]
  } finally {
    connection.destroy()
  }
}

const temporary = (t) => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'hegar-test-'))
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }))
  return dir
}

describe('a throwaway server', () => {
  test('answers on TCP and on its socket, with its own options, and leaves nothing behind', async () => {
    const server = await startMariadb({ args: ['--max-connections=42'] })
    assert.deepEqual(await select(server, 'SELECT @@max_connections AS n'), [{ n: 42 }])
    const local = await createConnection({ socketPath: server.socket, user: server.user })
    await local.query('SELECT 1')
    local.destroy()
    await server.stop()
    assert.equal(fs.existsSync(server.dir), false)
    await assert.rejects(select(server, 'SELECT 1'), { code: 'ECONNREFUSED' })
  })

  test('keeps its temporary tables when another one starts', async () => {
    const server = await startMariadb()
    const connection = await createConnection({ uri: server.url() })
    try {
      await connection.query('CREATE TEMPORARY TABLE mysql.kept (n INT) ENGINE = Aria')
      await connection.query('INSERT INTO mysql.kept VALUES (7)')
      await (await startMariadb()).stop()
      await connection.query('FLUSH TABLES')
      assert.deepEqual((await connection.query('SELECT n FROM mysql.kept'))[0], [{ n: 7 }])
      await connection.query('DROP TABLE mysql.kept')
    } finally {
      connection.destroy()
      await server.stop()
    }
  })

  test('stops even when it hangs', async () => {
    const server = await startMariadb()
    server.kill('SIGSTOP')
    await server.stop()
    assert.equal((await server.exited).signal, 'SIGKILL')
  })

  test('comes back on the same port with its data after a crash', async () => {
    const server = await startMariadb({ args: ['--innodb-flush-log-at-trx-commit=2'] })
    await select(server, 'CREATE TABLE mysql.kept AS SELECT 7 AS n')
    server.kill('SIGKILL')
    const again = await server.restart()
    try {
      assert.equal(again.port, server.port)
      assert.deepEqual(await select(again, 'SELECT n FROM mysql.kept'), [{ n: 7 }])
    } finally {
      await again.stop()
    }
  })

  for (const [ending, code] of [
    ['an uncaught error', 'throw new Error("end")'],
    ['process.exit', 'process.exit(3)'],
    ['SIGTERM', 'process.kill(process.pid, "SIGTERM")'],
    ['SIGKILL', 'process.kill(process.pid, "SIGKILL")'],
  ]) {
    test(`ends with its process, here by ${ending}`, async () => {
      const script = `require(${JSON.stringify(TOOL)}).startMariadb().then((server) => {
        require('node:fs').writeSync(1, JSON.stringify({ pid: server.pid, port: server.port, dir: server.dir }))
        ${code}
      })`
      const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] })
      let printed = ''
      child.stdout.on('data', (chunk) => (printed += chunk))
      await once(child, 'close')
      const { pid, dir } = JSON.parse(printed)
      await gone(pid)
      if (ending === 'SIGKILL') fs.rmSync(dir, { recursive: true, force: true })
      assert.equal(fs.existsSync(dir), false)
    })
  }
})

describe('a server on a folder of ours', () => {
  test('keeps its data, and one folder is never used by two servers', async (t) => {
    const dir = temporary(t)
    const first = await startMariadb({ dir })
    await select(first, 'CREATE DATABASE kept')
    await assert.rejects(startMariadb({ dir }), { code: 'HEGAR_DATADIR_BUSY' })
    await first.stop()
    const second = await startMariadb({ dir })
    assert.equal((await select(second, "SHOW DATABASES LIKE 'kept'")).length, 1)
    await second.stop()
  })

  test('says in its error what the server said', async (t) => {
    await assert.rejects(
      startMariadb({ dir: temporary(t), args: ['--no-such-option'] }),
      /unknown option '--no-such-option'/,
    )
  })

  test('has a socket even when the path of the folder is longer than a socket may be', async (t) => {
    const dir = path.join(temporary(t), 'a'.repeat(60), 'b'.repeat(60))
    const server = await startMariadb({ dir })
    const local = await createConnection({ socketPath: server.socket, user: server.user })
    await local.query('SELECT 1')
    local.destroy()
    await server.stop()
    assert.equal(fs.existsSync(path.dirname(server.socket)), false)
  })

  test('can be made without the template, for options that change how data is laid out', async (t) => {
    const server = await startMariadb({
      dir: temporary(t),
      template: false,
      args: ['--innodb-page-size=8192'],
    })
    assert.deepEqual(await select(server, 'SELECT @@innodb_page_size AS n'), [{ n: 8192 }])
    await server.stop()
  })
})

/** Resolves when a process that is not our child has ended. */
async function gone(pid) {
  for (;;) {
    try {
      process.kill(pid, 0)
    } catch {
      return
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
}
