'use strict'

// In what the drop-in for mysql differs from it on purpose, by reason. A difference has what each side tells, an entry of
// the journal to a line: the code of an error, or the values of each row.

const assert = require('node:assert/strict')

/** What a journal tells, in short. */
function told(journal) {
  return journal.map(({ label, seen }) => {
    if (label.endsWith(' throws')) return `throws ${textOf(valueOf(seen[0], 'message'))}`
    if (!label.endsWith(' calls back')) return seen.map(shown).join(', ')
    const [, error, result] = seen
    return error === 'null' || error === 'undefined' ? resultOf(result) : textOf(valueOf(error, 'code'))
  })
}

function resultOf(result) {
  if (Array.isArray(result)) return result.map(rowOf).join('; ')
  return result?.class === 'OkPacket' ? `insertId ${shown(valueOf(result, 'insertId'))}` : shown(result)
}

const rowOf = ({ values }) => values.map(shown).join(', ')
const valueOf = ({ keys, values }, key) => values[keys.indexOf(key)]
const textOf = (form) => JSON.parse(form.replace(/^string /, ''))

function shown(form) {
  if (Array.isArray(form)) return `[${form.map(shown).join(', ')}]`
  if (form?.keys !== undefined) return `{${form.keys.map((key) => `${key}: ${shown(valueOf(form, key))}`)}}`
  return form.replace(/^(string|number) /, '')
}

/** `cases` has what the original and what the drop-in tell, by the name of a case. */
function differAll(reason, cases) {
  const entries = Object.entries(cases).map(([name, [original, dropin]]) => [
    name,
    {
      reason,
      original: (journal) => assert.deepEqual(told(journal), original),
      dropin: (journal) => assert.deepEqual(told(journal), dropin),
    },
  ])
  return Object.fromEntries(entries)
}

const four = (text) => Array(4).fill(text)
// What escape() tells of a value: plain, as a string, and in two time zones.
const plainAnd = (plain, asString) => [plain, asString, plain, plain]

const charsets = differAll(
  'text travels as utf8mb4 whatever the charset, and nothing turns into a question mark',
  {
    'the charset UTF8_GENERAL_CI': [
      latin('"café €", "naïve", "Ωmega", "? smile"', 'utf8mb3_general_ci'),
      whole(),
    ],
    'the charset latin1': [
      latin('"caf\ufffd \ufffd", "na\ufffdve", "?mega", "? smile"', 'latin1_swedish_ci'),
      whole(),
    ],
    'the charset ascii': [
      [
        ...latin('"caf? ?", "na?ve", "?mega", "? smile"', 'ascii_general_ci').slice(0, 3),
        'ER_INVALID_CHARACTER_STRING',
        'ER_INVALID_CHARACTER_STRING',
      ],
      whole(),
    ],
    'the charset cp1250': [
      latin('"caf\ufffd \ufffd", "na?ve", "?mega", "? smile"', 'cp1250_general_ci'),
      whole(),
    ],
  },
)

function latin(row, collation) {
  const charset = `"${collation.split('_')[0]}"`
  return [row, '"é😀", "C3A9"', `${charset}, ${charset}, "${collation}"`, '1', 'ER_NO_SUCH_TABLE']
}

function whole() {
  return latin('"café €", "naïve", "Ωmega", "😀 smile"', 'utf8mb4_general_ci')
}

const latin1Texts = {
  'query of texts with {"charset":"latin1"}': {
    reason: 'text travels as utf8mb4 whatever the charset',
    original: (journal) => assertColumn(journal, { v: '"h\ufffdllo"', vl: '"caf\ufffd"', tx: '"text ?"' }, 8),
    dropin: (journal) => assertColumn(journal, { v: '"héllo"', vl: '"café"', tx: '"text 😀"' }, 45),
  },
}

function assertColumn(journal, cells, charsetNr) {
  const [, error, [row], fields] = journal[1].seen
  assert.equal(error, 'null')
  for (const [name, cell] of Object.entries(cells)) assert.equal(shown(valueOf(row, name)), cell)
  const ofText = fields[row.keys.indexOf('v')]
  assert.equal(shown(valueOf(ofText, 'charsetNr')), String(charsetNr))
}

