'use strict'

const assert = require('node:assert/strict')
const { after, before, describe, it } = require('node:test')
const fc = require('fast-check')
const { createPool, HegarError, getPaginationParams, pageSummary, sortClause } = require('../index.js')
const { testServer } = require('./support/server.js')

// A failure names its seed and path: HEGAR_PROPERTY_SEED=… node --test __test__/property-input.test.js.
// HEGAR_PROPERTY_RUNS=10000 looks further than there is time for in every run.
const SEED = process.env.HEGAR_PROPERTY_SEED
const RUNS = Number(process.env.HEGAR_PROPERTY_RUNS ?? 200)
const settings = { numRuns: RUNS, ...(SEED && { seed: Number(SEED) }) }

const texts = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({
    unit: fc.constantFrom("'", '"', '`', '\\', '?', ':a', ';', '-- ', '/*', '*/', '\0', '%', 'é', '😀'),
    maxLength: 20,
  }),
)
const dates = fc.date({
  min: new Date('1000-01-01T00:00:00Z'),
  max: new Date('9999-12-30T00:00:00Z'),
  noInvalidDate: true,
})
const integers = fc.oneof(fc.integer(), fc.maxSafeInteger())
const numbers = fc.oneof(integers, fc.double({ noNaN: true, noDefaultInfinity: true }))
const bigints = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n })
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array))

// A column for each kind, and what a value reads as. A double that is whole and not safe is sent as a double.
const COLUMNS = {
  t: ['LONGTEXT COLLATE utf8mb4_bin', texts],
  n: ['DOUBLE', numbers.map((value) => value + 0)],
  i: ['BIGINT', integers.map((value) => value + 0)],
  g: ['DECIMAL(20)', bigints],
  b: ['LONGBLOB', bytes],
  d: ['DATETIME(3)', dates],
  o: ['TINYINT', fc.boolean()],
}
const NAMES = Object.keys(COLUMNS)
const read = (value) => {
  if (typeof value === 'bigint') return String(value)
  return typeof value === 'boolean' ? Number(value) : value
}
const row = fc.record(
  Object.fromEntries(NAMES.map((name) => [name, fc.option(COLUMNS[name][1], { freq: 4 })])),
)

// What no placeholder takes, at any depth of nesting.
const unsendable = fc.oneof(
  fc.constantFrom(
    undefined,
    NaN,
    Infinity,
    -Infinity,
    Symbol('s'),
    () => {},
    new Date(NaN),
    2n ** 64n,
    -(2n ** 63n) - 1n,
  ),
  fc.object({
    maxDepth: 3,
    withNullPrototype: true,
    withBoxedValues: true,
    withMap: true,
    withSet: true,
    withTypedArray: false,
  }),
  fc.constantFrom(
    new Map([[1, 2]]),
    new Set(['x']),
    /x/,
    new Error('x'),
    Object('boxed'),
    Object(1),
    new ArrayBuffer(4),
  ),
  fc.constantFrom(
    new Float64Array(2),
    new Uint16Array(1),
    new DataView(new ArrayBuffer(2)),
    Promise.resolve(1),
    Buffer,
  ),
  fc.jsonValue({ maxDepth: 4 }).map((value) => ({ value })),
  // What a request body may call itself.
  fc.jsonValue({ maxDepth: 2 }).map((value) => {
    const text = JSON.stringify(value)
    return JSON.parse(`{"__proto__": ${text}, "constructor": {"name": {"toString": ${text}}}}`)
  }),
)

