'use strict'

module.exports = { makeBuilder }

// A builder turns the packed rows of one segment into objects: build(out, at, count, segment) puts them into `out`
// from the index `at` on; the segment has words, doubles, text and bytes with cursors at their start. src/codec/packed.rs has the format.

// Beyond this many columns generated code is larger than it is fast.
const MAX_GENERATED = 200

/**
 * The builder for columns with these names and kinds. Names are data: one that two columns share has the value of
 * the last and the place of the first, and `__proto__` is a property like any other.
 */
function makeBuilder(names, kinds, { mayGenerate }) {
  if (!mayGenerate || names.length > MAX_GENERATED) return interpreter(names, kinds)
  try {
    return generate(names, kinds)
  } catch (error) {
    // Thrown where the process forbids code generation (--disallow-code-generation-from-strings).
    if (error instanceof EvalError) return interpreter(names, kinds)
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
  s: text,
  j: `${text} v = JSON.parse(v)`,
  b: 'c = W[p++]; v = Buffer.from(s.bytes.subarray(b, c)); b = c',
  m: `if (W[p++] === 0) v = D[q++]; else { ${text} }`,
}

// Generated code contains nothing of the result but column numbers and names as JSON strings.
function generate(names, kinds) {
  const columns = names.map((name, index) => ({ name, kind: kinds[index], index }))
  const masks = Math.ceil(names.length / 32)
  const source = [
    "'use strict'",
    'return function build(out, at, count, s) {',
    '  const W = s.words, D = s.doubles, narrow = s.text, wide = s.wide',
    '  let p = s.word, q = s.double, a = 0, z = 0, e = 0, b = 0, c = 0',
    '  for (let row = 0; row < count; row++) {',
    ...Array.from({ length: masks }, (_, mask) => `    const n${mask} = W[p++]`),
    ...columns.map(({ kind, index }) => {
      const read = expressions[kind].replaceAll(/\bv\b/g, `v${index}`)
      return `    let v${index} = null; if ((n${index >>> 5} & ${1 << (index & 31)}) === 0) { ${read} }`
    }),
    `    out[at + row] = { ${columns.map(({ name, index }) => `${key(name)}: v${index}`).join(', ')} }`,
    '  }',
    '}',
  ].join('\n')
  return new Function('Buffer', source)(Buffer)
}

// As a plain key `__proto__` would set the prototype; a computed one is data.
function key(name) {
  const quoted = JSON.stringify(name)
  return name === '__proto__' ? `[${quoted}]` : quoted
}

function interpreter(names, kinds) {
  const masks = Math.ceil(names.length / 32)
  return function build(out, at, count, s) {
    const cursor = { ...s, a: 0, z: 0, b: 0 }
    for (let row = 0; row < count; row++) {
      const nulls = cursor.word
      cursor.word += masks
      const object = {}
      for (let index = 0; index < names.length; index++) {
        const isNull = (s.words[nulls + (index >>> 5)] & (1 << (index & 31))) !== 0
        const value = isNull ? null : readers[kinds[index]](cursor)
        if (names[index] === '__proto__') define(object, value)
        else object[names[index]] = value
      }
      out[at + row] = object
    }
  }
}

function define(object, value) {
  Object.defineProperty(object, '__proto__', { value, writable: true, enumerable: true, configurable: true })
}

const readers = {
  i: (c) => c.words[c.word++],
  d: (c) => c.doubles[c.double++],
  t: (c) => new Date(c.doubles[c.double++]),
  n: (c) => c.signed[c.double++],
  u: (c) => c.unsigned[c.double++],
  s: readText,
  j: (c) => JSON.parse(readText(c)),
  b: (c) => {
    const start = c.b
    c.b = c.words[c.word++]
    return Buffer.from(c.bytes.subarray(start, c.b))
  },
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
