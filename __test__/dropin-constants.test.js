'use strict'

const assert = require('node:assert/strict')
const { dirname, join } = require('node:path')
const { describe, it } = require('node:test')
const mysql = require('mysql')
const mysqlCharsets = require('mysql/lib/protocol/constants/charsets.js')
const mysql2 = require('mysql2')
const { CharsetToEncoding } = require('../lib/dropin/constants/charset-encodings.js')
const { Charsets } = require('../lib/dropin/constants/charsets.js')
const { FieldFlags } = require('../lib/dropin/constants/field-flags.js')
const { mysql2Types, mysqlTypes } = require('../lib/dropin/constants/types.js')

// By its path, as the package exports nothing of the kind.
const root = dirname(require.resolve('mysql2/package.json'))
const mysql2Flags = require(join(root, 'lib/constants/field_flags.js'))

describe('the constants of the drop-ins', () => {
  it('have the types of mysql2 and of mysql', () => {
    assert.deepEqual(mysql2Types, mysql2.Types)
    assert.deepEqual(mysqlTypes, { ...mysql.Types })
  })

  it('have the collations of mysql2', () => {
    assert.deepEqual(Charsets, { ...mysql2.Charsets })
  })

  it('have the collations of mysql but for five names of Croatian that MySQL does not know', () => {
    const missing = Object.keys(mysqlCharsets).filter((name) => Charsets[name] !== mysqlCharsets[name])
    assert.deepEqual(
      missing,
      ['UTF16', 'UCS2', 'UTF32', 'UTF8', 'UTF8MB4'].map((charset) => `${charset}_CROATIAN_MYSQL561_CI`),
    )
  })

  it('have the encodings of collations of mysql2, and none where it has none', () => {
    assert.deepEqual(CharsetToEncoding, mysql2.CharsetToEncoding)
    assert.deepEqual(Object.keys(CharsetToEncoding), Object.keys(mysql2.CharsetToEncoding))
  })

  it('have the flags of columns of mysql2', () => {
    assert.deepEqual(FieldFlags, { ...mysql2Flags })
  })
})
