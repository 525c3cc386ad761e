'use strict'

const NAMES =
  'NOT_NULL PRI_KEY UNIQUE_KEY MULTIPLE_KEY BLOB UNSIGNED ZEROFILL BINARY ENUM AUTO_INCREMENT TIMESTAMP SET ' +
  'NO_DEFAULT_VALUE ON_UPDATE_NOW'

/** The flags of a column in the protocol, bit by name. */
const FieldFlags = Object.fromEntries(NAMES.split(' ').map((name, bit) => [name, 1 << bit]))
FieldFlags.NUM = 1 << 15

module.exports = { FieldFlags }
