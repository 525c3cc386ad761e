'use strict'

const { enclose } = require('./batch.js')
const { readLimits } = require('./call-options.js')
const { HegarTypeError } = require('./errors.js')
const { NativeScript, NativeStatement } = require('./native.js')
const { noParams } = require('./params.js')
const { watchLimits } = require('./watch.js')

/**
 * Runs the statements of `sql` one after the other on one connection of `face`, and resolves with a list of what
 * `resultOf` makes of their outcomes.
 */
async function runScript(face, sql, options, resultOf) {
  if (typeof sql !== 'string') {
    throw new HegarTypeError(`script: the script must be a string, not ${sql === null ? 'null' : typeof sql}`)
  }
  const watch = watchLimits(readLimits('script', options), 'the script')
  const script = new NativeScript(sql)
  try {
    if (script.peek(false, false) === null) return []
    return await face[enclose](false, (channel) => runAll(channel, script, resultOf), watch)
  } catch (error) {
    throw watch.error ?? error
  } finally {
    watch.end()
  }
}

async function runAll(channel, script, resultOf) {
  const results = []
  let mode
  let isKnown = false
  for (;;) {
    // By the default sql_mode it shows whether the actual one matters; only then is the server asked for it.
    if (!isKnown) mode = [false, false]
    let piece = script.peek(...mode)
    if (piece?.dependsOnMode && !isKnown) {
      mode = await modeOf(channel)
      isKnown = true
      piece = script.peek(...mode)
    }
    if (piece === null) return results
    const statement = NativeStatement.text(piece.sql)
    try {
      results.push(resultOf(await run(channel, statement, piece.sql, channel.rowOptions.plain.native)))
    } catch (error) {
      throw located(error, results.length + 1, piece)
    }
    script.pass(...mode)
    if (statement.changesSession) isKnown = false
  }
}

function run(channel, statement, sql, shape) {
  return channel.call('query', sql, (number) =>
    channel.native.query(number, statement, noParams.bytes, 0, 0, false, shape),
  )
}

// Whether a backslash is a plain character, and double quotes enclose identifiers.
async function modeOf(channel) {
  const sql = 'SELECT @@SESSION.sql_mode AS mode'
  const [{ mode }] = await run(channel, NativeStatement.text(sql), sql, null)
  const has = (name) => mode.split(',').includes(name)
  return [has('NO_BACKSLASH_ESCAPES'), has('ANSI_QUOTES')]
}

// What Rust reported, with the place in the script; for errors of JavaScript there is none.
function located(error, statement, { sql, line }) {
  if (error instanceof Error) return error
  return { ...error, script: { statement, line, sql } }
}

module.exports = { runScript }
