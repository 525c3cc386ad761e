'use strict'

const assert = require('node:assert/strict')
const { after, before, describe, it } = require('node:test')
const { openDrivers } = require('./support/drivers.js')
const { mariadbOnly } = require('./support/mysql.js')

const TEXTS = ['CHAR(40)', 'VARCHAR(40)', 'TINYTEXT', 'TEXT', 'MEDIUMTEXT', 'LONGTEXT']

// For each character set a text that needs it.
const CHARSETS = {
  ascii: 'plain',
  latin1: 'ÆØÅ éü ÿ €',
  latin2: 'ŁŚŻ őű',
  greek: 'αβγ Ω',
  hebrew: 'שלום',
  cp1251: 'Привет Ё',
  koi8r: 'Привет',
  cp850: 'äöü ß',
  tis620: 'สวัสดี',
  utf8mb3: 'é漢字 ￿',
  utf8mb4: 'é漢😀👩‍👩‍👧 \u{10ffff}',
  ucs2: 'é漢字',
  utf16: 'é漢😀',
  utf16le: 'é漢😀',
  utf32: 'é漢😀',
  sjis: 'ｱｲｳ 日本語 ソ表',
  cp932: '①㈱ 日本語',
  ujis: '日本語',
  eucjpms: '①日本語',
  euckr: '안녕',
  gb2312: '你好',
  gbk: '你好繁體',
  big5: '繁體中文 功',
}

const types = mariadbOnly('MySQL has no such types')
const places = mariadbOnly('MySQL takes no places outside of the Earth')
const words = mariadbOnly('it asks in words that MySQL has not')

