'use strict'

const assert = require('node:assert/strict')
const { after, before, describe, it } = require('node:test')
const { openDrivers } = require('./support/drivers.js')

// Texts that have broken programs: SQL, HTML, shells, printf, dates, numbers, scripts of all directions, bytes that
// are no text.
const NAUGHTY = [
  ...[
    '',
    ' ',
    '\t',
    '\n',
    '\r\n',
    '\0',
    '\u0001\u0002\u0003',
    '\u001a',
    '\u007f\u0080\u009f',
    '\ufeff',
    '\ufffe',
    '\uffff',
  ],
  ...[
    'undefined',
    'null',
    'NULL',
    '(null)',
    'nil',
    'NaN',
    '-Infinity',
    'true',
    'false',
    '0',
    '-0',
    '1e1000',
    '0x7fffffff',
  ],
  ...['1/0', '1,000.00', '١٢٣', '00012', '9223372036854775808', '--1', '1;2'],
  ...[
    "'",
    '"',
    '`',
    "''",
    '""',
    "'\"'",
    "\\'",
    '\\',
    '\\\\',
    '\\0',
    '\\n',
    '%',
    '_',
    '\\%',
    '%%s%n',
    '$1',
    '${x}',
    '{{7*7}}',
  ],
  ...[
    "' OR '1'='1",
    "' OR 1=1 -- ",
    "' OR 1=1#",
    '" OR ""="',
    "'; DROP TABLE victims; -- ",
    "1'; DROP TABLE victims-- 1",
  ],
  ...[
    "admin'/*",
    '*/ OR 1=1 /*',
    "' UNION SELECT 1,2,3 -- ",
    "') OR ('a'='a",
    "1' AND SLEEP(0) -- ",
    "'||(SELECT 1)||'",
  ],
  ...[
    '?',
    '??',
    ':name',
    ':limit',
    '@@version',
    '@x:=1',
    ';',
    '-- ',
    '/* */',
    '/*!50000 1*/',
    '#',
    "x'00'",
    '0b1',
    "_utf8'x'",
  ],
  ...[
    '<script>alert(1)</script>',
    '&lt;',
    '"><img src=x onerror=alert(1)>',
    'javascript:alert(1)',
    '../../../etc/passwd',
  ],
  ...[
    '$(touch /nowhere/x)',
    '`id`',
    '| true',
    '%00',
    '%2e%2e%2f',
    '\u001b[31mred',
    'CON',
    'é',
    'ÅÄÖ',
    'ß',
    'ﬁ',
    'İi̇',
  ],
  ...[
    '社會科學院語學研究所',
    '田中さん',
    'ـﺓ﷽',
    'שָׁלוֹם',
    'हिन्दी',
    'ไทย',
    'Ω≈ç√∫',
    '⁰⁴⁵',
    '😍👾🙇',
    '👨‍👩‍👧‍👦',
    '🇳🇱🇮🇩',
    '1️⃣2️⃣',
  ],
  ...[
    '\u202etest\u202c',
    '\u200b\u200c\u200d',
    'Z̮̞̠a̗l̝g̖o̴',
    '\u{10ffff}',
    '𝒳',
    '\u2028\u2029',
    'a\u0300',
    '\u00a0',
  ],
]

// What a scanner tries in each parameter: stacked, boolean, union, time and error based.
const INJECTIONS = [
  ...[
    "1' AND '1'='2",
    '1 AND 1=2',
    '1) AND (1=2',
    "1' AND 1=CONVERT(0x41 USING utf8mb4)-- -",
    '1 OR 1=1',
    "1' OR 'x'='x' -- -",
  ],
  ...[
    '1; DROP TABLE victims',
    "1'; DELETE FROM victims WHERE '1'='1",
    "1\\'; DROP TABLE victims; -- ",
    '1%27 OR 1=1',
    '1\u02bc OR 1=1',
  ],
  ...[
    '-1 UNION ALL SELECT NULL,NULL,NULL-- -',
    "' UNION SELECT user, authentication_string FROM mysql.global_priv-- -",
  ],
  ...[
    "' AND (SELECT 1 FROM (SELECT SLEEP(9)) AS s)-- -",
    "'; SELECT BENCHMARK(99999999, MD5(1))-- -",
    "' AND EXTRACTVALUE(1, CONCAT(0x5c, VERSION()))-- -",
  ],
  ...[
    "' PROCEDURE ANALYSE()-- -",
    "' INTO OUTFILE '/tmp/never' -- -",
    "' ORDER BY 99-- -",
    "'=''",
    "' DIV 1-- -",
    '\u00bf\u0027 OR 1=1 -- ',
    '\\',
  ],
]

