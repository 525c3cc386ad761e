'use strict'

const SYSTEM_VARIABLE = 0
const SCHEMA = 1
const STATE = 2
const GTIDS = 3

/** What a server says that a statement changed in the session, as mysql2 tells it. */
function readChanges(bytes) {
  const changes = { systemVariables: {}, schema: null, gtids: [], trackStateChange: null }
  const reader = new Reader(bytes)
  while (reader.hasMore()) {
    const type = reader.byte()
    const entry = new Reader(reader.bytes())
    if (type === SYSTEM_VARIABLE) {
      const name = entry.text()
      const value = entry.text()
      Object.defineProperty(changes.systemVariables, name, {
        value,
        writable: true,
        enumerable: true,
        configurable: true,
      })
    } else if (type === SCHEMA) changes.schema = entry.text()
    else if (type === STATE) changes.trackStateChange = entry.text()
    else if (type === GTIDS) {
      entry.byte()
      changes.gtids = entry.text().split(',')
    }
  }
  return changes
}

/** Reads what the protocol puts behind lengths. Past the end there is nothing. */
class Reader {
  #buffer
  #at = 0

  constructor(buffer) {
    this.#buffer = buffer
  }

  hasMore() {
    return this.#at < this.#buffer.length
  }

  byte() {
    return this.hasMore() ? this.#buffer[this.#at++] : 0
  }

  bytes() {
    const length = this.#length()
    const start = this.#at
    this.#at = Math.min(start + length, this.#buffer.length)
    return this.#buffer.subarray(start, this.#at)
  }

  text() {
    return this.bytes().toString()
  }

  #length() {
    const first = this.byte()
    const width = { 0xfc: 2, 0xfd: 3, 0xfe: 6 }[first]
    if (width === undefined) return first
    if (this.#at + width > this.#buffer.length) return 0
    const length = this.#buffer.readUIntLE(this.#at, width)
    this.#at += first === 0xfe ? 8 : width
    return length
  }
}

module.exports = { readChanges }
