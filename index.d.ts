/// <reference types="node" />

import { EventEmitter } from 'node:events'
import { Readable } from 'node:stream'

/**
 * Opens a pool. Nothing is connected until the first call.
 *
 * @param uriOrOptions `mysql://user:password@host:3306/database?connectionLimit=5`, the same with `mariadb://`,
 *   or options, of which `uri` may be one. In a uri, characters such as `@ : / ? #` in the user name or password
 *   are percent-encoded; its query string takes any option but host, port, user, password and database, as JSON
 *   where the option is not text (`?ssl={"rejectUnauthorized":true}`).
 * @throws {HegarError} `HEGAR_OPTION_UNKNOWN`, naming the nearest option; `HEGAR_OPTION_INVALID` for a wrong type
 *   or range; `HEGAR_OPTION_UNSUPPORTED` for an option of another driver that would change results if it were
 *   ignored. No message shows a secret.
 */
export function createPool(uriOrOptions: string | URL | PoolOptions): Pool

/** What {@link Queries.call} gives. */
export interface CallResult<T extends object[][] = Row[][]> {
  /** The result sets in their order. */
  results: T
  /** The values of OUT and INOUT parameters by their names; null when there are none. */
  out: Row | null
  affectedRows: number | bigint
  insertId: number | bigint
  info: string
  warningStatus: number
}

export interface InfileOptions extends CallOptions {
  /** Gives the content of the file of this name, as it stands in the statement. */
  infile: (name: string) => InfileSource | Promise<InfileSource>
}

/** A Readable, a generator, an array: bytes, or text to send in UTF-8. */
export type InfileSource = AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>

/** The rows of a batch: each an array of values for `?`, or each an object for `:name`. */
export type BatchRows = BatchRow[] | Iterable<BatchRow> | AsyncIterable<BatchRow>
export type BatchRow = readonly ParamValue[] | { readonly [name: string]: ParamValue }

export interface BatchOptions {
  /**
   * Whether all rows are in one transaction, or in an open one are undone together. Without it an error leaves the rows before it stored, and some behind it
   * that were sent in the same write. Default true.
   */
  transaction?: boolean
  /**
   * Milliseconds for the whole batch, from getting its connection to its COMMIT; 0 is no limit. The wait for the first rows,
   * before a connection is asked for, has as long of its own. Default `queryTimeoutMs`.
   */
  timeoutMs?: number
  /** Aborted, the batch rejects with `HEGAR_ABORTED` and is undone; its connection is closed, a held one too. */
  signal?: AbortSignal
}

export interface BatchResult {
  /** The sum over all rows; a BigInt past 2^53. */
  affectedRows: number | bigint
  /**
   * The first id that AUTO_INCREMENT gave, 0 if none; a BigInt past 2^53. Those of the other rows are larger and need
   * not follow one another.
   */
  insertId: number | bigint
  /** The warnings of all statements. */
  warningStatus: number
}

/** The calls that a pool, a held connection and a transaction have in common. */
export interface Queries {
  /**
   * The rows of a statement, as objects; for a statement without rows what {@link Queries.execute} gives.
   * `query<User>(…)` is a promise of `User[]`: the type is taken on trust, nothing is checked at run time.
   *
   * @throws {HegarTypeError} `HEGAR_PARAM_INVALID`, naming the position or key of a parameter that cannot be sent, or the
   *   columns that an option can not be applied to.
   */
  query<T extends object = Row>(sql: string, params?: Params | null, options?: ObjectOptions): Promise<T[]>
  /** The rows as arrays, in the order of the columns. */
  query<T extends readonly unknown[] = unknown[]>(
    sql: string,
    params: Params | null | undefined,
    options: ArrayOptions,
  ): Promise<T[]>
  /** The rows as objects by table. */
  query<T extends object = TablesRow>(
    sql: string,
    params: Params | null | undefined,
    options: TableOptions,
  ): Promise<T[]>
  /** The rows and what the server says about their columns. */
  query<T extends readonly unknown[] = unknown[]>(
    sql: string,
    params: Params | null | undefined,
    options: WithColumns<ArrayOptions>,
  ): Promise<Rows<T>>
  query<T extends object = TablesRow>(
    sql: string,
    params: Params | null | undefined,
    options: WithColumns<TableOptions>,
  ): Promise<Rows<T>>
  query<T extends object = Row>(
    sql: string,
    params: Params | null | undefined,
    options: WithColumns<ObjectOptions>,
  ): Promise<Rows<T>>

  /** The first row, or null when there is none. */
  queryOne<T extends object = Row>(
    sql: string,
    params?: Params | null,
    options?: ObjectOptions,
  ): Promise<T | null>
  queryOne<T extends readonly unknown[] = unknown[]>(
    sql: string,
    params: Params | null | undefined,
    options: ArrayOptions,
  ): Promise<T | null>
  queryOne<T extends object = TablesRow>(
    sql: string,
    params: Params | null | undefined,
    options: TableOptions,
  ): Promise<T | null>
  queryOne<T extends readonly unknown[] = unknown[]>(
    sql: string,
    params: Params | null | undefined,
    options: WithColumns<ArrayOptions>,
  ): Promise<OneRow<T>>
  queryOne<T extends object = TablesRow>(
    sql: string,
    params: Params | null | undefined,
    options: WithColumns<TableOptions>,
  ): Promise<OneRow<T>>
  queryOne<T extends object = Row>(
    sql: string,
    params: Params | null | undefined,
    options: WithColumns<ObjectOptions>,
  ): Promise<OneRow<T>>

  /** Runs a statement that changes data. */
  execute(sql: string, params?: Params | null, options?: CallOptions): Promise<ExecuteResult>
  /** The rows of a statement that changes data and returns rows, such as `INSERT … RETURNING`. */
  execute<T extends object>(sql: string, params?: Params | null, options?: ObjectOptions): Promise<T[]>
  execute<T extends readonly unknown[]>(
    sql: string,
    params: Params | null | undefined,
    options: ArrayOptions,
  ): Promise<T[]>
  execute<T extends object>(
    sql: string,
    params: Params | null | undefined,
    options: TableOptions,
  ): Promise<T[]>
  execute<T extends object>(
    sql: string,
    params: Params | null | undefined,
    options: WithColumns<ObjectOptions> | WithColumns<ArrayOptions> | WithColumns<TableOptions>,
  ): Promise<Rows<T>>

  /**
   * Calls a stored procedure and gives all of its result sets: `call('CALL report(?, ?)', [7, null])`. OUT and INOUT
   * parameters are placeholders too; give null for an OUT one, and find their values in `out` by their names.
   * `query` gives the first result set alone. Any other statement works as well.
   *
   * @throws {HegarError} `HEGAR_RESULT_TOO_LARGE` past `maxResultBytes` in all, or 10,000 results.
   */
  call<T extends object[][] = Row[][]>(
    sql: string,
    params?: Params | null,
    options?: CallOptions,
  ): Promise<CallResult<T>>

  /**
   * Runs the statements of a script one after the other on one connection, for files that you trust, such as
   * migrations: everything in it runs. The outcome has an entry for each statement, what {@link Queries.query} gives.
   * Every other call refuses a text with two statements.
   *
   * The script is cut here and sent one statement at a time, so that no connection ever takes several in one text.
   * Comments, strings and the bodies of stored programs are known, and `DELIMITER` lines too, which help where a body
   * has a column called `begin` or `case` without quotes. Where `sql_mode` decides how a string ends, the server is
   * asked for it. The session of the script (USE, SET) is not left to others. A script has no transaction of its own:
   * run it in {@link Pool.transaction} if none of its statements commits by itself, as DDL does.
   *
   * `queryTimeoutMs` holds for each statement, `timeoutMs` for all of it; past that, or when its signal is aborted, its
   * connection is closed, a held one too.
   *
   * @throws {HegarError} the error of the statement that failed, with its number in {@link HegarError.statement} and
   *   its line in {@link HegarError.line}, both from 1. Those before it have been run.
   */
  script(sql: string, options?: CallOptions): Promise<(Row[] | ExecuteResult)[]>

  /**
   * Runs independent reads at the same time, each on a connection of its own where there are any, and hands all results
   * over at once: `all([{ sql, params }, …])` gives an array of their rows, `all({ product: { sql, params, one: true },
   * images: { … } })` an object by the same names. One that fails rejects the whole, and its name or index is in
   * {@link HegarError.query}. On a held connection they run one after the other. Up to 1,000 at once. What they see need
   * not be of one moment; in a transaction it is.
   */
  all<const Q extends readonly Read[]>(
    queries: Q,
    options?: CallOptions,
  ): Promise<{ -readonly [K in keyof Q]: ResultOf<Q[K]> }>
  all<Results extends object = { [name: string]: Row[] | Row | null }>(
    queries: { readonly [name in keyof Results]: Read },
    options?: CallOptions,
  ): Promise<Results>

  /** The same as one JSON document, an object or an array, made without the JavaScript thread. */
  allJson(
    queries: readonly JsonRead[] | { readonly [name: string]: JsonRead },
    options?: CallOptions,
  ): Promise<Buffer>

