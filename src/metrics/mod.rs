//! What a pool has done so far: latency histograms and counters that only rise.
//!
//! Metrics observe and never decide. Nothing here carries SQL text, a key or a parameter: labels are
//! the fixed names of the enums below, the pool's label, and error codes checked to be plain names.
//! Two readers exist: [`Metrics::stats_json`] for `db.stats()` and [`Metrics::prometheus`] for
//! `db.metricsText()`.

mod errors;
mod histogram;
mod prometheus;
mod stats;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

pub use errors::ErrorCounts;
pub use histogram::{Histogram, Snapshot};
pub use prometheus::{Source, escape, exposition};

/// The metrics of one pool. Shared by reference between threads; about 31 KB, so keep it behind an
/// `Arc`.
#[derive(Debug, Default)]
pub struct Metrics {
    /// How long calls took, from being made to being settled, the wait for a connection included.
    /// Every call is observed once, whether it succeeded or failed, because the number of queries is
    /// the number of observations in here.
    pub query: QueryDurations,
    /// How long calls waited for a connection, whether they got one or not.
    pub acquire: Histogram,
    /// How long opening a connection took, from the socket to the end of the handshake.
    pub connect: Histogram,
    pub connections_created: Counter,
    pub connections_closed: ClosedCounts,
    /// Sessions reset before they went back to the pool.
    pub resets: Counter,
    /// Transactions left open by whoever gave a connection back.
    pub rollbacks: Counter,
    /// Rows received from the server.
    pub rows: Counter,
    /// Bytes of rows received from the server.
    pub result_bytes: Counter,
    /// Failed calls by error code, timeouts among them.
    pub errors: ErrorCounts,
    /// Calls that missed a deadline of ours: acquire, connect or query.
    pub timeouts: Counter,
    /// Calls that took longer than the pool's `slowQueryMs`.
    pub slow_queries: Counter,
    pub statements_prepared: Counter,
    pub statement_cache_hits: Counter,
    pub statement_cache_misses: Counter,
    /// Executions sent in one write with others.
    pub statements_pipelined: Counter,
}

impl Metrics {
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls that finished, well or not.
    pub fn queries_total(&self) -> u64 {
        self.query.snapshot().count()
    }

    /// The figures behind `db.stats()` as a JSON object: durations in milliseconds, keys in camelCase.
    /// `latency.query` is over all operations, `latency.operations` over each.
    /// `cache` is what else there is to tell.
    pub fn stats_json(&self, gauges: &Gauges, cache: Option<serde_json::Value>) -> String {
        stats::render(self, gauges, cache)
    }

    /// The metrics in Prometheus' text format 0.0.4: it ends in a newline and has no `# EOF`, so it
    /// may follow the output of prom-client as it is. Two pools must be rendered together with
    /// [`exposition`], because a metric may be declared once in a scrape.
    pub fn prometheus(&self, gauges: &Gauges, pool_label: &str) -> String {
        exposition(&[Source {
            label: pool_label,
            metrics: self,
            gauges: *gauges,
        }])
    }
}

/// The present state of a pool, read by the pool when it reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Connections that are open or being opened.
    pub total: u64,
    /// Connections lent to a call.
    pub active: u64,
    /// Connections ready to be lent.
    pub idle: u64,
    /// Calls waiting for a connection.
    pub waiting: u64,
    /// The most connections the pool may open.
    pub limit: u64,
    /// Bytes of finished results that JavaScript has not taken yet.
    pub undelivered_bytes: u64,
    /// Calls begun and not yet settled.
    pub in_flight: u64,
}

/// The calls that are told apart, by the pool's method of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Query,
    Execute,
    Json,
    Paginate,
    /// Some rows of a batch.
    Batch,
    /// What begins and ends a transaction or a savepoint.
    Transaction,
    /// A result read piece by piece; it takes as long as its reader does.
    Stream,
}

