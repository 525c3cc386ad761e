'use strict'

module.exports = { parseUri }

const { optionError } = require('./errors.js')

// Where to connect and as whom is said by the uri's authority and path alone. A query string that could say it
// again would let whoever can append `?host=…` to a configured uri send the password elsewhere.
const fixed = new Set(['uri', 'host', 'port', 'user', 'database', 'password'])
const secrets = /^password/i
const local = new Set(['localhost', '127.0.0.1', '::1'])

const form = 'mysql://user:password@host:3306/database?option=value'
const hint = 'write the characters : / ? # @ % in a user name or password percent-encoded (@ is %40)'

/**
 * The options in a connection uri, as a Map from option name to text: host, port, user, password and database
 * where given, and the query string's. Errors name the part that is wrong and never show the uri.
 */
function parseUri(uri) {
  if (!/^(mysql|mariadb):\/\//i.test(uri)) {
    throw invalid(`the connection uri must begin with mysql:// or mariadb://, as in ${form}`)
  }
  let url
  try {
    url = new URL(uri)
  } catch {
    // The error of the URL class carries its input, the password included, so it is not kept as a cause.
    throw invalid(`the connection uri is not of the form ${form}; ${hint}`)
  }
  if (url.hash) throw invalid(`the connection uri has a part after '#', which means nothing here; ${hint}`)

  const path = url.pathname.replace(/^\//, '')
  if (path.includes('/')) {
    throw invalid(
      'the connection uri has more than one path segment; a database name with a / is written %2F',
    )
  }
  const options = new Map()
  const parts = {
    host: decode(url.hostname.replace(/^\[(.*)\]$/, '$1'), 'host'),
    port: url.port,
    user: decode(url.username, 'user name'),
    password: decode(url.password, 'password'),
    database: decode(path, 'database'),
  }
  for (const [name, text] of Object.entries(parts)) {
    if (text !== '') options.set(name, text)
  }
  for (const [name, text] of url.searchParams) {
    if (fixed.has(name) || secrets.test(name)) {
      throw invalid(
        `the query string of the connection uri may not set '${name}'; write it as in ${form}`,
        name,
      )
    }
    if (options.has(name))
      throw invalid(`the connection uri gives ${JSON.stringify(name.slice(0, 64))} twice`, name)
    options.set(name, text)
  }
  // A socket replaces the host, so it may only be named beside one that is this machine.
  if (options.has('socketPath') && !local.has(options.get('host') ?? 'localhost')) {
    const advice = "leave the host out, or write 'localhost'"
    throw invalid(`the connection uri has both a host and a socketPath; ${advice}`, 'socketPath')
  }
  return options
}

function decode(text, part) {
  try {
    return decodeURIComponent(text)
  } catch {
    throw invalid(
      `the ${part} in the connection uri is not percent-encoded correctly; a literal % is written %25`,
    )
  }
}

function invalid(message, option = 'uri') {
  return optionError('HEGAR_OPTION_INVALID', message, option)
}