describe('text and bytes read as mysql2 reads them', () => {
  let drivers, same, run
  before(async () => {
    drivers = await openDrivers()
    ;({ same, run } = drivers)
  })
  after(() => drivers.close())

  for (const [charset, text] of Object.entries(CHARSETS)) {
    it(`CHAR to LONGTEXT in ${charset}`, async () => {
      await run(
        `CREATE TABLE t_${charset} (${TEXTS.map((type, i) => `c${i} ${type} CHARACTER SET ${charset}`).join(',')},
          e ENUM('a', '${text.slice(0, 4)}') CHARACTER SET ${charset})`,
      )
      const insert = `INSERT INTO t_${charset} VALUES (?,?,?,?,?,?,?)`
      for (const value of [text, '', ' x ', '"\\/\b\f\n\r\t\0\u001f\u007f']) {
        await drivers.my.query(insert, [...TEXTS.map(() => value), 'a'])
      }
      await drivers.my.query(insert, Array(7).fill(null))
      await drivers.my.query(insert, Array(7).fill(text.slice(0, 4)))
      const rows = await same(`SELECT * FROM t_${charset}`)
      assert.equal(rows[0].c5, text)
      assert.equal(rows[3].c5, '"\\/\b\f\n\r\t\0\u001f\u007f')
      await same(`SELECT MAX(c1), MIN(c0), CONCAT(c1, '!'), GROUP_CONCAT(c1), UPPER(c1), c1 COLLATE ${charset}_bin x,
        HEX(c1), LEFT(c1, 1) FROM t_${charset} GROUP BY c1`)
    })
  }

  it('texts of every length from 0 to 300, the special character at every place', async () => {
    await run('CREATE TABLE lengths (id INT PRIMARY KEY, a TEXT, b VARCHAR(400))')
    const specials = ['"', '\\', '\n', '\u0001', 'é', '漢', '😀', 'x']
    const values = Array.from({ length: 301 }, (_, length) => {
      const at = (length * 7) % (length + 1)
      const base = 'abcdefghij'.repeat(31).slice(0, length)
      return [length, base.slice(0, at) + specials[length % specials.length] + base.slice(at), base]
    })
    await drivers.my.query('INSERT INTO lengths VALUES ?', [values])
    await same('SELECT a, b FROM lengths ORDER BY id')
  })

  it('BINARY, VARBINARY and BLOBs, every byte', async () => {
    await run(
      `CREATE TABLE blobs (a BINARY(5), b VARBINARY(300), c TINYBLOB, d BLOB, e MEDIUMBLOB, f LONGBLOB,
        g VARCHAR(300) CHARACTER SET binary)`,
    )
    const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
    const insert = 'INSERT INTO blobs VALUES (?,?,?,?,?,?,?)'
    await drivers.my.query(insert, [Buffer.from([0, 255]), all, all.subarray(1), all, all, all, all])
    await drivers.my.query(insert, Array(7).fill(Buffer.alloc(0)))
    await drivers.my.query(insert, Array(7).fill(null))
    const rows = await same('SELECT * FROM blobs')
    assert.ok(Buffer.isBuffer(rows[0].d) && rows[0].d.equals(all))
    await same(
      "SELECT _binary'', X'00ff', UNHEX('80'), MD5('a'), UNHEX(MD5('a')), CAST('é' AS BINARY), COMPRESS('x'), HEX(d) FROM blobs",
    )
  })

  it('a Buffer of a row is its own: writing into one changes no other', async () => {
    const [first, second] = await drivers.db.query("SELECT X'010203' b UNION ALL SELECT X'040506'")
    first.b.fill(9)
    assert.deepEqual(second.b, Buffer.from([4, 5, 6]))
  })

  it('text that is not valid in its character set comes as the server gives it', async () => {
    await run(
      'CREATE TABLE raw (t TEXT CHARACTER SET latin1)',
      "INSERT INTO raw VALUES (UNHEX('80ff81009f'))",
    )
    await same('SELECT t FROM raw')
  })

  it('ENUM and SET, empty ones and the invalid value of a lax server included', async () => {
    await run(
      "SET sql_mode = ''",
      `CREATE TABLE es (e ENUM('x', 'y,"z', '', 'ü😀'), s SET('a', 'b', 'c d', 'é'))`,
      `INSERT INTO es VALUES ('x', 'a'), ('y,"z', 'a,c d,é'), ('', ''), ('ü😀', 'b'), (NULL, NULL), ('nope', 'a,nope')`,
    )
    await same('SELECT * FROM es')
    await same('SELECT e + 0, s + 0, CONCAT(e, s), MAX(e), MIN(s) FROM es GROUP BY e, s')
  })

  it('UUID, INET4 and INET6 of MariaDB', types, async () => {
    await run(
      'CREATE TABLE ids (u UUID, v4 INET4, v6 INET6)',
      `INSERT INTO ids VALUES ('123e4567-e89b-12d3-a456-426655440000', '192.168.0.1', '2001:db8::ff00:42:8329'),
        (NULL, NULL, NULL), ('00000000-0000-0000-0000-000000000000', '0.0.0.0', '::')`,
    )
    await same('SELECT * FROM ids')
    await same('SELECT MAX(u), MIN(v6), CONCAT(v4) FROM ids')
  })

  it('GEOMETRY of every kind in the shape that mysql2 gives', places, async () => {
    const kinds = {
      POINT: ['POINT(1.5 -2)', 'POINT(-0 1e300)', 'POINT(0.1 0.2)'],
      LINESTRING: ['LINESTRING(0 0, 1 1, 2.5 3)'],
      POLYGON: ['POLYGON((0 0, 10 0, 10 10, 0 10, 0 0), (1 1, 2 1, 2 2, 1 1))'],
      MULTIPOINT: ['MULTIPOINT(1 2, 3 4)'],
      MULTILINESTRING: ['MULTILINESTRING((0 0, 1 1), (2 2, 3 3, 4 4))'],
      MULTIPOLYGON: ['MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))'],
      GEOMETRYCOLLECTION: [
        'GEOMETRYCOLLECTION(POINT(1 1), LINESTRING(0 0, 1 1), GEOMETRYCOLLECTION(POINT(2 2)))',
        'GEOMETRYCOLLECTION EMPTY',
      ],
    }
    await run(
      `CREATE TABLE g (id INT AUTO_INCREMENT PRIMARY KEY, g GEOMETRY, ${Object.keys(kinds)
        .map((kind) => `g_${kind} ${kind}`)
        .join(',')})`,
      'INSERT INTO g (g) VALUES (NULL)',
    )
    for (const [kind, texts] of Object.entries(kinds)) {
      for (const text of texts) {
        await run(
          `INSERT INTO g (g, g_${kind}) VALUES (ST_GeomFromText('${text}', 4326), ST_GeomFromText('${text}'))`,
        )
      }
    }
    const rows = await same('SELECT * FROM g ORDER BY id')
    assert.deepEqual(rows[1].g_POINT, { x: 1.5, y: -2 })
    assert.ok(Object.is(rows[2].g.x, -0))
    await same(
      "SELECT ST_AsText(g), ST_AsBinary(g), ST_Centroid(ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))')) FROM g",
    )
  })

  it('what SHOW, DESCRIBE, EXPLAIN and the information schema answer', words, async () => {
    for (const sql of [
      'SHOW COLUMNS FROM es',
      'SHOW CREATE TABLE es',
      'SHOW INDEX FROM g',
      "SHOW VARIABLES LIKE 'character_set_%'",
      'SHOW COLLATION',
      'DESCRIBE g',
      'EXPLAIN SELECT * FROM g WHERE id = 1',
      `SELECT TABLE_NAME, DATA_TYPE, COLUMN_DEFAULT, CHARACTER_MAXIMUM_LENGTH FROM information_schema.COLUMNS
        WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION`,
      'SHOW WARNINGS',
      'CHECKSUM TABLE es',
    ]) {
      await same(sql)
    }
  })
})
