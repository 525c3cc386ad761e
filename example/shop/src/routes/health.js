'use strict'

const express = require('express')

/** The plan's health checks: / with details, /ready (can it serve?) and /live (is it there?). */
function healthRoutes(db) {
  const router = express.Router()

  router.get('/', async (req, res) => {
    const database = await db.isHealthy()
    res.status(database ? 200 : 503).json({
      uptime: process.uptime(),
      timestamp: Date.now(),
      status: database ? 'OK' : 'Degraded',
      checks: { database: database ? 'OK' : 'Error', memory: process.memoryUsage() },
    })
  })

  router.get('/ready', async (req, res) => {
    const ready = await db.isHealthy()
    res.status(ready ? 200 : 503).json({ status: ready ? 'Ready' : 'Not ready' })
  })

  router.get('/live', (req, res) => {
    res.json({ status: 'Live' })
  })

  return router
}

module.exports = { healthRoutes }
