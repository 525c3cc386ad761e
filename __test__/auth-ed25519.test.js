'use strict'

const assert = require('node:assert/strict')
const { after, before, test } = require('node:test')
const { createPool } = require('../index.js')
const { mariadbPlugins } = require('../tools/mariadb-plugins.js')
const { rejects } = require('./support/outcome.js')
const { ownServer } = require('./support/own-server.js')

// MariaDB's own way of proving a password, whose plugin is in a package beside the server's.
const PASSWORDS = {
  short: 's',
  usual: 'hunter2',
  'of other letters': 'pässwörd 漢字 😀',
  'longer than a key': 'x'.repeat(79),
  'with quotes': `'"\\\`%`,
}

let server
let reason = null
before(async () => {
  const folder = await mariadbPlugins().catch((error) => {
    reason = `the plugin auth_ed25519 can not be had: ${error.message}`
  })
  if (!folder) return console.error(`SKIPPED: ${reason}`)
  server = await ownServer({ args: [`--plugin-dir=${folder}`, '--plugin-load-add=auth_ed25519'] })
  const quoted = (text) => `'${text.replace(/['\\]/g, '\\$&')}'`
  await server.run(
    ...Object.values(PASSWORDS).map(
      (password, index) =>
        `CREATE USER ed${index}@'%' IDENTIFIED VIA ed25519 USING PASSWORD(${quoted(password)})`,
    ),
    "CREATE USER twofold@'%' IDENTIFIED VIA ed25519 USING PASSWORD('one') OR mysql_native_password USING PASSWORD('two')",
  )
})
after(() => server?.remove())

async function whoAmI(user, password, options = {}) {
  const { host, port } = server.options
  const pool = createPool({ host, port, user, password, connectTimeoutMs: 5000, ...options })
  try {
    return (await pool.queryOne('SELECT CURRENT_USER() AS me')).me
  } finally {
    await pool.close()
  }
}

for (const [index, kind] of Object.keys(PASSWORDS).entries()) {
  test(`a real server lets in by ed25519 with a password ${kind}, and with no other`, async (t) => {
    if (reason) return t.skip(reason)
    const user = `ed${index}`
    const password = PASSWORDS[kind]
    assert.equal(await whoAmI(user, password), `${user}@%`)
    assert.equal(await whoAmI(user, password, { socketPath: server.current.socket }), `${user}@%`)
    for (const wrong of ['', `${password}x`, password.slice(1)]) {
      const error = await rejects(whoAmI(user, wrong), 'ER_ACCESS_DENIED_ERROR')
      if (wrong) assert.ok(!`${error.stack}${JSON.stringify(error)}`.includes(`'${wrong}'`))
    }
  })
}

test('a real server asks one way after the other, and the right one lets in', async (t) => {
  if (reason) return t.skip(reason)
  assert.equal(await whoAmI('twofold', 'one'), 'twofold@%')
  assert.equal(await whoAmI('twofold', 'two'), 'twofold@%')
  await rejects(whoAmI('twofold', 'three'), 'ER_ACCESS_DENIED_ERROR')
})
