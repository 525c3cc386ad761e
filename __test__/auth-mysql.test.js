'use strict'

const assert = require('node:assert/strict')
const { generateKeyPairSync } = require('node:crypto')
const { after, before, beforeEach, describe, test } = require('node:test')
const mysql2 = require('mysql2/promise')
const { createPool } = require('../index.js')
const { isMysql } = require('./support/mysql.js')
const { rejects } = require('./support/outcome.js')

const PASSWORD = 'pässwörd 😀 of another user'
const USER = `caching_${process.pid}`

// rogue servers play this plugin in auth.test.js and auth-private.test.js; here is the real one.
describe('caching_sha2_password of MySQL', { skip: !isMysql && 'MySQL only: npm run test:mysql' }, () => {
  let server, admin, key
  before(async () => {
    server = JSON.parse(process.env.HEGAR_TEST_SERVER)
    const { socket: socketPath, user, password } = server
    admin = await mysql2.createConnection({ socketPath, user, password })
    await admin.query(`CREATE USER ${USER}@127.0.0.1 IDENTIFIED WITH caching_sha2_password BY '${PASSWORD}'`)
    await admin.query(`CREATE USER ${USER}@localhost IDENTIFIED WITH caching_sha2_password BY '${PASSWORD}'`)
    const [[status]] = await admin.query("SHOW STATUS LIKE 'Caching_sha2_password_rsa_public_key'")
    key = status.Value
  })
  after(async () => {
    await admin.query(`DROP USER ${USER}@127.0.0.1, ${USER}@localhost`)
    await admin.end()
  })
  // Makes the server forget that it has seen this user's password. FLUSH PRIVILEGES would forget those of other tests.
  beforeEach(async () => {
    for (const host of ['127.0.0.1', 'localhost']) {
      await admin.query(`ALTER USER ${USER}@${host} IDENTIFIED WITH caching_sha2_password BY '${PASSWORD}'`)
    }
  })

  async function logIn(options, password = PASSWORD) {
    const { host, port } = server
    const pool = createPool({ host, port, user: USER, password, ...options })
    try {
      const [{ Value }] = await pool.query("SHOW STATUS LIKE 'Ssl_version'")
      return Value
    } finally {
      await pool.close()
    }
  }

  const tls = () => ({ ssl: { ca: server.authority, verifyIdentity: false } })
  const ways = {
    TLS: tls,
    'a unix socket': () => ({ socketPath: server.socket }),
    'the pinned key': () => ({ serverPublicKey: key }),
    "the server's own key": () => ({ allowPublicKeyRetrieval: true }),
  }
  for (const [name, way] of Object.entries(ways)) {
    test(`takes the password the first time over ${name}, and then its proof over plain TCP`, async () => {
      await rejects(logIn({}), 'HEGAR_AUTH_ERROR')
      assert.equal(await logIn(way()), name === 'TLS' ? 'TLSv1.3' : '')
      // The cache of the server is by user and host.
      if (name !== 'a unix socket') assert.equal(await logIn({}), '')
      else await rejects(logIn({}), 'HEGAR_AUTH_ERROR')
    })

    test(`refuses another password over ${name}`, async () => {
      await rejects(logIn(way(), 'another'), 'ER_ACCESS_DENIED_ERROR')
      await rejects(logIn(way(), ''), 'ER_ACCESS_DENIED_ERROR')
    })
  }

  test('can not read what was hidden with the key of another server', async () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const serverPublicKey = publicKey.export({ type: 'spki', format: 'pem' })
    await rejects(logIn({ serverPublicKey }), 'ER_ACCESS_DENIED_ERROR')
  })

  test('is refused in TLS when the certificate is not for the address, as those are that MySQL makes', async () => {
    const error = await rejects(logIn({ ssl: { ca: server.authority } }), 'HEGAR_TLS_ERROR')
    assert.match(error.message, /not valid for/)
  })

  // Users that do not exist are asked by a plugin of the server's choice, this one too.
  test('takes the password of an account of sha256_password the same ways', async (t) => {
    const account = `sha256_${process.pid}`
    for (const host of ['127.0.0.1', 'localhost']) {
      await admin.query(`CREATE USER ${account}@${host} IDENTIFIED WITH sha256_password BY '${PASSWORD}'`)
      t.after(() => admin.query(`DROP USER ${account}@${host}`))
    }
    for (const way of [tls, ways['a unix socket'], ways["the server's own key"]]) {
      await logIn({ ...way(), user: account })
      await rejects(logIn({ ...way(), user: account }, 'another'), 'ER_ACCESS_DENIED_ERROR')
    }
    await rejects(logIn({ user: account }), 'HEGAR_AUTH_ERROR')
  })
})
