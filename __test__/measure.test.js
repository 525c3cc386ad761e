'use strict'

// The benchmark's measuring loop, with questions that answer when the test says so.

const test = require('node:test')
const assert = require('node:assert/strict')
const v8 = require('node:v8')
const vm = require('node:vm')
const { setImmediate: turn, setTimeout: sleep } = require('node:timers/promises')
const { measure } = require('../benchmark/measure')

const SHORT = { warmupMs: 10, warmupQueries: 4, measureMs: 40, measureQueries: 20 }

test('the measuring loop keeps its number of questions open and asks every variant in turn', async () => {
  const asked = []
  let open = 0
  let most = 0
  const figures = await measure(
    async (index) => {
      asked.push(index)
      most = Math.max(most, ++open)
      await sleep(1)
      open -= 1
      return `answer ${index}`
    },
    3,
    5,
    SHORT,
  )
  assert.equal(most, 5)
  assert.deepEqual(asked.slice(0, 7), [0, 1, 2, 0, 1, 2, 0])
  assert.equal(figures.last.answer, `answer ${figures.last.index}`)
  assert.ok(figures.queries >= SHORT.measureQueries, `${figures.queries} answers`)
  assert.ok(figures.seconds * 1000 >= SHORT.measureMs, `${figures.seconds} s`)
  assert.equal(figures.qps, figures.queries / figures.seconds)
  assert.ok(figures.p50Us > 0 && figures.p50Us <= figures.p99Us, `${figures.p50Us} µs`)
})

test('the measuring loop ends with the first error', async () => {
  const ask = async (index) => {
    await turn()
    if (index === 2) throw new Error('no such table')
  }
  await assert.rejects(measure(ask, 3, 2, SHORT), /no such table/)
})

test('an answer is let go before the next one comes, so that peak memory is that of the driver', async () => {
  v8.setFlagsFromString('--expose-gc')
  const gc = vm.runInNewContext('gc')
  const answers = []
  const pending = []
  const ask = () => {
    if (answers.length === 8) return new Promise((resolve, reject) => pending.push(reject))
    const answer = { rows: Array.from({ length: 10 }, (_, id) => ({ id })) }
    answers.push(new WeakRef(answer))
    return Promise.resolve(answer)
  }
  const measured = measure(ask, 1, 4, SHORT)
  // A WeakRef keeps its object until the turn that made it is over.
  for (let i = 0; i < 5; i++) await turn()
  gc()
  assert.equal(pending.length, 4)
  assert.equal(answers.filter((answer) => answer.deref() !== undefined).length, 0)
  for (const reject of pending) reject(new Error('enough'))
  await assert.rejects(measured, /enough/)
})