const names = differAll('columns and tables named __proto__ are data; mysql loses them', {
  'query with a column named __proto__': [
    ['2', '[["a"]]'],
    ['1, 2', '[["__proto__", "a"]]'],
  ],
  'query with a table named __proto__': [
    ['; ; ', '[[], [], []]'],
    ['{id: 1}; {id: 2}; {id: 3}', '[["__proto__"], ["__proto__"], ["__proto__"]]'],
  ],
})

const objects = differAll('objects expand only behind SET and ON DUPLICATE KEY UPDATE', {
  'query with an object as a value': [['ER_BAD_FIELD_ERROR'], ['"[object Object]"']],
  'query with an empty object as a value': [['ER_PARSE_ERROR'], ['"[object Object]"']],
  'query with an object with a nested one as a value': [['ER_BAD_FIELD_ERROR'], ['"[object Object]"']],
  'query with an object without prototype as a value': [
    ['ER_BAD_FIELD_ERROR'],
    ['throws Cannot convert object to primitive value'],
  ],
  'query with an object with toString as a value': [['ER_BAD_FIELD_ERROR'], ['"mine"']],
  'query with an object with own functions as a value': [['ER_BAD_FIELD_ERROR'], ['"[object Object]"']],
  'query with a regular expression as a value': [['ER_PARSE_ERROR'], [`"/a'b/"`]],
  'query with an error as a value': [['ER_PARSE_ERROR'], ['"Error: no value"']],
  'query of SELECT * FROM params WHERE ? with [{"id":1}]': [['1, "LOW", null, null, null, null, null'], ['']],
  'query of SELECT ? with {"a":1}': [['ER_BAD_FIELD_ERROR'], ['"[object Object]"']],
  'query that leaves its arguments as they were': [
    ['"one"', '{sql: "SELECT ? AS a",values: ["one"]}', 'ER_BAD_FIELD_ERROR', LEFT()],
    [
      '"one"',
      '{sql: "SELECT ? AS a",values: ["one"]}',
      '"[object Object]", "1970-01-01 00:00:00.000"',
      LEFT(),
    ],
  ],
  'escape, escapeId and format of a connection': [
    ofConnection('"SELECT `a` = 1"'),
    ofConnection(`"SELECT '[object Object]'"`),
  ],
  'format of SELECT * FROM params WHERE ? with [{"id":1}]': formatted(
    ['SELECT * FROM params WHERE `id` = 1', "SELECT * FROM params WHERE '[object Object]'"],
    Array(2).fill("SELECT * FROM params WHERE '[object Object]'"),
  ),
  'format of SELECT ? with {"a":1}': formatted(
    ['SELECT `a` = 1', "SELECT '[object Object]'"],
    Array(2).fill("SELECT '[object Object]'"),
  ),
})

function LEFT() {
  return '[{a: 1}, Date 1970-01-01T00:00:00.000Z]'
}

function ofConnection(last) {
  return [
    `"'it\\\\'s'", "'1970-01-01 00:00:00.000'", "\`a\` = 1"`,
    '"`a`.`b`", "`a`, `b``c`"',
    `"SELECT \`a\` = '1970-01-01 00:00:00.000'", ${last}`,
  ]
}

/** What format() tells, plain, with objects as strings and in UTC. */
function formatted(...sides) {
  return sides.map(([plain, asStrings]) => [plain, asStrings, plain].map((sql) => JSON.stringify(sql)))
}

const literals = differAll('placeholders in literals, quoted names and comments are left alone', {
  'query of SELECT "?" AS q, ? AS v with ["x"]': [['ER_PARSE_ERROR'], ['"?", "x"']],
  'query of SELECT \'?\' AS q, ? AS v with ["x"]': [['ER_PARSE_ERROR'], ['"?", "x"']],
  'query of SELECT `a?` FROM (SELECT 1 AS `a?`) t WHERE 1 = ? with [1]': [['ER_PARSE_ERROR'], ['1']],
  'query of SELECT 1 /* ? */ + ? with [2]': [['ER_PARSE_ERROR'], ['3']],
  'query of SELECT 1 -- ?\n + ? with [2]': [['ER_PARSE_ERROR'], ['3']],
  ...Object.fromEntries(
    [
      ['"?" AS q, ? AS v', ['x'], `"'x'" AS q, ? AS v`, `"?" AS q, 'x' AS v`],
      ["'?' AS q, ? AS v", ['x'], `''x'' AS q, ? AS v`, `'?' AS q, 'x' AS v`],
      [
        '`a?` FROM (SELECT 1 AS `a?`) t WHERE 1 = ?',
        [1],
        '`a1` FROM (SELECT 1 AS `a?`) t WHERE 1 = ?',
        '`a?` FROM (SELECT 1 AS `a?`) t WHERE 1 = 1',
      ],
      ['1 /* ? */ + ?', [2], '1 /* 2 */ + ?', '1 /* ? */ + 2'],
      ['1 -- ?\n + ?', [2], '1 -- 2\n + ?', '1 -- ?\n + 2'],
    ].map(([sql, values, ...sides]) => [
      `format of SELECT ${sql} with ${JSON.stringify(values)}`,
      formatted(...sides.map((side) => [`SELECT ${side}`, `SELECT ${side}`])),
    ]),
  ),
})

