/// <reference types="node" />

// What mysql2.d.ts and mysql2-promise.d.ts have in common. The names are mysql2's.

import type { Readable } from 'node:stream'
import type { Raw, Timezone } from 'sql-escaper'
import type { TypedParameterValue, TypeName } from './mysql2-constants.js'

export type { Raw, SqlValue, Timezone } from 'sql-escaper'

/**
 * A row, to be extended by the columns of a query: `interface User extends RowDataPacket { id: number }`, then
 * `query<User[]>(…)`. The columns are taken on trust. A row is a plain object, or an array with `rowsAsArray`;
 * `constructor` only tells the compiler rows from headers.
 */
export interface RowDataPacket {
  constructor: { name: 'RowDataPacket' }
  [column: string]: any
  [column: number]: any
}

/** What a statement without rows did. */
export interface ResultSetHeader {
  constructor: { name: 'ResultSetHeader' }
  fieldCount: number
  /** The rows that were found, with the flag `-FOUND_ROWS` those that were changed. A string past 2^53. */
  affectedRows: number
  /** The first id that AUTO_INCREMENT gave, 0 if none. A string past 2^53. */
  insertId: number
  /** What the server says about it, such as `Rows matched: 1  Changed: 1  Warnings: 0`; often empty. */
  info: string
  serverStatus: number
  /** The number of warnings, which SHOW WARNINGS lists. */
  warningStatus: number
  /** The rows that an UPDATE changed. */
  changedRows: number
  /** What the statement changed in the session, where the server says so. */
  stateChanges?: {
    systemVariables: { [name: string]: string }
    schema: string | null
    gtids: string[]
    trackStateChange: string | null
  }
}

/**
 * The older name of what statements without rows give. That is a {@link ResultSetHeader} at run time, so `message`,
 * `warningCount` and `protocol41` are not there: read `info` and `warningStatus`.
 *
 * @deprecated
 */
export interface OkPacket {
  constructor: { name: 'OkPacket' }
  fieldCount: number
  affectedRows: number
  insertId: number
  serverStatus: number
  warningCount: number
  message: string
  changedRows: number
  protocol41: boolean
}

/**
 * What CALL gives: the rows of each SELECT and behind them a header, or the header alone. `ProcedureCallPacket<User[]>`
 * is that of a procedure with one SELECT, `ProcedureCallPacket<ResultSetHeader>` of one without.
 */
export type ProcedureCallPacket<T = [RowDataPacket[], ResultSetHeader] | ResultSetHeader> =
  T extends RowDataPacket[]
    ? [T, ResultSetHeader]
    : T extends ResultSetHeader | OkPacket
      ? ResultSetHeader
      : [RowDataPacket[], ResultSetHeader] | ResultSetHeader

/** What the type parameter of `query` and `execute` can be. */
export type QueryResult =
  | OkPacket
  | OkPacket[]
  | ResultSetHeader
  | ResultSetHeader[]
  | RowDataPacket[]
  | RowDataPacket[][]
  | ProcedureCallPacket

/** A column of a result. */
export interface FieldPacket {
  constructor: { name: 'FieldPacket' }
  catalog: string
  /** The database of the table, empty for an expression; `db` is the same. */
  schema?: string
  db?: string
  /** The alias of the table, and its own name. */
  table: string
  orgTable: string
  /** The alias of the column, and its own name. */
  name: string
  orgName: string
  /** The id of the collation, one of `Charsets`, and what its text is decoded from. */
  characterSet?: number
  charsetNr?: number
  encoding?: string
  /** In bytes; `length` is only in typeCast. */
  columnLength?: number
  length?: number
  /** One of `Types`; both are the same. */
  columnType?: number
  type?: number
  typeName?: string
  /** The bits of the protocol. */
  flags: number | string[]
  decimals: number
  default?: any
  zerofill?: boolean
  protocol41?: boolean
  /** MariaDB's own types: `uuid`, `inet4`, `inet6`, `point` … */
  extendedTypeName?: string
  /** `json` for a column that MariaDB knows to hold JSON. */
  extendedFormat?: string
}

export interface QueryError extends NodeJS.ErrnoException {
  /** The server's (`ER_DUP_ENTRY`), the system's (`ECONNREFUSED`) or the driver's (`PROTOCOL_CONNECTION_LOST`). */
  code: string
  /** True when the connection is gone, otherwise not set. */
  fatal: boolean
  sqlState?: string
  sqlMessage?: string
  /** The statement with its values in it, or with placeholders if it was prepared. */
  sql?: string
  sqlStateMarker?: string
  fieldCount?: number
}

/** `authenticated` once a statement can run, `error` after one that was fatal. */
export type ConnectionState = 'disconnected' | 'protocol_handshake' | 'connected' | 'authenticated' | 'error'

