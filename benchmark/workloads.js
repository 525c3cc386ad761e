'use strict'

// What is asked. Every workload is one SELECT with parameters that go through a fixed cycle, so that all
// drivers get the same questions in the same order and every answer can be compared with a kept one.

const { listQuery, DEFAULT_SORTING } = require('../example/shop/src/products')

const COLUMNS =
  'id, name, description, weight, regular_price, sale_price, released_date, updated_date, store_id, status_id, stock'

const ONE = `SELECT ${COLUMNS} FROM products WHERE id = ?`
const PAGE = `SELECT ${COLUMNS} FROM products WHERE id >= ? ORDER BY id LIMIT 20`
const RANGE = `SELECT ${COLUMNS} FROM products WHERE id BETWEEN ? AND ? ORDER BY id`

/** Name → how to build `{sql, params}` for a shop whose product ids run from `first` to `last` without gaps. */
const BUILDERS = {
  point: ({ first, last }) => ({ sql: ONE, params: starts(499, first, last).map((id) => [id]) }),
  page20: ({ first, last }) => ({ sql: PAGE, params: starts(251, first, last - 19).map((id) => [id]) }),
  list1k: ({ first, last }) => ({
    sql: RANGE,
    params: starts(31, first, last - 999).map((id) => [id, id + 999]),
  }),
  list10k: ({ first, last }) => ({
    sql: RANGE,
    params: starts(5, first, last - 9999).map((id) => [id, id + 9999]),
  }),
  join20: () => shopList(),
}

/** The shop's product list as a visitor sees it, pages 1 to 25 of 20; its named parameters become `?`. */
function shopList() {
  const { sql, params } = listQuery({ filters: {}, ...DEFAULT_SORTING })
  const names = []
  const positional = sql.replace(/:(\w+)/g, (match, name) => {
    names.push(name)
    return '?'
  })
  const page = (number) => ({ ...params, limit: 20, offset: (number - 1) * 20 })
  return {
    sql: positional,
    params: starts(25, 1, 25).map((number) => names.map((name) => page(number)[name])),
  }
}

/** `count` ids spread over the range in an order that looks random and is always the same. */
function starts(count, low, high) {
  const span = high - low + 1
  // A step near the golden ratio of the span visits it evenly without a pattern that a cache could like.
  const step = Math.round(span * 0.618)
  return Array.from({ length: count }, (_, i) => low + ((i * step) % span))
}

const WORKLOADS = Object.keys(BUILDERS)

function buildWorkload(name, shop) {
  return { name, ...BUILDERS[name](shop) }
}

module.exports = { WORKLOADS, buildWorkload }
