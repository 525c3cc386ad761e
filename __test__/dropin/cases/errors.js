'use strict'

const prepare = [
  'CREATE TABLE uniques (id INT PRIMARY KEY, name VARCHAR(5) NOT NULL UNIQUE)',
  "INSERT INTO uniques VALUES (1, 'one')",
  'CREATE TABLE children (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES uniques (id))',
  "CREATE USER '{database}'@'%' IDENTIFIED BY 'right'",
]
const cleanup = ["DROP USER IF EXISTS '{database}'@'%'"]

const statements = [
  'SELEC 1',
  "SELECT 'unterminated",
  'SELECT * FROM missing_table',
  'SELECT missing_column FROM uniques',
  'SELECT missing_function()',
  'SELECT * FROM missing_database.t',
  "INSERT INTO uniques VALUES (1, 'again')",
  "INSERT INTO uniques VALUES (2, 'one')",
  'INSERT INTO uniques VALUES (3, NULL)',
  "INSERT INTO uniques VALUES (4, 'too long for it')",
  'INSERT INTO uniques VALUES (5)',
  'INSERT INTO children VALUES (1, 99)',
  'CREATE TABLE uniques (a INT)',
  'DROP TABLE missing_table',
  'SELECT (SELECT id FROM uniques UNION SELECT 9)',
  'SELECT 1 UNION SELECT 1, 2',
  "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'Ünï 😀'",
  "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '', MYSQL_ERRNO = 5000",
  'KILL 99999999',
  'USE missing_database',
  'SELECT JSON_VALUE(1)',
  'SET @@missing_variable = 1',
  'SELECT 1 FROM DUAL WHERE',
  'SELECT EXP(1000)',
  "SELECT CAST('x' AS NONSENSE)",
]

function cases(api) {
  const isMysql = api === 'mysql'
  const methods = isMysql ? ['query'] : ['query', 'execute']
  const list = []
  const add = (name, run) => list.push({ name, run })
  for (const method of methods) {
    for (const sql of statements) {
      add(`${method} of ${sql}`, async (_driver, session) => {
        const connection = await session.open()
        await session.ask(connection, method, sql)
        await session.ask(connection, method, 'SELECT 1 AS alive')
      })
    }
    add(`${method} that fails with values`, async (_driver, session) => {
      const connection = await session.open()
      await session.ask(connection, method, 'SELECT ? FROM missing_table', ['v'])
      await session.ask(connection, method, { sql: 'INSERT INTO uniques VALUES (?, ?)', values: [1, 'v'] })
    })
    add(`${method} past its timeout`, async (_driver, session) => {
      const connection = await session.open()
      await session.ask(connection, 'query', 'SELECT 0')
      await session.ask(connection, method, { sql: 'SELECT SLEEP(0.4) AS slept', timeout: 60 })
    })
    add(`${method} within its timeout`, async (_driver, session) => {
      const connection = await session.open()
      await session.ask(connection, method, { sql: 'SELECT SLEEP(0.01) AS slept', timeout: 5000 })
    })
  }
  for (const [name, options] of Object.entries(refused)) {
    add(`connecting with ${name}`, async (_driver, session) => {
      const given = options(session)
      if (api === 'promise') {
        await session.ask({ open: () => session.connect(given) }, 'open')
        return
      }
      const connection = session.connect(given)
      await session.ask(connection, 'connect')
      // mysql2 never calls back a query that follows a refused handshake.
      if (isMysql) await session.ask(connection, 'query', 'SELECT 1')
    })
    if (api === 'promise') continue
    add(`a query that connects with ${name}`, async (_driver, session) => {
      const connection = session.connect(options(session))
      await Promise.all([
        session.ask(connection, 'query', 'SELECT 1'),
        session.ask(connection, 'query', 'SELECT 2'),
      ])
    })
  }
  for (const [name, options] of Object.entries(accepted)) {
    add(`connecting with ${name}`, async (_driver, session) => {
      const connection = await session.open(options(session))
      await session.ask(connection, 'query', 'SELECT 1 AS a, USER() LIKE "dropin%" AS own')
    })
  }
  for (const [name, use] of Object.entries(endings)) {
    add(name, async (_driver, session) => {
      const connection = await session.open()
      await session.ask(connection, 'query', 'SELECT 1')
      await use(session, connection)
    })
  }
  for (const [name, use] of Object.entries(losses)) {
    add(name, async (_driver, session) => {
      const connection = await session.open()
      const [, rows] = await session.ask(connection, 'query', 'SELECT CONNECTION_ID() AS id').then((seen) => {
        // Its value is the server's to choose.
        session.journal.pop()
        return seen
      })
      const killer = await session.open()
      await session.ask(killer, 'query', 'SELECT "killer"')
      const kill = async () => {
        await run(killer, api, `KILL ${rows[0].id}`)
      }
      await use(session, connection, kill)
      await session.ask(connection, 'query', 'SELECT "after"')
    })
  }
  return list
}

