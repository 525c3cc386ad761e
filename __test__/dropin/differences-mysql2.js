'use strict'

// In what the drop-in for mysql2 differs from it on purpose, by reason.

const assert = require('node:assert/strict')
const { differAll } = require('./difference.js')

const n = (value) => `number ${value}`
const s = (value) => `string ${JSON.stringify(value)}`
const b = (hex) => `Buffer ${JSON.stringify(hex)}`
const date = (text) => `Date ${text}`

/** The outcome of a call that was refused with an error. */
const refused = (name, code, message) => (seen) => {
  const { class: type, keys, values } = seen[1]
  const valueOf = (key) => values[keys.indexOf(key)]
  assert.deepEqual([type, valueOf('code'), valueOf('message')], [name, code && s(code), s(message)])
}

const refusedHere = (message) => refused('HegarTypeError', 'HEGAR_PARAM_INVALID', message)

/** The outcome of a call that gave these rows. */
const gave = (rows) => (seen) => {
  assert.equal(seen[0], '3 arguments')
  assert.deepEqual(seen[2], rows)
}

const row = (cells) => ({ class: 'Object', keys: Object.keys(cells), values: Object.values(cells) })

/** The outcome of a call that inserted a row. */
const inserted = ([, , { class: type, keys, values }]) => {
  assert.equal(type, 'ResultSetHeader')
  assert.equal(values[keys.indexOf('affectedRows')], n(1))
}

const select = (value) => `execute(SELECT ? AS v, HEX(?) AS h, [ ${value}, ${value} ])`
const insert = (column, value) => `execute(INSERT INTO params (${column}) VALUES (?), [ ${value} ])`
const KEPT = 'query(SELECT a, c, d, e FROM params ORDER BY id DESC LIMIT 4)'
const wrong = (kind, column, text) =>
  s(`Incorrect ${kind} value: '${text}' for column \`<database>\`.\`params\`.\`${column}\` at row 1`)
const wrongBoth = (kind, column, original, dropin) => {
  const pair = [wrong(kind, column, original), wrong(kind, column, dropin)]
  return { error: { message: pair, sqlMessage: pair } }
}

// The column of a bare placeholder.
const doubleToBigint = {
  columnLength: [n(23), n(21)],
  columnType: [n(5), n(8)],
  type: [n(5), n(8)],
  decimals: [n(31), n(0)],
}
const textToBigint = (length, flags) => ({
  characterSet: [n(224), n(63)],
  encoding: [s('utf8'), s('binary')],
  columnLength: [n(length), n(21)],
  columnType: [n(253), n(8)],
  type: [n(253), n(8)],
  flags: [n(1), n(flags)],
  decimals: [n(39), n(0)],
})

const integers = differAll(
  'execute() binds safe integers and BigInts as BIGINT, where mysql2 has DOUBLE and text: LIMIT ? works on MySQL',
  {
    'execute with safe integers as a value': {
      [select('9007199254740991')]: {
        'rows.0.h': [s('20000000000000'), s('1FFFFFFFFFFFFF')],
        'fields.0': doubleToBigint,
      },
      ...Object.fromEntries(
        ['1', '0', '-0', '4294967296'].map((value) => [select(value), { 'fields.0': doubleToBigint }]),
      ),
      [insert('d', '9007199254740991')]: wrongBoth(
        'datetime',
        'd',
        '9.007199254740991e15',
        '9007199254740991',
      ),
      [KEPT]: {
        'rows.0.e': [
          b(Buffer.from('9.007199254740991e15').toString('hex')),
          b(Buffer.from('9007199254740991').toString('hex')),
        ],
        'rows.2.a': [s('9.007199254740991e15'), s('9007199254740991')],
      },
    },
    'execute with bigints as a value': {
      [select('1n')]: {
        'rows.0': { v: [s('1'), n(1)], h: [s('31'), s('1')] },
        fields: { 0: textToBigint(4, 129), 1: { columnLength: [n(32), n(64)] } },
      },
      [select('18446744073709551615n')]: {
        'rows.0': {
          v: [s('18446744073709551615'), n(18446744073709552000)],
          h: [s(Buffer.from('18446744073709551615').toString('hex')), s('FFFFFFFFFFFFFFFF')],
        },
        fields: { 0: textToBigint(80, 161), 1: { columnLength: [n(640), n(168)] } },
      },
    },
  },
)

