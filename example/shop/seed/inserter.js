'use strict'

const ROWS_A_STATEMENT = 1_000

/**
 * Collects rows of several tables and writes each table's in statements of a thousand rows; one row a statement
 * would take minutes for the whole seed.
 */
class Inserter {
  #connection
  #tables = new Map()

  constructor(connection) {
    this.#connection = connection
  }

  /** Takes one row, an object whose keys are the columns; rows of one table have the same keys. */
  async add(table, row) {
    let rows = this.#tables.get(table)
    if (!rows) this.#tables.set(table, (rows = []))
    rows.push(row)
    if (rows.length === ROWS_A_STATEMENT) await this.#write(table)
  }

  async addAll(table, rows) {
    for (const row of rows) await this.add(table, row)
  }

  /** Writes what is still held. */
  async flush() {
    for (const table of this.#tables.keys()) await this.#write(table)
  }

  async #write(table) {
    const rows = this.#tables.get(table)
    if (rows.length === 0) return
    this.#tables.set(table, [])
    const columns = Object.keys(rows[0])
    const values = rows.map((row) => columns.map((column) => row[column]))
    await this.#connection.query('INSERT INTO ?? (??) VALUES ?', [table, columns, values])
  }
}

module.exports = { Inserter }
