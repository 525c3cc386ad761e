'use strict'

const assert = require('node:assert/strict')
const { spawnSync } = require('node:child_process')
const { join } = require('node:path')
const { describe, it } = require('node:test')

const { localZone } = require('../lib/local-zone.js')

/** Runs a function in a process of its own with that TZ, undefined for none, and gives what it returns. */
function inZone(tz, run) {
  const path = JSON.stringify(join(__dirname, '../lib/local-zone.js'))
  const script = `console.log(JSON.stringify((${run})(require(${path}).localZone)))`
  const env = { ...process.env, TZ: tz }
  if (tz === undefined) delete env.TZ
  const { stdout, stderr, status } = spawnSync(process.execPath, ['-e', script], { env, encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  return JSON.parse(stdout)
}

/* Everything below runs in the child, so it uses nothing from out here. */

/** Where the table says something else than Date: around each change, on each day, and in the years after it. */
function differences(localZone) {
  const DAY = 86_400_000
  const { first, changes } = localZone()
  const wrong = []
  const check = (ms, told) => {
    const date = new Date(ms)
    const day = Date.UTC(date.getFullYear(), date.getMonth(), date.getDate())
    const time = Date.UTC(
      1970,
      0,
      1,
      date.getHours(),
      date.getMinutes(),
      date.getSeconds(),
      date.getMilliseconds(),
    )
    if (day + time - ms !== told) wrong.push([date.toISOString(), told, day + time - ms])
  }
  changes.forEach(([at, offset], index) => {
    const before = index ? changes[index - 1][1] : first
    if (offset === before || !(at > (changes[index - 1]?.[0] ?? -Infinity))) wrong.push(['order', at, offset])
    check(at - 1, before)
    check(at, offset)
  })
  const offsetOf = new Map()
  let next = 0
  for (let ms = Date.UTC(1800, 0, 1); ms < Date.UTC(2129, 0, 1); ms += DAY) {
    while (next < changes.length && changes[next][0] <= ms) next++
    offsetOf.set(ms, next ? changes[next - 1][1] : first)
    check(ms, offsetOf.get(ms))
  }
  for (let year = 2129; year < 2530; year++) {
    const [start, end] = [Date.UTC(year, 0, 1), Date.UTC(year + 1, 0, 1)]
    let model = 2101
    const isModel = () => {
      const modelStart = Date.UTC(model, 0, 1)
      return (start - modelStart) % (7 * DAY) === 0 && Date.UTC(model + 1, 0, 1) - modelStart === end - start
    }
    while (!isModel()) model++
    for (let ms = start; ms < end; ms += DAY) check(ms, offsetOf.get(ms - start + Date.UTC(model, 0, 1)))
  }
  return wrong.slice(0, 5)
}

function ends(localZone) {
  const { first, changes } = localZone()
  return { first, last: changes.at(-1) ?? null }
}

describe('the clock changes of the local zone', () => {
  for (const tz of [
    'Asia/Jakarta',
    'America/New_York',
    'Europe/Amsterdam',
    'Australia/Lord_Howe',
    'America/Sao_Paulo',
    'Africa/Casablanca',
    'America/Noronha',
    'Asia/Gaza',
    'Asia/Manila',
    'Pacific/Apia',
  ]) {
    it(`are those of Date in ${tz}`, () => {
      assert.deepEqual(inZone(tz, differences), [])
    })
  }

  it('have the seconds of local mean time', () => {
    assert.equal(inZone('America/New_York', ends).first, -17_762_000)
  })

  it('are none where TZ is an offset, a name that Node does not know, or UTC', () => {
    for (const [tz, hours] of [
      ['UTC+3', -3],
      ['GMT+3', -3],
      ['WIB-7', 7],
      ['Nowhere/Land', 0],
      ['', 0],
      ['UTC', 0],
    ]) {
      assert.deepEqual(inZone(tz, ends), { first: hours * 3_600_000, last: null }, tz)
      assert.deepEqual(inZone(tz, differences), [], tz)
    }
  })

  it('are those of the system where TZ is not set', () => {
    assert.deepEqual(inZone(undefined, differences), [])
  })
})

describe('reading the clock', () => {
  it('happens once, and again when TZ has another value', (t) => {
    const before = process.env.TZ
    t.after(() => (before === undefined ? delete process.env.TZ : (process.env.TZ = before)))
    process.env.TZ = 'Asia/Jakarta'
    const jakarta = localZone()
    assert.equal(localZone(), jakarta)
    process.env.TZ = 'Asia/Tokyo'
    assert.equal(localZone().changes.at(-1)[1], 9 * 3_600_000)
    process.env.TZ = 'UTC'
    assert.deepEqual(localZone(), { first: 0, changes: [] })
    process.env.TZ = 'Asia/Jakarta'
    assert.deepEqual(localZone(), jakarta)
  })
})
