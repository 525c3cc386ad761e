'use strict'

// The measuring loop: a fixed number of questions in flight, each answer followed by the next question.
// It runs inside the child process, the same code under Node and under Bun.

const fs = require('node:fs')
const { performance } = require('node:perf_hooks')

/**
 * Keeps `inflight` calls of `ask(index)` open until the window is over and resolves with its figures:
 * `{queries, seconds, qps, mainCpuUs, totalCpuUs, p50Us, p99Us, last: {index, answer}}`.
 *
 * `window` is `{warmupMs, warmupQueries, measureMs, measureQueries}`: both phases last until their time
 * has passed and their number of answers has come, so that slow questions are not judged by a handful.
 * `ask` cycles through the indexes 0 … `variants - 1`. A rejection ends the measurement with that error.
 *
 * The window starts and ends at an answer. Questions still open at its end are left alone: waiting for
 * 64 of the slow ones would cost more than the window itself, and the process exits right after.
 */
function measure(ask, variants, inflight, window) {
  const latencies = new Histogram()
  let next = 0
  let answers = 0
  let began = performance.now()
  let cpu = null
  let warm = false
  let over = false

  return new Promise((resolve, reject) => {
    const finish = (now, index, answer) => {
      over = true
      const main = threadCpuUs() - cpu.main
      const total = process.cpuUsage(cpu.total)
      const seconds = (now - began) / 1000
      resolve({
        queries: answers,
        seconds,
        qps: answers / seconds,
        mainCpuUs: main / answers,
        totalCpuUs: (total.user + total.system) / answers,
        p50Us: latencies.quantile(0.5),
        p99Us: latencies.quantile(0.99),
        last: { index, answer },
      })
    }

    const lane = async () => {
      let asked = performance.now()
      while (!over) {
        const index = next
        next = next + 1 === variants ? 0 : next + 1
        let answer = await ask(index)
        if (over) return
        const now = performance.now()
        answers += 1
        if (warm) {
          latencies.add(now - asked)
          if (now - began >= window.measureMs && answers >= window.measureQueries) {
            finish(now, index, answer)
          }
        } else if (now - began >= window.warmupMs && answers >= window.warmupQueries) {
          warm = true
          answers = 0
          cpu = { main: threadCpuUs(), total: process.cpuUsage() }
          began = performance.now()
        }
        asked = now
        // A suspended function keeps its variables alive: an answer would live until its successor comes.
        answer = undefined
      }
    }

    for (let i = 0; i < inflight; i++) lane().catch(reject)
  })
}

/**
 * CPU time of the calling thread in microseconds. Node 20 has no `process.threadCpuUsage`; there the
 * kernel's own account of the thread is read, whose first field is its time on a CPU in nanoseconds.
 */
function threadCpuUs() {
  if (typeof process.threadCpuUsage === 'function') {
    const used = process.threadCpuUsage()
    return used.user + used.system
  }
  return Number(fs.readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ', 1)[0]) / 1000
}

/** A line of /proc/self/status in megabytes (2^20 bytes): `VmHWM` is the peak, `VmRSS` the present. */
function memoryMb(field) {
  const line = fs
    .readFileSync('/proc/self/status', 'latin1')
    .match(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm'))
  return Number(line[1]) / 1024
}

/**
 * Latencies counted in buckets 1/64 of their value wide (1.6 % at most), from 0.1 µs to 3.5 minutes, so
 * that a long window at a high rate needs no more memory than a short one and peak memory stays the driver's.
 */
class Histogram {
  constructor() {
    this.buckets = new Uint32Array(27 * 64)
    this.count = 0
  }

  add(milliseconds) {
    const tenths = Math.min(Math.max(Math.round(milliseconds * 10_000), 0), 0x7fffffff)
    const shift = Math.max(0, 25 - Math.clz32(tenths))
    this.buckets[shift * 64 + (tenths >>> shift)] += 1
    this.count += 1
  }

  /** The latency in microseconds below which the given share of all lies (0.99 for p99). */
  quantile(share) {
    let left = Math.ceil(this.count * share)
    for (let i = 0; i < this.buckets.length; i++) {
      left -= this.buckets[i]
      if (left > 0) continue
      const shift = i < 128 ? 0 : Math.floor(i / 64) - 1
      return ((i - shift * 64 + 0.5) * 2 ** shift) / 10
    }
    return 0
  }
}

/** The middle of some figures, of an even number the upper one. */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1]
}

module.exports = { measure, median, memoryMb, threadCpuUs, Histogram }
