'use strict'

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const { mkdtemp, readFile, rm } = require('node:fs/promises')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { promisify } = require('node:util')
const { after, before, describe, it } = require('node:test')
const { withLock } = require('../tools/lock')
const { WORK_DIR } = require('../tools/run')
const { testServer } = require('./support/server')
const { CASES } = require('../benchmark/http-cases')
const { measureCase } = require('../benchmark/http-load')

const run = promisify(execFile)
const script = join(__dirname, '..', 'benchmark', 'http.js')
const short = { connections: 8, warmupMs: 100, windowMs: 300 }
const documents = [1, 2, 3].map((id) => JSON.stringify([{ id, name: 'A product of the shop '.repeat(50) }]))

describe('the benchmark of answers over HTTP', () => {
  let dir
  let place
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'hegar-http-'))
    const { host, port, user, password } = await testServer()
    place = { host, port, user, password }
  })
  after(() => rm(dir, { recursive: true, force: true }))

  it('writes the figures of its cases, prints them, and compares what is to be compared', async () => {
    const out = join(dir, 'figures.json')
    const args = ['--quick', '--out', out, '--connections', '16', '--cases', 'middleware,express-end']
    // The shop is in a folder of this checkout, which no two servers can have at the same time.
    const { stdout } = await withLock(join(WORK_DIR, 'bench', 'http.lock'), () =>
      run(process.execPath, [script, ...args], { timeout: 120_000 }),
    )
    const results = JSON.parse(await readFile(out, 'utf8'))
    assert.deepEqual(
      results.map((result) => result.case),
      ['express-end', 'middleware'],
    )
    for (const result of results) {
      assert.deepEqual(Object.keys(result), ['case', 'rps', 'p50Ms', 'p99Ms', 'mainCpuUs'])
      for (const figure of Object.values(result).slice(1)) assert.ok(figure > 0, JSON.stringify(result))
      assert.ok(result.p50Ms <= result.p99Ms)
      assert.match(stdout, new RegExp(`^${result.case} +${result.rps} `, 'm'))
    }
    assert.match(stdout, /16 connections/)
    assert.match(stdout, /middleware \/ express-end +\d\.\d{3} +target 0\.97 +(met|MISSED)/)
  })

  it('has its cases in a fixed order', () => {
    const names =
      'node-http express-end express-send middleware middleware-br front plan-redis apicache mysql2-json query-json'
    assert.deepEqual(CASES, names.split(' '))
  })

  it('takes the pages of the database cases one after another, from both drivers', async () => {
    const sql = 'SELECT ? AS id, REPEAT("A product of the shop ", 50) AS name'
    for (const name of ['mysql2-json', 'query-json']) {
      const job = { name, place, sql, params: [[1], [2], [3]] }
      const { rps } = await measureCase(job, documents, short)
      assert.ok(rps > 0)
      await assert.rejects(measureCase(job, documents.toReversed(), short), /another document/)
    }
  })

  it('fails when a case gives another document than it should', async () => {
    const job = { name: 'express-end' }
    const [document] = documents
    await assert.rejects(
      measureCase({ ...job, document: documents[1] }, [document], short),
      /express-end gives another document/,
    )
    await measureCase(job, [document], short)
  })

  it('says what it does not understand', async () => {
    for (const [args, message] of [
      [['--fast'], /--quick and --out/],
      [['--connections', '0'], /--connections takes/],
      [['--cases', 'nginx'], /there is no case nginx/],
    ]) {
      await assert.rejects(run(process.execPath, [script, ...args]), { code: 1, stderr: message })
    }
  })
})
