'use strict'

// Two drivers may only be compared when they give the same answer. Both paths are brought to one form,
// the JSON text of the rows, and compared as a whole; the first difference is named when there is one.

/**
 * The common form of an answer: JSON text of the rows, columns in the order of the SELECT.
 *
 * `answer` is an array of rows or a Buffer of JSON. The values of the `decimals` columns become numbers:
 * `mysql` alone reads DECIMAL as a number and has no option for it, the others keep the server's digits.
 */
function canonical(answer, decimals) {
  const rows = JSON.parse(Buffer.isBuffer(answer) ? answer.toString() : JSON.stringify(answer))
  if (!Array.isArray(rows)) return JSON.stringify(rows)
  for (const row of rows) {
    for (const column of decimals) {
      if (typeof row[column] === 'string') row[column] = Number(row[column])
    }
  }
  return JSON.stringify(rows)
}

/** Null when the two texts are equal, else one sentence with the first place where they are not. */
function difference(expected, actual) {
  if (expected === actual) return null
  const left = JSON.parse(expected)
  const right = JSON.parse(actual)
  if (!Array.isArray(right)) return `expected an array of rows, got ${brief(right)}`
  if (left.length !== right.length) return `expected ${left.length} rows, got ${right.length}`
  for (let i = 0; i < left.length; i++) {
    if (JSON.stringify(left[i]) === JSON.stringify(right[i])) continue
    const columns = Object.keys(left[i]).join(', ')
    const actualColumns = Object.keys(right[i] ?? {}).join(', ')
    if (columns !== actualColumns) {
      return `row ${i}: expected the columns ${columns}; got ${actualColumns || brief(right[i])}`
    }
    const column = Object.keys(left[i]).find(
      (name) => JSON.stringify(left[i][name]) !== JSON.stringify(right[i][name]),
    )
    return `row ${i}, column ${column}: expected ${brief(left[i][column])}, got ${brief(right[i][column])}`
  }
  return 'the JSON texts differ although their rows are equal'
}

function brief(value) {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 80 ? `${text.slice(0, 77)}…` : text
}

/** What is compared after every single answer of a timed window: rows of an array, bytes of a Buffer. */
function size(answer) {
  return answer.length
}

module.exports = { canonical, difference, size }