const bytes = differAll('execute() sends a Uint8Array as its bytes, which mysql2 reads as text', {
  'execute with a Uint8Array as a value': {
    [select('Uint8Array(3) [ 1, 2, 255 ]')]: {
      'rows.0.v': [s('\x01\x02\ufffd'), b('0102ff')],
      fields: {
        0: {
          characterSet: [n(224), n(63)],
          encoding: [s('utf8'), s('binary')],
          columnLength: [n(12), n(3)],
          columnType: [n(253), n(252)],
          type: [n(253), n(252)],
          flags: [n(1), n(129)],
        },
        1: { columnLength: [n(96), n(24)] },
      },
    },
    [insert('c', 'Uint8Array(3) [ 1, 2, 255 ]')]: wrongBoth(
      'double',
      'c',
      '\\0001\\0002?',
      '\\x01\\x02\\xFF',
    ),
    [insert('d', 'Uint8Array(3) [ 1, 2, 255 ]')]: wrongBoth(
      'datetime',
      'd',
      '\\0001\\0002?',
      '\\x01\\x02\\xFF',
    ),
  },
})

const NAN = 'the parameter at position 1 is NaN, which SQL has no number for'
const INFINITE = 'the parameter at position 1 is Infinity, which SQL has no number for'
const NO_DATE = 'the parameter at position 1 is an invalid Date'
const counted = (count) => `the statement has 1 placeholder and ${count} parameters were given`
const missing = refused('Error', 'ER_WRONG_ARGUMENTS', 'Incorrect arguments to mysqld_stmt_execute')

const parameters = differAll(
  'execute() refuses NaN, Infinity, invalid Dates and another number of values than placeholders before anything is sent',
  {
    'execute with no numbers as a value': {
      [select('NaN')]: {
        outcome: [gave([row({ v: n(NaN), h: s('8000000000000000') })]), refusedHere(NAN)],
      },
      [select('Infinity')]: {
        outcome: [gave([row({ v: n(Infinity), h: s('FFFFFFFFFFFFFFFF') })]), refusedHere(INFINITE)],
      },
      [insert('a', 'NaN')]: {
        outcome: [
          refused('Error', 'ER_DATA_TOO_LONG', "Data too long for column 'a' at row 1"),
          refusedHere(NAN),
        ],
      },
      [insert('c', 'NaN')]: {
        outcome: [
          refused('Error', 'ER_WARN_DATA_OUT_OF_RANGE', "Out of range value for column 'c' at row 1"),
          refusedHere(NAN),
        ],
      },
      [insert('d', 'NaN')]: {
        outcome: [
          refused(
            'Error',
            'ER_TRUNCATED_WRONG_VALUE',
            "Incorrect datetime value: '0' for column `<database>`.`params`.`d` at row 1",
          ),
          refusedHere(NAN),
        ],
      },
      [insert('e', 'NaN')]: {
        outcome: [
          refused('Error', 'ER_DATA_TOO_LONG', "Data too long for column 'e' at row 1"),
          refusedHere(NAN),
        ],
      },
    },
    'execute with an invalid date as a value': {
      [select('Invalid Date')]: {
        outcome: [
          gave([
            row({
              v: date('Invalid'),
              h: s(Buffer.from('0000-00-00 00:00:00').toString('hex').toUpperCase()),
            }),
          ]),
          refusedHere(NO_DATE),
        ],
      },
      ...Object.fromEntries(
        ['a', 'c', 'd', 'e'].map((column) => [
          insert(column, 'Invalid Date'),
          { outcome: [inserted, refusedHere(NO_DATE)] },
        ]),
      ),
      [KEPT]: { rows: [(rows) => assert.equal(rows.length, 4), []] },
    },
    'execute with too few as a value': {
      'execute(SELECT ? AS v, [])': { outcome: [missing, refusedHere(counted(0))] },
    },
    'execute without values for a placeholder': {
      'execute(SELECT ? AS v)': { outcome: [missing, refusedHere(counted(0))] },
    },
    'execute with too many values': {
      'execute(SELECT ? AS v, [ 1, 2 ])': {
        outcome: [gave([row({ v: n(2.5e-323) })]), refusedHere(counted(2))],
      },
    },
  },
)