const kinds = differAll('values of kinds that mysql does not know are written as what they are', {
  'query with a Uint8Array as a value': [['ER_BAD_FIELD_ERROR'], ['Buffer "0102ff"']],
  'query with bigints as a value': [
    ['"1"', '"-9223372036854775808"', '"18446744073709551615"'],
    ['1', '-9223372036854776000', '18446744073709552000'],
  ],
  'query with boxed values as a value': [
    ['ER_BAD_FIELD_ERROR', 'ER_PARSE_ERROR', 'ER_PARSE_ERROR'],
    ['"boxed"', '"5"', '"false"'],
  ],
  'query with a symbol as a value': [['throws Cannot convert a Symbol value to a string'], ['"Symbol(s)"']],
  'query with a map and a set as a value': [
    ['ER_PARSE_ERROR', 'ER_PARSE_ERROR'],
    ['"[object Map]"', '1'],
  ],
  'query of SELECT ? with [null]': [['throws val.slice is not a function'], [`"() => 'callback?'"`]],
  'format of SELECT ? with [null]': [
    Array(3).fill('throws val.slice is not a function'),
    Array(3).fill(JSON.stringify("SELECT '() => \\'callback?\\''")),
  ],
  'escape of a Uint8Array': [plainAnd('"`0` = 1, `1` = 2, `2` = 255"', `"'1,2,255'"`), four(`"X'0102ff'"`)],
  'escape of bigints': [
    [1n, -(2n ** 63n), 2n ** 64n - 1n].flatMap((value) => four(`"'${value}'"`)),
    [1n, -(2n ** 63n), 2n ** 64n - 1n].flatMap((value) => four(`"${value}"`)),
  ],
  'escape of an object without prototype': [
    plainAnd('"`a` = 1"', 'throws val.toString is not a function'),
    plainAnd('"`a` = 1"', 'throws Cannot convert object to primitive value'),
  ],
  'escape of a symbol': [four('throws Cannot convert a Symbol value to a string'), four(`"'Symbol(s)'"`)],
  'escape of a map and a set': [
    [...plainAnd('""', `"'[object Map]'"`), ...plainAnd('""', `"'[object Set]'"`)],
    [...plainAnd('"`a` = 1"', `"'[object Map]'"`), ...four('"1"')],
  ],
})

const LENT = Array(6).fill('emitter PoolConnection')
const pools = differAll(
  'a pool lends the connection that was used last, mysql the one that has waited longest',
  {
    'pool: which connection is taken next': [
      [...LENT, '[1, 0, 2]'],
      [...LENT, '[2, 0, 1]'],
    ],
  },
)

const TOO_LARGE = 'PARSER_JS_PRECISION_RANGE_EXCEEDED'
const ids = differAll('an insertId that is no safe integer is given, where mysql fails', {
  'query of a large id': [
    ['insertId 0', TOO_LARGE, 'insertId 0'],
    ['insertId 0', 'insertId 9007199254740992', 'insertId 0'],
  ],
  'query of a negative id': [
    ['insertId 0', TOO_LARGE, 'insertId 0'],
    ['insertId 0', 'insertId -5', 'insertId 0'],
  ],
})

const clusters = {
  'cluster: a node that is offline for a while': {
    reason: 'POOL_NONEONLINE has as `previous` why the node is offline',
    original: (journal) => assert.deepEqual(offlineOf(journal), Array(2).fill(['POOL_NONEONLINE', null])),
    dropin: (journal) =>
      assert.deepEqual(offlineOf(journal), Array(2).fill(['POOL_NONEONLINE', 'ECONNREFUSED'])),
  },
}

