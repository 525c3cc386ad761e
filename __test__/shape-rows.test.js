'use strict'

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const { join } = require('node:path')
const { after, before, describe, it } = require('node:test')
const { promisify } = require('node:util')
const { openDrivers } = require('./support/drivers.js')

const ROWS = join(__dirname, 'support', 'rows-child.js')

describe('rows have the shape that mysql2 gives them', () => {
  let drivers, same, run
  before(async () => {
    drivers = await openDrivers()
    ;({ same, run } = drivers)
  })
  after(() => drivers.close())

  it('an empty result is an empty array, and [] in JSON', async () => {
    assert.deepEqual(await same('SELECT 1 AS a FROM DUAL WHERE FALSE'), [])
    assert.equal((await drivers.db.queryJson('SELECT 1 AS a FROM DUAL WHERE FALSE')).toString(), '[]')
  })

  it('a repeated name has the value of the last column and the place of the first', async () => {
    assert.deepEqual(await same('SELECT 1 AS a, 2 AS b, 3 AS a'), [{ a: 3, b: 2 }])
    await same('SELECT 1 AS a, 2 AS a, 3 AS a, 4 AS b, NULL AS a')
    await same("SELECT 'x' AS a, 2 AS A, _binary'y' AS a")
  })

  it('integer-like names come first and rise', async () => {
    await same('SELECT 2, 1')
    await same("SELECT 'b' AS b, 10 AS `10`, 9 AS `9`, 'a' AS a, 0 AS `0`, 1 AS `01`, 2 AS `-1`, 3 AS `1.5`")
    await same(
      'SELECT 1 AS `4294967294`, 2 AS `4294967295`, 3 AS `4294967296`, 4 AS `5`, 5 AS `99999999999999999999`',
    )
    await same('SELECT 1 AS `3`, 2 AS x, 3 AS `3`, 4 AS `1`, 5 AS x')
  })

  it('names that objects inherit are data', async () => {
    await same(
      'SELECT 1 AS constructor, 2 AS toString, 3 AS hasOwnProperty, 4 AS valueOf, 5 AS prototype, 6 AS toJSON',
    )
    for (const name of ['__proto__', '__defineGetter__', '__lookupSetter__']) {
      // mysql2 refuses these names.
      const sql = `SELECT 1 AS a, 'x' AS ${name}, 2 AS b`
      for (const rows of [await drivers.db.query(sql), await drivers.db.query(`${sql} UNION ALL ${sql}`)]) {
        assert.equal(Object.getPrototypeOf(rows[0]), Object.prototype)
        assert.deepEqual(Object.entries(rows[0]), [
          ['a', 1],
          [name, 'x'],
          ['b', 2],
        ])
      }
      assert.equal((await drivers.db.queryJson(sql)).toString(), `[{"a":1,"${name}":"x","b":2}]`)
    }
    const [json] = await drivers.db.query(`SELECT JSON_OBJECT('polluted', 1) AS __proto__`)
    assert.equal(json.polluted, undefined)
    assert.equal({}.polluted, undefined)
  })

  it('names of any text: quotes, line ends, code, the empty name', async () => {
    const names = [
      '',
      ' x',
      'a"b',
      "a'b",
      'a\\b',
      'a\nb',
      'a\u0001b',
      'a\u2028b',
      '漢',
      'é',
      '${x}',
      '`',
      '*/',
      '//',
      ']',
      '});process.exit(1)//',
    ]
    const columns = names.map((name, index) => `${index} AS \`${name.replaceAll('`', '``')}\``)
    // Names are utf8mb3 to the server, so there is nothing beyond the basic plane here.
    const rows = await same(`SELECT ${columns.join(', ')}`)
    assert.equal(Object.keys(rows[0]).length, new Set(names).size)
  })

  it('4,096 columns', async () => {
    const kinds = [
      'i',
      "'text é'",
      'NULL',
      '1.5e0',
      "DATE '2024-01-02'",
      "X'ff'",
      '2.50',
      '18446744073709551615',
    ]
    const columns = Array.from({ length: 4096 }, (_, i) => `${kinds[i % 8].replace('i', String(i))} AS c${i}`)
    const rows = await same(`SELECT ${columns.join(', ')}`)
    assert.equal(Object.keys(rows[0]).length, 4096)
    await same(
      `SELECT ${columns.slice(0, 200).join(', ')} UNION ALL SELECT ${columns.slice(0, 200).join(', ')}`,
    )
    await same(
      `SELECT ${columns.slice(0, 201).join(', ')} UNION ALL SELECT ${columns.slice(0, 201).join(', ')}`,
    )
  })

  it('NULLs at every place of up to 70 columns', async () => {
    for (const width of [1, 7, 8, 30, 31, 32, 33, 63, 64, 65, 70]) {
      const row = (at) =>
        Array.from({ length: width }, (_, i) => (i === at || i === width - 1 - at ? 'NULL' : i)).join(',')
      const names = Array.from({ length: width }, (_, i) => `c${i}`).join(',')
      await run(
        'DROP TABLE IF EXISTS n',
        `CREATE TABLE n (${names.replaceAll(',', ' INT,')} INT)`,
        `INSERT INTO n VALUES ${Array.from({ length: width }, (_, at) => `(${row(at)})`).join(',')}`,
      )
      await same('SELECT * FROM n')
    }
  })

  it('many rows, in several segments', async () => {
    const rows = await same(
      `SELECT seq AS id, CONCAT('name ', seq) AS name, IF(seq % 3, 'ü😀', NULL) AS wide, seq / 7 AS d, seq * 1e0 / 7 AS f,
        UNHEX(HEX(seq)) AS b, DATE '2020-01-01' + INTERVAL seq DAY AS day FROM seq_1_to_20000`,
    )
    assert.equal(rows.length, 20000)
    assert.equal(rows[19999].id, 20000)
  })

  it('the same statement again after its table has changed', async () => {
    await run('CREATE TABLE changing (a INT, b VARCHAR(9))', "INSERT INTO changing VALUES (1, 'x')")
    await same('SELECT * FROM changing')
    await run(
      "ALTER TABLE changing ADD COLUMN c DATE DEFAULT '2024-01-01'",
      'ALTER TABLE changing MODIFY a VARCHAR(5)',
    )
    assert.deepEqual(Object.keys((await same('SELECT * FROM changing'))[0]), ['a', 'b', 'c'])
    await run('ALTER TABLE changing DROP COLUMN b')
    assert.deepEqual(Object.keys((await same('SELECT * FROM changing'))[0]), ['a', 'c'])
  })

  it('more different column sets than builders are kept for', async () => {
    const { db } = drivers
    for (let batch = 0; batch < 12; batch++) {
      const calls = Array.from({ length: 100 }, (_, i) => {
        const name = `c_${batch}_${i}`
        return db.query(`SELECT ${i} AS ${name}`).then((rows) => assert.deepEqual(rows, [{ [name]: i }]))
      })
      await Promise.all(calls)
    }
    assert.deepEqual(await db.query('SELECT 0 AS c_0_0'), [{ c_0_0: 0 }])
  })

  it('rows that are built without generated code are the same', async () => {
    const plain = await openDrivers({ disableEval: true })
    try {
      for (const sql of STATEMENTS) await plain.same(sql)
    } finally {
      await plain.close()
    }
  })

  it('rows are the same in a process that forbids code generation', async () => {
    const flags = ['--disallow-code-generation-from-strings', ROWS]
    const { stdout } = await promisify(execFile)(process.execPath, flags, {
      env: {
        ...process.env,
        ROWS_OPTIONS: JSON.stringify(drivers.target),
        ROWS_SQL: JSON.stringify(STATEMENTS),
      },
      maxBuffer: 2 ** 26,
    })
    const answers = JSON.parse(stdout)
    for (const [index, sql] of STATEMENTS.entries()) {
      assert.equal(answers[index], JSON.stringify(await drivers.expectedRows(sql)), sql)
    }
  })
})

const STATEMENTS = [
  "SELECT 2, 1, 'x' AS a, NULL AS b, 1.5e0 AS d, 2.50 AS e, X'ff00' AS x, DATE '2024-01-02' AS t, 'é' AS a",
  "SELECT JSON_OBJECT('a', 1) AS j, TIME '-12:00:00' AS t, 18446744073709551615 AS u, ST_GeomFromText('POINT(1 2)') AS g",
  "SELECT seq, CONCAT(seq, 'é') AS s FROM seq_1_to_3000",
  'SELECT 1 AS constructor, 2 AS toString',
]
