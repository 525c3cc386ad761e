'use strict'

const express = require('express')
const { AppError } = require('../errors.js')
const { Input } = require('../validation.js')
const { listQuery, detailQuery, shapeFor, SORT_NAMES, DEFAULT_SORTING } = require('../products.js')

/** GET / (the list), GET /store/:id (one store's list) and GET /:id (one product). */
function productRoutes(db, config, { list, product }) {
  const router = express.Router()
  const shape = shapeFor(config.serverUrl)

  router.get('/', list, async (req, res) => {
    const input = new Input(req)
    const filters = { search: input.text('search'), category: input.text('category') }
    await sendList(input, filters, res)
  })

  router.get('/store/:id', list, async (req, res) => {
    const input = new Input(req)
    const filters = {
      store: input.id(),
      search: input.text('name'),
      categories: input.choices('categories'),
      tags: input.choices('tags'),
    }
    await sendList(input, filters, res)
  })

  router.get('/:id', product, async (req, res) => {
    const input = new Input(req)
    const id = input.id()
    input.done()
    const { sql, params } = detailQuery(id)
    const found = await db.sendOne(res, sql, params, { shape })
    if (!found) throw new AppError(404, 'Product not found')
  })

  async function sendList(input, filters, res) {
    const { page, limit } = input.pagination()
    const sorting = input.sorting(SORT_NAMES, DEFAULT_SORTING)
    input.done()
    const { sql, params, countSql, countParams } = listQuery({ filters, ...sorting })
    await db.sendPage(res, sql, params, { page, limit, countSql, countParams, shape })
  }

  return router
}

module.exports = { productRoutes }
