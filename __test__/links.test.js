'use strict'

const assert = require('node:assert/strict')
const { describe, it } = require('node:test')
const { pageLinks } = require('../index.js')

const byNumber = { page: 3, limit: 10, total: 45, totalPages: 5, hasNext: true, hasPrevious: true }
const byCursor = { limit: 10, hasNext: true, hasPrevious: true, nextCursor: 'n_-1', previousCursor: 'p_-1' }

describe('pageLinks', () => {
  it('gives the pages around a page by number, other parameters kept', () => {
    const req = { originalUrl: '/shop/products?tag=a&tag=b+c&page=3&limit=10' }
    assert.deepEqual(pageLinks(req, byNumber), {
      first: '/shop/products?tag=a&tag=b+c&page=1&limit=10',
      prev: '/shop/products?tag=a&tag=b+c&page=2&limit=10',
      next: '/shop/products?tag=a&tag=b+c&page=4&limit=10',
      last: '/shop/products?tag=a&tag=b+c&page=5&limit=10',
      header:
        '</shop/products?tag=a&tag=b+c&page=1&limit=10>; rel="first", </shop/products?tag=a&tag=b+c&page=2&limit=10>; rel="prev", ' +
        '</shop/products?tag=a&tag=b+c&page=4&limit=10>; rel="next", </shop/products?tag=a&tag=b+c&page=5&limit=10>; rel="last"',
    })
  })

  it('gives those around a page by cursor', () => {
    const { first, prev, next, last } = pageLinks({ originalUrl: '/p?cursor=old&q=%C3%A9' }, byCursor)
    assert.deepEqual(
      [first, prev, next, last],
      ['/p?q=%C3%A9', '/p?cursor=p_-1&q=%C3%A9', '/p?cursor=n_-1&q=%C3%A9', null],
    )
    const end = pageLinks({ url: '/p' }, { ...byCursor, nextCursor: null, previousCursor: null })
    assert.deepEqual(end, { first: '/p', prev: null, next: null, last: null, header: '</p>; rel="first"' })
  })

  it('gives no link to a page that is not there or not known', () => {
    const links = (pagination) => pageLinks({ originalUrl: '/p' }, pagination)
    const one = links({ ...byNumber, page: 1, totalPages: 1, hasNext: false })
    assert.deepEqual([one.prev, one.next, one.last], [null, null, '/p?page=1'])
    const none = links({ ...byNumber, page: 1, totalPages: 0, hasNext: false })
    assert.deepEqual([none.prev, none.next, none.last], [null, null, '/p?page=1'])
    const beyond = links({ ...byNumber, page: 99, hasNext: false })
    assert.deepEqual([beyond.prev, beyond.next, beyond.last], ['/p?page=5', null, '/p?page=5'])
    const uncounted = links({ ...byNumber, total: null, totalPages: null, hasNext: null })
    assert.deepEqual([uncounted.prev, uncounted.next, uncounted.last], ['/p?page=2', null, null])
    assert.equal(links({ ...byNumber, isEstimate: true }).last, null)
  })

  it('reads the body of paginateJson, whatever its rows hold', () => {
    const rows = [{ pagination: { page: 9 }, text: '"pagination":{"page":7,"limit":1}' }]
    const body = {
      status: 'success',
      message: '"pagination":{',
      data: rows,
      pagination: byNumber,
      timestamp: 'x',
    }
    const links = pageLinks({ originalUrl: '/p' }, Buffer.from(JSON.stringify(body)))
    assert.deepEqual(links, pageLinks({ originalUrl: '/p' }, byNumber))
  })

  it('takes another name for its parameter and the outside of the server', () => {
    const options = { baseUrl: 'https://shop.example/api/', pageParam: 'p', cursorParam: 'after' }
    assert.equal(
      pageLinks({ originalUrl: '/x?page=1' }, byNumber, options).next,
      'https://shop.example/api/x?page=1&p=4',
    )
    assert.equal(
      pageLinks({ originalUrl: '/x' }, byCursor, options).next,
      'https://shop.example/api/x?after=n_-1',
    )
  })

  it('never names a host that a client sent', () => {
    const headers = {
      host: 'evil.example',
      'x-forwarded-host': 'evil.example',
      forwarded: 'host=evil.example',
    }
    for (const originalUrl of [
      '//evil.example/x',
      '///evil.example/x',
      '/\\evil.example/x',
      '\\\\evil.example/x',
      'http://evil.example/x',
      'HTTPS://evil.example//x',
      '/..//evil.example/x',
      '/%2e%2e//evil.example/x',
      '/.//evil.example',
      '@evil.example',
      ':80/x',
    ]) {
      const { next } = pageLinks({ originalUrl, headers, hostname: 'evil.example' }, byNumber)
      const url = new URL(next, 'https://shop.example/y')
      assert.equal(url.host, 'shop.example', originalUrl)
      assert.equal(url.protocol, 'https:', originalUrl)
      assert.match(next, /^\/(?![/\\])/, originalUrl)
    }
  })

  it('lets nothing break out of the header', () => {
    for (const text of [
      '>; rel="next", <http://evil.example',
      '\r\nSet-Cookie: a=b',
      '"\'<>\\^`{|}',
      '\0\x7f',
      'é漢😀\ud800',
      '%',
      '%zz%0d%0a',
    ]) {
      for (const originalUrl of [
        `/p/${text}?q=1`,
        `/p?q=${text}`,
        `/p?${text}=1&page=${text}`,
        `/p#${text}`,
      ]) {
        const { header, next } = pageLinks({ originalUrl }, byNumber)
        assert.match(header, /^[\x21-\x7e ]+$/)
        assert.equal(header.match(/</g).length, 4, header)
        assert.equal(header.match(/>/g).length, 4, header)
        assert.doesNotMatch(next, /[\s<>"]/)
        assert.equal(new URL(next, 'http://localhost').searchParams.get('page'), '4')
      }
    }
  })

  it('throws for what is no request, no page or no base', () => {
    for (const wrong of [undefined, null, {}, { originalUrl: 7 }]) {
      assert.throws(() => pageLinks(wrong, byNumber), { name: 'HegarTypeError' })
    }
    for (const wrong of [
      undefined,
      null,
      {},
      'x',
      { page: 0 },
      { page: '1' },
      Buffer.from(''),
      Buffer.from('{"pagination":{'),
      Buffer.from('[]'),
    ]) {
      assert.throws(() => pageLinks({ url: '/' }, wrong), { name: 'HegarTypeError' }, String(wrong))
    }
    for (const baseUrl of [
      '',
      'shop.example',
      '/api',
      'javascript:alert(1)',
      'ftp://a',
      'https://a?b',
      'https://a#b',
      'https://u:p@a',
      7,
      null,
    ]) {
      assert.throws(
        () => pageLinks({ url: '/' }, byNumber, { baseUrl }),
        { name: 'HegarTypeError' },
        String(baseUrl),
      )
    }
    for (const pageParam of ['', 7, null]) {
      assert.throws(() => pageLinks({ url: '/' }, byNumber, { pageParam }), { name: 'HegarTypeError' })
    }
    assert.throws(() => pageLinks({ url: '/' }, byNumber, { baseURL: 'https://a' }), {
      code: 'HEGAR_OPTION_UNKNOWN',
    })
  })
})
