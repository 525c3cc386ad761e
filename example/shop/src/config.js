'use strict'

const DRIVERS = ['hegar', 'mysql2']

/**
 * Reads the shop's settings from environment variables:
 *
 * - `PORT` (2000), `SERVER_URL` (where image paths are reached; this server unless set), `CLIENT_URL` (the web
 *   client's origin, allowed by CORS)
 * - `DATABASE_URL` (with `?ssl=true` for TLS), or `DB_HOST`, `DB_PORT` (3306), `DB_USER`, `DB_PASSWORD` and
 *   `DB_DATABASE` (hegar_shop)
 * - `DB_CONNECTION_LIMIT` (10), `DB_TIMEZONE` (local: the database's time zone is this machine's)
 * - `REDIS_URL`: where the processes of the shop share cached answers and count requests; without it each has its own
 * - `CACHE` (on; off keeps no answers), `RATE_LIMIT` (100 requests of a client in 15 minutes; 0 for no limit)
 * - `DRIVER`: hegar (default), or mysql2 to run the same routes on mysql2 for comparison
 */
function loadConfig(env = process.env) {
  const port = integer(env, 'PORT', 2000, 0, 65535)
  const driver = env.DRIVER || 'hegar'
  if (!DRIVERS.includes(driver))
    throw new Error(`DRIVER is "${driver}", and it must be ${DRIVERS.join(' or ')}`)
  return {
    port,
    driver,
    serverUrl: (env.SERVER_URL || `http://localhost:${port}`).replace(/\/+$/, ''),
    clientUrl: env.CLIENT_URL || null,
    cache: onOrOff(env, 'CACHE'),
    rateLimit: integer(env, 'RATE_LIMIT', 100, 0, 1_000_000),
    redis: env.REDIS_URL || null,
    database: {
      ...address(env),
      connectionLimit: integer(env, 'DB_CONNECTION_LIMIT', 10, 1, 1000),
      timezone: env.DB_TIMEZONE || 'local',
    },
  }
}

/** The parts of the database's address, in the names that both drivers use. */
function address(env) {
  if (!env.DATABASE_URL) {
    return {
      host: env.DB_HOST || 'localhost',
      port: integer(env, 'DB_PORT', 3306, 1, 65535),
      user: env.DB_USER || 'root',
      password: env.DB_PASSWORD || '',
      database: env.DB_DATABASE || 'hegar_shop',
    }
  }
  const url = databaseUrl(env.DATABASE_URL)
  return {
    host: url.hostname || 'localhost',
    port: Number(url.port || 3306),
    user: decodeURIComponent(url.username || 'root'),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)) || 'hegar_shop',
    ...(url.searchParams.has('ssl') && { ssl: sslOptions(url.searchParams.get('ssl')) }),
  }
}

// The messages do not repeat the URL, because it may hold a password.
function databaseUrl(text) {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url?.protocol !== 'mysql:' && url?.protocol !== 'mariadb:') {
    throw new Error('DATABASE_URL must read like mysql://user:password@host:3306/database')
  }
  const unknown = [...url.searchParams.keys()].find((name) => name !== 'ssl')
  if (unknown) throw new Error(`DATABASE_URL has the option "${unknown}", and only ssl is known`)
  return url
}

function sslOptions(text) {
  try {
    const options = JSON.parse(text)
    if (options === true) return {}
    if (options !== null && typeof options === 'object') return options
  } catch {
    // Told below, with everything else that is no set of options.
  }
  throw new Error('ssl in DATABASE_URL must be true or options as JSON, such as {"ca":"…"}')
}

function onOrOff(env, name) {
  const text = env[name] || 'on'
  if (text !== 'on' && text !== 'off') throw new Error(`${name} is "${text}", and it must be on or off`)
  return text === 'on'
}

function integer(env, name, fallback, least, most) {
  const text = env[name]
  if (text === undefined || text === '') return fallback
  const value = Number(text)
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new Error(`${name} is "${text}", and it must be a whole number from ${least} to ${most}`)
  }
  return value
}

module.exports = { loadConfig }