describe('values that mean harm stay values', () => {
  let drivers, db
  before(async () => {
    drivers = await openDrivers()
    ;({ db } = drivers)
    await drivers.run(
      'CREATE TABLE texts (id INT PRIMARY KEY, t LONGTEXT COLLATE utf8mb4_bin)',
      'CREATE TABLE victims (id INT PRIMARY KEY, name VARCHAR(200) COLLATE utf8mb4_bin)',
      "INSERT INTO victims VALUES (1, 'one'), (2, 'two'), (3, 'three')",
    )
  })
  after(() => drivers.close())

  it(`${NAUGHTY.length} naughty strings go in and come out, one by one and as lists`, async () => {
    for (const [id, text] of NAUGHTY.entries())
      await db.execute('INSERT INTO texts VALUES (?, ?)', [id, text])
    const rows = await drivers.same('SELECT id, t FROM texts ORDER BY id')
    assert.deepEqual(
      rows.map(({ t }) => t),
      NAUGHTY,
    )
    for (const [id, text] of NAUGHTY.entries()) {
      assert.equal((await db.queryOne('SELECT :t AS t', { t: text })).t, text)
      const found = await db.query('SELECT id FROM texts WHERE t = ?', [text])
      assert.ok(
        found.some((row) => row.id === id),
        JSON.stringify(text),
      )
    }
    const all = await db.query('SELECT COUNT(*) AS n FROM texts WHERE t IN (?)', [NAUGHTY])
    assert.equal(all[0].n, NAUGHTY.length)
  })

  it('naughty strings as keys and values of a JSON column', async () => {
    const document = Object.fromEntries(NAUGHTY.map((text, i) => [`${i}${text}`, text]))
    await db.execute('CREATE TABLE documents (j JSON)')
    await db.execute('INSERT INTO documents VALUES (?)', [JSON.stringify(document)])
    assert.deepEqual(await drivers.same('SELECT j FROM documents'), [{ j: document }])
  })

  it('injections find nothing, change nothing and do not wait', async () => {
    for (const text of [...INJECTIONS, ...NAUGHTY]) {
      for (const [sql, params] of [
        ['SELECT id FROM victims WHERE name = ?', [text]],
        ['SELECT id FROM victims WHERE name = :name', { name: text }],
        ['SELECT id FROM victims WHERE name IN (?) LIMIT ?', [[text, `${text}2`], 10]],
      ]) {
        assert.deepEqual(await db.query(sql, params), [], text)
      }
    }
    assert.deepEqual(await db.query('SELECT id, name FROM victims'), [
      { id: 1, name: 'one' },
      { id: 2, name: 'two' },
      { id: 3, name: 'three' },
    ])
  })

  it('injections into a numeric place are compared as text', async () => {
    for (const text of INJECTIONS.filter((text) => !/^1\b/.test(text))) {
      const rows = await db.query('SELECT id FROM victims WHERE id = ?', [text])
      assert.deepEqual(rows, [], text)
    }
  })

  it('an object from a request body is no way around a comparison', async () => {
    for (const hostile of [
      { name: 1 },
      { $ne: null },
      { password: { password: 1 } },
      { toSqlString: () => '1=1' },
    ]) {
      await assert.rejects(db.query('SELECT * FROM victims WHERE name = ?', [hostile]), {
        name: 'HegarTypeError',
      })
      await assert.rejects(db.query('SELECT * FROM victims WHERE name = :h', { h: hostile }), {
        name: 'HegarTypeError',
      })
    }
  })

  it('no value is part of the statement that an error shows', async () => {
    const secret = 'a-secret-value-4711'
    for (const [sql, params] of [
      ['SELECT nothing FROM victims WHERE name = ?', [secret]],
      ['SELECT nothing FROM victims WHERE name = :name', { name: secret }],
      ['INSERT INTO victims VALUES (?, ?), (?, ?)', [9, secret, {}, secret]],
    ]) {
      const error = await db.query(sql, params).then(assert.fail, (error) => error)
      assert.ok(!`${error.stack}${JSON.stringify(error)}`.includes(secret))
    }
  })
})
