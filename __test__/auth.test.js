'use strict'

const { before, describe, test } = require('node:test')
const assert = require('node:assert/strict')
const crypto = require('node:crypto')
const mysql2 = require('mysql2/promise')
const { createPool } = require('../index.js')
const { isMysql } = require('./support/mysql.js')
const { rejects } = require('./support/outcome.js')
const { rogueServer, greeting, ok, err, authSwitch, NONCE } = require('./support/rogue.js')
const { testServer } = require('./support/server.js')

const PASSWORD = 'hunter2 ümläut'
const rsa = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 })
const publicKey = rsa.publicKey.export({ type: 'spki', format: 'pem' })

async function queryOnce(options) {
  const pool = createPool({ connectTimeoutMs: 2000, ...options })
  try {
    return await pool.query('SELECT CURRENT_USER() AS me')
  } finally {
    await pool.close({ drainMs: 0 })
  }
}

// MariaDB has mysql_native_password for it, MySQL caching_sha2_password, which over plain TCP needs the server's key.
describe('a password on a real server', () => {
  const way = isMysql ? { allowPublicKeyRetrieval: true } : {}
  let server
  const name = `hegar_auth_${process.pid}`
  before(async () => {
    server = await testServer()
    const { host, port, user, password } = server
    const admin = await mysql2.createConnection({ host, port, user, password })
    await admin.query(`DROP USER IF EXISTS ${name}@'%', ${name}_open@'%'`)
    await admin.query(`CREATE USER ${name}@'%' IDENTIFIED BY '${PASSWORD}'`)
    await admin.query(`CREATE USER ${name}_open@'%'`)
    await admin.end()
  })

  test('the right password is let in, over TCP and a unix socket', async () => {
    const { host, port, socket } = server
    for (const to of [{ host, port }, { socketPath: socket }]) {
      assert.deepEqual(await queryOnce({ ...way, ...to, user: name, password: PASSWORD }), [
        { me: `${name}@%` },
      ])
    }
  })

  test('an empty password is let in where there is none', async () => {
    const { host, port } = server
    assert.deepEqual(await queryOnce({ host, port, user: `${name}_open` }), [{ me: `${name}_open@%` }])
  })

  test('a wrong password is refused with the code of the server and without the password', async () => {
    const { host, port } = server
    const error = await rejects(
      queryOnce({ ...way, host, port, user: name, password: 'wrong-secret' }),
      'ER_ACCESS_DENIED_ERROR',
    )
    assert.equal(error.errno, 1045)
    assert.equal(error.sqlState, '28000')
    assert.equal(error.fatal, true)
    assert.ok(
      !JSON.stringify({ ...error, stack: error.stack, message: error.message }).includes('wrong-secret'),
    )
  })

  test('an unknown database is refused with its name', async () => {
    const { host, port, user, password } = server
    const error = await rejects(
      queryOnce({ host, port, user, password, database: 'no_such_shop' }),
      'ER_BAD_DB_ERROR',
    )
    assert.match(error.message, /no_such_shop/)
  })
})

/** A server that switches to `plugin` with `nonce` and plays `then` with the client's answer. */
function switching(t, plugin, then, nonce = Buffer.concat([NONCE, Buffer.from([0])])) {
  return rogueServer(t, async (session) => {
    session.send(greeting())
    await session.read()
    session.send(authSwitch(plugin, nonce))
    await then(session, await session.read())
    await session.serve(() => session.send(err(1064, 'logged in')))
  })
}

const target = ({ host, port }) => ({ host, port, user: 'someone', password: PASSWORD })
/** The one answer that the servers here give to a statement: it shows that the login is over. */
const loggedIn = (options) => rejects(queryOnce(options), 'ER_PARSE_ERROR')

/** What was hidden with our key and the nonce. */
function decrypt(hidden) {
  const plain = crypto.privateDecrypt(
    { key: rsa.privateKey, padding: crypto.constants.RSA_PKCS1_OAEP_PADDING },
    hidden,
  )
  return Buffer.from(plain.map((byte, index) => byte ^ NONCE[index % NONCE.length])).toString()
}

