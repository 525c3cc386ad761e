'use strict'

const { WORKLOADS } = require('./workloads')
const { DRIVERS } = require('./drivers')

const USAGE = `npm run bench -- [options]
  --quick              short windows, one round: a few minutes, figures for orientation
  --workloads a,b      of ${WORKLOADS.join(', ')}
  --drivers a,b        of ${Object.keys(DRIVERS).join(', ')}
  --inflight 1,64      questions in flight, on ten connections
  --rounds N           processes per cell; the figures are medians over them
  --out FILE           writes the figures as JSON
  --update-readme      writes README's table (a full run of everything does so by itself)
  --no-set-up          uses the dependencies and the addon as they are, even if older than their sources
  --selftest           proves that wrong answers are found, measures nothing`

/**
 * Reads the command line. Throws an Error with one line that names the option, what was given and what
 * is expected. `full` tells that nothing was left out, so that the run may stand in README.
 */
function readOptions(argv) {
  const given = {}
  for (let i = 0; i < argv.length; i++) {
    const [name, inline] = argv[i].split(/=(.*)/s, 2)
    if (['--quick', '--update-readme', '--no-set-up', '--selftest', '--help'].includes(name)) {
      given[name] = true
    } else if (['--workloads', '--drivers', '--inflight', '--rounds', '--out'].includes(name)) {
      const value = inline ?? argv[++i]
      if (!value) throw new Error(`${name} needs a value`)
      given[name] = value
    } else {
      throw new Error(`unknown option ${argv[i]}\n${USAGE}`)
    }
  }
  const quick = given['--quick'] === true
  const everything = !given['--workloads'] && !given['--drivers'] && !given['--inflight']
  return {
    help: given['--help'] === true,
    selftest: given['--selftest'] === true,
    setUp: given['--no-set-up'] !== true,
    quick,
    full: !quick && everything,
    updateReadme: given['--update-readme'] === true || (!quick && everything),
    workloads: names('--workloads', given['--workloads'], WORKLOADS),
    drivers: names('--drivers', given['--drivers'], Object.keys(DRIVERS)),
    inflight: given['--inflight']
      ? given['--inflight'].split(',').map((n) => count('--inflight', n, 1000))
      : [1, 64],
    rounds: given['--rounds'] ? count('--rounds', given['--rounds'], 100) : quick ? 1 : 3,
    out: given['--out'] ?? null,
    window: quick ? QUICK : FULL,
    command: `npm run bench${argv.length ? ` -- ${argv.join(' ')}` : ''}`,
  }
}

// Milliseconds, and the answers that must have come before a phase may end: the slowest cells answer some
// ten questions a second, in bursts of one per connection.
const QUICK = { warmupMs: 400, warmupQueries: 20, measureMs: 700, measureQueries: 30 }
const FULL = { warmupMs: 1000, warmupQueries: 50, measureMs: 3000, measureQueries: 60 }

function names(option, text, known) {
  if (!text) return known
  const chosen = text.split(',').map((name) => name.trim())
  const unknown = chosen.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Error(`${option}: "${unknown}" is not one of ${known.join(', ')}`)
  // The order of the tables stays the same whatever the order on the command line.
  return known.filter((name) => chosen.includes(name))
}

function count(option, text, most) {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > most) {
    throw new Error(`${option}: expected whole numbers from 1 to ${most}, got "${text}"`)
  }
  return value
}

module.exports = { readOptions, USAGE }
