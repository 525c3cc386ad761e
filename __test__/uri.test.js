'use strict'

const assert = require('node:assert/strict')
const { describe, it } = require('node:test')

const { invalid, native, unknown } = require('./refusals.js')

const certificate = '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n'

describe('a connection uri', () => {
  it('gives where to connect, as whom, and any other option', () => {
    const ssl = encodeURIComponent(JSON.stringify({ ca: certificate }))
    const uri = `mysql://us%2Fer:pa%40ss%3A@db.example:3307/sh%20op?connectionLimit=5&resetOnRelease=1&ssl=${ssl}`
    const options = native(uri)
    assert.equal(options.host, 'db.example')
    assert.equal(options.port, 3307)
    assert.equal(options.user, 'us/er')
    assert.equal(options.password, 'pa@ss:')
    assert.equal(options.database, 'sh op')
    assert.equal(options.connectionLimit, 5)
    assert.equal(options.resetOnRelease, true)
    assert.deepEqual(options.tls.ca, [certificate])
  })

  it('may begin with mariadb:// and be a URL object', () => {
    assert.equal(native('mariadb://root@db').host, 'db')
    assert.equal(native(new URL('mysql://root@db')).user, 'root')
    assert.equal(native({ uri: 'MYSQL://root@db' }).user, 'root')
  })

  it('keeps text that looks like JSON as it is', () => {
    const options = native('mysql://null:%22quoted%22@[::1]/123?socketPath=/run/1.sock')
    assert.equal(options.user, 'null')
    assert.equal(options.password, '"quoted"')
    assert.equal(options.host, '::1')
    assert.equal(options.database, '123')
    assert.equal(options.socketPath, '/run/1.sock')
  })

  it('may write the + of a time zone or flag, which a query string reads as a space', () => {
    assert.equal(native('mysql://h?timezone=+07:00').timezone, '+07:00')
    assert.equal(native('mysql://h?flags=-FOUND_ROWS').foundRows, false)
    assert.equal(native('mysql://h?flags=["-FOUND_ROWS"]').foundRows, false)
  })

  it('loses to options given beside it', () => {
    const uri = 'mysql://a:b@c:1/d?acquireTimeout=5&charset=utf8mb4_bin'
    const options = native({ uri, host: 'h', password: '', port: 2, acquireTimeoutMs: 7, charsetNumber: 45 })
    assert.equal(options.host, 'h')
    assert.equal(options.user, 'a')
    assert.equal(options.password, '')
    assert.equal(options.port, 2)
    assert.equal(options.database, 'd')
    assert.equal(options.acquireTimeoutMs, 7)
    assert.equal(options.collation, 45)
  })

  it('cannot have its target or user replaced by its query string', () => {
    for (const name of ['host', 'port', 'user', 'password', 'password1', 'passwordSha1', 'database', 'uri']) {
      invalid(`mysql://u:p@h:1/d?${name}=evil`, /query string/, new RegExp(`'${name}'`))
      // Also where the authority leaves it out.
      invalid(`mysql://h?${name}=evil`, /query string/)
    }
  })

  it('cannot have its host replaced by a socket in its query string', () => {
    for (const host of ['db.example', '10.0.0.1', '[fe80::1]']) {
      invalid(`mysql://u:secret@${host}/d?socketPath=/tmp/other.sock`, /both a host and a socketPath/)
    }
    for (const host of ['localhost', '127.0.0.1:3306', '[::1]']) {
      assert.equal(native(`mysql://u@${host}/d?socketPath=/run/s`).socketPath, '/run/s')
    }
    assert.equal(native({ uri: 'mysql://u@db.example/d', socketPath: '/run/s' }).socketPath, '/run/s')
  })

  it('is refused when its form is wrong, with the reason', () => {
    invalid('postgres://h/d', /mysql:\/\/ or mariadb:\/\//)
    invalid('localhost', /mysql:\/\//)
    invalid('', /mysql:\/\//)
    invalid('mysql://u:p#w@h/d', /percent-encoded/)
    invalid('mysql://u:1#w@h/d', /'#'/)
    invalid('mysql://u:%zz@h/d', /the password .* is not percent-encoded/)
    invalid('mysql://h:99999/d', /form/)
    invalid('mysql://h:0/d', /'port' .* 1 to 65535/)
    invalid('mysql://h/a/b', /%2F/)
    invalid('mysql://h/d?maxIdle=1&maxIdle=2', /twice/)
    invalid('mysql://h/d?connectionLimit=many', /'connectionLimit'/)
    unknown('mysql://h/d?conectionLimit=5', /'connectionLimit'/)
    unknown('mysql://h/d?__proto__=5', /__proto__/)
  })
})