/**
 * The values of `query`, for `?` an array, for `:name` with `namedPlaceholders` an object. undefined is NULL. They are
 * escaped into the text: an array becomes a list, an array of arrays a list of lists, an object assignments behind SET.
 */
export type QueryValues =
  | string
  | number
  | bigint
  | boolean
  | Date
  | Uint8Array
  | Raw
  | null
  | undefined
  | ({} | null | undefined)[]
  | { [name: string]: QueryValues }

/**
 * The values of `execute`, which the server gets apart from the statement. undefined is refused; arrays and objects are
 * sent as JSON, so that `IN (?)` takes one value.
 */
export type ExecuteValues =
  | TypedParameterValue
  | string
  | number
  | bigint
  | boolean
  | Date
  | Uint8Array
  | null
  | ExecuteValues[]
  | { [name: string]: ExecuteValues }

/** What a query can have of its own. What it leaves out is that of the connection. */
export interface QueryOptions extends ValueOptions {
  sql: string
  values?: QueryValues
  /** Milliseconds until the statement is ended with `PROTOCOL_SEQUENCE_TIMEOUT`; 0, the default, is no limit. */
  timeout?: number
  namedPlaceholders?: boolean
  infileStreamFactory?: (path: string) => Readable
}

/** What values and rows become. */
export interface ValueOptions {
  /** True for the values, false for Buffers, a function for each cell. Default true. */
  typeCast?: TypeCast
  /** Rows as arrays, for columns of the same name. Default false. */
  rowsAsArray?: boolean
  /** True for an object by table in each row, a string to put between table and column. Default false. */
  nestTables?: boolean | string
  /** BIGINT past 2^53 as a string instead of a rounded number. Default false. */
  supportBigNumbers?: boolean
  /** With `supportBigNumbers`, every BIGINT as a string. Default false. */
  bigNumberStrings?: boolean
  /** DATE, DATETIME and TIMESTAMP as text, all or those named. Default false: Date objects. */
  dateStrings?: boolean | ('DATE' | 'DATETIME' | 'TIMESTAMP')[]
  /** `local` (default), `Z` or an offset such as `+07:00`: how a Date is written and read. */
  timezone?: Timezone
}

/** Called for each cell with its column; `next()` gives the value as it would be without. */
export type TypeCast = boolean | ((field: TypeCastField, next: TypeCastNext) => any)
export type TypeCastNext = () => unknown
export type TypeCastType = { type: TypeName | 'TIMESTAMP2' | 'DATETIME2' | 'TIME2' }
export type TypeCastGeometry = { x: number; y: number }
export type TypeCastField = TypeCastType & {
  db: string
  table: string
  name: string
  /** Of the column, in bytes: 1 for TINYINT(1). */
  length: number
  extendedTypeName?: string
  extendedFormat?: string
  /** The cell as text, as a Buffer and as points; null for NULL. */
  string: (encoding?: BufferEncoding | (string & {})) => string | null
  buffer: () => Buffer | null
  geometry: () => TypeCastGeometry | TypeCastGeometry[] | null
}

/** @deprecated The older name of {@link TypeCastField}. */
export type Field = TypeCastField

export interface StreamOptions {
  /** Rows that are kept ready before the server is slowed down. Default 16. */
  highWaterMark?: number
  objectMode?: true
}

/** Keys and certificates are PEM, not the names of files. Other options of TLS are refused. */
export interface SslOptions {
  /** Who is trusted, in place of the public authorities. */
  ca?: string | string[] | Buffer | Buffer[]
  /** The identity of the client: certificate and private key, which is not encrypted. */
  cert?: string | string[] | Buffer | Buffer[]
  key?: string | string[] | Buffer | Buffer[]
  /** Whether the chain is verified. Default true. */
  rejectUnauthorized?: boolean
  /** Whether the certificate must name the host. Default false as in mysql2, with a warning. */
  verifyIdentity?: boolean
  /** The name that the certificate must carry, if it is not the host. */
  servername?: string
  /** TLS 1.2 and 1.3 are spoken: up to `TLSv1.2`. */
  minVersion?: string
  /** `TLSv1.3` only. */
  maxVersion?: string
}

