'use strict'

const FIRST =
  '0 DECIMAL TINY SHORT LONG FLOAT DOUBLE NULL TIMESTAMP LONGLONG INT24 DATE TIME DATETIME YEAR NEWDATE VARCHAR BIT'
const LAST = '245 JSON NEWDECIMAL ENUM SET TINY_BLOB MEDIUM_BLOB LONG_BLOB BLOB VAR_STRING STRING GEOMETRY'

/** The types of columns in the protocol as mysql2 names them, code by name and name by code. */
const mysql2Types = bothWays(FIRST, '242 VECTOR', LAST)

/** The same as mysql names them. */
const mysqlTypes = bothWays(FIRST, '17 TIMESTAMP2 DATETIME2 TIME2', LAST)

// A number says the code of the name behind it, from which the names that follow count up.
function bothWays(...lists) {
  const types = {}
  let code = 0
  for (const word of lists.join(' ').split(' ')) {
    if (/^\d/.test(word)) {
      code = Number(word)
      continue
    }
    types[word] = code
    types[code++] = word
  }
  return types
}

module.exports = { mysql2Types, mysqlTypes }
