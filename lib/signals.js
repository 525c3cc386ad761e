'use strict'

module.exports = { follow, unfollow }

// A request has one signal and may make many calls; Node warns of many listeners on one.
const followers = new WeakMap()

/** Has `ticket.abort()`, of whatever has one, called when the signal is aborted. */
function follow(signal, ticket) {
  let party = followers.get(signal)
  if (party === undefined) {
    party = new Party(signal)
    followers.set(signal, party)
  }
  party.add(ticket)
}

function unfollow(signal, ticket) {
  followers.get(signal)?.delete(ticket)
}

/** The tickets that follow a signal, with one listener while there are any. */
class Party {
  #signal
  #tickets = new Set()
  #onAbort = () => {
    // Some leave the party when they are called.
    for (const ticket of [...this.#tickets]) ticket.abort()
  }

  constructor(signal) {
    // The signal holds this party by its listener; the other way round a reference would keep a signal that nobody
    // else has any more, so it is weak.
    this.#signal = new WeakRef(signal)
  }

  add(ticket) {
    if (this.#tickets.size === 0) this.#signal.deref()?.addEventListener('abort', this.#onAbort)
    this.#tickets.add(ticket)
  }

  delete(ticket) {
    if (!this.#tickets.delete(ticket) || this.#tickets.size > 0) return
    this.#signal.deref()?.removeEventListener('abort', this.#onAbort)
  }
}
