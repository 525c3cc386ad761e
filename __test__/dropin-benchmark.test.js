'use strict'

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const { mkdtemp, readFile, rm, writeFile } = require('node:fs/promises')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { promisify } = require('node:util')
const { after, before, describe, it } = require('node:test')

const run = promisify(execFile)
const script = join(__dirname, '..', 'benchmark', 'dropin.js')
const TINY = ['--quick', '--window', '50']

describe('the benchmark of the drop-in for mysql2', () => {
  let dir
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'hegar-dropin-'))
  })
  after(() => rm(dir, { recursive: true, force: true }))

  it('prints both sides beside the target and what an extra adds, and keeps its samples', async () => {
    const out = join(dir, 'figures.json')
    const args = [...TINY, '--rounds', '2', '--only', 'execute page20,result events point', '--out', out]
    const { stdout } = await run(process.execPath, [script, ...args], { timeout: 60_000 })
    const { facts, failures, results, samples } = JSON.parse(await readFile(out, 'utf8'))
    assert.match(facts.server, /^MariaDB/)
    assert.match(facts.drivers['mysql2.query'], /^mysql2 /)
    assert.deepEqual(failures, [])
    const ways = ['execute', 'callback query', 'query, result events']
    assert.deepEqual(
      results.map(({ way }) => way),
      ways,
    )
    for (const { dropin, mysql2, qpsRatio, roundRatios } of results) {
      assert.ok(dropin.qps > 0 && dropin.mainCpuUs > 0, JSON.stringify(dropin))
      assert.ok(mysql2.qps > 0 && mysql2.mainCpuUs > 0, JSON.stringify(mysql2))
      assert.equal(qpsRatio, dropin.qps / mysql2.qps)
      assert.equal(roundRatios.length, 2)
    }
    assert.equal(samples.length, ways.length * 2)
    for (const cell of samples) assert.equal(cell.samples.length, 2)
    assert.match(stdout, /^execute +page20 +64 .*at least 1\.4×: (met|MISSED), less CPU: (met|MISSED)$/m)
    assert.match(stdout, /^query, result events +point +64 .*; 1\.00 and 1\.00 calls$/m)
  })

  it('gives no figure to a drop-in that answers otherwise, and fails', async () => {
    const wrong = join(dir, 'wrong.js')
    const mysql2 = JSON.stringify(require.resolve('mysql2/promise'))
    await writeFile(
      wrong,
      `exports.createPool = (options) => require(${mysql2}).createPool({ ...options, dateStrings: true })`,
    )
    const env = { ...process.env, HEGAR_DROPIN_MODULES: `mysql2,${wrong}` }
    await assert.rejects(run(process.execPath, [script, ...TINY, '--only', 'execute page20'], { env }), {
      code: 1,
      stdout: /ANSWERED WRONGLY: page20 by execute .*released_date: expected [^]*\bfailed +failed\b/,
    })
  })

  it('says what it does not understand, and which module is not there', async () => {
    for (const wrong of [['--fast'], ['--out'], ['--rounds', '0'], ['--quick', 'x']]) {
      await assert.rejects(run(process.execPath, [script, ...wrong]), { code: 1, stderr: /--rounds N/ })
    }
    await assert.rejects(run(process.execPath, [script, '--only', 'nothing']), {
      code: 1,
      stderr: /execute point 64/,
    })
    const env = { ...process.env, HEGAR_DROPIN_MODULES: 'lib/missing.js,mysql2/promise' }
    await assert.rejects(run(process.execPath, [script, '--quick'], { env }), {
      code: 1,
      stderr: /lib\/missing\.js is not there/,
    })
  })
})
