'use strict'

// `npm test`: sets the checkout up, starts one MariaDB for all tests, runs every suite and says how each ended.
// Only node: modules until the dependencies are there.

const { spawn } = require('node:child_process')
const { mkdtemp, readdir, rm } = require('node:fs/promises')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { ensureDependencies, ensureAddon } = require('./setup.js')

const root = join(__dirname, '..')
const log = (line) => console.log(line)

main().then(
  (failed) => {
    process.exitCode = failed ? 1 : 0
  },
  (error) => {
    console.error(`npm test: ${error.message}`)
    process.exitCode = 1
  },
)

async function main() {
  await ensureDependencies({ log })
  await ensureAddon({ log })
  await require('../__test__/libraries/install.js').installLibraries({ log })
  const { startMariadb } = require('./mariadb.js')
  // The tests start their own, many at a time.
  await require('./redis.js').ensureRedis({ log })
  const dir = await mkdtemp(join(tmpdir(), 'hegar-test-'))
  try {
    const server = await startMariadb({ dir, log })
    try {
      return await runSuites(server)
    } finally {
      await server.stop()
    }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

async function runSuites(server) {
  const { host, port, user, password, socket } = server
  const env = {
    ...process.env,
    HEGAR_TEST_SERVER: JSON.stringify({ host, port, user, password, socket }),
    HEGAR_TEST_URL: server.url(''),
  }
  const wanted = process.argv.slice(2)
  const suites = [
    ['rust', 'cargo', ['test', '--no-default-features', '--quiet']],
    ['js', process.execPath, ['--test', '--test-concurrency=2', ...(await testFiles())]],
    [
      'types',
      process.execPath,
      [join('node_modules', 'typescript', 'bin', 'tsc'), '-p', join('__test__', 'tsconfig.json')],
    ],
  ].filter(([name]) => wanted.length === 0 || wanted.includes(name))
  const ended = []
  for (const [name, command, args] of suites) {
    log(`\n== ${name}: ${command === process.execPath ? 'node' : command} ${args.slice(0, 3).join(' ')} …`)
    const started = Date.now()
    const code = await run(command, args, env)
    ended.push({ name, code, seconds: ((Date.now() - started) / 1000).toFixed(1) })
  }
  log('')
  for (const { name, code, seconds } of ended)
    log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`)
  return ended.some(({ code }) => code !== 0)
}

async function testFiles() {
  const names = await readdir(join(root, '__test__'))
  return names.filter((name) => name.endsWith('.test.js')).map((name) => join('__test__', name))
}

function run(command, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env, stdio: 'inherit' })
    child.once('error', (error) => {
      reject(
        error.code === 'ENOENT'
          ? new Error(`${command} is not installed; get it from https://rustup.rs`)
          : error,
      )
    })
    child.once('exit', (code, signal) => resolve(signal ? 1 : code))
  })
}