export interface ConnectionOptions extends ValueOptions, RefusedOptions {
  /** `mysql://user:password@host:3306/database?option=value`; other options go before it. */
  uri?: string
  /** Default `localhost`. */
  host?: string
  /** Default 3306. */
  port?: number
  /** A unix socket, in place of host and port. */
  socketPath?: string
  user?: string
  password?: string
  /** The same as `password`. */
  password1?: string
  database?: string
  /** The name of a collation or character set of utf8mb4, in which all text travels. Default UTF8MB4_UNICODE_CI. */
  charset?: string
  /** One of `Charsets`, in place of `charset`. */
  charsetNumber?: number
  /** Options of TLS, or true for the public authorities; names of profiles are refused. Default false. */
  ssl?: SslOptions | boolean
  /** Milliseconds until connecting fails with `ETIMEDOUT`. Default 10,000. */
  connectTimeout?: number
  /** Whether the password may be sent readable, which needs `ssl`. Default false. */
  enableCleartextPlugin?: boolean
  connectAttributes?: { [name: string]: any }
  enableKeepAlive?: boolean
  /** Milliseconds until the first probe. Default 0. */
  keepAliveInitialDelay?: number
  /**
   * `-FOUND_ROWS` to count changed rows only, `-LOCAL_FILES` to refuse LOAD DATA LOCAL, `MULTI_STATEMENTS`. Others do
   * nothing.
   */
  flags?: string[]
  /** Several statements in one text, which lets an injection do more. Default false. */
  multipleStatements?: boolean
  /** `:name` and an object of values. Default false. */
  namedPlaceholders?: boolean
  /** Objects as text instead of assignments. Default false. */
  stringifyObjects?: boolean
  /** Makes the text of a query of its values, in place of `format`. */
  queryFormat?: (this: any, query: string, values: any, timezone: Timezone) => string
  /** Opens what LOAD DATA LOCAL asks for. Without it such a statement fails. */
  infileStreamFactory?: (path: string) => Readable
  /** DECIMAL as a number instead of text. Default false. */
  decimalNumbers?: boolean
  /** JSON as text instead of values. Default false. */
  jsonStrings?: boolean
  /** Statements that stay prepared on a connection. Default 256. */
  maxPreparedStatements?: number
  /** Errors with the stack of who called. Default true. */
  trace?: boolean
  /** Whether `end()` of a pool's connection closes it instead of giving it back. Default false. */
  gracefulEnd?: boolean
  /** The class of promises. Default that of JavaScript. */
  Promise?: any
  /** See {@link PoolOptions}. */
  connectionLimit?: number
  maxIdle?: number
  idleTimeout?: number
  queueLimit?: number
  waitForConnections?: boolean
  /** True to build rows without generating code, which is slower. Default false. */
  disableEval?: boolean
  /** Of hegar-native: whether the server may send its RSA key when there is no TLS. Default true, as in mysql2. */
  allowPublicKeyRetrieval?: boolean
  /** Of hegar-native: that key, as PEM. */
  serverPublicKey?: string | Buffer
  /** These four are accepted and have no effect. */
  compress?: boolean
  debug?: any
  insecureAuth?: boolean
  pool?: any
}

/** The type of options of mysql2 that are refused when a connection or pool is made. */
export type Refused = null | false | ''

/** What would change what happens if it were ignored. */
export interface RefusedOptions {
  /** Sockets are opened in Rust: pass host and port, or socketPath. */
  stream?: Refused
  /** The plugins of MySQL and MariaDB are built in. */
  authPlugins?: Refused
  authSwitchHandler?: Refused
  /** The system picks the address to connect from. */
  localAddress?: Refused
  /** Pass the password itself. */
  passwordSha1?: Refused
  /** Use an account with one factor. */
  password2?: Refused
  password3?: Refused
  isServer?: Refused
}

export interface PoolOptions extends ConnectionOptions {
  /** Connections at once. Default 10; 0 is 10,000. */
  connectionLimit?: number
  /** Connections that stay open unused. Default `connectionLimit`. */
  maxIdle?: number
  /** Milliseconds after which an unused one is closed. Default 60,000. */
  idleTimeout?: number
  /** Calls that may wait for a connection; 0, the default, is no limit. */
  queueLimit?: number
  /** False to fail at once where all are in use. Default true. */
  waitForConnections?: boolean
  /** Whether a connection that is given back forgets variables, temporary tables and the like. Default false. */
  resetOnRelease?: boolean
  /** Of hegar-native: milliseconds that a call may wait for a connection. Default no limit. */
  acquireTimeoutMs?: number
  /** Of hegar-native: milliseconds that a statement may take; 0, the default, is no limit. */
  queryTimeoutMs?: number
  /** Of hegar-native: milliseconds after which a connection is replaced; 0, the default, is never. */
  maxLifetimeMs?: number
  /** Of hegar-native: bytes of one result. Default 2^32, which is the most. */
  maxResultBytes?: number
}

export interface PoolClusterOptions {
  /** Whether another node is tried when one fails. Default true. */
  canRetry?: boolean
  /** Failures, each success taking one back, until a node is removed. Default 5. */
  removeNodeErrorCount?: number
  /** Milliseconds that such a node is left alone instead; 0, the default, removes it. */
  restoreNodeTimeout?: number
  /** `RR` (default) takes turns, `RANDOM` one by chance, `ORDER` the first that works. */
  defaultSelector?: string
  /** The class of promises of mysql2/promise. */
  Promise?: any
}
