'use strict'

const assert = require('node:assert/strict')
const { spawnSync } = require('node:child_process')
const { readFileSync } = require('node:fs')
const { availableParallelism } = require('node:os')
const { dirname, join } = require('node:path')
const { describe, it } = require('node:test')
const { inspect } = require('node:util')

const { localZone } = require('../lib/local-zone.js')
const { normaliseOptions } = require('../lib/options.js')
const { schema } = require('../lib/options/schema.js')
const { errorOf, invalid, native, unknown, unsupported } = require('./refusals.js')

describe('defaults', () => {
  it('are complete when nothing is given', () => {
    assert.deepEqual(native({}, { env: {}, cores: 8 }), {
      host: 'localhost',
      port: 3306,
      socketPath: null,
      user: '',
      password: '',
      database: null,
      collation: 224,
      foundRows: true,
      connectTimeoutMs: 10000,
      acquireTimeoutMs: 10000,
      queryTimeoutMs: 60000,
      connectionLimit: 10,
      queueLimit: 0,
      pipelining: true,
      waitForConnections: true,
      idleTimeoutMs: 60000,
      maxIdle: 10,
      maxLifetimeMs: 1800000,
      validateAfterIdleMs: 1000,
      maxPreparedStatements: 256,
      maxResultBytes: 536870912,
      maxAllowedPacket: 1073741824,
      tcpKeepAliveMs: null,
      connectAttributes: {},
      tls: null,
      allowCleartext: false,
      allowPublicKeyRetrieval: false,
      serverPublicKey: null,
      timezone: 'local',
      localZone: localZone(),
      dateStrings: { date: false, datetime: false, timestamp: false },
      supportBigNumbers: false,
      bigNumberStrings: false,
      bigInt: false,
      decimalNumbers: false,
      jsonStrings: false,
      resetOnRelease: false,
      slowQueryMs: 500,
      cache: { maxBytes: 67108864, followBinlog: false, maxStalenessMs: 1000, redis: null },
      workerThreads: 2,
    })
    assert.deepEqual(normaliseOptions({}).pool, {
      namedPlaceholders: true,
      disableEval: false,
      trace: false,
      leakDetectionMs: 0,
      cursorSecret: null,
      rows: {},
      cache: { maxEntryBytes: 1048576 },
    })
  })

  it('hold for options that are undefined, and for null where other drivers take it', () => {
    const given = { host: null, user: undefined, password: null, database: null, ssl: null, port: undefined }
    assert.deepEqual({ ...native(given) }, { ...native({}) })
  })

  it('tell the clock changes of this process where its zone counts', () => {
    const script =
      "console.log(require('./lib/options.js').normaliseOptions({}).native.localZone.changes.at(-1))"
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], {
      cwd: join(__dirname, '..'),
      env: { ...process.env, TZ: 'Asia/Jakarta' },
    })
    assert.equal(stdout.toString().trim(), '[ -189415800000, 25200000 ]', stderr.toString())
    for (const timezone of ['Z', '+07:00']) assert.equal(native({ timezone }).localZone, null)
  })
})

describe('where the options come from', () => {
  it('must be given', () => {
    invalid(undefined, /environment variable/)
    for (const input of [null, 5, true, [], Buffer.from('x'), () => {}])
      invalid(input, /uri or an options object/)
  })

  it('counts own enumerable properties only', () => {
    const options = Object.create({ host: 'inherited', nonsense: 1 }, { user: { value: 'hidden' } })
    options.port = 1
    options[Symbol('host')] = 'symbol'
    assert.equal(native(options).host, 'localhost')
    assert.equal(native(options).user, '')
    assert.equal(native(options).port, 1)
  })

  it('knows no option from the prototype of objects', () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      const error = unknown(JSON.parse(`{"${name}": {"host": "evil"}}`))
      assert.equal(error.option, name)
    }
    const attributes = native({ connectAttributes: JSON.parse('{"__proto__": "x"}') }).connectAttributes
    assert.equal(JSON.stringify(attributes), '{"__proto__":"x"}')
  })

  it('leaves the given object as it was', () => {
    const options = Object.freeze({ ssl: Object.freeze({ rejectUnauthorized: false }), port: '1' })
    native(options)
    assert.deepEqual(options, { ssl: { rejectUnauthorized: false }, port: '1' })
  })
})

