'use strict'

const assert = require('node:assert/strict')
const { after, before, describe, it } = require('node:test')
const { createPool } = require('../index.js')
const { testServer } = require('./support/server.js')

// Placeholders are found as servers read text by default. Where a session reads it otherwise, a text with a backslash in
// front of a quote has its strings end elsewhere; then the counts differ, and nothing is bound to the wrong place.
describe('a statement whose strings end elsewhere for the session', () => {
  let pool, db
  before(async () => {
    const { host, port, user, password } = await testServer()
    pool = createPool({ host, port, user, password })
    db = await pool.getConnection()
  })
  after(async () => {
    db.destroy()
    await pool.close()
  })

  const mode = (name) => db.query(`SET sql_mode = CONCAT(@@sql_mode, ',${name}')`)

  it('has its values bound as long as no quote follows a backslash', async () => {
    await mode('NO_BACKSLASH_ESCAPES')
    for (const value of ['\\', "\\'", "' OR 1=1 -- ", '?', '\\\\']) {
      const sql = "SELECT 'a\\b ?' AS s, ? AS v, \"c\\d ?\" AS d, 1 IN (?) AS l -- 'e\\' ?"
      const row = await db.queryOne(sql, [value, [1, 2]])
      assert.deepEqual(row, { s: 'a\\b ?', v: value, d: 'c\\d ?', l: 1 })
    }
  })

  it('is refused with NO_BACKSLASH_ESCAPES when one does, by us or by the server, and never bound elsewhere', async () => {
    await mode('NO_BACKSLASH_ESCAPES')
    for (const [sql, params] of [
      // One string of 'C:\' and a placeholder for the server, for us one string that goes on.
      ["SELECT 'C:\\' AS path, ? AS v", ['x']],
      ["SELECT 'C:\\', ?, 'D:\\', ?", ['x', 'y']],
      ["SELECT 'C:\\', ?, 'D:\\', ? IN (?)", ['x', [1, 2]]],
      // The other way round.
      ["SELECT 'it\\'s ?', ?", ['x']],
      ["SELECT 'it\\'s', ? , '\\' OR ? = ?'", ['x']],
    ]) {
      await assert.rejects(db.query(sql, params), (error) => {
        assert.match(error.code, /^(HEGAR_PARAM_INVALID|ER_PARSE_ERROR)$/, sql)
        return true
      })
    }
    assert.deepEqual(
      await db.query("SELECT 'C:\\' AS path"),
      [{ path: 'C:\\' }],
      'without parameters all is the server’s',
    )
  })

  it('has names in "…" under ANSI_QUOTES, with whatever is in them', async () => {
    await db.query("SET sql_mode = 'ANSI_QUOTES'")
    assert.deepEqual(await db.query('SELECT ? AS "a ? b", ? AS "c""d :e"', [1, 2]), [
      { 'a ? b': 1, 'c"d :e': 2 },
    ])
    assert.deepEqual(await db.query('SELECT :v AS "a :v b"', { v: 3 }), [{ 'a :v b': 3 }])
  })
})
