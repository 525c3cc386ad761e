'use strict'

const { describe, test } = require('node:test')
const assert = require('node:assert/strict')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { setTimeout: sleep } = require('node:timers/promises')
const { createPool } = require('../index.js')
const { settledMemory } = require('./support/memory.js')
const { rejects, until } = require('./support/outcome.js')
const rogue = require('./support/rogue.js')

const { rogueServer, packet, greeting, ok, end, err, authSwitch, prepared, column, row, NONCE } = rogue
const QUIT = 0x01
const QUERY = 0x03
const PREPARE = 0x16
const EXECUTE = 0x17
const silence = () => new Promise(() => {})
// Less than the deadlines of a call, of which a test that expects one makes one short.
const DEADLINE_MS = 2500
const SHORT = {
  HEGAR_CONNECT_TIMEOUT: { connectTimeoutMs: 300 },
  HEGAR_POOL_TIMEOUT: { acquireTimeoutMs: 300 },
  HEGAR_QUERY_TIMEOUT: { queryTimeoutMs: 300 },
}

function poolOf(t, { host, port, user }, options) {
  const pool = createPool({
    host,
    port,
    user,
    password: 'hunter2',
    connectionLimit: 2,
    connectTimeoutMs: 5000,
    acquireTimeoutMs: 5000,
    queryTimeoutMs: 5000,
    ...options,
  })
  t.after(() => pool.close({ drainMs: 0 }))
  return pool
}

/** Plays `script` against one query and checks the code of the error. */
function refuses(name, code, script) {
  test(name, async (t) => {
    const server = await rogueServer(t, script)
    const pool = poolOf(t, server, SHORT[code])
    const error = await rejects(pool.query('SELECT 1'), code, DEADLINE_MS)
    assert.ok(!error.message.includes('hunter2'), error.message)
    assert.equal(pool.stats().pool.active, 0, 'no connection stays lent')
  })
}

describe('a server that misbehaves before the login is over is refused', () => {
  const lost = 'HEGAR_CONNECTION_LOST'
  const protocol = 'HEGAR_PROTOCOL_ERROR'
  refuses('when it hangs up at once', lost, (session) => session.socket.end())
  refuses('when it hangs up in the greeting', lost, (session) =>
    session.socket.end(packet(greeting(), 0).subarray(0, 20)),
  )
  refuses('when it speaks HTTP', protocol, (session) =>
    session.socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
  )
  refuses('when it sends zeros', protocol, (session) => session.socket.write(Buffer.alloc(4096)))
  refuses('when it sends an empty greeting', protocol, (session) => session.send(Buffer.alloc(0)))
  refuses('when its greeting is cut short', protocol, (session) => session.send(greeting().subarray(0, 30)))
  refuses('when it speaks protocol version 9', protocol, (session) => session.send(Buffer.from('\t3.20\0')))
  refuses('when it is older than MySQL 4.1', 'HEGAR_UNSUPPORTED', (session) =>
    session.send(greeting({ without: 0x200 })),
  )
  refuses('when its greeting has another sequence number', protocol, (session) =>
    session.socket.write(packet(greeting(), 3)),
  )
  refuses('when it says nothing', 'HEGAR_POOL_TIMEOUT', silence)
  refuses('when it says nothing within the connect deadline', 'HEGAR_CONNECT_TIMEOUT', silence)
  refuses('when it announces a greeting of 16 MB', protocol, (session) =>
    session.socket.write(Buffer.from([0xfe, 0xff, 0xff, 0, 10])),
  )
  refuses('when it has too many connections', 'ER_CON_COUNT_ERROR', (session) =>
    session.send(Buffer.from('\xff\x10\x04Too many connections', 'latin1')),
  )
  refuses('when it says nothing after the login', 'HEGAR_CONNECT_TIMEOUT', async (session) => {
    session.send(greeting())
    await silence()
  })
  refuses('when it switches the plugin again and again', protocol, async (session) => {
    session.send(greeting())
    while ((await session.read()) !== null) session.send(authSwitch('mysql_native_password', NONCE))
  })
  refuses('when its nonce is too short', protocol, async (session) => {
    session.send(greeting())
    await session.read()
    session.send(authSwitch('mysql_native_password', Buffer.from('short')))
  })
  refuses('when it sends more data for a plugin that has none', protocol, async (session) => {
    session.send(greeting())
    await session.read()
    session.send(Buffer.from([1, 4]))
  })
  refuses('when it asks for a plugin nobody knows', 'HEGAR_AUTH_ERROR', async (session) => {
    session.send(greeting())
    await session.read()
    session.send(authSwitch('dialog_of_doom', NONCE))
  })
  refuses('when it asks for the password of before 4.1', 'HEGAR_AUTH_ERROR', async (session) => {
    session.send(greeting())
    await session.read()
    session.send(Buffer.from([0xfe]))
  })
  refuses('when it answers the login with a row', protocol, async (session) => {
    session.send(greeting())
    await session.read()
    session.send(Buffer.from([0x42, 1, 2, 3]))
  })
  refuses('when it asks for a file during the login', protocol, async (session) => {
    session.send(greeting())
    await session.read()
    session.send(Buffer.from('\xfb/etc/passwd', 'latin1'))
  })
})

