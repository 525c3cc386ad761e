'use strict'

module.exports = { codeOf }

// error-codes.json holds the names that servers give their error numbers, so that `error.code` equals mysql2's
// for every number that mysql2 knows. MySQL and MariaDB use some numbers above 3000 for different errors: the
// name is then MySQL's, as in mysql2, and `error.sqlMessage` tells what happened. Numbers that MySQL leaves free
// (1900 to 1982, 4163 and up) carry MariaDB's names, which mysql2 lacks.
//
// Each entry is a run of consecutive numbers: the first number, then the names without the prefix of their
// range. A name that does not have this prefix is written in full behind `!`, and `-` is a number without a name.

let names = null

/** The name of a server error, such as `ER_DUP_ENTRY` for 1062; `ER_<number>` for a number nobody has named. */
function codeOf(errno) {
  // Most processes never see an error, so the table is loaded and unpacked when the first one comes.
  names ??= unpack(require('./error-codes.json'))
  return names.get(errno) ?? `ER_${errno}`
}

function unpack(runs) {
  const table = new Map()
  for (const [first, words] of Object.entries(runs)) {
    words.split(' ').forEach((word, index) => {
      if (word === '-') return
      const errno = Number(first) + index
      table.set(errno, word.startsWith('!') ? word.slice(1) : prefixOf(errno) + word)
    })
  }
  return table
}

function prefixOf(errno) {
  if (errno < 120) return 'EE_'
  return errno < 1000 ? 'HA_ERR_' : 'ER_'
}
