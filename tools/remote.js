'use strict'

// Talk with a process of one's own: the parent asks for actions by name, the child does them.

const { fork } = require('node:child_process')

/**
 * Starts `file`, which calls `serve`. Gives `{ask(action, ...args), end(), kill()}`: `ask` resolves with what the action
 * gave, or rejects with what it failed with or when the process ends before; `end` lets the process go once nothing is
 * left for it to do, and resolves with its exit code or signal, as `kill` does.
 */
function startRemote(file) {
  const child = fork(file, [], { serialization: 'advanced' })
  const waiting = new Map()
  let next = 1
  let ended = null
  child.on('message', ({ number, value, error }) => {
    const { resolve, reject } = waiting.get(number)
    waiting.delete(number)
    if (error === undefined) resolve(value)
    else reject(new Error(error))
  })
  const exited = new Promise((resolve) =>
    child.once('exit', (code, signal) => {
      ended = signal ?? code
      for (const { reject } of waiting.values()) reject(new Error(`the process ended with ${ended}`))
      resolve(ended)
    }),
  )
  return {
    ask: (action, ...args) =>
      new Promise((resolve, reject) => {
        const number = next++
        waiting.set(number, { resolve, reject })
        child.send({ number, action, args }, (error) => error && reject(error))
      }),
    end() {
      if (child.connected) child.disconnect()
      return exited
    },
    kill() {
      child.kill('SIGKILL')
      return exited
    },
    get hasEnded() {
      return ended !== null
    },
  }
}

/** In the child: does what the parent asks for, functions by name. */
function serve(actions) {
  process.on('message', async ({ number, action, args }) => {
    let answer
    try {
      answer = { number, value: await actions[action](...args) }
    } catch (error) {
      answer = { number, error: described(error) }
    }
    process.send(answer)
  })
}

function described(error) {
  return error?.code === undefined ? String(error?.stack ?? error) : `${error.code}: ${error.message}`
}

module.exports = { startRemote, serve }
