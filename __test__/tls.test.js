'use strict'

const { after, before, describe, test } = require('node:test')
const assert = require('node:assert/strict')
const { createPool } = require('../index.js')
const mysql2 = require('../lib/dropin/mysql2-promise.js')
const { certificateAuthority } = require('./support/certificates.js')
const { rejects } = require('./support/outcome.js')
const { ownServer } = require('./support/own-server.js')
const { rogueServer, packet, greeting, ok } = require('./support/rogue.js')
const { testServer } = require('./support/server.js')

const authority = certificateAuthority('hegar test authority')
const stranger = certificateAuthority('somebody else')

function tlsServer(identity, args = []) {
  return ownServer({
    files: { 'cert.pem': identity.cert, 'key.pem': identity.key, 'ca.pem': authority.pem },
    args: ['--ssl-cert={dir}/cert.pem', '--ssl-key={dir}/key.pem', '--ssl-ca={dir}/ca.pem', ...args],
  })
}

async function withPool(options, use) {
  const pool = createPool(options)
  try {
    return await use(pool)
  } finally {
    await pool.close()
  }
}

const cipher = (pool) => pool.queryOne("SHOW STATUS LIKE 'Ssl_cipher'").then((row) => row.Value)

describe('a server whose certificate names its address', () => {
  let server
  before(async () => {
    server = await tlsServer(authority.issue({ names: ['127.0.0.1', 'db.example'] }))
    await server.run(
      'CREATE USER tls@127.0.0.1 REQUIRE SSL',
      "CREATE USER identified@127.0.0.1 IDENTIFIED BY 'hunter2' REQUIRE X509",
    )
  })
  after(() => server.remove())

  const connect = (ssl, options) => ({ ...server.options, ssl, ...options })

  test('is accepted with its authority, and the session is encrypted', async () => {
    const used = await withPool(connect({ ca: authority.pem }), cipher)
    assert.match(used, /^TLS_|^ECDHE/)
  })

  test('is not asked for its name by a drop-in that does not say so, which warns once', async () => {
    const codes = []
    const warned = ({ code }) => codes.push(code)
    process.on('warning', warned)
    const named = { ...server.options, host: 'localhost' }
    try {
      for (const ssl of [{ ca: authority.pem }, { ca: authority.pem }]) {
        const connection = await mysql2.createConnection({ ...named, ssl })
        const [[{ Value }]] = await connection.query("SHOW STATUS LIKE 'Ssl_cipher'")
        assert.match(Value, /^TLS_|^ECDHE/)
        await connection.end()
      }
      for (const ssl of [{ ca: authority.pem, verifyIdentity: true }, { ca: stranger.pem }]) {
        await assert.rejects(mysql2.createConnection({ ...named, ssl }), { code: 'HEGAR_TLS_ERROR' })
      }
      await new Promise(setImmediate)
    } finally {
      process.removeListener('warning', warned)
    }
    assert.deepEqual(codes, ['HEGAR_TLS_IDENTITY'])
  })

  test('is accepted among several authorities', async () => {
    assert.ok(await withPool(connect({ ca: [stranger.pem, authority.pem] }), cipher))
    assert.ok(await withPool(connect({ ca: stranger.pem + authority.pem }), cipher))
  })

  test('carries large results and parameters', async () => {
    const value = 'x'.repeat(3_000_000)
    await withPool(connect({ ca: authority.pem }), async (pool) => {
      assert.deepEqual(await pool.query('SELECT ? AS v, LENGTH(?) AS n', [value, value]), [
        { v: value, n: value.length },
      ])
    })
  })

  test('is accepted under another name that its certificate carries', async () => {
    assert.ok(await withPool(connect({ ca: authority.pem, servername: 'db.example' }), cipher))
  })

  test('is refused under a name that its certificate does not carry', async () => {
    await withPool(connect({ ca: authority.pem, servername: 'evil.example' }), async (pool) => {
      const error = await rejects(pool.query('SELECT 1'), 'HEGAR_TLS_ERROR')
      assert.match(error.message, /evil\.example|not valid for name/)
    })
  })

  test('is accepted under any name when only the chain is to be verified', async () => {
    const ssl = { ca: authority.pem, servername: 'evil.example', verifyIdentity: false }
    assert.ok(await withPool(connect(ssl), cipher))
  })

  test('is refused by an unknown authority, by name or by chain', async () => {
    for (const verifyIdentity of [true, false]) {
      await withPool(connect({ ca: stranger.pem, verifyIdentity }), (pool) =>
        rejects(pool.query('SELECT 1'), 'HEGAR_TLS_ERROR'),
      )
    }
  })

  test('is refused when only public authorities are trusted', async () => {
    await withPool(connect(true), (pool) => rejects(pool.query('SELECT 1'), 'HEGAR_TLS_ERROR'))
  })

  test('is accepted unseen when nothing is to be verified', async () => {
    const ssl = { ca: stranger.pem, servername: 'evil.example', rejectUnauthorized: false }
    assert.ok(await withPool(connect(ssl), cipher))
  })

  test('lets in a user that must use TLS, and only with TLS', async () => {
    assert.ok(await withPool(connect({ ca: authority.pem }, { user: 'tls' }), cipher))
    await withPool(connect(false, { user: 'tls' }), (pool) =>
      rejects(pool.query('SELECT 1'), 'ER_ACCESS_DENIED_ERROR'),
    )
  })

  test('lets in a user that must show a certificate, and only with one', async () => {
    const user = { user: 'identified', password: 'hunter2' }
    const identity = authority.issue({ subject: 'client' })
    assert.ok(await withPool(connect({ ca: authority.pem, ...identity }, user), cipher))
    await withPool(connect({ ca: authority.pem }, user), async (pool) => {
      const error = await rejects(pool.query('SELECT 1'), 'ER_ACCESS_DENIED_ERROR')
      assert.ok(!error.message.includes('hunter2'))
    })
  })

  test('refuses the certificate of a client of another authority', async () => {
    const identity = stranger.issue({ subject: 'client' })
    await withPool(
      connect({ ca: authority.pem, ...identity }, { user: 'identified', password: 'hunter2' }),
      async (pool) => {
        const error = await pool.query('SELECT 1').catch((reason) => reason)
        assert.match(
          error.code,
          /^(HEGAR_TLS_ERROR|HEGAR_CONNECTION_LOST|ER_ACCESS_DENIED_ERROR)$/,
          error.message,
        )
      },
    )
  })

  test('refuses a key that does not belong to the certificate', async () => {
    const { cert } = authority.issue()
    const { key } = authority.issue()
    await withPool(connect({ ca: authority.pem, cert, key }), (pool) =>
      rejects(pool.query('SELECT 1'), 'HEGAR_TLS_ERROR'),
    )
  })
})

