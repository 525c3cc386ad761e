'use strict'

/**
 * The product queries. What a client sends reaches them as named parameters only; the SQL text is put together
 * from the constants of this file, so that the server prepares a handful of statements and keeps them.
 */

const ACTIVE = 1

/** An order counts as sold once it is paid: processed, sent or done (order_status 4, 5, 6). */
const SOLD = '4, 5, 6'

const DISCOUNT = 'COALESCE((p.regular_price - p.sale_price) / p.regular_price, 0)'

/**
 * The columns of one product. Each aggregate looks up one product by an index, so its cost goes with the rows
 * on the page. Derived tables over all products, as the shop had them, cost a hundred times as much.
 */
const COLUMNS = `
  p.id, p.name, p.description, p.weight, p.regular_price, p.sale_price, ${DISCOUNT} AS discount, p.stock,
  p.released_date, p.updated_date, p.store_id, s.store_name,
  (SELECT GROUP_CONCAT(i.image ORDER BY i.id SEPARATOR ',')
     FROM product_image i WHERE i.product_id = p.id) AS images,
  (SELECT GROUP_CONCAT(c.name ORDER BY pc.id SEPARATOR ',')
     FROM product_category pc JOIN category_product c ON c.id = pc.category_id
    WHERE pc.product_id = p.id) AS categories,
  (SELECT GROUP_CONCAT(t.name ORDER BY pt.id SEPARATOR ',')
     FROM product_tag pt JOIN tag_product t ON t.id = pt.tag_id
    WHERE pt.product_id = p.id) AS tags,
  (SELECT COUNT(*)
     FROM order_details d JOIN product_review r ON r.review_id = d.review_id
    WHERE d.product_id = p.id) AS review_count,
  (SELECT AVG(r.rating)
     FROM order_details d JOIN product_review r ON r.review_id = d.review_id
    WHERE d.product_id = p.id) AS average_rating,
  (SELECT COALESCE(SUM(d.qty), 0)
     FROM order_details d JOIN orders o ON o.order_number = d.order_number
    WHERE d.product_id = p.id AND o.order_status_id IN (${SOLD})) AS total_sold`

/**
 * stores.user_id is text and products.store_id a number. As a text it can be looked up in the index, and CONCAT
 * makes one that takes the collation of whatever it is compared with.
 */
const STORE = 'LEFT JOIN stores s ON s.user_id = CONCAT(p.store_id)'

/** What the one sort order by an aggregate adds to the page query: the reviews of every product of the list. */
const REVIEWS = `
  LEFT JOIN order_details d ON d.product_id = p.id
  LEFT JOIN product_review r ON r.review_id = d.review_id`

/** The sort names a client may use, and what the page is ordered by. */
const SORTS = {
  name: { key: 'p.name' },
  regular_price: { key: 'p.regular_price' },
  sale_price: { key: 'p.sale_price' },
  released_date: { key: 'p.released_date' },
  discount: { key: DISCOUNT },
  rating: { key: 'AVG(r.rating)', join: REVIEWS, group: 'GROUP BY p.id' },
}
const SORT_NAMES = Object.keys(SORTS)
const DEFAULT_SORTING = { sort: 'released_date', order: 'desc' }

/** How the comma-joined and the decimal columns of a row become JSON. */
function shapeFor(serverUrl) {
  return {
    images: { split: ',', prefix: `${serverUrl}/` },
    categories: { split: ',' },
    tags: { split: ',' },
    discount: { number: true },
    average_rating: { number: true },
    total_sold: { number: true },
  }
}

/** The list query and its count. `sort` is one of SORT_NAMES, `order` is asc or desc. */
function listQuery({ filters, sort, order }) {
  const { conditions, params } = where(filters)
  const { key, join = '', group = '' } = SORTS[sort]
  const direction = order === 'desc' ? 'DESC' : 'ASC'
  const from = (more) => `FROM products p ${more} WHERE ${conditions.join(' AND ')}`
  return {
    // The page's ids come first, from an index where there is one for the order; the id makes the order total.
    // With its key the page can be put in order again by itself, which spares a temporary table of whole rows.
    sql: `SELECT ${COLUMNS}
      FROM (SELECT p.id, ${key} AS sort_key ${from(join)} ${group}
             ORDER BY sort_key ${direction}, p.id ${direction} LIMIT :limit OFFSET :offset) page
      JOIN products p ON p.id = page.id ${STORE}
     ORDER BY page.sort_key ${direction}, page.id ${direction}`,
    params,
    countSql: `SELECT COUNT(*) AS total ${from('')}`,
    countParams: params,
  }
}

/** The query for one product by its id. */
function detailQuery(id) {
  return {
    sql: `SELECT ${COLUMNS} FROM products p ${STORE} WHERE p.id = :id AND p.status_id = :status`,
    params: { id, status: ACTIVE },
  }
}

function where({ search, category, categories, tags, store }) {
  const conditions = ['p.status_id = :status']
  const params = { status: ACTIVE }
  const add = (condition, name, value) => {
    conditions.push(condition)
    params[name] = value
  }
  if (store) add('p.store_id = :store', 'store', store)
  if (search) add("p.name LIKE :search ESCAPE '!'", 'search', containing(search))
  if (category) add(inCategory('c.name = :category'), 'category', category)
  if (categories) add(inCategory('c.name IN (:categories)'), 'categories', categories)
  if (tags) add(withTag('t.name IN (:tags)'), 'tags', tags)
  return { conditions, params }
}

const inCategory = (test) => `p.id IN (
  SELECT pc.product_id FROM product_category pc JOIN category_product c ON c.id = pc.category_id WHERE ${test})`

const withTag = (test) => `p.id IN (
  SELECT pt.product_id FROM product_tag pt JOIN tag_product t ON t.id = pt.tag_id WHERE ${test})`

/** A LIKE pattern for texts that contain this one, in which nothing of it is a wildcard. */
function containing(text) {
  return `%${text.replace(/[!%_]/g, '!$&')}%`
}

module.exports = { listQuery, detailQuery, shapeFor, SORT_NAMES, DEFAULT_SORTING }
