'use strict'

const { NativeCompletions } = require('./native.js')
const { makeBuilder } = require('./rows.js')
const { allocate } = require('./slab.js')

// The kinds of records; src/binding/delivery.rs has the same list and the header's layout.
const ROWS = 1
const ROWS_END = 2
const DONE = 3
const JSON_BYTES = 4
const ERROR = 5
const SHAPE = 6
const NUMBER = 7
const FORGET_SHAPES = 8
const PIECE = 9
const JSON_PIECE = 10
const RESULT_ROWS = 11
const RESULT_DONE = 12
const RESULTS_END = 13
const DONE_PIECE = 14
const KEEP = 15
const HEADER = 32
const NO_BYTES = Buffer.alloc(0)

// Large enough for the segments of rows, small enough for the processor's cache.
const staging = Buffer.allocUnsafeSlow(256 * 1024)
const inline = viewsOf(staging)
// After this many bytes in one go, other events get their turn; also, what was built can be used and dropped before
// the garbage collector finds it alive.
const TURN_BYTES = 64 * 1024

/** The queue of this thread, to be handed to every pool. */
const completions = new NativeCompletions(drain, hasExternalStrings())

const calls = []
const free = []
let inFlight = 0
// A timer that never fires holds the event loop while calls are in flight.
const hold = setInterval(() => {}, 2 ** 31 - 1)
hold.unref()

let builders = new Map()

/**
 * Hands a call to Rust: `start(number)` is given the number under which its outcome comes. What `start` throws, Rust has
 * not begun.
 */
function begin(call, start) {
  const number = free.length > 0 ? free.pop() : calls.length
  calls[number] = call
  call.gate.enter()
  if (!call.isQuiet && inFlight++ === 0) hold.ref()
  try {
    start(number)
  } catch (error) {
    end(number)
    throw error
  }
}

function end(number) {
  const { gate, isQuiet } = calls[number]
  gate.leave()
  calls[number] = undefined
  free.push(number)
  if (!isQuiet && --inFlight === 0) hold.unref()
}

function drain() {
  for (let taken = 0; taken < TURN_BYTES;) {
    const size = completions.drain(staging)
    if (size === 0) return
    for (let at = 0; at < size; at = read(at));
    taken += size
  }
  setImmediate(drain)
}

// Reads the record at `at` and returns where the next one begins.
function read(at) {
  const head = at >>> 2
  const { words } = inline
  const kind = words[head]
  const number = words[head + 1]
  const length = words[head + 2]
  const isLarge = words[head + 6] === 1
  const payload = isLarge ? completions.takeLarge() : null
  const next = at + ((HEADER + (isLarge ? 0 : length) + 7) & ~7)
  const call = calls[number]
  try {
    deliver(kind, call, number, payload, at + HEADER, length, head)
  } catch (error) {
    // Building a value failed, such as JSON.parse on a text that is no JSON. The call ends here, once.
    if (calls[number] === call && call !== undefined) {
      call.reject(error instanceof SyntaxError ? noJson(error, call.results?.list.length ?? 0) : error)
      call.leave()
    }
  }
  return next
}

// In the form of what Rust reports; `part` is which result of several it is in.
function noJson({ message }, part) {
  const advice = "set jsonStrings, or a cast to 'string', to read it as text"
  return {
    code: 'HEGAR_UNSUPPORTED',
    part,
    message: `a column holds text that is no JSON: ${message}; ${advice}`,
  }
}

