'use strict'

// hegar-native/mysql against mysql. HEGAR_DROPIN_ORIGINAL=1 compares mysql with itself, which must pass: it shows that
// the cases are deterministic and that nothing is compared that cannot be equal.

const { it } = require('node:test')
const assert = require('node:assert/strict')
const original = require('mysql')
const { compareCases, dropinOr } = require('./dropin/compare.js')
const differences = require('./dropin/differences-mysql.js')

const dropin = dropinOr(original, '../../lib/dropin/mysql.js')
// mysql's own default is the utf8 of three bytes, which is seen in every column of text.
const base = { charset: 'utf8mb4' }
const themes = [
  ['column types', require('./dropin/cases/types.js')],
  ['parameters', require('./dropin/cases/parameters.js')],
  ['calls', require('./dropin/cases/calls.js')],
  ['headers', require('./dropin/cases/headers.js')],
  ['errors', require('./dropin/cases/errors.js')],
  ['sessions', require('./dropin/cases/sessions.js')],
  ['events', require('./dropin/cases/events.js')],
  ['pools', require('./dropin/cases/pool.js')],
  ['pool clusters', require('./dropin/cases/cluster.js')],
  ['the module', require('./dropin/cases/module.js')],
  ['sizes and charsets', require('./dropin/cases/large.js')],
  ['what only mysql has', require('./dropin/cases/mysql.js')],
  ['deliberate differences', { cases: () => differences.cases }],
]
const { differs } = differences
for (const [name, theme] of themes) {
  const { prepare, cleanup } = theme
  const cases = theme.cases('mysql')
  compareCases({ name, api: 'mysql', original, dropin, cases, prepare, cleanup, differs, base })
}

it('every difference is one of a case', () => {
  const names = themes.flatMap(([, theme]) => theme.cases('mysql').map((one) => one.name))
  assert.deepEqual(
    Object.keys(differs).filter((name) => !names.includes(name)),
    [],
  )
})
