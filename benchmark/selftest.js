'use strict'

// `npm run bench -- --selftest`: proves that the benchmark finds wrong answers. Drivers that are wrong in one
// way each go through the same check and the same timing as the real ones, and each must be caught; two right
// ones must pass.

const { openShop } = require('./server')
const { Bench } = require('./bench')
const { WRONG_DRIVERS } = require('./drivers/wrong')

// Counted, not timed, so that the drivers that turn wrong late are wrong within the window on any machine.
const WINDOW = { warmupMs: 0, warmupQueries: 1000, measureMs: 0, measureQueries: 1000 }

/** Resolves with whether every wrong driver was caught and no right one was. */
async function selftest({ signal, log }) {
  const shop = await openShop(['page20'], { signal, log })
  let failed = 0
  let passed = 0
  const judge = (driver, expectWrong, told) => {
    const good = (told !== null) === expectWrong
    if (good) passed += 1
    else failed += 1
    log(`${good ? 'ok    ' : 'NOT OK'} ${driver}: ${told === null ? 'no objection' : told}`)
  }
  try {
    const drivers = ['mysql2.query', 'mysql2.execute']
    const bench = new Bench({ shop, drivers, window: WINDOW, signal })
    for (const driver of drivers) judge(driver, false, await objection(bench, driver))
    for (const driver of Object.keys(WRONG_DRIVERS)) judge(driver, true, await objection(bench, driver))
  } finally {
    await shop.stop()
  }
  log(`${passed} passed, ${failed} failed`)
  return failed === 0
}

/** What the benchmark says against a driver's answers, null when it says nothing. */
async function objection(bench, driver) {
  const [workload] = bench.shop.workloads
  try {
    const sizes = await bench.check(driver, workload)
    for (const path of ['objects', 'json']) {
      await bench.measure({ driver, workload, path, inflight: 64, sizes: sizes[path] })
    }
    return null
  } catch (error) {
    // Only the judgement counts: a driver that crashes has not been found out.
    if (!error.wrong) throw error
    return error.message.split('\n')[0]
  }
}

module.exports = { selftest }
