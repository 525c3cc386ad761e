'use strict'

const { HegarTypeError } = require('./errors.js')
const { readCallOptions } = require('./call-options.js')

// Only a base for resolving paths; it is in no link.
const NOWHERE = 'http://localhost'

const readers = {
  baseUrl: readBase,
  pageParam: readName,
  cursorParam: readName,
}

/**
 * The links from a page to its neighbours, `{first, prev, next, last, header}`: URLs, null where there is none, and the
 * value of a `Link` header (RFC 8288) with those there are. `pagination` is that of `paginate`, or the body that
 * `paginateJson` made.
 *
 * The links are the request's own with another page or cursor, relative to its host unless `baseUrl` says another one:
 * what a client sends as Host or X-Forwarded-Host is never in them.
 */
function pageLinks(req, pagination, options) {
  const {
    baseUrl = '',
    pageParam = 'page',
    cursorParam = 'cursor',
  } = readCallOptions('pageLinks', options, readers)
  const url = urlOf(req)
  const summary = readSummary(pagination)
  const to = (name, value) => {
    const search = new URLSearchParams(url.search)
    if (value === null) search.delete(name)
    else search.set(name, value)
    const query = search.toString()
    return `${baseUrl}${url.pathname}${query === '' ? '' : `?${query}`}`
  }
  const links =
    'nextCursor' in summary ? byCursor(summary, cursorParam, to) : byNumber(summary, pageParam, to)
  const header = Object.entries(links)
    .filter(([, link]) => link !== null)
    .map(([relation, link]) => `<${link}>; rel="${relation}"`)
  return { ...links, header: header.join(', ') }
}

function byCursor({ nextCursor, previousCursor }, name, to) {
  return {
    first: to(name, null),
    prev: previousCursor === null ? null : to(name, previousCursor),
    next: nextCursor === null ? null : to(name, nextCursor),
    last: null,
  }
}

function byNumber({ page, totalPages, hasNext, isEstimate }, name, to) {
  // The last page of an estimate may be empty or not the last.
  const last = totalPages === null || isEstimate === true ? null : Math.max(totalPages, 1)
  const before = last === null ? page - 1 : Math.min(page - 1, last)
  return {
    first: to(name, 1),
    prev: page > 1 ? to(name, before) : null,
    next: hasNext ? to(name, page + 1) : null,
    last: last === null ? null : to(name, last),
  }
}

// The path begins with exactly one slash: `//host/…` would be a link to another host.
function urlOf(req) {
  const target = req?.originalUrl ?? req?.url
  if (typeof target !== 'string') {
    throw new HegarTypeError('pageLinks needs the request, an object with originalUrl or url')
  }
  const path = target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').replace(/^[/\\]*/, '/')
  const url = new URL(NOWHERE)
  const [, pathname, search = ''] = /^([^?#]*)(\?[^#]*)?/.exec(path)
  // Assigned, not parsed: no part of it can become the host.
  url.pathname = pathname
  url.search = search
  return { pathname: url.pathname.replace(/^\/+/, '/'), search: url.search }
}

function readSummary(pagination) {
  const summary = Buffer.isBuffer(pagination) ? summaryOf(pagination) : pagination
  const isSummary =
    summary !== null &&
    typeof summary === 'object' &&
    ('nextCursor' in summary || (Number.isSafeInteger(summary.page) && summary.page >= 1))
  if (isSummary) return summary
  throw new HegarTypeError('pageLinks needs the pagination of a page, or the body that paginateJson made')
}

// Behind the last `"pagination":` of a body of ours are no values of rows any more.
function summaryOf(body) {
  const at = body.lastIndexOf('"pagination":{')
  try {
    return at < 0 ? null : JSON.parse(`{${body.toString('utf8', at)}`).pagination
  } catch {
    return null
  }
}

function readBase(value) {
  let url = null
  try {
    url = new URL(value)
  } catch {
    // Refused below.
  }
  const isBase = url !== null && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === ''
  if (!isBase || url.username !== '' || url.password !== '') {
    throw new HegarTypeError(
      "pageLinks: baseUrl must be the outside of this server, such as 'https://shop.example'",
    )
  }
  return url.href.replace(/\/+$/, '')
}

function readName(value, name) {
  if (typeof value === 'string' && value !== '') return value
  throw new HegarTypeError(`pageLinks: ${name} must be the name of a query parameter`)
}

module.exports = { pageLinks }
