'use strict'

const assert = require('node:assert/strict')
const { HegarError } = require('../../index.js')

/** Awaits a rejection with a HegarError of `code` within `ms` and returns the error. */
async function rejects(promise, code, ms = 5000) {
  const started = performance.now()
  const error = await promise.then(
    (value) => assert.fail(`resolved with ${String(value).slice(0, 80)} instead of ${code}`),
    (reason) => reason,
  )
  const took = performance.now() - started
  if (error instanceof assert.AssertionError) throw error
  assert.ok(error instanceof HegarError, `not a HegarError: ${error}`)
  assert.equal(error.code, code, error.message)
  assert.ok(took < ms, `rejected after ${Math.round(took)} ms, expected less than ${ms}`)
  return error
}

/** Resolves when `condition()` gives something true, with that; rejects when it does not within `ms`. */
async function until(what, condition, ms = 10_000) {
  const deadline = performance.now() + ms
  for (;;) {
    const value = await condition()
    if (value) return value
    if (performance.now() > deadline) assert.fail(`${what}: not within ${ms} ms`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

module.exports = { rejects, until }
