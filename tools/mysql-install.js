'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { WORK_DIR, run, succeeds, which } = require('./run.js')
const { withLock } = require('./lock.js')

const MIRROR = 'http://deb.debian.org/debian'
const PACKAGE = 'mysql-server-core'
const ROOT = path.join(WORK_DIR, 'mysql-sid')

/**
 * Finds the MySQL server of Debian sid in a folder of its own, .hegar/mysql-sid, or makes that folder: a small Debian
 * by debootstrap with the package of the server in it, about 660 MB. Debian's releases have no MySQL, and sid's needs
 * a newer C library than they have, so it is started by the loader of that folder and nothing is installed on the host
 * but debootstrap.
 *
 * Resolves with `{version, command, base, share, plugins}`, of which `command` runs mysqld and the rest are folders. Rejects with one line that says why MySQL
 * can not be had here. sid moves on: remove the folder to get its present version.
 */
async function ensureMysql({ log = () => {}, signal } = {}) {
  const mysql = describe()
  if (!fs.existsSync(mysql.program)) {
    await withLock(path.join(WORK_DIR, 'mysql-sid.lock'), () => install({ log, signal }), {
      onWait: () => log('Waiting for another process that installs MySQL'),
    })
  }
  const printed = await run(mysql.command[0], [...mysql.command.slice(1), '--no-defaults', '--version'])
  const version = /Ver ([\d.]+)/.exec(printed)?.[1]
  if (!version) throw new Error(`${mysql.program} calls itself ${printed.trim()}, which is no MySQL we know`)
  return { ...mysql, version }
}

function describe() {
  const program = path.join(ROOT, 'usr/sbin/mysqld')
  const loader = path.join(ROOT, 'lib64/ld-linux-x86-64.so.2')
  const libraries = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu'].map((dir) => path.join(ROOT, dir))
  return {
    program,
    command: [loader, '--library-path', libraries.join(':'), program],
    share: path.join(ROOT, 'usr/share/mysql'),
    base: path.join(ROOT, 'usr'),
    plugins: path.join(ROOT, 'usr/lib/mysql/plugin'),
  }
}

async function install({ log, signal }) {
  if (fs.existsSync(describe().program)) return
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error('it is made for Linux on x86-64')
  if (process.getuid?.() !== 0 || !which('apt-get')) {
    throw new Error('making a folder with Debian sid needs root and apt-get')
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  if (!which('debootstrap')) {
    log('Installing debootstrap with apt-get')
    await run('apt-get', ['update', '-q'], { env, signal })
    await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'debootstrap'], { env, signal })
  }
  // Made beside its place and moved there, so that a folder that is there is whole.
  const draft = `${ROOT}.draft`
  fs.rmSync(draft, { recursive: true, force: true })
  log(`Making a folder with Debian sid, ${ROOT}`)
  await run('debootstrap', ['--variant=minbase', 'sid', draft, MIRROR], { env, signal })
  log(`Installing ${PACKAGE} in it`)
  if (fs.existsSync('/etc/resolv.conf'))
    fs.copyFileSync('/etc/resolv.conf', path.join(draft, 'etc/resolv.conf'))
  const args = [draft, 'apt-get', 'install', '-y', '-q', '--no-install-recommends', PACKAGE]
  await run('chroot', args, { env, signal, label: `apt-get install ${PACKAGE} in sid` })
  if (!succeeds('chroot', [draft, 'mysqld', '--no-defaults', '--version'])) {
    throw new Error(`the mysqld of sid's ${PACKAGE} does not run here`)
  }
  fs.renameSync(draft, ROOT)
}

module.exports = { ensureMysql }