describe('an unknown option', () => {
  it('is answered with the nearest known name', () => {
    const meant = {
      conectionLimit: 'connectionLimit',
      connectionlimit: 'connectionLimit',
      prot: 'port',
      usr: 'user',
      dateString: 'dateStrings',
      acquireTimeoutMS: 'acquireTimeoutMs',
      maxLifeTime: 'maxLifetimeMs',
      username: 'user',
      url: 'uri',
      db: 'database',
      tls: 'ssl',
    }
    for (const [name, near] of Object.entries(meant)) {
      const error = unknown({ [name]: 1 }, new RegExp(`'${name}'.*did you mean '${near}'`))
      assert.equal(error.option, name)
    }
  })

  it('is answered without a guess when nothing is near', () => {
    const { message } = unknown({ zzzzzz: 1 }, /PoolOptions/)
    assert.doesNotMatch(message, /did you mean/)
  })

  it('is cut short when its name is endless', () => {
    assert.ok(unknown({ ['x'.repeat(100000)]: 1 }).message.length < 300)
  })
})

describe('types and ranges', () => {
  const ranges = {
    port: [1, 65535],
    connectionLimit: [1, 10000],
    maxIdle: [0, 10000],
    queueLimit: [0, 2147483647],
    connectTimeout: [1, 2147483647],
    connectTimeoutMs: [1, 2147483647],
    acquireTimeout: [1, 2147483647],
    acquireTimeoutMs: [1, 2147483647],
    queryTimeout: [0, 2147483647],
    queryTimeoutMs: [0, 2147483647],
    idleTimeout: [1, 2147483647],
    idleTimeoutMs: [1, 2147483647],
    maxLifetimeMs: [0, 2147483647],
    leakDetectionMs: [0, 2147483647],
    validateAfterIdleMs: [0, 2147483647],
    keepAliveInitialDelay: [0, 2147483647],
    maxPreparedStatements: [1, 65536],
    maxResultBytes: [1, 4294967296],
    maxAllowedPacketBytes: [1024, 1073741824],
    slowQueryMs: [0, 2147483647],
    workerThreads: [1, 1024],
  }
  for (const [name, [min, max]] of Object.entries(ranges)) {
    it(`${name} is an integer from ${min} to ${max}`, () => {
      for (const value of [min, max, String(max)]) normaliseOptions({ [name]: value })
      for (const value of [min - 1, max + 1, min + 0.5, NaN, Infinity, String(max + 1)]) {
        const error = invalid({ [name]: value }, new RegExp(`'${name}' must be .* ${min} to ${max}`))
        assert.equal(error.option, name)
      }
      for (const value of ['many', '-1', ' 5', '1e3', '0x5']) invalid({ [name]: value }, /but is a string/)
      invalid({ [name]: '' }, /but is an empty string/)
      invalid({ [name]: null }, /but is null/)
      invalid({ [name]: true }, /but is a boolean/)
      invalid({ [name]: [5] }, /but is an array/)
      invalid({ [name]: {} }, /but is an object/)
      invalid({ [name]: 5n }, /but is a bigint/)
    })
  }

  const booleans = [
    'waitForConnections',
    'pipelining',
    'resetOnRelease',
    'enableKeepAlive',
    'supportBigNumbers',
    'bigNumberStrings',
    'bigInt',
    'decimalNumbers',
    'jsonStrings',
    'allowPublicKeyRetrieval',
    'namedPlaceholders',
    'disableEval',
    'trace',
    'compress',
    'gracefulEnd',
    'insecureAuth',
    'stringifyObjects',
  ]
  for (const name of booleans) {
    it(`${name} is a boolean`, () => {
      normaliseOptions({ [name]: true })
      normaliseOptions({ [name]: false })
      invalid({ [name]: 1 }, new RegExp(`'${name}' must be true or false, but is a number`))
      invalid({ [name]: 'true' }, /but is a string/)
    })
  }

  it('text is a string without NUL, and a socket path fits the system', () => {
    for (const name of ['host', 'user', 'password', 'database', 'socketPath', 'uri']) {
      invalid({ [name]: 5 }, new RegExp(`'${name}' must be a string, but is a number`))
      invalid({ [name]: 'a\0b' }, /NUL/)
    }
    normaliseOptions({ socketPath: `/${'s'.repeat(106)}` })
    invalid({ socketPath: `/${'s'.repeat(107)}` }, /107 bytes/)
    invalid({ host: '/run/mysqld.sock' }, /socketPath/)
    invalid({ host: 'mysql://h' }, /uri/)
  })

  it('connection attributes are plain values of a bounded size', () => {
    assert.deepEqual(
      { ...native({ connectAttributes: { a: 'x', b: 1, c: true } }).connectAttributes },
      { a: 'x', b: '1', c: 'true' },
    )
    invalid({ connectAttributes: 'x' }, /must be an object/)
    invalid({ connectAttributes: { a: {} } }, /strings, numbers and booleans/)
    invalid({ connectAttributes: { a: 'x'.repeat(40000) } }, /32768 bytes/)
  })
})

