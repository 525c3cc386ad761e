'use strict'

const NO_BACKSLASH_ESCAPES = 0x200
const LITERAL = Object.freeze({ noBackslashEscapes: true })

/** Whether a session with this status takes a backslash in a literal for itself. */
function isLiteralBackslash(serverStatus) {
  return (serverStatus & NO_BACKSLASH_ESCAPES) !== 0
}

/** The sql_mode, as far as it decides where a literal ends, as what writes and reads literals takes it. */
function modeOf(isLiteral) {
  return isLiteral ? LITERAL : undefined
}

module.exports = { isLiteralBackslash, modeOf }
