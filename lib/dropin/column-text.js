'use strict'

const { FieldFlags } = require('./constants/field-flags.js')
const { mysql2Types: typeNames } = require('./constants/types.js')

// Without those that the type says already or that say nothing of one column alone.
const FLAG_TEXTS = Object.entries({
  NOT_NULL: 'NOT NULL',
  PRI_KEY: 'PRIMARY KEY',
  UNIQUE_KEY: 'UNIQUE_KEY',
  ZEROFILL: 'ZEROFILL',
  ENUM: 'ENUM',
  AUTO_INCREMENT: 'AUTO_INCREMENT',
  SET: 'SET',
  ON_UPDATE_NOW: 'ON UPDATE CURRENT_TIMESTAMP',
  NUM: 'NUM',
})
// [name, length with a sign, length without one] of integers as they are by default.
const INTEGERS = {
  TINY: ['TINYINT', 4, 3],
  SHORT: ['SMALLINT', 6, 5],
  INT24: ['MEDIUMINT', 9, 8],
  LONG: ['INT', 11, 10],
  LONGLONG: ['BIGINT', 20, 20],
}
const TEXTS = { 1020: 'TINYTEXT', 262140: 'TEXT', 67108860: 'MEDIUMTEXT', 4294967295: 'LONGTEXT' }
// The lengths of floating-point numbers without a number of decimals.
const FLOATS = { DOUBLE: 22, FLOAT: 12 }

/** A column as it is printed, in the words of mysql2: like its definition in CREATE TABLE, or in full where it is deep. */
function columnText(column, depth, print) {
  const flags = FLAG_TEXTS.filter(([name]) => (column.flags & FieldFlags[name]) !== 0).map(([, text]) => text)
  if (depth > 1) return print({ ...column.inspect(), typeName: typeNames[column.columnType], flags })
  const isUnsigned = (column.flags & FieldFlags.UNSIGNED) !== 0
  const type = typeText(column, isUnsigned)
  return `\`${column.name}\` ${[isUnsigned ? `${type} UNSIGNED` : type, ...flags].join(' ')}`
}

function typeText({ columnType, columnLength: length, decimals }, isUnsigned) {
  const name = typeNames[columnType]
  if (name === 'BLOB') return TEXTS[length] ?? `BLOB(${length})`
  if (name === 'VAR_STRING') return `VARCHAR(${Math.ceil(length / 4)})`
  if (name === 'NEWDECIMAL') return decimalText(length, decimals, isUnsigned)
  if (Object.hasOwn(INTEGERS, name)) {
    const [text, signed, unsigned] = INTEGERS[name]
    return length === (isUnsigned ? unsigned : signed) ? text : `${text}(${length})`
  }
  if (Object.hasOwn(FLOATS, name)) {
    return length === FLOATS[name] && decimals === 31 ? name : `${name}(${length},${decimals})`
  }
  return `${name}(${length})`
}

// The length counts the sign and the point.
function decimalText(length, decimals, isUnsigned) {
  if (decimals > 0) return `DECIMAL(${length - 2},${decimals})`
  if (length === 11) return 'DECIMAL'
  return `DECIMAL(${isUnsigned ? length : length - 1})`
}

module.exports = { columnText }
