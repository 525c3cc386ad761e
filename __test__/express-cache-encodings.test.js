'use strict'

// Forms of an answer in other content codings: made once, each with a tag of its own, alone and beside `compression`.

const assert = require('node:assert/strict')
const { describe, it } = require('node:test')
const zlib = require('node:zlib')
const compression = require('compression')
const { until } = require('./support/outcome.js')
const { withApp } = require('./support/http-app.js')

const PAGE = { rows: Array.from({ length: 100 }, (_, id) => ({ id, name: `product ${id}` })) }
const TEXT = JSON.stringify(PAGE)
const DECODE = { br: zlib.brotliDecompressSync, gzip: zlib.gunzipSync, zstd: zlib.zstdDecompressSync }
const CODINGS = ['br', ...(zlib.zstdCompress ? ['zstd'] : []), 'gzip']

const page = (req, res) => res.json(PAGE)

/** Asks until the answer comes in that coding, as it does once it has been made. */
async function inCoding(get, coding, accepted = coding) {
  let answer
  await until(`${coding} is there`, async () => {
    answer = await get('/p', { 'accept-encoding': accepted })
    return answer.headers['content-encoding'] === coding
  })
  return answer
}

describe('the body of an answer', () => {
  it('is compressed once for each coding that clients take, with a tag of its own and Vary', async () => {
    await withApp(
      {},
      (app, cache) => app.get('/p', cache(60), page),
      async ({ get, cache }) => {
        const plain = await get('/p')
        const tags = new Set([plain.headers.etag])
        for (const coding of CODINGS) {
          const { body, headers } = await inCoding(get, coding)
          assert.equal(DECODE[coding](body).toString(), TEXT)
          assert.equal(headers.vary, 'Accept-Encoding')
          assert.equal(headers['content-length'], String(body.length))
          assert.ok(body.length < TEXT.length / 3)
          tags.add(headers.etag)
          const again = await get('/p', { 'accept-encoding': coding, 'if-none-match': headers.etag })
          assert.deepEqual([again.status, again.headers.etag], [304, headers.etag])
        }
        assert.equal(tags.size, CODINGS.length + 1)
        for (let n = 0; n < 20; n++) await get('/p', { 'accept-encoding': CODINGS.join(', ') })
        assert.equal(cache.stats().variants, CODINGS.length)
        assert.equal((await get('/p')).headers['content-encoding'], undefined)
        assert.ok(cache.stats().bytes > TEXT.length)
      },
    )
  })

  it('comes in the coding that the client likes best', async () => {
    await withApp(
      {},
      (app, cache) => app.get('/p', cache(60), page),
      async ({ get }) => {
        for (const coding of ['br', 'gzip']) await inCoding(get, coding)
        const chosen = async (header) =>
          (await get('/p', { 'accept-encoding': header })).headers['content-encoding']
        assert.equal(await chosen('gzip, deflate, br'), 'br')
        assert.equal(await chosen('gzip;q=1, br;q=0.5'), 'gzip')
        assert.equal(await chosen('br;q=0, gzip'), 'gzip')
        assert.equal(await chosen('x-gzip'), 'gzip')
        assert.equal(await chosen('GZIP'), 'gzip')
        assert.equal(await chosen('deflate'), undefined)
        assert.equal(await chosen('identity'), undefined)
        assert.equal(await chosen('identity;q=1, br;q=0.5'), undefined)
        assert.equal(await chosen('br;q=abc'), undefined)
        assert.equal(await chosen(';;;,,q=1'), undefined)
      },
    )
  })

  it('is left as it is where it is small, of another type, encoded already, or must not be transformed', async () => {
    const ways = {
      small: (res) => res.json({ a: 1 }),
      image: (res) => res.type('png').send(Buffer.alloc(5000)),
      encoded: (res) =>
        res.set({ 'Content-Encoding': 'gzip', 'Content-Type': 'text/plain' }).send(zlib.gzipSync(TEXT)),
      fixed: (res) => res.set('Cache-Control', 'max-age=60, no-transform').json(PAGE),
    }
    await withApp(
      {},
      (app, cache) => app.get('/:way', cache(60), (req, res) => ways[req.params.way](res)),
      async ({ get, cache }) => {
        for (const way of Object.keys(ways)) {
          for (let n = 0; n < 3; n++) {
            const { headers } = await get(`/${way}`, { 'accept-encoding': 'br' })
            assert.equal(headers['content-encoding'], way === 'encoded' ? 'gzip' : undefined, way)
          }
        }
        assert.equal(cache.stats().variants, 0)
      },
    )
  })

  it('is in no other form without encodings', async () => {
    await withApp(
      { cache: { encodings: false } },
      (app, cache) => app.get('/p', cache(60), page),
      async ({ get, cache }) => {
        for (let n = 0; n < 3; n++) {
          const { headers } = await get('/p', { 'accept-encoding': 'br' })
          assert.deepEqual([headers['content-encoding'], headers.vary], [undefined, undefined])
        }
        assert.equal(cache.stats().variants, 0)
      },
    )
  })
})

describe('beside compression', () => {
  it('before the cache, the first answer is compressed by it, and later ones have been already', async () => {
    await withApp(
      { before: (app) => app.use(compression()) },
      (app, cache) => app.get('/p', cache(60), page),
      async ({ get, cache }) => {
        const first = await get('/p', { 'accept-encoding': 'gzip' })
        assert.equal(zlib.gunzipSync(first.body).toString(), TEXT)
        assert.equal(first.headers.vary, 'Accept-Encoding')
        // Other bytes than those that the tag is made of.
        assert.match(first.headers.etag, /^W\//)
        await until('it is made', () => cache.stats().variants === 1)
        const second = await get('/p', { 'accept-encoding': 'gzip' })
        assert.equal(zlib.gunzipSync(second.body).toString(), TEXT)
        assert.match(second.headers.etag, /^"[\w-]+-gzip"$/)
        assert.equal(second.headers['content-length'], String(second.body.length))
        const known = await get('/p', { 'accept-encoding': 'gzip', 'if-none-match': first.headers.etag })
        assert.equal(known.status, 304)
        assert.equal((await get('/p')).text, TEXT)
      },
    )
  })

  it('between the cache and the handler, its answers pass in pieces and are not kept', async () => {
    await withApp(
      {},
      (app, cache) => app.get('/p', cache(60), compression(), page),
      async ({ get, cache }) => {
        for (let n = 0; n < 2; n++) {
          const { body } = await get('/p', { 'accept-encoding': 'gzip' })
          assert.equal(zlib.gunzipSync(body).toString(), TEXT)
        }
        assert.equal(cache.stats().entries, 0)
      },
    )
  })
})
