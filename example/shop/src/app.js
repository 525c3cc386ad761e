'use strict'

const express = require('express')
const { openAnswers } = require('./answers.js')
const { notFound, errorHandler } = require('./errors.js')
const { healthRoutes } = require('./routes/health.js')
const { productRoutes } = require('./routes/products.js')

/** The Express application, on a database opened by openDatabase(); `answers` are kept and counted by openAnswers(). */
function createApp(db, config, answers = openAnswers(db, config)) {
  const app = express()
  app.disable('x-powered-by')
  // A list carries the time it was made, so no two answers are equal and an ETag would be work for nothing.
  app.disable('etag')

  if (config.clientUrl) {
    app.use((req, res, next) => {
      res.set({ 'Access-Control-Allow-Origin': config.clientUrl, Vary: 'Origin' })
      next()
    })
  }

  app.use('/health', healthRoutes(db))
  app.use('/api', answers.limiter)
  app.use('/api/v1/products', productRoutes(db, config, answers))
  app.get('/metrics', (req, res, next) => {
    const text = db.metrics()
    if (text === null) return next()
    res.type('text/plain; version=0.0.4').end(text + answers.metrics())
  })

  app.use(notFound)
  app.use(errorHandler)
  return app
}

module.exports = { createApp }
