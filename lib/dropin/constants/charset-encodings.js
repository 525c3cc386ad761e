'use strict'

const { Charsets, charsetOf } = require('./charsets.js')

// Where an encoding has another name than the character set. MySQL's utf8 ends at U+FFFF, and writes what is beyond as
// two surrogates.
const NAMES = { UJIS: 'eucjp', MACCE: 'macintosh', UTF8: 'cesu8', UTF8MB4: 'utf8', UTF16LE: 'utf16-le' }

const LAST = 309
// A collation of MariaDB that does not pad has the id of the one that does and this.
const NO_PAD = 1024
// MariaDB's collations by version 14 of Unicode have 256 ids for each character set.
const UCA1400 = { UTF8: 2048, UTF8MB4: 2304, UCS2: 2560, UTF16: 2816, UTF32: 3072 }

/** The names of encodings by the ids of collations; utf8 for an id that no collation has. */
const CharsetToEncoding = new Array(LAST + 1).fill('utf8')
for (const [collation, id] of Object.entries(Charsets)) {
  CharsetToEncoding[id] = encodingOf(charsetOf(collation))
}
// As mysql2 has them, whatever their neighbours say.
CharsetToEncoding[100] = 'utf16'
CharsetToEncoding[253] = 'utf8'
for (let id = 1; id <= LAST; id++) CharsetToEncoding[NO_PAD + id] = CharsetToEncoding[id]
for (const [charset, first] of Object.entries(UCA1400)) {
  for (let id = first; id < first + 256; id++) CharsetToEncoding[id] = encodingOf(charset)
}

function encodingOf(charset) {
  return NAMES[charset] ?? charset.toLowerCase()
}

module.exports = { CharsetToEncoding }
