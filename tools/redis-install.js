'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { aptInstall } = require('./apt.js')
const { WORK_DIR, run, which } = require('./run.js')

// Debian's redis-server and redis-sentinel are a service and a link each to a program that redis-tools holds: what it
// does depends on the name it is started by. So no service is installed that would have to be stopped.
const PACKAGE = 'redis-tools'
const PROGRAM = 'redis-check-rdb'

/**
 * Finds a Redis server program, installing Debian's package of it when that is possible (root and apt-get).
 * Resolves with {server, cli, version}; rejects with one line that says what to install.
 */
async function ensureRedis({ log = () => {}, signal } = {}) {
  const found = () => which('redis-server') ?? linked()
  const isThere = () => found() !== null && which('redis-cli') !== null
  if (!isThere()) {
    await aptInstall(PACKAGE, {
      missing: 'no Redis server was found',
      instead: 'have redis-server and redis-cli on PATH',
      isThere,
      log,
      signal,
    })
  }
  const server = found()
  if (!server) throw new Error(`${PACKAGE} is installed, but it brought no ${PROGRAM} program`)
  const version = /v=([\d.]+)/.exec(await run(server, ['--version']))?.[1]
  if (!version) throw new Error(`${server} is no Redis server that we know`)
  return { server, cli: which('redis-cli'), version }
}

/** A link of ours by the name that makes the program a server, or null. */
function linked() {
  const program = which(PROGRAM)
  if (!program) return null
  const link = path.join(WORK_DIR, 'redis', 'redis-server')
  if (readLink(link) === program) return link
  fs.mkdirSync(path.dirname(link), { recursive: true })
  // By renaming, because another process may be starting a server by the same link.
  const draft = `${link}.${process.pid}`
  fs.rmSync(draft, { force: true })
  fs.symlinkSync(program, draft)
  fs.renameSync(draft, link)
  return link
}

function readLink(link) {
  try {
    return fs.readlinkSync(link)
  } catch {
    return null
  }
}

module.exports = { ensureRedis }
