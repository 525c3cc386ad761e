// What results of the suite are worth, by the suite's own judgement: the one that cache-tests.fyi shows.

import fs from 'node:fs'
import { determineTestResult } from 'http-cache-tests/lib/display.mjs'
import tests from 'http-cache-tests/tests/index.mjs'
import surrogate from 'http-cache-tests/tests/surrogate-control.mjs'

/** All suites in the order of the suite's own command line. */
export const suites = [...tests, surrogate]

/** What the suite's symbols mean, see its README. A test of which another one that it needs has failed does not count. */
const OUTCOMES = {
  '✅': 'passed',
  Y: 'passed',
  '⛔️': 'failed',
  '⚠️': 'failed',
  N: 'failed',
  '🔹': 'set-up failed',
  '⁉️': 'harness failed',
  '⚪️': 'dependency failed',
  '↻': 'retried',
  '-': 'untested',
}

/**
 * Every test that a cache in front of a server can be asked: `{id, name, kind, suite, outcome, message}`. Tests for browsers
 * alone are left out, as the suite's client does. `kind` is `required`, `optimal` or `check`.
 */
export function judge(results) {
  return suites.flatMap((suite) =>
    suite.tests
      .filter((test) => test.browser_only !== true)
      .map(({ id, name, kind = 'required' }) => ({
        id,
        name,
        kind,
        suite: suite.id,
        outcome: OUTCOMES[determineTestResult(suites, id, results)[2]],
        message: Array.isArray(results[id]) ? results[id][1] : null,
      })),
  )
}

/**
 * How many of each kind have passed. Surrogate-Control is counted apart: it comes from a note of 2001, RFC 9111 does not know
 * it, and the suite's later versions have dropped it.
 */
export function score(judged) {
  const of = (chosen) =>
    Object.fromEntries(
      ['required', 'optimal', 'check'].map((kind) => {
        const all = chosen.filter((test) => test.kind === kind)
        return [kind, { passed: all.filter(hasPassed).length, total: all.length }]
      }),
    )
  return {
    ...of(judged.filter(({ suite }) => suite !== surrogate.id)),
    withSurrogateControl: of(judged),
  }
}

export const hasPassed = ({ outcome }) => outcome === 'passed'

/** The results of another cache that come with the suite, by the name of its file. */
export function published(name) {
  return JSON.parse(fs.readFileSync(new URL(import.meta.resolve(`http-cache-tests/results/${name}.json`))))
}

/** The suite's package.json. */
export const manifest = new URL(import.meta.resolve('http-cache-tests/package.json'))