/** A script that behaves until a command comes, and then does `answers[command]`. */
function afterLogin(answers) {
  return async (session) => {
    await session.welcome()
    await session.serve((command, body) => {
      const answer = answers[command] ?? (() => session.send(ok()))
      return answer(session, body)
    })
  }
}

const onePrepared = (session) => session.send(prepared(), column('a'))
const executing = (answer) => afterLogin({ [PREPARE]: onePrepared, [EXECUTE]: answer })
const result = (session, ...rows) => session.send(Buffer.from([1]), column('a'), ...rows)

describe('a server that misbehaves in an answer is refused', () => {
  const protocol = 'HEGAR_PROTOCOL_ERROR'
  const lost = 'HEGAR_CONNECTION_LOST'
  const late = 'HEGAR_QUERY_TIMEOUT'
  const file = Buffer.from('\xfb/etc/passwd', 'latin1')
  refuses(
    'when it asks for a local file instead of preparing',
    protocol,
    afterLogin({ [PREPARE]: (s) => s.send(file) }),
  )
  refuses(
    'when it asks for a local file instead of rows',
    protocol,
    executing((s) => s.send(file)),
  )
  refuses('when it prepares without an answer', late, afterLogin({ [PREPARE]: silence }))
  refuses(
    'when a prepared statement is cut short',
    protocol,
    afterLogin({ [PREPARE]: (s) => s.send(prepared().subarray(0, 6)) }),
  )
  refuses(
    'when definitions do not follow',
    late,
    afterLogin({ [PREPARE]: (s) => s.send(prepared({ columns: 3 }), column('a')) }),
  )
  refuses(
    'when it counts parameters that the statement has not',
    'HEGAR_PARAM_INVALID',
    afterLogin({
      [PREPARE]: (s) => s.send(prepared({ params: 2 }), column('?'), column('?'), column('a')),
    }),
  )
  refuses('when it executes without an answer', late, executing(silence))
  refuses(
    'when it hangs up instead of an answer',
    lost,
    executing((s) => s.socket.destroy()),
  )
  refuses(
    'when it stops after the definitions',
    late,
    executing((s) => result(s)),
  )
  refuses(
    'when it stops between rows',
    late,
    executing((s) => result(s, row('x'), row('y'))),
  )
  refuses(
    'when it hangs up between rows',
    lost,
    executing((s) => (result(s, row('x')), s.socket.end())),
  )
  refuses(
    'when a row is cut short',
    protocol,
    executing((s) => result(s, row('hello').subarray(0, 5), end())),
  )
  refuses(
    'when a row has fewer values than columns',
    protocol,
    executing((s) => s.send(Buffer.from([2]), column('a'), column('b'), row('x'), end())),
  )
  refuses(
    'when a definition is missing',
    protocol,
    executing((s) => s.send(Buffer.from([3]), column('a'), row('x'), end())),
  )
  refuses(
    'when a definition is garbage',
    protocol,
    executing((s) => s.send(Buffer.from([1]), Buffer.alloc(40, 0xee))),
  )
  refuses(
    'when a row begins with the wrong byte',
    protocol,
    executing((s) => result(s, Buffer.from([7, 0, 1, 65]), end())),
  )
  refuses(
    'when a value claims 4 GiB',
    protocol,
    executing((s) => result(s, Buffer.from([0, 0, 0xfe, 0, 0, 0, 0, 1, 0, 0, 0, 65]), end())),
  )
  refuses(
    'when a value claims 16 EiB',
    protocol,
    executing((s) => result(s, Buffer.concat([Buffer.from([0, 0, 0xfe]), Buffer.alloc(8, 0xff)]), end())),
  )
  refuses(
    'when it announces 4,294,967,296 columns',
    protocol,
    executing((s) => s.send(Buffer.from([0xfe, 0, 0, 0, 0, 1, 0, 0, 0]))),
  )
  refuses(
    'when it announces columns by a byte that begins no length',
    protocol,
    executing((s) => s.send(Buffer.from([0xff]))),
  )
  refuses(
    'when its answer has another sequence number',
    protocol,
    executing((s) => {
      s.sequence = 9
      result(s, row('x'), end())
    }),
  )
  refuses(
    'when a row has another sequence number',
    protocol,
    executing((s) => {
      result(s, row('x'))
      s.sequence += 3
      s.send(row('y'), end())
    }),
  )
  refuses(
    'when it answers with results without an end',
    late,
    executing((s) => s.flood(...Array(1000).fill(ok({ status: 2 | 8, info: 'x'.repeat(250) })))),
  )
})

