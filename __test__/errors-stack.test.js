'use strict'

const assert = require('node:assert/strict')
const { basename } = require('node:path')
const { after, before, describe, it } = require('node:test')
const { openDrivers } = require('./support/drivers.js')

const FILE = basename(__filename)
const MISSING = 'SELECT * FROM missing'

describe('the stack of an error shows who called', () => {
  let traced, plain
  before(async () => {
    traced = await openDrivers({ trace: true }, { mysql2Options: {} })
    plain = await openDrivers({ trace: false }, { mysql2Options: {} })
  })
  after(async () => {
    await traced.close()
    await plain.close()
  })

  const calls = {
    query: (db) => db.query(MISSING),
    queryOne: (db) => db.queryOne(MISSING),
    execute: (db) => db.execute(MISSING),
    queryJson: (db) => db.queryJson(MISSING),
    paginate: (db) => db.paginate(MISSING, [], { page: 1, limit: 2 }),
    paginateJson: (db) => db.paginateJson(MISSING, [], { page: 1, limit: 2 }),
    'query with a wrong parameter': (db) => db.query('SELECT ?', [undefined]),
  }

  for (const [name, call] of Object.entries(calls)) {
    it(`${name}, awaited, with its function and file, with trace and without`, async () => {
      for (const { db } of [traced, plain]) {
        async function loadTheProducts() {
          await call(db)
        }
        const error = await loadTheProducts().then(assert.fail, (error) => error)
        const line = error.stack.split('\n').find((text) => text.includes('loadTheProducts'))
        assert.ok(line?.includes(FILE), error.stack)
        assert.ok(error.stack.startsWith(`${error.name}: ${error.message}\n    at `), error.stack)
      }
    })

    it(`${name}, through then, with trace`, async () => {
      function fromACallback(done) {
        call(traced.db).then(assert.fail, done)
      }
      const error = await new Promise(fromACallback)
      assert.match(error.stack, new RegExp(`fromACallback .*${FILE}`), error.stack)
    })
  }

  it('keeps the first line that names the error, whatever the message holds', async () => {
    const sql = "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'two\\nlines\\n    at nowhere (nothing.js:1:1)'"
    const error = await traced.db.query(sql).then(assert.fail, (error) => error)
    assert.ok(error.stack.startsWith('HegarError: two\nlines\n    at nowhere (nothing.js:1:1)\n    at '))
  })

  it('costs no call its result', async () => {
    const rows = await Promise.all(
      Array.from({ length: 50 }, (_, i) => traced.db.queryOne('SELECT ? AS v', [i])),
    )
    assert.deepEqual(
      rows.map(({ v }) => v),
      Array.from({ length: 50 }, (_, i) => i),
    )
  })
})