describe('a server whose certificate has expired', () => {
  let server
  before(async () => {
    server = await tlsServer(authority.issue({ names: ['127.0.0.1'], days: -1 }))
  })
  after(() => server.remove())

  test('is refused with the right authority, whether or not the name is to be verified', async () => {
    for (const verifyIdentity of [true, false]) {
      await withPool({ ...server.options, ssl: { ca: authority.pem, verifyIdentity } }, async (pool) => {
        const error = await rejects(pool.query('SELECT 1'), 'HEGAR_TLS_ERROR')
        assert.match(error.message, /expired/)
      })
    }
  })

  test('is accepted when nothing is to be verified', async () => {
    assert.ok(await withPool({ ...server.options, ssl: { rejectUnauthorized: false } }, cipher))
  })
})

describe('the version of TLS', () => {
  for (const version of ['TLSv1.2', 'TLSv1.3']) {
    test(`is ${version} where the server has no other, names and clients verified as ever`, async (t) => {
      const server = await tlsServer(authority.issue({ names: ['127.0.0.1'] }), [`--tls-version=${version}`])
      t.after(() => server.remove())
      await server.run("CREATE USER identified@127.0.0.1 IDENTIFIED BY 'hunter2' REQUIRE X509")
      const used = (pool) => pool.queryOne("SHOW STATUS LIKE 'Ssl_version'").then((row) => row.Value)
      const to = (ssl, more) => ({ ...server.options, ssl, ...more })
      const trusted = { ca: authority.pem }
      assert.equal(await withPool(to(trusted), used), version)
      const identity = authority.issue({ subject: 'client' })
      const user = { user: 'identified', password: 'hunter2' }
      assert.equal(await withPool(to({ ...trusted, ...identity }, user), used), version)
      for (const ssl of [{ ...trusted, servername: 'evil.example' }, { ca: stranger.pem }]) {
        await withPool(to(ssl), (pool) => rejects(pool.query('SELECT 1'), 'HEGAR_TLS_ERROR'))
      }
    })
  }

  test('is never one before 1.2, whatever the server offers', async (t) => {
    const server = await rogueServer(t, async (session) => {
      session.send(greeting({ tls: true }))
      await session.read()
      session.secure({
        ...authority.issue({ names: ['127.0.0.1'] }),
        minVersion: 'TLSv1',
        maxVersion: 'TLSv1.1',
        ciphers: 'DEFAULT@SECLEVEL=0',
      })
      session.login = await session.read()
    })
    const { host, port, user } = server
    for (const ssl of [{ ca: authority.pem }, { rejectUnauthorized: false }]) {
      await withPool({ host, port, user, password: 'hunter2', ssl }, (pool) =>
        rejects(pool.query('SELECT 1'), 'HEGAR_TLS_ERROR'),
      )
    }
    await Promise.all(server.sessions.map((session) => session.ended))
    assert.deepEqual(
      server.sessions.map((session) => session.login),
      [null, null],
    )
  })
})