test('definitions that never follow a forged count take no memory', async (t) => {
  const server = await rogueServer(
    t,
    executing((session) => {
      session.send(Buffer.from([0xfd, 0xff, 0xff, 0xff]))
      return session.flood(...Array(200).fill(column('x'.repeat(200))))
    }),
  )
  const before = await settledMemory()
  await rejects(poolOf(t, server).query('SELECT 1'), 'HEGAR_PROTOCOL_ERROR', DEADLINE_MS)
  const grown = (await settledMemory()).rss - before.rss
  assert.ok(grown < 64, `grew by ${grown} MiB`)
})

test('rows without an end stop at maxResultBytes', async (t) => {
  const server = await rogueServer(
    t,
    executing((session) => {
      result(session)
      return session.flood(...Array(200).fill(row('x'.repeat(250))))
    }),
  )
  const pool = poolOf(t, server, { maxResultBytes: 2 ** 20, queryTimeoutMs: 10_000 })
  const calls = [pool.query('SELECT 1'), pool.queryJson('SELECT 1')]
  await Promise.all(calls.map((call) => rejects(call, 'HEGAR_RESULT_TOO_LARGE', 10_000)))
})

test('a forged length of a packet takes no memory that does not arrive', async (t) => {
  let sent = 0
  const server = await rogueServer(
    t,
    executing((session) => {
      session.socket.write(Buffer.from([0xfe, 0xff, 0xff, session.sequence, 1]), () => sent++)
    }),
  )
  const pool = poolOf(t, server, {
    connectionLimit: 20,
    maxAllowedPacketBytes: 2 ** 30,
    queryTimeoutMs: 1500,
  })
  const before = await settledMemory()
  const calls = Array.from({ length: 20 }, () => rejects(pool.query('SELECT 1'), 'HEGAR_QUERY_TIMEOUT'))
  // While they wait for the rest of it.
  await until('all are sent', () => sent === 20)
  await sleep(100)
  const grown = (await settledMemory()).rss - before.rss
  await Promise.all(calls)
  assert.ok(grown < 128, `grew by ${grown} MiB`)
})

test('bytes that nobody asked for end the connection and reach no other call', async (t) => {
  const server = await rogueServer(
    t,
    executing((session) => {
      result(session, row(`session ${server.sessions.indexOf(session)}`), end())
      session.send(row('unasked'))
    }),
  )
  const pool = poolOf(t, server, { connectionLimit: 1 })
  for (let call = 0; call < 5; call++) {
    const rows = await pool.query('SELECT a').catch((error) => error)
    if (Array.isArray(rows)) assert.match(rows[0].a, /^session \d+$/)
    else assert.match(rows.code, /^HEGAR_(PROTOCOL_ERROR|CONNECTION_LOST)$/)
  }
  assert.ok(server.sessions.length > 1, 'the connection was given up')
})