  /**
   * Runs one statement for each of `rows`, all or nothing: `batch('INSERT INTO tags (id, name) VALUES (?, ?)', rows)`.
   * A row is an array for `?` or an object for `:name`, with one value for each placeholder.
   *
   * MariaDB gets many rows in one packet (its bulk protocol), other servers a plain `INSERT … VALUES (…)` or `REPLACE`
   * with its row repeated, and any other statement once for each row, many in one write. No packet is longer than the
   * server's `max_allowed_packet`.
   *
   * On a pool the batch has a transaction of its own; on a connection too, unless one is open there. In an open one it
   * is part of that, and when it fails, what it did is undone and the rest of the transaction stays.
   *
   * The rows of an array are all checked before anything is sent. Those of an iterable, such as a generator or a
   * Readable in object mode, are checked when they are read, some thousands at a time, and never held all in memory. No rows resolve with zeros, and nothing is sent.
   *
   * @throws {HegarTypeError} `HEGAR_PARAM_INVALID`, naming the row and the position or key in it of a value that
   *   cannot be sent; also for a row that is longer than the server's `max_allowed_packet`.
   * @throws {HegarError} the server's error, with the place of its row in {@link HegarError.row}, or of the rows among
   *   which it is in {@link HegarError.rows}; `HEGAR_QUERY_TIMEOUT` when all of it took longer than `timeoutMs`;
   *   `HEGAR_UNSUPPORTED` for a statement that returns rows.
   */
  batch(sql: string, rows: BatchRows, options?: BatchOptions): Promise<BatchResult>

  /**
   * The rows as JSON in UTF-8, byte for byte `JSON.stringify(rows)`, made without the JavaScript thread. Answer
   * with it as it is: `res.type('json').end(bytes)`. Up to 16 KiB it may share its memory with others, as Node's small
   * Buffers do: of what stays for long, or goes to another thread, make a copy, `new Uint8Array(bytes)`.
   */
  queryJson(sql: string, params?: Params | null, options?: JsonOptions): Promise<Buffer>

  /**
   * The rows of a SELECT, kept for some time: as {@link Queries.query} gives them, and new objects for every caller.
   * The time is a number of seconds, or among the options; 300 by default.
   *
   * A kept result is never given after a write of its tables that went through any pool of this process for the same
   * server, the drop-ins' included, once that write's call has returned, a transaction's at its COMMIT; see docs/caching.md
   * for other processes and other writers. Callers who ask for the same at the same time share one statement. What is no
   * plain read, calls NOW(), RAND() and the like, or reads a view without `tags`, is run as by `query`, and so is every
   * call of a {@link Connection} or {@link Transaction}; `stats().cache.bypassed` counts them by reason.
   *
   * @throws {HegarError} `HEGAR_OPTION_INVALID` for a time that is none, a key of more than 1,024 bytes and the like;
   *   `HEGAR_QUERY_TIMEOUT` past `hardTimeoutMs`.
   */
  cachedQuery<T extends object = Row>(
    sql: string,
    params?: Params | null,
    ttlOrOptions?: number | (CacheOptions & Omit<ObjectOptions, 'timeoutMs'>),
  ): Promise<T[]>
  cachedQuery<T extends readonly unknown[] = unknown[]>(
    sql: string,
    params: Params | null | undefined,
    options: CacheOptions & Omit<ArrayOptions, 'timeoutMs'>,
  ): Promise<T[]>
  cachedQuery<T extends object = TablesRow>(
    sql: string,
    params: Params | null | undefined,
    options: CacheOptions & Omit<TableOptions, 'timeoutMs'>,
  ): Promise<T[]>
  cachedQuery<T extends readonly unknown[] = unknown[]>(
    sql: string,
    params: Params | null | undefined,
    options: CacheOptions & Omit<WithColumns<ArrayOptions>, 'timeoutMs'>,
  ): Promise<Rows<T>>
  cachedQuery<T extends object = TablesRow>(
    sql: string,
    params: Params | null | undefined,
    options: CacheOptions & Omit<WithColumns<TableOptions>, 'timeoutMs'>,
  ): Promise<Rows<T>>
  cachedQuery<T extends object = Row>(
    sql: string,
    params: Params | null | undefined,
    options: CacheOptions & Omit<WithColumns<ObjectOptions>, 'timeoutMs'>,
  ): Promise<Rows<T>>

  /**
   * The same as JSON bytes, as {@link Queries.queryJson} gives them. The Buffer is kept and given to every caller: do not
   * write to it.
   */
  cachedQueryJson(
    sql: string,
    params?: Params | null,
    ttlOrOptions?: number | (CacheOptions & Omit<JsonOptions, 'timeoutMs'>),
  ): Promise<Buffer>

  /**
   * The rows of a statement, read while they are used, for results of any length: `for await (const row of …)`. Begins
   * with the first row that is asked for; wrong arguments throw at once. No more than some 256 KiB are read ahead, then
   * the server waits. Leaving the loop ends the statement on the server, and the connection serves on. `maxResultBytes`
   * does not apply, and `queryTimeoutMs` to waits for the server alone.
   *
   * @throws {HegarError} `HEGAR_STREAM_STALLED` when the rows are not used for `stallTimeoutMs`. On a held connection,
   *   whose other calls would wait for the stream, those reject with `HEGAR_CONNECTION_BUSY`.
   */
  stream<T extends object = Row>(
    sql: string,
    params?: Params | null,
    options?: ObjectOptions & StallOptions,
  ): RowStream<T>
  stream<T extends readonly unknown[] = unknown[]>(
    sql: string,
    params: Params | null | undefined,
    options: ArrayOptions & StallOptions,
  ): RowStream<T>
  stream<T extends object = TablesRow>(
    sql: string,
    params: Params | null | undefined,
    options: TableOptions & StallOptions,
  ): RowStream<T>

  /**
   * The same as bytes of JSON, made without the JavaScript thread: `pipeline(db.streamJson(sql), response)`. What fails
   * after the first bytes destroys the stream, and with it the response, so that no client takes a part for the whole.
   */
  streamJson(sql: string, params?: Params | null, options?: JsonStreamOptions): Readable

  /**
   * One page of a statement and how many rows there are in all; both are asked at the same time. The statement
   * says where the page goes with `:limit` and `:offset`, else ` LIMIT ? OFFSET ?` is appended.
   *
   * A page by number is found by counting off the rows before it. Deep pages are quicker with `deferred`, and with
   * {@link KeysetOptions.keyset} each is as quick as the first.
   */
  paginate<T extends object = Row>(
    sql: string,
    params: Params | null | undefined,
    options: PaginateOptions & { count?: 'exact' | 'cached' },
  ): Promise<Page<T>>
  paginate<T extends object = Row>(
    sql: string,
    params: Params | null | undefined,
    options: PaginateOptions & { count: 'estimate' },
  ): Promise<Page<T, EstimatedSummary>>
  paginate<T extends object = Row>(
    sql: string,
    params: Params | null | undefined,
    options: PaginateOptions & { count: 'none' },
  ): Promise<Page<T, UncountedSummary>>
  /**
   * One page of a statement, beginning at a cursor. The statement says `:keyset` where the condition for that goes, and
   * has no ORDER BY and LIMIT of its own.
   *
   * ```js
   * const page = await db.paginate(
   *   'SELECT p.id, p.name, p.released_date FROM products p WHERE p.status_id = ? AND :keyset',
   *   [1],
   *   { limit: 20, keyset: [{ column: 'p.released_date', direction: 'desc' }, 'p.id'], cursor: req.query.cursor },
   * )
   * ```
   *
   * @throws {HegarError} `HEGAR_CURSOR_INVALID` with `statusCode` 400 for a cursor that was changed, cut, or made for
   *   another statement, order or secret.
   * @throws {HegarTypeError} `HEGAR_PARAM_INVALID` when `:keyset` stands beside an OR or nowhere, when a sort column is
   *   not in the result, and when two rows at the end of the page are equal in all of them.
   */
  paginate<T extends object = Row>(
    sql: string,
    params: Params | null | undefined,
    options: KeysetOptions & { count?: 'none' },
  ): Promise<Page<T, CursorSummary>>
  paginate<T extends object = Row>(
    sql: string,
    params: Params | null | undefined,
    options: KeysetOptions & { count: 'exact' | 'cached' },
  ): Promise<Page<T, CursorSummary & { total: number }>>
  paginate<T extends object = Row>(
    sql: string,
    params: Params | null | undefined,
    options: KeysetOptions & { count: 'estimate' },
  ): Promise<Page<T, CursorSummary & { total: number; isEstimate?: boolean }>>

  /**
   * The whole response body as JSON: `{status, message, data, pagination, timestamp}`, with the `data` and `pagination`
   * that {@link Queries.paginate} gives for the same options.
   */
  paginateJson(
    sql: string,
    params: Params | null | undefined,
    options: PaginateJsonOptions | KeysetJsonOptions,
  ): Promise<Buffer>
}

