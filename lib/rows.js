'use strict'

module.exports = { makeBuilder, castRows }

// A builder turns the packed rows of one segment into objects or arrays: build(out, at, count, segment) puts them into
// `out` from the index `at` on; the segment has words, doubles, text and bytes with cursors at their start.
// src/codec/packed.rs has the format.

// Beyond this many columns generated code is larger than it is fast.
const MAX_GENERATED = 200

/**
 * The builder for columns of these kinds. `row` says where their values stand: a number is a column, an array has
 * columns, and `{names, nodes, nullable}` is an object, null if `nullable` and all columns in it are. Names are data,
 * `__proto__` is a property like any other.
 * With a class `Row`, which has no members of its own, rows are instances of it.
 */
function makeBuilder({ kinds, row }, { mayGenerate, Row = null }) {
  if (!mayGenerate || kinds.length > MAX_GENERATED) return interpreter(kinds, row, Row)
  try {
    return generate(kinds, row, Row)
  } catch (error) {
    // Thrown where the process forbids code generation (--disallow-code-generation-from-strings).
    if (error instanceof EvalError) return interpreter(kinds, row, Row)
    throw error
  }
}

// How generated code reads a cell of each kind. W: words, D: doubles, p and q: cursors into them, e: where a text ends
// and whether it is wide, a and z: where the last narrow and wide text ended, c and b the same for bytes.
const text =
  'e = W[p++]; if ((e & 1) === 0) { e >>= 1; v = narrow.substring(a, e); a = e } ' +
  'else { e >>= 1; v = wide.substring(z, e); z = e }'
const expressions = {
  i: 'v = W[p++]',
  d: 'v = D[q++]',
  t: 'v = new Date(D[q++])',
  n: 'v = s.signed[q++]',
  u: 'v = s.unsigned[q++]',
  o: 'v = W[p++] !== 0',
  s: text,
  j: `${text} v = JSON.parse(v)`,
  a: `${text} v = JSON.parse(v)`,
  g: `${text} v = BigInt(v)`,
  b: 'c = W[p++]; v = Buffer.from(s.bytes.subarray(b, c)); b = c',
  m: `if (W[p++] === 0) v = D[q++]; else { ${text} }`,
  w: `if (W[p++] === 0) v = new Date(D[q++]); else { ${text} }`,
}

// The bytes that cells came as are no values: a row that has them is an array of its values, then where each cell's bytes
// begin and end (-1 for NULL), and last the bytes of its segment. Most of them nobody looks at.
const WIRE = 'r'

// Generated code contains nothing of the result but column numbers and names as JSON strings.
function generate(kinds, row, Row) {
  const masks = masksOf(kinds)
  const source = [
    "'use strict'",
    'return function build(out, at, count, s) {',
    ...(kinds.includes(WIRE) ? ['  const B = Buffer.from(s.bytes)'] : []),
    '  const W = s.words, D = s.doubles, narrow = s.text, wide = s.wide',
    '  let p = s.word, q = s.double, a = 0, z = 0, e = 0, b = 0, c = 0',
    '  for (let row = 0; row < count; row++) {',
    ...Array.from({ length: masks }, (_, mask) => `    const n${mask} = W[p++]`),
    // All of them, also those that have no place in the row: the next one lies behind.
    ...Array.from(kinds, (kind, index) => {
      if (kind === WIRE) {
        return `    let v${index} = -1, x${index} = -1; if (${bit(index)} === 0) { c = W[p++]; v${index} = b; x${index} = b = c }`
      }
      const read = expressions[kind].replaceAll(/\bv\b/g, `v${index}`)
      return `    let v${index} = ${kind === 'a' ? '[]' : 'null'}; if (${bit(index)} === 0) { ${read} }`
    }),
    `    out[at + row] = ${rowSource(kinds, row, Row)}`,
    '  }',
    '}',
  ].join('\n')
  return new Function('Buffer', 'make', source)(Buffer, Row === null ? null : makerOf(row, Row))
}

function rowSource(kinds, row, Row) {
  if (!kinds.includes(WIRE)) return Row === null ? literal(row) : instance(row)
  const cells = Array.from(kinds, (kind, index) => (kind === WIRE ? `v${index}, x${index}` : `v${index}`))
  return `[${cells.join(', ')}, B]`
}

// A constructor with a parameter for each member is as quick as a literal.
function makerOf({ names }, Row) {
  const parameters = names.map((_, at) => `m${at}`)
  const members = names.map((name, at) =>
    name === '__proto__'
      ? `Object.defineProperty(this, "__proto__", { value: m${at}, writable: true, enumerable: true, configurable: true })`
      : `this[${JSON.stringify(name)}] = m${at}`,
  )
  const make = new Function(...parameters, members.join('\n'))
  make.prototype = Row.prototype
  return make
}

function instance({ nodes }) {
  return `new make(${nodes.map(literal).join(', ')})`
}

function literal(node) {
  if (typeof node === 'number') return `v${node}`
  if (Array.isArray(node)) return `[${node.map(literal).join(', ')}]`
  const members = node.names.map((name, at) => `${key(name)}: ${literal(node.nodes[at])}`)
  const object = `{ ${members.join(', ')} }`
  if (!node.nullable) return object
  const areNull = columnsOf(node).map((index) => `${bit(index)} !== 0`)
  return `${areNull.join(' && ')} ? null : ${object}`
}

