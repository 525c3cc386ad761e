'use strict'

// hegar-native/mysql2/promise against mysql2/promise. HEGAR_DROPIN_ORIGINAL=1 compares mysql2/promise with itself, which
// must pass: it shows that the cases are deterministic and that nothing is compared that cannot be equal.

const original = require('mysql2/promise')
const { compareCases, dropinOr } = require('./dropin/compare.js')
const differs = require('./dropin/differences-mysql2.js')

const dropin = dropinOr(original, '../../lib/dropin/mysql2-promise.js')
for (const [name, theme] of [
  ['column types', require('./dropin/cases/types.js')],
  ['parameters', require('./dropin/cases/parameters.js')],
  ['calls', require('./dropin/cases/calls.js')],
  ['headers', require('./dropin/cases/headers.js')],
  ['errors', require('./dropin/cases/errors.js')],
  ['sessions', require('./dropin/cases/sessions.js')],
  ['pools', require('./dropin/cases/pool.js')],
  ['pool clusters', require('./dropin/cases/cluster.js')],
  ['promises', require('./dropin/cases/promise.js')],
  ['the module', require('./dropin/cases/module.js')],
  ['sizes and charsets', require('./dropin/cases/large.js')],
]) {
  const { prepare, cleanup } = theme
  compareCases({
    name,
    api: 'promise',
    original,
    dropin,
    cases: theme.cases('promise'),
    prepare,
    cleanup,
    differs,
  })
}
