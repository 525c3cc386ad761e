'use strict'

const NOBODY_TELLS =
  'The origin cuts its connection, so that nothing can tell the suite that it was asked: no cache has passed this'
const PARTS = 'A part of an answer is passed on and not kept'
const LANGUAGES =
  'The order of languages and what the origin would have chosen among them is for the origin to know'
const SURROGATE = 'Surrogate-Control is not looked at'

/** Why the cache does not pass a test, by the test's id, where that is meant. */
module.exports = {
  'stale-close-must-revalidate': NOBODY_TELLS,
  'stale-close-proxy-revalidate': NOBODY_TELLS,
  'stale-close-no-cache': NOBODY_TELLS,
  'stale-close-s-maxage=2': NOBODY_TELLS,
  'method-POST': 'Answers to POST are not kept',
  'vary-normalise-lang-order': LANGUAGES,
  'vary-normalise-lang-select': LANGUAGES,
  'conditional-lm-fresh-no-lm':
    'What is kept is newer than the date that the client asks with, so a 304 would be wrong; no cache has passed this',
  'partial-store-partial-reuse-partial': PARTS,
  'partial-store-partial-reuse-partial-byterange': PARTS,
  'partial-store-partial-reuse-partial-absent': PARTS,
  'partial-store-partial-reuse-partial-suffix': PARTS,
  'partial-store-partial-complete': PARTS,
  'surrogate-max-age': SURROGATE,
  'surrogate-max-age-max': SURROGATE,
  'surrogate-max-age-max-plus': SURROGATE,
  'surrogate-max-age-me-target': SURROGATE,
  'surrogate-max-age-other-target': SURROGATE,
  'surrogate-max-age-age': SURROGATE,
  'surrogate-max-age-0': SURROGATE,
  'surrogate-max-age-extension': SURROGATE,
  'surrogate-max-age-case-insensitive': SURROGATE,
  'surrogate-max-age-expires': SURROGATE,
  'surrogate-max-age-cc-max-age-invalid-expires': SURROGATE,
  'surrogate-max-age-0-expires': SURROGATE,
  'surrogate-max-age-short-cc-max-age': SURROGATE,
  'surrogate-max-age-long-cc-max-age': SURROGATE,
  'surrogate-no-store-cc-fresh': SURROGATE,
  'surrogate-fresh-cc-nostore':
    'Cache-Control: no-store keeps it out, and Surrogate-Control is not looked at',
}
