'use strict'

const { toParameters } = require('./parameters.js')
const { Execute } = require('./query.js')

/** A statement that was prepared on a connection, to be executed there. */
class Prepared {
  #connection

  /** `counts` has the number of parameters, and of columns times 65,536. */
  constructor(connection, query, counts) {
    this.#connection = connection
    this.query = query
    this.parameters = new Array(counts & 0xffff).fill(null)
    this.columns = new Array(counts >>> 16).fill(null)
  }

  execute(values, callback) {
    if (typeof values === 'function') return this.execute([], values)
    const execute = new Execute({ sql: this.query, values }, callback)
    return this.#connection._run(execute, () => this.query, toParameters(values))
  }

  close() {
    this.#connection.unprepare(this.query)
  }
}

module.exports = { Prepared }
