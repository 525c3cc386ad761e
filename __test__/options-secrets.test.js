'use strict'

const assert = require('node:assert/strict')
const { describe, it } = require('node:test')
const { inspect } = require('node:util')

const { normaliseOptions } = require('../lib/options.js')
const { errorOf } = require('./refusals.js')

const certificate = '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n'
const privateKey = '-----BEGIN PRIVATE KEY-----\nMA==\n-----END PRIVATE KEY-----\n'

describe('secrets', () => {
  const secret = 'hunter2hunter2'

  it('show in no message, stack or inspected error', () => {
    const attempts = [
      `mysql://u:${secret}#@h/d`,
      `mysql://u:${secret}%zz@h/d`,
      `postgres://u:${secret}@h/d`,
      `mysql://u:${secret}@h:port/d`,
      `mysql://u:${secret}@h/d?password=${secret}`,
      `mysql://u:${secret}@h/d?connectionLimit=${secret}`,
      `mysql://u:${secret}@h/d?timezone=${secret}`,
      `mysql://u:${secret}@h/d?ssl=${secret}`,
      { password: [secret] },
      { password: { password: secret } },
      { password: `${secret}\0` },
      { password: secret, password1: `${secret}1` },
      { passwordSha1: secret },
      { password2: secret },
      { host: `u:${secret}@h` },
      { port: secret },
      { charset: secret },
      { flags: secret },
      { flags: ['ODBC', secret] },
      { dateStrings: [secret] },
      { ssl: secret },
      { ssl: { key: secret } },
      { ssl: { passphrase: secret } },
      { uri: secret },
      { timezone: secret },
      { enableCleartextPlugin: true, password: secret },
    ]
    for (const options of attempts) {
      const error = errorOf(options)
      assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /hunter2/, error.message)
      assert.doesNotMatch(JSON.stringify(error), /hunter2/)
    }
    const number = errorOf({ password: 20221122 })
    assert.doesNotMatch(inspect(number), /20221122/)
  })

  it('show in the JSON for Rust alone', () => {
    const options = normaliseOptions({ password: secret, ssl: { cert: certificate, key: privateKey } })
    assert.doesNotMatch(inspect(options, { depth: 9 }), /hunter2|PRIVATE/)
    assert.match(inspect(options, { depth: 9 }), /localhost/)
    assert.equal(JSON.parse(JSON.stringify(options.native)).password, secret)
    assert.equal(JSON.parse(JSON.stringify(options.native)).tls.key, privateKey)
  })
})