/** A pool of connections to one server. Every promise rejects with a {@link HegarError}. */
export interface Pool extends Queries, EventEmitter<PoolEvents> {
  execute(sql: string, params?: Params | null, options?: CallOptions): Promise<ExecuteResult>
  execute<T extends object>(sql: string, params?: Params | null, options?: ObjectOptions): Promise<T[]>
  execute<T extends readonly unknown[]>(
    sql: string,
    params: Params | null | undefined,
    options: ArrayOptions,
  ): Promise<T[]>
  execute<T extends object>(
    sql: string,
    params: Params | null | undefined,
    options: TableOptions,
  ): Promise<T[]>
  execute<T extends object>(
    sql: string,
    params: Params | null | undefined,
    options: WithColumns<ObjectOptions> | WithColumns<ArrayOptions> | WithColumns<TableOptions>,
  ): Promise<Rows<T>>
  /**
   * Runs `LOAD DATA LOCAL INFILE 'name' …` with what `infile('name')` gives: a Readable, or anything else that gives
   * bytes or text, read no faster than the server takes it. Without the function the statement is refused, whatever
   * the server asks for; and with it, a server that asks for another name gets nothing and loses the connection.
   *
   * It runs on a connection of its own, which alone lets the server ask, while one of the pool's is held for its place;
   * so it is in no transaction, and {@link Connection} and {@link Transaction} do not have it. `queryTimeoutMs` holds
   * for all of it. Servers take LOCAL for IGNORE: rows that do not fit become warnings.
   *
   * @throws {HegarError} what the stream failed with; the server then stores none of its rows, if the table is
   *   transactional. `HEGAR_PROTOCOL_ERROR` when the server asks for another file. `HEGAR_PARAM_INVALID` for another
   *   statement, parameters, or a name with a quote or backslash.
   */
  execute(sql: string, params: null | undefined, options: InfileOptions): Promise<ExecuteResult>

  /**
   * Runs `fn` with a transaction on a connection of its own: commits when it returns, rolls back when it throws, and
   * resolves or rejects with what it did. A `fn` may also end the transaction by itself. Calls of the pool inside `fn` are not in the transaction: use the one that
   * `fn` is given. In development a warning `HEGAR_NESTED_CALL` tells when such a call waits for a connection while
   * transactions hold all of them.
   *
   * @throws {HegarError} `HEGAR_COMMIT_UNKNOWN` when the connection was lost between sending COMMIT and its answer:
   *   the transaction may have been committed or not. `HEGAR_TRANSACTION_OVER` when the server had ended the
   *   transaction before, after a deadlock that `fn` caught or by a statement that commits, such as ALTER TABLE.
   */
  transaction<T>(fn: (transaction: Transaction) => T | Promise<T>, options?: RetryOptions): Promise<T>

  /**
   * Begins a transaction that ends with its own `commit()` or `rollback()`; with `await using` it is rolled back at
   * the end of the block unless it has been committed. `signal` and `timeoutMs` are for the wait for a connection.
   */
  begin(options?: TransactionOptions & CallOptions): Promise<Transaction>

  /**
   * Takes a connection out of the pool, waiting at most `acquireTimeoutMs`, until it is released. Its calls run one
   * after the other in the same session.
   *
   * @throws {HegarError} `HEGAR_POOL_TIMEOUT` past that or past `timeoutMs`, `HEGAR_ABORTED` when the signal is aborted.
   */
  getConnection(options?: CallOptions): Promise<Connection>

  /**
   * Makes kept results invalid, at once: of tables that others have written, or by tags, keys and prefixes of keys. What is
   * being read at this moment is not kept either.
   */
  invalidate(what: Invalidation): Promise<void>
  /** What the pool does now and has done so far. */
  stats(): PoolStats

  /** The same as text for Prometheus, version 0.0.4. It may follow the output of prom-client as it is. */
  metricsText(): string

  /** Asks the server for a sign of life. Resolves in either case, within the acquire and query deadlines. */
  health(): Promise<Health>

  /**
   * Refuses new calls with `HEGAR_POOL_CLOSED`, waits for those in flight and closes all connections. Calls that
   * are not done by `drainMs` are rejected. Closing twice is one close.
   */
  close(options?: CloseOptions): Promise<void>
}

/** A connection that is held until it is released. Never collected unreleased without going back by itself. */
export interface Connection extends Queries, AsyncDisposable {
  /** The server's number for this connection, the one that its processlist shows. */
  readonly threadId: number

  /** @throws {HegarError} `HEGAR_TRANSACTION_OPEN` when one is open already, which would be committed. */
  beginTransaction(options?: TransactionOptions): Promise<void>
  commit(): Promise<void>
  /** Rolls back, also when the server has done so already. */
  rollback(): Promise<void>

  /**
   * Gives the connection back when its calls have ended; never rejects. A transaction that is still open is rolled back and
   * counted, and what SET, USE, temporary tables, locks or variables left is reset. Further calls reject with
   * `HEGAR_CONNECTION_RELEASED`.
   */
  release(): Promise<void>

  /** Closes the connection at once, whatever it does, instead of giving it back. */
  destroy(): void
}

/**
 * A transaction on a connection of its own, which goes back to the pool at the end. Over, it refuses calls with
 * `HEGAR_TRANSACTION_OVER`.
 */
export interface Transaction extends Queries, AsyncDisposable {
  /** The server's number for the connection. */
  readonly threadId: number
  /** Whether `commit()` or `rollback()` has been called. */
  readonly isOver: boolean

  /**
   * Runs `fn` between a savepoint and its release: what it throws undoes what was done since, and is thrown on. Two at
   * the same time are not apart: their statements are in one transaction.
   */
  savepoint<T>(fn: (transaction: Transaction) => T | Promise<T>): Promise<T>

  commit(): Promise<void>
  rollback(): Promise<void>
}

export interface TransactionOptions {
  /** Default: that of the session, which is REPEATABLE READ unless the server says otherwise. */
  isolation?: 'read uncommitted' | 'read committed' | 'repeatable read' | 'serializable'
  /** Have the server refuse statements that write. Default: false. */
  readOnly?: boolean
}

/** `signal` and `timeoutMs` are for the transaction as a whole: past them it is rolled back. */
export interface RetryOptions extends TransactionOptions, CallOptions {
  /**
   * How often to begin anew after a deadlock (1213) or a lock wait that took too long (1205), after a random pause of
   * up to 20 ms, twice that the next time, at most a second. `fn` runs again as a whole. From 0 to 100. Default: 0.
   */
  retries?: number
}

export interface PoolEvents {
  /** A call took longer than `slowQueryMs`. */
  slowQuery: [query: SlowQuery]
  /** A connection has been held for longer than `leakDetectionMs`. Without a listener the process is warned. */
  leak: [leak: Leak]
}

export interface Leak {
  threadId: number
  heldMs: number
  /** The frames of the stack where the connection was taken. */
  stack: string
}

/** A row whose type nobody has named: pass one, as in `query<User>(…)`. */
export type Row = Record<string, unknown>

/**
 * What can be sent for one placeholder. A safe integer is sent as BIGINT, another number as DOUBLE; a Date in the
 * pool's `timezone`. NaN, the infinities, an invalid Date, undefined, objects, functions and symbols throw.
 */
export type ParamValue = null | boolean | number | bigint | string | Date | Uint8Array

/** One parameter. An array fills `IN (?)` with a placeholder for each of its values; an empty one throws. */
export type Param = ParamValue | readonly ParamValue[]

/** An array for `?`, an object for `:name`. */
export type Params = readonly Param[] | { readonly [name: string]: Param }

export interface ExecuteResult {
  /** Rows that matched, or with the flag `-FOUND_ROWS` rows that changed; a BigInt past 2^53. */
  affectedRows: number | bigint
  /** The first AUTO_INCREMENT value that was generated, 0 when there is none; a BigInt past 2^53. */
  insertId: number | bigint
  /** The server's summary, such as `Rows matched: 1  Changed: 0  Warnings: 0`, or an empty string. */
  info: string
  warningStatus: number
  changedRows: number
}

/**
 * What ends a call early. It rejects at once. A call that waits leaves the queue; a statement that runs is ended on the
 * server with KILL QUERY, over a short connection beyond `connectionLimit`, and its own connection serves on when that
 * is proved clean. A statement that writes may have been done just before it was ended.
 */
export interface CallOptions {
  /** Aborted, the call rejects with `HEGAR_ABORTED`; `error.cause` is `signal.reason`. */
  signal?: AbortSignal
  /**
   * How long the call may take in milliseconds, the wait for a connection included; past it `HEGAR_QUERY_TIMEOUT`. In
   * place of the pool's `queryTimeoutMs`, also when it is longer. Up to 2147483647. Default: 0, that of the pool.
   */
  timeoutMs?: number
}

export interface StallOptions {
  /**
   * How long rows may lie unused, in milliseconds, before the connection is taken back, within a quarter more; 0: as
   * long as they like. Default: 60000.
   */
  stallTimeoutMs?: number
}

