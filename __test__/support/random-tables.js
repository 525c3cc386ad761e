'use strict'

// Tables and rows for the property test: columns of every type, values that sit at the edges as a rule.

const CHARSETS = ['latin1', 'utf8mb3', 'utf8mb4', 'ucs2', 'sjis', 'ascii', 'cp1251', 'utf16', 'gbk']
const ALPHABETS = {
  ascii: [
    'a',
    'Z',
    '0',
    ' ',
    '"',
    '\\',
    '/',
    '\n',
    '\t',
    '\0',
    '\u0001',
    '\u001f',
    '\u007f',
    '<',
    "'",
    '{',
    ':',
    ',',
  ],
  latin1: ['é', 'ÿ', '€', 'ß', 'Æ', '\u00a0'],
  utf8mb3: ['é', '漢', '\u2028', '\ufeff', '\uffff', 'ñ'],
  utf8mb4: ['é', '漢', '😀', '\u{10ffff}', '\u2029', '👩‍👩‍👧'],
  ucs2: ['é', '漢', '\u2028', 'Ω'],
  sjis: ['ｱ', '表', 'ソ', '日'],
  cp1251: ['Ж', 'ё', 'я'],
  utf16: ['é', '漢', '😀'],
  gbk: ['你', '體', '好'],
}
// What mysql2 refuses or no SQL name may be (`__proto__`, trailing blanks, 64 characters) is tested by hand.
const NAMES = [
  ...[
    'id',
    'a',
    'A',
    'b',
    '0',
    '1',
    '10',
    '2',
    '01',
    '-1',
    '4294967295',
    'constructor',
    'toString',
    'toJSON',
    'length',
  ],
  ...[
    'a b',
    'a"b',
    'a\\b',
    "it's",
    'é',
    '漢',
    'x'.repeat(40),
    '${v}',
    '`',
    'NULL',
    'name',
    'price',
    'created at',
  ],
]

/**
 * A table, `{create, insert, rows, sql, joins, count}`: `rows` are for mysql2 and its `insert`, `sql` are statements to
 * read them, `joins` some that read several tables. Its columns are pk and c0 up to `count`, which is not among them.
 */