function offlineOf(journal) {
  const errors = journal.slice(2).map(({ seen }) => seen[1])
  return errors.map((error) => {
    const previous = valueOf(error, 'previous')
    return [textOf(valueOf(error, 'code')), previous === undefined ? null : textOf(valueOf(previous, 'code'))]
  })
}

/** Cells of the rows that the last call gave, by their place: `{ '0.d2': [original, dropin] }`. */
function differInCells(reason, cells) {
  const check = (side) => (journal) => {
    const rows = journal.at(-1).seen[2]
    for (const [place, sides] of Object.entries(cells)) {
      const [at, name] = place.split('.')
      assert.equal(shown(valueOf(rows[at], name)), sides[side], place)
    }
  }
  return { reason, original: check(0), dropin: check(1) }
}

const PADDED = 'ZEROFILL of FLOAT and DOUBLE is a number, also where its text begins with a zero'
const padded = differInCells(PADDED, { '0.d2': ['"0000003.14"', '3.14'] })
const numbers = {
  'query of fractions with {}': padded,
  'query of fractions with {"supportBigNumbers":true}': padded,
  'query of fractions with {"supportBigNumbers":true,"bigNumberStrings":true}': padded,
  'query of odd_times with {"timezone":"-11:00"}': differInCells(
    'new Date() reads a year below 100 as one of 1950 to 2049',
    { '2.d': ['Date 1999-12-31T11:00:00.000Z', 'Date 0099-12-31T11:00:00.000Z'] },
  ),
}

const differs = {
  ...numbers,
  ...charsets,
  ...latin1Texts,
  ...names,
  ...objects,
  ...literals,
  ...kinds,
  ...pools,
  ...ids,
  ...clusters,
}

const EMOJI = "SELECT CONVERT(X'F09F9880' USING utf8mb4) AS v, @@character_set_client AS c"

/** Cases of which there is nothing to compare but that they differ. */
const cases = [
  {
    name: 'a connection without a charset',
    run: async (_driver, session) => session.ask(await session.open({ charset: undefined }), 'query', EMOJI),
    differs: {
      reason: 'the default charset is utf8mb4; the utf8 of mysql has no emoji',
      original: (journal) => assert.deepEqual(told(journal), ['"?", "utf8mb3"']),
      dropin: (journal) => assert.deepEqual(told(journal), ['"😀", "utf8mb4"']),
    },
  },
  {
    name: 'a pool without a charset',
    run: async (_driver, session) => session.ask(session.pool({ charset: undefined }), 'query', EMOJI),
    differs: {
      reason: 'the default charset is utf8mb4; the utf8 of mysql has no emoji',
      original: (journal) => assert.deepEqual(told(journal), ['"?", "utf8mb3"']),
      dropin: (journal) => assert.deepEqual(told(journal), ['"😀", "utf8mb4"']),
    },
  },
  {
    name: 'statistics',
    async run(_driver, session) {
      const connection = await session.open()
      session.calls++
      const [error, statistics] = await new Promise((resolve) =>
        connection.statistics((...given) => resolve(given)),
      )
      session.log('statistics', error?.message ?? null, typeof statistics?.uptime)
    },
    differs: {
      reason: 'statistics() is left out and says so',
      original: (journal) => assert.deepEqual(told(journal), ['null, "number"']),
      dropin: (journal) =>
        assert.deepEqual(told(journal), [
          '"statistics() is left out of hegar-native/mysql; use SHOW STATUS", "undefined"',
        ]),
    },
  },
  {
    name: 'the stack of an error',
    async run(_driver, session) {
      const connection = await session.open()
      session.calls++
      const error = await new Promise((resolve) => connection.query('SELEC', resolve))
      session.log('error', error, error.stack.includes('--------------------'))
    },
    differs: {
      reason: 'the stack of an error does not lead on to who asked: it would be taken for each query',
      original: (journal) => assert.equal(journal[0].seen[1], 'boolean true'),
      dropin: (journal) => assert.equal(journal[0].seen[1], 'boolean false'),
    },
  },
]

module.exports = { differs, cases }
