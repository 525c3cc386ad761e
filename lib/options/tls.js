'use strict'

module.exports = { readTls }

const { optionError } = require('../errors.js')
const { boolean, text, pem, invalid, refusal, entriesOf } = require('./readers.js')
const { nearest } = require('./nearest.js')

const certificates = pem('CERTIFICATE')
const privateKey = pem('PRIVATE KEY')

const readers = {
  ca: readAuthorities,
  cert: (value, name) =>
    list(value, name)
      .map((item) => certificates(item, name))
      .join('\n'),
  key: readKey,
  rejectUnauthorized: boolean,
  verifyIdentity: boolean,
  servername: text(253),
  serverName: text(253),
  minVersion: (value, name) => readVersion(value, name, ['TLSv1', 'TLSv1.1', 'TLSv1.2'], 'TLSv1.3'),
  maxVersion: (value, name) => readVersion(value, name, ['TLSv1.3'], 'TLSv1.2'),
}

const unsupported = {
  passphrase: 'decrypt the key first (openssl pkey) and pass it as ssl.key',
  pfx: 'convert it to PEM and pass ssl.cert and ssl.key',
  crl: 'have the server present a certificate that is still valid',
  ciphers: 'the cipher suites are those of TLS 1.2 and 1.3 that are considered safe',
  secureProtocol: 'TLS 1.2 and 1.3 are spoken; the server picks',
  secureContext: 'pass ssl.ca, ssl.cert and ssl.key',
  checkServerIdentity: 'use ssl.servername to say which name the certificate must carry',
}

const names = [...Object.keys(readers), ...Object.keys(unsupported)]

/**
 * The ssl option for Rust: null without TLS, else `{ca, cert, key, verify, verifyIdentity, serverName}`. The chain
 * and the host name are verified unless the options say otherwise; mysql2 leaves the name unchecked by default.
 */
function readTls(value, name) {
  if (value === false || value === '') return null
  if (typeof value === 'string') {
    const instead =
      "pass {ca: fs.readFileSync('ca.pem')} with the provider's certificates, or true for public ones"
    throw unsupportedError(name, `option '${name}' takes no profile names such as 'Amazon RDS'; ${instead}`)
  }
  const given = new Map()
  for (const [key, setting] of value === true ? [] : entriesOf(value, name)) {
    if (setting === undefined || setting === null) continue
    given.set(key, readSetting(key, setting, `${name}.${key}`))
  }
  return combine(given, name)
}

function readSetting(key, value, name) {
  if (Object.hasOwn(readers, key)) return readers[key](value, name)
  if (Object.hasOwn(unsupported, key)) {
    throw unsupportedError(name, `option '${name}' is not supported: ${unsupported[key]}`)
  }
  const close = nearest(key, names)
  const advice = close ? `did you mean 'ssl.${close}'?` : `known are ${Object.keys(readers).join(', ')}`
  throw optionError('HEGAR_OPTION_UNKNOWN', `unknown option '${name.slice(0, 64)}': ${advice}`, name)
}

function combine(given, name) {
  if (given.has('cert') !== given.has('key')) {
    const [there, missing] = given.has('cert') ? ['cert', 'key'] : ['key', 'cert']
    throw refusal(`${name}.${there}`, `needs ${name}.${missing} too; together they are the client's identity`)
  }
  const verify = given.get('rejectUnauthorized') ?? true
  if (!verify && given.get('verifyIdentity')) {
    throw refusal(
      `${name}.verifyIdentity`,
      `cannot be true while ${name}.rejectUnauthorized is false: a name in a certificate that nobody checked proves nothing`,
    )
  }
  return {
    ca: given.get('ca') ?? null,
    cert: given.get('cert') ?? null,
    key: given.get('key') ?? null,
    verify,
    verifyIdentity: verify && (given.get('verifyIdentity') ?? true),
    serverName: given.get('servername') || given.get('serverName') || null,
  }
}

function readAuthorities(value, name) {
  const items = list(value, name)
  if (items.length === 0)
    throw refusal(name, 'is an empty array, which trusts nobody; leave it out for public ones')
  return items.map((item) => certificates(item, name))
}

function readKey(value, name) {
  const items = list(value, name)
  if (items.length !== 1) throw refusal(name, 'must be one private key')
  const key = privateKey(items[0], name)
  if (key.includes('ENCRYPTED')) {
    throw unsupportedError(
      name,
      `option '${name}' is encrypted, which is not supported: ${unsupported.passphrase}`,
    )
  }
  return key
}

function readVersion(value, name, harmless, refused) {
  if (harmless.includes(value)) return value
  if (value === refused) {
    throw unsupportedError(
      name,
      `option '${name}' cannot be '${refused}': TLS 1.2 and 1.3 are spoken; restrict them with tls_version on the server`,
    )
  }
  throw invalid(name, `must be one of ${[...harmless, refused].join(', ')}`, value)
}

function list(value, name) {
  if (value === null) throw invalid(name, 'must be PEM text', value)
  return Array.isArray(value) ? value : [value]
}

function unsupportedError(name, message) {
  return optionError('HEGAR_OPTION_UNSUPPORTED', message, name)
}
