'use strict'

/** The command line of a check or benchmark that has a short form and may write a file: `{quick, out}`, `out` a path or null. */
function readArguments(argv) {
  const given = { quick: false, out: null }
  for (let at = 0; at < argv.length; at++) {
    if (argv[at] === '--quick') given.quick = true
    else if (argv[at] === '--out' && argv[at + 1]) given.out = argv[++at]
    else throw new Error(`unknown or incomplete option ${argv[at]}; there are --quick and --out FILE`)
  }
  return given
}

module.exports = { readArguments }
