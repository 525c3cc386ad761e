'use strict'

const { after, before, beforeEach, describe, it } = require('node:test')
const assert = require('node:assert/strict')
const { createPool, HegarError } = require('../index.js')
const { isMysql } = require('./support/mysql.js')
const { rejects, until } = require('./support/outcome.js')
const { testServer } = require('./support/server.js')

let options
let db
before(async () => {
  const server = await testServer()
  const { host, port, user, password } = server
  options = { host, port, user, password, database: await server.database() }
  db = createPool({ ...options, connectionLimit: 4 })
  await db.execute('CREATE TABLE accounts (id INT PRIMARY KEY, balance INT NOT NULL)')
})
after(() => db.close())
beforeEach(async () => {
  await db.execute('DELETE FROM accounts')
  await db.execute('INSERT INTO accounts VALUES (1, 100), (2, 0)')
})

const SET = 'UPDATE accounts SET balance = ? WHERE id = ?'
const balance = async (queries, id) =>
  (await queries.queryOne('SELECT balance FROM accounts WHERE id = ?', [id])).balance
const isIdle = () => until('all connections are back', () => db.stats().pool.active === 0)

async function withPool(extra, use) {
  const pool = createPool({ ...options, ...extra })
  try {
    return await use(pool)
  } finally {
    await pool.close({ drainMs: 1000 })
  }
}