describe('sha256_password', () => {
  const plugin = 'sha256_password'
  const key = Buffer.concat([Buffer.from([1]), Buffer.from(publicKey)])

  test("hides the password with the pinned key, and with the server's own where that is allowed", async (t) => {
    let password
    const pinned = await switching(t, plugin, (session, answer) => {
      password = decrypt(answer)
      session.send(ok())
    })
    await loggedIn({ ...target(pinned), serverPublicKey: publicKey })
    assert.equal(password, `${PASSWORD}\0`)

    const asked = await switching(t, plugin, async (session, answer) => {
      assert.deepEqual(answer, Buffer.from([1]))
      session.send(key)
      password = decrypt(await session.read())
      session.send(ok())
    })
    await loggedIn({ ...target(asked), allowPublicKeyRetrieval: true })
    assert.equal(password, `${PASSWORD}\0`)
  })

  test('sends no password over plain TCP otherwise, whatever key the server offers', async (t) => {
    for (const [options, code] of [
      [{}, 'HEGAR_AUTH_ERROR'],
      [{ serverPublicKey: publicKey }, 'HEGAR_PROTOCOL_ERROR'],
    ]) {
      let sent
      const server = await switching(t, plugin, async (session) => {
        session.send(key)
        sent = await session.read()
      })
      await rejects(queryOnce({ ...target(server), ...options }), code)
      await server.sessions[0].ended
      assert.ok(sent === null || sent === undefined, 'nothing more is sent')
    }
  })

  test('sends a zero byte for an empty password', async (t) => {
    let proof
    const server = await switching(t, plugin, (session, answer) => {
      proof = answer
      session.send(ok())
    })
    await loggedIn({ ...target(server), password: '' })
    assert.deepEqual(proof, Buffer.from([0]))
  })
})

describe('caching_sha2_password', () => {
  const sha256 = (...parts) => crypto.createHash('sha256').update(Buffer.concat(parts)).digest()
  const scramble = (password) => {
    const once = sha256(Buffer.from(password))
    const mask = sha256(sha256(once), NONCE)
    return Buffer.from(once.map((byte, index) => byte ^ mask[index]))
  }
  const fast = Buffer.from([1, 3])
  const full = Buffer.from([1, 4])

  test('proves the password to a server that remembers it', async (t) => {
    let proof
    const server = await switching(t, 'caching_sha2_password', (session, answer) => {
      proof = answer
      session.send(fast, ok())
    })
    await loggedIn(target(server))
    assert.deepEqual(proof, scramble(PASSWORD))
  })

  test('proves it in the first answer when the greeting names the plugin', async (t) => {
    let login
    const server = await rogueServer(t, async (session) => {
      session.send(greeting({ plugin: 'caching_sha2_password' }))
      login = await session.read()
      session.send(fast, ok())
      await session.serve(() => session.send(err(1064, 'logged in')))
    })
    await loggedIn(target(server))
    assert.ok(login.includes(scramble(PASSWORD)))
    assert.ok(!login.includes('hunter2'))
  })

  test('sends an empty proof for an empty password', async (t) => {
    let proof
    const server = await switching(t, 'caching_sha2_password', (session, answer) => {
      proof = answer
      session.send(ok())
    })
    await loggedIn({ ...target(server), password: '' })
    assert.equal(proof.length, 0)
  })

  test('refuses the full exchange over plain TCP and says what is safe', async (t) => {
    let sent
    const server = await switching(t, 'caching_sha2_password', async (session) => {
      session.send(full)
      sent = await session.read()
    })
    const error = await rejects(queryOnce(target(server)), 'HEGAR_AUTH_ERROR')
    assert.match(error.message, /ssl.*serverPublicKey.*allowPublicKeyRetrieval/)
    await server.sessions[0].ended
    assert.equal(sent, null, 'nothing more is sent')
  })

  test('hides the password with the pinned key', async (t) => {
    let password
    const server = await switching(t, 'caching_sha2_password', async (session) => {
      session.send(full)
      password = decrypt(await session.read())
      session.send(ok())
    })
    await loggedIn({ ...target(server), serverPublicKey: publicKey })
    assert.equal(password, `${PASSWORD}\0`)
  })

  test("hides the password with the server's own key where that is allowed", async (t) => {
    let password
    const server = await switching(t, 'caching_sha2_password', async (session) => {
      session.send(full)
      assert.deepEqual(await session.read(), Buffer.from([2]))
      session.send(Buffer.concat([Buffer.from([1]), Buffer.from(publicKey)]))
      password = decrypt(await session.read())
      session.send(ok())
    })
    await loggedIn({ ...target(server), allowPublicKeyRetrieval: true })
    assert.equal(password, `${PASSWORD}\0`)
  })

  test('refuses a key that is none, and the process lives', async (t) => {
    const keys = [
      '',
      'garbage',
      '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n',
      publicKey.slice(0, 200),
    ]
    for (const key of keys) {
      const server = await switching(t, 'caching_sha2_password', async (session) => {
        session.send(full)
        await session.read()
        session.send(Buffer.concat([Buffer.from([1]), Buffer.from(key)]))
      })
      const options = { ...target(server), allowPublicKeyRetrieval: true }
      await rejects(queryOnce(options), 'HEGAR_AUTH_ERROR')
    }
  })

  test('refuses a key that would take hours to use', async (t) => {
    const number = (bytes) => Buffer.concat([Buffer.alloc(bytes - 1, 0x55), Buffer.from([0x57])])
    const element = (tag, body) => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(body.length)
      return Buffer.concat([Buffer.from([tag, 0x84]), length, body])
    }
    const der = element(0x30, Buffer.concat([element(2, number(20_000)), element(2, number(20_000))]))
    const key = `-----BEGIN RSA PUBLIC KEY-----\n${der.toString('base64')}\n-----END RSA PUBLIC KEY-----\n`
    const server = await switching(t, 'caching_sha2_password', async (session) => {
      session.send(full)
      await session.read()
      session.send(Buffer.concat([Buffer.from([1]), Buffer.from(key)]))
    })
    await rejects(queryOnce({ ...target(server), allowPublicKeyRetrieval: true }), 'HEGAR_AUTH_ERROR', 1000)
  })

  test('refuses a password that is longer than the key can hide', async (t) => {
    const server = await switching(t, 'caching_sha2_password', (session) => session.send(full))
    const options = { ...target(server), password: 'x'.repeat(300), serverPublicKey: publicKey }
    await rejects(queryOnce(options), 'HEGAR_AUTH_ERROR')
  })
})

