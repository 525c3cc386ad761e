'use strict'

const { inspect } = require('node:util')
const { columnText } = require('./column-text.js')
const { CharsetToEncoding } = require('./constants/charset-encodings.js')
const { readChanges } = require('./session-changes.js')

const ZEROFILL = 64
const CHANGED = /\schanged:\s*(\d+)/i

/** A column of a result as mysql2 describes it. */
class ColumnDefinition {
  #texts

  constructor([
    schema,
    table,
    orgTable,
    name,
    orgName,
    charset,
    length,
    type,
    flags,
    decimals,
    isJson,
    extended,
  ]) {
    this.#texts = { schema, table, orgTable, orgName }
    if (extended !== null) this.extendedTypeName = extended
    if (isJson === 1) this.extendedFormat = 'json'
    this.characterSet = charset
    this.encoding = CharsetToEncoding[charset]
    this.name = name
    this.columnLength = length
    this.columnType = type
    this.type = type
    this.flags = flags
    this.decimals = decimals
  }

  get catalog() {
    return 'def'
  }

  get schema() {
    return this.#texts.schema
  }

  get db() {
    return this.#texts.schema
  }

  get table() {
    return this.#texts.table
  }

  get orgTable() {
    return this.#texts.orgTable
  }

  get orgName() {
    return this.#texts.orgName
  }

  inspect() {
    const { catalog, schema, name, orgName, table, orgTable } = this
    const { characterSet, encoding, columnLength, columnType: type, flags, decimals } = this
    const names = { catalog, schema, name, orgName, table, orgTable }
    return { ...names, characterSet, encoding, columnLength, type, flags, decimals }
  }

  [inspect.custom](depth, _options, print) {
    return columnText(this, depth, print)
  }
}

// Of columns without MariaDB's additions.
ColumnDefinition.prototype.extendedTypeName = undefined
ColumnDefinition.prototype.extendedFormat = undefined

/** A column of a result as mysql describes it. */
class FieldPacket {
  constructor([db, table, orgTable, name, orgName, charset, length, type, flags, decimals]) {
    this.catalog = 'def'
    this.db = db
    this.table = table
    this.orgTable = orgTable
    this.name = name
    this.orgName = orgName
    this.charsetNr = charset
    this.length = length
    this.type = type
    this.flags = flags
    this.decimals = decimals
    this.default = undefined
    this.zeroFill = (flags & ZEROFILL) !== 0
    this.protocol41 = true
  }
}

/** What a statement did, as mysql2 tells it. */
class ResultSetHeader {
  constructor({ affectedRows, insertId, info, serverStatus, warningStatus, changes }, bigNumberStrings) {
    this.fieldCount = 0
    this.affectedRows = numberOf(affectedRows, bigNumberStrings)
    this.insertId = numberOf(signed(insertId), bigNumberStrings)
    this.info = info
    this.serverStatus = serverStatus
    this.warningStatus = warningStatus
    if (changes !== null) this.stateChanges = readChanges(changes)
    this.changedRows = Number(CHANGED.exec(info)?.[1] ?? 0)
  }
}

/** What a statement did, as mysql tells it. */
class OkPacket {
  constructor({ affectedRows, insertId, info, serverStatus, warningStatus }, supportBigNumbers) {
    this.fieldCount = 0
    this.affectedRows = Number(affectedRows)
    // mysql fails on what is past 2^53 where big numbers are not supported.
    this.insertId = supportBigNumbers && insertId >= 2 ** 53 ? String(insertId) : Number(signed(insertId))
    this.serverStatus = serverStatus
    this.warningCount = warningStatus
    // With the byte in front that says how long it is, as mysql has it.
    this.message = info === '' ? '' : String.fromCharCode(info.length) + info
    this.protocol41 = true
    this.changedRows = Number(
      /^[^:0-9]+: [0-9]+[^:0-9]+: ([0-9]+)[^:0-9]+: [0-9]+[^:0-9]*$/.exec(info)?.[1] ?? 0,
    )
  }
}

// Ids past 2^63 are read as what they are in two's complement, as mysql2 does.
function signed(value) {
  if (typeof value !== 'bigint') return value
  const number = Number(BigInt.asIntN(64, value))
  return Number.isSafeInteger(number) ? number : BigInt.asIntN(64, value)
}

// Past 2^53 a number would be another one, so a string is given, as in mysql2.
function numberOf(value, asString) {
  if (typeof value === 'bigint') return value.toString()
  // It counts from where the original goes over to two words.
  return asString && Math.abs(value) >= 2 ** 53 ? String(value) : value
}

/** A row as mysql gives it. */
class RowDataPacket {}

module.exports = { RowDataPacket, ColumnDefinition, FieldPacket, ResultSetHeader, OkPacket }