describe('a transaction', () => {
  it('commits what its function did when that returns, and gives what it returned', async () => {
    const moved = await db.transaction(async (tx) => {
      await tx.execute('UPDATE accounts SET balance = balance - ? WHERE id = ?', [30, 1])
      assert.equal(await balance(tx, 1), 70)
      assert.equal(await balance(db, 1), 100, 'nobody else sees it yet')
      await tx.execute('UPDATE accounts SET balance = balance + ? WHERE id = ?', [30, 2])
      return 30
    })
    assert.equal(moved, 30)
    assert.deepEqual([await balance(db, 1), await balance(db, 2)], [70, 30])
    await isIdle()
  })

  it('rolls back when its function throws, and rejects with what it threw', async () => {
    const thrown = new Error('no')
    const promise = db.transaction(async (tx) => {
      await tx.execute(SET, [0, 1])
      throw thrown
    })
    await assert.rejects(promise, (error) => error === thrown)
    assert.equal(await balance(db, 1), 100)
    await isIdle()
  })

  it('rolls back when its function throws at once', async () => {
    await assert.rejects(
      db.transaction(() => {
        throw new TypeError('at once')
      }),
      TypeError,
    )
    await isIdle()
  })

  it('has all forms of calls', () =>
    db.transaction(async (tx) => {
      await tx.execute(SET, [5, 1])
      assert.deepEqual(await tx.query('SELECT balance FROM accounts WHERE id = :id', { id: 1 }), [
        { balance: 5 },
      ])
      assert.equal(String(await tx.queryJson('SELECT balance FROM accounts WHERE id = 1')), '[{"balance":5}]')
      const page = JSON.parse(
        await tx.paginateJson('SELECT balance FROM accounts ORDER BY id', [], { page: 1, limit: 1 }),
      )
      assert.deepEqual([page.data, page.pagination.total], [[{ balance: 5 }], 2])
      const { data, pagination } = await tx.paginate('SELECT balance FROM accounts ORDER BY id', [], {
        page: 2,
        limit: 1,
      })
      assert.deepEqual([data, pagination.total], [[{ balance: 0 }], 2])
    }))

  it('keeps its prepared statements for the next one', async () => {
    await withPool({ connectionLimit: 1 }, async (pool) => {
      for (let i = 0; i < 5; i++) await pool.transaction((tx) => tx.execute(SET, [i, 1]))
      const { statements, connections } = pool.stats()
      assert.deepEqual([statements.prepared, connections.resets, connections.rollbacks], [1, 0, 0])
    })
  })

  // What it reads while another has written 55 and when that has been committed.
  async function reads(options) {
    const writer = await db.begin()
    const seen = await db.transaction(async (tx) => {
      const first = await balance(tx, 2)
      await writer.execute(SET, [55, 1])
      const dirty = await balance(tx, 1)
      await writer.commit()
      return [first, dirty, await balance(tx, 1)]
    }, options)
    await db.execute(SET, [100, 1])
    return seen
  }

  it('has the isolation that it asks for, and the next one on its connection has not', () =>
    withPool({ connectionLimit: 1 }, async (pool) => {
      assert.deepEqual(await reads({ isolation: 'read uncommitted' }), [0, 55, 55])
      assert.deepEqual(await reads({ isolation: 'READ COMMITTED' }), [0, 100, 55])
      assert.deepEqual(await reads({ isolation: 'repeatable read' }), [0, 100, 100])
      assert.deepEqual(await reads({}), [0, 100, 100])

      const others = () => db.query('SELECT id FROM accounts WHERE id = 1 FOR UPDATE NOWAIT')
      await pool.transaction(
        async (tx) => {
          await balance(tx, 1)
          await rejects(others(), isMysql ? 'ER_LOCK_NOWAIT' : 'ER_LOCK_WAIT_TIMEOUT')
        },
        { isolation: 'serializable' },
      )
      await pool.transaction(async (tx) => {
        await balance(tx, 1)
        await others()
      })
    }))

  it('writes nothing when it is to read only, and the next one does', () =>
    withPool({ connectionLimit: 1 }, async (pool) => {
      const written = pool.transaction((tx) => tx.execute(SET, [1, 1]), { readOnly: true })
      await rejects(written, 'ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION')
      await pool.transaction((tx) => tx.execute(SET, [1, 1]))
      assert.equal(await balance(pool, 1), 1)
    }))

  it('may be ended by its function', async () => {
    await db.transaction(async (tx) => {
      await tx.execute(SET, [7, 1])
      await tx.rollback()
    })
    assert.equal(await balance(db, 1), 100)
    await db.transaction(async (tx) => {
      await tx.execute(SET, [8, 1])
      await tx.commit()
      assert.equal(tx.isOver, true)
    })
    assert.equal(await balance(db, 1), 8)
    await isIdle()
  })

  it('refuses calls when it is over', async () => {
    const kept = await db.transaction((tx) => tx)
    await rejects(kept.query('SELECT 1'), 'HEGAR_TRANSACTION_OVER')
    await rejects(kept.commit(), 'HEGAR_TRANSACTION_OVER')
    await rejects(
      kept.savepoint(() => {}),
      'HEGAR_TRANSACTION_OVER',
    )
  })

  it('undoes a savepoint whose function throws, and nothing else', async () => {
    await db.transaction(async (tx) => {
      await tx.execute(SET, [1, 1])
      await assert.rejects(
        tx.savepoint(async (inner) => {
          await inner.execute(SET, [2, 2])
          await inner.savepoint((innermost) => innermost.execute(SET, [3, 1]))
          throw new Error('undo')
        }),
        /undo/,
      )
      assert.equal(await tx.savepoint(async (inner) => (await inner.execute(SET, [4, 2]), 'kept')), 'kept')
    })
    assert.deepEqual([await balance(db, 1), await balance(db, 2)], [1, 4])
  })

  it('takes nothing with it when an argument is wrong', async () => {
    const never = () => assert.fail('it must not run')
    await rejects(db.transaction('BEGIN'), 'HEGAR_PARAM_INVALID')
    await rejects(
      db.transaction(never, { isolation: 'snapshot; DROP TABLE accounts' }),
      'HEGAR_PARAM_INVALID',
    )
    await rejects(db.transaction(never, { isolation: 1 }), 'HEGAR_PARAM_INVALID')
    await rejects(db.transaction(never, { readOnly: 'yes' }), 'HEGAR_PARAM_INVALID')
    await rejects(db.transaction(never, { retries: -1 }), 'HEGAR_PARAM_INVALID')
    await rejects(db.transaction(never, { retry: 3 }), 'HEGAR_PARAM_INVALID')
    await rejects(db.transaction(never, null), 'HEGAR_PARAM_INVALID')
    await rejects(db.begin({ isolation: 'none' }), 'HEGAR_PARAM_INVALID')
    await db.transaction((tx) => rejects(tx.savepoint('x'), 'HEGAR_PARAM_INVALID'))
    await isIdle()
  })
})

