'use strict'

const words = require('./words.js')
const { createRandom } = require('./random.js')

const DAY_MS = 86_400_000
const FIRST_DAY = Date.UTC(2024, 0, 1)
const DAYS = 650
const STATUS = { done: 6 }

/**
 * The shop's data as functions of a size: what `products` is given, everything else follows from. They write to
 * an Inserter and call `step` after each product, order and user, `stepCount(sizes)` times in all.
 */
function sizesFor(products) {
  const stores = Math.max(5, Math.round(products / 66))
  return {
    products,
    stores,
    users: stores + Math.max(10, Math.round(products / 10)),
    orders: Math.round(products * 1.25),
  }
}

const stepCount = ({ products, users, orders }) => products + users + orders

/** Statuses, roles, couriers, categories and tags: the small tables that the others refer to. */
async function addLookups(inserter) {
  const named = (names, column) => names.map((name, index) => ({ id: index + 1, [column]: name }))
  await inserter.addAll('product_status', named(words.productStatuses, 'status'))
  await inserter.addAll('info_status', named(words.infoStatuses, 'status'))
  await inserter.addAll('order_status', named(words.orderStatuses, 'status'))
  await inserter.addAll('user_balance_status', named(words.balanceStatuses, 'status'))
  await inserter.addAll('user_roles', named(words.roles, 'roles'))
  await inserter.addAll('tag_product', named(words.tags, 'name'))
  await inserter.addAll(
    'admin_courier',
    words.couriers.map(([name, code], index) => ({ id: index + 1, name, code })),
  )
  await inserter.addAll('category_product', categoryRows())
}

/** Ten parent categories, then the children of each. */
function categoryRows() {
  const parents = Object.keys(words.categories)
  const rows = parents.map((name, index) => ({ id: index + 1, name, parent_id: null }))
  for (const [index, parent] of parents.entries()) {
    for (const name of words.categories[parent])
      rows.push({ id: rows.length + 1, name, parent_id: index + 1 })
  }
  return rows
}

/** The first users own the stores (stores.user_id is a user's id), the others buy. */
async function addUsers(inserter, { users, stores }, step) {
  const random = createRandom('users')
  for (let id = 1; id <= users; id++) {
    const seller = id <= stores
    const person = random.pick(words.people)
    await inserter.add('users', {
      id,
      username: `${person.toLowerCase()}${id}`,
      email: `${person.toLowerCase()}${id}@example.com`,
      email_status_id: random.int(1, 2),
      image: `images/users/${id}.jpg`,
      reg_date: day(random.int(0, 60)),
      // No text is the hash of a password here, so nobody can log in with seeded data.
      password: '!',
      phone: `08${random.int(100_000_000, 999_999_999)}`,
      role_id: seller ? 2 : 3,
      user_status_id: 2,
      main_address_id: null,
      main_bank_id: null,
    })
    if (seller) await addStore(inserter, random, id, person)
    step()
  }
}

async function addStore(inserter, random, id, person) {
  const city = random.pick(words.origins)
  await inserter.add('stores', {
    user_id: String(id),
    store_name: `${random.pick(words.storeNames)} ${person} ${city}`,
    main_address_id: id,
    status: 2,
  })
  await inserter.add('store_address', {
    id,
    user_id: id,
    recipient_name: person,
    recipient_phone: `08${random.int(100_000_000, 999_999_999)}`,
    province_id: random.int(1, 34),
    province: city,
    city_id: random.int(1, 500),
    city,
    subdistrict_id: random.int(1, 6000),
    subdistrict: city,
    postcode: String(random.int(10_000, 99_999)),
    address: `Jalan ${random.pick(words.origins)} ${random.int(1, 200)}`,
  })
  const couriers = random.sample([1, 2, 3, 4], 2)
  await inserter.addAll(
    'store_courier',
    couriers.map((courier) => ({ store_id: id, courier_id: courier })),
  )
}

