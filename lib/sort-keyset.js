'use strict'

const { HegarTypeError } = require('./errors.js')
const { chooseSort } = require('./pagination.js')

/**
 * The columns for `keyset` from an allow-list, `{name, direction, keyset}`: what sortClause is for ORDER BY, with the
 * same arguments. An entry of the list may also be a column of a keyset, `{column, nullable, as, direction}`; one with a
 * direction keeps it whatever is asked. Behind them comes `unique`, the column that no two rows have in common.
 */
function sortKeyset(requested, order, allowed, fallback, { unique, strict = false } = {}) {
  if (unique === undefined) {
    throw new HegarTypeError(
      "sortKeyset needs unique, the column that tells any two rows apart, such as { unique: 'p.id' }",
    )
  }
  const { name, direction } = chooseSort('sortKeyset', requested, order, allowed, fallback, {
    strict,
  })
  const keyset = [allowed[name], unique]
    .flat()
    .map((entry) => (typeof entry === 'string' ? { column: entry, direction } : { direction, ...entry }))
  return { name, direction, keyset }
}

module.exports = { sortKeyset }
