/// <reference types="node" />

// What `hegar-native/mysql` exports. The names are those that mysql is typed with.

import { EventEmitter } from 'node:events'
import type { Readable, ReadableOptions } from 'node:stream'
import type { Refused, SslOptions } from './mysql2-types.js'

// What is not exported by name stays inside.
export {}

/** It connects with the first statement or `connect()`. */
export function createConnection(connectionUri: string | ConnectionConfig): Connection
/** Nothing is connected until the first call. */
export function createPool(config: PoolConfig | string): Pool
export function createPoolCluster(config?: PoolClusterConfig): PoolCluster

export interface EscapeFunctions {
  /**
   * The value as SQL. Where it comes from a client pass `stringifyObjects`: an object otherwise becomes assignments.
   * `timeZone` is `local` (default), `Z` or an offset such as `+07:00`.
   */
  escape(value: any, stringifyObjects?: boolean, timeZone?: string): string
  /** The identifier in backticks, and every part of it at a dot unless `forbidQualified`. */
  escapeId(value: string | string[], forbidQualified?: boolean): string
  /** The statement with its `?` replaced by escaped values and its `??` by quoted identifiers. */
  format(sql: string, values?: any, stringifyObjects?: boolean, timeZone?: string): string
}

export const escape: EscapeFunctions['escape']
export const escapeId: EscapeFunctions['escapeId']
export const format: EscapeFunctions['format']
/** SQL that is put into a statement as it is. */
export function raw(sql: string): { toSqlString: () => string }

/** `err` is null when all went well. Of several statements `results` and `fields` are arrays. */
export type queryCallback = (err: MysqlError | null, results?: any, fields?: FieldInfo[]) => void

type Done = (err: MysqlError) => void
type Lent = (err: MysqlError, connection: PoolConnection) => void

/** Runs a statement: `query(sql, values, callback)`, `query(options, callback)` or a query that was made before. */
export interface QueryFunction {
  (query: Query): Query
  (options: string | QueryOptions, callback?: queryCallback): Query
  (options: string | QueryOptions, values: any, callback?: queryCallback): Query
}

export interface QueryOptions {
  sql: string
  values?: any
  /** Milliseconds until the statement is ended with `PROTOCOL_SEQUENCE_TIMEOUT`; no limit by default. */
  timeout?: number | undefined
  /** True for an object by table in each row, a string to put between table and column. */
  nestTables?: any
  typeCast?: TypeCast | undefined
}

/** A statement that was started. Without a callback it emits events, or is read as a stream. */
export interface Query extends EventEmitter {
  /** The text with its values in it. */
  sql: string
  values?: any
  /** The rows, no faster than they are read. Destroying it ends the statement. */
  stream(options?: ReadableOptions): Readable

  on(event: 'error', listener: (err: MysqlError) => void): this
  on(event: 'fields', listener: (fields: FieldInfo[], index: number) => void): this
  /** A row, or an {@link OkPacket}; `index` counts the statements of the text from 0. */
  on(event: 'result', listener: (row: any, index: number) => void): this
  on(event: 'end', listener: () => void): this
  on(event: string, listener: (...args: any[]) => void): this
}

export interface Connection extends EscapeFunctions, EventEmitter {
  config: ConnectionConfig
  state: 'connected' | 'authenticated' | 'disconnected' | 'protocol_error' | (string & {})
  /** The server's number of the connection, null before it is connected. */
  threadId: number | null

  query: QueryFunction

  connect(callback?: (err: MysqlError, ...args: any[]) => void): void
  connect(options: any, callback?: (err: MysqlError, ...args: any[]) => void): void
  changeUser(options: ConnectionOptions, callback?: Done): void
  changeUser(callback: Done): void
  ping(options?: Pick<QueryOptions, 'timeout'>, callback?: Done): void
  ping(callback: Done): void

  beginTransaction(options?: Partial<QueryOptions>, callback?: Done): void
  beginTransaction(callback: Done): void
  commit(options?: Partial<QueryOptions>, callback?: Done): void
  commit(callback: Done): void
  rollback(options?: Partial<QueryOptions>, callback?: Done): void
  rollback(callback: Done): void

