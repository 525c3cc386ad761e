'use strict'

// Turns the samples of a run into figures, tables and verdicts. A figure is the median over the rounds.

const NODE_DRIVERS = ['mysql', 'mysql2.query', 'mysql2.execute', 'mariadb.query', 'mariadb.execute']
const MEDIANS = ['qps', 'mainCpuUs', 'totalCpuUs', 'p50Us', 'p99Us', 'peakRssMb']

/** A cell with its samples → the record of the output file; null when no round of it succeeded. */
function summarise(cell) {
  if (cell.samples.length === 0) return null
  const figures = MEDIANS.map((name) => [name, round(median(cell.samples.map((sample) => sample[name])))])
  return {
    workload: cell.workload.name,
    driver: cell.driver,
    path: cell.path,
    inflight: cell.inflight,
    ...Object.fromEntries(figures),
    rounds: cell.samples.map((sample) => round(sample.qps)),
  }
}

/** One table for each workload, path and number in flight, for a terminal. */
function consoleTables(results) {
  const lines = []
  for (const row of groupRows(results)) {
    lines.push('', `${row.workload} as ${row.path}, ${row.inflight} in flight`)
    lines.push(
      pad(
        ['driver', 'q/s', 'min', 'max', 'JS µs/q', 'CPU µs/q', 'p50 µs', 'p99 µs', 'peak MB'],
        TERMINAL_WIDTHS,
      ),
    )
    for (const result of Object.values(row.drivers)) {
      const { driver, qps, rounds, mainCpuUs, totalCpuUs, p50Us, p99Us, peakRssMb } = result
      const figures = [
        qps,
        Math.min(...rounds),
        Math.max(...rounds),
        mainCpuUs,
        totalCpuUs,
        p50Us,
        p99Us,
        peakRssMb,
      ]
      lines.push(pad([driver, ...figures.map(format)], TERMINAL_WIDTHS))
    }
  }
  return lines
}

const TERMINAL_WIDTHS = [16, 9, 9, 9, 9, 9, 9, 9, 9]

function pad(cells, widths) {
  return cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(' ')
}

/** README's table in Markdown: every row at 64 in flight, with what made it and where the raw figures are. */
function readmeTable(results, { facts, command, rounds, window, file }) {
  const rows = groupRows(results).filter((row) => row.inflight === 64)
  const shown = [...NODE_DRIVERS, 'bun.sql', 'hegar'].filter((name) => rows.some((row) => row.drivers[name]))
  const header = [
    'workload',
    'path',
    ...shown,
    'to best Node driver',
    'to bun.sql',
    'JS-thread CPU a query',
    'peak memory',
  ]
  const processes = rounds === 1 ? 'one process' : `the median of ${rounds} processes`
  const lines = [
    // Prettier would pad the columns to the widest cell, so a new figure would change every line.
    '<!-- prettier-ignore-start -->',
    `Queries a second at 64 in flight on ten TCP connections: ${processes} of ${window.measureMs / 1000} s for each ` +
      'cell. The best Node driver is the fastest of its row; CPU and memory stand beside the lowest figure that ' +
      'any Node driver has in the row.',
    '',
    `| ${header.join(' | ')} |`,
    `|-|-|${'-:|'.repeat(header.length - 2)}`,
  ]
  for (const row of rows) lines.push(`| ${readmeRow(row, shown).join(' | ')} |`)
  lines.push(
    '',
    `Made by \`${command}\` at commit ${facts.commit} on ${facts.date.slice(0, 10)}: ${machine(facts)}.`,
  )
  lines.push(`Server and client share these cores. Raw figures of every process: \`${file}\`.`)
  lines.push('<!-- prettier-ignore-end -->')
  return lines.join('\n')
}

function readmeRow(row, shown) {
  const { hegar } = row.drivers
  const bun = row.drivers['bun.sql']
  const fastest = best(row, 'qps', Math.max)
  const cells = shown.map((name) => {
    const result = row.drivers[name]
    if (!result) return '–'
    return name === 'hegar' ? `**${format(result.qps)}**` : format(result.qps)
  })
  const calm = best(row, 'mainCpuUs', Math.min)
  const lean = best(row, 'peakRssMb', Math.min)
  return [
    row.workload,
    row.path,
    ...cells,
    hegar && fastest ? `${ratio(hegar.qps, fastest.qps)}×` : '–',
    hegar && bun ? `${ratio(hegar.qps, bun.qps)}×` : '–',
    hegar && calm
      ? `${format(hegar.mainCpuUs)} of ${format(calm.mainCpuUs)} µs (${share(hegar, calm)} %)`
      : '–',
    hegar && lean ? `${format(hegar.peakRssMb)} of ${format(lean.peakRssMb)} MB` : '–',
  ]
}

