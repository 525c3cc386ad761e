'use strict'

// What a statement without rows gives, and transactions.

const prepare = [
  'CREATE TABLE items (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(20) UNIQUE, n INT NOT NULL DEFAULT 0)',
  'CREATE TABLE big (id BIGINT UNSIGNED PRIMARY KEY AUTO_INCREMENT, v INT)',
  'CREATE TABLE signed_big (id BIGINT PRIMARY KEY AUTO_INCREMENT, v INT)',
]

const TEN = "INSERT INTO items (id, name) VALUES (1, 'a'), (2, 'b'), (3, 'c')"

// [name, statements, connection options]. Each begins with an empty table.
const scripts = [
  ['INSERT of one row', ["INSERT INTO items (name) VALUES ('x')"]],
  ['INSERT of several rows', ["INSERT INTO items (name) VALUES ('x'), ('y'), ('z')"]],
  ['INSERT with an id', ["INSERT INTO items (id, name) VALUES (77, 'x')"]],
  ['INSERT … SELECT', [TEN, "INSERT INTO items (name) SELECT CONCAT(name, '2') FROM items"]],
  ['INSERT IGNORE', [TEN, "INSERT IGNORE INTO items (id, name) VALUES (1, 'a'), (9, 'i')"]],
  ['INSERT … RETURNING', ["INSERT INTO items (name) VALUES ('x') RETURNING id, name"]],
  ['UPDATE that changes', [TEN, 'UPDATE items SET n = 5 WHERE id < 3']],
  ['UPDATE that changes nothing', [TEN, 'UPDATE items SET n = 0']],
  ['UPDATE of nothing', [TEN, 'UPDATE items SET n = 1 WHERE id = 99']],
  ['UPDATE that changes a part', [TEN, 'UPDATE items SET n = 1 WHERE id = 1', 'UPDATE items SET n = 1']],
  [
    'UPDATE without FOUND_ROWS',
    [TEN, 'UPDATE items SET n = 0', 'UPDATE items SET n = 1'],
    { flags: '-FOUND_ROWS' },
  ],
  ['UPDATE with flags as a list', [TEN, 'UPDATE items SET n = 0'], { flags: ['-FOUND_ROWS'] }],
  ['UPDATE with an unknown flag', [TEN, 'UPDATE items SET n = 1'], { flags: '+NO_SUCH_FLAG' }],
  ['DELETE', [TEN, 'DELETE FROM items WHERE id < 3', 'DELETE FROM items WHERE id = 99', 'DELETE FROM items']],
  [
    'REPLACE',
    [TEN, "REPLACE INTO items (id, name) VALUES (1, 'a2')", "REPLACE INTO items (name) VALUES ('b')"],
  ],
  [
    'ON DUPLICATE KEY UPDATE',
    [
      TEN,
      "INSERT INTO items (id, name) VALUES (1, 'a') ON DUPLICATE KEY UPDATE n = n + 1",
      "INSERT INTO items (id, name) VALUES (1, 'a') ON DUPLICATE KEY UPDATE n = n",
      "INSERT INTO items (name) VALUES ('new') ON DUPLICATE KEY UPDATE n = 9",
    ],
  ],
  ['TRUNCATE', [TEN, 'TRUNCATE items']],
  [
    'DDL',
    [
      'CREATE TABLE made (a INT)',
      'ALTER TABLE made ADD b INT',
      'DROP TABLE made',
      'DROP TABLE IF EXISTS made',
    ],
  ],
  [
    'warnings',
    ["SET sql_mode = ''", "INSERT INTO items (n) VALUES ('no number')", 'SHOW WARNINGS', 'DO 1 / 0'],
  ],
  ['LAST_INSERT_ID with a value', [TEN, 'UPDATE items SET n = LAST_INSERT_ID(1234) WHERE id = 1']],
  ['SET, USE and DO', ['SET @a = 1', 'USE information_schema', 'DO SLEEP(0)']],
  ['a large id', ['INSERT INTO big VALUES (9007199254740993, 1)', 'DELETE FROM big']],
  [
    'a large id with big numbers',
    ['INSERT INTO big VALUES (9007199254740993, 1)', 'INSERT INTO big (v) VALUES (2)', 'DELETE FROM big'],
    { supportBigNumbers: true },
  ],
  [
    'a large id with big numbers as strings',
    [
      'INSERT INTO big VALUES (9007199254740993, 1)',
      'INSERT INTO items (name) VALUES ("s")',
      'DELETE FROM big',
    ],
    { supportBigNumbers: true, bigNumberStrings: true },
  ],
  [
    'the largest id with big numbers',
    ['INSERT INTO big VALUES (18446744073709551610, 1)', 'DELETE FROM big'],
    { supportBigNumbers: true },
  ],
  ['a negative id', ['INSERT INTO signed_big VALUES (-5, 1)', 'DELETE FROM signed_big']],
  ['LOCK and UNLOCK', ['LOCK TABLES items READ', 'UNLOCK TABLES']],
  [
    'status in a transaction',
    ['START TRANSACTION', "INSERT INTO items (name) VALUES ('t')", 'ROLLBACK', 'SELECT 1'],
  ],
  ['status without autocommit', ['SET autocommit = 0', "INSERT INTO items (name) VALUES ('t')", 'COMMIT']],
]

