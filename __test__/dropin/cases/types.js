'use strict'

// Every column type, with its limits, zero and NULL, in both protocols and under every option that changes values.

const prepare = [
  "SET SESSION sql_mode = '', time_zone = '+00:00'",
  `CREATE TABLE integers (
    t TINYINT, tu TINYINT UNSIGNED, tz TINYINT(3) ZEROFILL, b1 BOOLEAN, s SMALLINT, su SMALLINT UNSIGNED,
    m MEDIUMINT, mu MEDIUMINT UNSIGNED, i INT, iu INT UNSIGNED, iz INT(8) ZEROFILL,
    b BIGINT, bu BIGINT UNSIGNED, bz BIGINT(20) ZEROFILL, y YEAR, bit1 BIT, bit12 BIT(12), bit64 BIT(64))`,
  `INSERT INTO integers VALUES
    (-128, 0, 7, TRUE, -32768, 0, -8388608, 0, -2147483648, 0, 42,
      -9223372036854775808, 0, 42, 1901, b'0', b'101', b'1'),
    (127, 255, 255, FALSE, 32767, 65535, 8388607, 16777215, 2147483647, 4294967295, 4294967295,
      9223372036854775807, 18446744073709551615, 18446744073709551615, 2155, b'1', b'111111111111', 0xFFFFFFFFFFFFFFFF),
    (0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 9007199254740991, 9007199254740992, 9007199254740993, 0, 0, 0, 0),
    (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -9007199254740992, 9007199254740991, 1, 1970, 1, 1, 1),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`,
  `CREATE TABLE fractions (f FLOAT, f2 FLOAT(7,3), d DOUBLE, d2 DOUBLE(10,2) ZEROFILL, n DECIMAL(10,2),
    nu DECIMAL(12,4) UNSIGNED, nz DECIMAL(8,2) ZEROFILL, n0 DECIMAL(30,0), n30 DECIMAL(65,30))`,
  `INSERT INTO fractions VALUES
    (1.5, 1234.567, 0.1, 3.14, 12.5, 1.5, 1.5, 123456789012345678901234567890, 1.000000000000000000000000000001),
    (-3.402823e38, -0.001, 1.7976931348623157e308, 0, -99999999.99, 99999999.9999, 999999.99, -1, -0.5),
    (1.17549e-38, 0, 2.2250738585072014e-308, 99999.99, 0, 0, 0, 9007199254740993, 0),
    (-0.0, 0.1, -0.0, 1e5, 1, 1, 1, 0, 1e10),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`,
  `CREATE TABLE times (d DATE, t TIME, t3 TIME(3), t6 TIME(6), dt DATETIME, dt3 DATETIME(3), dt6 DATETIME(6),
    ts TIMESTAMP NULL, ts6 TIMESTAMP(6) NULL)`,
  `INSERT INTO times VALUES
    ('2024-02-29', '12:34:56', '12:34:56.789', '12:34:56.789012', '2024-02-29 12:34:56', '2024-02-29 12:34:56.789',
      '2024-02-29 12:34:56.789012', '2024-02-29 12:34:56', '2024-02-29 12:34:56.789012'),
    ('1000-01-01', '00:00:00', '-00:00:00.001', '-100:01:02.000003', '1000-01-01 00:00:00', '1000-01-01 00:00:00.001',
      '1000-01-01 00:00:00.000001', '1970-01-01 00:00:01', '2038-01-19 03:14:07.999999'),
    ('1969-12-31', '-838:59:59', '00:00:00.001', '100:01:02.123456', '1969-12-31 23:59:59', '2024-01-10 01:02:03.004',
      '0100-01-01 00:00:00.000001', '2024-01-01 00:00:00', '2024-01-01 00:00:00.000001'),
    ('9999-12-31', '838:59:59', '00:00:00.999', '00:00:00.000001', '9999-12-31 23:59:59', '9999-12-31 23:59:59.999',
      '2024-03-31 02:30:00.000001', '2024-07-01 00:00:00', '2024-07-01 00:00:00.1'),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`,
  // Zeros, parts of dates, years below 100, and fractions that are zero or end in zeros.
  'CREATE TABLE odd_times LIKE times',
  `INSERT INTO odd_times VALUES
    ('0000-00-00', '00:00:00', '00:00:00', '00:00:00', '0000-00-00 00:00:00', '0000-00-00 00:00:00',
      '0000-00-00 00:00:00', '0000-00-00 00:00:00', '0000-00-00 00:00:00'),
    ('2024-00-00', '-00:00:01', '12:00:00', '-12:00:00', '2024-01-00 01:02:03', '2024-00-10 01:02:03.004',
      '2024-01-01 00:00:00', '2024-01-01 00:00:00', '2024-01-01 00:00:00'),
    ('0099-12-31', '00:00:01', '00:00:00.500', '00:00:00.500', '0069-12-31 23:59:59', '0001-01-01 00:00:00',
      '0099-12-31 23:59:59.9', '2024-07-01 00:00:00', '2024-07-01 00:00:00.000100')`,
  `CREATE TABLE texts (c CHAR(5), v VARCHAR(50), vb VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    vl VARCHAR(20) CHARACTER SET latin1, tt TINYTEXT, tx TEXT, mt MEDIUMTEXT, lt LONGTEXT,
    bi BINARY(4), vbi VARBINARY(20), tb TINYBLOB, bl BLOB, mb MEDIUMBLOB, lb LONGBLOB,
    e ENUM('small', 'größer', ''), st SET('a', 'b', 'c'))`,
  `INSERT INTO texts VALUES
    ('ab', 'héllo', 'Ünï', 'café', 'tiny', 'text 😀', 'medium', 'long', 'ab', 'bytes', 'tb', 0x00FF10, 'mb', 'lb',
      'größer', 'a,c'),
    ('', '', '', '', '', '', '', '', '', '', '', '', '', '', '', ''),
    ('a\\0b', 'quote '' back \\\\ \\n', '日本語', 'x', '👩‍👩‍👧', REPEAT('ä', 300), REPEAT('m', 70000), 'l', 0x80, 0xC3,
      0xE4, 0xF09F9880, REPEAT('z', 300), 0x00, 'small', 'a,b,c'),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`,
  `CREATE TABLE others (j JSON, p POINT, l LINESTRING, po POLYGON, mp MULTIPOINT, ml MULTILINESTRING,
    mpo MULTIPOLYGON, gc GEOMETRYCOLLECTION, g GEOMETRY, u UUID, ip INET6)`,
  `INSERT INTO others VALUES
    ('{"a": [1, 2.5, null, true, "ü😀"], "__proto__": {"x": 1}}', ST_GeomFromText('POINT(1 -2.5)'),
      ST_GeomFromText('LINESTRING(0 0, 1 1, 2 0)'),
      ST_GeomFromText('POLYGON((0 0, 10 0, 10 10, 0 10, 0 0), (1 1, 2 1, 2 2, 1 2, 1 1))'),
      ST_GeomFromText('MULTIPOINT(1 1, 2 2)'), ST_GeomFromText('MULTILINESTRING((0 0, 1 1), (2 2, 3 3))'),
      ST_GeomFromText('MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))'),
      ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1), LINESTRING(0 0, 1 1))'), ST_GeomFromText('POINT(3 4)', 4326),
      '123e4567-e89b-12d3-a456-426614174000', '2001:db8::1'),
    ('12345678901234567890', ST_GeomFromText('POINT(0 0)'), NULL, NULL, NULL, NULL, NULL,
      ST_GeomFromText('GEOMETRYCOLLECTION EMPTY'), NULL, NULL, '::ffff:1.2.3.4'),
    ('null', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`,
]

