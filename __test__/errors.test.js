'use strict'

const assert = require('node:assert/strict')
const { dirname, join } = require('node:path')
const { describe, it } = require('node:test')

const { codeOf } = require('../lib/error-codes.js')
const { HegarError, HegarTypeError, fromNative, paramError } = require('../lib/errors.js')

describe('errors', () => {
  it('of the server carry the same properties as mysql2 gives', () => {
    const raw = {
      code: 'HEGAR_SERVER_ERROR',
      message: "Duplicate entry '1'",
      errno: 1062,
      sqlState: '23000',
      fatal: false,
    }
    const error = fromNative(raw, 'INSERT INTO t VALUES (?)')
    assert.ok(error instanceof HegarError && error instanceof Error)
    assert.equal(error.name, 'HegarError')
    assert.equal(String(error), "HegarError: Duplicate entry '1'")
    assert.deepEqual(Object.entries(error), [
      ['code', 'ER_DUP_ENTRY'],
      ['errno', 1062],
      ['sql', 'INSERT INTO t VALUES (?)'],
      ['sqlState', '23000'],
      ['sqlMessage', "Duplicate entry '1'"],
      ['fatal', false],
    ])
  })

  it('of ours keep their code, and the cause that the system gave', () => {
    const cause = { code: 'ECONNREFUSED', message: 'connection refused' }
    const error = fromNative({
      code: 'HEGAR_CONNECT_FAILED',
      message: 'could not connect',
      fatal: true,
      cause,
    })
    assert.equal(error.code, 'HEGAR_CONNECT_FAILED')
    assert.equal(error.fatal, true)
    assert.equal(error.cause.code, 'ECONNREFUSED')
    assert.equal(Object.hasOwn(error, 'errno'), false)
    assert.equal(Object.hasOwn(error, 'sql'), false)
    assert.equal(fromNative({}).code, 'HEGAR_INTERNAL')
  })

  it('show the line that called', () => {
    function caller() {
      const site = {}
      Error.captureStackTrace(site)
      return site
    }
    const { stack } = fromNative(
      { code: 'HEGAR_POOL_CLOSED', message: 'closed\n    at first sight' },
      undefined,
      caller(),
    )
    assert.match(stack, /^HegarError: closed\n {4}at first sight\n {4}at caller \(/)
    assert.doesNotMatch(stack, /errors\.js/)
  })

  it('about parameters are TypeErrors and HegarErrors in one', () => {
    for (const error of [
      paramError('parameter 1'),
      fromNative({ code: 'HEGAR_PARAM_INVALID', message: 'x' }),
    ]) {
      assert.ok(error instanceof TypeError)
      assert.ok(error instanceof HegarTypeError)
      assert.ok(error instanceof HegarError)
      assert.equal(error.code, 'HEGAR_PARAM_INVALID')
      assert.equal(error.name, 'HegarTypeError')
    }
    assert.ok(!(new TypeError('x') instanceof HegarError))
    assert.ok(!(new HegarError('x') instanceof HegarTypeError))
    assert.ok(!(null instanceof HegarError))
    class Narrower extends HegarError {}
    assert.ok(new Narrower('x') instanceof HegarError)
    assert.ok(!(paramError('x') instanceof Narrower))
  })

  it('of every number that mysql2 names have the same code', () => {
    const theirs = require(join(dirname(require.resolve('mysql2/package.json')), 'lib/constants/errors.js'))
    const numbers = Object.keys(theirs).filter((key) => /^\d+$/.test(key))
    assert.ok(numbers.length > 1900)
    for (const number of numbers) assert.equal(codeOf(Number(number)), theirs[number])
  })

  it('that only MariaDB has are named too, and the rest by their number', () => {
    assert.equal(codeOf(1969), 'ER_STATEMENT_TIMEOUT')
    assert.equal(codeOf(1927), 'ER_CONNECTION_KILLED')
    assert.equal(codeOf(1982), 'WARN_INNODB_PARTITION_OPTION_IGNORED')
    assert.equal(codeOf(45000), 'ER_45000')
  })
})
