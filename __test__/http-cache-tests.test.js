'use strict'

// The public tests of HTTP caches, run as `npm run test:http-cache` does.

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const { mkdtemp, readFile, rm } = require('node:fs/promises')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { promisify } = require('node:util')
const { after, before, describe, it } = require('node:test')

const run = promisify(execFile)
const script = join(__dirname, '..', 'tools', 'http-cache-tests.js')

describe('the public tests of HTTP caches', () => {
  let dir
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'hegar-http-cache-'))
  })
  after(() => rm(dir, { recursive: true, force: true }))

  it('puts the cache before nginx, in what is required and in what is optimal', async () => {
    const out = join(dir, 'found.json')
    const { stdout } = await run(process.execPath, [script, '--quick', '--out', out], { timeout: 120_000 })
    const { scores, behindApache, missed } = JSON.parse(await readFile(out, 'utf8'))
    const { 'hegar-native': ours, nginx } = scores
    for (const kind of ['required', 'optimal']) {
      assert.equal(ours[kind].total, nginx[kind].total)
      assert.ok(ours[kind].passed > nginx[kind].passed, `${kind}: ${JSON.stringify({ ours, nginx })}`)
      assert.match(stdout, new RegExp(`${ours[kind].passed} of ${ours[kind].total}`))
    }
    assert.deepEqual([ours.required.total, ours.optimal.total], [157, 86])
    for (const { id } of behindApache) assert.ok(missed.some((test) => test.id === id))
  })

  it('says what it does not understand', async () => {
    await assert.rejects(run(process.execPath, [script, '--fast']), { code: 1, stderr: /--quick and --out/ })
  })

  it('judges answers that no cache has touched as the suite does: nothing of its set-up goes wrong', async () => {
    const { installSuite } = require('./http-cache-tests/install.js')
    await installSuite()
    const { runSuite } = require('./http-cache-tests/run.js')
    const { judge } = await import('./http-cache-tests/score.mjs')
    const judged = judge(await runSuite())
    assert.equal(judged.find(({ id }) => id === 'freshness-none').outcome, 'passed')
    for (const { id, outcome, message } of judged) {
      assert.notEqual(outcome, 'untested', id)
      assert.notEqual(outcome, 'harness failed', id)
      if (outcome !== 'set-up failed') continue
      assert.match(
        message,
        /^(Response 2 does not come from cache|Request 2 should have been conditional)/,
        id,
      )
    }
  })
})
