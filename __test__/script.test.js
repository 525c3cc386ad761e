'use strict'

const assert = require('node:assert/strict')
const { after, before, describe, it } = require('node:test')
const { createPool } = require('../index.js')
const { mariadbOnly } = require('./support/mysql.js')
const { rejects } = require('./support/outcome.js')
const { testServer } = require('./support/server.js')

describe('script', () => {
  let db
  before(async () => {
    const server = await testServer()
    db = createPool({ uri: server.url(await server.database()), connectionLimit: 2 })
  })
  after(() => db.close())

  it('runs statements one after the other and gives what query gives for each', async () => {
    const results = await db.script(`
      -- a table; with a semicolon in a comment
      CREATE TABLE notes (id INT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(50) DEFAULT ';');
      INSERT INTO notes (text) VALUES ('a;b'), ('it\\'s; fine'), ("say ""hi;"" ");;
      /* nothing; here */ ;
      SELECT text FROM notes ORDER BY id # the end;
    `)
    assert.equal(results.length, 3)
    assert.deepEqual(
      results.map((result) => result.affectedRows),
      [0, 3, undefined],
    )
    assert.deepEqual(results[2], [{ text: 'a;b' }, { text: "it's; fine" }, { text: 'say "hi;" ' }])
  })

  it(
    'keeps stored programs whole, with or without DELIMITER',
    mariadbOnly('CREATE OR REPLACE PROCEDURE'),
    async () => {
      const results = await db.script(`
      CREATE OR REPLACE PROCEDURE twice(IN n INT)
      BEGIN
        DECLARE i INT DEFAULT 0;
        WHILE i < 2 DO
          IF n > 0 THEN SET n = n - 1; ELSE SET n = CASE n WHEN 0 THEN 5 ELSE 6 END; END IF;
          SET i = i + 1;
        END WHILE;
        SELECT n;
      END;
      CALL twice(1);
      DELIMITER //
      CREATE OR REPLACE FUNCTION half(n INT) RETURNS INT DETERMINISTIC
      BEGIN
        RETURN n DIV 2;
      END//
      DELIMITER ;
      SELECT half(9) AS h;
      BEGIN NOT ATOMIC SELECT 1 AS one; END;
    `)
      assert.deepEqual(results.slice(1, 2), [[{ n: 5 }]])
      assert.deepEqual(results.slice(3), [[{ h: 4 }], [{ one: 1 }]])
    },
  )

  it('names the statement that failed, with its line, and runs none behind it', async () => {
    const script = 'CREATE TABLE first (a INT);\n\nINSERT INTO first\nVALUES (1, 2);\nDROP TABLE first;'
    const error = await rejects(db.script(script), 'ER_WRONG_VALUE_COUNT_ON_ROW')
    assert.deepEqual([error.statement, error.line], [2, 3])
    assert.equal(error.sql, 'INSERT INTO first\nVALUES (1, 2)')
    assert.match(error.message, /\(statement 2 of the script, line 3\)$/)
    assert.equal((await db.query('SELECT COUNT(*) AS n FROM first'))[0].n, 0)
  })

  it('cuts texts as the sql_mode of the moment has them', async () => {
    const results = await db.script(
      "SELECT 'a\\'; SELECT 1; -- ' AS v;\n" +
        "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES';\nSELECT 'a\\' AS v; SELECT 'b' AS v;" +
        "SET SESSION sql_mode = 'ANSI_QUOTES';\nSELECT 'c\\'; ' AS v;",
    )
    const rows = results.filter(Array.isArray).map(([{ v }]) => v)
    assert.deepEqual(rows, ["a'; SELECT 1; -- ", 'a\\', 'b', "c'; "])
  })

  it('leaves nothing of its session to others', mariadbOnly('@@in_transaction'), async () => {
    const [{ name }] = await db.query('SELECT DATABASE() AS name')
    await db.script("USE information_schema; SET @left = 1; SET sql_mode = ''; BEGIN; DELETE FROM mysql.db;")
    for (let round = 0; round < 4; round++) {
      const row = await db.queryOne('SELECT DATABASE() AS name, @left AS variable, @@in_transaction AS open')
      assert.deepEqual(row, { name, variable: null, open: 0 })
    }
  })

  it('runs on a held connection and in a transaction too', async () => {
    await db.script('CREATE TABLE held (a INT)')
    const connection = await db.getConnection()
    await connection.script('SET @here = 5; CREATE TEMPORARY TABLE mine (a INT);')
    assert.deepEqual(await connection.query('SELECT @here AS v'), [{ v: 5 }])
    await connection.release()
    await assert.rejects(
      db.transaction(async (tx) => {
        await tx.script('INSERT INTO held VALUES (1); INSERT INTO held VALUES (2);')
        throw new Error('back')
      }),
      /back/,
    )
    assert.deepEqual(await db.query('SELECT * FROM held'), [])
  })

  it('of nothing gives nothing, and no connection is taken', async () => {
    for (const sql of ['', ' ;; ', '-- a comment', 'DELIMITER //']) assert.deepEqual(await db.script(sql), [])
    for (const sql of [null, undefined, 5, ['SELECT 1'], Buffer.from('SELECT 1')]) {
      await rejects(db.script(sql), 'HEGAR_PARAM_INVALID')
    }
    await rejects(db.script('SELECT 1', { multi: true }), 'HEGAR_OPTION_UNKNOWN')
  })

  it('takes no parameters: a placeholder is a syntax error', async () => {
    await rejects(db.script('SELECT ?'), 'ER_PARSE_ERROR')
  })
})
