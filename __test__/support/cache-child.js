'use strict'

// A process with a pool whose results are cached; its parent says what to do and gets the outcome.

const { createPool } = require('../../index.js')
const { serve } = require('../../tools/remote.js')

let db

serve({
  open(options) {
    db = createPool(options)
  },
  query: (sql, params, options) => db.cachedQuery(sql, params, options),
  json: async (sql, params, options) => String(await db.cachedQueryJson(sql, params, options)),
  /** The same by many callers at once: how many results there were that differ. */
  async many(count, sql, params, options) {
    const all = await Promise.all(
      Array.from({ length: count }, () => db.cachedQueryJson(sql, params, options)),
    )
    return new Set(all.map(String)).size
  },
  execute: (sql, params) => db.execute(sql, params),
  invalidate: (what) => db.invalidate(what),
  stats: () => db.stats().cache,
  close: () => db.close(),
})
