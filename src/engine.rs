//! One call from its arguments to its answer: lend a connection, run the statement, give the connection back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};

use crate::{
    call::{Answer, Call, Wanted},
    codec::{
        format::Format,
        json::JsonRows,
        packed::{PackedRows, RowShapes},
        params::Params,
    },
    config::Config,
    error::{Error, Kind, Result},
    metrics::{Gauges, Metrics, Operation},
    pool::{Entry, Pool},
    statement::Statement,
    wire::{Cell, Columns, Done, Memo, Row, RowSink},
};

mod memory;
mod paginate;

use memory::{Bounded, Held};
pub use memory::{Claim, Memory};
pub use paginate::{Page, PageCall};

/// A guess for the first JSON result of a call; it grows from here.
const JSON_CAPACITY: usize = 1024;

/// What a pool is to the binding: calls in, answers out.
pub struct Engine {
    pool: Arc<Pool>,
    metrics: Arc<Metrics>,
    format: Format,
    row_shapes: RowShapes,
    memory: Arc<Memory>,
    in_flight: AtomicU64,
    abort: Abort,
}

impl Engine {
    /// Must be called on the runtime.
    pub fn new(config: Config) -> Result<Engine> {
        let config = Arc::new(config);
        let metrics = Arc::new(Metrics::new());
        Ok(Engine {
            format: Format::new(&config)?,
            pool: Pool::new(config, metrics.clone()),
            metrics,
            row_shapes: RowShapes::default(),
            memory: Arc::default(),
            in_flight: AtomicU64::new(0),
            abort: Abort::default(),
        })
    }

    pub fn config(&self) -> &Config {
        self.pool.config()
    }

    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    /// Takes a place in the pool for a call that is about to be run.
    pub fn enter(&self) -> Entry {
        self.pool.enter()
    }

    /// Runs one statement and counts it. The time is from now to the answer.
    pub async fn run(&self, call: &Call, entry: Entry) -> (Result<Answer>, Duration) {
        let operation = match &call.wanted {
            Wanted::Rows { operation, .. } => *operation,
            Wanted::Json { .. } => Operation::Json,
        };
        self.observe(operation, self.answer(call, entry)).await
    }

    /// Runs `work` as one observed call.
    async fn observe(
        &self,
        operation: Operation,
        work: impl Future<Output = Result<Answer>>,
    ) -> (Result<Answer>, Duration) {
        let started = Instant::now();
        let in_flight = InFlight::enter(&self.in_flight);
        let result = tokio::select! {
            biased;
            result = work => result,
            // Dropping the work discards its connection and ends its statement on the server.
            () = self.abort.wait() => Err(Error::new(Kind::PoolClosed, "the pool was closed before the call was done")),
        };
        drop(in_flight);
        let took = started.elapsed();
        self.metrics.query.of(operation).observe(took);
        match &result {
            Ok(answer) => {
                self.metrics.rows.add(answer.rows() as u64);
                self.metrics.result_bytes.add(answer.size() as u64);
            }
            Err(error) => {
                self.metrics.errors.record(&error.label());
                if matches!(
                    error.kind(),
                    Kind::PoolTimeout | Kind::ConnectTimeout | Kind::QueryTimeout
                ) {
                    self.metrics.timeouts.increment();
                }
            }
        }
        if self.is_slow(took) {
            self.metrics.slow_queries.increment();
        }
        (result, took)
    }

    /// Whether a call of this length is worth an event.
    pub fn is_slow(&self, took: Duration) -> bool {
        let limit = self.config().slow_query_ms;
        limit > 0 && took > Duration::from_millis(limit)
    }

    async fn answer(&self, call: &Call, entry: Entry) -> Result<Answer> {
        match &call.wanted {
            Wanted::Rows { limit, .. } => {
                let mut sink = PackedRows::new(&self.format, &self.row_shapes, *limit);
                let done = self
                    .execute(entry, &call.statement, &call.params, &mut sink)
                    .await?;
                Ok(sink.finish().map_or(Answer::Done(done), Answer::Rows))
            }
            Wanted::Json { shape } => {
                let mut sink = JsonRows::new(&self.format, shape.as_deref(), JSON_CAPACITY);
                let done = self
                    .execute(entry, &call.statement, &call.params, &mut sink)
                    .await?;
                let rows = sink.rows();
                Ok(sink
                    .finish()
                    .map_or(Answer::Done(done), |bytes| Answer::Json { bytes, rows }))
            }
        }
    }

