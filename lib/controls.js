'use strict'

const { HegarTypeError } = require('./errors.js')

const LEVELS = new Map(
  ['READ UNCOMMITTED', 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'].map((level) => [level, level]),
)
const START = ['isolation', 'readOnly']

/** Runs the statements that begin and end transactions; Rust keeps account of them. */
class Controls {
  #channel
  #savepoints = 0

  constructor(channel) {
    this.#channel = channel
  }

  /** Throws what would refuse a statement now. */
  check(sql) {
    const refused = this.#channel.refused()
    if (refused !== null) throw this.#channel.failure(refused, sql, null, this.check)
  }

  async run(control, sql) {
    if (control === 'rollback') this.#channel.leaveStreams()
    const site = this.#channel.site(this.run)
    try {
      await this.#channel.call('transaction', sql, (number) =>
        this.#channel.native.control(number, control, sql),
      )
    } catch (error) {
      throw this.#channel.failure(error, sql, site)
    }
  }

  /** Runs `work()` in an open transaction; when it throws, what it did is undone. */
  async undoable(work) {
    const name = `hegar_${++this.#savepoints}`
    await this.run('savepoint', `SAVEPOINT ${name}`)
    let value
    try {
      value = await work()
    } catch (error) {
      // Where the server has ended the whole transaction there is no savepoint to go back to; `error` says so.
      await this.run('savepoint', `ROLLBACK TO SAVEPOINT ${name}`).catch(() => {})
      throw error
    }
    await this.run('savepoint', `RELEASE SAVEPOINT ${name}`)
    return value
  }
}

/**
 * What begins a transaction with these options, as pairs of a step and its statement. Throws HegarTypeError for an
 * option that does not exist, `others` aside, or has a value that it cannot have.
 */
function startStatements(options = {}, others = []) {
  const known = [...START, ...others]
  if (options === null || typeof options !== 'object') {
    throw new HegarTypeError(
      `the options of a transaction must be an object, not ${options === null ? 'null' : typeof options}`,
    )
  }
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) {
      throw new HegarTypeError(
        `a transaction has no option '${name.slice(0, 64)}'; there are ${known.join(', ')}`,
      )
    }
  }
  const { isolation, readOnly = false } = options
  if (typeof readOnly !== 'boolean') throw new HegarTypeError('readOnly must be true or false')
  const statements = [['begin', readOnly ? 'START TRANSACTION READ ONLY' : 'START TRANSACTION']]
  if (isolation !== undefined) {
    const level = typeof isolation === 'string' ? LEVELS.get(isolation.toUpperCase()) : undefined
    if (level === undefined) {
      const names = [...LEVELS.keys()].map((name) => `'${name.toLowerCase()}'`)
      throw new HegarTypeError(`isolation must be one of ${names.join(', ')}`)
    }
    statements.unshift(['prepare', `SET TRANSACTION ISOLATION LEVEL ${level}`])
  }
  return statements
}

module.exports = { Controls, startStatements }
