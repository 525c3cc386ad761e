'use strict'

const BAR_WIDTH = 30
const PLAIN_STEP = 25

/**
 * Shows how far a piece of work is: a bar that redraws itself on a terminal, a plain line for each quarter
 * anywhere else. Returns a function that is told how much is done; it ends the bar when all is done.
 */
function createProgress(label, total, stream = process.stdout) {
  const started = Date.now()
  let shown = -1
  let finished = false
  return (done) => {
    if (finished) return
    const percent = Math.min(100, Math.floor((done / total) * 100))
    finished = done >= total
    const seconds = ((Date.now() - started) / 1000).toFixed(1)
    if (stream.isTTY) {
      if (percent === shown && !finished) return
      shown = percent
      const filled = Math.round((percent / 100) * BAR_WIDTH)
      const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled)
      stream.write(`\r${label} ${bar} ${String(percent).padStart(3)} % ${seconds} s${finished ? '\n' : ''}`)
    } else {
      const step = Math.floor(percent / PLAIN_STEP) * PLAIN_STEP
      if (step === shown) return
      shown = step
      stream.write(`${label}: ${step} % after ${seconds} s\n`)
    }
  }
}

module.exports = { createProgress }
