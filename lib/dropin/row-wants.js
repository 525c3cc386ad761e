'use strict'

const { normaliseOptions } = require('../options.js')

const names = ['supportBigNumbers', 'bigNumberStrings', 'dateStrings', 'timezone']

/**
 * How a query wants its rows: `{shape, cast, layout}` with the NativeShape for Rust, the typeCast to run on the cells if
 * there is one, and the layout that it then has to give the rows. `options` are those of the query, `config` those of its
 * connection, which count where the query says nothing.
 */
function wantsOf(driver, config, options, isMysql) {
  const rowsAsArray = isMysql ? false : (options.rowsAsArray ?? config.rowsAsArray)
  // To mysql an empty separator is none, and there is no such option of connections.
  const nestTables = isMysql ? options.nestTables || undefined : (options.nestTables ?? config.nestTables)
  const typeCast = castOf(config, options)
  const values = isMysql ? null : valuesOf(driver, options)
  if (typeof typeCast === 'function' || typeCast === false) {
    const shape = driver.shape({ rows: 'arrays', wire: true, values })
    return { shape, cast: typeCast, layout: { rowsAsArray, nestTables } }
  }
  if (!rowsAsArray && !nestTables && nestTables !== '' && values === null)
    return { shape: driver.plain, cast: null, layout: null }
  const shape = driver.shape({
    rows: rowsOf(rowsAsArray, nestTables),
    separator: typeof nestTables === 'string' ? nestTables : '',
    values,
  })
  return { shape, cast: null, layout: null }
}

function castOf(config, { typeCast }) {
  return typeCast ?? config.typeCast
}

// As in mysql2: tables before arrays.
function rowsOf(rowsAsArray, nestTables) {
  if (typeof nestTables === 'string') return 'prefixed'
  if (nestTables === true) return 'tables'
  return rowsAsArray ? 'arrays' : 'objects'
}

// Complete values where the query asks for others than the connection.
function valuesOf(driver, options) {
  const given = names.filter((name) => options[name] !== undefined && options[name] !== null)
  if (given.length === 0) return null
  const read = normaliseOptions({
    ...Object.fromEntries(given.map((name) => [name, options[name]])),
    workerThreads: 1,
  }).native
  const values = { ...driver.values }
  for (const name of given) {
    // A connection's `true` holds whatever its queries say.
    if (name === 'timezone') Object.assign(values, { timezone: read.timezone, localZone: read.localZone })
    else if (name === 'dateStrings')
      values.dateStrings = options.dateStrings ? read.dateStrings : values.dateStrings
    else values[name] = values[name] || Boolean(options[name])
  }
  return JSON.stringify(values) === JSON.stringify(driver.values) ? null : values
}

module.exports = { wantsOf }
