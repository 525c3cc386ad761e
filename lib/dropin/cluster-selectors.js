'use strict'

// Each gives a function that chooses one of at least two ids.
const SELECTORS = {
  RR: { mysql: wrapping, mysql2: counting },
  RANDOM: () => (ids) => ids[Math.floor(Math.random() * ids.length)],
  ORDER: () => (ids) => ids[0],
}

/** The name of the selector in capitals: `name`, or else `fallback`, or else RR, whichever is one. */
function selectorName(name, fallback) {
  for (const candidate of [name, fallback]) {
    const upper = typeof candidate === 'string' ? candidate.toUpperCase() : ''
    if (Object.hasOwn(SELECTORS, upper)) return upper
  }
  return 'RR'
}

/** A function that chooses one of some ids in the way of the selector. */
function createSelector(name, flavour) {
  const selector = SELECTORS[name]
  return typeof selector === 'function' ? selector() : selector[flavour]()
}

// The two only differ once there are more or fewer ids than before.
function wrapping() {
  let next = 0
  return (ids) => {
    if (next >= ids.length) next = 0
    return ids[next++]
  }
}

function counting() {
  let calls = 0
  return (ids) => ids[calls++ % ids.length]
}

module.exports = { selectorName, createSelector }
