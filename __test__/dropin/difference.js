'use strict'

const assert = require('node:assert/strict')

const PLACES = { error: 1, rows: 2, fields: 3 }

/**
 * A deliberate difference for `differs` of compareCases that leaves nothing else uncompared. `changes` has for calls, by
 * their label without its ending, what differs of their outcome:
 *
 * - `{ 'rows.0.id': [original, dropin] }`: a part of it, as form.js shows it. Objects nest: `{ 'fields.0': { type: […] } }`.
 *   In place of a value there may be a function that asserts it, and in place of the pair one that asserts both.
 * - `{ outcome: [original, dropin] }`: all of it.
 * - `{ onlyOriginal: value }` or `{ onlyDropin: value }`: the entry is there on one side only.
 *
 * The second call of a label has ` #2` behind it.
 */
function differ(reason, changes) {
  let seen
  return {
    reason,
    original(journal) {
      seen = entriesOf(journal)
      eachOf(changes, (label, path, expected) => {
        if (path === 'onlyDropin') return
        if (path === 'onlyOriginal') check(take(seen, label), expected, `${label} of the original`)
        else if (Array.isArray(expected)) check(read(seen, label, path), expected[0], `${label}: ${path}`)
      })
    },
    dropin(journal) {
      const entries = structuredClone(entriesOf(journal))
      eachOf(changes, (label, path, expected) => {
        if (path === 'onlyOriginal') return
        if (path === 'onlyDropin') check(take(entries, label), expected, `${label} of the drop-in`)
        else {
          const value = read(entries, label, path)
          if (Array.isArray(expected)) check(value, expected[1], `${label}: ${path} of the drop-in`)
          else expected(read(seen, label, path), value)
          write(entries, label, path, read(seen, label, path))
        }
      })
      assert.deepEqual(entries, seen, 'what is to be the same')
    },
  }
}

/** The same for many cases. */
const differAll = (reason, cases) =>
  Object.fromEntries(Object.entries(cases).map(([name, changes]) => [name, differ(reason, changes)]))

// A label tells how a call ended, which an outcome shows as well.
function entriesOf(journal) {
  return journal.map(({ label, seen }) => ({
    label: label.replace(/ (calls back|resolves|rejects|throws)$/, ''),
    seen,
  }))
}

function eachOf(changes, use) {
  for (const [label, parts] of Object.entries(changes))
    flatten(parts, '', (path, value) => use(label, path, value))
}

function flatten(parts, above, use) {
  for (const [key, value] of Object.entries(parts)) {
    const path = above + key
    if (Array.isArray(value) || typeof value !== 'object' || path.startsWith('only')) use(path, value)
    else flatten(value, `${path}.`, use)
  }
}

function take(entries, label) {
  return entries.splice(entries.indexOf(find(entries, label)), 1)[0].seen
}

function find(entries, label) {
  const [, name, which] = /^(.*?)(?: #(\d))?$/s.exec(label)
  const found = entries.filter((entry) => entry.label === name)[(which ?? 1) - 1]
  assert.ok(found, `there is no ${label} but ${entries.map((entry) => entry.label).join(', ')}`)
  return found
}

function read(entries, label, path) {
  return placeOf(entries, label, path).get()
}

function write(entries, label, path, value) {
  placeOf(entries, label, path).set(value)
}

function placeOf(entries, label, path) {
  const entry = find(entries, label)
  if (path === 'outcome') return memberOf(entry, 'seen')
  const [first, ...rest] = path.split('.')
  let place = memberOf(entry.seen, PLACES[first] ?? first)
  for (const key of rest) place = partOf(place.get(), key)
  return place
}

// Objects are shown as their keys and values, arrays as they are.
function partOf(value, key) {
  if (Array.isArray(value)) return memberOf(value, key)
  const at = value?.keys?.indexOf(key) ?? -1
  assert.ok(at >= 0, `there is no ${key} in ${JSON.stringify(value)}`)
  return memberOf(value.values, at)
}

function memberOf(target, key) {
  return {
    get: () => target[key],
    set: (value) => {
      target[key] = value
    },
  }
}

function check(value, expected, what) {
  if (typeof expected === 'function') expected(value)
  else assert.deepEqual(value, expected, what)
}

module.exports = { differ, differAll }
