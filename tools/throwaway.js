'use strict'

// What throwaway servers share: folders of their own, and an end with the process that started them.

const fs = require('node:fs')
const path = require('node:path')
const { WORK_DIR, succeeds } = require('./run.js')

/** Servers of this process that have not ended; what is still here when the process ends is ended with it. */
const running = new Set()
let isWatching = false
let canSignal

/** Has `server.abandon()` called in the last synchronous moment of this process, unless it has ended before. */
function endsWithProcess(server) {
  running.add(server)
  watchProcessEnd()
}

function hasEnded(server) {
  running.delete(server)
}

function isRunning(server) {
  return running.has(server)
}

/** Puts before a command what has the kernel end it should this process be killed before it can do so itself. */
function withDeathSignal(signal = 'TERM') {
  canSignal ??= succeeds('setpriv', ['--pdeathsig', 'TERM', 'true'])
  return canSignal ? ['setpriv', '--pdeathsig', signal] : []
}

/** A new folder whose name carries our process number, after removing those whose process is gone. */
function makeThrowawayFolder() {
  const parent = path.join(WORK_DIR, 'servers')
  fs.mkdirSync(parent, { recursive: true })
  for (const name of fs.readdirSync(parent)) {
    if (!isAlive(Number.parseInt(name, 10)))
      fs.rmSync(path.join(parent, name), { recursive: true, force: true })
  }
  return fs.mkdtempSync(path.join(parent, `${process.pid}-`))
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/**
 * Ends the servers with the process. A signal that nobody else listens to would end the process without its
 * exit event, so it is answered here and then sent again.
 */
function watchProcessEnd() {
  if (isWatching) return
  isWatching = true
  const abandonAll = () => {
    for (const server of running) server.abandon()
    running.clear()
  }
  process.on('exit', abandonAll)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    const answer = () => {
      if (process.listenerCount(signal) > 1) return
      process.removeListener(signal, answer)
      abandonAll()
      process.kill(process.pid, signal)
    }
    process.on(signal, answer)
  }
}

module.exports = { endsWithProcess, hasEnded, isRunning, makeThrowawayFolder, withDeathSignal }
