'use strict'

const { enclose } = require('./batch.js')
const { Queries } = require('./queries.js')
const { Controls, startStatements } = require('./controls.js')

const RELEASED = {
  code: 'HEGAR_CONNECTION_RELEASED',
  message: 'the connection has been given back to the pool; take another one with getConnection()',
}

let channelTo
let beginWith

/** The channel for another face of a connection, which has its own reasons to refuse calls. */
function faceOf(connection, refusal) {
  return channelTo(connection, refusal)
}

/** Begins a transaction with the statements that `startStatements` gave. */
function beginOn(connection, start) {
  return beginWith(connection, start)
}

/** A connection that is held until it is released. */
class Connection extends Queries {
  static {
    channelTo = (connection, refusal) => connection.#channel.to(connection.#native, refusal)
    beginWith = async (connection, start) => {
      for (const [control, sql] of start) await connection.#controls.run(control, sql)
    }
  }

  #channel
  #native
  #controls
  #onRelease
  #released = null
  /** The end of the batch before: two at a time would share a transaction. */
  #batches = Promise.resolve()

  constructor({ native, channel, threadId, onRelease }) {
    const own = channel.to(native, () => (this.#released === null ? null : RELEASED))
    super(own)
    this.#channel = own
    this.#native = native
    this.#controls = new Controls(own)
    this.#onRelease = onRelease
    /** The server's number for this connection, the one in its processlist. */
    this.threadId = threadId
  }

  async beginTransaction(options) {
    await beginWith(this, startStatements(options))
  }

  async commit() {
    await this.#controls.run('commit', 'COMMIT')
  }

  async rollback() {
    await this.#controls.run('rollback', 'ROLLBACK')
  }

  release() {
    this.#released ??= this.#giveBack()
    return this.#released
  }

  destroy() {
    this.#native.destroy()
    this.release()
  }

  [enclose](wanted, work, watch) {
    let isRunning = false
    const batch = this.#batches.then(() => {
      if (watch.error !== null) throw watch.error
      isRunning = true
      return this.#enclose(wanted, work)
    })
    this.#batches = batch.catch(() => {})
    return watch.during(batch, () => isRunning && this.destroy())
  }

  async #enclose(wanted, work) {
    if (!wanted) return work(this.#channel, false)
    try {
      await this.beginTransaction()
    } catch (error) {
      if (error.code !== 'HEGAR_TRANSACTION_OPEN') throw error
      return this.#controls.undoable(() => work(this.#channel, false))
    }
    let value
    try {
      value = await work(this.#channel, true)
    } catch (error) {
      // Where this fails there is no transaction any more, or release() rolls it back.
      await this.rollback().catch(() => {})
      throw error
    }
    await this.commit()
    return value
  }

  async #giveBack() {
    this.#channel.leaveStreams()
    try {
      await this.#channel.start('release', undefined, (number) => this.#native.release(number))
    } catch {
      // The pool was closed meanwhile, and the connection with it.
    } finally {
      this.#onRelease()
    }
  }

  [Symbol.asyncDispose]() {
    return this.release()
  }
}

module.exports = { Connection, faceOf, beginOn }
