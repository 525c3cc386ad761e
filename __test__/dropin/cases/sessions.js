'use strict'

// A connection's own calls: connect, ping, changeUser, statements, state, and what it says of itself.

const prepare = [
  "CREATE USER '{database}'@'%' IDENTIFIED BY 'right'",
  "GRANT ALL ON `{database}`.* TO '{database}'@'%'",
  'CREATE TABLE notes (id INT PRIMARY KEY, note VARCHAR(20))',
  "INSERT INTO notes VALUES (1, 'one'), (2, 'two')",
]
const cleanup = ["DROP USER IF EXISTS '{database}'@'%'"]

const WHO = 'SELECT CURRENT_USER() AS user, DATABASE() AS db, @v AS v'

const shared = {
  ping: (session, connection) => session.ask(connection, 'ping'),
  'changeUser to another user': async (session, connection) => {
    await session.ask(connection, 'query', 'SET @v = 5')
    await session.ask(connection, 'query', WHO)
    await session.ask(connection, 'changeUser', { user: session.database, password: 'right' })
    await session.ask(connection, 'query', WHO)
    session.log('config', connection.config.user, connection.config.database)
  },
  'changeUser to another database': async (session, connection) => {
    await session.ask(connection, 'changeUser', { database: 'information_schema' })
    await session.ask(connection, 'query', WHO)
    session.log('config', connection.config.user, connection.config.database)
  },
  'changeUser with a charset': async (session, connection) => {
    await session.ask(connection, 'changeUser', { charset: 'latin1' })
    await session.ask(
      connection,
      'query',
      "SELECT 'é' AS e, @@character_set_client AS c, @@collation_connection AS l",
    )
  },
  'changeUser to itself': async (session, connection) => {
    await session.ask(connection, 'query', 'SET @v = 5')
    await session.ask(connection, 'changeUser', {})
    await session.ask(connection, 'query', WHO)
  },
  'a thread id that is the server’s': async (session, connection) => {
    const [, rows] = await session.ask(
      { quiet: (...rest) => connection.query('SELECT CONNECTION_ID() AS id', ...rest) },
      'quiet',
    )
    session.journal.pop()
    session.log('equal', rows[0].id === connection.threadId, typeof connection.threadId)
  },
  'config that the caller may read': async (session, connection) => {
    const { config } = connection
    for (const key of [
      'host',
      'user',
      'password',
      'database',
      'timezone',
      'multipleStatements',
      'supportBigNumbers',
      'bigNumberStrings',
      'dateStrings',
      'connectTimeout',
      'stringifyObjects',
      'insecureAuth',
      'debug',
      'trace',
      'typeCast',
      'charsetNumber',
      'maxPacketSize',
      'namedPlaceholders',
      'rowsAsArray',
      'flags',
      'ssl',
      'localAddress',
      'socketPath',
      'queryFormat',
      'decimalNumbers',
      'nestTables',
      'clientFlags',
    ])
      session.log(`config.${key} ${key in config}`, config[key])
  },
  'escape, escapeId and format of a connection': async (session, connection) => {
    session.log(
      'escape',
      connection.escape("it's"),
      connection.escape(new Date(0)),
      connection.escape({ a: 1 }),
    )
    session.log('escapeId', connection.escapeId('a.b'), connection.escapeId(['a', 'b`c']))
    session.log(
      'format',
      connection.format('SELECT ?? = ?', ['a', new Date(0)]),
      connection.format('SELECT ?', [{ a: 1 }]),
    )
  },
  'a session that keeps its state': async (session, connection) => {
    await session.ask(connection, 'query', 'SET @v = 1')
    await session.ask(connection, 'query', 'CREATE TEMPORARY TABLE mine (a INT)')
    await session.ask(connection, 'query', 'INSERT INTO mine VALUES (7)')
    await session.ask(connection, 'query', 'SELECT a, @v AS v FROM mine')
    await session.ask(connection, 'query', 'USE information_schema')
    await session.ask(connection, 'query', 'SELECT DATABASE() AS db')
  },
  'end with a callback or a promise': async (session, connection) => {
    await session.ask(connection, 'query', 'SELECT 1')
    await session.ask(connection, 'end')
  },
}

// The server takes a second to refuse a change of user, so each is tried where the other is not, and on both sides at once.
const refusedCallbacks = {
  'changeUser with a wrong password': async (session, connection) => {
    await session.ask(connection, 'changeUser', { user: session.database, password: 'wrong' })
    await session.ask(connection, 'query', 'SELECT 1')
  },
}
const refusedPromises = {
  'changeUser to an unknown database': async (session, connection) => {
    await session.ask(connection, 'changeUser', { database: 'missing_database' })
    await session.ask(connection, 'query', 'SELECT 1')
  },
}