    /// Runs a statement on a lent connection, within the query deadline.
    async fn execute(
        &self,
        entry: Entry,
        statement: &Statement,
        params: &Params,
        sink: &mut impl Held,
    ) -> Result<Done> {
        self.memory.room(self.config().acquire_timeout()).await?;
        let mut lease = entry.lend().await?;
        let mut sink = Bounded::new(sink, &self.memory);
        let work = lease.connection().execute(statement, params, &mut sink);
        let result = match self.config().query_timeout() {
            None => work.await,
            Some(limit) => match timeout(limit, work).await {
                Ok(result) => result,
                Err(_) => {
                    lease.abandon();
                    return Err(Error::new(
                        Kind::QueryTimeout,
                        format!(
                            "the statement did not finish within {} ms (queryTimeoutMs) and was ended on the server",
                            limit.as_millis()
                        ),
                    ));
                }
            },
        };
        let counts = lease.connection().take_statement_counts();
        self.metrics.statements_prepared.add(counts.prepared);
        self.metrics.statement_cache_hits.add(counts.hits);
        self.metrics.statement_cache_misses.add(counts.prepared);
        let changes_session = statement.template().changes_session();
        if lease.needs_reset(changes_session) {
            // The answer does not wait for the clean-up, which has a deadline of its own.
            tokio::spawn(lease.release(changes_session));
        } else {
            lease.release(changes_session).await;
        }
        result
    }

    /// Asks the server for a sign of life, within the acquire deadline; the answer is how long it took.
    pub async fn health(&self) -> Result<Duration> {
        let started = Instant::now();
        let mut lease = self.pool.acquire().await?;
        let limit = self.config().acquire_timeout();
        match timeout(limit, lease.connection().ping()).await {
            Ok(result) => {
                lease.release(false).await;
                result.map(|()| started.elapsed())
            }
            Err(_) => {
                lease.abandon();
                Err(Error::new(
                    Kind::QueryTimeout,
                    format!("no answer to a ping within {} ms", limit.as_millis()),
                ))
            }
        }
    }

    /// Closes the pool. Calls that are not done within `drain` are ended; whether there were none is the answer.
    pub async fn close(&self, drain: Duration) -> bool {
        let drained = self.pool.close(drain).await;
        self.abort.call();
        drained
    }

    pub fn gauges(&self) -> Gauges {
        let occupancy = self.pool.occupancy();
        Gauges {
            total: occupancy.total as u64,
            active: occupancy.active as u64,
            idle: occupancy.idle as u64,
            waiting: occupancy.waiting as u64,
            limit: self.config().connection_limit as u64,
            undelivered_bytes: self.memory.finished() as u64,
            in_flight: self.in_flight.load(Ordering::Relaxed),
        }
    }
}

/// Ends every call that is under way, once and for good.
#[derive(Default)]
struct Abort {
    called: AtomicBool,
    bell: Notify,
}

impl Abort {
    fn call(&self) {
        self.called.store(true, Ordering::Release);
        self.bell.notify_waiters();
    }

    async fn wait(&self) {
        let bell = self.bell.notified();
        // Looked at after the bell has been taken up, so a call in between is not missed.
        if !self.called.load(Ordering::Acquire) {
            bell.await;
        }
    }
}

/// Counts a call while it runs, however it ends.
struct InFlight<'a>(&'a AtomicU64);

impl<'a> InFlight<'a> {
    fn enter(count: &'a AtomicU64) -> InFlight<'a> {
        // A gauge on its own: nothing is ordered by it.
        count.fetch_add(1, Ordering::Relaxed);
        InFlight(count)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Reads the first cell of the first row as a count.
#[derive(Default)]
struct Count {
    columns: Columns,
    value: Option<u64>,
}

impl Held for Count {
    fn size(&self) -> usize {
        0
    }
}

impl RowSink for Count {
    fn begin(&mut self, columns: &Columns, _memo: &mut Memo) -> Result<()> {
        self.columns = columns.clone();
        Ok(())
    }

    fn row(&mut self, mut row: Row<'_>) -> Result<()> {
        if let (None, Some(column)) = (self.value, self.columns.first()) {
            self.value = match row.cell(0, column)? {
                Cell::Int(value) => u64::try_from(value).ok(),
                Cell::UInt(value) => Some(value),
                Cell::Bytes(text) => std::str::from_utf8(text)
                    .ok()
                    .and_then(|text| text.parse().ok()),
                _ => None,
            };
        }
        Ok(())
    }
}
