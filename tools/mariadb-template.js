'use strict'

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { WORK_DIR, run } = require('./run.js')

// Raise this when the statements or options below change, so that templates made before are not used again.
const REVISION = 1
const SYSTEM_SQL = [
  'mysql_system_tables.sql',
  'mysql_performance_tables.sql',
  'mysql_system_tables_data.sql',
  'maria_add_gis_sp_bootstrap.sql',
]

/** Options that must be the same when a data directory is made and when it is used. */
const LAYOUT_ARGS = ['--innodb-log-file-size=64M']

/**
 * Makes a new data directory at `target` with a password-less root, reachable from this machine alone.
 * Initialising takes a moment, so it is done once a server version and copied from then on.
 */
async function copyTemplate(mariadb, target) {
  const template = path.join(WORK_DIR, `mariadb-template-${mariadb.version}-${REVISION}`)
  if (!fs.existsSync(template)) await publish(template, (draft) => bootstrap(mariadb, draft))
  await publish(target, (draft) =>
    fs.promises.cp(template, draft, { recursive: true, mode: fs.constants.COPYFILE_FICLONE }),
  )
}

/** Makes a new data directory at `target` without the template, for servers whose options change its layout. */
function makeFresh(mariadb, target, args) {
  return publish(target, (draft) => bootstrap(mariadb, draft, args))
}

/**
 * Lets `fill` write into a draft folder and renames it into place. A reader sees the whole folder or none, and
 * of two processes that race the first wins and the other drops its draft: no lock is needed.
 */
async function publish(target, fill) {
  fs.mkdirSync(path.dirname(target), { recursive: true })
  const draft = fs.mkdtempSync(`${target}.draft-`)
  try {
    await fill(draft)
    fs.renameSync(draft, target)
  } catch (error) {
    fs.rmSync(draft, { recursive: true, force: true })
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
  }
}

/**
 * Feeds the server's own SQL scripts to `mariadbd --bootstrap`. mariadb-install-db does the same, but it also
 * wants my_print_defaults, which Debian ships in a client package we do not need.
 */
async function bootstrap(mariadb, dataDir, args = []) {
  const folder = scriptFolder(mariadb)
  const scripts = SYSTEM_SQL.map((name) => fs.readFileSync(path.join(folder, name), 'utf8'))
  const input = [
    'CREATE DATABASE IF NOT EXISTS mysql;',
    'USE mysql;',
    'SET @auth_root_socket = NULL;',
    ...scripts,
  ]
  // Its own, see tools/mariadb.js.
  const temporary = fs.mkdtempSync(path.join(os.tmpdir(), 'hegar-'))
  const folders = [`--datadir=${dataDir}`, `--tmpdir=${temporary}`]
  const options = ['--no-defaults', ...mariadb.userArgs, '--bootstrap', ...folders]
  const speed = ['--log-warnings=0', '--max-allowed-packet=8M', '--innodb-flush-log-at-trx-commit=0']
  try {
    await run(mariadb.mariadbd, [...options, ...speed, ...LAYOUT_ARGS, ...args], { input: input.join('\n') })
  } finally {
    fs.rmSync(temporary, { recursive: true, force: true })
  }
}

function scriptFolder({ mariadbd }) {
  const prefix = path.resolve(path.dirname(fs.realpathSync(mariadbd)), '..')
  const folders = ['share/mysql', 'share/mariadb', 'share', 'scripts'].map((name) => path.join(prefix, name))
  const found = folders.find((folder) => fs.existsSync(path.join(folder, SYSTEM_SQL[0])))
  if (!found) throw new Error(`${SYSTEM_SQL[0]} of ${mariadbd} was not found in ${folders.join(', ')}`)
  return found
}

module.exports = { copyTemplate, makeFresh, LAYOUT_ARGS }
