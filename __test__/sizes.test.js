'use strict'

const assert = require('node:assert/strict')
const { createHash } = require('node:crypto')
const { after, before, describe, it } = require('node:test')
const { setFlagsFromString } = require('node:v8')
const { runInNewContext } = require('node:vm')
const { openDrivers } = require('./support/drivers.js')

const MIB = 1024 * 1024
const PACKET = 2 ** 24 - 1

describe('large values', () => {
  let drivers, db, my
  before(async () => {
    drivers = await openDrivers()
    ;({ db, my } = drivers)
    await drivers.run('CREATE TABLE large (id INT PRIMARY KEY, t LONGTEXT, b LONGBLOB)')
  })
  after(() => drivers.close())

  it('a text of 64 MiB goes in as a parameter and comes out as an object and as JSON', async () => {
    const text = `"${'0123456789abcde\n'.repeat((64 * MIB) / 16)}é`
    const bytes = Buffer.byteLength(text)
    await db.execute('INSERT INTO large (id, t) VALUES (1, ?)', [text])
    const [[stored]] = await my.query('SELECT LENGTH(t) AS length, MD5(t) AS md5 FROM large WHERE id = 1')
    assert.deepEqual(stored, { length: bytes, md5: md5(text) })
    const rows = await db.query('SELECT t FROM large WHERE id = 1')
    assert.ok(rows[0].t === text, 'the object holds the text')
    const json = await db.queryJson('SELECT t FROM large WHERE id = 1')
    assert.equal(md5(json), md5(JSON.stringify([{ t: text }])))
    const expected = await my.query('SELECT t FROM large WHERE id = 1')
    assert.ok(expected[0][0].t === text, 'and so it does for mysql2')
  })

  it('64 MiB of bytes go in as a parameter and come out as they were', async () => {
    const bytes = Buffer.alloc(64 * MIB)
    for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE((at * 2654435761) % 2 ** 32, at)
    await db.execute('INSERT INTO large (id, b) VALUES (2, ?)', [bytes])
    const [[stored]] = await my.query('SELECT LENGTH(b) AS length, MD5(b) AS md5 FROM large WHERE id = 2')
    assert.deepEqual(stored, { length: bytes.length, md5: md5(bytes) })
    const [{ b }] = await db.query('SELECT b FROM large WHERE id = 2')
    assert.ok(Buffer.isBuffer(b) && b.equals(bytes))
  })

  it('values around the length of one packet of the protocol', async () => {
    // What stands beside the value in its packet: 16 bytes and the value's length in 4, or of a row 2 and 4.
    for (const beside of [0, 5, 6, 7, 19, 20, 21]) {
      const length = PACKET - beside
      const [{ n }] = await db.query('SELECT LENGTH(?) AS n', ['y'.repeat(length)])
      assert.equal(n, length)
      const [{ s }] = await db.query(`SELECT REPEAT('x', ${length}) AS s`)
      assert.equal(s.length, length)
    }
    const [{ s }] = await db.query("SELECT REPEAT('é', ?) AS s", [PACKET])
    assert.ok(s === 'é'.repeat(PACKET))
  })

  it('values around the sizes at which a length is written in more bytes', async () => {
    for (const length of [0, 1, 249, 250, 251, 252, 253, 254, 255, 256, 65534, 65535, 65536, 65537]) {
      const text = 'z'.repeat(length)
      assert.deepEqual(await db.query("SELECT ? AS a, REPEAT('z', ?) AS b, 1 AS c", [text, length]), [
        { a: text, b: text, c: 1 },
      ])
    }
  })

  it('rows around the size of a segment and of the staging buffer', async () => {
    for (const length of [96, 250, 256, 16].map((kib) => kib * 1024)) {
      for (const delta of [-100, -33, -1, 0, 1, 40]) {
        const sql = `SELECT REPEAT('a', ${length + delta}) AS a, 7 AS n UNION ALL SELECT 'b', 8`
        await drivers.same(sql)
      }
    }
  })

  it('long texts of ASCII and of others side by side', async () => {
    await drivers.same(
      `SELECT seq, REPEAT(CHAR(97 + seq % 26), seq * 37) AS narrow, REPEAT(IF(seq % 2, 'é', '😀'), seq * 11) AS wide,
        IF(seq % 5, NULL, UNHEX(REPEAT('00ff', seq * 13))) AS bytes FROM seq_1_to_300`,
    )
  })

  it('texts that are kept stay as they are while their memory is collected and used again', async () => {
    const kept = []
    const ask = (letter, length) =>
      db.query(`SELECT seq, REPEAT('${letter}', ${length}) AS t, X'0${length % 10}' AS b FROM seq_1_to_50`)
    for (let round = 0; round < 60; round++) {
      const letter = String.fromCharCode(97 + (round % 26))
      const length = 20 + round * 40
      const rows = await ask(letter, length)
      kept.push({ letter, length, text: rows[round % 50].t, bytes: rows[7].b })
      if (round % 10 === 9) collectGarbage()
    }
    await Promise.all(Array.from({ length: 40 }, () => ask('#', 2000)))
    collectGarbage()
    for (const { letter, length, text, bytes } of kept) {
      assert.equal(text, letter.repeat(length))
      assert.deepEqual(bytes, Buffer.from([length % 10]))
    }
  })

  it('JSON that is kept stays as it is while other results come', async () => {
    const kept = []
    for (let round = 0; round < 60; round++) {
      const letter = String.fromCharCode(97 + (round % 26))
      kept.push([letter, await db.queryJson(`SELECT REPEAT('${letter}', ${round * 1000}) AS t`)])
      if (round % 10 === 9) collectGarbage()
    }
    for (const [round, [letter, json]] of kept.entries()) {
      assert.equal(json.toString(), JSON.stringify([{ t: letter.repeat(round * 1000) }]))
    }
  })

  it('more large results than connections all arrive', async () => {
    const few = await openDrivers({ connectionLimit: 2, acquireTimeoutMs: 10_000 })
    try {
      const sql = "SELECT seq, REPEAT('0123456789', 50) AS text FROM mysql.seq_1_to_10000"
      const calls = Array.from({ length: 12 }, (_, i) =>
        i % 3 === 0 ? few.db.queryJson(sql) : few.db.query(sql),
      )
      for (const result of await Promise.all(calls)) {
        const rows = Buffer.isBuffer(result) ? JSON.parse(result) : result
        assert.equal(rows.length, 10_000)
        assert.equal(rows[9_999].text, '0123456789'.repeat(50))
      }
    } finally {
      await few.close()
    }
  })

  it('a list of 20,000 values in IN (?)', async () => {
    const ids = Array.from({ length: 20000 }, (_, i) => i * 3)
    const [{ n }] = await db.query('SELECT COUNT(*) AS n FROM seq_0_to_59999 WHERE seq IN (?)', [ids])
    assert.equal(n, 20000)
  })

  it('65,535 parameters, the most that a statement takes; one more is refused with the reason', async () => {
    const params = Array.from({ length: 65535 }, (_, i) => i)
    const [{ n }] = await db.query('SELECT 1 IN (?) AS n', [params])
    assert.equal(n, 1)
    await assert.rejects(db.query('SELECT 1 IN (?) AS n', [[...params, 0]]), {
      name: /^Hegar/,
      message: /65,?535|placeholders/,
    })
    assert.equal((await db.queryOne('SELECT 1 AS one')).one, 1)
  })

  it('a result beyond maxResultBytes is refused, and the pool goes on', async () => {
    const small = await openDrivers({ maxResultBytes: 100_000 }, { mysql2Options: {} })
    try {
      const sql = "SELECT REPEAT('x', 1000) AS x FROM seq_1_to_200"
      for (const method of ['query', 'queryJson']) {
        await assert.rejects(small.db[method](sql), {
          code: 'HEGAR_RESULT_TOO_LARGE',
          message: /100000|100,000/,
        })
      }
      assert.equal((await small.db.query("SELECT REPEAT('x', 1000) AS x FROM seq_1_to_50")).length, 50)
    } finally {
      await small.close()
    }
  })

  it('a parameter beyond what the server accepts fails its call and no other', async () => {
    const [[{ limit }]] = await my.query('SELECT @@max_allowed_packet AS `limit`')
    const text = 'x'.repeat(limit + 10)
    await assert.rejects(db.query('SELECT LENGTH(?) AS n', [text]), { name: 'HegarError' })
    assert.equal((await db.queryOne('SELECT 1 AS one')).one, 1)
  })
})

function collectGarbage() {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
}

function md5(data) {
  return createHash('md5').update(data).digest('hex')
}
