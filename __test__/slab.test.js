'use strict'

const assert = require('node:assert/strict')
const { describe, it } = require('node:test')
const { allocate } = require('../lib/slab.js')

describe('memory for results', () => {
  it('is of the length that is asked for, and never of two at the same time', () => {
    const lengths = [0, 1, 4095, 4096, 4097, 7217, 16_384, 16_385, 65_536, 1_000_000]
    const all = []
    for (let round = 0; round < 20; round++) {
      for (const length of lengths) {
        const bytes = allocate(length)
        assert.ok(Buffer.isBuffer(bytes))
        assert.equal(bytes.length, length)
        all.push(bytes.fill(all.length % 251))
      }
    }
    for (const [at, bytes] of all.entries())
      assert.ok(
        bytes.every((byte) => byte === at % 251),
        String(at),
      )
  })

  it('begins where doubles may, and is not sent away with that of others', () => {
    const [one, other] = [allocate(5001), allocate(5001)]
    assert.deepEqual([one.byteOffset % 8, other.byteOffset % 8], [0, 0])
    assert.equal(one.buffer, other.buffer)
    other.fill(7)
    // Node 20 leaves it where it is without a word, later ones throw.
    try {
      structuredClone(one.buffer, { transfer: [one.buffer] })
    } catch ({ name }) {
      assert.equal(name, 'DataCloneError')
    }
    assert.ok(other.length === 5001 && other.every((byte) => byte === 7))
  })
})