describe('client_ed25519', () => {
  // The public key that MariaDB's documentation gives for the password `secret`.
  const raw = Buffer.from('ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJY=', 'base64')
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw])
  const key = crypto.createPublicKey({ key: spki, format: 'der', type: 'spki' })

  test("signs the server's nonce, whatever its last byte is", async (t) => {
    for (const last of [7, 0]) {
      const nonce = Buffer.concat([crypto.randomBytes(31), Buffer.from([last])])
      let signature
      const server = await switching(
        t,
        'client_ed25519',
        (session, answer) => {
          signature = answer
          session.send(ok())
        },
        nonce,
      )
      await loggedIn({ ...target(server), password: 'secret' })
      assert.ok(crypto.verify(null, nonce, key, signature), `a nonce that ends in ${last}`)
    }
  })
})

describe('mysql_clear_password', () => {
  const plugin = 'mysql_clear_password'

  test('is refused by default, and the password is not sent', async (t) => {
    let answer
    const server = await switching(t, plugin, (session, sent) => (answer = sent))
    const error = await rejects(queryOnce(target(server)), 'HEGAR_AUTH_ERROR')
    assert.match(error.message, /enableCleartextPlugin/)
    await server.sessions[0].ended
    assert.equal(answer, null)
  })

  test('cannot even be allowed over plain TCP', async (t) => {
    const server = await switching(t, plugin, () => {})
    const error = await rejects(
      queryOnce({ ...target(server), enableCleartextPlugin: true }),
      'HEGAR_OPTION_INVALID',
    )
    assert.match(error.message, /ssl/)
    assert.equal(server.sessions.length, 0)
  })

  test('is never answered in the first packet, even when the greeting names it', async (t) => {
    let login
    const server = await rogueServer(t, async (session) => {
      session.send(greeting({ plugin }))
      login = await session.read()
      session.send(err(1045, 'no', '28000'))
    })
    await rejects(queryOnce(target(server)), 'ER_ACCESS_DENIED_ERROR')
    assert.ok(!login.includes('hunter2'))
  })
})
