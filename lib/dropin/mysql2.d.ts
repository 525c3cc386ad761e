/// <reference types="node" />

// What `hegar-native/mysql2` exports. The names and type parameters are mysql2's.

import { EventEmitter } from 'node:events'
import type { Readable } from 'node:stream'
import type { SqlMode } from 'sql-escaper'
import type { PoolStats } from '../../index.js'
import type {
  Charsets as CharsetsType,
  TypedParameter as TypedParameterType,
  Types as TypesType,
} from './mysql2-constants.js'
import type { Pool as PromisePool } from './mysql2-promise.js'
import type { Connection as PromiseConnection, PoolCluster as PromisePoolCluster } from './mysql2-promise.js'
import type { PoolConnection as PromisePoolConnection } from './mysql2-promise.js'
import type {
  ConnectionOptions,
  ConnectionState,
  ExecuteValues,
  FieldPacket,
  PoolClusterOptions,
  PoolOptions,
  QueryError,
  QueryOptions,
  QueryResult,
  QueryValues,
  Raw,
  SqlValue,
  StreamOptions,
  Timezone,
} from './mysql2-types.js'

export type {
  IntegerTypedParameterFactory,
  JsonTypedParameterFactory,
  TypedParameterFactory,
  TypedParameterInput,
  TypedParameterValue,
} from './mysql2-constants.js'
export type {
  ConnectionOptions,
  ConnectionState,
  ExecuteValues,
  Field,
  FieldPacket,
  OkPacket,
  PoolClusterOptions,
  PoolOptions,
  ProcedureCallPacket,
  QueryError,
  QueryOptions,
  QueryResult,
  QueryValues,
  Raw,
  ResultSetHeader,
  RowDataPacket,
  SqlValue,
  SslOptions,
  StreamOptions,
  Timezone,
  TypeCast,
  TypeCastField,
  TypeCastGeometry,
  TypeCastNext,
  TypeCastType,
} from './mysql2-types.js'

/** The connection connects at once, and emits `error` where that fails and nothing waits for it. */
export function createConnection(connectionUri: string): Connection
export function createConnection(config: ConnectionOptions): Connection
export { createConnection as connect }

/** Nothing is connected until the first call. */
export function createPool(connectionUri: string): Pool
export function createPool(config: PoolOptions): Pool

export function createPoolCluster(config?: PoolClusterOptions): PoolCluster

export function createConnectionPromise(config: string | ConnectionOptions): Promise<PromiseConnection>
export function createPoolPromise(config: string | PoolOptions): PromisePool
export function createPoolClusterPromise(config?: PoolClusterOptions): PromisePoolCluster

/** A statement for `query` of a connection; `config` as that of the connection. */
export function createQuery(
  sql: string | QueryOptions,
  values?: any,
  callback?: ResultCallback<any>,
  config?: ConnectionOptions,
): Query

/**
 * Called back with the rows and the columns. For a statement without rows they are a header and undefined, for several
 * statements arrays of what each gave.
 */
export type ResultCallback<T extends QueryResult> = (
  err: QueryError | null,
  result: T,
  fields: FieldPacket[],
) => any

type Done = (err: QueryError | null) => any
type Lent = (err: NodeJS.ErrnoException | null, connection: PoolConnection) => any

/** Statements as text, with the values escaped into it. */
export interface TextQueries {
  query<T extends QueryResult>(sql: string, callback?: ResultCallback<T>): Query
  query<T extends QueryResult>(sql: string, values: QueryValues, callback?: ResultCallback<T>): Query
  query<T extends QueryResult>(options: QueryOptions, callback?: ResultCallback<T>): Query
  query<T extends QueryResult>(
    options: QueryOptions,
    values: QueryValues,
    callback?: ResultCallback<T>,
  ): Query
}

/** Statements that are prepared, and stay so, on the connection that runs them. */
export interface PreparedQueries<Started = Query> {
  execute<T extends QueryResult>(sql: string, callback?: ResultCallback<T>): Started
  execute<T extends QueryResult>(sql: string, values: ExecuteValues, callback?: ResultCallback<T>): Started
  execute<T extends QueryResult>(options: QueryOptions, callback?: ResultCallback<T>): Started
  execute<T extends QueryResult>(
    options: QueryOptions,
    values: ExecuteValues,
    callback?: ResultCallback<T>,
  ): Started
}

/** Values and identifiers as SQL, by the options of the connection or pool. */
export interface Escapes {
  escape(value: any): string
  escapeId(value: string | string[]): string
  format(sql: string, values?: any): string
}

/** A statement that was started. Without a callback it emits events, or is read as a stream. It is no promise. */
export interface Query extends EventEmitter {
  sql: string
  values?: any
  /** The rows, no faster than they are read. Destroying it ends the statement. */
  stream(options?: StreamOptions): Readable

  on(event: 'error', listener: (err: QueryError) => any): this
  on(event: 'fields', listener: (fields: FieldPacket[], index: number) => any): this
  /** A row, or the header of a statement without rows. */
  on(event: 'result', listener: (result: any, index: number) => any): this
  on(event: 'end', listener: () => any): this
  on(event: string, listener: (...args: any[]) => void): this
}

export interface Connection extends TextQueries, PreparedQueries, Escapes {}

export class Connection extends EventEmitter {
  constructor(options: string | ConnectionOptions)

  static createQuery<T extends QueryResult>(sql: string, callback?: ResultCallback<T>): Query
  static createQuery<T extends QueryResult>(sql: string, values: any, callback?: ResultCallback<T>): Query