describe('random input', () => {
  let db
  before(async () => {
    const server = await testServer()
    const { host, port, user, password } = server
    const database = await server.database()
    db = createPool({ host, port, user, password, database, timezone: 'Z', connectionLimit: 2 })
    await db.execute(
      `CREATE TABLE kinds (id INT AUTO_INCREMENT PRIMARY KEY, ${NAMES.map((name) => `${name} ${COLUMNS[name][0]}`).join(', ')})`,
    )
  })
  after(() => db.close())

  const expected = (values) => Object.fromEntries(NAMES.map((name) => [name, read(values[name])]))
  const columns = NAMES.join(', ')

  it('comes back from the server as it was sent, by position and by name, as objects and as JSON', () =>
    fc.assert(
      fc.asyncProperty(row, row, async (first, second) => {
        const one = await db.execute(
          `INSERT INTO kinds (${columns}) VALUES (${NAMES.map(() => '?').join(', ')})`,
          NAMES.map((name) => first[name]),
        )
        const two = await db.execute(
          `INSERT INTO kinds (${columns}) VALUES (${NAMES.map((name) => `:${name}`).join(', ')})`,
          second,
        )
        const sql = `SELECT ${columns} FROM kinds WHERE id IN (?) ORDER BY id`
        const ids = [[one.insertId, two.insertId]]
        const wanted = [expected(first), expected(second)]
        assert.deepStrictEqual(await db.query(sql, ids), wanted)
        assert.equal((await db.queryJson(sql, ids)).toString(), JSON.stringify(wanted))
      }),
      settings,
    ))

  it('is found again by what was sent, alone and in a list', () =>
    fc.assert(
      fc.asyncProperty(texts, bytes, bigints, async (text, data, big) => {
        const { insertId } = await db.execute('INSERT INTO kinds (t, b, g) VALUES (?, ?, ?)', [
          text,
          data,
          big,
        ])
        for (const [condition, value] of [
          ['t = ?', text],
          ['b = ?', data],
          ['g = ?', big],
          ['t IN (?)', [text, `${text}x`]],
          ['b IN (?)', [data, Buffer.from('other')]],
          ['g IN (?)', [big, null]],
        ]) {
          const sql = `SELECT id FROM kinds WHERE id = ? AND ${condition}`
          assert.deepEqual(await db.query(sql, [insertId, value]), [{ id: insertId }], condition)
        }
      }),
      { ...settings, numRuns: Math.ceil(RUNS / 4) },
    ))

  it('that no placeholder takes is a typed error that names the place, and nothing is sent', () =>
    fc.assert(
      fc.asyncProperty(unsendable, fc.nat(3), fc.boolean(), async (value, before, inList) => {
        const sent = db.stats().queries.total
        const position = [...Array(before).fill(1), inList ? [1, value] : value]
        const marks = position.map(() => '?').join(', ')
        const calls = [
          [db.query(`SELECT ${marks}`, position), `position ${before + 1}`],
          [db.queryJson('SELECT :key', { key: inList ? [value] : value }), ':key'],
          [db.paginate('SELECT :key AS v', { key: inList ? [value] : value }, { page: 1, limit: 1 }), ':key'],
        ]
        for (const [call, place] of calls) {
          const error = await call.then(assert.fail, (reason) => reason)
          assert.ok(error instanceof HegarError && error instanceof TypeError, `${error?.stack}`)
          assert.equal(error.code, 'HEGAR_PARAM_INVALID')
          assert.ok(error.message.includes(place), error.message)
          assert.ok(error.message.length < 300)
        }
        assert.equal(db.stats().queries.total, sent)
      }),
      settings,
    ))

  it('as parameters, statement and options is answered or refused with a HegarError, never anything else', () =>
    fc.assert(
      fc.asyncProperty(fc.anything(), fc.anything(), fc.anything(), async (sql, params, options) => {
        for (const call of [
          () => db.query(sql, params),
          () => db.query('SELECT 1 AS one', params),
          () => db.paginate('SELECT 1 AS one', params, options),
          () => db.paginateJson('SELECT 1 AS one', params, options),
        ]) {
          try {
            await call()
          } catch (error) {
            assert.ok(error instanceof HegarError, `${error?.stack}`)
          }
        }
      }),
      settings,
    ))
})

describe('random requests', () => {
  const query = fc.record(
    {
      page: fc.oneof(fc.anything(), texts, fc.integer().map(String)),
      limit: fc.oneof(fc.anything(), texts, fc.integer().map(String)),
    },
    { requiredKeys: [] },
  )
  const limits = fc.record({
    maxLimit: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    maxPage: fc.maxSafeNat().map((n) => Math.max(n, 1)),
  })

  it('get a page in range, whose offset is exact; or with strict a 400', () =>
    fc.assert(
      fc.property(query, limits, (asked, options) => {
        const { page, limit, offset } = getPaginationParams({ query: asked }, options)
        assert.ok(page >= 1 && page <= options.maxPage && limit >= 1 && limit <= options.maxLimit)
        assert.ok([page, limit, offset].every(Number.isSafeInteger))
        assert.equal(BigInt(offset), (BigInt(page) - 1n) * BigInt(limit))
        try {
          const strict = getPaginationParams({ query: asked }, { ...options, strict: true })
          assert.deepEqual(strict, { page, limit, offset })
        } catch (error) {
          assert.equal(error.code, 'HEGAR_PAGINATION_INVALID')
          assert.equal(error.statusCode, 400)
          assert.ok(JSON.stringify(error.errors).length < 1500)
        }
      }),
      { ...settings, numRuns: RUNS * 10 },
    ))

  it('are sorted by what the list allows and nothing else', () => {
    const allowed = { id: 'p.id', price: ['price', 'p.id'], name: 'LOWER(name)' }
    const clauses = new Set(
      Object.values(allowed).flatMap((sql) =>
        ['ASC', 'DESC'].map((direction) =>
          [sql]
            .flat()
            .map((part) => `${part} ${direction}`)
            .join(', '),
        ),
      ),
    )
    const key = fc.oneof(
      fc.anything(),
      texts,
      fc.constantFrom('id', 'price', '__proto__', 'constructor', 'toString'),
    )
    const order = fc.oneof(fc.anything(), texts, fc.constantFrom('asc', 'DESC', 'dEsC'))
    fc.assert(
      fc.property(key, order, (requested, direction) => {
        const clause = sortClause(requested, direction, allowed, { name: 'id' })
        assert.ok(clauses.has(clause.sql), clause.sql)
        assert.ok(Object.hasOwn(allowed, clause.name))
        try {
          assert.ok(
            clauses.has(sortClause(requested, direction, allowed, { name: 'id' }, { strict: true }).sql),
          )
        } catch (error) {
          assert.equal(error.code, 'HEGAR_PAGINATION_INVALID')
          assert.ok(JSON.stringify(error.errors).length < 1500)
        }
      }),
      { ...settings, numRuns: RUNS * 10 },
    )
  })

  it('with wrong arguments of the program are typed errors', () =>
    fc.assert(
      fc.property(fc.anything(), fc.anything(), fc.anything(), (one, two, three) => {
        for (const call of [
          () => getPaginationParams(one, two),
          () => sortClause('id', 'asc', one, two, three),
          () => sortClause('id', 'asc', { id: one }, { name: 'id' }, two),
          () => pageSummary(one),
          () => pageSummary({ page: one, limit: two, total: three }),
        ]) {
          try {
            call()
          } catch (error) {
            assert.ok(error instanceof HegarError, `${error?.stack}`)
          }
        }
      }),
      { ...settings, numRuns: RUNS * 5 },
    ))
})