function bit(index) {
  return `(n${index >>> 5} & ${1 << (index & 31)})`
}

function columnsOf(node) {
  if (typeof node === 'number') return [node]
  return (Array.isArray(node) ? node : node.nodes).flatMap(columnsOf)
}

function masksOf(kinds) {
  return Math.ceil(kinds.length / 32)
}

// As a plain key `__proto__` would set the prototype; a computed one is data.
function key(name) {
  const quoted = JSON.stringify(name)
  return name === '__proto__' ? `[${quoted}]` : quoted
}

function interpreter(kinds, row, Row) {
  const masks = masksOf(kinds)
  if (kinds.includes(WIRE)) return wireInterpreter(kinds, masks)
  return function build(out, at, count, s) {
    const cursor = { ...s, a: 0, z: 0, b: 0 }
    const cells = { values: new Array(kinds.length), nulls: new Array(kinds.length) }
    for (let index = 0; index < count; index++) {
      const nulls = cursor.word
      cursor.word += masks
      for (let column = 0; column < kinds.length; column++) {
        const isNull = (s.words[nulls + (column >>> 5)] & (1 << (column & 31))) !== 0
        cells.nulls[column] = isNull
        cells.values[column] = isNull ? nullOf(kinds[column]) : readers[kinds[column]](cursor)
      }
      const built = assemble(row, cells)
      out[at + index] = Row === null ? built : withMembers(new Row(), built)
    }
  }
}

function wireInterpreter(kinds, masks) {
  return function build(out, at, count, s) {
    const cursor = { ...s, a: 0, z: 0, b: 0 }
    const bytes = Buffer.from(s.bytes)
    for (let index = 0; index < count; index++) {
      const nulls = cursor.word
      cursor.word += masks
      const cells = []
      for (let column = 0; column < kinds.length; column++) {
        const isNull = (s.words[nulls + (column >>> 5)] & (1 << (column & 31))) !== 0
        if (kinds[column] !== WIRE) cells.push(isNull ? null : readers[kinds[column]](cursor))
        else if (isNull) cells.push(-1, -1)
        else {
          const start = cursor.b
          cursor.b = cursor.words[cursor.word++]
          cells.push(start, cursor.b)
        }
      }
      cells.push(bytes)
      out[at + index] = cells
    }
  }
}

function nullOf(kind) {
  return kind === 'a' ? [] : null
}

function assemble(node, cells) {
  if (typeof node === 'number') return cells.values[node]
  if (Array.isArray(node)) return node.map((column) => cells.values[column])
  if (node.nullable && (node.columns ??= columnsOf(node)).every((column) => cells.nulls[column])) return null
  const object = {}
  for (let at = 0; at < node.names.length; at++) {
    setMember(object, node.names[at], assemble(node.nodes[at], cells))
  }
  return object
}

function withMembers(object, members) {
  for (const name of Object.keys(members)) setMember(object, name, members[name])
  return object
}

function setMember(object, name, value) {
  if (name !== '__proto__') object[name] = value
  else Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true })
}

/**
 * Puts what `functions`, a Map by column name, make of values into rows that are built. They are called with the value
 * and the column.
 */
function castRows(rows, { row, columns }, functions) {
  for (const { index, path, name } of placesOf(row, [])) {
    const cast = functions.get(columns[index].name)
    if (cast === undefined) continue
    for (const built of rows) {
      let object = built
      for (const step of path) object = object?.[step]
      if (object !== null && object !== undefined) setMember(object, name, cast(object[name], columns[index]))
    }
  }
}

// Where each column stands: the names of the objects around it, and its own.
function placesOf(node, path) {
  const names = node.names ?? node.keys()
  const nodes = node.nodes ?? node
  return [...names].flatMap((name, at) => {
    const inner = nodes[at]
    return typeof inner === 'number' ? [{ index: inner, path, name }] : placesOf(inner, [...path, name])
  })
}

const readers = {
  i: (c) => c.words[c.word++],
  d: (c) => c.doubles[c.double++],
  t: (c) => new Date(c.doubles[c.double++]),
  n: (c) => c.signed[c.double++],
  u: (c) => c.unsigned[c.double++],
  o: (c) => c.words[c.word++] !== 0,
  s: readText,
  j: (c) => JSON.parse(readText(c)),
  a: (c) => JSON.parse(readText(c)),
  g: (c) => BigInt(readText(c)),
  b: (c) => {
    const start = c.b
    c.b = c.words[c.word++]
    return Buffer.from(c.bytes.subarray(start, c.b))
  },
  w: (c) => (c.words[c.word++] === 0 ? new Date(c.doubles[c.double++]) : readText(c)),
  m: (c) => (c.words[c.word++] === 0 ? c.doubles[c.double++] : readText(c)),
}

function readText(c) {
  const end = c.words[c.word++]
  const at = end >> 1
  if ((end & 1) === 0) {
    const start = c.a
    c.a = at
    return c.text.substring(start, at)
  }
  const start = c.z
  c.z = at
  return c.wide.substring(start, at)
}