impl Operation {
    pub const ALL: [Self; 7] = [
        Self::Query,
        Self::Execute,
        Self::Json,
        Self::Paginate,
        Self::Batch,
        Self::Transaction,
        Self::Stream,
    ];

    pub fn label(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Execute => "execute",
            Self::Json => "json",
            Self::Paginate => "paginate",
            Self::Batch => "batch",
            Self::Transaction => "transaction",
            Self::Stream => "stream",
        }
    }
}

/// Why a connection was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// It was unused for longer than `idleTimeoutMs`, or more were idle than `maxIdle`.
    Idle,
    /// It was older than `maxLifetimeMs`.
    Lifetime,
    /// The server or the network failed.
    Error,
    /// It could not be made clean for the next call.
    Reset,
    /// The pool was closed.
    Closed,
    /// A deadline passed while it was busy, and its answer may still have been on the way.
    Timeout,
}

impl CloseReason {
    pub const ALL: [Self; 6] = [
        Self::Idle,
        Self::Lifetime,
        Self::Error,
        Self::Reset,
        Self::Closed,
        Self::Timeout,
    ];

    pub fn label(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Lifetime => "lifetime",
            Self::Error => "error",
            Self::Reset => "reset",
            Self::Closed => "closed",
            Self::Timeout => "timeout",
        }
    }
}

/// A number that only rises. Relaxed, because it publishes nothing but itself.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    #[inline]
    pub fn increment(&self) {
        self.add(1);
    }

    #[inline]
    pub fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// One histogram per operation.
#[derive(Debug, Default)]
pub struct QueryDurations([Histogram; Operation::ALL.len()]);

impl QueryDurations {
    #[inline]
    pub fn of(&self, operation: Operation) -> &Histogram {
        &self.0[operation as usize]
    }

    /// All operations as one.
    pub fn snapshot(&self) -> Snapshot {
        let mut all = Snapshot::empty();
        self.0
            .iter()
            .for_each(|histogram| all.merge(&histogram.snapshot()));
        all
    }
}

/// Closed connections by reason.
#[derive(Debug, Default)]
pub struct ClosedCounts([Counter; CloseReason::ALL.len()]);

impl ClosedCounts {
    pub fn of(&self, reason: CloseReason) -> &Counter {
        &self.0[reason as usize]
    }

    pub fn total(&self) -> u64 {
        self.0.iter().map(Counter::get).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_operation_has_its_own_histogram_and_all_make_the_total() {
        let metrics = Metrics::new();
        for (index, operation) in Operation::ALL.into_iter().enumerate() {
            for _ in 0..=index {
                metrics
                    .query
                    .of(operation)
                    .observe(Duration::from_millis(3));
            }
        }
        let counts = Operation::ALL.map(|operation| metrics.query.of(operation).snapshot().count());
        assert_eq!(counts, [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(metrics.queries_total(), 28);
    }

    #[test]
    fn each_close_reason_has_its_own_counter_and_all_make_the_total() {
        let metrics = Metrics::new();
        for (index, reason) in CloseReason::ALL.into_iter().enumerate() {
            metrics.connections_closed.of(reason).add(index as u64 + 1);
        }
        let counts = CloseReason::ALL.map(|reason| metrics.connections_closed.of(reason).get());
        assert_eq!(counts, [1, 2, 3, 4, 5, 6]);
        assert_eq!(metrics.connections_closed.total(), 21);
    }

    #[test]
    fn labels_are_distinct() {
        let mut labels: Vec<_> = CloseReason::ALL.map(CloseReason::label).to_vec();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), CloseReason::ALL.len());
        let mut labels: Vec<_> = Operation::ALL.map(Operation::label).to_vec();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), Operation::ALL.len());
    }

    #[test]
    fn metrics_are_shared_between_threads() {
        let metrics = Metrics::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        metrics.rows.add(20);
                        metrics.errors.record("ER_DUP_ENTRY");
                    }
                });
            }
        });
        assert_eq!(metrics.rows.get(), 80_000);
        assert_eq!(metrics.errors.total(), 4_000);
    }
}
