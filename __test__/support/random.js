'use strict'

/**
 * Numbers that look random and are the same again for the same seed: `next()` in [0, 1), `int(n)` below n,
 * `pick(list)`, `chance(p)`. The generator is a linear congruential one of 64 bits whose upper half is used.
 */
function createRandom(seed) {
  let state = BigInt.asUintN(64, BigInt(seed) * 2862933555777941757n + 3037000493n)
  const next = () => {
    state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n)
    return Number(state >> 32n) / 2 ** 32
  }
  const int = (below) => Math.floor(next() * below)
  return { next, int, pick: (list) => list[int(list.length)], chance: (share) => next() < share }
}

module.exports = { createRandom }
