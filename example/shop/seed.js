'use strict'

const { loadConfig } = require('./src/config.js')
const { withSetupConnection } = require('./src/connection.js')
const { Inserter } = require('./seed/inserter.js')
const { sizesFor, stepCount, addLookups, addUsers, addProducts, addOrders } = require('./seed/data.js')

/** Raise this when the seed's data changes, so that databases seeded before are seeded again. */
const VERSION = 1
const DEFAULT_PRODUCTS = 20_000

const SEEDED_TABLES = [
  'product_status',
  'info_status',
  'order_status',
  'user_balance_status',
  'user_roles',
  'tag_product',
  'admin_courier',
  'category_product',
  'users',
  'stores',
  'store_address',
  'store_courier',
  'products',
  'product_image',
  'product_category',
  'product_tag',
  'orders',
  'order_details',
  'product_review',
  'review_image',
]

/**
 * Fills a migrated database with the same data every time: `products` products, and everything else in
 * proportion (20,000 products come with some 300 stores, 60,000 order lines and 30,000 reviews).
 *
 * Resolves with 'seeded', with 'current' when this very data is there, or with 'foreign' when there are products
 * that the seed did not make; those are never touched. A seed that was cut short is begun again.
 */
async function seed(connection, { products = DEFAULT_PRODUCTS, onProgress = () => {} } = {}) {
  const state = await readState(connection)
  if (state === null && (await hasProducts(connection))) return 'foreign'
  if (state?.finished && state.version === VERSION && state.products === products) return 'current'

  await connection.query('REPLACE INTO seed_state (id, version, products, finished) VALUES (1, ?, ?, 0)', [
    VERSION,
    products,
  ])
  for (const table of SEEDED_TABLES) await connection.query('TRUNCATE TABLE ??', [table])

  const sizes = sizesFor(products)
  const total = stepCount(sizes)
  let done = 0
  // The last step is counted when everything has been written.
  const step = () => onProgress(Math.min(++done, total - 1), total)

  const inserter = new Inserter(connection)
  await addLookups(inserter)
  await addUsers(inserter, sizes, step)
  await addProducts(inserter, sizes, step)
  await addOrders(inserter, sizes, step)
  await inserter.flush()
  // Without fresh statistics the optimiser may read a table from end to end until the server has counted it.
  await connection.query('ANALYZE TABLE ??', [SEEDED_TABLES])
  await connection.query('UPDATE seed_state SET finished = 1 WHERE id = 1')
  onProgress(total, total)
  return 'seeded'
}

async function readState(connection) {
  await connection.query(`CREATE TABLE IF NOT EXISTS seed_state (
    id INT NOT NULL PRIMARY KEY,
    version INT NOT NULL,
    products INT NOT NULL,
    finished TINYINT NOT NULL
  )`)
  const [[row]] = await connection.query('SELECT version, products, finished FROM seed_state WHERE id = 1')
  return row ? { ...row, finished: row.finished === 1 } : null
}

async function hasProducts(connection) {
  const [rows] = await connection.query('SELECT 1 FROM products LIMIT 1')
  return rows.length > 0
}

async function main([products]) {
  const count = products === undefined ? DEFAULT_PRODUCTS : Number(products)
  if (!Number.isInteger(count) || count < 1) throw new Error('usage: node seed.js [PRODUCTS]')
  await withSetupConnection(loadConfig().database, async (connection) => {
    console.log(`Seed: ${await seed(connection, { products: count })}`)
  })
}

if (require.main === module) {
  main(process.argv.slice(2)).catch((error) => {
    console.error(error.message)
    process.exitCode = 1
  })
}

module.exports = { seed, DEFAULT_PRODUCTS }
