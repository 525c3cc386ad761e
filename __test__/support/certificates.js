'use strict'

const { createHash, generateKeyPairSync, randomBytes, sign } = require('node:crypto')

const DAY_MS = 86_400_000

/**
 * A certificate authority of its own, made with nothing but node:crypto. `ca.pem` is its certificate;
 * `ca.issue({names, days})` gives `{cert, key}` in PEM, for a server or a client, valid until `days` from now.
 */
function certificateAuthority(name) {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const issuer = { name, keys, keyId: keyIdOf(keys) }
  const pem = certificate({ issuer, subject: name, keys, isAuthority: true, names: [], days: 10 })
  return {
    pem,
    issue({ subject = 'hegar test', names = [], days = 10 } = {}) {
      const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const cert = certificate({ issuer, subject, keys: own, isAuthority: false, names, days })
      return { cert, key: own.privateKey.export({ type: 'pkcs8', format: 'pem' }) }
    },
  }
}

// X.509 in DER: RFC 5280 has the fields, X.690 the encoding.
function certificate({ issuer, subject, keys, isAuthority, names, days }) {
  const until = Date.now() + days * DAY_MS
  const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'))
  const serial = Buffer.concat([Buffer.from([1]), randomBytes(12)])
  const body = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(serial),
    ecdsaWithSha256,
    distinguishedName(issuer.name),
    sequence(time(until - 400 * DAY_MS), time(until)),
    distinguishedName(subject),
    keys.publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(...extensions({ issuer, keys, isAuthority, names }))),
  )
  const signature = sign('sha256', body, issuer.keys.privateKey)
  const der = sequence(body, ecdsaWithSha256, bits(signature))
  const lines = der.toString('base64').match(/.{1,64}/g)
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

function extensions({ issuer, keys, isAuthority, names }) {
  const critical = tagged(0x01, Buffer.from([0xff]))
  const extension = (id, value, ...flags) => sequence(oid(id), ...flags, tagged(0x04, value))
  const list = [
    extension('551d13', isAuthority ? sequence(critical) : sequence(), critical),
    extension('551d0e', tagged(0x04, keyIdOf(keys))),
    extension('551d23', sequence(tagged(0x80, issuer.keyId))),
  ]
  // keyCertSign for an authority, digitalSignature for the others.
  list.push(extension('551d0f', tagged(0x03, Buffer.from(isAuthority ? [2, 4] : [7, 0x80])), critical))
  if (isAuthority) return list
  const serverAuth = oid('2b06010505070301')
  const clientAuth = oid('2b06010505070302')
  list.push(extension('551d25', sequence(serverAuth, clientAuth)))
  if (names.length > 0) list.push(extension('551d11', sequence(...names.map(alternativeName))))
  return list
}

function alternativeName(name) {
  const numbers = name.split('.').map(Number)
  const isAddress = numbers.length === 4 && numbers.every((number) => number >= 0 && number <= 255)
  return isAddress ? tagged(0x87, Buffer.from(numbers)) : tagged(0x82, Buffer.from(name))
}

function distinguishedName(name) {
  return sequence(tagged(0x31, sequence(oid('550403'), tagged(0x0c, Buffer.from(name)))))
}

function keyIdOf({ publicKey }) {
  return createHash('sha1')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest()
}

function time(ms) {
  return tagged(0x18, Buffer.from(new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '')))
}

function bits(bytes) {
  return tagged(0x03, Buffer.concat([Buffer.from([0]), bytes]))
}

function integer(bytes) {
  return tagged(0x02, bytes)
}

function oid(hex) {
  return tagged(0x06, Buffer.from(hex, 'hex'))
}

function sequence(...parts) {
  return tagged(0x30, Buffer.concat(parts))
}

function tagged(tag, value) {
  const { length } = value
  const head =
    length < 128
      ? [tag, length]
      : length < 256
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from(head), value])
}

module.exports = { certificateAuthority }
