'use strict'

const assert = require('node:assert/strict')
const { readFileSync } = require('node:fs')
const { join } = require('node:path')
const { test } = require('node:test')

const root = join(__dirname, '..')
const text = readFileSync(join(root, 'docs/checklist.md'), 'utf8')

/** `[file, name]` of every test that a piece of the checklist names: a file in backticks and its names in quotes. */
function namedTests(piece) {
  const found = []
  let file = null
  for (const [, path, name] of piece.matchAll(/`([\w./-]+\.(?:test\.js|test-d\.ts|rs))`|“([^”]+)”/g)) {
    if (path) file = path
    else found.push([file, name])
  }
  return found
}

/** Whether a file has a test of that name: a title in JavaScript, a function in Rust, a piece of a type test. */
function hasTest(file, name) {
  const source = readFileSync(join(root, file), 'utf8')
  if (file.endsWith('.rs')) return source.includes(`fn ${name}(`)
  if (file.endsWith('.ts')) return source.includes(name)
  const titles = source.matchAll(
    /\b(?:test|it|describe|refuses)\(\s*(?:'((?:[^'\\]|\\.)*)'|"([^"]*)"|`([^`]*)`)/g,
  )
  return [...titles].some((title) => (title[1] ?? title[2] ?? title[3]).replace(/\\(.)/g, '$1') === name)
}

test('every test that the checklist names exists', () => {
  const named = namedTests(text)
  assert.ok(named.length > 80, `${named.length} tests`)
  assert.deepEqual(
    named.filter(([file, name]) => file === null || !hasTest(file, name)),
    [],
  )
})

test('every row of the checklist names a test', () => {
  const rows = text
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (-|Pain \(|Issue|Input)/.test(line))
  assert.ok(rows.length >= 16 + 16 + 6, `${rows.length} rows`)
  assert.deepEqual(
    rows.filter((row) => namedTests(row).length === 0),
    [],
  )
})

test('a test that does not exist is found out', () => {
  assert.equal(hasTest('__test__/checklist.test.js', 'every row of the checklist names a test'), true)
  assert.equal(hasTest('__test__/checklist.test.js', 'every row of the checklist'), false)
  assert.equal(hasTest('tests/fuzz.rs', 'no_such_test'), false)
})