// [table, options, whether only mysql2 has them].
const reads = [
  ['integers', {}],
  ['integers', { supportBigNumbers: true }],
  ['integers', { supportBigNumbers: true, bigNumberStrings: true }],
  ['integers', { bigNumberStrings: true }],
  ['integers', { typeCast: false }],
  ['integers', { rowsAsArray: true }, 'mysql2'],
  ['fractions', {}],
  ['fractions', { decimalNumbers: true }, 'mysql2'],
  ['fractions', { supportBigNumbers: true }],
  ['fractions', { supportBigNumbers: true, bigNumberStrings: true }],
  ['fractions', { typeCast: false }],
  ['times', {}],
  ['odd_times', { timezone: 'Z' }],
  ['odd_times', { timezone: '-11:00' }],
  ['odd_times', { dateStrings: true }],
  ['odd_times', { timezone: 'Z', dateStrings: ['DATE'] }],
  ['odd_times', { timezone: 'Z', dateStrings: ['DATETIME', 'TIMESTAMP'] }],
  ['times', { dateStrings: true }],
  ['times', { dateStrings: ['DATE'] }],
  ['times', { dateStrings: ['DATETIME', 'TIMESTAMP'] }],
  ['times', { dateStrings: [] }],
  ['times', { timezone: 'Z' }],
  ['times', { timezone: '+05:30' }],
  ['times', { timezone: '-11:00' }],
  ['times', { timezone: 'Z', dateStrings: ['TIMESTAMP'] }],
  ['times', { typeCast: false }],
  ['texts', {}],
  ['texts', { charset: 'latin1' }],
  ['texts', { charset: 'utf8mb4_general_ci' }],
  ['texts', { typeCast: false }],
  ['texts', { stringifyObjects: true }],
  ['others', {}],
  ['others', { jsonStrings: true }, 'mysql2'],
  ['others', { supportBigNumbers: true }],
  ['others', { typeCast: false }],
  ['others', { disableEval: true }, 'mysql2'],
  ['integers', { disableEval: true }, 'mysql2'],
  ['times', { disableEval: true, timezone: 'Z' }, 'mysql2'],
]