test('a statement that the server forgot is prepared again, once', async (t) => {
  const commands = []
  const server = await rogueServer(
    t,
    afterLogin({
      [PREPARE]: (session) => (commands.push('prepare'), onePrepared(session)),
      [EXECUTE]: (session) => {
        commands.push('execute')
        if (commands.length === 4) session.send(err(1243, 'Unknown prepared statement handler'))
        else result(session, row('x'), end())
      },
    }),
  )
  const pool = poolOf(t, server, { connectionLimit: 1 })
  assert.deepEqual(await pool.query('SELECT a'), [{ a: 'x' }])
  assert.deepEqual(await pool.query('SELECT a'), [{ a: 'x' }])
  assert.deepEqual(await pool.query('SELECT a'), [{ a: 'x' }])
  assert.deepEqual(commands, ['prepare', 'execute', 'execute', 'execute', 'prepare', 'execute'])
})

// Asks again when the machine had other things to do, so that the statement did not count as quick just then.
async function inCompany(least, ask) {
  for (let round = 0; round < 20; round++) if ((await ask()) > least) return
  assert.fail(`never more than ${least} at once`)
}

test('a statement that the server forgets in the middle of a pipeline is prepared again for those behind', async (t) => {
  let prepares = 0
  let executions = 0
  const server = await rogueServer(
    t,
    afterLogin({
      [PREPARE]: (session) => (prepares++, onePrepared(session)),
      [EXECUTE]: (session) => {
        if (++executions > 15 && prepares === 1) session.send(err(1243, 'Unknown prepared statement handler'))
        else result(session, row('x'), end())
      },
    }),
  )
  await inCompany(10, async () => {
    prepares = 0
    executions = 0
    const pool = poolOf(t, server, { connectionLimit: 1 })
    for (let i = 0; i < 10; i++) await pool.query('SELECT a')
    const rows = await Promise.all(Array.from({ length: 30 }, () => pool.query('SELECT a')))
    assert.deepEqual(rows, Array(30).fill([{ a: 'x' }]))
    assert.equal(prepares, 2)
    return pool.stats().statements.pipelined
  })
})

test('a server that forgets a statement again and again loses no connection by it', async (t) => {
  let executions = 0
  const server = await rogueServer(
    t,
    afterLogin({
      [PREPARE]: onePrepared,
      [EXECUTE]: (session) => {
        if (++executions % 7 === 0) session.send(err(1243, 'Unknown prepared statement handler'))
        else result(session, row('x'), end())
      },
    }),
  )
  const pool = poolOf(t, server, { connectionLimit: 1, acquireTimeoutMs: 10_000 })
  await inCompany(15, async () => {
    for (let i = 0; i < 6; i++) await pool.query('SELECT a')
    const rows = await Promise.all(Array.from({ length: 1000 }, () => pool.query('SELECT a')))
    assert.ok(rows.every(([{ a }]) => a === 'x'))
    const { connections, statements } = pool.stats()
    assert.deepEqual([connections.created, connections.closed.error], [1, 0])
    return statements.pipelined
  })
})

test('a session that the server has closed is not ended a second time by its number', async (t) => {
  const commands = []
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hegar-rogue-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  const socketPath = path.join(folder, 'mysql.sock')
  let others = null
  const server = await rogueServer(
    t,
    afterLogin({
      [PREPARE]: onePrepared,
      [QUERY]: (session, body) => {
        commands.push(body.toString('latin1', 1))
        session.send(ok())
      },
      [EXECUTE]: (session) => {
        const isLast = others?.length === 0
        if (isLast) for (let i = 0; i < 9; i++) others.push(pool.query('SELECT a'))
        result(session, row('x'), end())
        // The answer is on its way; on a unix socket, what the client writes from now on fails.
        if (isLast) session.socket.destroy()
      },
    }),
    socketPath,
  )
  const pool = poolOf(t, server, { socketPath, connectionLimit: 1, acquireTimeoutMs: 10_000 })
  for (let i = 0; i < 6; i++) await pool.query('SELECT a')
  others = []
  assert.deepEqual(await pool.query('SELECT a'), [{ a: 'x' }])
  await rejects(others[0], 'HEGAR_CONNECTION_LOST')
  assert.deepEqual(await Promise.all(others.slice(1)), Array(8).fill([{ a: 'x' }]))
  assert.deepEqual(commands, [])
  const { error, timeout } = pool.stats().connections.closed
  assert.deepEqual([error, timeout], [1, 0])
})