const refused = {
  'a wrong password': () => ({ password: 'wrong' }),
  'an unknown user': () => ({ user: 'nobody_at_all', password: 'x' }),
  'a wrong password of a user with one': (session) => ({ user: session.database, password: 'wrong' }),
  'no password of a user with one': (session) => ({ user: session.database, password: undefined }),
  'an unknown database': () => ({ database: 'missing_database' }),
  'a database that is not for the user': (session) => ({ user: session.database, password: 'right' }),
  'a port without server': (session) => ({ port: session.closedPort }),
  'a socket that is not there': () => ({ socketPath: '/nowhere/mysql.sock' }),
}

const accepted = {
  'a password': (session) => ({ user: session.database, password: 'right', database: undefined }),
  'a charset': () => ({ charset: 'utf8mb4_unicode_ci' }),
  'a timeout': () => ({ connectTimeout: 5000 }),
}

const endings = {
  'query after end': async (session, connection) => {
    await session.ask(connection, 'end')
    await session.ask(connection, 'query', 'SELECT 1')
    await session.ask(connection, 'ping')
  },
  'query behind an end that is under way': async (session, connection) => {
    await Promise.all([session.ask(connection, 'end'), session.ask(connection, 'query', 'SELECT 1')])
  },
  'end behind a query that is under way': async (session, connection) => {
    await Promise.all([session.ask(connection, 'query', 'SELECT 1'), session.ask(connection, 'end')])
  },
  'end twice': async (session, connection) => {
    await session.ask(connection, 'end')
    // mysql2's promise of it never ends; see the case's callback counterpart.
    if (session.api !== 'promise') await session.ask(connection, 'end')
  },
  'query after destroy': async (session, connection) => {
    connection.destroy()
    await session.ask(connection, 'query', 'SELECT 1')
    connection.destroy()
    await session.ask(connection, 'query', 'SELECT 1')
  },
}

// A connection that the server ends. What was asked before the loss and what is asked after it both get an answer.
const losses = {
  'a statement that is killed with its connection': async (session, connection, kill) => {
    const asked = session.ask(connection, 'query', 'SELECT SLEEP(5)')
    setTimeout(kill, 80)
    await asked
    await pause()
  },
  'a queue behind a statement that is killed with its connection': async (session, connection, kill) => {
    const asked = [
      session.ask(connection, 'query', 'SELECT SLEEP(5)'),
      session.ask(connection, 'query', 'SELECT "next"'),
      session.ask(connection, 'query', 'SELECT "last"'),
    ]
    setTimeout(kill, 80)
    await Promise.all(asked)
    await pause()
  },
  'an idle connection that is killed': async (session, connection, kill) => {
    for (const event of ['end', 'close'])
      connection.on(event, (error) => session.log(`connection ${event}`, error))
    await kill()
    await pause()
  },
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 120))

function run(connection, api, sql) {
  if (api === 'promise') return connection.query(sql)
  return new Promise((resolve, reject) => {
    connection.query(sql, (error, rows) => (error ? reject(error) : resolve(rows)))
  })
}

module.exports = { prepare, cleanup, cases }