function machine(facts) {
  const versions = [...new Set(Object.values(facts.drivers))].filter((text) => !text.startsWith('hegar'))
  return (
    `${facts.cpu}, ${facts.cores} cores, ${facts.memoryGiB} GiB, ${facts.kernel}, Node ${facts.node}, ` +
    `${facts.server}, ${versions.join(', ')}`
  )
}

const START = '<!-- bench:start -->'
const END = '<!-- bench:end -->'

/** README's text with the table put between its markers. Throws when the markers are not there once, in order. */
function putIntoReadme(readme, table) {
  const from = readme.indexOf(START)
  const to = readme.indexOf(END)
  if (from === -1 || to < from || readme.indexOf(START, from + 1) !== -1) {
    throw new Error(
      `README.md: expected one line ${START} and after it one line ${END} to put the table between`,
    )
  }
  return `${readme.slice(0, from + START.length)}\n${table}\n${readme.slice(to)}`
}

// The project's goals at 64 in flight against the best Node driver of the same row. Speed: at least so many
// times its queries a second. CPU and memory: at most this share of the lowest figure of a Node driver,
// which is the stricter reading.
const TARGETS = [
  { workload: 'list1k', path: 'json', figure: 'qps', atLeast: 4.5 },
  { workload: 'page20', path: 'json', figure: 'qps', atLeast: 1.8 },
  { workload: 'point', path: 'json', figure: 'qps', atLeast: 1.4 },
  { workload: 'list1k', path: 'objects', figure: 'qps', atLeast: 1.4 },
  { workload: 'page20', path: 'objects', figure: 'qps', atLeast: 1.4 },
  { workload: 'point', path: 'objects', figure: 'qps', atLeast: 1.5 },
  { workload: 'list1k', path: 'json', figure: 'mainCpuUs', atMost: 0.02 },
  { workload: 'list1k', path: 'objects', figure: 'mainCpuUs', atMost: 0.3 },
  { workload: 'list10k', path: 'json', figure: 'peakRssMb', atMost: 1 },
  { workload: 'list10k', path: 'objects', figure: 'peakRssMb', atMost: 1 },
]

const FIGURE_NAMES = { qps: 'q/s', mainCpuUs: 'µs JS-thread CPU a query', peakRssMb: 'MB peak memory' }

/** One line for each goal: met, missed, or not measured in this run. */
function targetLines(results) {
  const rows = groupRows(results).filter((row) => row.inflight === 64)
  return TARGETS.map(({ workload, path, figure, atLeast, atMost }) => {
    const row = rows.find((each) => each.workload === workload && each.path === path)
    const hegar = row?.drivers.hegar
    const rival = row && best(row, figure, atLeast ? Math.max : Math.min)
    const goal = atLeast ? `at least ${atLeast}×` : `at most ${atMost * 100} %`
    const title = `${workload} ${path}, ${FIGURE_NAMES[figure]}, ${goal}`
    if (!hegar || !rival) return `not measured  ${title}`
    const reached = hegar[figure] / rival[figure]
    const met = atLeast ? reached >= atLeast : reached <= atMost
    const told = atLeast ? `${reached.toFixed(2)}×` : `${(reached * 100).toPrecision(3)} %`
    const figures = `${format(hegar[figure])} against ${format(rival[figure])} of ${rival.driver}`
    return `${met ? 'met   ' : 'MISSED'}        ${title}: ${told} (${figures})`
  })
}

/** The results by workload, path and number in flight, in the order in which they first appear. */
function groupRows(results) {
  const rows = new Map()
  for (const result of results) {
    const { workload, path, inflight } = result
    const key = `${workload} ${path} ${inflight}`
    if (!rows.has(key)) rows.set(key, { workload, path, inflight, drivers: {} })
    rows.get(key).drivers[result.driver] = result
  }
  return [...rows.values()]
}

/** The Node driver of a row with the highest or the lowest figure. */
function best(row, figure, choose) {
  const rivals = NODE_DRIVERS.map((name) => row.drivers[name]).filter(Boolean)
  const value = choose(...rivals.map((result) => result[figure]))
  return rivals.find((result) => result[figure] === value)
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

function round(value) {
  return value >= 1000 ? Math.round(value) : Number(value.toPrecision(4))
}

function format(value) {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

function ratio(mine, theirs) {
  return (mine / theirs).toFixed(2)
}

function share(mine, theirs) {
  return ((mine.mainCpuUs / theirs.mainCpuUs) * 100).toFixed(1)
}

module.exports = { summarise, consoleTables, readmeTable, putIntoReadme, targetLines, format }
