'use strict'

// The short forms of the check of freshness and of the cache's benchmark.

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const { mkdtemp, readFile, rm } = require('node:fs/promises')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { describe, it } = require('node:test')
const { promisify } = require('node:util')

async function outputOf(script) {
  const folder = await mkdtemp(join(tmpdir(), 'hegar-check-'))
  try {
    const out = join(folder, 'out.json')
    const options = { maxBuffer: 2 ** 24, timeout: 300_000 }
    await promisify(execFile)(
      process.execPath,
      [join(__dirname, '..', script), '--quick', '--out', out],
      options,
    )
    return JSON.parse(await readFile(out, 'utf8'))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

describe('cached reads under writes', () => {
  it('are never older than a write of their process, nor than the bound across processes, whatever Redis does', async () => {
    const found = await outputOf('tools/freshness.js')
    assert.equal(found.staleInProcess, 0)
    assert.equal(found.staleAcross, 0)
    assert.ok(found.worstStalenessMs <= found.boundMs)
    assert.ok(found.reads >= 200_000 && found.writes >= 1000 && found.processes === 4, JSON.stringify(found))
    for (const fault of ['flush', 'pause', 'cut', 'restart']) assert.ok(found.faults[fault] >= 1, fault)
    assert.ok(found.selfTest.staleFound > 0, 'without the fence it finds stale reads')
  })
})

describe('the benchmark of the cache', () => {
  it('gives a figure for every case, and in memory hits are quicker than those of others', async () => {
    const results = await outputOf('benchmark/cache.js')
    const by = Object.fromEntries(results.map((result) => [result.case, result]))
    for (const name of [
      'tier1-json',
      'tier1-objects',
      'tier2-json',
      'bentocache-memory',
      'bentocache-redis',
      'ioredis-json',
      'lru-cache-js',
    ]) {
      const { nsPerHit, mainNsPerHit, p99Us } = by[name] ?? {}
      assert.ok(nsPerHit > 0 && mainNsPerHit > 0 && p99Us > 0, name)
    }
    assert.ok(by['tier1-json'].nsPerHit < by['bentocache-memory'].nsPerHit)
    assert.ok(by['tier2-json'].mainNsPerHit < by['ioredis-json'].mainNsPerHit)
  })
})