describe('any value of any option', () => {
  it('is accepted or refused with a HegarError that names the option', () => {
    const bare = Object.create(null)
    const values = [
      bare,
      [bare],
      { ca: bare },
      [[]],
      Symbol('x'),
      () => {},
      new Date(NaN),
      -0,
      1e300,
      '\ud800',
      new Map(),
    ]
    for (const name of schema.keys()) {
      for (const value of values) {
        try {
          const { native: options } = normaliseOptions({ [name]: value })
          assert.deepEqual(Object.keys(options), Object.keys(native({})))
          JSON.parse(JSON.stringify(options))
        } catch (error) {
          assert.match(error.code ?? inspect(error), /^HEGAR_OPTION_/)
          assert.ok(error.option === name || error.option.startsWith(`${name}.`), inspect(error))
        }
      }
    }
  })
})

describe('names that mean the same', () => {
  it('reach the same setting', () => {
    for (const [name, key] of Object.entries({
      acquireTimeout: 'acquireTimeoutMs',
      connectTimeout: 'connectTimeoutMs',
      queryTimeout: 'queryTimeoutMs',
      idleTimeout: 'idleTimeoutMs',
    })) {
      assert.equal(native({ [name]: 77 })[key], 77)
      assert.equal(native({ [key]: 77 })[key], 77)
      assert.equal(native({ [name]: 77, [key]: '77' })[key], 77)
      invalid({ [name]: 77, [key]: 78 }, /means the same/)
    }
    assert.equal(native({ password1: 'p' }).password, 'p')
  })

  it('keep idle connections within the limit', () => {
    assert.equal(native({ connectionLimit: 3 }).maxIdle, 3)
    assert.equal(native({ connectionLimit: 3, maxIdle: 2 }).maxIdle, 2)
    assert.equal(native({ connectionLimit: 3, maxIdle: 9 }).maxIdle, 3)
  })

  it('turn keep-alive into a delay', () => {
    assert.equal(native({ keepAliveInitialDelay: 5000 }).tcpKeepAliveMs, 5000)
    assert.equal(native({ keepAliveInitialDelay: 0 }).tcpKeepAliveMs, null)
    assert.equal(native({ keepAliveInitialDelay: 5000, enableKeepAlive: false }).tcpKeepAliveMs, null)
  })
})

describe('worker threads', () => {
  it('come from the option, else the environment, and never exceed the cores', () => {
    const threads = (options, env, cores = 8) => native(options, { env, cores }).workerThreads
    assert.equal(threads({ workerThreads: 5 }, { HEGAR_WORKER_THREADS: '3' }), 5)
    assert.equal(threads({}, { HEGAR_WORKER_THREADS: '3' }), 3)
    assert.equal(threads({}, { HEGAR_WORKER_THREADS: '' }), 2)
    assert.equal(threads({ workerThreads: 64 }, {}), 8)
    assert.equal(threads({}, {}, 1), 1)
    assert.ok(native({ workerThreads: 1024 }).workerThreads <= availableParallelism())
  })

  it('are refused when the environment holds no number', () => {
    for (const value of ['0', '-1', 'two', '2.5', '99999']) {
      const error = errorOf({}, { env: { HEGAR_WORKER_THREADS: value } })
      assert.equal(error.code, 'HEGAR_OPTION_INVALID')
      assert.match(error.message, /HEGAR_WORKER_THREADS/)
    }
  })
})

