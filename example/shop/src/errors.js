'use strict'

/** An error whose status and message are meant for the client. */
class AppError extends Error {
  constructor(statusCode, message, errors = null) {
    super(message)
    this.name = 'AppError'
    this.statusCode = statusCode
    this.errors = errors
  }
}

/** The plan's error body. */
function errorBody(message, errors = null) {
  return { status: 'error', message, errors, timestamp: new Date().toISOString() }
}

function notFound(req, res) {
  res.status(404).json(errorBody('Not found'))
}

/**
 * Answers what a route threw. Only an AppError's own words reach the client; anything else is logged here and
 * answered without detail, because messages of the database hold SQL and values.
 */
function errorHandler(error, req, res, next) {
  if (res.headersSent) return next(error)
  if (error instanceof AppError) {
    return res.status(error.statusCode).json(errorBody(error.message, error.errors))
  }
  // Express marks what it refuses itself, such as a path that is not valid percent-encoding.
  if (error.status >= 400 && error.status < 500) {
    return res.status(error.status).json(errorBody('Bad request'))
  }
  console.error(error)
  res.status(500).json(errorBody('Something went wrong'))
}

module.exports = { AppError, errorBody, notFound, errorHandler }