describe('a transaction that gives way to another', () => {
  // Two that take the same two rows in opposite order; each waits until the other has its first.
  async function collide(options) {
    let arrived = 0
    let runs = 0
    const both = () => until('both have their first row', () => arrived >= 2)
    const one = (first, second) =>
      db.transaction(async (tx) => {
        runs++
        await tx.execute('UPDATE accounts SET balance = balance + 1 WHERE id = ?', [first])
        arrived++
        await both()
        await tx.execute('UPDATE accounts SET balance = balance + 1 WHERE id = ?', [second])
      }, options)
    const outcomes = await Promise.allSettled([one(1, 2), one(2, 1)])
    return { outcomes, runs: () => runs }
  }

  it('is rejected with the deadlock when it may not try again', async () => {
    const { outcomes, runs } = await collide()
    const rejected = outcomes.filter(({ status }) => status === 'rejected')
    assert.equal(rejected.length, 1)
    assert.equal(rejected[0].reason.code, 'ER_LOCK_DEADLOCK')
    assert.ok(rejected[0].reason instanceof HegarError)
    assert.equal(runs(), 2)
    assert.deepEqual([await balance(db, 1), await balance(db, 2)], [101, 1])
  })

  it('begins anew as a whole when it may', async () => {
    const { outcomes, runs } = await collide({ retries: 3 })
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'fulfilled'],
    )
    assert.equal(runs(), 3)
    assert.deepEqual([await balance(db, 1), await balance(db, 2)], [102, 2])
  })

  it('also when it waited too long for a lock', async () => {
    await using(db.begin(), async (holder) => {
      await holder.execute(SET, [1, 1])
      let runs = 0
      const waiting = db.transaction(
        async (tx) => {
          runs++
          if (runs === 2) await holder.rollback()
          await tx.query('SET SESSION innodb_lock_wait_timeout = 1')
          await tx.execute(SET, [9, 1])
        },
        { retries: 1 },
      )
      await waiting
      assert.equal(runs, 2)
    })
    assert.equal(await balance(db, 1), 9)
    await isIdle()
  })

  it('is not run again for any other error, and not more often than it may', async () => {
    let runs = 0
    const duplicate = db.transaction(
      (tx) => {
        runs++
        return tx.execute('INSERT INTO accounts VALUES (1, 1)')
      },
      { retries: 5 },
    )
    await rejects(duplicate, 'ER_DUP_ENTRY')
    assert.equal(runs, 1)

    const deadlock = Object.assign(new Error('as from the server'), { errno: 1213 })
    runs = 0
    const again = db.transaction(
      () => {
        runs++
        throw deadlock
      },
      { retries: 2 },
    )
    await assert.rejects(again, (error) => error === deadlock)
    assert.equal(runs, 3)
  })
})