describe('what values become', () => {
  it('charset is a collation of utf8mb4', () => {
    const ids = {
      UTF8MB4_GENERAL_CI: 45,
      utf8mb4_bin: 46,
      UTF8MB4_UNICODE_CI: 224,
      UTF8MB4_UNICODE_520_CI: 246,
      UTF8MB4_0900_AI_CI: 255,
      utf8mb4: 224,
      UTF8: 224,
    }
    for (const [charset, id] of Object.entries(ids)) {
      assert.equal(native({ charset }).collation, id)
      assert.equal(native({ charsetNumber: id }).collation, id)
    }
    invalid({ charset: 'latin1' }, /UTF8MB4_GENERAL_CI, .*UTF8MB4_0900_AI_CI/)
    invalid({ charset: 224 }, /a number/)
    invalid({ charsetNumber: 8 }, /45, 46, 224, 246, 255/)
    invalid({ charset: 'utf8mb4_bin', charsetNumber: 45 }, /means the same/)
  })

  it('timezone is local, Z or an offset of up to 14 hours', () => {
    for (const timezone of ['local', 'Z', '+00:00', '-03:30', '+14:00', '-14:00']) {
      assert.equal(native({ timezone }).timezone, timezone)
    }
    assert.equal(native({ timezone: ' 02:00' }).timezone, '+02:00')
    for (const timezone of [
      '+14:01',
      '-15:00',
      '+2:00',
      '+02:60',
      '02:00',
      'UTC',
      'Asia/Jakarta',
      '',
      '+02:00\n',
    ]) {
      invalid({ timezone }, /'timezone' must be 'local', 'Z' or an offset/)
    }
    invalid({ timezone: 7 }, /a number/)
  })

  it('dateStrings is all, none or some of three types', () => {
    assert.deepEqual(native({ dateStrings: true }).dateStrings, {
      date: true,
      datetime: true,
      timestamp: true,
    })
    assert.deepEqual(native({ dateStrings: ['DATE', 'TIMESTAMP'] }).dateStrings, {
      date: true,
      datetime: false,
      timestamp: true,
    })
    invalid({ dateStrings: ['TIME'] }, /DATETIME/)
    invalid({ dateStrings: 'DATE' }, /a string/)
  })

  it('flags change how affectedRows counts, and nothing else', () => {
    for (const flags of [
      '-FOUND_ROWS',
      ['-FOUND_ROWS'],
      'odbc, -found_rows',
      ['-LOCAL_FILES', '-FOUND_ROWS'],
    ]) {
      assert.equal(native({ flags }).foundRows, false, inspect(flags))
    }
    for (const flags of [
      '',
      [],
      null,
      'FOUND_ROWS',
      '+FOUND_ROWS',
      ['-IGNORE_SPACE', '-MULTI_STATEMENTS', 'ODBC'],
    ]) {
      assert.equal(native({ flags }).foundRows, true, inspect(flags))
    }
    unsupported({ flags: 'MULTI_STATEMENTS' }, /one by one/)
    unsupported({ flags: ['LOCAL_FILES'] }, /LOAD DATA LOCAL/)
    unsupported({ flags: '-PROTOCOL_41' })
    invalid({ flags: '-FOUND_ROW' }, /did you mean FOUND_ROWS/)
    invalid({ flags: 2 }, /a number/)
    invalid({ flags: [2] }, /flag names/)
  })

  it('BigInt and strings for big numbers exclude each other', () => {
    assert.equal(native({ bigInt: true }).bigInt, true)
    invalid({ bigInt: true, supportBigNumbers: true }, /supportBigNumbers/)
    invalid({ bigInt: true, bigNumberStrings: true }, /bigNumberStrings/)
  })
})

describe('options of mysql2 and mysql', () => {
  it('are all understood', () => {
    const source = readFileSync(
      join(dirname(require.resolve('mysql2/package.json')), 'lib/connection_config.js'),
      'utf8',
    )
    const [, list] = /const validOptions = \{([^}]*)\}/.exec(source)
    const names = [...list.matchAll(/^\s*(\w+): 1,/gm)].map(([, name]) => name)
    assert.ok(names.length > 50)
    for (const name of names) assert.ok(schema.has(name), name)
    for (const name of ['acquireTimeout', 'localInfile', 'queryFormat', 'debug', 'trace', 'typeCast']) {
      assert.ok(schema.has(name), name)
    }
  })

  it('are refused when they would change results, and say what to do instead', () => {
    const options = {
      authPlugins: {},
      authSwitchHandler: () => {},
      infileStreamFactory: () => {},
      isServer: true,
      localAddress: '10.0.0.1',
      localInfile: true,
      multipleStatements: true,
      password2: 'x',
      password3: 'x',
      passwordSha1: 'x',
      pool: {},
      queryFormat: () => {},
      stream: {},
      canRetry: true,
    }
    for (const [name, value] of Object.entries(options)) {
      const error = unsupported({ [name]: value }, new RegExp(`'${name}' is not supported: .{15}`))
      assert.equal(error.option, name)
      normaliseOptions({ [name]: undefined })
      normaliseOptions({ [name]: null })
      normaliseOptions({ [name]: false })
      normaliseOptions({ [name]: '' })
    }
    unsupported({ typeCast: () => {} }, /casts and typeCasts/)
    unsupported({ typeCast: false })
    normaliseOptions({ typeCast: true })
  })

  it('are accepted without effect when they change nothing', () => {
    const harmless = {
      compress: true,
      debug: ['x'],
      gracefulEnd: true,
      insecureAuth: true,
      Promise,
      stringifyObjects: true,
    }
    assert.deepEqual({ ...native(harmless) }, { ...native({}) })
  })

  it('that are documented are exactly those that are accepted', () => {
    const types = readFileSync(join(__dirname, '..', 'index.d.ts'), 'utf8')
    const [, body] = /export interface PoolOptions \{(.*?)\n\}/s.exec(types)
    const documented = [...body.matchAll(/^ {2}(\w+)\?:/gm)].map(([, name]) => name)
    // Those that no value but "off" makes sense for are refused by the types as unknown.
    const untyped = [...schema].filter(([name, option]) => option.advice && !documented.includes(name))
    assert.deepEqual(documented.concat(untyped.map(([name]) => name)).sort(), [...schema.keys()].sort())
  })
})
