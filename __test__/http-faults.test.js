'use strict'

// The short form of the check of the HTTP layer while Redis fails.

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const { mkdtemp, readFile, rm } = require('node:fs/promises')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { promisify } = require('node:util')
const { describe, it } = require('node:test')

const run = promisify(execFile)
const script = join(__dirname, '..', 'tools', 'http-faults.js')

describe('the HTTP layer under load', () => {
  it('answers in time, never too old, and within its limits, whatever Redis does', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'hegar-http-faults-'))
    try {
      const out = join(dir, 'found.json')
      const { stdout } = await run(process.execPath, [script, '--quick', '--out', out], { timeout: 120_000 })
      const found = JSON.parse(await readFile(out, 'utf8'))
      for (const { name, isKept, seen } of found.checks) {
        assert.ok(isKept, `${name}: ${seen}`)
        assert.ok(stdout.includes(`ok     ${name}: ${seen}`), name)
      }
      const faults = ['emptied', 'cut', 'paused', 'stopped', 'restarted']
      assert.deepEqual(Object.keys(found.faults), faults)
      for (const phase of ['quiet', ...faults, 'after']) {
        const { answers, p50Ms, p99Ms, maxMs } = found.phases[phase]
        assert.ok(answers > 0 && p50Ms <= p99Ms && p99Ms <= maxMs, phase)
      }
      const { processes, freshness, limiter, memory, selfTest } = found
      assert.equal(processes, 2)
      assert.deepEqual([freshness.stale, freshness.past, found.failures.count], [0, 0, 0])
      assert.deepEqual([limiter.mostInWindow, limiter.mostInsured], [20, 6])
      assert.ok(memory.mostBytes <= memory.maxBytes && memory.remoteHits > 0, JSON.stringify(memory))
      assert.ok(selfTest.stale > 0, 'without the fence it finds old answers')
    } finally {
      await rm(dir, { recursive: true, force: true })
    }
  })

  it('is not checked by options that nobody knows', async () => {
    await assert.rejects(run(process.execPath, [script, '--fast']), { code: 1, stderr: /--quick and --out/ })
  })
})
