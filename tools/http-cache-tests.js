'use strict'

// `npm run test:http-cache -- [--quick] [--out FILE]`: the public tests of HTTP caches, those of cache-tests.fyi, against an
// Express app whose cache stands before a pass-through to the suite's own origin. The cache decides by `policy: 'rfc9111'`;
// what its default policy makes of answers without a ttl is told beside it, and left out with --quick. The scores of other
// caches are made of the results that come with the suite, by the same judgement of the same tests.

const fs = require('node:fs')
const { installSuite } = require('../__test__/http-cache-tests/install.js')
const { readArguments } = require('./arguments')

const OTHERS = { nginx: 'nginx', Apache: 'apache', Squid: 'squid', Varnish: 'varnish', ATS: 'trafficserver' }

async function main() {
  const { quick, out } = readArguments(process.argv.slice(2))
  await installSuite({ log: console.log })
  const suite = await import('../__test__/http-cache-tests/score.mjs')
  const reasons = require('../__test__/http-cache-tests/reasons.js')

  const ours = suite.judge(await askCache({ policy: 'rfc9111' }))
  const judged = { 'hegar-native': ours }
  if (!quick) judged['hegar-native, safe'] = suite.judge(await askCache({ policy: 'safe' }))
  for (const [name, file] of Object.entries(OTHERS)) judged[name] = suite.judge(suite.published(file))

  const scores = Object.fromEntries(Object.entries(judged).map(([name, tests]) => [name, suite.score(tests)]))
  const apache = new Map(judged.Apache.map((test) => [test.id, test]))
  const missed = ours
    .filter((test) => !suite.hasPassed(test))
    .map((test) => ({ ...test, reason: reasons[test.id] ?? null }))
  const behindApache = missed.filter(({ id }) => suite.hasPassed(apache.get(id)))
  const { version } = JSON.parse(fs.readFileSync(suite.manifest, 'utf8'))
  if (out !== null) {
    const found = { suite: `http-cache-tests ${version}`, scores, behindApache, missed }
    fs.writeFileSync(out, `${JSON.stringify(found, null, 2)}\n`)
  }
  report({ version, scores, behindApache, missed })
}

/** The suite's results for a cache of its own with these options of its middleware. */
async function askCache(options) {
  const { createHttpCache } = require('../lib/express')
  const { runSuite } = require('../__test__/http-cache-tests/run.js')
  const cache = createHttpCache({})
  try {
    return await runSuite(cache(options))
  } finally {
    await cache.close()
  }
}

function report({ version, scores, behindApache, missed }) {
  console.log(`http-cache-tests ${version}: passed of all that a cache in front of a server can be asked`)
  const show = ({ passed, total }) => `${passed} of ${total}`.padStart(14)
  console.log(''.padEnd(22) + ['required', 'optimal', 'checks'].map((head) => head.padStart(14)).join(''))
  for (const [name, { required, optimal, check }] of Object.entries(scores)) {
    console.log(name.padEnd(22) + show(required) + show(optimal) + show(check))
  }
  console.log('\nWith Surrogate-Control, which RFC 9111 does not know:')
  for (const [name, { withSurrogateControl }] of Object.entries(scores)) {
    const { required, optimal, check } = withSurrogateControl
    console.log(name.padEnd(22) + show(required) + show(optimal) + show(check))
  }
  // The answer to a check is neither right nor wrong.
  const list = (tests) => {
    for (const { id, name, kind, outcome, message, reason } of tests) {
      if (kind === 'check') continue
      console.log(`- ${name} (${id}, ${kind}): ${message ?? outcome}${reason ? `. ${reason}` : ''}`)
    }
  }
  console.log('\nWhat Apache passes and hegar-native does not:')
  list(behindApache)
  console.log('\nWhat else hegar-native does not pass:')
  list(missed.filter((test) => !behindApache.includes(test)))
}

main().catch((error) => {
  console.error(`test:http-cache: ${error.message}`)
  process.exitCode = 1
})
