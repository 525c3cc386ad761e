/// <reference types="node" />

// What `hegar-native/mysql2/promise` exports. The names and type parameters are mysql2's.

import { EventEmitter } from 'node:events'
import type {
  Connection as CoreConnection,
  Escapes,
  Pool as CorePool,
  PoolConnection as CorePoolConnection,
  PrepareStatementInfo,
} from './mysql2.js'
import type {
  ConnectionOptions,
  ConnectionState,
  ExecuteValues,
  FieldPacket,
  PoolClusterOptions,
  PoolOptions,
  QueryOptions,
  QueryResult,
  QueryValues,
} from './mysql2-types.js'

export type { ConnectionConfig, PrepareStatementInfo, Query } from './mysql2.js'
export { Charsets, CharsetToEncoding, TypedParameter, Types } from './mysql2.js'
export { clearParserCache, escape, escapeId, format, raw, setMaxParserCache } from './mysql2.js'
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

/** Resolves with a connection that is connected. */
export function createConnection(connectionUri: string): Promise<Connection>
export function createConnection(config: ConnectionOptions): Promise<Connection>

/** Nothing is connected until the first call. */
export function createPool(connectionUri: string): Pool
export function createPool(config: PoolOptions): Pool

export function createPoolCluster(config?: PoolClusterOptions): PoolCluster

/** `[rows, fields]`. For a statement without rows they are a header and undefined. */
type Outcome<T extends QueryResult> = Promise<[T, FieldPacket[]]>

/** Statements as text and prepared ones. They reject with a `QueryError`. */
export interface Queries {
  /** Runs the text with the values escaped into it. */
  query<T extends QueryResult>(sql: string, values?: QueryValues): Outcome<T>
  query<T extends QueryResult>(options: QueryOptions, values?: QueryValues): Outcome<T>
  /** Prepares the statement on the connection that runs it, where it stays prepared. */
  execute<T extends QueryResult>(sql: string, values?: ExecuteValues): Outcome<T>
  execute<T extends QueryResult>(options: QueryOptions, values?: ExecuteValues): Outcome<T>
}

export interface Connection extends Queries, Escapes {}

export class Connection extends EventEmitter {
  constructor(connection: CoreConnection, promiseImpl?: PromiseConstructor)

  config: ConnectionOptions
  /** The server's number of the connection. */
  threadId: number
  readonly state: ConnectionState

  connect(): Promise<void>
  ping(): Promise<void>
  /** Forgets variables, temporary tables, locks and prepared statements. */
  reset(): Promise<void>
  changeUser(options: ConnectionOptions): Promise<void>

  beginTransaction(): Promise<void>
  commit(): Promise<void>
  rollback(): Promise<void>

  prepare(options: string | QueryOptions): Promise<PreparedStatementInfo>
  /** Closes the statement of this text. */
  unprepare(sql: string | QueryOptions): void

  /** Closes the connection once what was asked before has been done. */
  end(): Promise<void>
  /** Closes it now, and ends what it runs. */
  destroy(): void
  [Symbol.asyncDispose](): Promise<void>

  /** No rows are handed on, nor read, until `resume()`. */
  pause(): void
  resume(): void
}

export class PoolConnection extends Connection {
  /** The connection with callbacks, which has streams. */
  connection: CorePoolConnection
  /** Gives it back to the pool. */
  release(): void
}

/**
 * A pool can stand where a connection is asked for to run statements. What only one connection can do it has not: for a
 * transaction take `getConnection()`.
 */
export interface Pool extends Connection {
  /** The pool with callbacks. */
  pool: CorePool

  /** A connection of one's own, until it is released. */
  getConnection(): Promise<PoolConnection>
  releaseConnection(connection: PoolConnection): void

  /** Closes the connections once what they run has ended. */
  end(): Promise<void>

  /**
   * The connections of events are those with callbacks. `connection` is a new one, before anybody uses it: the place to
   * set session variables.
   */
  on(event: 'connection' | 'acquire' | 'release', listener: (connection: CorePoolConnection) => any): this
  /** A call has to wait for a connection. */
  on(event: 'enqueue', listener: () => any): this
  on(event: string, listener: (...args: any[]) => void): this

  connect: never
  ping: never
  reset: never
  changeUser: never
  beginTransaction: never
  commit: never
  rollback: never
  prepare: never
  unprepare: never
  destroy: never
  pause: never
  resume: never
}

/** The nodes of a cluster that match a pattern. */
export interface PoolNamespace extends Queries {
  getConnection(): Promise<PoolConnection>
}

export interface PoolCluster extends EventEmitter, Queries {
  /** Adds a node, named `CLUSTER::1` and so on without a name. */
  add(config: PoolOptions): void
  add(group: string, connectionUri: string): void
  add(group: string, config: PoolOptions): void
  /** Ends the pools whose names match: `*` stands for anything. */
  remove(pattern: string): void
  of(pattern: string, selector?: string): PoolNamespace
  getConnection(group?: string, selector?: string): Promise<PoolConnection>
  end(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>

  on(event: 'online' | 'offline' | 'remove', listener: (nodeId: string) => void): this
  on(event: 'warn', listener: (err: Error) => void): this
  on(event: string, listener: (...args: any[]) => void): this
}

/** A statement that was prepared on a connection. */
export interface PreparedStatementInfo {
  execute(parameters?: any): Promise<[QueryResult, FieldPacket[]]>
  close(): Promise<void>
}
