// Checked by `tsc --project __test__/tsconfig.json` and never run: each @ts-expect-error fails the check when the
// line under it is accepted.

import {
  createPool,
  getCursorParams,
  getPaginationParams,
  HegarError,
  HegarTypeError,
  pageLinks,
  pageSummary,
  sortClause,
  sortKeyset,
  type Cast,
  type Column,
  type Connection,
  type CursorSummary,
  type EstimatedSummary,
  type ExecuteResult,
  type Leak,
  type Operation,
  type OneRow,
  type Page,
  type Pool,
  type PoolOptions,
  type Queries,
  type Row,
  type Rows,
  type TablesRow,
  type Transaction,
  type UncountedSummary,
} from 'hegar-native'

interface User {
  id: number
  name: string
}

/** Compiles only when both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function same<A, B>(proof: Same<A, B>): void {
  void proof
}

export async function poolsAreMadeFromUrisAndOptions(): Promise<void> {
  same<ReturnType<typeof createPool>, Pool>(true)
  createPool('mysql://root@localhost/shop')
  createPool(new URL('mariadb://root@localhost/shop'))
  createPool({ uri: process.env['DATABASE_URL'] ?? null, connectionLimit: 5, acquireTimeoutMs: 100 })
  createPool({ port: '3306', ssl: true, flags: ['-FOUND_ROWS'], dateStrings: ['DATE'], timezone: '+07:00' })
  createPool({ ssl: { ca: [Buffer.from('')], rejectUnauthorized: true, servername: 'db' }, typeCast: true })
  const options: PoolOptions = { namedPlaceholders: true, multipleStatements: false }
  createPool(options)

  // @ts-expect-error a pool needs to know where to connect
  createPool()
  // @ts-expect-error an option that does not exist
  createPool({ conectionLimit: 5 })
  // @ts-expect-error a wrong type
  createPool({ connectionLimit: true })
  // @ts-expect-error refused at run time too
  createPool({ multipleStatements: true })
  // @ts-expect-error no profile names
  createPool({ ssl: 'Amazon RDS' })
  // @ts-expect-error only three types can be strings
  createPool({ dateStrings: ['TIME'] })
}

export async function rowsHaveTheTypeThatTheCallerNames(db: Pool): Promise<void> {
  const users = await db.query<User>('SELECT id, name FROM users WHERE id IN (?)', [[1, 2, 3]])
  same<typeof users, User[]>(true)
  const rows = await db.query('SELECT 1 AS one')
  same<typeof rows, Row[]>(true)
  const one = await db.queryOne<User>('SELECT id, name FROM users WHERE id = :id', { id: 1n })
  same<typeof one, User | null>(true)
  // @ts-expect-error the row may be missing
  one.id
  const changed = await db.execute('UPDATE users SET seen = ?, note = ?', [new Date(), null])
  same<typeof changed, ExecuteResult>(true)
  const returned = await db.execute<User>('INSERT INTO users (name) VALUES (?) RETURNING id, name', ['Ada'])
  same<typeof returned, User[]>(true)
  const bytes = await db.queryJson('SELECT images FROM products', null, { shape: { images: { split: ',' } } })
  same<typeof bytes, Buffer>(true)

  // @ts-expect-error an object is no value
  await db.query('SELECT ?', [{ password: 1 }])
  // @ts-expect-error undefined is no value
  await db.query('SELECT ?', [undefined])
  // @ts-expect-error arrays do not nest deeper than IN (?)
  await db.query('SELECT 1 WHERE 1 IN (?)', [[[1]]])
  // @ts-expect-error a shape that does not exist
  await db.queryJson('SELECT 1', [], { shape: { a: { join: ',' } } })
}

export async function layoutsChangeWhatARowIs(db: Pool): Promise<void> {
  const arrays = await db.query('SELECT 1, 2', [], { rowsAsArray: true })
  same<typeof arrays, unknown[][]>(true)
  const tuples = await db.query<[number, string]>('SELECT id, name FROM users', null, { rowsAsArray: true })
  same<typeof tuples, [number, string][]>(true)
  const tables = await db.query('SELECT * FROM users JOIN stores', [], { nestTables: true })
  same<typeof tables, TablesRow[]>(true)
  const typed = await db.query<{ u: User }>('SELECT u.* FROM users u', [], { nestTables: true })
  same<typeof typed, { u: User }[]>(true)
  const prefixed = await db.query<{ u_id: number }>('SELECT u.id FROM users u', [], { nestTables: '_' })
  same<typeof prefixed, { u_id: number }[]>(true)
  const tuple = await db.queryOne<[number]>('SELECT 1', [], { rowsAsArray: true })
  same<typeof tuple, [number] | null>(true)
  const table = await db.queryOne('SELECT u.* FROM users u', [], { nestTables: true })
  same<typeof table, TablesRow | null>(true)
  const returned = await db.execute<[number]>('INSERT … RETURNING id', [], { rowsAsArray: true })
  same<typeof returned, [number][]>(true)

  // @ts-expect-error rows that are arrays are no users
  await db.query<User>('SELECT 1', [], { rowsAsArray: true })
  // @ts-expect-error a row is one thing
  await db.query('SELECT 1', [], { rowsAsArray: true, nestTables: true })
  // @ts-expect-error a row is one thing
  await db.query('SELECT 1', [], { nestTables: true, nest: true })
}

export async function columnsComeBesideTheRows(db: Pool): Promise<void> {
  const objects = await db.query<User>('SELECT id, name FROM users', [], { columns: true })
  same<typeof objects, Rows<User>>(true)
  same<(typeof objects)['columns'], readonly Column[]>(true)
  const arrays = await db.query('SELECT 1', [], { columns: true, rowsAsArray: true })
  same<typeof arrays, Rows<unknown[]>>(true)
  const tables = await db.query('SELECT 1', [], { columns: true, nestTables: true })
  same<typeof tables, Rows<TablesRow>>(true)
  const one = await db.queryOne<User>('SELECT id, name FROM users', [], { columns: true })
  same<typeof one, OneRow<User>>(true)
  const returned = await db.execute<User>('INSERT … RETURNING *', [], { columns: true })
  same<typeof returned, Rows<User>>(true)
  const flag: boolean | undefined = objects.columns[0]?.flags.autoIncrement
  void flag
  // @ts-expect-error what all callers share is not changed
  objects.columns[0].name = 'x'
}

export async function valuesAreCast(db: Pool): Promise<void> {
  const cast: Cast = 'boolean'
  const rows = await db.query<User>('SELECT id, name FROM users', [], {
    casts: { id: 'bigint', name: (value: string, column) => value + column.type, seen: null },
    typeCasts: { 'TINYINT(1)': cast, DECIMAL: 'number' },
    shape: { name: { as: 'user.name' }, note: { omit: true } },
    nest: '.',
    nullObjects: true,
  })
  same<typeof rows, User[]>(true)
  createPool({
    casts: { id: 'bigint' },
    typeCasts: { BOOLEAN: 'boolean' },
    rowsAsArray: true,
    nestTables: null,
  })
  const bytes = await db.queryJson('SELECT 1', [], {
    casts: { meta: 'raw' },
    nestTables: true,
    envelope: { key: 'data', before: { status: 'success' } },
  })
  same<typeof bytes, Buffer>(true)
  await db.paginate('SELECT 1', [], { page: 1, limit: 1, casts: { id: (value) => value }, nest: true })
  await db.paginateJson('SELECT 1', [], { page: 1, limit: 1, casts: { id: 'string' }, nest: true })

  // @ts-expect-error a cast that does not exist
  await db.query('SELECT 1', [], { casts: { id: 'int' } })
  // @ts-expect-error JSON is made without functions
  await db.queryJson('SELECT 1', [], { casts: { id: (value) => value } })
  // @ts-expect-error as are pages of it
  await db.paginateJson('SELECT 1', [], { page: 1, limit: 1, casts: { id: (value) => value } })
  // @ts-expect-error a pool has no functions
  createPool({ casts: { id: (value) => value } })
  // @ts-expect-error the rows have a name in an envelope
  await db.queryJson('SELECT 1', [], { envelope: { before: {} } })
  // @ts-expect-error objects have no envelope
  await db.query('SELECT 1', [], { envelope: { key: 'data' } })
  // @ts-expect-error an option that does not exist
  await db.query('SELECT 1', [], { rowAsArray: true })
}

export async function pagesKnowWhetherTheyWereCounted(db: Pool): Promise<void> {
  const { page, limit } = getPaginationParams({ query: { page: '1' } }, { maxLimit: 50, strict: true })
  const counted = await db.paginate<User>('SELECT id, name FROM users', [], { page, limit })
  same<typeof counted, Page<User>>(true)
  same<typeof counted.pagination.total, number>(true)
  const uncounted = await db.paginate<User>('SELECT id, name FROM users', undefined, {
    page,
    limit,
    count: 'none',
  })
  same<typeof uncounted, Page<User, UncountedSummary>>(true)
  const body = await db.paginateJson('SELECT 1', { a: 1 }, { page, limit, message: 'Products' })
  same<typeof body, Buffer>(true)

  // @ts-expect-error a page needs its number
  await db.paginate('SELECT 1', [], { limit })
  // @ts-expect-error there is no such way to count
  await db.paginate('SELECT 1', [], { page, limit, count: 'guess' })
  // @ts-expect-error an option that does not exist
  getPaginationParams({ query: {} }, { max: 1 })
  // @ts-expect-error a request is an object
  getPaginationParams('page=1')
}

export async function pagesByCursorHaveCursors(db: Pool): Promise<void> {
  const sql = 'SELECT id, name FROM users WHERE :keyset'
  const allowed = {
    name: 'name',
    age: [{ column: 'born', direction: 'desc', nullable: true }, 'name'],
  } as const
  const sorted = sortKeyset('age', 'asc', allowed, { name: 'name' }, { unique: 'id' })
  same<typeof sorted.name, 'name' | 'age'>(true)
  const { cursor, limit } = getCursorParams({ query: {} }, { maxLimit: 50 })
  const page = await db.paginate<User>(sql, [], { keyset: sorted.keyset, cursor, limit })
  same<typeof page, Page<User, CursorSummary>>(true)
  same<typeof page.pagination.nextCursor, string | null>(true)
  const counted = await db.paginate<User>(sql, {}, { keyset: ['id'], limit, count: 'exact' })
  same<typeof counted.pagination.total, number>(true)
  const body = await db.paginateJson(sql, [], { keyset: ['id'], limit, cursor: null, message: 'Users' })
  same<typeof body, Buffer>(true)
  createPool({ cursorSecret: ['a secret of 16 bytes', Buffer.alloc(32)] })

  // @ts-expect-error a page by cursor has no number
  await db.paginate(sql, [], { keyset: ['id'], limit, page: 1 })
  // @ts-expect-error a cursor needs the columns
  await db.paginate(sql, [], { limit, cursor })
  // @ts-expect-error a direction that does not exist
  await db.paginate(sql, [], { limit, keyset: [{ column: 'id', direction: 'up' }] })
  // @ts-expect-error no total was asked for
  void page.pagination.total
  // @ts-expect-error the last column must be unique
  sortKeyset('name', 'asc', allowed, { name: 'name' }, {})
  // @ts-expect-error pages by cursor have no last one
  getCursorParams({ query: {} }, { maxPage: 3 })
}

export async function deepPagesAndEstimatesAreAskedFor(db: Pool): Promise<void> {
  const deferred = { key: 'id', keySql: 'SELECT id FROM users ORDER BY name, id', from: 500 }
  const sql = 'SELECT id, name FROM users WHERE :page ORDER BY name, id'
  const estimated = await db.paginate<User>(sql, [], { page: 1, limit: 20, count: 'estimate', deferred })
  same<typeof estimated, Page<User, EstimatedSummary>>(true)
  const cached = await db.paginate<User>(sql, [], { page: 1, limit: 20, count: 'cached', countTtlMs: 5000 })
  same<typeof cached, Page<User>>(true)
  const links = pageLinks({ originalUrl: '/users' }, estimated.pagination, { baseUrl: 'https://a.example' })
  same<typeof links.next, string | null>(true)
  same<typeof links.header, string>(true)
  pageLinks({ url: '/users' }, await db.paginateJson(sql, [], { page: 1, limit: 20, deferred }))

  // @ts-expect-error the keys are selected by a statement
  await db.paginate(sql, [], { page: 1, limit: 20, deferred: { key: 'id' } })
  // @ts-expect-error an option that does not exist
  pageLinks({ url: '/users' }, estimated.pagination, { base: 'https://a.example' })
}

export async function batchesScriptsAndCallsHaveTypes(db: Queries, pool: Pool): Promise<void> {
  const done = await db.batch('INSERT INTO t VALUES (?, ?)', [[1, 'a'] as const, [2n, null]])
  same<typeof done.insertId, number | bigint>(true)
  await db.batch('INSERT INTO t VALUES (:a)', new Set([{ a: new Date() }]), {
    transaction: false,
    timeoutMs: 5,
  })
  await db.batch(
    'INSERT INTO t VALUES (?)',
    (async function* () {
      yield [Buffer.from('x')]
    })(),
  )
  // @ts-expect-error a row has one value for each placeholder
  await db.batch('INSERT INTO t VALUES (?)', [[[1, 2]]])
  // @ts-expect-error an option that does not exist
  await db.batch('INSERT INTO t VALUES (?)', [[1]], { retries: 1 })
  // @ts-expect-error rows are arrays or objects
  await db.batch('INSERT INTO t VALUES (?)', [1, 2])

  const { results, out } = await db.call<[User[], Row[]]>('CALL p(?)', [1])
  same<typeof results, [User[], Row[]]>(true)
  same<typeof out, Row | null>(true)
  const untyped = await db.call('CALL p()')
  same<typeof untyped.results, Row[][]>(true)

  const outcomes = await db.script('SELECT 1; DELETE FROM t')
  same<typeof outcomes, (Row[] | ExecuteResult)[]>(true)
  // @ts-expect-error a script takes no parameters
  await db.script('SELECT ?', [1])

  const loaded = await pool.execute("LOAD DATA LOCAL INFILE 'x' INTO TABLE t", null, {
    infile: (name) => [name],
  })
  same<typeof loaded, ExecuteResult>(true)
  // @ts-expect-error a file is not read by its path
  await pool.execute("LOAD DATA LOCAL INFILE 'x' INTO TABLE t", null, { infile: '/tmp/x' })
}

export async function thePoolReportsInTypes(db: Pool): Promise<void> {
  db.on('slowQuery', (query) => {
    same<typeof query.durationMs, number>(true)
    same<typeof query.operation, Operation>(true)
    same<Operation, 'query' | 'execute' | 'json' | 'paginate' | 'batch' | 'transaction' | 'stream'>(true)
  })
  same<ReturnType<Pool['metricsText']>, string>(true)
  const stats = db.stats()
  const figures: number[] = [
    stats.pool.active,
    stats.latency.operations.json.p99Ms,
    stats.connections.closed.idle,
  ]
  void figures
  const health = await db.health()
  same<typeof health.status, 'OK' | 'Error'>(true)
  await db.close({ drainMs: 5000 })
  await db.close()
}

export async function transactionsGiveWhatTheirFunctionGives(db: Pool): Promise<void> {
  const users = await db.transaction(
    async (tx) => {
      same<typeof tx, Transaction>(true)
      await tx.savepoint((inner) => inner.execute('DELETE FROM users'))
      return tx.query<User>('SELECT id, name FROM users')
    },
    { isolation: 'serializable', readOnly: false, retries: 3 },
  )
  same<typeof users, User[]>(true)
  same<number, Awaited<ReturnType<typeof db.transaction<number>>>>(true)
  // @ts-expect-error a level that does not exist
  await db.transaction(() => {}, { isolation: 'snapshot' })
  // @ts-expect-error only a function can be tried again
  await db.begin({ retries: 3 })
  await using tx = await db.begin({ isolation: 'read committed' })
  await tx.commit()
}

export async function connectionsAreHeldUntilTheyAreReleased(db: Pool): Promise<void> {
  db.on('leak', (leak) => same<typeof leak, Leak>(true))
  await using connection = await db.getConnection()
  same<typeof connection, Connection>(true)
  await connection.beginTransaction({ readOnly: true })
  same<typeof connection.threadId, number>(true)
  const both: Queries[] = [db, connection]
  void both
  await connection.rollback()
  connection.destroy()
  await connection.release()
}

export function errorsCarryTheirDetails(error: unknown): void {
  if (error instanceof HegarError) {
    same<typeof error.errno, number | undefined>(true)
    if (error.code === 'ER_DUP_ENTRY' || error.code === 'HEGAR_POOL_TIMEOUT') void error.sqlState
    void error.errors?.map((field) => field.path)
  }
  const wrong: TypeError = new HegarTypeError('parameter 1 is a function')
  void wrong
  void new HegarError('message', { code: 'HEGAR_INTERNAL', cause: error })
}

export function sortsComeFromTheAllowList(requested: unknown): void {
  const allowed = { name: 'p.name', price: ['p.sale_price', 'p.id'] }
  const sort = sortClause(requested, 'desc', allowed, { name: 'price', direction: 'desc' })
  same<typeof sort.name, 'name' | 'price'>(true)
  same<typeof sort.direction, 'ASC' | 'DESC'>(true)
  // @ts-expect-error the fallback is in the list too
  sortClause(requested, 'asc', allowed, { name: 'rating' })

  same<ReturnType<typeof summary>, number>(true)
  function summary() {
    return pageSummary({ page: 1, limit: 20, total: 41n }).totalPages
  }
}

export async function callsEndEarly(db: Pool): Promise<void> {
  const { signal } = new AbortController()
  const users = await db.query<User>('SELECT id, name FROM users', [], { signal, timeoutMs: 500 })
  same<typeof users, User[]>(true)
  await db.queryJson('SELECT 1', null, { signal, shape: {} })
  await db.paginate('SELECT 1', [], { page: 1, limit: 20, timeoutMs: 500 })
  await db.getConnection({ signal })
  await db.begin({ signal, readOnly: true })
  await db.transaction((tx) => tx.query('SELECT 1'), { signal, timeoutMs: 500, retries: 2 })

  // @ts-expect-error the name carries its unit
  await db.query('SELECT 1', [], { timeout: 500 })
  // @ts-expect-error an AbortController is no signal
  await db.query('SELECT 1', [], { signal: new AbortController() })
}

export async function streamsAreIteratedOrPiped(db: Pool): Promise<void> {
  for await (const user of db.stream<User>('SELECT id, name FROM users', [], { stallTimeoutMs: 1000 })) {
    same<typeof user, User>(true)
  }
  const rows = db.stream('SELECT 1')
  const { value, done } = await rows.next()
  if (!done) same<typeof value, Row>(true)
  await rows.return()
  db.streamJson('SELECT 1', null, { format: 'ndjson', shape: {} }).pipe(process.stdout)

  // @ts-expect-error not a form
  db.streamJson('SELECT 1', [], { format: 'csv' })
}

export async function readsAreAskedForTogether(db: Pool): Promise<void> {
  const [users, first] = await db.all([
    { sql: 'SELECT id, name FROM users WHERE id IN (?)', params: [[1, 2]] },
    { sql: 'SELECT 1', one: true },
  ])
  same<typeof users, Row[]>(true)
  same<typeof first, Row | null>(true)
  const page = await db.all<{ user: User | null; others: User[] }>(
    { user: { sql: 'SELECT 1', one: true }, others: { sql: 'SELECT 1', casts: { id: 'number' } } },
    { timeoutMs: 500 },
  )
  same<typeof page.user, User | null>(true)
  same<typeof page.others, User[]>(true)
  const bytes = await db.allJson({ user: { sql: 'SELECT 1', shape: { a: { omit: true } } } })
  same<typeof bytes, Buffer>(true)

  // @ts-expect-error a query is an object
  await db.all(['SELECT 1'])
  // @ts-expect-error functions see no JSON
  await db.allJson([{ sql: 'SELECT 1', casts: { a: (value: number) => value } }])
}

export async function cachedQueriesHaveTheTypesOfTheirRows(db: Pool, tx: Transaction): Promise<void> {
  const users = await db.cachedQuery<User>('SELECT id, name FROM users WHERE id = ?', [1], 300)
  same<typeof users, User[]>(true)
  const arrays = await db.cachedQuery('SELECT 1', [], { ttl: 60, rowsAsArray: true })
  same<typeof arrays, unknown[][]>(true)
  const described = await tx.cachedQuery('SELECT 1', null, { columns: true, key: 'one:1' })
  same<typeof described, Rows<Row>>(true)
  const options = {
    ttl: 60,
    staleTtl: 5,
    graceTtl: 600,
    softTimeoutMs: 50,
    hardTimeoutMs: 500,
    jitter: 0.1,
    tags: ['home'],
  }
  const bytes = await db.cachedQueryJson('SELECT 1', [], { ...options, envelope: { key: 'data' } })
  same<typeof bytes, Buffer>(true)
  await db.invalidate({ tables: ['users'], tags: 'home', keys: ['product:1'], prefix: 'products:list:' })
  createPool({
    cache: {
      redis: { host: 'localhost', retryStrategy: (times) => times * 50 },
      followBinlog: true,
      maxBytes: '1000',
    },
  })
  createPool({ cache: { redis: 'redis://localhost' } })
  same<ReturnType<Pool['stats']>['cache']['prefixes'][string]['hits'], number>(true)

  // @ts-expect-error a number of seconds
  await db.cachedQuery('SELECT 1', [], '300')
  // @ts-expect-error its limit is hardTimeoutMs
  await db.cachedQuery('SELECT 1', [], { timeoutMs: 5 })
  // @ts-expect-error not an option
  createPool({ cache: { redis: { hots: 'x' } } })
  // @ts-expect-error a connection has nothing to invalidate
  await tx.invalidate({ all: true })
}
