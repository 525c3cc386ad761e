'use strict'

/**
 * Whether the id of a node matches the pattern, a RegExp or a string in which each `*` stands for any characters.
 *
 * Strings are not made into a RegExp: one with many `*` could take very long.
 */
function matches(id, pattern) {
  return pattern instanceof RegExp ? id.search(pattern) >= 0 : matchesGlob(id, pattern.split('*'))
}

function matchesGlob(id, pieces) {
  if (pieces.length === 1) return id === pieces[0]
  const first = pieces[0]
  const last = pieces[pieces.length - 1]
  if (!id.startsWith(first) || !id.endsWith(last)) return false
  // What the first place of each piece leaves is all that a later place could leave.
  let at = first.length
  for (const piece of pieces.slice(1, -1)) {
    const found = id.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return at <= id.length - last.length
}

module.exports = { matches }
