'use strict'

// The package as npm would install it: what its files are, what both ways of loading it give, and that its types are
// found and hold under every way in which TypeScript looks for them.

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } = require('node:fs/promises')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { after, before, describe, it } = require('node:test')
const { promisify } = require('node:util')

const run = promisify(execFile)
const root = join(__dirname, '..')
const modules = join(root, 'node_modules')

let project
before(async () => {
  project = await mkdtemp(join(tmpdir(), 'hegar-package-'))
  const { files } = require('../package.json')
  const installed = join(project, 'node_modules', 'hegar-native')
  await mkdir(installed, { recursive: true })
  for (const file of [...files, 'package.json']) {
    await cp(join(root, file), join(installed, file), { recursive: true })
  }
  // The addon itself comes in a package for the platform, which has not been published yet.
  for (const name of await readdir(root)) {
    if (name.endsWith('.node')) await symlink(join(root, name), join(installed, name))
  }
  await symlink(join(modules, '@types'), join(project, 'node_modules', '@types'))
  // Of @types/node.
  await symlink(join(modules, 'undici-types'), join(project, 'node_modules', 'undici-types'))
})
after(() => rm(project, { recursive: true, force: true }))

const CALLS = `
async function users(db: Pool): Promise<User[]> {
  const one: User | null = await db.queryOne<User>('SELECT 1')
  const bytes: Buffer = await db.queryJson('SELECT 1', [], { timeoutMs: 5 })
  for await (const user of db.stream<User>('SELECT 1')) user.id.toFixed()
  void one, bytes
  // @ts-expect-error a row is not a number
  const wrong: number = await db.query<User>('SELECT 1')
  void wrong
  return db.query<User>('SELECT id FROM users WHERE id IN (?)', [[1, 2]])
}
interface User { id: number }
`
const NAMED = `import { createPool, HegarError, type Pool } from 'hegar-native'\n${CALLS}
const pool = createPool({ host: 'localhost' })
users(pool).catch((error: unknown) => { if (error instanceof HegarError) error.code.trim() })
`
const DEFAULT = `import hegar, { type Pool } from 'hegar-native'\n${CALLS}
users(hegar.createPool('mysql://root@localhost/shop'))
`
const REQUIRE = `import hegar = require('hegar-native')\ntype Pool = hegar.Pool\n${CALLS}
users(hegar.createPool('mysql://root@localhost/shop'))
`
const EXPRESS = `import { createServer } from 'node:http'
import { createHttpCache, front, rateLimitStore, type HttpCache } from 'hegar-native/express'
const cache: HttpCache = createHttpCache({ maxBytes: 1e6 })
const app = (req: unknown, res: { end(): void }) => res.end()
createServer(front(app, cache)).listen(0)
cache({ ttl: 60, tags: (req) => String(req), front: { checks: [(req) => req !== null] } })
rateLimitStore({ prefix: 'rl:api:' }).stats().hits.toFixed()
// @ts-expect-error a ttl is a number
cache('60')
`

/** Runs tsc over the sources and gives what it complains of. */
async function complaints(name, compilerOptions, sources) {
  const folder = join(project, name)
  await mkdir(folder)
  for (const [file, text] of Object.entries(sources)) await writeFile(join(folder, file), text)
  const options = {
    strict: true,
    noEmit: true,
    target: 'es2022',
    lib: ['es2022', 'esnext.disposable'],
    types: ['node'],
    skipLibCheck: false,
    ...compilerOptions,
  }
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: options, files: Object.keys(sources) }),
  )
  const tsc = join(modules, 'typescript', 'bin', 'tsc')
  const { stdout } = await run(process.execPath, [tsc, '-p', folder]).catch((error) => error)
  return stdout
}

describe('the types of the package', () => {
  for (const module of ['node16', 'nodenext']) {
    it(`hold with module ${module}, from CommonJS and from ES modules`, async () => {
      const sources = {
        'a.cts': REQUIRE,
        'b.cts': NAMED,
        'c.mts': NAMED,
        'd.mts': DEFAULT,
        'e.cts': EXPRESS,
        'f.mts': EXPRESS,
      }
      assert.equal(await complaints(module, { module, moduleResolution: module }, sources), '')
    })
  }

  it('hold for bundlers', async () => {
    const options = { module: 'esnext', moduleResolution: 'bundler' }
    assert.equal(
      await complaints('bundler', options, { 'a.ts': NAMED, 'b.ts': DEFAULT, 'c.ts': EXPRESS }),
      '',
    )
  })

  it('complain of a name that is not there, or this test would prove nothing', async () => {
    const source = "import { createPoool } from 'hegar-native'\ncreatePoool()\n"
    const said = await complaints('wrong', { module: 'nodenext' }, { 'a.mts': source })
    assert.match(said, /createPoool/)
  })
})

describe('the package', () => {
  it('gives the names of hegar-native/express to require and to import', async () => {
    const program = `
      import { cache, createHttpCache, front, rateLimitStore, sendJson } from 'hegar-native/express'
      import { createRequire } from 'node:module'
      const required = createRequire(import.meta.url)('hegar-native/express')
      const names = { cache, createHttpCache, front, rateLimitStore, sendJson }
      console.log(JSON.stringify(Object.keys(required).filter((name) => names[name] !== required[name])))
    `
    await writeFile(join(project, 'express.mjs'), program)
    const { stdout } = await run(process.execPath, [join(project, 'express.mjs')])
    assert.deepEqual(JSON.parse(stdout), [])
  })

  it('gives the same things to require and to import', async () => {
    const program = `
      import hegar, * as names from 'hegar-native'
      import { createRequire } from 'node:module'
      const required = createRequire(import.meta.url)('hegar-native')
      const all = Object.keys(required)
      console.log(JSON.stringify([hegar === required, all.length, all.filter((name) => names[name] !== required[name])]))
    `
    await writeFile(join(project, 'same.mjs'), program)
    const { stdout } = await run(process.execPath, [join(project, 'same.mjs')])
    const { length } = Object.keys(require('../index.js'))
    assert.deepEqual(JSON.parse(stdout), [true, length, []])
  })
})
