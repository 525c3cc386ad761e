// The suite's client in a process of its own, because it keeps its results in its modules: asks the cache at the base URL
// that is its only argument and leaves the results on file descriptor 3, away from what the suite prints.

import fs from 'node:fs'
import fetch from 'node-fetch'
import { getResults, runTests } from 'http-cache-tests/client/runner.mjs'
import { suites } from './score.mjs'

await runTests(suites, fetch, false, process.argv[2])
fs.writeSync(3, JSON.stringify(getResults()))