const PROTO = "The field name (__proto__) can't be the same as an object's private property."
const protoColumn = 'SELECT 1 AS __proto__, 2 AS a'
const protoTable = "{ sql: 'SELECT id FROM users AS __proto__', nestTables: true }"
const ids = [1, 2, 3].map((id) => row({ ['__proto__']: row({ id: n(id) }) }))

const names = differAll('columns and tables named __proto__ are data, for which mysql2 ends the connection', {
  ...Object.fromEntries(
    ['query', 'execute'].flatMap((method) => [
      [
        `${method} with a column named __proto__`,
        {
          [`${method}(${protoColumn})`]: {
            outcome: [refused('Error', undefined, PROTO), gave([row({ ['__proto__']: n(1), a: n(2) })])],
          },
          keys: { onlyDropin: [[[s('__proto__'), s('a')]]] },
        },
      ],
      [
        `${method} with a table named __proto__`,
        {
          [`${method}(${protoTable})`]: { outcome: [refused('Error', undefined, PROTO), gave(ids)] },
          keys: { onlyDropin: [ids.map(() => [s('__proto__')])] },
        },
      ],
    ]),
  ),
})

// Of the first row of `mixed`.
const misread = {
  bytes: {
    i: ['00', '01000000'],
    b: ['', '0200000000000000'],
    n: ['', '332e3530'],
    f: ['0000', '0000000000001140'],
    d: ['', 'e8070102'],
    dt: ['', 'e8070102030405'],
    v: ['', '766565'],
    t: ['', '01'],
    bl: ['', '626c6f62'],
    p: ['332e3530', '000000000101000000000000000000f03f0000000000000040'],
    bi: ['', '05'],
    j: ['', '5b315d'],
    y: ['', 'e807'],
    ti: ['', '0000000000010203'],
    e: ['', '78'],
  },
  texts: {
    i: ['\0', '1'],
    b: ['', '2'],
    n: ['', '3.50'],
    f: ['\0\0', '4.25'],
    d: ['0000-00-00', '2024-01-02'],
    dt: ['0000-00-00 00:00:00', '2024-01-02 03:04:05'],
    v: ['', 'vee'],
    t: ['0', '1'],
    bl: ['', 'blob'],
    p: ['3.50', '\0\0\0\0\x01\x01\0\0\0\0\0\0\0\0\0\xf0?\0\0\0\0\0\0\0@'],
    bi: ['', '\x05'],
    j: ['', '[1]'],
    y: ['', '2024'],
    ti: ['00:00:00', '01:02:03'],
    e: ['', 'x'],
  },
}
const cells = (pairs, show) =>
  Object.fromEntries(Object.entries(pairs).map(([name, pair]) => [name, pair.map(show)]))
