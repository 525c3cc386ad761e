'use strict'

const assert = require('node:assert/strict')
const { after, before, describe, it } = require('node:test')
const { createPool, HegarError, HegarTypeError } = require('../index.js')
const { openDrivers } = require('./support/drivers.js')
const { mariadbOnly } = require('./support/mysql.js')

const bytes = mariadbOnly('MySQL says that bytes which nothing gives a type are text')
const fraction = mariadbOnly('MySQL takes the fraction from a date that it makes text of')

describe('parameters', () => {
  let drivers, db
  before(async () => {
    drivers = await openDrivers()
    ;({ db } = drivers)
    await drivers.run(
      'CREATE TABLE kinds (id INT AUTO_INCREMENT PRIMARY KEY, i BIGINT, u BIGINT UNSIGNED, d DOUBLE, t LONGTEXT, b LONGBLOB, at DATETIME(6))',
      'CREATE TABLE numbers AS SELECT seq AS n FROM seq_1_to_50',
    )
  })
  after(() => drivers.close())

  // What the server holds in a column of that type, as text, after `value` went in.
  async function stored(column, value) {
    const { insertId } = await db.execute(`INSERT INTO kinds (${column}) VALUES (?)`, [value])
    const [[row]] = await drivers.my.query(
      `SELECT CAST(${column} AS CHAR) AS text FROM kinds WHERE id = ${insertId}`,
    )
    return row.text
  }

  // The type that the server sees in a parameter.
  async function typeOf(value) {
    await db.execute('DROP TABLE IF EXISTS seen')
    await db.execute('CREATE TABLE seen AS SELECT ? AS v', [value])
    const [[column]] = await drivers.my.query('SHOW COLUMNS FROM seen')
    return column.Type
  }

  describe('of every type reach the server as that type', () => {
    it('safe integers as BIGINT, so LIMIT and OFFSET take them', async () => {
      assert.match(await typeOf(7), /^(bigint|int)/)
      const rows = await db.query('SELECT n FROM numbers ORDER BY n LIMIT ? OFFSET ?', [3, 10])
      assert.deepEqual(
        rows.map(({ n }) => n),
        [11, 12, 13],
      )
      for (const value of [
        0,
        1,
        -1,
        2 ** 31,
        -(2 ** 31) - 1,
        2 ** 32,
        Number.MAX_SAFE_INTEGER,
        Number.MIN_SAFE_INTEGER,
      ]) {
        assert.equal(await stored('i', value), String(value))
      }
    })

    it('other numbers as DOUBLE, every bit of them', async () => {
      assert.match(await typeOf(1.5), /^double/)
      for (const value of [
        0.1,
        1 / 3,
        -1.5,
        2 ** 53,
        1e300,
        5e-324,
        1.7976931348623157e308,
        1e21,
        0.1 + 0.2,
      ]) {
        const [{ v }] = await db.query('SELECT ? AS v', [value])
        assert.ok(Object.is(v, value), `${value} came back as ${v}`)
        assert.equal(
          (await db.queryJson('SELECT ? AS v', [value])).toString(),
          JSON.stringify([{ v: value }]),
        )
      }
    })

    it('-0 as the BIGINT 0, so that it may stand behind LIMIT', async () => {
      assert.match(await typeOf(-0), /^bigint/)
      assert.equal(await stored('i', -0), '0')
    })

    it('BigInt in all of 64 bits, signed and unsigned', async () => {
      for (const value of [0n, 1n, -1n, 2n ** 53n + 1n, -(2n ** 63n), 2n ** 63n - 1n]) {
        assert.equal(await stored('i', value), String(value))
      }
      for (const value of [2n ** 63n, 2n ** 64n - 1n]) assert.equal(await stored('u', value), String(value))
      for (const value of [2n ** 64n, -(2n ** 63n) - 1n, 10n ** 30n]) {
        await assert.rejects(db.query('SELECT ?', [value]), {
          name: 'HegarTypeError',
          message: /position 1 .*64 bits/,
        })
      }
    })

    it('booleans as 1 and 0', async () => {
      assert.equal(await stored('i', true), '1')
      assert.equal(await stored('i', false), '0')
      assert.deepEqual(await db.query('SELECT ? = 1 AS t, ? = 0 AS f, ? AS v', [true, false, true]), [
        { t: 1, f: 1, v: 1 },
      ])
    })

    it('null as NULL', async () => {
      assert.equal(await stored('t', null), null)
      assert.deepEqual(await db.query('SELECT ? AS a, ? IS NULL AS b', [null, null]), [{ a: null, b: 1 }])
    })

    it('strings as utf8mb4 text', async () => {
      for (const value of ['', 'plain', 'é漢😀', "it's", '\\', '\0', '%_', ' \t\n'])
        assert.equal(await stored('t', value), value)
      const [{ c }] = await db.query('SELECT CHARSET(?) AS c', ['x'])
      assert.equal(c, 'utf8mb4')
    })

    it('a lone surrogate as the replacement character, as Buffer.from has it', async () => {
      const [{ v }] = await db.query('SELECT ? AS v', ['a\ud83db'])
      assert.equal(v, Buffer.from('a\ud83db').toString())
    })

    it('Buffer, Uint8Array and views of a part of a buffer as bytes', bytes, async () => {
      const whole = Buffer.from([9, 9, 0, 1, 254, 255, 9, 9])
      const wanted = Buffer.from([0, 1, 254, 255])
      for (const value of [
        wanted,
        whole.subarray(2, 6),
        new Uint8Array(wanted),
        new Uint8Array(whole.buffer, whole.byteOffset + 2, 4),
        new Uint8Array(new Uint8Array([5, 0, 1, 254, 255]).buffer, 1),
      ]) {
        const { insertId } = await db.execute('INSERT INTO kinds (b) VALUES (?)', [value])
        assert.deepEqual((await db.queryOne('SELECT b FROM kinds WHERE id = ?', [insertId])).b, wanted)
      }
      assert.deepEqual(await db.query('SELECT ? AS b', [Buffer.alloc(0)]), [{ b: Buffer.alloc(0) }])
    })

    it('what is changed after the call has no part in it', bytes, async () => {
      const bytes = Buffer.from('first')
      const list = ['a', 'b']
      const call = db.query('SELECT ? AS b, ? AS a, ? AS c', [bytes, list[0], list[1]])
      bytes.write('other')
      list[0] = 'z'
      const [row] = await call
      assert.deepEqual(row, { b: Buffer.from('first'), a: 'a', c: 'b' })
    })
  })

  describe('of type Date', () => {
    const date = new Date('2024-03-05T06:07:08.009Z')

    it('are the clock time in local time', async () => {
      const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000)
      assert.equal(await stored('at', date), `${local.toISOString().slice(0, 23).replace('T', ' ')}000`)
    })

    for (const [timezone, clock] of [
      ['Z', '2024-03-05 06:07:08.009000'],
      ['+07:00', '2024-03-05 13:07:08.009000'],
      ['-03:30', '2024-03-05 02:37:08.009000'],
      ['+14:00', '2024-03-05 20:07:08.009000'],
    ]) {
      it(`are the clock time in ${timezone}, and come back as the same moment`, fraction, async () => {
        const zoned = createPool({ ...drivers.target, timezone })
        try {
          const [row] = await zoned.query('SELECT CAST(? AS CHAR) AS text', [date])
          assert.equal(row.text, clock)
          const { insertId } = await zoned.execute('INSERT INTO kinds (at) VALUES (?)', [date])
          assert.deepEqual(await zoned.queryOne('SELECT at FROM kinds WHERE id = ?', [insertId]), {
            at: date,
          })
        } finally {
          await zoned.close()
        }
      })
    }

    it('keep their year from 0 to 9999, and others are refused', async () => {
      const zoned = createPool({ ...drivers.target, timezone: 'Z' })
      try {
        for (const text of [
          '0001-01-01T00:00:00.000Z',
          '0099-12-31T23:59:59.999Z',
          '9999-12-31T23:59:59.999Z',
        ]) {
          const { insertId } = await zoned.execute('INSERT INTO kinds (at) VALUES (?)', [new Date(text)])
          const [row] = await zoned.query('SELECT CAST(at AS CHAR) AS text FROM kinds WHERE id = ?', [
            insertId,
          ])
          assert.equal(row.text, `${text.slice(0, 23).replace('T', ' ')}000`)
        }
        for (const text of ['+010000-01-01T00:00:00.000Z', '-000001-06-01T00:00:00.000Z']) {
          await assert.rejects(zoned.query('SELECT ?', [new Date(text)]), {
            name: 'HegarTypeError',
            message: /year/,
          })
        }
      } finally {
        await zoned.close()
      }
    })

    it('that are invalid are refused, by position and by name', async () => {
      await assert.rejects(db.query('SELECT ?, ?', [1, new Date(NaN)]), {
        message: /position 2 is an invalid Date/,
      })
      await assert.rejects(db.query('SELECT :at', { at: new Date('x') }), {
        message: /:at is an invalid Date/,
      })
    })
  })

  describe('in arrays fill IN (?)', () => {
    it('with a placeholder for each value', async () => {
      const rows = await db.query('SELECT n FROM numbers WHERE n IN (?) AND n > ? ORDER BY n', [
        [1, 3, 5, 7],
        2,
      ])
      assert.deepEqual(
        rows.map(({ n }) => n),
        [3, 5, 7],
      )
    })

    it('of one value, of mixed types, with null, at several places, by name', async () => {
      const count = async (sql, params) =>
        (await db.query(`SELECT COUNT(*) AS c FROM numbers WHERE ${sql}`, params))[0].c
      assert.equal(await count('n IN (?)', [[7]]), 1)
      assert.equal(await count('n IN (?)', [['7', 8n, 9.0, null, Buffer.from('10'), true]]), 5)
      assert.equal(
        await count('n NOT IN (?) AND n IN (?)', [
          [1, 2],
          [2, 3, 4],
        ]),
        2,
      )
      assert.equal(await count('n IN (:list) OR n = :one', { list: [1, 2], one: 3 }), 3)
      assert.equal(await count('n IN (:list) AND n IN (:list)', { list: [1, 2] }), 2)
    })

    it('of lengths that change from call to call', async () => {
      for (const length of [1, 2, 3, 50, 2, 1, 30]) {
        const list = Array.from({ length }, (_, i) => i + 1)
        assert.equal((await db.query('SELECT n FROM numbers WHERE n IN (?)', [list])).length, length)
      }
    })

    it('with rows as (?, ?), which mysql2 would write for nested arrays', async () => {
      const rows = await db.query('SELECT n FROM numbers WHERE (n, n + 1) IN ((?), (?))', [
        [1, 2],
        [3, 4],
      ])
      assert.equal(rows.length, 2)
    })

    it('that are empty or nested are refused with their position or key', async () => {
      const refused = (sql, params, message) =>
        assert.rejects(db.query(sql, params), {
          name: 'HegarTypeError',
          code: 'HEGAR_PARAM_INVALID',
          message,
        })
      await refused('SELECT 1 IN (?)', [[]], /position 1 is an empty array/)
      await refused('SELECT 1 IN (:x)', { x: [] }, /:x is an empty array/)
      await refused('SELECT ?, 1 IN (?)', [1, [1, [2]]], /position 2, element 2, is an array/)
      await refused('SELECT 1 IN (?)', [[1, undefined]], /position 1, element 2, is undefined/)
      await refused('SELECT 1 IN (?)', [[1, {}]], /position 1, element 2, is a value of type Object/)
      await refused('SELECT 1 IN (?)', [[NaN]], /position 1, element 1, is NaN/)
    })

    it('with holes are refused where the hole is', async () => {
      // eslint-disable-next-line no-sparse-arrays
      await assert.rejects(db.query('SELECT 1 IN (?)', [[1, , 3]]), { message: /element 2, is undefined/ })
    })
  })

  describe('by name', () => {
    it('fill each place of their name', async () => {
      const row = await db.queryOne('SELECT :a AS one, :b AS two, :a + 1 AS three', { a: 1, b: 'x' })
      assert.deepEqual(row, { one: 1, two: 'x', three: 2 })
    })

    it('may be more than the statement uses, and none at all', async () => {
      assert.deepEqual(await db.queryOne('SELECT :a AS v', { a: 1, b: Symbol('not sent') }), { v: 1 })
      assert.deepEqual(await db.queryOne('SELECT 1 AS v', {}), { v: 1 })
      assert.deepEqual(await db.queryOne('SELECT 1 AS v', null), { v: 1 })
      assert.deepEqual(await db.queryOne('SELECT 1 AS v', []), { v: 1 })
    })

    it('that are missing, or inherited, are refused by name', async () => {
      const refused = (params, name) =>
        assert.rejects(db.query(`SELECT :a, :${name}`, params), {
          name: 'HegarTypeError',
          code: 'HEGAR_PARAM_INVALID',
          message: new RegExp(`:${name}\\b`),
        })
      await refused({ a: 1 }, 'b')
      await refused(Object.create({ a: 1, b: 2 }, { a: { value: 1, enumerable: true } }), 'b')
      for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty'])
        await refused({ a: 1 }, name)
      await refused({ a: 1, b: undefined }, 'b')
    })

    it('may have any name that is a word, own __proto__ included', async () => {
      const params = JSON.parse('{"__proto__": 5, "constructor": 6, "_x1": 7}')
      assert.deepEqual(await db.queryOne('SELECT :__proto__ AS a, :constructor AS b, :_x1 AS c', params), {
        a: 5,
        b: 6,
        c: 7,
      })
    })

    it('come from objects without a prototype, of a class and with getters', async () => {
      const bare = Object.assign(Object.create(null), { v: 1 })
      class Filter {
        v = 2
      }
      const computed = {
        get v() {
          return 3
        },
      }
      for (const [params, v] of [
        [bare, 1],
        [new Filter(), 2],
        [computed, 3],
      ]) {
        assert.deepEqual(await db.queryOne('SELECT :v AS v', params), { v })
      }
    })

    it('do not go with ? in the same statement', async () => {
      await assert.rejects(db.query('SELECT :a, ?', { a: 1 }), {
        name: 'HegarTypeError',
        message: /mixing.*`\?` at character 12/s,
      })
    })
  })

  describe('that can not be sent are a TypeError that names their place', () => {
    const values = {
      undefined: [undefined, /undefined.*null/],
      'a plain object': [{ password: 1 }, /type Object.*JSON\.stringify/],
      'an object without a prototype': [Object.create(null), /type Object/],
      'a Map': [new Map(), /type Map/],
      'a class instance': [new (class Money {})(), /type Money/],
      'a function': [() => 1, /type function/],
      'a symbol': [Symbol('x'), /type symbol/],
      'a promise': [Promise.resolve(1), /type Promise/],
      'a boxed string': [Object('text'), /type String/],
      'a regular expression': [/x/, /type RegExp/],
      'an ArrayBuffer': [new ArrayBuffer(2), /type ArrayBuffer/],
      'a Uint16Array': [new Uint16Array(2), /type Uint16Array/],
      NaN: [NaN, /NaN/],
      Infinity: [Infinity, /Infinity/],
      '-Infinity': [-Infinity, /-Infinity/],
    }
    for (const [name, [value, message]] of Object.entries(values)) {
      it(name, async () => {
        for (const [sql, params, place] of [
          ['SELECT ?, ?', ['ok', value], /position 2/],
          ['SELECT :first, :second', { first: 1, second: value }, /:second/],
        ]) {
          const error = await db.query(sql, params).then(assert.fail, (error) => error)
          assert.ok(
            error instanceof TypeError && error instanceof HegarError && error instanceof HegarTypeError,
          )
          assert.equal(error.code, 'HEGAR_PARAM_INVALID')
          assert.equal(error.sql, sql)
          assert.match(error.message, message)
          assert.match(error.message, place)
          for (const method of ['execute', 'queryOne', 'queryJson'])
            await assert.rejects(db[method](sql, params), { message })
        }
      })
    }

    it('lists of parameters that are neither array nor object', async () => {
      for (const params of [1, 'x', true, 1n, Symbol('x'), () => 1]) {
        await assert.rejects(db.query('SELECT ?', params), {
          name: 'HegarTypeError',
          message: /array for \? or an object/,
        })
      }
    })

    it('lists that only look like one: a Buffer, a Date, a Map, a Set', async () => {
      for (const params of [
        Buffer.from('x'),
        new Date(),
        new Map([['a', 1]]),
        new Set([1]),
        new Uint8Array(1),
      ]) {
        await assert.rejects(db.query('SELECT ?', params), {
          name: 'HegarTypeError',
          code: 'HEGAR_PARAM_INVALID',
        })
      }
    })
  })

  describe('in the wrong number', () => {
    it('are refused with both numbers, and nothing is sent to the server', async () => {
      const one = createPool({ ...drivers.target, connectionLimit: 1 })
      const asked = () => one.queryOne("SHOW SESSION STATUS WHERE Variable_name = 'Com_stmt_prepare'")
      // A pool that has no server to send anything to.
      const nowhere = createPool({ ...drivers.target, port: 1, connectTimeoutMs: 200, acquireTimeoutMs: 200 })
      const before = await asked()
      assert.equal(before.Value, '1', 'asking was prepared once')
      for (const pool of [one, nowhere]) {
        const refused = (sql, params, message) =>
          assert.rejects(pool.query(sql, params), {
            name: 'HegarTypeError',
            code: 'HEGAR_PARAM_INVALID',
            message,
          })
        await refused('SELECT ?, ?', [1], /2 placeholders and 1 parameter was given/)
        await refused('SELECT ?', [1, 2], /1 placeholder and 2 parameters were given/)
        await refused('SELECT 1', [1], /0 placeholders and 1 parameter/)
        await refused('SELECT ?', [], /1 placeholder and 0 parameters/)
        await refused('SELECT ?', undefined, /1 placeholder and 0 parameters/)
        await refused('SELECT ?', null, /1 placeholder and 0 parameters/)
        await refused("SELECT ?, '?' -- ?", [1, 2], /1 placeholder and 2 parameters/)
      }
      assert.equal(nowhere.stats().connections.created, 0)
      assert.deepEqual(await asked(), before)
      await one.close()
      await nowhere.close()
    })
  })

  describe('leave alone what is no placeholder', () => {
    const untouched = [
      ["SELECT '?' AS a, ? AS b", '?'],
      ['SELECT "?" AS a, ? AS b', '?'],
      ["SELECT 'it''s ?' AS a, ? AS b", "it's ?"],
      ["SELECT 'a\\'?' AS a, ? AS b", "a'?"],
      ["SELECT '\\\\' AS a, ? AS b", '\\'],
      ['SELECT "say ""?""" AS a, ? AS b', 'say "?"'],
      ["SELECT /* ? ' */ 'x' AS a, ? AS b", 'x'],
      ["SELECT 'x' AS a, -- ? it's\n ? AS b", 'x'],
      ["SELECT 'x' AS a, # ? it's\n ? AS b", 'x'],
      ["SELECT 'x' AS a, ? AS b -- ?", 'x'],
      ["SELECT 'x' /*! AS a */, ? AS b", 'x'],
      ["SELECT 'é漢😀?' AS a, ? AS b", 'é漢😀?'],
    ]
    for (const [sql, a] of untouched) {
      it(sql.replaceAll('\n', ' '), async () => {
        assert.deepEqual(await db.query(sql, [7]), [{ a, b: 7 }])
        const named = sql.replace(/\?(?= AS b)/, ':p')
        if (!named.replace(/'[^]*?'|"[^]*?"|\/\*[^]*?\*\/|--.*|#.*/g, '').includes('?')) {
          assert.deepEqual(await db.query(named, { p: 7 }), [{ a, b: 7 }])
        }
      })
    }

    it('a ? in a quoted name', async () => {
      assert.deepEqual(await db.query('SELECT ? AS `what?`', [1]), [{ 'what?': 1 }])
    })

    it('a colon in text, comment, time and label', async () => {
      const sql =
        "SELECT ':no' AS a, TIME '12:30:00' AS b, `x:y` AS c, :yes AS d /* :no */ FROM (SELECT 1 AS `x:y`) AS t -- :no"
      assert.deepEqual(await db.query(sql, { yes: 1 }), [{ a: ':no', b: '12:30:00', c: 1, d: 1 }])
    })

    it('subtraction of a negative number, which is no comment', async () => {
      assert.deepEqual(await db.query('SELECT 5--? AS v', [1]), [{ v: 6 }])
    })
  })
})
