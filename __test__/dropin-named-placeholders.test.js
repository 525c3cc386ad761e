'use strict'

const assert = require('node:assert/strict')
const { describe, it } = require('node:test')
const fc = require('fast-check')
const toArrays = require('named-placeholders')()
const { toPositional } = require('../lib/dropin/named-placeholders.js')
const { splitText } = require('../lib/dropin/sql-scan.js')
const { format } = require('../lib/dropin/sql-string.js')

const SEED = process.env.HEGAR_PROPERTY_SEED
const RUNS = Number(process.env.HEGAR_PROPERTY_RUNS ?? 500)
const settings = { numRuns: RUNS, ...(SEED && { seed: Number(SEED) }) }

const positional = (sql, values, sqlMode) => {
  const result = toPositional(sql, values, sqlMode)
  return [result.sql, result.values]
}

describe('named placeholders', () => {
  const values = { a: 1, b: 'x', a_1: null, A: new Date(0), 0: 'zero', 1: 'one', 12: 'dozen', list: [1, 2] }
  const STATEMENTS = [
    'SELECT :a',
    'SELECT :a, :b, :a, :A, :a_1',
    'SELECT :missing, :a',
    'SELECT ?, :a, ?',
    'SELECT ??, ?',
    'SELECT :12, :1',
    'SELECT * FROM ::b WHERE ::a = :b',
    'SELECT :a:b',
    'SELECT 1--:a',
    'SELECT /*! :a */ /*+ :b */ 1',
    'SELECT x:::a',
    "SELECT ':a', :b",
    'SELECT ":a", :b',
    "SELECT 'it''s :a', :b",
    "SELECT '\\':a', :b",
    'SELECT @x := :a',
    'SELECT :a+:b-:a',
    'SELECT * FROM t WHERE id IN (:list)',
    'SELECT :_a, : a, :é',
    'SELECT 1',
    '',
    ':a',
  ]
  for (const sql of STATEMENTS) {
    it(`are read in ${JSON.stringify(sql)} as mysql2 reads them`, () => {
      assert.deepEqual(positional(sql, values), toArrays(sql, values))
    })
  }

  it('leave values in an array and their statement as they are', () => {
    const list = [1, 'a']
    assert.deepEqual(toPositional('SELECT ?, :a, ??', list), { sql: 'SELECT ?, :a, ??', values: list })
    assert.equal(toPositional('SELECT ?', list).values, list)
  })

  it('need no values where there is nothing to replace', () => {
    for (const none of [undefined, null, {}])
      assert.deepEqual(positional("SELECT ':a'", none), ["SELECT ':a'", []])
  })

  it('refuse to be without values, as in mysql2', () => {
    assert.throws(() => toArrays('SELECT :a', undefined), Error)
    for (const none of [undefined, null]) {
      assert.throws(() => toPositional('SELECT :a', none), {
        message: 'Named query contains placeholders, but parameters object is undefined',
      })
    }
  })

  it('are not read in comments and quoted identifiers, where mysql2 reads them', () => {
    for (const text of ['/* :a */', '-- :a\n', '# :a\n', '`:a`', '`a``:a`', '/* :a', '-- :a']) {
      assert.deepEqual(positional(`SELECT :b, ${text}`, values), [`SELECT ?, ${text}`, ['x']])
      assert.deepEqual(toArrays(`SELECT :b, ${text}`, values)[1], ['x', 1], text)
    }
    // The quote of a comment is none, so what follows it is no literal.
    const sql = "SELECT 1 /* it's */, :a"
    assert.deepEqual(positional(sql, values), ["SELECT 1 /* it's */, ?", [1]])
    assert.deepEqual(toArrays(sql, values), [sql, []])
  })

  it('end literals as the SQL mode says', () => {
    assert.deepEqual(positional("SELECT 'a\\', :a", values), ["SELECT 'a\\', :a", []])
    const mode = { noBackslashEscapes: true }
    assert.deepEqual(positional("SELECT 'a\\', :a", values, mode), ["SELECT 'a\\', ?", [1]])
    assert.deepEqual(positional('SELECT "a\\", :a', values, { ansiQuotes: true }), ['SELECT "a\\", ?', [1]])
  })

  it('take no value from what every object inherits', () => {
    const sql = 'SELECT :constructor, :toString, :polluted, :own'
    Object.prototype.polluted = 'p'
    try {
      assert.deepEqual(positional(sql, { own: 1 })[1], [undefined, undefined, undefined, 1])
    } finally {
      delete Object.prototype.polluted
    }
    assert.deepEqual(positional(sql, JSON.parse('{"constructor": 1, "toString": 2}'))[1].slice(0, 2), [1, 2])
  })

  it('take values from the getters of a class', () => {
    class Product {
      get price() {
        return 5
      }
    }
    assert.deepEqual(positional('SELECT :price', new Product()), ['SELECT ?', [5]])
    assert.deepEqual(positional('SELECT :a', Object.assign(Object.create(null), { a: 1 })), ['SELECT ?', [1]])
  })

  it('give the same from the cache, and after more statements than it holds', () => {
    for (let round = 0; round < 3; round++) {
      for (let index = 0; index < 300; index++) {
        const result = positional(`SELECT :a, ${index}, ':b'`, { a: round })
        assert.deepEqual(result, [`SELECT ?, ${index}, ':b'`, [round]])
      }
    }
    const long = `SELECT '${'x'.repeat(100_000)}', :a`
    assert.deepEqual(positional(long, values), [long.replace(':a', '?'), [1]])
  })
})

describe('the text of a statement', () => {
  it('is what format leaves alone, in every SQL mode', () => {
    const unit = fc.constantFrom(...'\'"`\\#-/*!+ \n\t?xé'.split(''), '--', '/*', '*/', '-- ', '/*!')
    const modes = fc.record({ noBackslashEscapes: fc.boolean(), ansiQuotes: fc.boolean() })
    const property = fc.property(fc.string({ unit, maxLength: 40 }), modes, (pieces, sqlMode) => {
      // Two together are an identifier and more are nothing, so each stands alone.
      const sql = pieces.replaceAll('?', ' ? ')
      const byParts = splitText(sql, sqlMode)
        .map((part, index) => (index % 2 === 0 ? part.replaceAll('?', '7') : part))
        .join('')
      const sevens = Array(sql.length + 1).fill(7)
      assert.equal(format(sql, sevens, false, 'Z', sqlMode), byParts)
    })
    fc.assert(property, settings)
  })
})