  /** Closes the connection once what was asked before has been done. */
  end(callback?: (err?: MysqlError) => void): void
  end(options: any, callback: (err?: MysqlError) => void): void
  /** Closes it now, and ends what it runs. */
  destroy(): void

  /** No rows are handed on, nor read, until `resume()`. */
  pause(): void
  resume(): void
}

export interface PoolConnection extends Connection {
  /** Gives it back to the pool. */
  release(): void
}

export interface Pool extends EscapeFunctions, EventEmitter {
  config: PoolActualConfig
  /** Not there, as in mysql: use that of the module. */
  format: never

  query: QueryFunction
  /** A connection of one's own, until it is released. */
  getConnection(callback: Lent): void
  /** Closes the connections once what they run has ended. */
  end(callback?: Done): void

  /** `connection` is a new one, before anybody uses it: the place to set session variables. */
  on(event: 'connection' | 'acquire' | 'release', listener: (connection: PoolConnection) => void): this
  /** A call has to wait for a connection. */
  on(event: 'enqueue', listener: () => void): this
  on(event: string, listener: (...args: any[]) => void): this
}

export interface PoolCluster extends EventEmitter {
  /** Adds a node, named `CLUSTER::1` and so on without a name. */
  add(config: PoolConfig): void
  add(id: string, config: PoolConfig | string): void
  /** Ends the pools whose names match: `*` stands for anything. */
  remove(pattern: string): void
  /** The nodes that match. Of a pool they have `query` and `getConnection`. */
  of(pattern: string | undefined | null | false, selector?: string): Pool

  getConnection(callback: Lent): void
  getConnection(pattern: string, callback: Lent): void
  getConnection(pattern: string, selector: string, callback: Lent): void

  end(callback?: Done): void

  on(event: 'online' | 'offline' | 'remove', listener: (nodeId: string) => void): this
  on(event: string, listener: (...args: any[]) => void): this
}

/** The points of a geometry, nested as it is. */
export interface GeometryType extends Array<{ x: number; y: number } | GeometryType> {
  x: number
  y: number
}

/**
 * True for the values, false for text and Buffers, a function for each cell; `next()` gives the value as it would be
 * without.
 */
export type TypeCast = boolean | ((field: TypeCastField, next: () => any) => any)

/** A column of a cell. The methods give the cell as text, as a Buffer and as points; null for NULL. */
type TypeCastField = Pick<UntypedFieldInfo, 'db' | 'table' | 'name' | 'length'> & {
  /** The name of one of {@link Types}. */
  type: string
  string(): string | null
  buffer(): Buffer | null
  geometry(): GeometryType | null
}

/** What `changeUser` can change. */
export interface ConnectionOptions {
  user?: string | undefined
  password?: string | undefined
  database?: string | undefined
  /** The name of a collation or character set of utf8mb4, in which all text travels. Default UTF8MB4_GENERAL_CI. */
  charset?: string | undefined
  timeout?: number | undefined
}

export interface ConnectionConfig extends ConnectionOptions {
  /** Default `localhost`. */
  host?: string | undefined
  /** Default 3306. */
  port?: number | undefined
  /** A unix socket, in place of host and port. */
  socketPath?: string | undefined
  /** Options of TLS, or true for the public authorities; names of profiles are refused. Default false. */
  ssl?: SslOptions | boolean | undefined
  /** Milliseconds until connecting fails with `ETIMEDOUT`. Default 10,000. */
  connectTimeout?: number | undefined
  /** How a Date is written and read: `local` (default), `Z` or an offset such as `+07:00`. */
  timezone?: string | undefined
  /** Objects as text instead of assignments. Default false. */
  stringifyObjects?: boolean | undefined
  /** Default true. */
  typeCast?: TypeCast | undefined
  /** Makes the text of a query of its values, in place of `format`. */
  queryFormat?(this: any, query: string, values: any): string
  /** BIGINT past 2^53 as a string instead of a rounded number. Default false. */
  supportBigNumbers?: boolean | undefined
  /** With `supportBigNumbers`, every BIGINT as a string. Default false. */
  bigNumberStrings?: boolean | undefined
  /** DATE, DATETIME and TIMESTAMP as text, all or those named. Default false: Date objects. */
  dateStrings?: boolean | ('DATE' | 'DATETIME' | 'TIMESTAMP')[] | undefined
  /** Errors with the stack of who called. Default true. */
  trace?: boolean | undefined
  /** False to refuse LOAD DATA LOCAL. Default true. */
  localInfile?: boolean | undefined
  /** Several statements in one text, which lets an injection do more. Default false. */
  multipleStatements?: boolean | undefined
  /** `-FOUND_ROWS` to count changed rows only. Most others do nothing. */
  flags?: string | string[] | undefined
  /** Refused: the system picks the address to connect from. */
  localAddress?: Refused | undefined
  /** Both are accepted and have no effect. */
  insecureAuth?: boolean | undefined
  debug?: boolean | string[] | Types[] | undefined
}

