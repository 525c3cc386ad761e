'use strict'

const { mysql2Types: typeNames } = require('./constants/types.js')

const JSON_TYPE = 245
const DATES = new Set([7, 10, 12, 14])
const TIME = 11
const DATE = 10
const GEOMETRY = 255
// Types that come as text in both protocols.
const TEXTS = new Set([0, 15, 16, 242, 245, 246, 247, 248, 249, 250, 251, 252, 253, 254, 255])

/**
 * Runs a `typeCast` on rows that came with the bytes of their cells, as lib/rows.js gives them, and lays them out. `cast`
 * is the function, or false for the bytes themselves.
 */
function castRows(rows, fields, { cast, layout, isBinary, isMysql, Row, connection }) {
  const columns = fields.map((field) => columnOf(field, isMysql))
  const place = placer(columns, layout)
  const count = columns.length
  // The cell that is being cast; the fields below look at it.
  const current = { value: null, start: -1, end: -1, bytes: null, isBinary }
  const seen = columns.map((column) => fieldOf(column, current, isMysql))
  const next = () => current.value
  return rows.map((cells) => {
    const row = newRow(layout, count, Row)
    current.bytes = cells[3 * count]
    for (let at = 0; at < count; at++) {
      current.value = cells[at]
      current.start = cells[count + 2 * at]
      current.end = cells[count + 2 * at + 1]
      const value =
        cast === false ? rawOf(columns[at], current, isMysql) : cast.call(connection, seen[at], next)
      place(row, at, value)
    }
    return row
  })
}

function newRow({ rowsAsArray, nestTables }, length, Row) {
  if (rowsAsArray && !nestTables) return new Array(length)
  return Row === null ? {} : new Row()
}

// A Buffer of its own, which keeps nothing else alive.
function bytesOf({ bytes, start, end }) {
  return start < 0 ? null : Buffer.from(bytes.subarray(start, end))
}

function rawOf(column, current, isMysql) {
  if (!isMysql || column.isBinary || current.start < 0) return bytesOf(current)
  return current.bytes.toString('utf8', current.start, current.end)
}

/** What a typeCast function sees of a column. */
function fieldOf(column, current, isMysql) {
  const field = {
    type: column.type,
    length: column.length,
    db: column.db,
    table: column.table,
    name: column.name,
    string: (encoding) => textOf(column, current, encoding),
    buffer: () => bytesOf(current),
    int: () => numberOf(textOf(column, current), Number.parseInt),
    float: () => numberOf(textOf(column, current), Number.parseFloat),
    geometry: () => (column.code === GEOMETRY ? current.value : null),
  }
  if (!isMysql) {
    field.extendedTypeName = column.extendedTypeName
    field.extendedFormat = column.extendedFormat
  }
  return field
}

function numberOf(text, parse) {
  return text === null ? null : parse(text)
}

function columnOf(field, isMysql) {
  const code = field.type
  return {
    code,
    type: typeNames[code],
    length: isMysql ? field.length : field.columnLength,
    db: field.db,
    table: field.table,
    name: field.name,
    decimals: field.decimals,
    isBinary: (isMysql ? field.charsetNr : field.characterSet) === 63,
    encoding: isMysql ? 'utf8' : field.encoding,
    extendedTypeName: field.extendedTypeName,
    extendedFormat: field.extendedFormat,
  }
}

function textOf(column, current, encoding) {
  const { value, start, end, bytes, isBinary } = current
  if (start < 0) return null
  if (isBinary && DATES.has(column.code)) {
    return dateText(bytes.subarray(start, end), column.code === DATE ? -1 : column.decimals)
  }
  if (isBinary && column.code === TIME) return value
  if (isBinary && !TEXTS.has(column.code)) return String(value)
  const asked = encoding ?? (column.code === JSON_TYPE ? 'utf8' : column.encoding)
  const known = Buffer.isEncoding(asked) ? asked : asked === 'binary' ? 'latin1' : 'utf8'
  return bytes.toString(known, start, end)
}

// The text of a date from the bytes of the binary protocol; `decimals` is -1 for one without a time.
function dateText(bytes, decimals) {
  const pad = (number, length = 2) => String(number).padStart(length, '0')
  const [year, month, day] = bytes.length >= 4 ? [bytes.readUInt16LE(0), bytes[2], bytes[3]] : [0, 0, 0]
  const date = `${pad(year, 4)}-${pad(month)}-${pad(day)}`
  if (decimals < 0) return date
  const [hour, minute, second] = bytes.length >= 7 ? [bytes[4], bytes[5], bytes[6]] : [0, 0, 0]
  const time = `${date} ${pad(hour)}:${pad(minute)}:${pad(second)}`
  if (decimals === 0 || decimals > 6) return time
  const micros = bytes.length >= 11 ? bytes.readUInt32LE(7) : 0
  return `${time}.${pad(micros, 6).slice(0, decimals)}`
}

// Names are data, `__proto__` too.
function set(object, name, value) {
  if (name !== '__proto__') object[name] = value
  else Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true })
}

function placer(columns, { rowsAsArray, nestTables }) {
  if (typeof nestTables === 'string') {
    return (row, at, value) => set(row, columns[at].table + nestTables + columns[at].name, value)
  }
  if (nestTables) {
    return (row, at, value) => {
      const { table, name } = columns[at]
      if (!Object.hasOwn(row, table)) set(row, table, {})
      set(row[table], name, value)
    }
  }
  if (rowsAsArray) return (row, at, value) => (row[at] = value)
  return (row, at, value) => set(row, columns[at].name, value)
}

module.exports = { castRows }