test('a connection is replaced only when the server has let go of it', async (t) => {
  let open = 0
  let most = 0
  const server = await rogueServer(t, async (session) => {
    most = Math.max(most, ++open)
    await session.welcome()
    for (let body; (body = await session.read()) !== null;) {
      if (body[0] === PREPARE) onePrepared(session)
      else if (body[0] === EXECUTE) result(session, row('x'), end())
      else if (body[0] === QUIT) break
    }
    // A server that takes its time to end a session.
    await sleep(50)
    open--
    session.socket.end()
  })
  // A connection is too old when it has served one call; the next call waits for its successor.
  const pool = poolOf(t, server, { connectionLimit: 1, maxLifetimeMs: 1, acquireTimeoutMs: 5000 })
  for (let i = 0; i < 5; i++) {
    await pool.query('SELECT a')
    await sleep(5)
    await Promise.all([pool.query('SELECT a'), pool.query('SELECT b')])
  }
  assert.ok(pool.stats().connections.created > 5)
  assert.equal(most, 1)
})

test('a pool is closed when the server has ended its sessions, or drainMs is over', async (t) => {
  let open = 0
  let pause = 100
  const server = await rogueServer(t, async (session) => {
    open++
    await session.welcome()
    for (let body; (body = await session.read()) !== null && body[0] !== QUIT;) {
      if (body[0] === PREPARE) onePrepared(session)
      else if (body[0] === EXECUTE) result(session, row('x'), end())
    }
    await sleep(pause)
    open--
    session.socket.end()
  })
  const patient = poolOf(t, server)
  await patient.query('SELECT a')
  await patient.close({ drainMs: 5000 })
  assert.deepEqual([open, patient.stats().pool.total], [0, 0])

  pause = 2000
  const hasty = poolOf(t, server)
  await hasty.query('SELECT a')
  const started = performance.now()
  await hasty.close({ drainMs: 50 })
  assert.ok(performance.now() - started < 1000)
})

test('a server that forgets every statement is not asked for ever', async (t) => {
  let prepares = 0
  const server = await rogueServer(
    t,
    afterLogin({
      [PREPARE]: (session) => (prepares++, onePrepared(session)),
      [EXECUTE]: (session) => session.send(err(1243, 'Unknown prepared statement handler')),
    }),
  )
  await rejects(poolOf(t, server).query('SELECT a'), 'ER_UNKNOWN_STMT_HANDLER')
  assert.equal(prepares, 2)
})

test('a server short of statements gets all of them back before the next one', async (t) => {
  const open = new Set()
  let next = 0
  const server = await rogueServer(t, async (session) => {
    await session.welcome()
    for (let body; (body = await session.read()) !== null;) {
      if (body[0] === 0x19) open.delete(body.readUInt32LE(1))
      else if (body[0] === PREPARE && open.size >= 2) session.send(err(1461, 'max_prepared_stmt_count'))
      else if (body[0] === PREPARE) (session.send(prepared({ id: ++next }), column('a')), open.add(next))
      else if (body[0] === EXECUTE) result(session, row('x'), end())
      else return session.socket.end()
    }
  })
  const pool = poolOf(t, server, { connectionLimit: 1 })
  for (let call = 0; call < 6; call++) {
    assert.deepEqual(await pool.query(`SELECT ${call}`), [{ a: 'x' }])
    assert.ok(open.size <= 2)
  }
})

test('a server that forgets one statement of all is asked within the deadline when it is short for ever', async (t) => {
  const server = await rogueServer(
    t,
    afterLogin({
      [PREPARE]: (session) => session.send(err(1461, 'max_prepared_stmt_count')),
    }),
  )
  await rejects(poolOf(t, server).query('SELECT a'), 'ER_MAX_PREPARED_STMT_COUNT_REACHED', DEADLINE_MS)
})
