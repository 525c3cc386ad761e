'use strict'

const assert = require('node:assert/strict')
const querystring = require('node:querystring')
const { describe, it } = require('node:test')

const { HegarError, HegarTypeError } = require('../lib/errors.js')
const { getPaginationParams, pageSummary, sortClause } = require('../lib/pagination.js')

// Express 5's simple parser: an object without a prototype, a repeated name as an array.
const ask = (text, options) => getPaginationParams({ query: querystring.parse(text) }, options)

function refusalOf(work) {
  try {
    work()
  } catch (error) {
    assert.ok(error instanceof HegarError)
    assert.equal(error.code, 'HEGAR_PAGINATION_INVALID')
    assert.equal(error.statusCode, 400)
    assert.equal(error.isOperational, true)
    return error
  }
  return assert.fail('not refused')
}

describe('getPaginationParams', () => {
  it('gives the page, the limit and the offset of the page', () => {
    assert.deepEqual(ask(''), { page: 1, limit: 20, offset: 0 })
    assert.deepEqual(ask('page=3&limit=50'), { page: 3, limit: 50, offset: 100 })
    assert.deepEqual(ask('page=%2B3&limit=007'), { page: 3, limit: 7, offset: 14 })
    assert.deepEqual(getPaginationParams({ query: { page: 3, limit: 50 } }), {
      page: 3,
      limit: 50,
      offset: 100,
    })
    assert.deepEqual(getPaginationParams({ query: undefined }), { page: 1, limit: 20, offset: 0 })
  })

  it('takes its limits from the options', () => {
    assert.equal(ask('', { defaultLimit: 7 }).limit, 7)
    assert.equal(ask('limit=51', { maxLimit: 50 }).limit, 50)
    assert.equal(ask('', { maxLimit: 5 }).limit, 5)
    assert.deepEqual(ask('page=9', { maxPage: 4 }), { page: 4, limit: 20, offset: 60 })
  })

  const clamped = {
    0: [1, 1],
    '-1': [1, 1],
    '-0': [1, 1],
    '1e99': [1, 20],
    abc: [1, 20],
    '': [1, 20],
    1.5: [1, 20],
    '%202': [1, 20],
    '2%20': [1, 20],
    '0x10': [1, 20],
    Infinity: [1, 20],
    NaN: [1, 20],
    '1;DROP TABLE products': [1, 20],
    '%D9%A3': [1, 20],
    1000000: [1000000, 100],
    101: [101, 100],
    100: [100, 100],
  }
  for (const [sent, [page, limit]] of Object.entries(clamped)) {
    it(`reads '${decodeURIComponent(sent)}' as page ${page} and limit ${limit}`, () => {
      assert.equal(ask(`page=${sent}`).page, page)
      assert.equal(ask(`limit=${sent}`).limit, limit)
    })
  }

  it('reads what is no text and no whole number as nothing', () => {
    for (const value of [['1', '2'], ['3'], { gt: '1' }, null, true, 1.5, NaN, Infinity, 5n, () => {}]) {
      assert.deepEqual(getPaginationParams({ query: { page: value, limit: value } }), {
        page: 1,
        limit: 20,
        offset: 0,
      })
    }
    assert.deepEqual(ask('page=1&page=2'), { page: 1, limit: 20, offset: 0 })
  })

  it('never gives an unsafe offset', () => {
    for (const page of ['9007199254740991', '9007199254740993', '9'.repeat(400), 1e99, Number.MAX_VALUE]) {
      for (const limit of [1, 2, 3, 20, 100]) {
        const asked = getPaginationParams({ query: { page, limit } })
        assert.ok(
          Number.isSafeInteger(asked.offset) && Number.isSafeInteger(asked.page),
          JSON.stringify(asked),
        )
        assert.equal(asked.offset, (asked.page - 1) * limit)
      }
    }
  })

  it('looks at own properties of the query alone', () => {
    const query = Object.create({ page: '7', limit: '9' })
    assert.deepEqual(getPaginationParams({ query }), { page: 1, limit: 20, offset: 0 })
  })

  describe('with strict', () => {
    const strict = { strict: true }

    it('accepts what the validator of the plan accepts', () => {
      assert.deepEqual(ask('', strict), { page: 1, limit: 20, offset: 0 })
      assert.deepEqual(ask('page=2&limit=100', strict), { page: 2, limit: 100, offset: 100 })
      assert.deepEqual(ask('page=%2B2&limit=01', strict), { page: 2, limit: 1, offset: 1 })
    })

    it('refuses everything that it would have to correct', () => {
      for (const sent of ['0', '-1', '1e99', 'abc', '', '1.5', '%202', '0x10', '1&page=2', '9'.repeat(400)]) {
        assert.equal(refusalOf(() => ask(`page=${sent}`, strict)).errors[0].path, 'page')
      }
      for (const sent of ['0', '101', '1000000', 'all', '']) {
        assert.equal(refusalOf(() => ask(`limit=${sent}`, strict)).errors[0].path, 'limit')
      }
      refusalOf(() => ask('page=5', { strict: true, maxPage: 4 }))
    })

    it('lists every wrong field as express-validator does', () => {
      const error = refusalOf(() => ask('page=x&limit=1000000', strict))
      assert.deepEqual(error.errors, [
        {
          type: 'field',
          value: 'x',
          msg: 'page must be a whole number from 1 to 90071992547409',
          path: 'page',
          location: 'query',
        },
        {
          type: 'field',
          value: '1000000',
          msg: 'limit must be a whole number from 1 to 100',
          path: 'limit',
          location: 'query',
        },
      ])
      assert.equal(error.message, error.errors.map(({ msg }) => msg).join('; '))
    })

    it('does not send back more than it was sent', () => {
      const long = refusalOf(() => ask(`page=${'x'.repeat(100000)}`, strict))
      assert.equal(long.errors[0].value.length, 100)
      const nested = refusalOf(() => getPaginationParams({ query: { page: { a: ['x'] } } }, strict))
      assert.equal(Object.hasOwn(nested.errors[0], 'value'), false)
    })
  })

  it('throws for mistakes of the program', () => {
    for (const req of [undefined, null, 'page=1', { page: '1' }]) {
      assert.throws(() => getPaginationParams(req), HegarTypeError)
    }
    assert.throws(() => ask('', { maxlimit: 5 }), { code: 'HEGAR_OPTION_UNKNOWN', message: /'maxLimit'/ })
    assert.throws(() => ask('', { maxLimit: 0 }), { code: 'HEGAR_OPTION_INVALID', message: /'maxLimit'/ })
    assert.throws(() => ask('', { strict: 'yes' }), { code: 'HEGAR_OPTION_INVALID' })
    assert.throws(() => ask('', { defaultLimit: 30, maxLimit: 20 }), {
      code: 'HEGAR_OPTION_INVALID',
      message: /30/,
    })
    assert.throws(() => ask('', 20), { code: 'HEGAR_OPTION_INVALID' })
  })
})