/** Products with their images, categories (a parent and one or two of its children) and tags (often none). */
async function addProducts(inserter, { products, stores }, step) {
  const random = createRandom('products')
  const parents = Object.keys(words.categories)
  const tagIds = words.tags.map((_, index) => index + 1)
  for (let id = 1; id <= products; id++) {
    const parent = random.int(0, parents.length - 1)
    await inserter.add('products', productRow(random, id, parents[parent], stores))

    for (let picture = random.int(1, 4), number = 1; number <= picture; number++) {
      await inserter.add('product_image', { product_id: id, image: `images/products/${id}-${number}.jpg` })
    }
    const children = random.sample([1, 2, 3, 4, 5, 6], random.int(1, 2))
    const categories = [parent + 1, ...children.map((child) => parents.length + parent * 6 + child)]
    await inserter.addAll(
      'product_category',
      categories.map((category) => ({ product_id: id, category_id: category })),
    )

    const tags = random.sample(tagIds, random.int(0, 5))
    await inserter.addAll(
      'product_tag',
      tags.map((tag) => ({ product_id: id, tag_id: tag })),
    )
    step()
  }
}

function productRow(random, id, category, stores) {
  const regular = random.int(10, 4_000) * 500
  const onSale = random.chance(0.6)
  return {
    id,
    name: `${random.pick(words.adjectives)} ${random.pick(words.origins)} ${random.pick(words.nouns[category])} ${id}`,
    description: random.sample(words.phrases, random.int(2, 4)).join(' '),
    weight: String(random.int(1, 80) * 50),
    regular_price: regular,
    sale_price: onSale ? Math.round((regular * random.int(50, 95)) / 10_000) * 100 : null,
    released_date: day(random.int(60, DAYS), random),
    updated_date: random.chance(0.5) ? day(random.int(DAYS, DAYS + 30), random) : null,
    store_id: random.int(1, stores),
    status_id: random.chance(0.95) ? 1 : random.int(2, 3),
    stock: random.chance(0.05) ? 0 : random.int(1, 500),
  }
}

/** Orders of one to four products each; most are done, and most products of those are reviewed. */
async function addOrders(inserter, { products, stores, users, orders }, step) {
  const random = createRandom('orders')
  let review = 0
  for (let id = 1; id <= orders; id++) {
    const user = random.int(stores + 1, users)
    const status = random.chance(0.72) ? STATUS.done : random.int(1, 7)
    const date = random.int(90, DAYS)
    const number = `ORD-${day(date).slice(0, 10).replaceAll('-', '')}-${String(id).padStart(6, '0')}`
    await inserter.add('orders', {
      id,
      order_number: number,
      user_id: user,
      checkout_date: status > 1 ? day(date, random) : null,
      upload_receipt_date: status > 2 ? day(date + 1, random) : null,
      receipt_image: status > 2 ? `images/receipts/${id}.jpg` : '',
      send_date: status === 5 || status === STATUS.done ? day(date + 2, random) : null,
      done_date: status === STATUS.done ? day(date + 6, random) : null,
      order_status_id: status,
    })
    for (let line = random.int(1, 4); line > 0; line--) {
      const reviewed = status === STATUS.done && random.chance(0.64)
      if (reviewed) review++
      const store = random.int(1, stores)
      await inserter.add('order_details', {
        order_number: number,
        sub_order_number: `${number}-${store}`,
        store_id: store,
        // Squaring makes the first products sell more than the last, as in a real shop.
        product_id: 1 + Math.floor(random.next() ** 2 * products),
        qty: random.int(1, 5),
        price_each: random.int(10, 4_000) * 500,
        weight_each: random.int(1, 80) * 50,
        review_id: reviewed ? review : null,
      })
      if (reviewed) await addReview(inserter, random, review, user, date + 10)
    }
    step()
  }
}

async function addReview(inserter, random, id, user, date) {
  await inserter.add('product_review', {
    review_id: id,
    user_id: user,
    date: day(date, random),
    comment: random.pick(words.comments),
    rating: random.chance(0.03) ? null : Math.max(random.int(1, 5), random.int(2, 5)),
    status: 1,
  })
  if (random.chance(0.1))
    await inserter.add('review_image', { review_id: id, image: `images/reviews/${id}.jpg` })
}

/** A moment in UTC as the server reads it, some days after the first one; at midnight without `random`. */
function day(number, random) {
  const moment = FIRST_DAY + number * DAY_MS + (random ? random.int(0, 86_399) * 1_000 : 0)
  return new Date(moment).toISOString().slice(0, 19).replace('T', ' ')
}

module.exports = { sizesFor, stepCount, addLookups, addUsers, addProducts, addOrders }