const transactions = {
  commit: async (session, connection) => {
    await session.ask(connection, 'beginTransaction')
    await session.ask(connection, 'query', "INSERT INTO items (name) VALUES ('in')")
    await session.ask(connection, 'commit')
    await session.ask(connection, 'query', 'SELECT name FROM items')
  },
  rollback: async (session, connection) => {
    await session.ask(connection, 'beginTransaction')
    await session.ask(connection, 'query', "INSERT INTO items (name) VALUES ('in')")
    await session.ask(connection, 'rollback')
    await session.ask(connection, 'query', 'SELECT name FROM items')
  },
  'commit without a transaction': async (session, connection) => {
    await session.ask(connection, 'commit')
    await session.ask(connection, 'rollback')
  },
  'an error in between': async (session, connection) => {
    await session.ask(connection, 'beginTransaction')
    await session.ask(connection, 'query', "INSERT INTO items (id, name) VALUES (1, 'in')")
    await session.ask(connection, 'query', "INSERT INTO items (id, name) VALUES (1, 'in')")
    await session.ask(connection, 'commit')
    await session.ask(connection, 'query', 'SELECT id, name FROM items')
  },
  'another connection sees nothing before commit': async (session, connection) => {
    const other = await session.open()
    await session.ask(connection, 'beginTransaction')
    await session.ask(connection, 'query', "INSERT INTO items (name) VALUES ('in')")
    await session.ask(other, 'query', 'SELECT COUNT(*) AS n FROM items')
    await session.ask(connection, 'commit')
    await session.ask(other, 'query', 'SELECT COUNT(*) AS n FROM items')
  },
}

function cases(api) {
  const methods = api === 'mysql' ? ['query'] : ['query', 'execute']
  const list = []
  const add = (name, options, use) =>
    list.push({
      name,
      async run(_driver, session) {
        const connection = await session.open(options)
        await session.ask(connection, 'query', 'TRUNCATE items')
        await use(session, connection)
      },
    })
  for (const method of methods) {
    for (const [name, statements, options] of scripts) {
      add(`${method} of ${name}`, options, async (session, connection) => {
        for (const sql of statements) await session.ask(connection, method, sql)
      })
    }
  }
  for (const [name, use] of Object.entries(transactions)) add(`transaction with ${name}`, {}, use)
  if (api === 'mysql') {
    // mysql takes options before the callback; they have a timeout.
    add('transaction with options', {}, async (session, connection) => {
      await session.ask(connection, 'beginTransaction', { timeout: 5000 })
      await session.ask(connection, 'commit', { timeout: 5000 })
      await session.ask(connection, 'rollback', { timeout: 5000 })
    })
  }
  return list
}

module.exports = { prepare, cases }
