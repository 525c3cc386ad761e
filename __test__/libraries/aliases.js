'use strict'

const { describe, it } = require('node:test')
const assert = require('node:assert/strict')
const { isOriginal } = require('./support.js')

// What `import { … }` finds in a CommonJS package is what Node can tell from its text.
const IMPORTED = {
  mysql2: [
    ...['createConnection', 'createPool', 'createPoolCluster', 'createQuery', 'connect', 'raw', 'format'],
    ...['escape', 'escapeId', 'Connection', 'Pool', 'PoolConnection', 'PoolCluster'],
  ],
  'mysql2/promise': [
    ...['createConnection', 'createPool', 'createPoolCluster', 'escape', 'escapeId', 'format', 'raw'],
    ...['PromisePool', 'PromiseConnection', 'PromisePoolConnection'],
  ],
  mysql: [
    ...[
      'createConnection',
      'createPool',
      'createPoolCluster',
      'createQuery',
      'escape',
      'escapeId',
      'format',
      'raw',
    ],
  ],
}
const REQUIRED = { mysql2: ['Types', 'Charsets'], 'mysql2/promise': ['Types', 'Charsets'], mysql: ['Types'] }

describe('the packages that stand for mysql2 and mysql', () => {
  it('are in their places', () => {
    assert.equal(require('mysql2/package.json').name, isOriginal ? 'mysql2' : 'hegar-mysql2')
    assert.equal(require('mysql/package.json').name, isOriginal ? 'mysql' : 'hegar-mysql')
  })

  it('give the same to require and to import', async () => {
    assert.equal(require('mysql2/promise.js'), require('mysql2/promise'))
    for (const [name, members] of Object.entries(IMPORTED)) {
      const required = require(name)
      const imported = await import(name)
      assert.equal(imported.default, required, name)
      for (const member of members) {
        assert.equal(typeof required[member], 'function', `${name}: ${member}`)
        assert.equal(imported[member], required[member], `${name}: ${member}`)
      }
      for (const member of REQUIRED[name])
        assert.equal(typeof required[member], 'object', `${name}: ${member}`)
    }
  })
})