describe('sortClause', () => {
  const allowed = {
    name: 'p.name',
    price: ['p.sale_price', 'p.id'],
    discount: '(p.regular_price - p.sale_price)',
  }
  const fallback = { name: 'name', direction: 'desc' }

  it('maps an allowed name to its SQL', () => {
    assert.deepEqual(sortClause('discount', 'desc', allowed, fallback), {
      name: 'discount',
      direction: 'DESC',
      sql: '(p.regular_price - p.sale_price) DESC',
    })
    assert.equal(sortClause('price', 'Desc', allowed, fallback).sql, 'p.sale_price DESC, p.id DESC')
    assert.equal(sortClause('name', undefined, allowed, fallback).sql, 'p.name ASC')
    assert.equal(sortClause('price', 'asc; DROP TABLE p', allowed, fallback).direction, 'ASC')
  })

  it('gives the fallback for every other name', () => {
    const others = [
      'p.name',
      'NAME',
      '',
      'name --',
      '__proto__',
      'constructor',
      'toString',
      ['name'],
      {},
      null,
      1,
    ]
    for (const requested of [...others, undefined]) {
      assert.equal(sortClause(requested, 'asc', allowed, fallback).sql, 'p.name DESC')
    }
  })

  it('refuses with strict what is given and wrong', () => {
    const strict = { strict: true }
    assert.equal(sortClause(undefined, undefined, allowed, fallback, strict).sql, 'p.name DESC')
    const error = refusalOf(() => sortClause('rating', 'up', allowed, fallback, strict))
    assert.deepEqual(
      error.errors.map(({ path, msg }) => [path, msg]),
      [
        ['_sort', '_sort must be one of name, price, discount'],
        ['_order', '_order must be asc or desc'],
      ],
    )
  })

  it('throws for a fallback that is not in the list', () => {
    for (const wrong of [undefined, null, {}, { name: 'rating' }, { name: 'name', direction: 'up' }]) {
      assert.throws(() => sortClause('name', 'asc', allowed, wrong), HegarTypeError)
    }
    assert.throws(() => sortClause('name', 'asc', undefined, fallback), HegarTypeError)
  })
})

describe('pageSummary', () => {
  it('has its keys in one order', () => {
    const expected = '{"page":2,"limit":20,"total":41,"totalPages":3,"hasNext":true,"hasPrevious":true}'
    assert.equal(JSON.stringify(pageSummary({ total: 41, limit: 20, page: 2 })), expected)
  })

  it('knows the first, the last and the pages beyond', () => {
    const about = (page, total) => {
      const { totalPages, hasNext, hasPrevious } = pageSummary({ page, limit: 20, total })
      return [totalPages, hasNext, hasPrevious]
    }
    assert.deepEqual(about(1, 0), [0, false, false])
    assert.deepEqual(about(1, 20), [1, false, false])
    assert.deepEqual(about(1, 21), [2, true, false])
    assert.deepEqual(about(2, 21), [2, false, true])
    assert.deepEqual(about(9, 21), [2, false, true])
  })

  it('reads the totals that the options for big numbers give', () => {
    assert.equal(pageSummary({ page: 1, limit: 20, total: 41n }).total, 41)
    assert.equal(pageSummary({ page: 1, limit: 20, total: '41' }).total, 41)
  })

  it('has no totals when nothing was counted', () => {
    const uncounted = pageSummary({ page: 2, limit: 20, total: null })
    assert.deepEqual(uncounted, {
      page: 2,
      limit: 20,
      total: null,
      totalPages: null,
      hasNext: null,
      hasPrevious: true,
    })
    assert.equal(pageSummary({ page: 2, limit: 20, total: null, hasNext: true }).hasNext, true)
  })

  it('throws for figures that are none', () => {
    for (const total of [-1, 1.5, NaN, '', 'many', [], 2n ** 60n]) {
      assert.throws(() => pageSummary({ page: 1, limit: 20, total }), HegarTypeError)
    }
    for (const wrong of [0, -1, 1.5, '1', undefined]) {
      assert.throws(() => pageSummary({ page: wrong, limit: 20, total: 1 }), HegarTypeError)
      assert.throws(() => pageSummary({ page: 1, limit: wrong, total: 1 }), HegarTypeError)
    }
  })
})
