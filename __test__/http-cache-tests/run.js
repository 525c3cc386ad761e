'use strict'

const { spawn } = require('node:child_process')
const http = require('node:http')
const os = require('node:os')
const path = require('node:path')
const { endsWithProcess, hasEnded, withDeathSignal } = require('../../tools/throwaway.js')
const { createApp } = require('./pass-through.js')

const SERVER = path.join(__dirname, 'node_modules', 'http-cache-tests', 'server', 'server.mjs')
const CLIENT = path.join(__dirname, 'client.mjs')

/**
 * Runs the whole suite against an Express app with `middleware` before a pass-through to the suite's origin and resolves with
 * its results by the tests' ids: true, or what went wrong as `[kind, message]`. Without `middleware` nothing is cached.
 */
async function runSuite(middleware) {
  const origin = await startOrigin()
  try {
    const server = http.createServer(createApp(origin.port, middleware))
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      return await askAll(`http://127.0.0.1:${server.address().port}`)
    } finally {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  } finally {
    await origin.stop()
  }
}

/** The suite's origin on a port that the kernel chooses; resolves when it listens. */
function startOrigin() {
  const env = {
    ...process.env,
    npm_config_protocol: 'http',
    npm_config_port: '0',
    npm_config_pidfile: os.devNull,
  }
  const child = start(SERVER, [], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  return new Promise((resolve, reject) => {
    let said = ''
    const listen = (chunk) => {
      said += chunk
      const found = /Listening on http:\/\/\S+:(\d+)\//.exec(said)
      if (!found) return
      child.stdout.off('data', listen).resume()
      resolve({ port: Number(found[1]), stop: child.end })
    }
    child.stdout.on('data', listen)
    child.stderr.on('data', (chunk) => (said += chunk))
    child.ended.then((how) => reject(new Error(`the suite's origin ended with ${how}: ${said}`)), reject)
  })
}

async function askAll(base) {
  const child = start(CLIENT, [base], { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] })
  let said = ''
  let text = ''
  child.stdout.on('data', (chunk) => (said += chunk))
  child.stderr.on('data', (chunk) => (said += chunk))
  child.stdio[3].on('data', (chunk) => (text += chunk))
  const how = await child.ended
  if (text === '') throw new Error(`the suite's client ended with ${how} and left no results: ${said}`)
  return JSON.parse(text)
}

/** A Node process that does not outlive this one; `ended` resolves with its exit code or signal, `end()` ends it. */
function start(script, args, options) {
  const [program, ...rest] = [...withDeathSignal('KILL'), process.execPath, '--no-warnings', script, ...args]
  const child = spawn(program, rest, options)
  const entry = { abandon: () => child.kill('SIGKILL') }
  endsWithProcess(entry)
  child.ended = new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(signal ?? code))
  }).finally(() => hasEnded(entry))
  child.end = () => {
    child.kill('SIGKILL')
    return child.ended
  }
  return child
}

module.exports = { runSuite }