// Literals and expressions, whose columns belong to no table.
const expressions = [
  'SELECT 1, -1, 0, 2147483648, 1.5, 1e3, TRUE, NULL, 9007199254740993, 18446744073709551615',
  "SELECT 'text', \"quoted\", '', N'national', 0x4142, b'1', _binary'raw', _latin1'caf\xe9'",
  "SELECT DATE '2024-02-29', TIME '10:11:12', TIMESTAMP '2024-02-29 10:11:12.5'",
  'SELECT COUNT(*), SUM(t), AVG(t), MAX(b), MIN(bu), GROUP_CONCAT(i) FROM integers',
  "SELECT CAST('9223372036854775807' AS SIGNED), CAST('1.50' AS DECIMAL(5,2)), CAST('a' AS BINARY)",
  "SELECT JSON_OBJECT('a', 1), JSON_ARRAY(1, 'x'), JSON_EXTRACT('{\"a\": 2}', '$.a')",
  "SELECT SEC_TO_TIME(3661.25), MAKEDATE(2024, 60), FROM_UNIXTIME(0), INET6_ATON('::1'), CONCAT(1, 'a')",
  'SELECT IF(1, NULL, 1) AS x, COALESCE(NULL, NULL, 3) AS y, NULLIF(1, 1) AS z',
  'SELECT * FROM integers WHERE t = 99',
  'SELECT d2.v AS first, d2.c second FROM texts AS d2 LIMIT 1',
  'SHOW TABLES',
  'DESCRIBE integers',
  "SHOW VARIABLES LIKE 'character_set_client'",
  'EXPLAIN SELECT 1',
]

function cases(api) {
  const isMysql = api === 'mysql'
  const methods = isMysql ? ['query'] : ['query', 'execute']
  const list = []
  for (const [table, options, only] of reads) {
    if (only && isMysql) continue
    for (const method of methods) {
      list.push({
        name: `${method} of ${table} with ${JSON.stringify(options)}`,
        async run(_driver, session) {
          const connection = await session.open(options)
          // The result of a session in another time zone would differ with the machine's.
          await session.ask(connection, 'query', "SET time_zone = '+00:00'")
          await session.ask(connection, method, `SELECT * FROM ${table}`)
          // What differs there is told by comparing the two.
          if (table === 'odd_times' && method === 'execute')
            await session.ask(connection, 'query', `SELECT * FROM ${table}`)
        },
      })
    }
  }
  for (const sql of expressions) {
    for (const method of methods) {
      list.push({
        name: `${method} of ${sql}`,
        async run(_driver, session) {
          const connection = await session.open({ timezone: 'Z' })
          await session.ask(connection, 'query', "SET time_zone = '+00:00'")
          await session.ask(connection, method, sql)
        },
      })
    }
  }
  return list
}

module.exports = { prepare, cases }