describe('no statement of a transaction runs outside of it', () => {
  it('after a deadlock that the function caught', async () => {
    let arrived = 0
    const one = (first, second) =>
      db.transaction(async (tx) => {
        await tx.execute('UPDATE accounts SET balance = balance + 1 WHERE id = ?', [first])
        arrived++
        await until('both have their first row', () => arrived >= 2)
        try {
          await tx.execute('UPDATE accounts SET balance = balance + 1 WHERE id = ?', [second])
        } catch (error) {
          assert.equal(error.code, 'ER_LOCK_DEADLOCK')
          const late = await rejects(tx.execute(SET, [1000, 1]), 'HEGAR_TRANSACTION_OVER')
          assert.match(late.message, /deadlock/i)
        }
      })
    const outcomes = await Promise.allSettled([one(1, 2), one(2, 1)])
    const rejected = outcomes.filter(({ status }) => status === 'rejected')
    assert.equal(rejected.length, 1)
    assert.equal(rejected[0].reason.code, 'HEGAR_TRANSACTION_OVER', 'the commit says so too')
    assert.deepEqual([await balance(db, 1), await balance(db, 2)], [101, 1])
  })

  it('after a statement that committed it', async () => {
    const promise = db.transaction(async (tx) => {
      await tx.execute(SET, [50, 1])
      await tx.execute('CREATE TABLE committed (id INT)')
      await rejects(tx.execute(SET, [51, 1]), 'HEGAR_TRANSACTION_OVER')
      throw new Error('too late')
    })
    await assert.rejects(promise, /too late/)
    assert.equal(await balance(db, 1), 50)
    await db.execute('DROP TABLE committed')
  })

  it('but it goes on after an error that undid one statement alone', async () => {
    await db.transaction(async (tx) => {
      await tx.execute(SET, [60, 1])
      await rejects(tx.execute('INSERT INTO accounts VALUES (1, 1)'), 'ER_DUP_ENTRY')
      await rejects(tx.query('SELECT nothing FROM nowhere'), 'ER_NO_SUCH_TABLE')
      await tx.execute(SET, [61, 2])
    })
    assert.deepEqual([await balance(db, 1), await balance(db, 2)], [60, 61])
  })

  it('and a lost connection ends it', async () => {
    const promise = db.transaction(async (tx) => {
      await tx.execute(SET, [70, 1])
      await db.execute(`KILL CONNECTION ${tx.threadId}`)
      await assert.rejects(tx.execute(SET, [71, 1]), /HEGAR_CONNECTION_LOST|ER_CONNECTION_KILLED|closed/)
      await rejects(tx.execute(SET, [72, 1]), 'HEGAR_CONNECTION_LOST')
    })
    await rejects(promise, 'HEGAR_CONNECTION_LOST')
    assert.equal(await balance(db, 1), 100)
    await isIdle()
  })
})

describe('a transaction begun by itself', () => {
  it('ends by commit or rollback', async () => {
    const tx = await db.begin({ isolation: 'read committed' })
    await tx.execute(SET, [1, 1])
    await tx.commit()
    assert.equal(await balance(db, 1), 1)
    const other = await db.begin()
    await other.execute(SET, [2, 1])
    await other.rollback()
    assert.equal(await balance(db, 1), 1)
    await isIdle()
  })

  it('is rolled back at the end of its block', async () => {
    await using(db.begin(), (tx) => tx.execute(SET, [1, 1]))
    assert.equal(await balance(db, 1), 100)
    await using(db.begin(), async (tx) => {
      await tx.execute(SET, [1, 1])
      await tx.commit()
    })
    assert.equal(await balance(db, 1), 1)
    await isIdle()
  })
})

describe('calls of the pool inside a transaction', () => {
  it('are not in it, and a warning tells when they would wait for themselves', async () => {
    const warnings = []
    const listen = (warning) => warnings.push(warning)
    process.on('warning', listen)
    try {
      await withPool({ connectionLimit: 1, acquireTimeoutMs: 1000 }, async (pool) => {
        await pool.query('SELECT 1')
        const nested = pool.transaction(() => pool.query('SELECT 1'))
        await rejects(nested, 'HEGAR_POOL_TIMEOUT')
        // Not nested, it only waits its turn.
        await Promise.all([pool.transaction((tx) => tx.query('SELECT 1')), pool.query('SELECT 1')])
      })
      await until('the warning comes', () => warnings.length > 0)
      assert.deepEqual(
        warnings.map(({ name, code }) => [name, code]),
        [['HegarWarning', 'HEGAR_NESTED_CALL']],
      )
    } finally {
      process.off('warning', listen)
    }
  })
})

// What `await using` does, for a Node whose language does not have it.
async function using(opening, use) {
  const resource = await opening
  try {
    return await use(resource)
  } finally {
    await resource[Symbol.asyncDispose]()
  }
}
