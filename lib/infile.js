'use strict'

const { Clock } = require('./clock.js')
const { readCallOptions, limitsOf, limitReaders } = require('./call-options.js')
const { HegarTypeError, optionError } = require('./errors.js')
const { plain } = require('./results.js')
const { statementFor } = require('./statements.js')

// What crosses to Rust at once.
const PART_BYTES = 1024 * 1024

const READERS = {
  ...limitReaders,
  infile(value) {
    if (typeof value === 'function') return value
    throw optionError(
      'HEGAR_OPTION_INVALID',
      "execute: 'infile' must be a function that gives a stream for the name in the statement",
      'infile',
    )
  },
}

/**
 * The file that a LOAD DATA LOCAL with these arguments names, and its options, `{name, infile, limits}`; throws where
 * they are wrong.
 */
function fileOf(sql, params, options) {
  const read = readCallOptions('execute', options, READERS)
  const name = statementFor(sql, false).native.localFile
  if (name === null) {
    throw new HegarTypeError(
      "execute: 'infile' is for LOAD DATA LOCAL INFILE 'name' alone, with a name without backslashes and quotes",
    )
  }
  if (params !== undefined && params !== null && Object.keys(params).length > 0) {
    throw new HegarTypeError('execute: a LOAD DATA takes no parameters, because servers do not prepare it')
  }
  return { name, infile: read.infile, limits: limitsOf(read) }
}

/**
 * Runs a LOAD DATA LOCAL through a session's `channel` and sends what `open(name)` gives, until `watch` ends it; resolves
 * with what it did.
 */
async function sendFile(channel, sql, { name, open, watch }) {
  const { native } = channel
  const step = (start) => channel.call('execute', sql, start)
  const clock = new Clock('load', channel.settings.queryTimeoutMs)
  const begun = await step((number) => native.fileBegin(number, sql))
  if (typeof begun !== 'number') return plain(begun)
  const wait = (work) => clock.within(watch.during(work, () => {}))
  const source = await wait(open(name))
  const parts = partsOf(source)
  let isRead = false
  try {
    for (;;) {
      const { done, value } = await wait(parts.next())
      if (done) break
      for (let at = 0; at < value.length; at += PART_BYTES) {
        const part = value.subarray(at, at + PART_BYTES)
        await step((number) => native.filePart(number, part))
      }
    }
    isRead = true
  } finally {
    // A stream that hangs is not ended by its iterator, which waits for it.
    if (!isRead) {
      source.destroy?.()
      parts.return().catch(() => {})
    }
  }
  return plain(await step((number) => native.fileEnd(number)))
}

async function* partsOf(source) {
  const isIterable =
    typeof source?.[Symbol.asyncIterator] === 'function' || typeof source?.[Symbol.iterator] === 'function'
  if (!isIterable || typeof source === 'string') {
    throw new HegarTypeError('infile: the function must give a Readable or something else to iterate over')
  }
  for await (const part of source) {
    if (typeof part === 'string') yield Buffer.from(part)
    else if (part instanceof Uint8Array) yield Buffer.from(part.buffer, part.byteOffset, part.byteLength)
    else throw new HegarTypeError(`infile: the stream gave ${typeof part} where bytes or a string are due`)
  }
}

module.exports = { fileOf, sendFile }
