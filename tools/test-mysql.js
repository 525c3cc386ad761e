'use strict'

// `npm run test:mysql`: runs the JavaScript suites against MySQL of Debian sid instead of MariaDB. Optional, and no
// part of `npm test`: it downloads about 150 MB the first time and needs root then. Where MySQL can not be had it says
// why and ends well. `npm run test:mysql -- auth pool` runs some of the files.

const { spawn } = require('node:child_process')
const { mkdtemp, readdir, readFile, rm } = require('node:fs/promises')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { ensureDependencies, ensureAddon } = require('./setup.js')
const { CHECKOUT } = require('./run.js')

const log = (line) => console.log(line)

// Files that talk to a server of their own making; and threads, which keeps ours busy with rows that MariaDB makes at no cost.
const OTHERS = ['faults', 'tls', 'threads', 'tools-mariadb', 'shop', 'shop-app', 'shop-setup']

main().then(
  (code) => {
    process.exitCode = code
  },
  (error) => {
    console.error(`npm run test:mysql: ${error.message}`)
    process.exitCode = 1
  },
)

async function main() {
  await ensureDependencies({ log })
  await ensureAddon({ log })
  const { ensureMysql } = require('./mysql-install.js')
  const { startMysql } = require('./mysql.js')
  const mysql = await ensureMysql({ log }).catch((error) => {
    log(
      `\n${'!'.repeat(80)}\nSKIPPED, nothing was tested on MySQL, which can not be had here:\n${error.message}\n${'!'.repeat(80)}`,
    )
  })
  if (!mysql) return 0
  const dir = await mkdtemp(join(tmpdir(), 'hegar-mysql-'))
  try {
    const server = await startMysql({ dir, log })
    try {
      return await runFiles(server, await testFiles())
    } finally {
      await server.stop()
      log(`\nThat was MySQL ${mysql.version}.`)
    }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** Every file that asks for the server of the run, or is about MySQL alone. */
async function testFiles() {
  const wanted = process.argv.slice(2)
  const files = []
  for (const file of await readdir(join(CHECKOUT, '__test__'))) {
    const name = file.replace(/\.test\.js$/, '')
    if (name === file || OTHERS.includes(name) || (wanted.length > 0 && !wanted.includes(name))) continue
    const path = join('__test__', file)
    if (/testServer|openDrivers|isMysql/.test(await readFile(join(CHECKOUT, path), 'utf8'))) files.push(path)
  }
  return files
}

function runFiles({ host, port, user, password, socket, version, authority }, files) {
  const env = {
    ...process.env,
    HEGAR_TEST_SERVER: JSON.stringify({
      host,
      port,
      user,
      password,
      socket,
      product: 'MySQL',
      version,
      authority,
    }),
  }
  return new Promise((resolve, reject) => {
    const args = ['--test', '--test-concurrency=2', ...files]
    const child = spawn(process.execPath, args, { cwd: CHECKOUT, env, stdio: 'inherit' })
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
}