  config: ConnectionOptions
  /** The server's number of the connection. */
  threadId: number
  authorized: boolean
  readonly state: ConnectionState

  /** Calls back once it is connected, which it does by itself. */
  connect(callback?: Done): void
  ping(callback?: Done): void
  /** Forgets variables, temporary tables, locks and prepared statements. */
  reset(callback?: Done): void
  changeUser(options: ConnectionOptions, callback?: Done): void

  beginTransaction(callback?: Done): void
  commit(callback?: Done): void
  rollback(callback?: Done): void

  prepare(
    sql: string | QueryOptions,
    callback?: (err: QueryError | null, statement: PrepareStatementInfo) => any,
  ): void
  /** Closes the statement of this text; undefined where there is none. */
  unprepare(sql: string | QueryOptions): PrepareStatementInfo | undefined

  /** Closes the connection once what was asked before has been done. */
  end(callback?: Done): void
  /** Closes it now, and ends what it runs. */
  destroy(): void
  [Symbol.dispose](): void

  /** No rows are handed on, nor read, until `resume()`. */
  pause(): void
  resume(): void

  /** The same connection with promises in place of callbacks. */
  promise(promiseImpl?: PromiseConstructor): PromiseConnection

  on(event: 'error', listener: (err: QueryError) => any): this
  on(event: string, listener: (...args: any[]) => void): this
}

export class PoolConnection extends Connection {
  connection: Connection
  /** Gives it back to the pool. */
  release(): void
  promise(promiseImpl?: PromiseConstructor): PromisePoolConnection
}

export interface Pool extends EventEmitter, TextQueries, PreparedQueries, Escapes {
  config: PoolOptions & { connectionConfig: ConnectionOptions }

  /** A connection of one's own, until it is released. */
  getConnection(callback: Lent): void
  releaseConnection(connection: PoolConnection | PromisePoolConnection): void

  /** Closes the connections once what they run has ended. */
  end(callback?: (err: NodeJS.ErrnoException | null, ...args: any[]) => any): void
  [Symbol.dispose](): void

  /** Of hegar-native: the counters of the pool. */
  stats(): PoolStats

  /** The same pool with promises in place of callbacks. */
  promise(promiseImpl?: PromiseConstructor): PromisePool

  /** `connection` is a new one, before anybody uses it: the place to set session variables. */
  on(event: 'connection' | 'acquire' | 'release', listener: (connection: PoolConnection) => any): this
  /** A call has to wait for a connection. */
  on(event: 'enqueue', listener: () => any): this
  on(event: string, listener: (...args: any[]) => void): this
}

/** The nodes of a cluster that match a pattern. */
export interface PoolNamespace extends TextQueries, PreparedQueries<void> {
  getConnection(callback: Lent): void
}

export interface PoolCluster extends EventEmitter {
  /** Adds a node, named `CLUSTER::1` and so on without a name. */
  add(config: PoolOptions): void
  add(group: string, connectionUri: string): void
  add(group: string, config: PoolOptions): void
  /** Ends the pools whose names match: `*` stands for anything. */
  remove(pattern: string): void
  of(pattern: string, selector?: string): PoolNamespace

  getConnection(callback: Lent): void
  getConnection(group: string, callback: Lent): void
  getConnection(group: string, selector: string, callback: Lent): void

  end(callback?: (err: NodeJS.ErrnoException | null) => void): void
  [Symbol.dispose](): void

  on(event: 'online' | 'offline' | 'remove', listener: (nodeId: string) => void): this
  on(event: 'warn', listener: (err: Error) => void): this
  on(event: string, listener: (...args: any[]) => void): this
}

/** A statement that was prepared on a connection. */
export interface PrepareStatementInfo {
  execute<T extends QueryResult>(parameters: any, callback?: ResultCallback<T>): Query
  close(): void
}

export interface ConnectionConfig extends ConnectionOptions {}

/** Options as a connection reads them, with the defaults in place of what was left out. */
export class ConnectionConfig {
  constructor(options: string | ConnectionOptions)
  /** The id of a collation, as connections ask for it. */
  static getCharsetNumber(charset: string): number
  static parseUrl(url: string): { [name: string]: any }
}

/**
 * The value as SQL. Where it comes from a client pass `stringifyObjects`: an object may otherwise become assignments.
 */
export function escape(
  value: SqlValue,
  stringifyObjects?: boolean,
  timezone?: Timezone,
  sqlMode?: SqlMode,
): string
/** The identifier in backticks, and every part of it at a dot unless `forbidQualified`. */
export function escapeId(value: SqlValue, forbidQualified?: boolean): string
/** The statement with its `?` replaced by escaped values and its `??` by quoted identifiers. */
export function format(
  sql: string,
  values?: SqlValue | SqlValue[],
  stringifyObjects?: boolean,
  timezone?: Timezone,
  sqlMode?: SqlMode,
): string
/** SQL that is put into a statement as it is. */
export function raw(sql: string): Raw

export const Types: TypesType
export type Types = TypesType
export const TypedParameter: TypedParameterType
export type TypedParameter = TypedParameterType
export const Charsets: CharsetsType
export type Charsets = CharsetsType
/** The encodings of text by the ids of collations. */
export const CharsetToEncoding: string[]

/** Does nothing: what is kept for the columns of results is bounded by itself. */
export function setMaxParserCache(max: number): void
export function clearParserCache(): void
