'use strict'

module.exports = { localZone }

/*
 * Of the 418 zones of Intl in Node 20 (tz 2025c), read every hour from 1830 to 2110 and every day around that,
 * - none has a change before 1844;
 * - the shortest time between two changes is 6 days and 23 hours (Boa Vista in 2000, Gaza in 2040), before
 *   1914 it is 568 days, and from 2088 on 126 days (Havana). So readings that are one of these steps apart
 *   show every change, and no two changes lie within a step;
 * - every change is on a whole second, and nearly all are on a quarter of an hour;
 * - from 2088 on, years with the same calendar have the same changes. The 28 years before END have all
 *   fourteen calendars, and Rust repeats them.
 */
const DAY = 86_400_000
const START = Date.UTC(1840, 0, 1)
const DENSE = { start: Date.UTC(1910, 0, 1), end: Date.UTC(2101, 0, 1), step: 6 * DAY }
const SPARSE_STEP = 60 * DAY
const END = Date.UTC(2129, 0, 1)
const QUARTER = 900_000
const SECOND = 1000

let cached

/**
 * Tells the clock changes of the local time zone as this process's Date has them: `{first, changes}`, in
 * milliseconds. `first` is what local time is ahead of UTC before the first change; each of `changes` is
 * `[at, offset]`, the UTC time of a change and the offset from there on, ascending, up to the year 2128.
 * Read once, and again when TZ has another value.
 *
 * A name would not do in its place: Intl has none or a wrong one for a TZ such as UTC+3, and another copy of
 * the time zone database differs from Node's wherever one of them is older.
 */
function localZone() {
  const tz = process.env.TZ
  if (!cached || cached.tz !== tz) cached = { tz, zone: isUtc() ? { first: 0, changes: [] } : readClock() }
  return cached.zone
}

// Most servers keep UTC, whose name says that it has no changes.
function isUtc() {
  return new Date(0).toString().endsWith(' GMT+0000 (Coordinated Universal Time)')
}

function readClock() {
  const first = offsetAt(START)
  const changes = []
  let offset = first
  for (let from = START, to; from < END; from = to) {
    to = nextReading(from)
    if (offsetAt(to) === offset) continue
    let at = firstUnlike(offset, from, to, QUARTER)
    if (offsetAt(at - SECOND) !== offset) at = firstUnlike(offset, at - QUARTER, at, SECOND)
    offset = offsetAt(at)
    changes.push([at, offset])
  }
  return { first, changes }
}

function nextReading(at) {
  if (at < DENSE.start) return Math.min(at + SPARSE_STEP, DENSE.start)
  if (at < DENSE.end) return Math.min(at + DENSE.step, DENSE.end)
  return Math.min(at + SPARSE_STEP, END)
}

// Where the offset becomes another one between two times that are a whole number of units apart.
function firstUnlike(offset, from, to, unit) {
  let same = 0
  let other = (to - from) / unit
  while (other - same > 1) {
    const middle = (same + other) >> 1
    if (offsetAt(from + middle * unit) === offset) same = middle
    else other = middle
  }
  return from + other * unit
}

const date = new Date(0)

// What local time is ahead of UTC at a whole second, from the fields of local time: getTimezoneOffset cuts the
// seconds off, and local mean times have some.
function offsetAt(ms) {
  date.setTime(ms)
  const day = Date.UTC(date.getFullYear(), date.getMonth(), date.getDate())
  return day + (date.getHours() * 3600 + date.getMinutes() * 60 + date.getSeconds()) * SECOND - ms
}
