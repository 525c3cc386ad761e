'use strict'

const assert = require('node:assert/strict')
const { after, before, describe, it } = require('node:test')
const { createPool } = require('../index.js')
const { mariadbOnly } = require('./support/mysql.js')
const { rejects } = require('./support/outcome.js')
const { testServer } = require('./support/server.js')

describe('call', () => {
  let db
  before(async () => {
    const server = await testServer()
    db = createPool({ uri: server.url(await server.database()), connectionLimit: 2, maxResultBytes: 2 ** 20 })
    await db.script(`
      CREATE TABLE items (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20));
      INSERT INTO items (name) VALUES ('one'), ('two');
      CREATE PROCEDURE look(IN low INT)
      BEGIN
        SELECT id, name FROM items WHERE id >= low ORDER BY id;
        SELECT 1 AS n FROM DUAL WHERE FALSE;
        SELECT COUNT(*) AS total, NOW() > '2000-01-01' AS late FROM items;
      END;
      CREATE PROCEDURE compute(IN a INT, OUT double_a BIGINT, INOUT word VARCHAR(20))
      BEGIN
        SET double_a = a * 2, word = CONCAT(word, '!');
      END;
      CREATE PROCEDURE fails() BEGIN SELECT 1 AS one; SELECT * FROM nowhere; END;
      CREATE PROCEDURE endless() BEGIN LOOP SELECT 1 FROM DUAL WHERE FALSE; END LOOP; END;
      CREATE PROCEDURE large() BEGIN SELECT 1; SELECT REPEAT('x', 60000) FROM seq_1_to_30; END;
      CREATE PROCEDURE adds(IN name VARCHAR(20)) INSERT INTO items (name) VALUES (name);
    `)
  })
  after(() => db.close())

  it('gives every result set of a procedure', async () => {
    // Twice, because MariaDB leaves out column definitions that it has sent before.
    for (let round = 0; round < 2; round++) {
      const { results, out } = await db.call('CALL look(?)', [2])
      assert.deepEqual(results, [[{ id: 2, name: 'two' }], [], [{ total: 2, late: 1 }]])
      assert.equal(out, null)
    }
    assert.deepEqual((await db.call('CALL look(3)')).results[0], [])
  })

  it(
    'gives the values of OUT and INOUT parameters by their names',
    mariadbOnly('MySQL gives text of OUT parameters as bytes'),
    async () => {
      const { results, out } = await db.call('CALL compute(?, ?, ?)', [21, null, 'hey'])
      assert.deepEqual(out, { double_a: 42, word: 'hey!' })
      assert.deepEqual(results, [])
      const named = await db.call('CALL compute(:a, :out, :word)', { a: 1, out: null, word: '' })
      assert.deepEqual(named.out, { double_a: 2, word: '!' })
    },
  )

  it('says what a procedure did that returns nothing', async () => {
    const done = await db.call('CALL adds(?)', ['three'])
    assert.deepEqual(
      { ...done, insertId: 0 },
      { results: [], out: null, affectedRows: 1, insertId: 0, info: '', warningStatus: 0 },
    )
    await db.execute("DELETE FROM items WHERE name = 'three'")
  })

  it('takes any other statement', async () => {
    assert.deepEqual((await db.call('SELECT ? AS v', [1])).results, [[{ v: 1 }]])
    assert.equal((await db.call('UPDATE items SET name = name')).affectedRows, 2)
  })

  it('fails as a whole when one of its statements does, and the connection serves on', async () => {
    const connection = await db.getConnection()
    await rejects(connection.call('CALL fails()'), 'ER_NO_SUCH_TABLE')
    assert.deepEqual((await connection.call('CALL look(2)')).results.length, 3)
    await connection.release()
  })

  it('keeps to the limits of memory', async () => {
    await rejects(db.call('CALL large()'), 'HEGAR_RESULT_TOO_LARGE')
    await rejects(db.call('CALL endless()'), 'HEGAR_RESULT_TOO_LARGE', 30_000)
    assert.equal((await db.call('SELECT 1 AS v')).results.length, 1)
  })

  it('works in a transaction, and beside many others', async () => {
    const many = await db.transaction((tx) =>
      Promise.all(Array.from({ length: 50 }, () => tx.call('CALL look(?)', [1]))),
    )
    for (const { results } of many) assert.deepEqual(results[2], [{ total: 2, late: 1 }])
  })

  it('checks its parameters', async () => {
    await rejects(db.call('CALL look(?)', []), 'HEGAR_PARAM_INVALID')
    await rejects(db.call('CALL look(?)', [undefined]), 'HEGAR_PARAM_INVALID')
  })

  it('is not what query does, which gives the first result set alone', async () => {
    assert.deepEqual(await db.query('CALL look(?)', [2]), [{ id: 2, name: 'two' }])
  })
})