function deliver(kind, call, number, payload, start, length, head) {
  switch (kind) {
    case ROWS:
      call.rows ??= new Array(inline.words[head + 4])
      call.built += build(call, payload, start, length, builderOf(inline.words[head + 5], call))
      return
    case KEEP:
      if (call.keep !== null) {
        call.kept = { known: doublesOf(payload, start, length), segments: [], shape: null, rows: 0 }
      }
      return
    case ROWS_END:
      if (call.kept !== null) {
        call.kept.shape = builders.get(inline.words[head + 5])
        call.kept.rows = call.built
      }
      finish(
        call,
        number,
        head,
        length === 0 ? rowsOf(call, head) : pageOf(call, head, payload, start, length),
      )
      return
    case DONE:
      finish(call, number, head, doneOf(payload ?? staging, payload ? 0 : start, length))
      return
    case JSON_BYTES:
      // What is kept for long does not hold the memory of its neighbours too.
      finish(
        call,
        number,
        head,
        payload ?? (call.kept === null ? copy(start, length) : copySlow(start, length)),
      )
      return
    case PIECE: {
      const rows = rowsOf(call, head)
      call.rows = null
      call.built = 0
      call.piece(rows, inline.words[head + 7] >>> 0)
      return
    }
    case DONE_PIECE:
      call.piece(doneOf(payload ?? staging, payload ? 0 : start, length), inline.words[head + 7] >>> 0)
      return
    case JSON_PIECE:
      call.piece(payload ?? copy(start, length), inline.words[head + 7] >>> 0)
      return
    case RESULT_ROWS:
      call.results ??= { list: [], out: null }
      if (inline.words[head + 7] === 1) call.results.out = call.results.list.length
      call.results.list.push(rowsOf(call, head))
      call.rows = null
      call.built = 0
      return
    case RESULT_DONE:
      call.results ??= { list: [], out: null }
      call.results.list.push(doneOf(payload ?? staging, payload ? 0 : start, length))
      return
    case RESULTS_END:
      finish(call, number, head, call.results)
      return
    case NUMBER:
      finish(call, number, head, staging.readDoubleLE(start))
      return
    case ERROR:
      end(number)
      reportSlow(call, head)
      call.reject(JSON.parse(textOf(payload, start, length)))
      return
    case SHAPE:
      builders.set(inline.words[head + 5], new Shape(JSON.parse(textOf(payload, start, length))))
      return
    case FORGET_SHAPES:
      builders = new Map()
  }
}

function rowsOf(call, head) {
  const rows = call.rows ?? []
  return call.describes ? { rows, shape: builders.get(inline.words[head + 5]) } : rows
}

// A page by cursor comes with what is before and after it.
function pageOf(call, head, payload, start, length) {
  return { rows: rowsOf(call, head), ends: JSON.parse(textOf(payload, start, length)) }
}

function finish(call, number, head, value) {
  end(number)
  reportSlow(call, head)
  if (call.kept !== null) keepResult(call, value)
  call.resolve(value)
}

function reportSlow(call, head) {
  const milliseconds = inline.words[head + 3] >>> 0
  if (milliseconds > 0) call.slow(milliseconds, inline.words[head + 4] >>> 0)
}

function keepResult({ kept, keep }, value) {
  const { known, segments, shape, rows } = kept
  keep(known, Buffer.isBuffer(value) ? value : { segments, shape, rows })
}

/** The rows of a result that a call was given to keep, made anew. */
function rowsOfKept({ segments, shape, rows: count }, mayGenerate) {
  const rows = new Array(count)
  let at = 0
  for (const segment of segments) {
    shape.builder({ mayGenerate })(rows, at, segment.count, segment)
    at += segment.count
  }
  return rows
}

// Puts the rows of a segment behind those of the call and returns how many they are.
function build(call, payload, start, length, builder) {
  let segment
  if (call.kept === null)
    segment = segmentIn(payload === null ? inline : viewsOf(payload), payload === null ? start : 0)
  else {
    // The staging buffer is written anew, and these rows are to be made again.
    segment = segmentIn(viewsOf(payload ?? copySlow(start, length)), 0)
    call.kept.segments.push(segment)
  }
  builder(call.rows, call.built, segment.count, segment)
  return segment.count
}

