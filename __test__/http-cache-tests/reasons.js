'use strict'

/** Why the cache does not pass a test, by the test's id, where that is meant. */
module.exports = {}