export interface JsonStreamOptions extends Omit<JsonOptions, 'envelope'>, StallOptions {
  /** `'array'` is one JSON array, `'ndjson'` a line for each row, where `'raw'` means `'json'`. Default: `'array'`. */
  format?: 'array' | 'ndjson'
}

/** Rows to be iterated once. Leaving the loop, `return()` and `await using` end the statement. */
export interface RowStream<T> extends AsyncIterableIterator<T>, AsyncDisposable {
  next(): Promise<IteratorResult<T, undefined>>
  return(): Promise<IteratorResult<T, undefined>>
  [Symbol.asyncIterator](): RowStream<T>
}

/** One of the reads of {@link Queries.all}. */
export interface Read extends Omit<ValueOptions, keyof CallOptions>, LayoutOptions {
  sql: string
  params?: Params | null
  /** The first row alone, or null when there is none. Default: false. */
  one?: boolean
}

/** One of the reads of {@link Queries.allJson}. */
export interface JsonRead extends Omit<Read, 'casts'>, Pick<JsonOptions, 'casts'> {}

/** What a read gives when nobody says more about its rows. */
export type ResultOf<R extends Read> = R extends { one: true } ? Row | null : Row[]

/** What becomes of the values of a row, whether as objects or in JSON. */
export interface ValueOptions extends CallOptions {
  /**
   * Casts by column name, on top of the pool's; null leaves a column as it is. A function, `(value, column) => …`, is
   * called for each value of the rows when they are built, on the JavaScript thread: slow for long results, and only for
   * objects.
   */
  casts?: { readonly [column: string]: Cast | CastFunction | null }
  /**
   * Casts by type, such as `{ 'TINYINT(1)': 'boolean', DECIMAL: 'number' }`, on top of the pool's; null takes one of the
   * pool's back. A cast by name wins over one by type, a type with its length over one without.
   */
  typeCasts?: { readonly [type: string]: Cast | null }
  /** How single columns are changed on their way, by column name. Default: not at all. */
  shape?: Shape
  /**
   * Makes nested objects of names with dots, or with another separator: with `SELECT s.name AS \`store.name\`` a row has
   * `{store: {name}}`. Columns of one object need not be adjacent. A name with an empty part is left as it is. A name that
   * would be both a value and an object throws. Default: false.
   */
  nest?: boolean | string
  /** A nested object, of `nest` or `nestTables`, is null when all of its columns are, as after a LEFT JOIN. Default: false. */
  nullObjects?: boolean
}

/** What a row is; at most one of these and of `nest`. */
export interface LayoutOptions {
  /** An array in the order of the columns, also of those with the same name. Default: that of the pool. */
  rowsAsArray?: boolean
  /**
   * `true`: objects by table, `{products: {id}, stores: {id}}`; a separator such as `'_'`: names with the table in
   * front, `{products_id, stores_id}`. The table is the alias of the statement and empty for an expression. As in
   * mysql2. Default: that of the pool.
   */
  nestTables?: boolean | string
}

/** The options of calls that give rows as objects. */
export interface RowOptions extends ValueOptions, LayoutOptions {
  /** Give the columns too, as `{rows, columns}`. Default: false. */
  columns?: boolean
}

/** How a result is kept. Times are in seconds, as Redis has them, and may have fractions. */
export interface CacheOptions {
  /** For how long the result is fresh: greater than 0. More than 30 days are warned of, as they are milliseconds. Default: 300. */
  ttl?: number
  /** The same for a result without rows; 0 keeps none. Default: `ttl`. */
  negativeTtl?: number
  /** For how much longer it is given while one caller's statement replaces it. Default: 0. */
  staleTtl?: number
  /** For how much longer than `ttl` it is given when the statement that should replace it fails. Default: 0. */
  graceTtl?: number
  /** Milliseconds after which a result within `graceTtl` is given to those who wait for another. Default: 0, wait. */
  softTimeoutMs?: number
  /**
   * Milliseconds after which the call rejects with `HEGAR_QUERY_TIMEOUT`; its statement goes on, and its result is kept. Where
   * the call goes past the cache its statement is its own, and is ended on the server.
   * Default: 0, none but the pool's.
   */
  hardTimeoutMs?: number
  /** The share of `ttl`, 0 to 1, by which it is cut at random, so that what came together does not go together. Default: 0. */
  jitter?: number
  /** Larger results are given and not kept. Default: `maxEntryBytes` of the pool. */
  maxBytes?: number
  /** Names by which {@link Pool.invalidate} finds the result, at most 32. They also let a view be cached. */
  tags?: readonly string[]
  /**
   * A name for the result, such as `product:7` or `products:list:1:20:newest:`, at most 1,024 bytes. Parts end at colons. It
   * does not replace statement and parameters: another statement under the same key has a result of its own.
   */
  key?: string
  /** Run the statement as if there were no cache, and keep nothing. Default: false. */
  bypass?: boolean
  /** Aborted, the call rejects with `HEGAR_ABORTED`; its statement goes on for others. */
  signal?: AbortSignal
}

/** What {@link Pool.invalidate} makes invalid; each is one name or several. */
export interface Invalidation {
  /** Tables by name, in any case and whatever their database. */
  tables?: string | readonly string[]
  tags?: string | readonly string[]
  keys?: string | readonly string[]
  /** All keys that begin so: one or more whole parts, such as `products:list:`. */
  prefix?: string | readonly string[]
  /** Everything that any pool of this server has kept. */
  all?: boolean
}

/** The cache of a pool. */
export interface CachePoolOptions {
  /** What results may take in the memory of the process, in bytes; 0 keeps none. Default: 64 MiB. */
  maxBytes?: number | string
  /** Larger results are not kept unless a call says otherwise. Default: 1 MiB. */
  maxEntryBytes?: number | string
  /** Shares results and writes with other processes: a uri, `redis://` or `rediss://`, or options. Default: null, none. */
  redis?: string | URL | RedisOptions | null | false
  /**
   * Milliseconds by which a result may be older than a write of another process, whatever becomes of Redis: 200 to 60,000.
   * Default: 1000.
   */
  maxStalenessMs?: number | string
  /**
   * Read the server's binary log, so that a write by anybody makes results invalid. Needs `binlog_format=ROW` and the
   * privileges REPLICATION SLAVE and REPLICATION CLIENT; without them a warning `HEGAR_BINLOG` says why. Default: false.
   */
  followBinlog?: boolean
}

/** Where Redis is: ioredis's names, and our own, which carry their unit. None of the secrets is ever printed. */
export interface RedisOptions {
  /** Default: `'127.0.0.1'`. */
  host?: string | null
  /** Default: 6379. */
  port?: number | string
  /** A unix socket, in place of host and port; `socketPath` is the same. */
  path?: string | null
  socketPath?: string | null
  username?: string | null
  password?: string | null
  /** Default: 0. */
  db?: number | string
  /** As `ssl` of the pool: true, or `{ca, cert, key, rejectUnauthorized, servername}`. */
  tls?: boolean | TlsOptions | null
  /** Ask these for the primary called `name` (`'mymaster'` by default). */
  sentinels?: readonly RedisNode[]
  name?: string
  sentinelUsername?: string
  sentinelPassword?: string
  /** Some nodes of a cluster. All keys are on one of its nodes, see `keyPrefix`. */
  cluster?: readonly RedisNode[]
  /**
   * Put before every key. The braces are a hash tag, which a cluster needs: the scripts want their keys on one node.
   * Default: `'{hegar}:'`.
   */
  keyPrefix?: string
  /** Milliseconds that a query waits for Redis at most. Default: 100. `commandTimeout` is the same. */
  commandTimeoutMs?: number | string
  commandTimeout?: number | string
  /** Default: 5000. `connectTimeout` is the same. */
  connectTimeoutMs?: number | string
  connectTimeout?: number | string
  /** The pause before connecting again is this times the number of attempts, up to `retryMaxDelayMs`. Default: 50. */
  retryDelayMs?: number | string
  /** Default: 2000. */
  retryMaxDelayMs?: number | string
  /** The same as a function, which is asked once for its first and its longest pause. */
  retryStrategy?: (times: number) => number
  /** How often a command follows a cluster that moved its keys; no command is sent twice otherwise. Default: 3. */
  maxRetriesPerRequest?: number | string
  /** Values from this size on are compressed (LZ4) where that makes them smaller. Default: 8192. */
  compressFromBytes?: number | string
}

export interface RedisNode {
  /** Default: `'127.0.0.1'`. */
  host?: string
  /** Default: 6379. */
  port?: number | string
}

/** Options with which a row is an object by column name. */
export interface ObjectOptions extends RowOptions {
  rowsAsArray?: false
  nestTables?: false | string
  columns?: false
}

/** Options with which a row is an array. */
export interface ArrayOptions extends RowOptions {
  rowsAsArray: true
  nestTables?: false
  nest?: false
  columns?: false
}

