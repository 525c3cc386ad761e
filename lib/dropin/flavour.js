'use strict'

const { ColumnDefinition, FieldPacket, OkPacket, ResultSetHeader, RowDataPacket } = require('./fields.js')

/** What is different between the two originals: the shapes of fields and headers. */
const mysql2 = {
  isMysql: false,
  Row: null,
  fieldsOf: (shape) => made(shape, 'mysql2', ColumnDefinition),
  headerOf: (done, config) => new ResultSetHeader(done, config.bigNumberStrings),
}

const mysql = {
  isMysql: true,
  Row: RowDataPacket,
  fieldsOf: (shape) => made(shape, 'mysql', FieldPacket),
  headerOf: (done, config) => new OkPacket(done, config.supportBigNumbers),
}

// Made once for each set of columns; the list is the caller's own.
function made(shape, name, Field) {
  shape.made ??= {}
  shape.made[name] ??= shape.fields.map((field) => new Field(field))
  return shape.made[name].slice()
}

module.exports = { mysql2, mysql }