function randomTable(random, name) {
  const columns = Array.from({ length: 1 + random.int(random.chance(0.1) ? 70 : 12) }, (_, index) => {
    const { type, value } = random.pick(TYPES)(random)
    const nullable = random.chance(0.6)
    return { stored: `c${index}`, shown: random.pick(NAMES), type, value, nullable }
  })
  const definitions = columns.map(
    ({ stored, type, nullable }) => `${stored} ${type}${nullable ? ' NULL' : ' NOT NULL'}`,
  )
  const rows = Array.from({ length: random.chance(0.05) ? 0 : 1 + random.int(40) }, () =>
    columns.map(({ nullable, value }) => (nullable && random.chance(0.2) ? null : value())),
  )
  const list = columns
    .map(({ stored, shown }) => `${stored} AS \`${shown.replaceAll('`', '``')}\``)
    .join(', ')
  const quoted = (text) => `\`${text.replaceAll('`', '``')}\``
  // Tables have aliases of any text too; their names are not case-sensitive here and there.
  const [one, other] = random.chance(0.5) ? ['a', 'b'] : [random.pick(NAMES), `${random.pick(NAMES)}2`]
  const from = `${name} AS ${quoted(one)} LEFT JOIN ${name} AS ${quoted(other)} ON ${quoted(one)}.pk = ${quoted(other)}.pk + 1`
  return {
    count: columns.length,
    joins: [
      `SELECT ${quoted(one)}.*, ${quoted(other)}.*, 1 AS one, 'x' AS c0 FROM ${from} ORDER BY ${quoted(one)}.pk`,
      `SELECT 2, ${quoted(other)}.c0 AS \`${columns[0].shown.replaceAll('`', '``')}\`, 1, ${quoted(one)}.* FROM ${from} ORDER BY ${quoted(one)}.pk`,
    ],
    create: `CREATE TABLE ${name} (pk INT AUTO_INCREMENT PRIMARY KEY, ${definitions.join(', ')}) ENGINE=Aria ROW_FORMAT=DYNAMIC`,
    insert: `INSERT INTO ${name} (${columns.map(({ stored }) => stored).join(', ')}) VALUES ?`,
    rows,
    sql: [`SELECT * FROM ${name} ORDER BY pk`, `SELECT ${list} FROM ${name} ORDER BY pk`],
  }
}

const text = (random, charset, most) => {
  const alphabet = [...ALPHABETS.ascii, ...(ALPHABETS[charset] ?? [])]
  const length = random.pick([0, 1, 2, 7, 8, 9, 15, 16, 17, 31, most])
  const narrow = random.chance(0.4)
  let out = ''
  while ([...out].length < length)
    out += narrow ? random.pick(['a', 'b', 'c', ' ', '1']) : random.pick(alphabet)
  return [...out].slice(0, Math.min(length, most)).join('')
}

const bytes = (random, most) => {
  const length = Math.min(most, random.pick([0, 1, 2, 8, 16, most]))
  return Buffer.from(Array.from({ length }, () => random.pick([0, 1, 127, 128, 255, random.int(256)])))
}

const integers = { TINYINT: 8n, SMALLINT: 16n, MEDIUMINT: 24n, INT: 32n, BIGINT: 64n }

function integer(random) {
  const name = random.pick(Object.keys(integers))
  const bits = integers[name]
  const kind = random.pick(['', ' UNSIGNED', ' ZEROFILL'])
  const [least, most] = kind === '' ? [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n] : [0n, 2n ** bits - 1n]
  const value = () => {
    const near = random.pick([
      0n,
      least,
      most,
      2n ** 53n,
      -(2n ** 53n),
      10n ** BigInt(random.int(20)),
      2n ** 31n,
    ])
    const moved = near + BigInt(random.int(5) - 2)
    return (moved < least ? least : moved > most ? most : moved).toString()
  }
  return { type: `${name}${random.chance(0.2) ? `(${1 + random.int(20)})` : ''}${kind}`, value }
}

function decimal(random) {
  const digits = 1 + random.int(65)
  const scale = random.int(Math.min(digits, 38) + 1)
  const value = () => {
    const some = (count) =>
      Array.from({ length: count }, () => random.pick(['0', '9', `${random.int(10)}`])).join('')
    const whole = some(random.int(digits - scale + 1)) || '0'
    return `${random.chance(0.4) ? '-' : ''}${digits === scale ? '0' : whole}.${some(scale) || '0'}`
  }
  return { type: `DECIMAL(${digits},${scale})`, value }
}

function float(random) {
  const value = () =>
    Math.fround(
      random.pick([
        0,
        1,
        -1,
        10.84,
        1 / 3,
        16777217,
        1e-10,
        3e38,
        (random.next() - 0.5) * 10 ** random.int(12),
      ]),
    )
  return { type: 'FLOAT', value }
}

function double(random) {
  const fixed = random.chance(0.3) ? 1 + random.int(12) : null
  const value = () => {
    const size = fixed === null ? random.int(40) - 12 : random.int(10)
    const digits = random.pick([1, 2, 6, 15, 16, 17])
    const number = Number(((random.next() - 0.3) * 10 ** size).toPrecision(digits))
    return fixed === null
      ? random.pick([number, number, number, 0, Number('9.123456789012345'), 1e21, 5e-324, 1.7e308])
      : number
  }
  return { type: fixed === null ? 'DOUBLE' : `DOUBLE(${Math.min(53, 12 + fixed)},${fixed})`, value }
}

const two = (number) => String(number).padStart(2, '0')

function dayOf(random) {
  const odd = random.chance(0.15)
  if (odd)
    return random.pick([
      '0000-00-00',
      '2024-00-00',
      '2024-02-00',
      '0001-01-01',
      '9999-12-31',
      '2023-02-31',
      '0099-12-31',
    ])
  const year = random.pick([
    100, 1000, 1582, 1883, 1900, 1945, 1969, 1970, 2000, 2024, 2037, 2038, 2100, 9998,
  ])
  return `${String(year).padStart(4, '0')}-${two(1 + random.int(12))}-${two(1 + random.int(28))}`
}

function clockOf(random) {
  const fraction = random.pick(['', '.5', '.123456', '.999999', '.000001', '.001'])
  return `${two(random.int(24))}:${two(random.int(60))}:${two(random.int(60))}${fraction}`
}

const date = (random) => ({ type: 'DATE', value: () => dayOf(random) })

const datetime = (random) => ({
  type: `DATETIME(${random.int(7)})`,
  value: () => {
    const day = dayOf(random)
    // Rounding the last second of the last year would make a year of five digits.
    return day === '9999-12-31' ? `${day} 12:00:00` : `${day} ${clockOf(random)}`
  },
})

const timestamp = (random) => ({
  type: `TIMESTAMP(${random.int(7)})`,
  value: () =>
    random.chance(0.1)
      ? '0000-00-00 00:00:00'
      : `${random.pick([1971, 1999, 2000, 2024, 2037])}-${two(1 + random.int(12))}-${two(1 + random.int(28))} ${clockOf(random)}`,
})

const time = (random) => ({
  type: `TIME(${random.int(7)})`,
  value: () =>
    `${random.chance(0.4) ? '-' : ''}${random.pick([0, 9, 23, 24, 99, 100, 837])}:${clockOf(random).slice(3)}`,
})

const bit = (random) => {
  const width = 1 + random.int(64)
  return {
    type: `BIT(${width})`,
    value: () =>
      ((BigInt(random.int(2 ** 32)) * BigInt(random.int(2 ** 32))) % 2n ** BigInt(width)).toString(),
  }
}

const enumeration = (random) => {
  const members = ['x', 'y,z', 'q"', '', 'ü', '漢'].slice(0, 1 + random.int(6))
  return {
    type: `ENUM(${members.map((member) => `'${member}'`).join(',')}) CHARACTER SET utf8mb4`,
    value: () => random.pick(members),
  }
}

const set = (random) => ({
  type: "SET('a','b c','é','d\"') CHARACTER SET utf8mb4",
  value: () => ['a', 'b c', 'é', 'd"'].filter(() => random.chance(0.5)).join(','),
})

function string(random) {
  const charset = random.pick(CHARSETS)
  const type = random.pick(['CHAR(30)', 'VARCHAR(30)', 'TINYTEXT', 'TEXT', 'MEDIUMTEXT', 'LONGTEXT'])
  const most = type.startsWith('CHAR') || type.startsWith('VARCHAR') ? 30 : random.pick([60, 60, 300])
  const most4 = type === 'TINYTEXT' ? 60 : most
  return { type: `${type} CHARACTER SET ${charset}`, value: () => text(random, charset, most4) }
}

function binary(random) {
  const type = random.pick(['BINARY(8)', 'VARBINARY(40)', 'TINYBLOB', 'BLOB', 'MEDIUMBLOB', 'LONGBLOB'])
  const most = type === 'BINARY(8)' ? 8 : 40
  return { type, value: () => bytes(random, most) }
}

function jsonValue(random, depth) {
  const space = () => random.pick(['', '', ' ', '\n\t'])
  const kind = depth <= 0 ? random.int(4) : random.int(6)
  if (kind === 0)
    return random.pick([
      '0',
      '-0',
      '1.0',
      '1e3',
      '1.50',
      '12345678901234567890',
      '0.1',
      '-7',
      '1E-7',
      '9007199254740993',
    ])
  if (kind === 1) return random.pick(['true', 'false', 'null'])
  if (kind <= 3) return jsonText(random)
  const count = random.int(5)
  if (kind === 4)
    return `[${space()}${Array.from({ length: count }, () => jsonValue(random, depth - 1) + space()).join(',')}]`
  const members = Array.from(
    { length: count },
    () =>
      `${space()}${random.chance(0.4) ? `"${random.pick(['1', '0', '10', '__proto__', 'a', '', '01'])}"` : jsonText(random)}${space()}:${space()}${jsonValue(random, depth - 1)}`,
  )
  return `{${members.join(',')}${space()}}`
}

function jsonText(random) {
  const pieces = [
    'a',
    'é',
    '漢',
    '😀',
    '\\"',
    '\\\\',
    '\\/',
    '\\n',
    '\\u0041',
    '\\u00e9',
    '\\u0000',
    '\\u2028',
    '\\ud83d\\ude00',
  ]
  return `"${Array.from({ length: random.int(6) }, () => random.pick(pieces)).join('')}"`
}

const json = (random) => ({ type: 'JSON', value: () => jsonValue(random, 3) })

const year = (random) => ({ type: 'YEAR', value: () => random.pick([1901, 1970, 2000, 2024, 2155, 0]) })

// mysql2 has no parameter for a geometry, so it goes in as the bytes that the server keeps.
const geometry = (random) => ({
  type: 'POINT',
  value: () => {
    const value = Buffer.alloc(25)
    value.writeUInt8(1, 4)
    value.writeUInt32LE(1, 5)
    value.writeDoubleLE(random.pick([0, -0, 1.5, -180, 1e300, random.next()]), 9)
    value.writeDoubleLE(random.pick([0, 90, 1e-7, random.next() * 1e9]), 17)
    return value
  },
})

// Common types are listed more than once.
const TYPES = [
  ...[
    integer,
    integer,
    integer,
    decimal,
    decimal,
    float,
    double,
    double,
    bit,
    date,
    datetime,
    datetime,
    timestamp,
  ],
  ...[time, year, string, string, string, string, binary, binary, enumeration, set, json, json, geometry],
]

module.exports = { randomTable }