/** Options with which a row is an object by table. */
export interface TableOptions extends RowOptions {
  rowsAsArray?: false
  nestTables: true
  nest?: false
  columns?: false
}

/** The same options with the columns asked for. */
export type WithColumns<Options extends RowOptions> = Omit<Options, 'columns'> & { columns: true }

/** A row by table: pass a type for it, as in `query<{users: User}>(…)`. */
export type TablesRow = Record<string, Row>

export interface Rows<T> {
  rows: T[]
  columns: readonly Column[]
}

export interface OneRow<T> {
  row: T | null
  columns: readonly Column[]
}

/** A column as the server describes it, in the order of the statement. Frozen, and shared by all who ask. */
export interface Column {
  /** The alias, or the name where there is none. */
  readonly name: string
  /** The name in its table, empty for an expression. */
  readonly orgName: string
  /** The alias of the table, empty for an expression. */
  readonly table: string
  readonly orgTable: string
  readonly schema: string
  /** The name of the type in SQL. Of texts and blobs the server does not tell how long they may be. */
  readonly type: ColumnType
  /** MariaDB's name of a type that the protocol has no number for, such as `'uuid'` or `'inet6'`. */
  readonly extendedType: string | null
  /** The protocol's number for the type, mysql2's `columnType`. */
  readonly typeCode: number
  /** The number of the collation; 63 for bytes and numbers. */
  readonly characterSet: number
  /** The most that a value takes: digits of a number, bytes of a text. */
  readonly length: number
  /** Digits after the point; 31 and more where they are not fixed. */
  readonly decimals: number
  readonly flags: ColumnFlags
  /** The same flags as bits of the protocol. */
  readonly flagBits: number
}

export interface ColumnFlags {
  readonly notNull: boolean
  readonly primaryKey: boolean
  readonly uniqueKey: boolean
  readonly multipleKey: boolean
  readonly blob: boolean
  readonly unsigned: boolean
  readonly zerofill: boolean
  readonly binary: boolean
  readonly enum: boolean
  readonly autoIncrement: boolean
  readonly timestamp: boolean
  readonly set: boolean
  readonly noDefaultValue: boolean
  readonly onUpdateNow: boolean
  readonly numeric: boolean
}

// prettier-ignore
export type ColumnType =
  | 'TINYINT' | 'SMALLINT' | 'MEDIUMINT' | 'INT' | 'BIGINT' | 'FLOAT' | 'DOUBLE' | 'DECIMAL' | 'BIT' | 'YEAR'
  | 'DATE' | 'TIME' | 'DATETIME' | 'TIMESTAMP' | 'CHAR' | 'VARCHAR' | 'TEXT' | 'BINARY' | 'VARBINARY' | 'BLOB'
  | 'ENUM' | 'SET' | 'JSON' | 'GEOMETRY' | 'VECTOR' | 'NULL'

/**
 * What a value is read as. NULL stays null. A value that can not be read as asked, such as the text `x` as a number,
 * becomes null; a column of which no value could, such as a geometry as a boolean, throws `HEGAR_PARAM_INVALID`.
 *
 * - `'boolean'`: numbers but 0, bits but b'0', the words true and false
 * - `'number'`: rounded where a double can not hold it; dates as milliseconds since 1970
 * - `'bigint'`: whole numbers; in JSON all their digits
 * - `'string'`: the server's text, dates included
 * - `'json'`: the value that the text means; text that is no JSON throws `HEGAR_UNSUPPORTED`
 * - `'raw'`: the same, in `queryJson` embedded in the server's own words, white space and long numbers included: checked
 *   but not rewritten, so faster
 * - `'base64'`, `'hex'`: bytes or text as text
 * - `'buffer'`: bytes, also of text
 * - `'date'`: a Date, of DATE, DATETIME, TIMESTAMP, and of text that has their form
 */
export type Cast =
  'boolean' | 'number' | 'bigint' | 'string' | 'json' | 'raw' | 'base64' | 'hex' | 'buffer' | 'date'

export type CastFunction = (value: any, column: Column) => unknown

export interface JsonOptions extends Omit<ValueOptions, 'casts'>, LayoutOptions {
  /** Casts by column name, on top of the pool's; null leaves a column as it is. */
  casts?: { readonly [column: string]: Cast | null }
  /** Puts the rows into an object, without a copy. Default: the rows alone, an array. */
  envelope?: Envelope
}

/** The bytes are those of `JSON.stringify({...before, [key]: rows, ...after})`; a name that comes twice throws. */
export interface Envelope {
  /** The name that the rows get. */
  key: string
  before?: Record<string, unknown>
  after?: Record<string, unknown>
}

export interface Shape {
  [column: string]: ColumnShape
}

/** At most one of `number`, `boolean` and `json`, and none of them with `prefix`. */
export interface ColumnShape {
  /**
   * The name in the result. Two columns at one place throw `HEGAR_PARAM_INVALID`. With the option `nest`, one with dots
   * nests.
   */
  as?: string
  /** Leaves the column out; alone. */
  omit?: boolean
  /** Splits the text into an array at this separator; NULL and an empty text become `[]`. */
  split?: string
  /** Put in front of the text, or of each part of it, to make a URL of a path. */
  prefix?: string
  /** Reads the text, or each part of it, as a number. */
  number?: boolean
  /** Reads the value, or each part of it, as a boolean. */
  boolean?: boolean
  /** Reads the text, or each part of it, as JSON. */
  json?: boolean
}

/** How the rows of all pages are counted. */
export interface CountOptions extends CallOptions {
  /**
   * - `'exact'` counts them, at the same time as the page is read.
   * - `'cached'` counts them and keeps the number for `countTtlMs` in this process, up to 1,000 numbers a pool; those who
   *   need the same one wait for it together. The total may be that old, `hasNext` never is. In a transaction and on a
   *   held connection it is `'exact'`.
   * - `'estimate'` asks the optimiser (EXPLAIN), which takes well under a millisecond. For a whole table it is within
   *   some tens of percent, with conditions on indexed columns commonly within a factor of 2, and with others, joins and
   *   GROUP BY it may be far off. `isEstimate` says so, and is false where the page showed the end of the rows.
   * - `'none'` does without; `total` and `totalPages` are null. One row more than the page is asked for, so that
   *   `hasNext` is known, except with a statement that says `:limit` itself.
   *
   * Default: `'exact'`, for pages by cursor `'none'`.
   */
  count?: 'exact' | 'cached' | 'estimate' | 'none'
  /** A cheaper statement that gives the count in its first column. Default: COUNT(*) over the statement. */
  countSql?: string
  /** The parameters of `countSql`. Default: those of the statement. */
  countParams?: Params
  /** How old a `'cached'` count may be, in milliseconds, 1 to 2147483647. Default: 30000. */
  countTtlMs?: number
}

export interface PaginateOptions extends CountOptions, ValueOptions {
  /** From 1 up. */
  page: number
  /** Rows a page, from 1 up. */
  limit: number
  /** How deep pages are read. Default: as any other. */
  deferred?: DeferredJoin
  keyset?: undefined
}

/**
 * Deep pages in two steps: the keys of the page alone, from an index, then the rows of these keys. The statement says
 * `:page` where a condition goes (`WHERE … AND :page ORDER BY …`) and keeps its own order.
 */
export interface DeferredJoin {
  /** The column of the statement that identifies its rows, such as `'p.id'`. Part of the program, never of a request. */
  key: string
  /** A statement that selects this column of the same rows in the same order. By default it is what is counted too. */
  keySql: string
  /** The parameters of `keySql`. Default: those of the statement. */
  keyParams?: Params
  /** The offset from which on pages are read this way, in rows. Default: 100, from where on it was measured to pay. */
  from?: number
}

/**
 * What pages by cursor need. Their cost does not grow with their depth, and rows that come or go meanwhile move no other
 * row to another page.
 *
 * The order needs an index with these columns, behind those that the statement compares with `=`; all in one direction,
 * or declared in the index with their directions. See that EXPLAIN says `range`: MariaDB before 11 may say `ref` instead
 * when there is such an `=`, and then reads from the beginning; `FROM products p FORCE INDEX (…)` helps.
 */
export interface KeysetOptions extends CountOptions, ValueOptions {
  /**
   * The columns that the statement is sorted by. The last one must be unique together with those before it, such as
   * the primary key: rows that are equal in all of them would fall between two pages. They become SQL as they are, so
   * write them, or choose them with {@link sortKeyset}.
   */
  keyset: readonly (string | KeysetColumn)[]
  /** Where to begin, from an earlier page. Default: at the first row. */
  cursor?: string | null
  /** Rows a page, from 1 up. */
  limit: number
  page?: undefined
  deferred?: undefined
}

