'use strict'

const mysql = require('mysql2/promise')

const LOCK_WAIT_SECONDS = 600

/**
 * Opens one connection for set-up work, with the database made if it is missing, and runs `work` on it while no
 * other set-up works on the same database. mysql2 is used because an advisory lock belongs to one connection.
 */
async function withSetupConnection({ connectionLimit, timezone, database, ...address }, work) {
  // Dates are written in UTC, so that the seed is the same in every time zone.
  const connection = await mysql.createConnection({ ...address, timezone: 'Z' })
  try {
    await useDatabase(connection, database)
    await connection.query("SET time_zone = '+00:00'")
    const [[{ locked }]] = await connection.query('SELECT GET_LOCK(?, ?) AS locked', [
      lockName(database),
      LOCK_WAIT_SECONDS,
    ])
    if (locked !== 1)
      throw new Error(`another set-up has been at work on the database ${database} for 10 minutes`)
    return await work(connection)
  } finally {
    connection.destroy()
  }
}

async function useDatabase(connection, database) {
  const name = mysql.escapeId(database)
  try {
    await connection.query(`USE ${name}`)
  } catch (error) {
    if (error.code !== 'ER_BAD_DB_ERROR') throw error
    await connection.query(
      `CREATE DATABASE IF NOT EXISTS ${name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`,
    )
    await connection.query(`USE ${name}`)
  }
}

/** MySQL limits the name of a lock to 64 characters. */
function lockName(database) {
  return `hegar-shop set-up ${database}`.slice(0, 64)
}

module.exports = { withSetupConnection }