// Where the parts of the segment at `base` are.
function segmentIn(views, base) {
  const { words } = views
  const head = base >>> 2
  const count = words[head]
  const double = (base + HEADER) >>> 3
  const word = (double + words[head + 1]) << 1
  const wide = (word + words[head + 2]) << 2
  const text = wide + words[head + 4]
  const bytes = text + words[head + 3]
  const isApart = words[head + 6] === 1
  return {
    count,
    words,
    doubles: views.doubles,
    signed: views.signed,
    unsigned: views.unsigned,
    word,
    double,
    text: isApart ? completions.takeText() : cut(views.buffer, 'latin1', text, bytes),
    wide: words[head + 7] === 1 ? completions.takeWide() : cut(views.buffer, 'utf16le', wide, text),
    bytes: words[head + 5] === 0 ? NO_BYTES : views.buffer.subarray(bytes, bytes + words[head + 5]),
  }
}

// Most results have no wide text and many no text at all.
function cut(buffer, encoding, start, end) {
  return start === end ? '' : buffer.toString(encoding, start, end)
}

function builderOf(shape, call) {
  return builders.get(shape).builder(call)
}

/** The columns of a result, and the builders made for them when they were first needed. */
class Shape {
  constructor({ kinds, row, columns = null, fields = null }) {
    this.kinds = kinds
    this.row = row
    // Shared by all who ask for them.
    /** The definitions of the columns as src/codec/columns.rs writes them, and what the drop-ins made of them. */
    this.fields = fields
    this.made = null
    this.columns = columns === null ? null : Object.freeze(columns.map(frozen))
    this.generated = null
    this.interpreted = null
    // With rows of a class of their own, which only mysql's drop-in has.
    this.classed = null
  }

  builder({ mayGenerate, Row = null }) {
    if (Row !== null && !Array.isArray(this.row)) {
      return (this.classed ??= makeBuilder(this, { mayGenerate, Row }))
    }
    if (mayGenerate) return (this.generated ??= makeBuilder(this, { mayGenerate }))
    return (this.interpreted ??= makeBuilder(this, { mayGenerate }))
  }
}

function frozen(column) {
  Object.freeze(column.flags)
  return Object.freeze(column)
}

function copy(start, length) {
  const bytes = allocate(length)
  staging.copy(bytes, 0, start, start + length)
  return bytes
}

// In memory of its own, which is aligned for words and doubles.
function copySlow(start, length) {
  const bytes = Buffer.allocUnsafeSlow(length)
  staging.copy(bytes, 0, start, start + length)
  return bytes
}

function doublesOf(payload, start, length) {
  const bytes = payload ?? copySlow(start, length)
  return new Float64Array(bytes.buffer, bytes.byteOffset, length >>> 3)
}

function textOf(payload, start, length) {
  return payload === null ? staging.toString('utf8', start, start + length) : payload.toString()
}

function doneOf(bytes, start, length) {
  const textEnd = start + 24 + bytes.readUInt32LE(start + 20)
  return {
    affectedRows: exact(bytes.readBigUInt64LE(start)),
    insertId: exact(bytes.readBigUInt64LE(start + 8)),
    warningStatus: bytes.readUInt16LE(start + 16),
    serverStatus: bytes.readUInt16LE(start + 18),
    info: bytes.toString('utf8', start + 24, textEnd),
    changes: textEnd === start + length ? null : Buffer.from(bytes.subarray(textEnd, start + length)),
  }
}

// Past 2^53 only a BigInt is right.
function exact(value) {
  return value <= 9007199254740991n ? Number(value) : value
}

// Strings without a copy came to Node-API in Node 20.4 and are not in every runtime that imitates Node.
function hasExternalStrings() {
  const { node, bun, deno } = process.versions
  const [major, minor] = node.split('.').map(Number)
  return bun === undefined && deno === undefined && (major > 20 || (major === 20 && minor >= 4))
}

function viewsOf(buffer) {
  const { buffer: memory, byteOffset, byteLength } = buffer
  return {
    buffer,
    words: new Int32Array(memory, byteOffset, byteLength >>> 2),
    doubles: new Float64Array(memory, byteOffset, byteLength >>> 3),
    signed: new BigInt64Array(memory, byteOffset, byteLength >>> 3),
    unsigned: new BigUint64Array(memory, byteOffset, byteLength >>> 3),
  }
}

module.exports = { completions, begin, rowsOfKept }