export interface KeysetColumn {
  /**
   * A column (`'p.released_date'`) or an expression. No ENUM, SET or JSON, and no text of more than 512 characters. A
   * TIMESTAMP needs a session whose time zone has no hour twice a year, such as UTC; a DATETIME does not.
   */
  column: string
  /** Default: `'asc'`. NULL comes first in `'asc'` and last in `'desc'`, as the server sorts it. */
  direction?: SortDirection | Lowercase<SortDirection>
  /**
   * Whether it may be NULL. Default: as the server says. False is for expressions and outer joins that the server does
   * not know to be filled; a NULL is an error then.
   */
  nullable?: boolean
  /** The column of the result that has its value. Default: the last part of `column`; an expression needs it. */
  as?: string
}

export interface PaginateJsonOptions extends Omit<PaginateOptions, 'casts'>, BodyOptions {}

export interface KeysetJsonOptions extends Omit<KeysetOptions, 'casts'>, BodyOptions {}

export interface BodyOptions extends Pick<JsonOptions, 'casts'> {
  /** The `message` of the body. Default: `'Success'`. */
  message?: string
}

export interface Page<T, Summary = PageSummary> {
  data: T[]
  pagination: Summary
}

export interface PageSummary {
  page: number
  limit: number
  total: number
  totalPages: number
  hasNext: boolean
  hasPrevious: boolean
}

/** The summary of a page with `count: 'estimate'`. */
export interface EstimatedSummary extends PageSummary {
  /** False where the page showed the end of the rows; missing where the server gave no estimate and they were counted. */
  isEstimate?: boolean
}

/** The summary of a page by cursor. */
export interface CursorSummary {
  limit: number
  hasNext: boolean
  hasPrevious: boolean
  /**
   * For the page after this one; null when there is none. Text that is safe in a URL, as a rule less than 150 characters.
   * It is signed, not encrypted: a client can read the sort values of the row that it points to.
   */
  nextCursor: string | null
  /** For the page before this one. */
  previousCursor: string | null
}

/** The summary of a page whose rows were not counted. */
export interface UncountedSummary {
  page: number
  limit: number
  total: null
  totalPages: null
  /** Null where it is not known: with a statement that says `:limit` itself. */
  hasNext: boolean | null
  hasPrevious: boolean
}

export interface SlowQuery {
  /** The statement as it was given, with its placeholders. */
  sql: string
  operation: Operation
  /** From the call to its settling, the wait for a connection included. */
  durationMs: number
  /** Rows of the result. */
  rowCount: number
}

export interface Health {
  status: 'OK' | 'Error'
  /** How long the answer took. */
  latencyMs: number
  /** Why the status is `'Error'`: the code of the error. */
  code?: string
  pool: PoolGauges
}

export interface CloseOptions {
  /** How long calls in flight may take, in milliseconds. */
  drainMs?: number
}

export type Operation = 'query' | 'execute' | 'json' | 'paginate' | 'batch' | 'transaction' | 'stream'

/** Durations are in milliseconds and within 2.5 %; counters only rise. */
export interface PoolStats {
  /** What {@link Queries.cachedQuery} has done. */
  cache: CacheStats
  pool: PoolGauges
  queries: {
    /** Calls that finished, well or not. */
    total: number
    errors: number
    /** Calls that missed the acquire, connect or query deadline. */
    timeouts: number
    /** Calls that took longer than `slowQueryMs`. */
    slow: number
    rows: number
    resultBytes: number
  }
  latency: {
    /** All calls, from being made to being settled. */
    query: Latency
    /** The wait for a connection. */
    acquire: Latency
    /** Opening a connection, the handshake included. */
    connect: Latency
    operations: Record<Operation, Latency>
  }
  connections: {
    created: number
    closed: Record<'idle' | 'lifetime' | 'error' | 'reset' | 'closed' | 'timeout', number>
    resets: number
    /** Transactions left open by whoever gave a connection back. */
    rollbacks: number
  }
  statements: {
    prepared: number
    cacheHits: number
    cacheMisses: number
    /** Executions that were sent in one write with others, see `pipelining`. */
    pipelined: number
  }
  /** Failed calls by code. */
  errors: Record<string, number>
}

export interface CacheStats {
  /** Results in the memory of the process. */
  entries: number
  /** What they take, of `maxBytes`. */
  bytes: number
  maxBytes: number
  /** Results that were forgotten to make room. */
  evicted: number
  /**
   * Calls that went past the cache, by the reason: `asked` (the option `bypass`), `session` (a connection or transaction),
   * `view` (one without `tags`), `schema` (it could not be read), and what a statement is, see docs/caching.md.
   */
  bypassed: Record<string, number>
  /** How the binary log is followed; null without `followBinlog`. */
  binlog: { isFollowed: boolean; changes: number; attempts: number; error: string | null } | null
  /** What was done with Redis; null without `redis`. Counters and the state of the connection and its breaker. */
  redis: Record<string, number | boolean | string | null> | null
  /** By the part of `key` before its first colon; `(query)` for calls without a key, `(key)` for keys without a colon, `(others)` past 100 of them. */
  prefixes: Record<string, CacheFigures>
}

/** What was done for the keys of one prefix. */
export interface CacheFigures {
  /** Results given from the memory of the process, */
  hits: number
  /** of these, past their `ttl` while another was on its way, */
  stale: number
  /** and results given within `graceTtl` because no other could be had in time. */
  grace: number
  /** Results that came from Redis. */
  remoteHits: number
  /** Calls that waited for the statement of another caller. */
  joined: number
  /** Statements sent to the server, */
  loads: number
  /** of these, to replace a result in time, */
  refreshes: number
  /** and those that failed. */
  errors: number
  /** Results that were not kept because their tables were written meanwhile, */
  fenced: number
  /** or because they are larger than `maxBytes`. */
  tooLarge: number
}

export interface PoolGauges {
  /** Connections that are open or being opened. */
  total: number
  /** Connections that a call is using. */
  active: number
  /** Connections ready for a call. */
  idle: number
  /** Calls waiting for a connection. */
  waiting: number
  /** The pool's `connectionLimit`. */
  limit: number
  /** Bytes of results that are finished but not yet taken. */
  undeliveredBytes: number
  /** Calls begun and not yet settled. */
  inFlight: number
}

export interface Latency {
  count: number
  meanMs: number
  p50Ms: number
  p95Ms: number
  p99Ms: number
  maxMs: number
}

/**
 * The options of a pool: mysql2's and mysql's names as they are, and our own, whose names carry their unit.
 * Durations are in milliseconds and at most 2147483647. An integer may be given as decimal digits in a string, as
 * environment variables are. An option that is undefined counts as not given. Two names for one option may not
 * disagree.
 */
export interface PoolOptions {
  /** A connection uri. Options beside it win over its own. */
  uri?: string | null

  /** Name or address of the server. Default: `'localhost'`. */
  host?: string | null
  /** 1 to 65535. Default: 3306. */
  port?: number | string
  /** Path of a unix socket, at most 107 bytes; host and port are not used then. */
  socketPath?: string | null
  /** Default: the empty user name. */
  user?: string | null
  /** Default: no password. It is never printed. */
  password?: string | null
  /** The same as `password`. */
  password1?: string | null
  /** The default database. Without one, tables are named `database.table`. */
  database?: string | null
  /** Strings that the server shows in performance_schema, at most 32 KiB in all. Default: none of yours. */
  connectAttributes?: Record<string, string | number | boolean> | null

  /**
   * TLS. `true` or `{}` verifies the server against the public authorities, the host name included (mysql2 leaves
   * the name unchecked). Names of profiles such as `'Amazon RDS'` are refused: pass the provider's `ca`.
   * Default: no TLS.
   */
  ssl?: boolean | TlsOptions | null
  /**
   * Allow the server to ask for the password in clear text. Needs `ssl` with verification, of the name too unless `ca`
   * is given; or `socketPath`. Default: false.
   */
  enableCleartextPlugin?: boolean
  /**
   * Without TLS and socket, allow to fetch the key that encrypts the password from the server itself, which
   * somebody in the middle could replace. Default: false.
   */
  allowPublicKeyRetrieval?: boolean
  /** That key as PEM, to need no fetching. */
  serverPublicKey?: string | Buffer | null

  /** The most connections, 1 to 10000. Default: 10. */
  connectionLimit?: number | string
  /** The most idle connections kept; more than `connectionLimit` means that. Default: `connectionLimit`. */
  maxIdle?: number | string
  /** The most calls that may wait for a connection; further ones fail with `HEGAR_QUEUE_FULL`. Default: 0, no bound. */
  queueLimit?: number | string
  /**
   * When calls wait for a connection, send several of them over one in one write and read their answers in order. Only
   * plain reads that have been quick on that connection: a SELECT that takes no locks, names no variables and calls
   * none but common functions of the server, whose answers took less than about 3 ms beyond the round trip and had less
   * than 16 KiB. Should the connection break, or one answer keep the others waiting for a second, those without an
   * answer are run again on another. Turn it off if a view of yours calls a function that writes, which the text of a
   * SELECT does not show, and behind a proxy that can not take several commands at once. Default: true.
   */
  pipelining?: boolean
  /** False makes a call fail at once when no connection is free. Default: true. */
  waitForConnections?: boolean
  /**
   * Reset the session whenever a connection comes back: variables, temporary tables, locks. Without it a reset follows
   * statements whose text shows that they change the session; one inside a stored function or trigger does not show.
   * Default: false.
   */
  resetOnRelease?: boolean