export interface PoolSpecificConfig {
  /** Milliseconds that a call may wait for a connection. No limit by default. */
  acquireTimeout?: number | undefined
  /** False to fail at once where all are in use. Default true. */
  waitForConnections?: boolean | undefined
  /** Connections at once. Default 10. */
  connectionLimit?: number | undefined
  /** Calls that may wait for a connection; 0, the default, is no limit. */
  queueLimit?: number | undefined
}

export interface PoolConfig extends PoolSpecificConfig, ConnectionConfig {}

export interface PoolActualConfig extends PoolSpecificConfig {
  connectionConfig: ConnectionConfig
}

export interface PoolClusterConfig {
  /** Whether another node is tried when one fails. Default true. */
  canRetry?: boolean | undefined
  /** Failures, each success taking one back, until a node is removed. Default 5. */
  removeNodeErrorCount?: number | undefined
  /** Milliseconds that such a node is left alone instead; 0, the default, removes it. */
  restoreNodeTimeout?: number | undefined
  /** `RR` (default) takes turns, `RANDOM` one by chance, `ORDER` the first that works. */
  defaultSelector?: string | undefined
}

export interface MysqlError extends Error {
  /** The server's (`ER_DUP_ENTRY`), the system's (`ECONNREFUSED`) or the driver's (`PROTOCOL_CONNECTION_LOST`). */
  code: string
  errno: number
  /** True when the connection is gone. */
  fatal: boolean
  sqlState?: string | undefined
  sqlMessage?: string | undefined
  /** The statement with its values in it. */
  sql?: string | undefined
  sqlStateMarker?: string | undefined
  fieldCount?: number | undefined
}

/** What a statement without rows did. */
export interface OkPacket {
  fieldCount: number
  /** The rows that were found, with the flag `-FOUND_ROWS` those that were changed. */
  affectedRows: number
  /** The first id that AUTO_INCREMENT gave, 0 if none. With `supportBigNumbers` a string past 2^53. */
  insertId: number
  serverStatus?: number | undefined
  warningCount?: number | undefined
  /** What the server says about it, behind a character that counts it. */
  message: string
  /** The rows that an UPDATE changed. */
  changedRows: number
  protocol41: boolean
}

export interface UntypedFieldInfo {
  catalog: string
  db: string
  /** The alias of the table, and its own name. */
  table: string
  orgTable: string
  /** The alias of the column, and its own name. */
  name: string
  orgName: string
  /** The id of the collation. */
  charsetNr: number
  /** In bytes. */
  length: number
  flags: number
  decimals: number
  default?: string | undefined
  zeroFill: boolean
  protocol41: boolean
}

export interface FieldInfo extends UntypedFieldInfo {
  type: Types
}

/** The types of columns in the protocol. */
export enum Types {
  DECIMAL = 0,
  TINY = 1,
  SHORT = 2,
  LONG = 3,
  FLOAT = 4,
  DOUBLE = 5,
  NULL = 6,
  TIMESTAMP = 7,
  LONGLONG = 8,
  INT24 = 9,
  DATE = 10,
  TIME = 11,
  DATETIME = 12,
  YEAR = 13,
  NEWDATE = 14,
  VARCHAR = 15,
  BIT = 16,
  TIMESTAMP2 = 17,
  DATETIME2 = 18,
  TIME2 = 19,
  JSON = 245,
  NEWDECIMAL = 246,
  ENUM = 247,
  SET = 248,
  TINY_BLOB = 249,
  MEDIUM_BLOB = 250,
  LONG_BLOB = 251,
  BLOB = 252,
  VAR_STRING = 253,
  STRING = 254,
  GEOMETRY = 255,
}
