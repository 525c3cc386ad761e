'use strict'

// Real libraries on the drop-ins for mysql2 and mysql. With HEGAR_DROPIN_ORIGINAL=1 they run on the real drivers, on
// which every one of these tests has to pass as well: what it expects is what the drop-ins have to do. Each library has a
// database of its own on the server of testServer(), see libraries/support.js.

const { execFileSync } = require('node:child_process')
const { join } = require('node:path')

const folder = join(__dirname, 'libraries')
// In a process of its own because the libraries are loaded at once, before anything could be awaited.
execFileSync(process.execPath, [join(folder, 'install.js')], { stdio: 'inherit' })

for (const name of [
  'aliases',
  'knex',
  'kysely',
  'drizzle',
  'sequelize',
  'typeorm',
  'objection',
  'sessions',
  'mikro-orm',
]) {
  require(join(folder, `${name}.js`))
}
