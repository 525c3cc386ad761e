'use strict'

const { Call } = require('../call.js')
const { begin } = require('../completions.js')

/**
 * Asks Rust for something that takes a while: `start(number)` hands the call over. Resolves with a Buffer or a number. The
 * event loop lives until then, and `gate` counts it.
 */
function ask(gate, start) {
  return new Promise((resolve, reject) => begin(new Call({ gate, resolve, reject }), start))
}

module.exports = { ask }
