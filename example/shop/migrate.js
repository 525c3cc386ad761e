'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { loadConfig } = require('./src/config.js')
const { withSetupConnection } = require('./src/connection.js')

const FOLDER = path.join(__dirname, 'migrations')
const ALREADY_DONE = { up: ['ER_DUP_KEYNAME'], down: ['ER_CANT_DROP_FIELD_OR_KEY'] }

/**
 * Applies the migrations that a database does not have yet, in the order of their names. Resolves with the
 * names applied.
 *
 * The server commits each CREATE and DROP by itself, so a migration that was cut short is continued with the
 * statement after the last one that is known to have been done.
 */
async function migrateUp(connection, { log = () => {} } = {}) {
  const history = await readHistory(connection)
  const applied = []
  for (const name of listMigrations()) {
    const entry = history.get(name) ?? { done: 0, finished: false }
    if (entry.finished) continue
    log(`Migration ${name}`)
    await apply(connection, name, 'up', entry.done)
    await connection.query('UPDATE schema_migrations SET finished = 1 WHERE name = ?', [name])
    applied.push(name)
  }
  return applied
}

/** Takes back the last `count` migrations (all of them by default). Resolves with their names. */
async function migrateDown(connection, { count = Infinity, log = () => {} } = {}) {
  const history = await readHistory(connection)
  const present = listMigrations().filter((name) => history.has(name))
  const reverted = []
  for (const name of present.reverse().slice(0, count)) {
    log(`Migration ${name}, back`)
    await apply(connection, name, 'down', 0)
    await connection.query('DELETE FROM schema_migrations WHERE name = ?', [name])
    reverted.push(name)
  }
  return reverted
}

async function readHistory(connection) {
  await connection.query(`CREATE TABLE IF NOT EXISTS schema_migrations (
    name VARCHAR(100) NOT NULL PRIMARY KEY,
    done INT NOT NULL,
    finished TINYINT NOT NULL DEFAULT 0
  )`)
  const [rows] = await connection.query('SELECT name, done, finished FROM schema_migrations')
  return new Map(rows.map(({ name, done, finished }) => [name, { done, finished: finished === 1 }]))
}

async function apply(connection, name, direction, start) {
  const statements = readStatements(path.join(FOLDER, `${name}.${direction}.sql`))
  for (let index = start; index < statements.length; index++) {
    try {
      await connection.query(statements[index])
    } catch (error) {
      // Whoever was cut short may have done this one without having noted it.
      if (!ALREADY_DONE[direction].includes(error.code)) throw error
    }
    if (direction === 'up') {
      await connection.query('REPLACE INTO schema_migrations (name, done, finished) VALUES (?, ?, 0)', [
        name,
        index + 1,
      ])
    }
  }
}

function listMigrations() {
  const ending = '.up.sql'
  const files = fs.readdirSync(FOLDER).filter((file) => file.endsWith(ending))
  return files.map((file) => file.slice(0, -ending.length)).sort()
}

/** A migration file holds whole-line comments and statements that end with a semicolon at the end of a line. */
function readStatements(file) {
  const lines = fs.readFileSync(file, 'utf8').split('\n')
  const sql = lines.filter((line) => !line.startsWith('--')).join('\n')
  return sql
    .split(/;\s*\n/)
    .map((text) => text.trim())
    .filter(Boolean)
}

async function main([direction = 'up', count]) {
  if (direction !== 'up' && direction !== 'down')
    throw new Error('usage: node migrate.js [up | down [COUNT]]')
  await withSetupConnection(loadConfig().database, async (connection) => {
    const options = { log: console.log, count: count === undefined ? undefined : Number(count) }
    const names = await (direction === 'up' ? migrateUp : migrateDown)(connection, options)
    console.log(`${names.length} migrations ${direction === 'up' ? 'applied' : 'taken back'}`)
  })
}

if (require.main === module) {
  main(process.argv.slice(2)).catch((error) => {
    console.error(error.message)
    process.exitCode = 1
  })
}

module.exports = { migrateUp, migrateDown }