const mixed = (cast) => `execute({ sql: 'SELECT * FROM mixed', typeCast: ${cast} })`
// mysql2 loses its place in the packet and with it the connection.
const lostPlace = ([, { class: type, values }]) => {
  assert.equal(type, 'Error')
  assert.match(values[0], /^string "Should not reach here: /)
}
const unexpected = {
  'connection error': {
    onlyOriginal: ([{ values }]) => assert.equal(values[0], s('PROTOCOL_UNEXPECTED_PACKET')),
  },
}
const firstRow = (columns, hex) => (seen) => {
  assert.equal(seen[0], '3 arguments')
  const [{ keys, values }] = seen[2]
  assert.deepEqual([keys.join(' '), values], [columns, hex.split(' ').map(b)])
}

const casts = differAll(
  'typeCast works in execute() as well: string() gives the text of numbers and buffer() the bytes, which mysql2 misreads',
  {
    'execute of integers with {"typeCast":false}': {
      ...unexpected,
      'execute(SELECT * FROM integers)': {
        outcome: [
          lostPlace,
          firstRow(
            't tu tz b1 s su m mu i iu iz b bu bz y bit1 bit12 bit64',
            '80 00 07 01 0080 0000 000080ff 00000000 00000080 00000000 2a000000 0000000000000080 0000000000000000 2a00000000000000 6d07 00 0005 0000000000000001',
          ),
        ],
      },
    },
    'execute of fractions with {"typeCast":false}': {
      ...unexpected,
      'execute(SELECT * FROM fractions)': {
        outcome: [
          lostPlace,
          firstRow(
            'f f2 d d2 n nu nz n0 n30',
            '0000c03f 25529a44 9a9999999999b93f 1f85eb51b81e0940 31322e3530 312e35303030 3030303030312e3530 313233343536373839303132333435363738393031323334353637383930 312e303030303030303030303030303030303030303030303030303030303031',
          ),
        ],
      },
    },
    'execute with typeCast off for a call': { [mixed('false')]: { 'rows.0': cells(misread.bytes, b) } },
    'execute with a typeCast that reads buffers': {
      [mixed('[Function (anonymous)]')]: { 'rows.0': cells(misread.bytes, b) },
    },
    'execute with a typeCast that reads strings': {
      [mixed('[Function (anonymous)]')]: { 'rows.0': cells(misread.texts, s) },
    },
  },
)

const EXECUTED = 'execute(SELECT * FROM odd_times)'
const QUERIED = 'query(SELECT * FROM odd_times)'

// `odd` has the cells in which mysql2 gives something else in execute() than in query(), by row and column.
function oddTimes(odd) {
  const pick = (journal, label) => journal.find((entry) => entry.label.startsWith(label)).seen[2]
  let queried
  return {
    reason: 'dates and times in execute() are what they are in query()',
    original(journal) {
      queried = pick(journal, QUERIED)
      const found = {}
      pick(journal, EXECUTED).forEach(({ keys, values }, at) => {
        keys.forEach((key, i) => {
          if (values[i] !== queried[at].values[i]) found[`${at}.${key}`] = values[i]
        })
      })
      assert.deepEqual(found, odd)
    },
    dropin(journal) {
      assert.deepEqual(pick(journal, QUERIED), queried)
      assert.deepEqual(pick(journal, EXECUTED), queried)
    },
  }
}

const times = {
  '0.t3': s('00:00:00'),
  '0.t6': s('00:00:00'),
  '1.t3': s('12:00:00'),
  '1.t6': s('-12:00:00'),
  '2.t3': s('00:00:00.5'),
  '2.t6': s('00:00:00.5'),
}
const partial = {
  '1.dt': date('2023-12-31T01:02:03.000Z'),
  '1.dt3': date('2023-12-10T01:02:03.004Z'),
  '2.dt3': date('1901-01-01T00:00:00.000Z'),
}
const stringTimes = {
  '0.dt3': s('0000-00-00 00:00:00'),
  '0.dt6': s('0000-00-00 00:00:00'),
  '0.ts6': s('0000-00-00 00:00:00'),
  '1.dt6': s('2024-01-01 00:00:00'),
  '1.ts6': s('2024-01-01 00:00:00'),
  '2.dt3': s('0001-01-01 00:00:00'),
}
const zeroDate = { '0.d': date('Invalid') }

const dates = {
  'execute of odd_times with {"timezone":"Z"}': oddTimes({ ...zeroDate, ...times, ...partial }),
  'execute of odd_times with {"timezone":"-11:00"}': oddTimes({
    ...times,
    '2.dt': date('0070-01-01T10:59:59.000Z'),
    '2.dt3': date('0001-01-01T11:00:00.000Z'),
    '2.dt6': date('0100-01-01T10:59:59.900Z'),
  }),
  'execute of odd_times with {"dateStrings":true}': oddTimes({ ...times, ...stringTimes }),
  'execute of odd_times with {"timezone":"Z","dateStrings":["DATE"]}': oddTimes({ ...times, ...partial }),
  'execute of odd_times with {"timezone":"Z","dateStrings":["DATETIME","TIMESTAMP"]}': oddTimes({
    ...zeroDate,
    ...times,
    ...stringTimes,
  }),
}

const zeros = differAll('a BIGINT ZEROFILL as a string keeps its zeros in execute(), as it does in query()', {
  'execute of integers with {"supportBigNumbers":true}': {
    'execute(SELECT * FROM integers)': {
      'rows.2.bz': [s('9007199254740993'), s('00009007199254740993')],
    },
  },
  'execute of integers with {"supportBigNumbers":true,"bigNumberStrings":true}': {
    'execute(SELECT * FROM integers)': {
      'rows.0.bz': [s('42'), s('00000000000000000042')],
      'rows.2.bz': [s('9007199254740993'), s('00009007199254740993')],
      'rows.3.bz': [s('1'), s('00000000000000000001')],
    },
  },
})

// All columns of text differ in the same way, and others not at all.
const textColumns = (charset, encoding) => (original, dropin) => {
  assert.equal(dropin.length, original.length)
  original.forEach((column, at) => {
    const read = ({ keys, values }, key) => values[keys.indexOf(key)]
    const { keys } = column
    const travels = ['characterSet', 'charsetNr', 'encoding']
    const other = dropin[at]
    const isText = read(column, 'characterSet') !== n(63)
    assert.deepEqual(
      [read(column, 'characterSet'), read(column, 'encoding')],
      isText ? [n(charset), s(encoding)] : [n(63), s('binary')],
    )
    assert.deepEqual(
      [read(other, 'characterSet'), read(other, 'encoding')],
      isText ? [n(45), s('utf8')] : [n(63), s('binary')],
    )
    const rest = keys.filter((key) => !travels.includes(key) && !(isText && /length/i.test(key)))
    assert.deepEqual(
      rest.map((key) => read(other, key)),
      rest.map((key) => read(column, key)),
    )
  })
}

const NO_QUESTION = 'text travels as utf8mb4 whatever the charset, so that nothing turns into a question mark'
const texts = (method) => ({
  [`${method}(SELECT * FROM texts)`]: {
    'rows.0.tx': [s('text ?'), s('text 😀')],
    'rows.2': { vb: [s('???'), s('日本語')], tt: [s('?????'), s('👩‍👩‍👧')] },
    fields: textColumns(8, 'latin1'),
  },
})

const LATIN = 'query(SELECT * FROM latin)'
const ESCAPED = "query(SELECT ? AS v, HEX(?) AS h, [ 'é😀', 'é' ])"
const BOUND = "execute(SELECT ? AS v, HEX(?) AS h, [ 'é', 'é' ])"
const VARIABLES = 'query(SELECT @@character_set_client, @@character_set_results, @@collation_connection)'

// What `latin`, a text that is escaped and one that is bound look like in mysql2, as far as it is not what was put in.
function charset({ number, encoding, server = encoding, latin, escaped, bound }) {
  const columns = { fields: textColumns(number, encoding) }
  const inFull = { t: 'café €', u: 'naïve', c: 'Ωmega', m: '😀 smile' }
  const rows = Object.fromEntries(
    Object.entries(latin).map(([key, text]) => [key, [s(text), s(inFull[key])]]),
  )
  const given = (text, full) => ({
    ...(text === full ? {} : { v: [s(text), s(full)] }),
    ...(text === undefined ? {} : { h: [s('E9'), s('C3A9')] }),
  })
  return {
    [LATIN]: { 'rows.0': rows, ...columns },
    [ESCAPED]: { ...(escaped && { 'rows.0': given(escaped, 'é😀') }), ...columns },
    [VARIABLES]: {
      'rows.0': {
        '@@character_set_client': [s(server), s('utf8mb4')],
        '@@character_set_results': [s(server), s('utf8mb4')],
        '@@collation_connection': [
          s(server === 'latin1' ? 'latin1_swedish_ci' : `${server}_general_ci`),
          s('utf8mb4_general_ci'),
        ],
      },
      ...columns,
    },
    [BOUND]: { ...(bound && { 'rows.0': given(bound, 'é') }), ...columns },
  }
}

const notAscii = (text) =>
  refused('Error', 'ER_INVALID_CHARACTER_STRING', `Invalid ascii character string: '${text}'`)

const charsets = differAll(NO_QUESTION, {
  'query of texts with {"charset":"latin1"}': texts('query'),
  'execute of texts with {"charset":"latin1"}': texts('execute'),
  'the charset UTF8_GENERAL_CI': charset({
    number: 33,
    encoding: 'cesu8',
    server: 'utf8mb3',
    latin: { m: '? smile' },
  }),
  'the charset latin1': charset({
    number: 8,
    encoding: 'latin1',
    latin: { t: 'café \x80', c: '?mega', m: '? smile' },
    escaped: 'é=\0',
    bound: 'é',
  }),
  'the charset ascii': {
    ...charset({
      number: 11,
      encoding: 'ascii',
      latin: { t: 'caf? ?', u: 'na?ve', c: '?mega', m: '? smile' },
      escaped: 'i=\0',
      bound: 'i',
    }),
    'query(SELECT 1 AS `é`)': { outcome: [notAscii('\\xE9'), gave([row({ é: n(1) })])] },
    'query(SELECT * FROM `fehlt_ß`)': {
      outcome: [
        notAscii('fehlt_\\xDF'),
        refused('Error', 'ER_NO_SUCH_TABLE', "Table '<database>.fehlt_ß' doesn't exist"),
      ],
    },
  },
  'the charset cp1250': charset({
    number: 26,
    encoding: 'cp1250',
    latin: { u: 'na?ve', c: '?mega', m: '? smile' },
    escaped: 'é??',
    bound: 'é',
  }),
  'changeUser with a charset': {
    "query(SELECT 'é' AS e, @@character_set_client AS c, @@collation_connection AS l)": {
      'rows.0': {
        c: [s('latin1'), s('utf8mb4')],
        l: [s('latin1_swedish_ci'), s('utf8mb4_general_ci')],
      },
      fields: textColumns(8, 'latin1'),
    },
  },
})

const layouts = Object.fromEntries(
  ['query', 'execute'].map((method) => [
    `${method} with rowsAsArray and nestTables`,
    {
      reason: 'rowsAsArray together with nestTables gives nested rows, not arrays with names',
      original: (journal) => classesAre(journal, 'Array'),
      dropin: (journal) => classesAre(journal, 'Object'),
    },
  ]),
)

function classesAre([{ seen }], name) {
  const table = (id, text, title) => row({ id: n(id), [title]: s(text) })
  assert.deepEqual(seen[2], [
    { ...row({ u: table(1, 'Ada', 'name'), p: table(10, 'First', 'title') }), class: name },
    { ...row({ u: table(1, 'Ada', 'name'), p: table(11, 'Second', 'title') }), class: name },
    { ...row({ u: table(3, 'Cy', 'name'), p: table(12, 'Third', 'title') }), class: name },
  ])
}

const clusters = differAll('PoolCluster tells in error.previous why no node is left', {
  'cluster: a node that is offline for a while': {
    'getConnection(A, ORDER) #2': { error: withPrevious },
    'getConnection()': { error: withPrevious },
  },
})

function withPrevious(original, dropin) {
  assert.deepEqual(original.keys, ['code', 'message'])
  assert.deepEqual(dropin.keys, ['code', 'message', 'previous'])
  assert.deepEqual(dropin.values.slice(0, 2), original.values)
  const { class: type, keys, values } = dropin.values[2]
  assert.deepEqual([type, values[keys.indexOf('code')]], ['Error', s('ECONNREFUSED')])
}

const ends = differAll('a query whose text the server cannot prepare ends once', {
  'events of execute of SELEC 1': { 'event end #2': { onlyOriginal: [] } },
})

const NO_SQL =
  'The "string" argument must be of type string or an instance of Buffer or ArrayBuffer. Received undefined'
const NO_BUFFER =
  'The first argument must be of type string or an instance of Buffer, ArrayBuffer, or Array or an Array-like Object. ' +
  'Received an instance of Number'
const noBuffer = refused('TypeError', 'ERR_INVALID_ARG_TYPE', NO_BUFFER)

const open = {
  ...differAll('boxed numbers are bound as what is in them, where mysql2 fails to write its packet', {
    'execute with a boxed number as a value': {
      [select('[Number: 5]')]: { outcome: [noBuffer, gave([row({ v: n(5), h: s('5') })])] },
      ...Object.fromEntries(
        ['a', 'c', 'e'].map((column) => [insert(column, '[Number: 5]'), { outcome: [noBuffer, inserted] }]),
      ),
      [insert('d', '[Number: 5]')]: {
        outcome: [
          noBuffer,
          refused(
            'Error',
            'ER_TRUNCATED_WRONG_VALUE',
            "Incorrect datetime value: '5' for column `<database>`.`params`.`d` at row 1",
          ),
        ],
      },
      [KEPT]: { rows: [[], (rows) => assert.equal(rows.length, 3)] },
    },
  }),
  ...differAll('execute() without a text is refused, where mysql2 fails to write its packet and is lost', {
    'execute with a String object': {
      "execute([String: 'SELECT 1 AS a'])": {
        outcome: [
          refused('TypeError', 'ERR_INVALID_ARG_TYPE', NO_SQL),
          refusedHere('the statement must be a string of SQL, not undefined'),
        ],
      },
    },
  }),
  ...differAll('the results before a statement that fails are not kept, so that they have no events', {
    'events with a callback of SELECT 1 AS a; SELECT * FROM missing_table; SELECT 2 AS b': {
      'event fields undefined': {
        onlyOriginal: ([column, ...rest]) => assert.deepEqual([column.class, rest], ['ColumnDefinition', []]),
      },
    },
  }),
  ...differAll(
    'text is read as UTF-8, also behind SET NAMES, where mysql2 looks at the charset of each column',
    {
      'SET NAMES of a running connection': {
        [LATIN]: {
          'rows.0': {
            t: [s('café \x80'), s('caf\ufffd \ufffd')],
            u: [s('naïve'), s('na\ufffdve')],
          },
        },
      },
    },
  ),
  ...differAll('the message of an awaited query names this package', {
    'await of a query that is no promise': {
      await: {
        '0.message': [
          (text) => assert.match(text, /^string of 520 /),
          s(
            'the result of query() is no promise: use require("hegar-native/mysql2/promise") or .promise() to await it, ' +
              'or give a callback',
          ),
        ],
      },
    },
  }),
  'pool: end with a queue': {
    reason: 'those who wait when the pool is ended are told before it has ended',
    original(journal) {
      const [, ended, waited] = outline(journal)
      assert.deepEqual([ended, waited], ['end()', 'query(SELECT "waits" AS a)'])
      refused('Error', undefined, 'Pool is closed.')(journal[2].seen)
    },
    dropin(journal) {
      const [, waited, ended] = outline(journal)
      assert.deepEqual([ended, waited], ['end()', 'query(SELECT "waits" AS a)'])
      refused('Error', undefined, 'Pool is closed.')(journal[1].seen)
    },
  },
}

const outline = (journal) => journal.map(({ label }) => label.replace(/ \w+( back)?$/, ''))

module.exports = {
  ...clusters,
  ...ends,
  ...open,
  ...integers,
  ...bytes,
  ...parameters,
  ...names,
  ...casts,
  ...dates,
  ...zeros,
  ...charsets,
  ...layouts,
}
