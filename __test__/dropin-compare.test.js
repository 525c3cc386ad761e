'use strict'

// The comparison of dropin-*.test.js must be able to fail: each fake differs from the first in one thing.

const { describe, it } = require('node:test')
const assert = require('node:assert/strict')
const { EventEmitter } = require('node:events')
const { judge, observe } = require('./dropin/compare.js')

class ResultSetHeader {
  affectedRows = 1
}

class OtherHeader {
  affectedRows = 1
}

const failure = (properties = {}) =>
  Object.assign(new Error('no such table'), { code: 'ER_NO_SUCH_TABLE', errno: 1146, ...properties })

// What a fake gives unless it differs: [rows, fields], the header, the error, the events, the arguments.
const usual = {
  rows: () => [{ id: 1, name: 'Ada', born: new Date(0), bytes: Buffer.from('a'), big: 1n, none: null }],
  fields: () => [{ name: 'id', type: 3, table: 'users' }],
  header: () => new ResultSetHeader(),
  error: () => failure(),
  events: () => [
    ['fields', [{ name: 'id' }]],
    ['result', { id: 1 }],
    ['end', undefined],
  ],
}

function fake(differing = {}) {
  const parts = { ...usual, ...differing }
  return {
    createConnection: () => {
      const connection = new EventEmitter()
      connection.destroy = () => {}
      connection.query = (sql, done) => {
        if (!done) return emitting(parts.events())
        if (sql === 'rows')
          process.nextTick(done, null, parts.rows(), parts.fields(), ...(parts.more?.() ?? []))
        else if (sql === 'header') process.nextTick(done, null, parts.header())
        else process.nextTick(done, parts.error())
        return undefined
      }
      return connection
    },
  }
}

function emitting(events) {
  const query = new EventEmitter()
  process.nextTick(() => {
    for (const [event, value] of events) query.emit(event, value)
  })
  return query
}

async function run(_driver, session) {
  const connection = await session.open()
  await session.ask(connection, 'query', 'rows')
  await session.ask(connection, 'query', 'header')
  await session.ask(connection, 'query', 'fails')
  await session.follow(connection.query('events'), ['fields', 'result', 'end'])
}

const side = async (driver, marks = []) =>
  (await observe({ driver, api: 'mysql2', options: {}, marks }, { run })).journal

async function compared(differing, expected) {
  judge(await side(fake()), await side(fake(differing)), expected)
}

const row = (changes) => () => [{ ...usual.rows()[0], ...changes }]

const differing = {
  'a value': [
    { rows: row({ name: 'Bob' }) },
    /\.name: the original has string "Ada", the drop-in string "Bob"/,
  ],
  'the type of a number': [{ rows: row({ id: '1' }) }, /\.id: .* number 1, .* string "1"/],
  'a bigint instead of a number': [{ rows: row({ id: 1n }) }, /\.id: .* number 1, .* bigint 1/],
  'a minus before zero': [{ rows: row({ big: -0 }) }, /\.big: .* bigint 1, .* number -0/],
  'null and undefined': [{ rows: row({ none: undefined }) }, /\.none: .* null, .* undefined/],
  'a date as a string': [
    { rows: row({ born: '1970-01-01T00:00:00.000Z' }) },
    /\.born: .* Date .*, .* string/,
  ],
  'an invalid date': [{ rows: row({ born: new Date(NaN) }) }, /\.born: .* Date Invalid/],
  'a Uint8Array instead of a Buffer': [
    { rows: row({ bytes: Uint8Array.of(97) }) },
    /\.bytes: .* Buffer "61"/,
  ],
  'the order of properties': [
    { rows: () => [Object.fromEntries(Object.entries(usual.rows()[0]).reverse())] },
    /\(keys\): the original has \["id","name"/,
  ],
  'the class of a row': [
    { rows: () => [Object.assign(Object.create(null), usual.rows()[0])] },
    /\(class\): .* Object/,
  ],
  'the class of a header': [
    { header: () => new OtherHeader() },
    /\(class\): .* ResultSetHeader, .* OtherHeader/,
  ],
  'a row more': [
    { rows: () => [...usual.rows(), ...usual.rows()] },
    /length: the original has 1, the drop-in 2/,
  ],
  'rows that are no array': [{ rows: () => ({ 0: usual.rows()[0] }) }, /query\(rows\) calls back\[2\]/],
  'the type of a column': [
    { fields: () => [{ name: 'id', type: 8, table: 'users' }] },
    /\.type: .* number 3, .* number 8/,
  ],
  'no columns': [{ fields: () => undefined }, /the drop-in undefined/],
  'an argument more': [{ more: () => ['more'] }, /3 arguments, the drop-in 4 arguments/],
  'the code of an error': [
    { error: () => failure({ code: 'ER_PARSE_ERROR' }) },
    /\.code: .* "ER_NO_SUCH_TABLE"/,
  ],
  'a property of an error': [{ error: () => failure({ fatal: false }) }, /\(keys\).*"fatal"/],
  'the class of an error': [
    { error: () => Object.assign(new TypeError('no such table'), { ...failure() }) },
    /\(class\): the original has Error, the drop-in TypeError/,
  ],
  'no error': [{ error: () => null }, /the drop-in null/],
  'the order of events': [
    { events: () => [usual.events()[1], usual.events()[0], usual.events()[2]] },
    /\(keys\)[^]*event fields/,
  ],
  'an event less': [{ events: () => usual.events().slice(1) }, /\(keys\)[^]*event fields/],
  'what an event is given': [
    { events: () => [usual.events()[0], ['result', { id: 2 }], usual.events()[2]] },
    /event result\[0\]\.id: the original has number 1, the drop-in number 2/,
  ],
}

describe('the comparison', () => {
  it('finds no difference between equals', () => compared({}))

  for (const [name, [parts, message]] of Object.entries(differing)) {
    it(`reports ${name}`, () => assert.rejects(compared(parts), { name: 'AssertionError', message }))
  }

  it('hides what it is told to hide, and nothing else', async () => {
    const marked = (driver, name) => side(driver, [[name, '<database>']])
    const of = (name) => fake({ rows: () => [{ name }] })
    judge(await marked(of('dropin_1a'), 'dropin_1a'), await marked(of('dropin_1b'), 'dropin_1b'))
    const [a, b] = [await marked(of('dropin_1a'), 'dropin_1a'), await marked(of('dropin_2b'), 'dropin_1b')]
    assert.throws(() => judge(a, b), /<database>/)
  })

  it('refuses a case that observed nothing', () => assert.throws(() => judge([], []), /observed nothing/))

  it('accepts a deliberate difference that both sides keep, and not one that is gone', async () => {
    const calls = []
    const expected = {
      reason: 'for this test',
      original: (journal) => calls.push(['original', journal.length]),
      dropin: (journal) => calls.push(['dropin', journal.length]),
    }
    await compared({ header: () => new OtherHeader() }, expected)
    assert.deepEqual(calls, [
      ['original', 6],
      ['dropin', 6],
    ])
    await assert.rejects(compared({}, expected), /the same by now/)
  })
})
