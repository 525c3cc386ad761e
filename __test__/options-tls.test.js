'use strict'

const assert = require('node:assert/strict')
const { describe, it } = require('node:test')

const { invalid, native, unknown, unsupported } = require('./refusals.js')

const certificate = '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n'
const privateKey = '-----BEGIN PRIVATE KEY-----\nMA==\n-----END PRIVATE KEY-----\n'
const publicKey = '-----BEGIN PUBLIC KEY-----\nMA==\n-----END PUBLIC KEY-----\n'

describe('ssl', () => {
  const tls = (ssl) => native({ ssl }).tls
  const verified = { ca: null, cert: null, key: null, verify: true, verifyIdentity: true, serverName: null }

  it('verifies the chain and the name by default', () => {
    assert.deepEqual(tls(true), verified)
    assert.deepEqual(tls({}), verified)
    assert.deepEqual(native('mysql://h?ssl=true').tls, verified)
    assert.deepEqual(native('mysql://h?ssl={}').tls, verified)
  })

  it('is off when absent or false', () => {
    for (const ssl of [undefined, null, false, '']) assert.equal(tls(ssl), null)
  })

  it('switches both checks off with rejectUnauthorized: false, and the name alone with verifyIdentity: false', () => {
    assert.deepEqual(tls({ rejectUnauthorized: false }), {
      ...verified,
      verify: false,
      verifyIdentity: false,
    })
    assert.deepEqual(tls({ verifyIdentity: false }), { ...verified, verifyIdentity: false })
    invalid({ ssl: { rejectUnauthorized: false, verifyIdentity: true } }, /rejectUnauthorized/)
    invalid({ ssl: { rejectUnauthorized: 'false' } }, /'ssl.rejectUnauthorized' must be true or false/)
  })

  it('takes PEM as strings, Buffers and arrays', () => {
    assert.deepEqual(tls({ ca: certificate }).ca, [certificate])
    assert.deepEqual(tls({ ca: [Buffer.from(certificate), certificate] }).ca, [certificate, certificate])
    const both = tls({ cert: Buffer.from(certificate), key: [privateKey], servername: 'db.example' })
    assert.equal(both.cert, certificate)
    assert.equal(both.key, privateKey)
    assert.equal(both.serverName, 'db.example')
    assert.equal(tls({ key: privateKey.replaceAll('PRIVATE', 'EC PRIVATE'), cert: certificate }).verify, true)
  })

  it('refuses what is not PEM, with a hint for paths', () => {
    invalid({ ssl: { ca: '/etc/ssl/ca.pem' } }, /'ssl.ca'.*readFileSync/)
    invalid({ ssl: { ca: [] } }, /trusts nobody/)
    invalid({ ssl: { ca: privateKey } }, /CERTIFICATE/)
    invalid({ ssl: { cert: certificate } }, /ssl\.key/)
    invalid({ ssl: { key: privateKey } }, /ssl\.cert/)
    invalid({ ssl: 1 }, /'ssl' must be an object, but is a number/)
    invalid({ ssl: [] }, /an array/)
  })

  it('refuses what it cannot do, and says what to do instead', () => {
    unsupported({ ssl: 'Amazon RDS' }, /ca: /)
    unsupported({ ssl: { passphrase: 'hunter2' } }, /openssl/)
    unsupported(
      { ssl: { cert: certificate, key: privateKey.replaceAll('PRIVATE', 'ENCRYPTED PRIVATE') } },
      /openssl/,
    )
    unsupported({ ssl: { ciphers: 'x' } })
    unsupported({ ssl: { minVersion: 'TLSv1.3' } })
    unsupported({ ssl: { maxVersion: 'TLSv1.2' } })
    assert.deepEqual(tls({ minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3' }), verified)
    invalid({ ssl: { minVersion: 'SSLv3' } }, /TLSv1\.2/)
    unknown({ ssl: { rejectUnauthorised: false } }, /'ssl.rejectUnauthorized'/)
    unknown({ ssl: JSON.parse('{"__proto__": {}}') })
  })

  it('is required for a password in clear text', () => {
    assert.equal(native({ enableCleartextPlugin: true, ssl: true }).allowCleartext, true)
    assert.equal(native({ enableCleartextPlugin: true, socketPath: '/s' }).allowCleartext, true)
    assert.equal(native({ enableCleartextPlugin: false }).allowCleartext, false)
    invalid({ enableCleartextPlugin: true }, /'ssl'/)
    invalid({ enableCleartextPlugin: true, ssl: { rejectUnauthorized: false } }, /verification/)
  })

  it('can be spared by a key of the server', () => {
    assert.equal(native({ serverPublicKey: publicKey }).serverPublicKey, publicKey)
    invalid({ serverPublicKey: 'x' }, /PUBLIC KEY/)
  })
})
