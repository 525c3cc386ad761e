'use strict'

// What a limiter let through. Each answer says how many hits were counted and when the window ends, by which answers of one
// window are told from those of the next. A limit that ends in a half tells where a hit was counted: the store moves hits
// of its memory by the difference of limit and insurance, so that they end in a half too.

// By how much the end of a window may be told too early.
const SLACK_MS = 200

/** Collects the answers of a limited route. */
class Limited {
  #windowMs
  #limit
  #answers = []
  /** When Redis lost what it had. */
  #losses = []
  #fewest = Infinity

  constructor({ windowMs, limit }) {
    this.#windowMs = windowMs
    this.#limit = Math.floor(limit)
  }

  lost() {
    this.#losses.push(Date.now())
  }

  add(process, status, { used, reset }) {
    this.#fewest = Math.min(this.#fewest, used)
    this.#answers.push({ process, isLet: status === 200, isInsured: used % 1 !== 0, reset })
  }

  judge() {
    const counted = this.#windows(this.#answers.filter(({ isInsured }) => !isInsured))
    const processes = [...new Set(this.#answers.map(({ process }) => process))]
    const insured = processes.flatMap((process) =>
      this.#windows(this.#answers.filter((answer) => answer.isInsured && answer.process === process)),
    )
    const inRedis = counted.map((window) => ({
      ...window,
      allowed: this.#limit * (1 + this.#lossesIn(window)),
    }))
    return {
      through: this.#answers.filter(({ isLet }) => isLet).length,
      refused: this.#answers.filter(({ isLet }) => !isLet).length,
      windows: inRedis.length,
      mostInWindow: most(inRedis.filter(({ allowed }) => allowed === this.#limit)),
      broken: inRedis.filter(({ through, allowed }) => through > allowed),
      insuredWindows: insured.length,
      mostInsured: most(insured),
      fewestHits: this.#fewest,
    }
  }

  /** How many hits in the windows that began after `since`, a time of Date, were let through at the most. */
  mostSince(since) {
    const answers = this.#answers.filter(
      ({ isInsured, reset }) => !isInsured && reset - this.#windowMs > since,
    )
    return most(this.#windows(answers))
  }

  // Ends of one window differ by what answers took; those of the next one are a window later.
  #windows(answers) {
    const windows = []
    const sorted = [...answers].sort((one, other) => one.reset - other.reset)
    for (const { reset, isLet } of sorted) {
      if (windows.length === 0 || reset - windows.at(-1).from > this.#windowMs / 2) {
        windows.push({ from: reset, to: reset, through: 0 })
      }
      const window = windows.at(-1)
      window.to = reset
      if (isLet) window.through++
    }
    return windows
  }

  // A window whose count is lost begins anew, and may end at nearly the same time.
  #lossesIn({ from, to }) {
    return this.#losses.filter((at) => at > from - this.#windowMs - SLACK_MS && at < to).length
  }
}

function most(windows) {
  return windows.reduce((highest, { through }) => Math.max(highest, through), 0)
}

module.exports = { Limited }