test('a server without TLS is refused when TLS is asked for, and nothing secret is sent', async (t) => {
  const { host, port, user, password } = await testServer()
  await withPool({ host, port, user, password, ssl: { rejectUnauthorized: false } }, async (pool) => {
    const error = await rejects(pool.query('SELECT 1'), 'HEGAR_TLS_ERROR')
    assert.match(error.message, /does not offer/)
  })
  const rogue = await rogueServer(t, async (session) => {
    session.send(greeting())
    session.login = await session.read()
  })
  await withPool({ host, port: rogue.port, user, password: 'hunter2', ssl: true }, (pool) =>
    rejects(pool.query('SELECT 1'), 'HEGAR_TLS_ERROR'),
  )
  await rogue.sessions[0].ended
  assert.equal(rogue.sessions[0].login, null)
})

test('what is sent in the clear behind the greeting is not taken for the server behind TLS', async (t) => {
  const server = await rogueServer(t, (session) => {
    session.socket.write(Buffer.concat([packet(greeting({ tls: true }), 0), packet(ok(), 3)]))
  })
  const { host, port, user } = server
  await withPool({ host, port, user, ssl: { rejectUnauthorized: false }, connectTimeoutMs: 2000 }, (pool) =>
    rejects(pool.query('SELECT 1'), 'HEGAR_PROTOCOL_ERROR'),
  )
})

test('a server that promises TLS and then falls silent costs the connect deadline', async (t) => {
  const server = await rogueServer(t, (session) => session.send(greeting({ tls: true })))
  const { host, port, user } = server
  await withPool({ host, port, user, ssl: true, connectTimeoutMs: 200 }, (pool) =>
    rejects(pool.query('SELECT 1'), 'HEGAR_CONNECT_TIMEOUT', 2000),
  )
})

test('a unix socket needs no TLS, although the options ask for it on TCP', async () => {
  const { socket, user, password } = await testServer()
  await withPool({ socketPath: socket, user, password, ssl: true }, async (pool) => {
    assert.deepEqual(await pool.query('SELECT 1 AS one'), [{ one: 1 }])
  })
})
