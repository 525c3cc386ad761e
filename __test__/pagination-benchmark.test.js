'use strict'

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const { mkdtemp, readFile, rm } = require('node:fs/promises')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { promisify } = require('node:util')
const { after, before, describe, it } = require('node:test')

const run = promisify(execFile)
const script = join(__dirname, '..', 'benchmark', 'pagination.js')

describe('the benchmark of pages by depth', () => {
  let dir
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'hegar-pages-'))
  })
  after(() => rm(dir, { recursive: true, force: true }))

  it('prints the curve, keeps its samples, and finds deep pages quicker by keyset', async () => {
    const out = join(dir, 'figures.json')
    const { stdout } = await run(process.execPath, [script, '--quick', '--out', out], { timeout: 120_000 })
    const { pages, rounds, rows, facts } = JSON.parse(await readFile(out, 'utf8'))
    assert.match(facts.server, /^MariaDB/)
    assert.equal(rows, 50_000)
    for (const { page, medianMs, samplesMs } of pages) {
      assert.match(stdout, new RegExp(`\\| +${page.toLocaleString('en')} \\|`))
      for (const way of ['offset', 'deferred', 'keyset']) {
        assert.equal(samplesMs[way].length, rounds)
        assert.ok(medianMs[way] > 0)
      }
    }
    // The quickest of each way, since the machine may stop any of the others.
    const { samplesMs } = pages.at(-1)
    const least = Object.fromEntries(
      Object.entries(samplesMs).map(([way, times]) => [way, Math.min(...times)]),
    )
    assert.ok(least.keyset * 3 < least.offset, JSON.stringify(samplesMs))
    assert.ok(least.deferred < least.offset, JSON.stringify(samplesMs))
  })

  it('says what it does not understand', async () => {
    for (const wrong of [['--fast'], ['--out'], ['--quick', 'x']]) {
      await assert.rejects(run(process.execPath, [script, ...wrong]), {
        code: 1,
        stderr: /--quick and --out/,
      })
    }
  })
})
