'use strict'

// Run as a process of its own, by shape-rows.test.js: reads ROWS_SQL with ROWS_OPTIONS and prints, for each
// statement, JSON.stringify of its rows.

const { createPool } = require('../../index.js')

main()

async function main() {
  const db = createPool(JSON.parse(process.env.ROWS_OPTIONS))
  const answers = []
  for (const sql of JSON.parse(process.env.ROWS_SQL)) answers.push(JSON.stringify(await db.query(sql)))
  await db.close()
  process.stdout.write(JSON.stringify(answers))
}
