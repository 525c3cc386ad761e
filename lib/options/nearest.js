'use strict'

module.exports = { nearest }

// What other drivers call the same thing, where the letters alone would lead elsewhere.
const foreign = new Map([
  ['username', 'user'],
  ['hostname', 'host'],
  ['pass', 'password'],
  ['passwd', 'password'],
  ['db', 'database'],
  ['schema', 'database'],
  ['url', 'uri'],
  ['tls', 'ssl'],
  ['max', 'connectionLimit'],
  ['poolsize', 'connectionLimit'],
  ['minimumidle', 'maxIdle'],
  ['idletimeoutmillis', 'idleTimeoutMs'],
  ['acquiretimeoutmillis', 'acquireTimeoutMs'],
  ['sockettimeout', 'queryTimeoutMs'],
  ['timeout', 'queryTimeoutMs'],
  ['collation', 'charset'],
])

/** The name of `names` that `name` was most likely meant to be, or null when nothing is close. */
function nearest(name, names) {
  const wanted = name.slice(0, 64).toLowerCase()
  const candidates = [...names]
  const translated = foreign.get(wanted)
  if (candidates.includes(translated)) return translated
  let best = null
  let least = Math.max(2, Math.floor(wanted.length / 2)) + 1
  for (const candidate of candidates) {
    const edits = distance(wanted, candidate.toLowerCase())
    if (edits < least) {
      best = candidate
      least = edits
    }
  }
  return best
}

// Damerau–Levenshtein in its optimal string alignment form: insertions, deletions, substitutions and swaps of
// neighbours cost one each.
function distance(a, b) {
  let beforeLast = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      row[j] = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1))
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) row[j] = Math.min(row[j], beforeLast[j - 2] + 1)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]
}
