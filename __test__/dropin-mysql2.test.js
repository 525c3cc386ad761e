'use strict'

// hegar-native/mysql2 against mysql2. HEGAR_DROPIN_ORIGINAL=1 compares mysql2 with itself, which must pass: it shows that
// the cases are deterministic and that nothing is compared that cannot be equal.

const assert = require('node:assert/strict')
const { it } = require('node:test')
const mysql2 = require('mysql2')
const { compareCases, dropinOr } = require('./dropin/compare.js')
const differs = require('./dropin/differences-mysql2.js')

const dropin = dropinOr(mysql2, '../../lib/dropin/mysql2.js')
const names = new Set()
for (const [name, theme] of [
  ['column types', require('./dropin/cases/types.js')],
  ['parameters', require('./dropin/cases/parameters.js')],
  ['calls', require('./dropin/cases/calls.js')],
  ['headers', require('./dropin/cases/headers.js')],
  ['errors', require('./dropin/cases/errors.js')],
  ['sessions', require('./dropin/cases/sessions.js')],
  ['events', require('./dropin/cases/events.js')],
  ['pools', require('./dropin/cases/pool.js')],
  ['pool clusters', require('./dropin/cases/cluster.js')],
  ['promises', require('./dropin/cases/promise.js')],
  ['the module', require('./dropin/cases/module.js')],
  ['sizes and charsets', require('./dropin/cases/large.js')],
]) {
  const { prepare, cleanup } = theme
  for (const api of ['mysql2', 'promise']) for (const one of theme.cases(api)) names.add(one.name)
  compareCases({
    name,
    api: 'mysql2',
    original: mysql2,
    dropin,
    cases: theme.cases('mysql2'),
    prepare,
    cleanup,
    differs,
  })
}

it('knows the case of every deliberate difference', () => {
  assert.deepEqual(
    Object.keys(differs).filter((name) => !names.has(name)),
    [],
  )
})