  /** How long a call may wait for a connection, 1 up; past it `HEGAR_POOL_TIMEOUT`. Default: 10000. */
  acquireTimeoutMs?: number | string
  /** mysql's name for `acquireTimeoutMs`. */
  acquireTimeout?: number | string
  /** How long opening a connection may take, 1 up; past it `HEGAR_CONNECT_TIMEOUT`. Default: 10000. */
  connectTimeoutMs?: number | string
  /** mysql2's name for `connectTimeoutMs`. */
  connectTimeout?: number | string
  /**
   * How long a query may take; past it `HEGAR_QUERY_TIMEOUT`, and the statement is ended on the server over a short
   * connection beyond `connectionLimit`. 0: as long as it likes. Default: 60000.
   */
  queryTimeoutMs?: number | string
  /** mariadb's name for `queryTimeoutMs`. */
  queryTimeout?: number | string
  /** An unused connection is closed after this time, 1 up. Default: 60000. */
  idleTimeoutMs?: number | string
  /** mysql2's name for `idleTimeoutMs`. */
  idleTimeout?: number | string
  /** A connection is replaced when it is this old and free. 0: never. Default: 1800000, half an hour. */
  maxLifetimeMs?: number | string
  /** A connection unused for longer than this is asked for a sign of life before it is used. Default: 1000. */
  validateAfterIdleMs?: number | string
  /** Have the system watch idle connections. Default: true. */
  enableKeepAlive?: boolean
  /** How long a connection is idle before the system probes it. 0: as the system is set up. Default: 0. */
  keepAliveInitialDelay?: number | string

  /** Prepared statements kept open per connection, least recently used first out, 1 to 65536. Default: 256. */
  maxPreparedStatements?: number | string
  /** A larger result fails with `HEGAR_RESULT_TOO_LARGE`, 1 to 4294967296. Default: 536870912, 512 MiB. */
  maxResultBytes?: number | string
  /**
   * The largest packet accepted from or sent to the server, 1024 to 1073741824; a statement or parameters beyond it are
   * refused with `HEGAR_PARAM_INVALID` before anything is sent. Default: 1073741824, 1 GiB.
   */
  maxAllowedPacketBytes?: number | string
  /** Calls over this time are counted as slow and emit `slowQuery`. 0: none. Default: 500. */
  slowQueryMs?: number | string
  /**
   * Threads that run the Rust side, 1 to 1024, never more than the machine has cores. The pools of a process share
   * them, so the first pool decides. Connections keep to the first thread until it uses three quarters of a core; then
   * some move to another (not those with TLS, which stay where they were opened). Default: the environment variable
   * HEGAR_WORKER_THREADS, else 2.
   */
  workerThreads?: number | string

  /**
   * The collation of the connection in any case: `utf8mb4_general_ci`, `utf8mb4_bin`, `utf8mb4_unicode_ci`,
   * `utf8mb4_unicode_520_ci` or `utf8mb4_0900_ai_ci`; `utf8mb4` and `utf8` mean `utf8mb4_unicode_ci`, the default.
   */
  charset?: string
  /** The same by number: 45, 46, 224, 246 or 255. */
  charsetNumber?: number | string
  /**
   * The zone in which DATETIME and TIMESTAMP values are read and Dates are sent: `'local'` as Node's own Date has
   * it, `'Z'`, or an offset up to 14 hours such as `'+07:00'`. Default: `'local'`.
   */
  timezone?: string
  /** Give these types as the server's text instead of a Date; true means all three. Default: false. */
  dateStrings?: boolean | readonly ('DATE' | 'DATETIME' | 'TIMESTAMP')[]
  /** Give 64-bit integers that no number holds exactly as strings. Default: false. */
  supportBigNumbers?: boolean
  /** With `supportBigNumbers`, give all 64-bit integers as strings. Default: false. */
  bigNumberStrings?: boolean
  /** Give 64-bit integers as BigInt; not together with the two above. Default: false. */
  bigInt?: boolean
  /** Give DECIMAL as numbers instead of strings, which may round. Default: false. */
  decimalNumbers?: boolean
  /** Give JSON columns as text instead of parsing them. Default: false. */
  jsonStrings?: boolean
  /** Give rows as arrays in the order of the columns, unless a call says otherwise. Default: false. */
  rowsAsArray?: boolean | null
  /**
   * Give rows as objects by table (`true`), or with the table and this separator in front of each name, unless a call
   * says otherwise; see {@link LayoutOptions.nestTables}. Default: false.
   */
  nestTables?: boolean | string | null
  /** Casts by column name for all calls, see {@link ValueOptions.casts}. Default: none. */
  casts?: { readonly [column: string]: Cast | null }
  /** Casts by type for all calls, see {@link ValueOptions.typeCasts}. Default: none. */
  typeCasts?: { readonly [type: string]: Cast | null }
  /**
   * Flags of the protocol, as an array or separated by commas. `-FOUND_ROWS` makes `affectedRows` count the rows
   * that changed instead of those that matched. Flags without effect here are accepted, others refused.
   */
  flags?: string | readonly string[] | null

  /** Accepted: an object of parameters always fills `:name`, an array always fills `?`. */
  namedPlaceholders?: boolean
  /** How results of `cachedQuery` are kept. */
  cache?: CachePoolOptions
  /** Build rows without generated code, for processes that forbid it; slower. Default: false. */
  disableEval?: boolean
  /**
   * Record the line of every call for the stack of its error, at some microseconds a call. Without it the stack still
   * shows those who await. Default: false.
   */
  trace?: boolean

  /**
   * Tell where a connection was taken that has been held for longer than this, see the event `leak`; 0: never. Costs
   * some microseconds for each connection that is taken. Default: 0.
   */
  leakDetectionMs?: number | string

  /**
   * What signs the cursors of pages, at least 16 bytes; the same for all processes that serve the same clients. Of an
   * array, at most 8, the first signs and all are accepted, so that a secret can be replaced. Default: a random one of
   * this process, with which cursors hold neither in other processes and worker threads nor after a restart.
   */
  cursorSecret?: string | Uint8Array | readonly (string | Uint8Array)[] | null

  /** Accepted, no effect: the connection is not compressed. */
  compress?: boolean
  /** Accepted, no effect: packets are not printed. */
  debug?: unknown
  /** Accepted, no effect: `close()` always says goodbye to the server. */
  gracefulEnd?: boolean
  /** Accepted, no effect: the authentication of servers before 4.1 is not spoken. */
  insecureAuth?: boolean
  /** Accepted, no effect: promises are the language's. */
  Promise?: unknown
  /** Accepted, no effect: an object as a value always throws. */
  stringifyObjects?: boolean

  /** Only `false`: LOAD DATA LOCAL is refused. */
  localInfile?: false
  /** Only `false`: statements are sent one by one. */
  multipleStatements?: false
  /** Only `true`: values are converted as described above; `casts` and `typeCasts` change that. */
  typeCast?: true
}

export interface TlsOptions {
  /** PEM certificates of the authorities to trust. Default: the public ones. */
  ca?: Pem | readonly Pem[] | null
  /** PEM certificate chain of the client; needs `key`. */
  cert?: Pem | readonly Pem[] | null
  /** PEM private key of the client, not encrypted; needs `cert`. */
  key?: Pem | readonly [Pem] | null
  /** False switches all verification off, so that anyone can pose as the server. Default: true. */
  rejectUnauthorized?: boolean | null
  /** False accepts a certificate that carries another name. Default: true. */
  verifyIdentity?: boolean | null
  /** The name that the certificate must carry. Default: `host`. */
  servername?: string | null
  /** The same as `servername`. */
  serverName?: string | null
  /** TLS 1.2 and 1.3 are spoken, so these are accepted and make no difference. */
  minVersion?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | null
  /** Accepted, makes no difference. */
  maxVersion?: 'TLSv1.3' | null
}

export type Pem = string | Buffer

/** The codes of our own errors. Those of the server are its names, such as `ER_DUP_ENTRY`. */
export type HegarErrorCode =
  | 'HEGAR_OPTION_UNKNOWN'
  | 'HEGAR_OPTION_INVALID'
  | 'HEGAR_OPTION_UNSUPPORTED'
  | 'HEGAR_PARAM_INVALID'
  | 'HEGAR_PAGINATION_INVALID'
  | 'HEGAR_CURSOR_INVALID'
  | 'HEGAR_POOL_TIMEOUT'
  | 'HEGAR_POOL_CLOSED'
  | 'HEGAR_QUEUE_FULL'
  | 'HEGAR_CONNECT_FAILED'
  | 'HEGAR_CONNECT_TIMEOUT'
  | 'HEGAR_QUERY_TIMEOUT'
  | 'HEGAR_ABORTED'
  | 'HEGAR_STREAM_STALLED'
  | 'HEGAR_CONNECTION_BUSY'
  | 'HEGAR_CONNECTION_LOST'
  | 'HEGAR_CONNECTION_RELEASED'
  | 'HEGAR_COMMIT_UNKNOWN'
  | 'HEGAR_TRANSACTION_OPEN'
  | 'HEGAR_TRANSACTION_OVER'
  | 'HEGAR_PROTOCOL_ERROR'
  | 'HEGAR_TLS_ERROR'
  | 'HEGAR_AUTH_ERROR'
  | 'HEGAR_RESULT_TOO_LARGE'
  | 'HEGAR_SQL_MODE'
  | 'HEGAR_BINLOG'
  | 'HEGAR_UNSUPPORTED'
  | 'HEGAR_INTERNAL'

