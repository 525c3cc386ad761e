'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')
const { createPool } = require('../index.js')
const { settledMemory } = require('./support/memory.js')
const { rejects } = require('./support/outcome.js')
const {
  rogueServer,
  greeting,
  ok,
  err,
  end,
  authSwitch,
  prepared,
  column,
  row,
} = require('./support/rogue.js')

const PREPARE = 0x16
const EXECUTE = 0x17
const MiB = 2 ** 20

function poolOf(t, { host, port, user }, options) {
  const pool = createPool({ host, port, user, connectTimeoutMs: 5000, queryTimeoutMs: 20_000, ...options })
  t.after(() => pool.close({ drainMs: 0 }))
  return pool
}

/** A definition whose names are as long as they are said to be. */
function wide(length) {
  const bytes = Buffer.alloc(length, 0x61)
  const header = Buffer.from([0xfe, 0, 0, 0, 0, 0, 0, 0, 0])
  header.writeUInt32LE(length, 1)
  const [def, rest] = [column('a').subarray(0, 4 + 3), column('a').subarray(4 + 3 + 2 + 2)]
  return Buffer.concat([def, header, bytes, Buffer.from([1, 0x61]), rest])
}

test('definitions with names of megabytes do not fill the memory', async (t) => {
  const server = await rogueServer(t, async (session) => {
    await session.welcome()
    await session.serve((command) => {
      if (command !== PREPARE) return session.send(ok())
      session.send(prepared({ columns: 65_535 }))
      return session.flood(wide(4 * MiB))
    })
  })
  const before = await settledMemory()
  const error = await rejects(poolOf(t, server).query('SELECT 1'), 'HEGAR_PROTOCOL_ERROR', 20_000)
  assert.match(error.message, /definitions/)
  const grown = (await settledMemory()).rss - before.rss
  assert.ok(grown < 192, `grew by ${grown} MiB`)
})

test('as many definitions as a server has, with long names, are no flood', async (t) => {
  const columns = 4096
  const server = await rogueServer(t, async (session) => {
    await session.welcome()
    await session.serve((command) => {
      const definitions = Array.from({ length: columns }, (_, i) => column(`${i}`.padEnd(250, 'x')))
      if (command === PREPARE) session.send(prepared({ columns }), ...definitions)
      else if (command === EXECUTE) {
        session.send(Buffer.from([0xfc, 0, 16]), ...definitions, row(...Array(columns).fill('v')), end())
      } else session.send(ok())
    })
  })
  const rows = await poolOf(t, server).query('SELECT 1')
  assert.equal(Object.keys(rows[0]).length, columns)
})

test('what a server could abuse is not agreed on, even with one that offers everything', async (t) => {
  let login
  const server = await rogueServer(t, async (session) => {
    session.send(offer(0xffff_f7ff))
    login = await session.read()
    session.send(err(1045, 'no', '28000'))
  })
  await rejects(poolOf(t, server).query('SELECT 1'), 'ER_ACCESS_DENIED_ERROR')
  const flags = login.readUInt32LE(0)
  for (const [name, flag] of Object.entries({
    COMPRESS: 1 << 5,
    LOCAL_FILES: 1 << 7,
    MULTI_STATEMENTS: 1 << 16,
    ZSTD_COMPRESSION: 1 << 26,
    QUERY_ATTRIBUTES: 1 << 27,
  })) {
    assert.equal(flags & flag, 0, name)
  }
})

/** A greeting that offers `flags`. */
function offer(flags) {
  const body = greeting()
  const at = body.indexOf(0, 1) + 1 + 4 + 8 + 1
  body.writeUInt16LE(flags & 0xffff, at)
  body.writeUInt16LE(flags >>> 16, at + 5)
  return body
}

test('a result without columns is no result', async (t) => {
  const server = await rogueServer(t, async (session) => {
    await session.welcome()
    await session.serve((command) => {
      if (command === PREPARE) session.send(prepared({ columns: 0 }))
      else session.send(Buffer.from([0xfc, 0, 0]), Buffer.from([0, 0]), end())
    })
  })
  const pool = poolOf(t, server)
  for (const call of [pool.query('SELECT 1'), pool.queryJson('SELECT 1')]) {
    await rejects(call, 'HEGAR_PROTOCOL_ERROR')
  }
})

test('an error that the server tells at length is told in short', async (t) => {
  const text = 'ü'.repeat(4 * MiB)
  const server = await rogueServer(t, async (session) => {
    await session.welcome()
    await session.serve(() => session.send(err(1064, text, '42000')))
  })
  const error = await rejects(poolOf(t, server).query('SELECT 1'), 'ER_PARSE_ERROR')
  assert.equal(error.sqlState, '42000')
  assert.ok(/^ü+…$/.test(error.message))
  assert.ok(error.message.length < 5000)
})

test('a remark that the server makes at length is cut too', async (t) => {
  const server = await rogueServer(t, async (session) => {
    await session.welcome()
    await session.serve((command) => {
      if (command === PREPARE) return session.send(prepared({ columns: 0 }))
      return session.send(
        Buffer.concat([
          Buffer.from([0, 1, 0, 2, 0, 0, 0, 0xfd, 0x80, 0x84, 0x1e]),
          Buffer.alloc(2_000_000, 0x78),
        ]),
      )
    })
  })
  const { info } = await poolOf(t, server).execute('UPDATE t SET a = 1')
  assert.ok(/^x+…$/.test(info))
  assert.ok(info.length < 5000)
})

test('the name of an unknown login plugin is shown in short and without control characters', async (t) => {
  const server = await rogueServer(t, async (session) => {
    session.send(greeting())
    await session.read()
    session.send(authSwitch(`evil\n\u001b[2J${'x'.repeat(50_000)}`, Buffer.alloc(20, 1)))
  })
  const error = await rejects(poolOf(t, server).query('SELECT 1'), 'HEGAR_AUTH_ERROR')
  assert.match(error.message, /evil/)
  assert.doesNotMatch(error.message, /\p{Cc}/u)
  assert.ok(error.message.length < 300)
})
