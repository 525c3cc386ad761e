'use strict'

const { getPaginationParams } = require('hegar-native')
const { AppError } = require('./errors.js')

const PAGES = { defaultLimit: 20, maxLimit: 100, strict: true }
const MAX_TEXT = 100
const MAX_CHOICES = 20

/**
 * Reads typed values out of a request and collects what is wrong with them, so that a client learns of every
 * mistake at once. `done()` throws the plan's 400 answer when there was one.
 */
class Input {
  #errors = []

  constructor(req) {
    this.query = req.query
    this.params = req.params
  }

  /** The :id of the path: a whole number from 1. */
  id() {
    const value = wholeNumber(this.params.id)
    if (value === null) this.#refuse('params', 'id', 'must be a whole number from 1')
    return value
  }

  /** The page and its size: whole numbers from 1, the size at most 100; 1 and 20 when they are left out. */
  pagination() {
    try {
      return getPaginationParams({ query: this.query }, PAGES)
    } catch (error) {
      if (error.code !== 'HEGAR_PAGINATION_INVALID') throw error
      this.#errors.push(...error.errors)
      return {}
    }
  }

  /** `_sort`, one of the given names, and `_order`, asc or desc. The names are an allow-list. */
  sorting(names, fallback) {
    const { _sort: sort, _order: order } = this.query
    if (sort === undefined && order === undefined) return fallback
    if (sort !== undefined && !names.includes(sort))
      this.#refuse('query', '_sort', `must be one of ${names.join(', ')}`)
    const direction = order === undefined ? 'asc' : String(order).toLowerCase()
    if (direction !== 'asc' && direction !== 'desc') this.#refuse('query', '_order', 'must be asc or desc')
    return { sort: sort ?? fallback.sort, order: direction }
  }

  /** A short text without the spaces around it; null when it is left out or empty. */
  text(name) {
    const value = this.query[name]
    if (value === undefined) return null
    if (typeof value === 'string' && value.trim().length <= MAX_TEXT) return value.trim() || null
    this.#refuse('query', name, `must be one text of at most ${MAX_TEXT} characters`)
    return null
  }

  /** Several short texts, separated by commas or given by repeating the parameter; null when there is none. */
  choices(name) {
    const value = this.query[name]
    if (value === undefined) return null
    const items = [value].flat().flatMap((item) => String(item).split(','))
    const texts = [...new Set(items.map((item) => item.trim()).filter(Boolean))]
    if (texts.length <= MAX_CHOICES && texts.every((text) => text.length <= MAX_TEXT)) {
      return texts.length === 0 ? null : texts
    }
    this.#refuse('query', name, `must be at most ${MAX_CHOICES} texts of at most ${MAX_TEXT} characters each`)
    return null
  }

  done() {
    if (this.#errors.length > 0) throw new AppError(400, 'Validation failed', this.#errors)
  }

  #refuse(location, path, msg) {
    this.#errors.push({ type: 'field', msg: `${path} ${msg}`, path, location })
  }
}

/** The value of a string of decimal digits when it is at least 1 and exact, else null. */
function wholeNumber(text) {
  if (typeof text !== 'string' || !/^[0-9]{1,16}$/.test(text)) return null
  const value = Number(text)
  return value >= 1 && Number.isSafeInteger(value) ? value : null
}

module.exports = { Input }
