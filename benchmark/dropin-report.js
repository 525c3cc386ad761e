'use strict'

// The figures of dropin.js: each cell's drop-in beside its mysql2, a table of them, and what the extras add.

const { summarise, format } = require('./report')

// At 64 in flight: so many times mysql2's queries a second, with less CPU of the JavaScript thread.
const TARGETS = { list1k: 1.4, page20: 1.4, point: 1.3 }

/** The cells of both sides → one record: their medians, the ratios, and the lowest and highest ratio of a round. */
function compareSides({ way, workload, inflight, base, cells }) {
  const [dropin, mysql2] = cells.map(summarise)
  const result = { way, workload, inflight, base: base ?? null, dropin, mysql2 }
  if (!dropin || !mysql2) return { ...result, qpsRatio: null, mainCpuRatio: null, roundRatios: [] }
  const roundRatios = cells[0].samples.flatMap(({ round, qps }) => {
    const rival = cells[1].samples.find((sample) => sample.round === round)
    return rival ? [qps / rival.qps] : []
  })
  return {
    ...result,
    qpsRatio: dropin.qps / mysql2.qps,
    mainCpuRatio: dropin.mainCpuUs / mysql2.mainCpuUs,
    roundRatios,
    callsPerQuery: cells.map(({ samples }) => samples.at(-1).callsPerQuery),
  }
}

const HEADER = ['q/s drop-in', 'mysql2', 'ratio', 'of rounds', 'JS µs/q drop-in', 'mysql2', 'ratio']
const WIDTHS = [24, 8, 9, 12, 9, 7, 11, 16, 9, 7]

/** The lines of both tables: the ways beside their targets, and what the extras cost beside the same way without. */
function tables(results) {
  const plain = results.filter(({ extra }) => !extra)
  const extras = results.filter(({ extra }) => extra)
  const lines = []
  if (plain.length > 0) {
    lines.push('', 'Objects by the drop-in and by mysql2')
    lines.push(pad(['way', 'workload', 'in flight', ...HEADER], 'target'))
    for (const result of plain) lines.push(pad(figures(result), target(result)))
  }
  if (extras.length > 0) {
    lines.push(
      '',
      'What costs: JS µs/q added to the same way without it, calls of the function or listener a query',
    )
    lines.push(pad(['way', 'workload', 'in flight', ...HEADER], 'added: drop-in, mysql2; calls'))
    for (const result of extras) lines.push(pad(figures(result), added(result, results)))
  }
  return lines
}

function figures({ way, workload, inflight, dropin, mysql2, qpsRatio, mainCpuRatio, roundRatios }) {
  const told = (value, write = format) => (value === null || value === undefined ? 'failed' : write(value))
  const times = (value) => `${value.toFixed(2)}×`
  const spread = roundRatios.length > 1 ? [Math.min(...roundRatios), Math.max(...roundRatios)] : []
  return [
    way,
    workload,
    String(inflight),
    told(dropin?.qps),
    told(mysql2?.qps),
    told(qpsRatio, times),
    spread.map((value) => value.toFixed(2)).join('–'),
    told(dropin?.mainCpuUs),
    told(mysql2?.mainCpuUs),
    told(mainCpuRatio, times),
  ]
}

function target({ workload, qpsRatio, mainCpuRatio }) {
  const goal = `at least ${TARGETS[workload].toFixed(1)}×`
  if (qpsRatio === null) return `${goal}: not measured`
  const verdict = (met) => (met ? 'met' : 'MISSED')
  return `${goal}: ${verdict(qpsRatio >= TARGETS[workload])}, less CPU: ${verdict(mainCpuRatio < 1)}`
}

function added(result, results) {
  if (!result.base) return '(without)'
  const without = results.find(
    ({ way, workload, inflight }) =>
      way === result.base && workload === result.workload && inflight === result.inflight,
  )
  if (result.qpsRatio === null || !without || without.qpsRatio === null) return 'not measured'
  const more = (side) => {
    const us = result[side].mainCpuUs - without[side].mainCpuUs
    return `${us < 0 ? '−' : '+'}${format(Math.abs(us))}`
  }
  const calls = result.callsPerQuery.map((value) => format(value)).join(' and ')
  return `${more('dropin')}, ${more('mysql2')}; ${calls} calls`
}

function pad(cells, last) {
  const padded = cells.map((cell, i) => (i < 2 ? cell.padEnd(WIDTHS[i]) : cell.padStart(WIDTHS[i])))
  return `${padded.join(' ')}   ${last}`
}

module.exports = { compareSides, tables }
