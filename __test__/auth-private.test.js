'use strict'

const assert = require('node:assert/strict')
const { mkdtempSync, rmSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { describe, test } = require('node:test')
const { createPool } = require('../index.js')
const { certificateAuthority } = require('./support/certificates.js')
const { rejects } = require('./support/outcome.js')
const { rogueServer, greeting, ok, err, authSwitch, NONCE } = require('./support/rogue.js')

// What leaves in the clear, and what does not, once nobody else can read along: in TLS or on a unix socket.
const PASSWORD = 'hunter2 ümläut'
const authority = certificateAuthority('hegar test authority')
const identity = authority.issue({ names: ['127.0.0.1'] })
const trusted = { ca: authority.pem }
const nonce = Buffer.concat([NONCE, Buffer.from([0])])

/** A server with TLS that asks for `plugin`; `then(session, answer)` plays on. */
function secretServer(t, plugin, then) {
  return rogueServer(t, async (session) => {
    session.send(greeting({ tls: true }))
    await session.read()
    session.secure(identity)
    session.login = await session.read()
    session.send(authSwitch(plugin, nonce))
    await then(session, await session.read())
    await session.serve(() => session.send(err(1064, 'logged in')))
  })
}

async function logIn({ host, port }, options) {
  const pool = createPool({
    host,
    port,
    user: 'someone',
    password: PASSWORD,
    connectTimeoutMs: 3000,
    ...options,
  })
  try {
    return await pool.query('SELECT 1')
  } finally {
    await pool.close({ drainMs: 0 })
  }
}

const letIn = (t, plugin, answers) =>
  secretServer(t, plugin, (session, answer) => {
    answers.push(answer)
    session.send(ok())
  })

describe('mysql_clear_password', () => {
  const plugin = 'mysql_clear_password'

  test('gets the password in verified TLS where it is allowed', async (t) => {
    const answers = []
    const server = await letIn(t, plugin, answers)
    await rejects(logIn(server, { ssl: trusted, enableCleartextPlugin: true }), 'ER_PARSE_ERROR')
    assert.deepEqual(answers, [Buffer.from(`${PASSWORD}\0`)])
    assert.ok(!server.sessions[0].login.includes('hunter2'), 'not before it is asked for')
  })

  test('gets nothing in TLS where it is not allowed', async (t) => {
    const answers = []
    const server = await letIn(t, plugin, answers)
    const error = await rejects(logIn(server, { ssl: trusted }), 'HEGAR_AUTH_ERROR')
    assert.match(error.message, /enableCleartextPlugin/)
    await server.sessions[0].ended
    assert.deepEqual(answers, [null])
  })

  test('gets nothing where another authority vouches for it', async (t) => {
    const answers = []
    const server = await letIn(t, plugin, answers)
    const ssl = { ca: certificateAuthority('somebody else').pem }
    await rejects(logIn(server, { ssl, enableCleartextPlugin: true }), 'HEGAR_TLS_ERROR')
    await server.sessions[0].ended
    assert.deepEqual([server.sessions[0].login, ...answers], [null, null])
  })

  test('can not be allowed where anybody with a public certificate could be the server', async () => {
    for (const ssl of [{ verifyIdentity: false }, { rejectUnauthorized: false }]) {
      assert.throws(() => createPool({ ssl, enableCleartextPlugin: true }), { code: 'HEGAR_OPTION_INVALID' })
    }
    createPool({ ssl: { ...trusted, verifyIdentity: false }, enableCleartextPlugin: true })
  })

  test('gets the password on a unix socket where it is allowed, and only there', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'hegar-auth-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const socketPath = join(folder, 's')
    const answers = []
    const play = async (session) => {
      session.send(greeting())
      await session.read()
      session.send(authSwitch(plugin, nonce))
      answers.push(await session.read())
      session.send(err(1045, 'no', '28000'))
    }
    const server = await rogueServer(t, play, socketPath)
    await rejects(logIn(server, { socketPath, enableCleartextPlugin: true }), 'ER_ACCESS_DENIED_ERROR')
    await rejects(logIn(server, { socketPath }), 'HEGAR_AUTH_ERROR')
    await server.sessions[1].ended
    assert.deepEqual(answers, [Buffer.from(`${PASSWORD}\0`), null])
  })
})

describe('caching_sha2_password', () => {
  const plugin = 'caching_sha2_password'
  const full = Buffer.from([1, 4])

  test('gets the password itself in TLS, without a key', async (t) => {
    const answers = []
    const server = await secretServer(t, plugin, async (session, proof) => {
      session.send(full)
      answers.push(proof.length, await session.read())
      session.send(ok())
    })
    await rejects(logIn(server, { ssl: trusted }), 'ER_PARSE_ERROR')
    assert.deepEqual(answers, [32, Buffer.from(`${PASSWORD}\0`)])
  })

  test('never gets more than a proof when it asks in steps that there are not', async (t) => {
    for (const more of [[1, 5], [1], [1, 4, 4], [1, 3, 1]]) {
      const answers = []
      const server = await secretServer(t, plugin, async (session) => {
        session.send(Buffer.from(more))
        answers.push(await session.read())
      })
      await rejects(logIn(server, { ssl: trusted }), 'HEGAR_PROTOCOL_ERROR')
      await server.sessions[0].ended
      assert.deepEqual(answers, [null], `${more}`)
    }
  })
})
