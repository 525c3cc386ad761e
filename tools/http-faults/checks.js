'use strict'

// What is promised of the HTTP layer, beside what was seen.

/** `[{name, seen, allowed, isKept}]` of a result of tools/http-faults.js. */
function checksOf(result) {
  const { failures, requests, phases, freshness, limiter, wide, memory, redis, selfTest } = result
  const { bounds } = result
  const checks = []
  const add = (name, isKept, seen, allowed) => checks.push({ name, isKept, seen, allowed })

  add('requests that failed', failures.count === 0, `${failures.count} of ${requests}`, 'none')
  for (const [phase, figures] of Object.entries(phases)) {
    for (const { what, ms, parts } of timesOf(phase, figures, bounds)) {
      const mostMs = parts.reduce((sum, [part]) => sum + part, 0)
      const because = parts.map(([part, name]) => `${part.toFixed(0)} ${name}`).join(', ')
      add(`${phase}: ${what}`, ms <= mostMs, `${ms} ms`, `${mostMs.toFixed(0)} ms: ${because}`)
    }
  }

  add(
    'answers older than a write through their process',
    freshness.stale === 0,
    `${freshness.stale} of ${freshness.reads}`,
    'none',
  )
  add(
    'behind a write through another process',
    freshness.past === 0,
    `${freshness.worstMs} ms at the most`,
    `${bounds.acrossMs} ms`,
  )
  add(
    'age of an answer with a ttl alone',
    freshness.oldestMs <= bounds.ageMs,
    `${freshness.oldestMs} ms at the most`,
    `${bounds.ageMs} ms`,
  )
  add('writes', freshness.writes >= bounds.writes, freshness.writes, `${bounds.writes} or more`)

  const { limit, insuranceLimit } = bounds
  add(
    'let through in a window that Redis counts',
    limiter.mostInWindow === limit,
    `${limiter.mostInWindow} at the most, in ${limiter.windows} windows`,
    `${limit}, and reached`,
  )
  add(
    'windows with more, also where Redis lost counts',
    limiter.broken.length === 0,
    limiter.broken.length,
    'none',
  )
  add(
    'let through by a process in a window without Redis',
    limiter.mostInsured === insuranceLimit,
    `${limiter.mostInsured} at the most, in ${limiter.insuredWindows} windows`,
    `${insuranceLimit}, and reached`,
  )
  add(
    'let through in a window after the last fault',
    limiter.mostAfter === limit,
    limiter.mostAfter,
    `${limit}, and reached`,
  )
  add('refused', limiter.refused > 0, limiter.refused, 'some')
  add('refused by the limiter with a limit out of reach', wide.refused === 0, wide.refused, 'none')
  const fewest = Math.min(limiter.fewestHits, wide.fewestHits)
  add(
    'fewest hits counted',
    fewest >= 1 && redis.negative.length === 0,
    fewest,
    '1 or more, and nothing below 0 in Redis',
  )
  add(
    'keys in Redis that do not expire',
    redis.withoutExpiry.length === 0,
    `${redis.withoutExpiry.length} of ${redis.keys}`,
    'none',
  )

  add(
    'memory of the answers',
    memory.mostBytes <= memory.maxBytes,
    `${memory.mostBytes} bytes at the most`,
    `${memory.maxBytes} bytes`,
  )
  add('answers evicted', memory.evicted > 0, memory.evicted, 'some')
  add('given from memory', memory.hits > 0, memory.hits, 'some')
  add('given that the other process had made', memory.remoteHits > 0, memory.remoteHits, 'some')
  add('failures inside of the cache', memory.failures === 0, memory.failures, 'none')
  add('the same after the last fault', result.after.remoteHits > 0, result.after.remoteHits, 'some')
  add(
    'hits counted by Redis after the last fault',
    result.after.redisCalls > 0,
    result.after.redisCalls,
    'some',
  )
  const isConnected = result.after.connected.every(Boolean)
  add(
    'processes that use Redis in the end',
    isConnected,
    result.after.connected.filter(Boolean).length,
    result.after.connected.length,
  )
  add(
    'Redis in use again after a fault',
    result.recoveryMs.most <= bounds.recoveryMs,
    `${result.recoveryMs.most} ms at the most`,
    `${bounds.recoveryMs} ms`,
  )
  add(
    'how the processes ended',
    result.endings.every((code) => code === 0),
    result.endings.join(', '),
    '0',
  )

  add(
    'older answers found without the fence',
    selfTest.stale > 0,
    `${selfTest.stale} of ${selfTest.reads}`,
    'some, or the check proves nothing',
  )
  return checks
}

// What the machine keeps everybody waiting for is no fault of Redis: the plain page shows it.
function timesOf(phase, { sharedP95Ms, sharedMaxMs, othersMaxMs, plainMaxMs }, bounds) {
  const { commandTimeoutMs, silenceMs, slackMs, maxSlackMs } = bounds
  const handler = [plainMaxMs, 'of the plain page']
  const redis = [commandTimeoutMs, 'for Redis']
  const slack = [slackMs, 'of slack']
  const maxSlack = [maxSlackMs, 'of slack']
  // The handler of the other process is waited for before there is a run of one's own.
  const shared = [handler, [plainMaxMs, 'of it in the other process'], redis]
  // Whoever waits for the other process when Redis falls silent hears of it when Redis is missed.
  const isFault = phase !== 'quiet' && phase !== 'after'
  const silence = isFault ? [[silenceMs, 'until Redis is missed']] : []
  return [
    {
      what: 'slowest answer of pages that are not shared',
      ms: othersMaxMs,
      parts: [handler, redis, maxSlack],
    },
    { what: 'p95 of shared pages', ms: sharedP95Ms, parts: [...shared, slack] },
    { what: 'slowest answer of shared pages', ms: sharedMaxMs, parts: [...shared, maxSlack, ...silence] },
  ]
}

module.exports = { checksOf }