/**
 * Every error of this package; `instanceof HegarError` holds for {@link HegarTypeError} too, so that one check
 * catches all.
 */
export class HegarError extends Error {
  constructor(message: string, details?: ErrorDetails)
  /** The server's name of the error, equal to mysql2's, or one of ours. */
  code: HegarErrorCode | (string & {})
  /** The number of the server's error. */
  errno?: number
  /** The five characters of the server's error. */
  sqlState?: string
  /** The server's own message. */
  sqlMessage?: string
  /** Whether the connection was lost with it. */
  fatal?: boolean
  /** The statement as it was given, with its placeholders, never with a value. */
  sql?: string
  /** The option that was refused, for `HEGAR_OPTION_…`. */
  option?: string
  /** The status to answer with, for `HEGAR_PAGINATION_INVALID` and `HEGAR_CURSOR_INVALID`: 400. */
  statusCode?: number
  /** What is wrong with the request, for these two. */
  errors?: FieldError[]
  /** True where the message may be shown to the client, for these two. */
  isOperational?: boolean
  /** The number of the statement of {@link Queries.script} that failed, from 1. */
  statement?: number
  /** The line of that script in which it begins, from 1. */
  line?: number
  /** The index of the row that failed, among the rows given to {@link Queries.batch}, where that is known. */
  row?: number
  /** The name or index of the read of {@link Queries.all} that failed. */
  query?: string | number
  /** The indexes of the first and the last row among which the failed row of a batch is. */
  rows?: [first: number, last: number]
}

/** A wrong parameter or argument. It is a TypeError, and `instanceof HegarError` holds too. */
export class HegarTypeError extends TypeError {
  constructor(message: string, details?: ErrorDetails)
  code: HegarErrorCode | (string & {})
  sql?: string
  fatal?: boolean
  /** The index of the wrong row among those given to {@link Queries.batch}. */
  row?: number
  rows?: [first: number, last: number]
}

export interface ErrorDetails {
  /** Default: `HEGAR_INTERNAL`; of a HegarTypeError `HEGAR_PARAM_INVALID`. */
  code?: string
  errno?: number
  sql?: string
  sqlState?: string
  sqlMessage?: string
  fatal?: boolean
  option?: string
  statusCode?: number
  errors?: FieldError[]
  isOperational?: boolean
  statement?: number
  line?: number
  row?: number
  rows?: [first: number, last: number]
  cause?: unknown
}

/** One wrong field of a request, in the form that express-validator gives. */
export interface FieldError {
  type: 'field'
  /** What was sent, cut to 100 characters; missing where it is an array or object. */
  value?: string | number | boolean | null
  msg: string
  path: string
  location: 'query'
}

/**
 * The page that a request asks for in `req.query.page` and `req.query.limit`.
 *
 * | sent as `page` or `limit` | becomes | with `strict` |
 * |-|-|-|
 * | nothing | 1, `defaultLimit` | the same |
 * | a whole number in range (`3`, `+3`, `03`) | itself | itself |
 * | `0`, `-1` | 1 | refused |
 * | `1000000` as a limit, a page beyond `maxPage` | the largest allowed | refused |
 * | `abc`, an empty string, `1.5`, `1e99`, ` 2`, `0x10`, an array | as if nothing were sent | refused |
 *
 * `offset` is always a safe integer, because pages beyond that do not exist.
 *
 * @throws {HegarError} with `strict`, `HEGAR_PAGINATION_INVALID` with `statusCode` 400 and `errors`. For wrong
 *   options, `HEGAR_OPTION_…`.
 * @throws {HegarTypeError} when `req` is no request.
 */
export function getPaginationParams(req: { query?: unknown }, options?: PaginationOptions): PageRequest

export interface PaginationOptions {
  /** Rows a page when the request does not say. Default: 20, or `maxLimit` where that is less. */
  defaultLimit?: number
  /** The most rows a page. Default: 100. */
  maxLimit?: number
  /** The last page that may be asked for. Default: the last whose offset is a safe integer. */
  maxPage?: number
  /** Refuse what is not a whole number in range instead of correcting it. Default: false. */
  strict?: boolean
}

/**
 * What a request asks for in `req.query.cursor` and `req.query.limit`; the limit as {@link getPaginationParams} reads it.
 * Whether the cursor is a good one is seen when a page is read with it.
 *
 * @throws {HegarError} `HEGAR_CURSOR_INVALID` with `statusCode` 400 for a cursor that is no text; otherwise as
 *   getPaginationParams.
 */
export function getCursorParams(
  req: { query?: unknown },
  options?: Omit<PaginationOptions, 'maxPage'>,
): { cursor: string | null; limit: number }

export interface PageRequest {
  page: number
  limit: number
  offset: number
}

/**
 * The body of an ORDER BY, from names that a client may ask for: `ORDER BY ${sortClause(…).sql}`.
 *
 * @param requested what the client asked to sort by, such as `req.query._sort`; anything may come.
 * @param order `asc` or `desc` in any case, such as `req.query._order`; anything else means ascending.
 * @param allowed the names clients may use, with a column, an expression, or an array of these. They become SQL as
 *   they are, so write them and never take them from a request.
 * @param fallback what to sort by when `requested` is not in the list.
 * @throws {HegarError} with `strict`, `HEGAR_PAGINATION_INVALID` for a name or order that is given and wrong.
 * @throws {HegarTypeError} when the fallback is not in the list.
 */
export function sortClause<Name extends string>(
  requested: unknown,
  order: unknown,
  allowed: Readonly<Record<Name, string | readonly string[]>>,
  fallback: { name: NoInfer<Name>; direction?: SortDirection | Lowercase<SortDirection> },
  options?: { strict?: boolean },
): { name: Name; direction: SortDirection; sql: string }

/**
 * The columns for {@link KeysetOptions.keyset}, from names that a client may ask for: {@link sortClause} for pages by
 * cursor, with the same arguments.
 *
 * @param allowed the names clients may use, with one or several columns, which become SQL as they are. A column with a
 *   direction of its own keeps it whatever the client asks.
 * @param options `unique` is the column behind them that tells any two rows apart, such as `'p.id'`.
 */
export function sortKeyset<Name extends string>(
  requested: unknown,
  order: unknown,
  allowed: Readonly<Record<Name, string | KeysetColumn | readonly (string | KeysetColumn)[]>>,
  fallback: { name: NoInfer<Name>; direction?: SortDirection | Lowercase<SortDirection> },
  options: { unique: string | KeysetColumn; strict?: boolean },
): { name: Name; direction: SortDirection; keyset: KeysetColumn[] }

export type SortDirection = 'ASC' | 'DESC'

/**
 * The `pagination` object of a response body, its keys in the order page, limit, total, totalPages, hasNext,
 * hasPrevious.
 *
 * @throws {HegarTypeError} when a figure is not a whole number in range.
 */
export function pageSummary(counted: {
  page: number
  limit: number
  total: number | bigint | string
}): PageSummary
/** The same where the rows were not counted. */
export function pageSummary(uncounted: {
  page: number
  limit: number
  total: null | undefined
  hasNext?: boolean | null
}): UncountedSummary

/**
 * The links from a page to its neighbours: the request's own URL with another `page` or `cursor`, all other query
 * parameters kept.
 *
 * ```js
 * res.set('Link', pageLinks(req, page.pagination).header)
 * ```
 *
 * @param pagination that of a page, or the body that `paginateJson` made.
 * @throws {HegarTypeError} when one of the arguments is something else.
 */
export function pageLinks(
  req: { originalUrl?: string; url?: string },
  pagination: PageSummary | UncountedSummary | EstimatedSummary | CursorSummary | Buffer,
  options?: LinkOptions,
): PageLinks

export interface LinkOptions {
  /**
   * The outside of this server, such as `'https://shop.example'`. Default: none, the links are relative to the host that
   * the client asked. Nothing that a client or proxy sends as Host or X-Forwarded-… is looked at.
   */
  baseUrl?: string
  /** Default: `'page'`. */
  pageParam?: string
  /** Default: `'cursor'`. */
  cursorParam?: string
}

/** URLs, null where there is no such page or it is not known. */
export interface PageLinks {
  first: string
  prev: string | null
  next: string | null
  /** Known where the rows were counted, and never of pages by cursor. */
  last: string | null
  /** The value of a `Link` header (RFC 8288). */
  header: string
}
