'use strict'

const { readFileSync } = require('node:fs')

/** Whether this run is on MySQL instead of MariaDB, see tools/test-mysql.js. */
const isMysql = JSON.parse(process.env.HEGAR_TEST_SERVER ?? '{}').product === 'MySQL'

/** The options of a test about what MariaDB has and MySQL has not: `test(name, mariadbOnly('why'), …)`. */
const mariadbOnly = (reason) => ({ skip: isMysql && `on MariaDB only: ${reason}` })

/**
 * Makes the tables `seq_1_to_n` that the test file names, in `database`, as views. MariaDB has them all by itself.
 */
async function makeSequences(connection, database) {
  if (!isMysql) return
  const text = readFileSync(process.argv[1], 'utf8')
  const constant = (name) => new RegExp(`const ${name} = (\\d+)`).exec(text)?.[1]
  for (const [, from, to, name] of text.matchAll(/\bseq_(\d+)_to_(?:(\d+)|\$\{(\w+)\})/g)) {
    const last = to ?? constant(name)
    await connection.query(
      `CREATE VIEW IF NOT EXISTS ${database}.seq_${from}_to_${last} (seq) AS
        WITH RECURSIVE numbers (n) AS (SELECT ${from} UNION ALL SELECT n + 1 FROM numbers WHERE n < ${last})
        SELECT n FROM numbers`,
    )
  }
}

module.exports = { isMysql, mariadbOnly, makeSequences }
