'use strict'

const { begin, cancel } = require('../completions.js')

/**
 * Asks Rust for something that takes a while: `start(number)` hands the call over. Resolves with a Buffer or a number. The
 * event loop lives until then, and `gate` counts it.
 */
function ask(gate, start) {
  return new Promise((resolve, reject) => {
    const number = begin({
      gate,
      resolve,
      reject,
      slow() {},
      piece: null,
      keep: null,
      kept: null,
      isQuiet: false,
      mayGenerate: false,
      describes: false,
      rows: null,
      built: 0,
    })
    try {
      start(number)
    } catch (error) {
      cancel(number)
      reject(error)
    }
  })
}

module.exports = { ask }
