'use strict'

const assert = require('node:assert/strict')
const { after, before, describe, it } = require('node:test')
const { mariadbOnly } = require('./support/mysql.js')
const { openDrivers } = require('./support/drivers.js')

const TYPES = {
  TINYINT: 'TINYINT(1) NOT NULL DEFAULT 1',
  SMALLINT: 'SMALLINT UNSIGNED',
  MEDIUMINT: 'MEDIUMINT',
  INT: 'INT(7) ZEROFILL',
  BIGINT: 'BIGINT',
  FLOAT: 'FLOAT',
  DOUBLE: 'DOUBLE(10,3)',
  DECIMAL: 'DECIMAL(12,4)',
  BIT: 'BIT(12)',
  YEAR: 'YEAR',
  DATE: 'DATE',
  TIME: 'TIME(2)',
  DATETIME: 'DATETIME(6)',
  TIMESTAMP: 'TIMESTAMP DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP',
  CHAR: 'CHAR(9)',
  VARCHAR: 'VARCHAR(30)',
  TEXT: 'MEDIUMTEXT',
  BINARY: 'BINARY(4)',
  VARBINARY: 'VARBINARY(20)',
  BLOB: 'LONGBLOB',
  ENUM: "ENUM('a','b')",
  SET: "SET('a','b')",
  JSON: 'JSON',
  GEOMETRY: 'GEOMETRY',
}

describe('the columns of a result', mariadbOnly('its types are asked for'), () => {
  let drivers, db
  before(async () => {
    drivers = await openDrivers()
    ;({ db } = drivers)
    const columns = Object.entries(TYPES).map(([type, definition]) => `c_${type} ${definition}`)
    await drivers.run(
      `CREATE TABLE typed (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, u VARCHAR(9) UNIQUE, k INT, KEY (k), ${columns.join(', ')}, id6 INET6)`,
      'INSERT INTO typed () VALUES ()',
    )
  })
  after(() => drivers.close())

  it('have the names, tables, lengths and flags that mysql2 gives', async () => {
    const sql = 'SELECT t.*, t.id AS again, COUNT(*) AS n, NULL AS nothing, 1 + 1 FROM typed t GROUP BY t.id'
    const { rows, columns } = await db.query(sql, [], { columns: true })
    const [expected, fields] = await drivers.my.query(sql)
    assert.equal(rows.length, expected.length)
    assert.equal(columns.length, fields.length)
    for (const [index, field] of fields.entries()) {
      const { name, orgName, table, orgTable, schema, typeCode, characterSet, length, decimals, flagBits } =
        columns[index]
      assert.deepEqual(
        {
          name,
          orgName,
          table,
          orgTable,
          schema,
          columnType: typeCode,
          characterSet,
          columnLength: length,
          decimals,
          flags: flagBits,
        },
        {
          name: field.name,
          orgName: field.orgName,
          table: field.table,
          orgTable: field.orgTable,
          schema: field.schema,
          columnType: field.columnType,
          characterSet: field.characterSet,
          columnLength: field.columnLength,
          decimals: field.decimals,
          flags: field.flags,
        },
      )
    }
  })

  it('have types by their names in SQL, and flags by their names', async () => {
    const { columns } = await db.query('SELECT * FROM typed', [], { columns: true })
    const named = new Map(columns.map((column) => [column.name, column]))
    for (const type of Object.keys(TYPES)) assert.equal(named.get(`c_${type}`).type, type)
    const set = (name) =>
      Object.entries(named.get(name).flags)
        .filter(([, isSet]) => isSet)
        .map(([flag]) => flag)
    assert.deepEqual(set('id'), ['notNull', 'primaryKey', 'unsigned', 'autoIncrement'])
    assert.deepEqual(set('u'), ['uniqueKey'])
    assert.deepEqual(set('k'), ['multipleKey'])
    assert.deepEqual(set('c_TINYINT'), ['notNull'])
    assert.deepEqual(set('c_INT'), ['unsigned', 'zerofill'])
    assert.deepEqual(set('c_BLOB'), ['blob', 'binary'])
    assert.ok(set('c_ENUM').includes('enum') && set('c_SET').includes('set'))
    assert.ok(set('c_TIMESTAMP').includes('onUpdateNow'))
    assert.equal(named.get('id6').extendedType, 'inet6')
    assert.equal(named.get('id').extendedType, null)
    assert.equal(named.get('c_TINYINT').length, 1)
    assert.equal(named.get('c_DECIMAL').decimals, 4)
  })

  it('are there without rows, for one row, and with every other option', async () => {
    const names = async (options, sql = 'SELECT 1 AS a, 2 AS b') => {
      const { rows, columns } = await db.query(sql, [], { ...options, columns: true })
      return [rows, columns.map(({ name }) => name)]
    }
    assert.deepEqual(await names({}, 'SELECT 1 AS a FROM DUAL WHERE FALSE'), [[], ['a']])
    assert.deepEqual(await names({ rowsAsArray: true }), [[[1, 2]], ['a', 'b']])
    assert.deepEqual(await names({ shape: { a: { omit: true }, b: { as: 'c' } } }), [[{ c: 2 }], ['a', 'b']])
    const casts = { b: (value, { type }) => `${type} ${value}` }
    assert.deepEqual(await names({ casts }), [[{ a: 1, b: 'INT 2' }], ['a', 'b']])
    const one = await db.queryOne('SELECT 1 AS a', [], { columns: true })
    assert.deepEqual([one.row, one.columns.length], [{ a: 1 }, 1])
    const none = await db.queryOne('SELECT 1 AS a FROM DUAL WHERE FALSE', [], { columns: true })
    assert.deepEqual([none.row, none.columns.length], [null, 1])
    const many = await db.query('SELECT seq FROM seq_1_to_20000', [], { columns: true })
    assert.equal(many.rows.length, 20000)
  })

  it('of a statement without rows are not there: what it did is', async () => {
    const done = await db.query('UPDATE typed SET k = 1 WHERE FALSE', [], { columns: true })
    assert.equal(done.affectedRows, 0)
    assert.equal((await db.execute('DO 1', [], { columns: true })).affectedRows, 0)
    assert.equal(await db.queryOne('DO 1', [], { columns: true }), null)
    const { rows, columns } = await db.execute('INSERT INTO typed (k) VALUES (5) RETURNING k', [], {
      columns: true,
    })
    assert.deepEqual([rows, columns[0].orgTable], [[{ k: 5 }], 'typed'])
  })

  it('are the same objects each time, and frozen', async () => {
    const ask = async () => (await db.query('SELECT id FROM typed', [], { columns: true })).columns
    const columns = await ask()
    assert.equal(await ask(), columns)
    assert.ok([columns, columns[0], columns[0].flags].every(Object.isFrozen))
  })

  it('follow their table when it changes', async () => {
    await drivers.run('CREATE TABLE changing (a INT)')
    const types = async () =>
      (await db.query('SELECT * FROM changing', [], { columns: true })).columns.map(({ type }) => type)
    assert.deepEqual(await types(), ['INT'])
    await drivers.run('ALTER TABLE changing MODIFY a VARCHAR(5), ADD b DATE')
    assert.deepEqual(await types(), ['VARCHAR', 'DATE'])
  })

  it('of any name are data', async () => {
    const { columns } = await db.query('SELECT 1 AS __proto__, 2 AS `a"b\\n`', [], { columns: true })
    assert.deepEqual(
      columns.map(({ name }) => name),
      ['__proto__', 'a"b\\n'],
    )
  })
})
