'use strict'

// The one route that has nothing to do with Redis: how slow its answers are at the same time is the machine's doing.
const PLAIN = 'GET /plain'
// Those for which a process may wait while the other one makes the answer.
const SHARED = ['GET /rows', 'GET /clock']

/** How long answers took, by the phase in which they came and their route. */
class Times {
  phase = 'start'
  #phases = new Map()

  add(route, ms) {
    const routes = this.#phases.get(this.phase) ?? new Map()
    this.#phases.set(this.phase, routes)
    const times = routes.get(route) ?? []
    routes.set(route, times)
    times.push(ms)
  }

  /**
   * By phase `{answers, p50Ms, p99Ms, maxMs}` of all routes but the plain one, `plainMaxMs` of that, and `sharedP95Ms`,
   * `sharedMaxMs` and `othersMaxMs` of those that processes share and of the rest.
   */
  read() {
    const phases = [...this.#phases].filter(([phase]) => phase !== 'start')
    return Object.fromEntries(phases.map(([phase, routes]) => [phase, figuresOf([...routes])]))
  }
}

function figuresOf(routes) {
  const timesOf = (isMeant) => {
    const times = routes.flatMap(([route, times]) => (isMeant(route) ? times : []))
    return times.sort((one, other) => one - other)
  }
  const all = timesOf((route) => route !== PLAIN)
  const shared = timesOf((route) => SHARED.includes(route))
  const others = timesOf((route) => route !== PLAIN && !SHARED.includes(route))
  return {
    answers: all.length,
    p50Ms: at(all, 0.5),
    p99Ms: at(all, 0.99),
    maxMs: at(all, 1),
    sharedP95Ms: at(shared, 0.95),
    sharedMaxMs: at(shared, 1),
    othersMaxMs: at(others, 1),
    plainMaxMs: at(
      timesOf((route) => route === PLAIN),
      1,
    ),
  }
}

function at(times, share) {
  return times.length === 0 ? 0 : rounded(times[Math.min(times.length - 1, Math.floor(times.length * share))])
}

function rounded(ms) {
  return Math.round(ms * 10) / 10
}

module.exports = { Times, rounded }
