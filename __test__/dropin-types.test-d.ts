// Checked by `tsc --project __test__/tsconfig.json` and never run: each @ts-expect-error fails the check when the
// line under it is accepted.

import mysql2, { createPool as createCallbackPool, type QueryError } from 'hegar-native/mysql2'
import promise, {
  type Connection,
  type FieldPacket,
  type OkPacket,
  type Pool,
  type PoolConnection,
  type PoolOptions,
  type PreparedStatementInfo,
  type ProcedureCallPacket,
  type QueryOptions,
  type ResultSetHeader,
  type RowDataPacket,
} from 'hegar-native/mysql2/promise'
import type * as promiseNames from 'hegar-native/mysql2/promise.js'
import mysql = require('hegar-native/mysql')
import type { Readable } from 'node:stream'

interface User extends RowDataPacket {
  id: number
  name: string
}

/** Compiles only when both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function same<A, B>(proof: Same<A, B>): void {
  void proof
}

export async function rowsHaveTheTypeThatTheCallerNames(pool: Pool): Promise<void> {
  const [users, fields] = await pool.query<User[]>('SELECT id, name FROM users WHERE id IN (?)', [[1, 2]])
  same<typeof users, User[]>(true)
  same<typeof fields, FieldPacket[]>(true)
  const names = users.map((user) => user.name)
  same<typeof names, string[]>(true)
  const [header] = await pool.execute<ResultSetHeader>('UPDATE users SET name = ?', ['Ada'])
  same<typeof header.insertId, number>(true)
  const [older] = await pool.query<OkPacket>('DELETE FROM users')
  same<typeof older.affectedRows, number>(true)
  const [lists] = await pool.query<User[][]>('SELECT 1; SELECT 2')
  same<typeof lists, User[][]>(true)
  const [called] = await pool.query<ProcedureCallPacket<User[]>>('CALL users()')
  same<typeof called, [User[], ResultSetHeader]>(true)
  const [headers] = await pool.query<ResultSetHeader[]>('DO 1; DO 2')
  same<typeof headers, ResultSetHeader[]>(true)

  // @ts-expect-error rows extend RowDataPacket
  await pool.query<{ id: number }[]>('SELECT 1')
  // @ts-expect-error rows come as an array
  await pool.query<User>('SELECT 1')
  // @ts-expect-error rows and fields, not rows
  const wrong: User[] = await pool.query<User[]>('SELECT 1')
  void wrong
  // @ts-expect-error the types of rows are those that were named
  users[0]?.id.toUpperCase()
}

export async function valuesAreWhatTheServerCanTake(pool: Pool): Promise<void> {
  const anything: unknown[] = [1, undefined, mysql2.raw('NOW()'), { a: 1 }]
  await pool.query('SELECT ?', anything)
  await pool.query('INSERT INTO users SET ?', { name: 'Ada', born: new Date(), photo: Buffer.from('') })
  await pool.query({ sql: 'SELECT ?', values: [1n], rowsAsArray: true, timeout: 100, timezone: 'Z' })
  await pool.execute({ sql: 'SELECT :id', namedPlaceholders: true }, { id: 1, tags: ['a', null] })
  await pool.execute('SELECT ?', [null, true, 'text', new Uint8Array(1)])
  const { LONG, JSON: json } = promise.TypedParameter
  await pool.execute('SELECT ?', [LONG.unsigned(1), json({ a: 1 })])
  const options: QueryOptions = { sql: 'SELECT 1', nestTables: '_', dateStrings: ['DATE'] }
  await pool.query(options)

  // @ts-expect-error a prepared statement takes no undefined
  await pool.execute('SELECT ?', [undefined])
  // @ts-expect-error and no functions
  await pool.execute('SELECT ?', [() => 1])
  // @ts-expect-error dates are not without a sign
  promise.TypedParameter.DATE.unsigned('2000-01-01')
  // @ts-expect-error no callbacks with promises
  await pool.query('SELECT 1', () => {})
  // @ts-expect-error options without a statement
  await pool.query({ values: [1] })
  // @ts-expect-error an option that does not exist
  await pool.query({ sql: 'SELECT 1', rowsAsArrays: true })
  // @ts-expect-error only three types can be strings
  await pool.query({ sql: 'SELECT 1', dateStrings: ['TIME'] })
}

export async function connectionsHaveTransactions(): Promise<void> {
  const connection: promise.Connection = await promise.createConnection('mysql://root@localhost/shop')
  await connection.beginTransaction()
  await connection.rollback()
  await connection.changeUser({ database: 'shop' })
  const statement: PreparedStatementInfo = await connection.prepare('SELECT ?')
  const [rows] = await statement.execute([1])
  void (rows as User[])
  await statement.close()
  same<typeof connection.threadId, number>(true)
  await connection.end()

  await using pooled: PoolConnection = await promise.createPool({ host: 'localhost' }).getConnection()
  const stream: Readable = pooled.connection.query('SELECT 1').stream({ highWaterMark: 5 })
  for await (const row of stream) void row
  pooled.release()
}

export async function aPoolIsNoConnectionButRunsStatements(): Promise<void> {
  const pool = promise.createPool({
    uri: 'mysql://root@localhost',
    connectionLimit: 5,
    acquireTimeoutMs: 100,
  })
  same<typeof pool, promise.Pool>(true)
  const run = (db: Connection) => db.query<User[]>('SELECT 1')
  await run(pool)
  pool.on('connection', (connection) => connection.query('SET SESSION sql_mode = ?', ['ANSI']))
  pool.on('release', (connection: PoolConnection) => void connection.threadId)
  pool.pool.query('SELECT 1', (error: QueryError | null) => void error?.sqlMessage)
  await pool.end()

  // @ts-expect-error a transaction needs a connection of its own
  await pool.beginTransaction()
  // @ts-expect-error as do the rest of what only a connection can do
  pool.destroy()
  // @ts-expect-error a pool is not given back
  pool.release()
}

export function optionsThatWouldBeIgnoredAreRefused(): void {
  const access: PoolOptions = { host: 'localhost', port: 3306, user: 'root', ssl: { ca: [Buffer.from('')] } }
  promise.createPool(access)
  mysql2.createPool({ ...access, waitForConnections: true, maxIdle: 1, idleTimeout: 1, queueLimit: 0 })
  mysql2.createConnection({ ssl: { rejectUnauthorized: false }, flags: ['-FOUND_ROWS'], charset: 'utf8mb4' })
  mysql2.createPool({
    typeCast(field, next) {
      if (field.type === 'TINY' && field.length === 1) return field.string() === '1'
      // @ts-expect-error no type of columns
      if (field.type === 'TINYINT') return null
      return next()
    },
  })
  const cast = (field: promiseNames.TypeCastField, next: promiseNames.TypeCastNext): unknown =>
    field.buffer() ?? next()
  mysql2.createPool({ typeCast: cast, queryFormat: (sql, values) => mysql2.format(sql, values) })

  // @ts-expect-error a pool needs options
  mysql2.createPool()
  // @ts-expect-error an option that does not exist
  mysql2.createPool({ conectionLimit: 5 })
  // @ts-expect-error a wrong type
  mysql2.createPool({ connectionLimit: '5' })
  // @ts-expect-error refused at run time too
  mysql2.createPool({ stream: () => null })
  // @ts-expect-error no profile names
  mysql2.createPool({ ssl: 'Amazon RDS' })
  // @ts-expect-error no encrypted keys
  mysql2.createPool({ ssl: { passphrase: 'secret' } })
  // @ts-expect-error left out
  mysql2.createServer()
}

export function callbacksGetRowsAndFields(): void {
  const pool: mysql2.Pool = createCallbackPool('mysql://root@localhost/shop')
  pool.query<User[]>('SELECT ?', [1], (error, rows, fields) => {
    same<typeof error, QueryError | null>(true)
    same<typeof rows, User[]>(true)
    same<typeof fields, FieldPacket[]>(true)
  })
  pool.query('SELECT 1', (error, rows: mysql2.RowDataPacket[]) => void [error?.errno, rows[0]?.['any']])
  pool.execute<ResultSetHeader>({ sql: 'DO ?' }, [1], (_, header) => void header.affectedRows)
  pool.getConnection((error, connection) => {
    if (error) throw error
    connection.beginTransaction((failure) => void failure?.code)
    connection.prepare('SELECT ?', (_, statement) => {
      statement.execute<User[]>([1], (__, rows) => void rows[0]?.name)
      statement.close()
    })
    const inner: promise.PoolConnection = connection.promise()
    pool.releaseConnection(inner)
    connection.release()
  })
  const query: mysql2.Query = pool.query('SELECT 1')
  query.on('result', (row) => void row.id).on('fields', ([field]) => void field?.name)
  query.on('error', (error) => void error.sqlState)
  same<ReturnType<typeof pool.promise>, promise.Pool>(true)
  using connection = mysql2.createConnection({ host: 'localhost' })
  connection.on('error', (error) => void error.fatal)
  connection.end((error) => void error)

  // @ts-expect-error a query is no promise
  pool.query('SELECT 1').then(() => {})
  // @ts-expect-error the callback gets the type that was named
  pool.query<User[]>('SELECT 1', (_, header: ResultSetHeader) => void header)
}

export async function clustersHavePoolsByName(): Promise<void> {
  const cluster: promise.PoolCluster = promise.createPoolCluster({
    defaultSelector: 'ORDER',
    restoreNodeTimeout: 1,
  })
  cluster.add('writer', { host: 'one' })
  cluster.add('reader1', 'mysql://root@two')
  cluster.on('remove', (id) => void id.toUpperCase())
  const readers: promise.PoolNamespace = cluster.of('reader*', 'RANDOM')
  const [rows] = await readers.query<User[]>('SELECT 1')
  same<typeof rows, User[]>(true)
  const connection = await cluster.getConnection('writer')
  connection.release()
  mysql2
    .createPoolCluster()
    .of('*')
    .execute('SELECT 1', [], (error) => void error)

  // @ts-expect-error a name without a node
  cluster.add('writer')
}

export function constantsAndEscapesAreTheSameInBoth(): void {
  same<typeof mysql2.escape, typeof promise.escape>(true)
  same<typeof mysql2.Types.LONG, number>(true)
  same<(typeof mysql2.Types)[3], string>(true)
  const collation: number = promise.Charsets.UTF8MB4_0900_AI_CI
  const encoding: string | undefined = promise.CharsetToEncoding[collation]
  const sql: string = mysql2.format('SELECT ?, ??', [
    mysql2.raw('1'),
    mysql2.escapeId('a.b', true) + encoding,
  ])
  void sql

  // @ts-expect-error no collation
  void mysql2.Charsets.UTF8MB5_BIN
  // @ts-expect-error functions are no values
  mysql2.escape(() => 1)
}

export function mysqlHasItsOwnNames(): void {
  const config: mysql.PoolConfig = { host: 'localhost', acquireTimeout: 100, dateStrings: true }
  const pool: mysql.Pool = mysql.createPool(config)
  pool.query('SELECT ?', [1], (error, results, fields) => {
    same<typeof error, mysql.MysqlError | null>(true)
    same<typeof fields, mysql.FieldInfo[] | undefined>(true)
    void [results[0].id, fields?.[0]?.type === mysql.Types.VAR_STRING]
  })
  pool.getConnection((error: mysql.MysqlError, connection: mysql.PoolConnection) => {
    if (error) throw error
    connection.beginTransaction((failure) => void failure.sqlMessage)
    const changed = (_: mysql.MysqlError | null, ok: mysql.OkPacket): number => ok.changedRows
    connection.query('UPDATE users SET ?', { name: 'Ada' }, changed)
    connection.commit(() => connection.release())
  })
  const query: mysql.Query = pool.query({ sql: 'SELECT 1', timeout: 100, nestTables: true })
  query
    .on('fields', (fields) => void fields[0]?.zeroFill)
    .on('result', (row, index) => void [row.id, index + 1])
  const stream: Readable = query.stream({ highWaterMark: 5 })
  void stream
  const connection: mysql.Connection = mysql.createConnection('mysql://root@localhost/shop')
  connection.config.queryFormat = function (sql, values) {
    return this.format(sql, values)
  }
  connection.connect((error) => void [error.fatal, connection.threadId])
  connection.changeUser({ user: 'ada' }, (error) => void error)
  connection.end({ timeout: 100 }, (error) => void error)
  const typeCast: mysql.TypeCast = (field, next) => (field.type === 'BIT' ? field.buffer()?.[0] : next())
  connection.query({ sql: 'SELECT 1', typeCast })
  const cluster: mysql.PoolCluster = mysql.createPoolCluster({ canRetry: false })
  cluster.of('SLAVE*', 'RANDOM').getConnection((_, slave) => slave.release())
  void mysql.format('?? = ?', ['id', mysql.raw('NOW()')])

  // @ts-expect-error mysql has no prepared statements
  pool.execute('SELECT 1')
  // @ts-expect-error and no promises
  pool.promise()
  // @ts-expect-error mysql's pools have no such method
  pool.format('SELECT ?', [1])
  // @ts-expect-error left out
  connection.statistics(() => {})
  // @ts-expect-error a wrong type
  mysql.createPool({ connectionLimit: true })
  // @ts-expect-error no name of a type
  void mysql.Types.TEXT
}
