//! What a pool is to the binding: calls in, answers out, and what all calls share.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, timeout};

use crate::{
    abort::Abort,
    cache::{Cache, Shared, ledger::Ledger},
    call::Answer,
    codec::{format::Format, packed::RowShapes},
    config::{Config, Secret},
    error::{Error, Kind, Result},
    metrics::{Gauges, Metrics, Operation},
    pool::Pool,
    runtime::Workers,
};

mod cached;
mod envelope;
mod group;
mod job;
mod keyset;
mod memory;
mod news;
mod page_rows;
mod paginate;
mod serve;
mod session;
mod sink;
mod stop;
mod stream;
mod ticket;

pub use cached::CachedCall;
use cached::Wanted;
pub use group::{Document, GroupCall};
pub use job::Reply;
pub use keyset::{Ends, KeyColumn, Keyset, Turn};
pub use memory::{Claim, Memory};
pub use paginate::{Page, PageCall, Total};
pub use session::{BatchCall, Control, FileStep, Patience, Service, Session};
pub use ticket::{Caller, Ticket};

/// What a pool is to the binding: calls in, answers out.
pub struct Engine {
    pool: Arc<Pool>,
    metrics: Arc<Metrics>,
    format: Format,
    row_shapes: RowShapes,
    memory: Arc<Memory>,
    in_flight: AtomicU64,
    abort: Abort,
    /// Who writes what at the server of this pool.
    ledger: Arc<Ledger>,
    /// `None` for pools that keep no results.
    cache: Option<Cache<Caller>>,
    /// Results that others are to be asked for. Guards the list, held to push or to take all.
    wanted: Mutex<Vec<Wanted>>,
    /// Has the schema read once for all who need it; when that failed last, and why. Held while it is read, within
    /// deadlines.
    schema_turn: tokio::sync::Mutex<Option<(Instant, Error)>>,
    /// Whether a task reads it from time to time.
    schema_watched: AtomicBool,
}

impl Engine {
    /// An engine whose tasks run on `workers`.
    pub fn new(config: Config, workers: Arc<Workers>) -> Result<Engine> {
        let config = Arc::new(config);
        let metrics = Arc::new(Metrics::new());
        let ledger = Ledger::of(&config);
        let cache = config
            .cache
            .as_ref()
            .map(|options| {
                let runtime = workers.handle(workers.calm());
                Cache::new(ledger.clone(), options, &config.scope(), runtime)
            })
            .transpose()?;
        Ok(Engine {
            format: Format::new(&config.values)?,
            pool: Pool::on(workers, config, metrics.clone()),
            metrics,
            row_shapes: RowShapes::default(),
            memory: Arc::default(),
            in_flight: AtomicU64::new(0),
            abort: Abort::default(),
            ledger,
            cache,
            wanted: Mutex::default(),
            schema_turn: tokio::sync::Mutex::default(),
            schema_watched: AtomicBool::new(false),
        })
    }

    pub fn config(&self) -> &Config {
        self.pool.config()
    }

    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// What new connections log in with.
    pub fn login(&self) -> Arc<Config> {
        self.pool.login()
    }

    /// See [`Pool::set_password`].
    pub fn set_password(&self, password: Secret) {
        self.pool.set_password(password);
    }

    /// See [`Pool::take_connects`].
    pub fn take_connects(&self) -> String {
        self.pool.take_connects()
    }

    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// What its cache has in common with others of the server; `None` for a pool that keeps no results.
    pub fn shared(&self) -> Option<&Arc<Shared>> {
        self.cache.as_ref().map(|cache| &cache.shared)
    }

    /// The words of [`crate::cache::memory::Memory::tokens`].
    pub fn cache_tokens(&self) -> Option<&[AtomicU32]> {
        self.cache.as_ref().map(|cache| cache.memory.tokens())
    }

    /// Results that JavaScript gave without asking.
    pub fn note_hits(&self, prefix: u32, hits: u64, stale: u64) {
        if let Some(cache) = &self.cache {
            cache.counts.add(prefix, |figures| {
                figures.hits += hits;
                figures.stale += stale;
            });
        }
    }

    /// A call that JavaScript sent past the cache.
    pub fn note_bypass(&self, reason: &str) {
        if let Some(cache) = &self.cache {
            cache.counts.bypass(reason, 1);
        }
    }

    /// These marks have changed, says somebody who knows.
    pub fn invalidate(&self, marks: &[Box<str>]) {
        self.ledger.bump(marks);
    }

    /// The figures of the pool and its cache as a JSON object.
    pub fn stats(&self) -> String {
        let cache = self.cache.as_ref().map(Cache::stats);
        self.metrics.stats_json(&self.gauges(), cache)
    }

    /// The same in Prometheus' text format.
    pub fn prometheus(&self, label: &str) -> String {
        let mut text = self.metrics.prometheus(&self.gauges(), label);
        if let Some(cache) = &self.cache {
            text.push_str(&cache.exposition(label));
        }
        text
    }

    pub fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    /// Counts a call that has ended.
    fn record(&self, operation: Operation, result: &Result<Answer>, took: Duration) {
        self.metrics.query.of(operation).observe(took);
        match result {
            Ok(answer) => {
                self.metrics.rows.add(answer.rows() as u64);
                self.metrics.result_bytes.add(answer.size() as u64);
            }
            Err(error) => {
                self.metrics.errors.record(&error.label());
                if matches!(
                    error.kind(),
                    Kind::PoolTimeout
                        | Kind::ConnectTimeout
                        | Kind::QueryTimeout
                        | Kind::CallTimeout
                ) {
                    self.metrics.timeouts.increment();
                }
            }
        }
    }

    /// Whether a call of this length is worth an event.
    pub fn is_slow(&self, took: Duration) -> bool {
        let limit = self.config().slow_query_ms;
        limit > 0 && took > Duration::from_millis(limit)
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

    /// See [`Pool::shut`].
    pub fn shut(&self) {
        self.pool.shut();
    }

    /// Closes the pool. Calls that are not done within `drain` are ended; whether there were none is the answer.
    pub async fn close(&self, drain: Duration) -> bool {
        let drained = self.pool.close(drain).await;
        self.abort.call();
        if let Some(cache) = &self.cache {
            cache.shared.leave().await;
        }
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
