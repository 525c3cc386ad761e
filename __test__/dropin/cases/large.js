'use strict'

// Sizes: many rows, many columns, long values, and every charset that matters.

const prepare = [
  'CREATE TABLE wide (id INT PRIMARY KEY AUTO_INCREMENT, t LONGTEXT, b LONGBLOB)',
  'CREATE TABLE latin (t VARCHAR(50) CHARACTER SET latin1, u VARCHAR(50) CHARACTER SET utf8mb3, c VARCHAR(50) CHARACTER SET ucs2, m VARCHAR(50))',
  "INSERT INTO latin VALUES ('café €', 'naïve', 'Ωmega', '😀 smile')",
]

const MEGABYTES = 2 * 1024 * 1024

const charsets = ['utf8mb4', 'UTF8_GENERAL_CI', 'latin1', 'utf8mb4_bin', 'ascii', 'cp1250', 'no_such_charset']

function cases(api) {
  const methods = api === 'mysql' ? ['query'] : ['query', 'execute']
  const list = []
  const add = (name, run, options) =>
    list.push({ name, run: async (_driver, session) => run(session, await session.open(options)) })
  for (const method of methods) {
    add(`${method} of 20,000 rows`, (session, connection) =>
      session.ask(
        connection,
        method,
        "SELECT seq, CONCAT('row ', seq) AS t, seq / 3 AS d, NULLIF(seq % 3, 0) AS n FROM seq_1_to_20000",
      ),
    )
    add(`${method} of 500 columns`, (session, connection) =>
      session.ask(
        connection,
        method,
        `SELECT ${Array.from({ length: 500 }, (_, i) => `${i} AS c${i}`).join(', ')}`,
      ),
    )
    add(`${method} with long values in both directions`, async (session, connection) => {
      const text = 'ä😀x'.repeat(MEGABYTES / 7)
      const bytes = Buffer.alloc(MEGABYTES, 'abc\0\xff')
      await session.ask(connection, 'query', 'TRUNCATE wide')
      await session.askAs(`${method} INSERT`, connection, method, 'INSERT INTO wide (t, b) VALUES (?, ?)', [
        text,
        bytes,
      ])
      await session.ask(connection, method, 'SELECT t, b, LENGTH(t) AS lt, LENGTH(b) AS lb FROM wide')
    })
    for (const length of [250, 251, 65535, 65536]) {
      add(`${method} of a text of ${length} bytes`, (session, connection) =>
        session.ask(connection, method, `SELECT REPEAT('x', ${length}) AS t, 'after' AS a`),
      )
    }
    // One packet more than the largest.
    add(`${method} of a value of more than 16 MB`, (session, connection) =>
      session.ask(connection, method, "SELECT REPEAT('0123456789abcdef', 1048576) AS t, 'after' AS a"),
    )
  }
  for (const charset of charsets) {
    list.push({
      name: `the charset ${charset}`,
      async run(_driver, session) {
        const connection = await session.open({ charset })
        await session.ask(connection, 'query', 'SELECT * FROM latin')
        await session.ask(connection, 'query', 'SELECT ? AS v, HEX(?) AS h', ['é😀', 'é'])
        await session.ask(
          connection,
          'query',
          'SELECT @@character_set_client, @@character_set_results, @@collation_connection',
        )
        if (api !== 'mysql')
          await session.ask(connection, 'execute', 'SELECT ? AS v, HEX(?) AS h', ['é', 'é'])
        await session.ask(connection, 'query', 'SELECT 1 AS `é`')
        await session.ask(connection, 'query', 'SELECT * FROM `fehlt_ß`')
      },
    })
  }
  add('SET NAMES of a running connection', async (session, connection) => {
    await session.ask(connection, 'query', 'SET NAMES latin1')
    await session.ask(connection, 'query', 'SELECT * FROM latin')
    await session.ask(connection, 'query', 'SELECT @@character_set_client')
  })
  return list
}

module.exports = { prepare, cases }
