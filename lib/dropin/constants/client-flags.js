'use strict'

// Of the protocol's capabilities those that an option decides.
const FOUND_ROWS = 0x2
const LOCAL_FILES = 0x80
const MULTI_STATEMENTS = 0x10000

/** The capabilities that complete options ask for. */
function clientFlagsOf({ foundRows, multiStatements, localFiles }) {
  return (
    (foundRows ? FOUND_ROWS : 0) | (localFiles ? LOCAL_FILES : 0) | (multiStatements ? MULTI_STATEMENTS : 0)
  )
}

module.exports = { LOCAL_FILES, clientFlagsOf }
