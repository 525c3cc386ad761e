'use strict'

/**
 * A small source of numbers that are always the same for the same name (Marsaglia's xorshift32). Each table
 * draws from its own, so that a change to one leaves the data of the others as it was.
 */
function createRandom(name) {
  let state = 0x9e3779b9
  for (const char of name) state = Math.imul(state ^ char.codePointAt(0), 0x01000193) >>> 0
  state ||= 1

  const next = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state / 0x1_0000_0000
  }
  /** A whole number from `least` to `most`, both included. */
  const int = (least, most) => least + Math.floor(next() * (most - least + 1))
  const chance = (probability) => next() < probability
  const pick = (list) => list[Math.floor(next() * list.length)]
  /** `count` different members of a list, in the order they are drawn. */
  const sample = (list, count) => {
    const drawn = new Set()
    while (drawn.size < Math.min(count, list.length)) drawn.add(pick(list))
    return [...drawn]
  }
  return { next, int, chance, pick, sample }
}

module.exports = { createRandom }