const callbacks = {
  'connect twice': async (session, connection) => {
    for (const label of ['first', 'second']) {
      const [error, given] = await new Promise((resolve) => connection.connect((...args) => resolve(args)))
      session.calls++
      // The greeting has a salt, a thread id and the server's version.
      session.log(`connect ${label}`, error, typeof given)
    }
    await session.ask(connection, 'query', 'SELECT 1')
  },
  'calls and events in their order': async (session, connection) => {
    for (const event of ['connect', 'enqueue', 'drain', 'end', 'close', 'error'])
      connection.on(event, () => session.log(`connection ${event}`))
    connection.connect(() => session.log('connected'))
    // Noted as they are called: promises settle later where several answers come at once.
    const called = (method, ...args) => {
      session.calls++
      return new Promise((resolve) => {
        connection[method](...args, (error) => resolve(session.log(`${method} calls back`, error)))
      })
    }
    await Promise.all([called('query', 'SELECT 1'), called('ping'), called('query', 'SELECT 2')])
    await called('end')
    await new Promise((resolve) => setTimeout(resolve, 50))
  },
  'a callback that throws later things': async (session, connection) => {
    const order = []
    await new Promise((resolve) => {
      connection.query('SELECT 1', () => {
        order.push('outer')
        connection.query('SELECT 2', () => {
          order.push('inner')
          resolve()
        })
        order.push('end of outer')
      })
      order.push('after query')
    })
    session.calls += 2
    session.log('order', order)
  },
  'the query that query() returns': async (session, connection) => {
    await new Promise((resolve) => {
      const query = connection.query('SELECT ? AS a', [1], resolve)
      session.log('query', query, query.sql, query.values)
    })
    session.calls++
  },
  state: async (session, connection) => {
    session.log('state', connection.state)
    await session.ask(connection, 'query', 'SELECT 1')
    session.log('state', connection.state)
    await session.ask(connection, 'end')
    session.log('state', connection.state)
  },
}

const mysqlOnly = {
  'ping with options': (session, connection) => session.ask(connection, 'ping', { timeout: 5000 }),
  'changeUser without options': (session, connection) => session.ask(connection, 'changeUser'),
  'end with options': (session, connection) => session.ask(connection, 'end', { timeout: 5000 }),
  'connect behind a query': async (session, connection) => {
    await Promise.all([session.ask(connection, 'query', 'SELECT 1')])
    await session.ask(connection, 'connect')
  },
  'a queryFormat of the connection': async (session) => {
    const connection = await session.open({
      queryFormat(sql, values) {
        return values ? sql.replace(/:(\w+)/g, (_, key) => this.escape(values[key])) : sql
      },
    })
    await session.ask(connection, 'query', 'SELECT :a AS a', { a: "it's" })
  },
}

const mysql2Only = {
  reset: async (session, connection) => {
    await session.ask(connection, 'query', 'SET @v = 5')
    await session.ask(connection, 'reset')
    await session.ask(connection, 'query', WHO)
  },
  'prepare, execute twice and close': async (session, connection) => {
    const [error, statement] = await prepareOn(
      session,
      connection,
      'SELECT CONCAT(?, note) AS a, note FROM notes WHERE id = ?',
    )
    session.log('prepared', error)
    await session.ask(statement, 'execute', ['a ', 1])
    await session.ask(statement, 'execute', ['b ', 2])
    if (session.api === 'promise') await session.ask(statement, 'close')
    else statement.close()
    await session
      .ask(connection, 'query', "SHOW SESSION STATUS LIKE 'Prepared_stmt_count'")
      .then(() => session.journal.pop())
  },
  'prepare without parameters': async (session, connection) => {
    const [, statement] = await prepareOn(session, connection, 'SELECT 1 AS a')
    await session.ask(statement, 'execute', [])
    await session.ask(statement, 'execute')
  },
  'a prepared statement without rows': async (session, connection) => {
    const [, statement] = await prepareOn(session, connection, 'UPDATE notes SET note = ? WHERE id = 2')
    await session.ask(statement, 'execute', ['two'])
  },
  'prepare of a wrong statement': async (session, connection) => {
    await session.ask(connection, 'prepare', 'SELEC ?')
    await session.ask(connection, 'query', 'SELECT 1')
  },
  'unprepare of what was executed': async (session, connection) => {
    await session.ask(connection, 'execute', 'SELECT ? AS a', ['one'])
    const first = connection.unprepare('SELECT ? AS a')
    session.log('unprepared', typeof first)
    session.log('unprepared again', connection.unprepare('SELECT ? AS a'))
    await session.ask(connection, 'execute', 'SELECT ? AS a', ['two'])
  },
  'execute of more statements than are kept': async (session) => {
    const connection = await session.open({ maxPreparedStatements: 2 })
    for (const n of [1, 2, 3, 1, 2, 3])
      await session.ask(connection, 'execute', `SELECT ${n} AS n, ? AS a`, ['x'])
  },
  'execute after the table has changed': async (session, connection) => {
    await session.ask(connection, 'query', 'CREATE TABLE changing (a INT)')
    await session.ask(connection, 'query', 'INSERT INTO changing VALUES (1)')
    await session.ask(connection, 'execute', 'SELECT * FROM changing')
    await session.ask(connection, 'query', 'ALTER TABLE changing ADD b VARCHAR(5) DEFAULT "x"')
    await session.ask(connection, 'execute', 'SELECT * FROM changing')
    await session.ask(connection, 'query', 'DROP TABLE changing')
    await session.ask(connection, 'execute', 'SELECT * FROM changing')
  },
  'the same statement with other values of other types': async (session, connection) => {
    for (const value of ['one', null, 1.5, new Date(0), Buffer.from('b'), true])
      await session.ask(connection, 'execute', 'SELECT ? AS v', [value])
  },
}

async function prepareOn(session, connection, sql) {
  session.calls++
  if (session.api === 'promise') return [null, await connection.prepare(sql)]
  return new Promise((resolve) => connection.prepare(sql, (...args) => resolve(args)))
}

function cases(api) {
  const own = api === 'mysql' ? mysqlOnly : mysql2Only
  const groups =
    api === 'promise' ? [shared, refusedPromises, own] : [shared, refusedCallbacks, callbacks, own]
  return groups.flatMap((group) =>
    Object.entries(group).map(([name, use]) => ({
      name,
      atOnce: group === refusedCallbacks || group === refusedPromises,
      async run(_driver, session) {
        const connection = await session.open()
        await use(session, connection)
      },
    })),
  )
}

module.exports = { prepare, cleanup, cases }
