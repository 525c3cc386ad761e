//! Results that are kept: what depends on what, since when, and until when.
//!
//! - `epochs` says whether what a result depends on may have changed; JavaScript reads the same memory.
//! - `ledger` is told of every write and bumps the epochs; `schema` knows what a write reaches besides its own table.
//! - `answers` are HTTP answers, whose bytes JavaScript has.
//! - `memory` is tier 1, `entry` what is in it, `policy` for how long.
//! - `flight` has callers of the same wait for one statement.
//! - `binlog` follows what anybody writes at the server.
//! - `redis` is tier 2, and how processes tell each other what they write; `remote` is a result on its way there.
//! - `counts` are the figures, `exposition` writes them for Prometheus.
//!
//! Invariant: a result whose statement began before a write of its tables was known to be over is never kept as fresh
//! after it. The epochs are noted before the statement is sent and compared when its result is to be kept, given or
//! waited for; a write changes them when it begins and when it has ended, and nothing is kept in between.

pub mod answers;
pub mod binlog;
pub mod counts;
pub mod entry;
pub mod epochs;
mod exposition;
pub mod flight;
pub mod ledger;
pub mod memory;
pub mod policy;
pub mod redis;
pub mod remote;
pub mod schema;

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ring::digest::{Context, SHA256};
use serde::Deserialize;
use tokio::{runtime::Handle, time::Instant};

use crate::error::Result;

use counts::Counts;
use entry::{Entry, Times};
use epochs::{Place, Stamp};
use flight::Flights;
use ledger::{Ledger, place_of, table_mark};
use memory::{Draft, Memory};
use redis::{Listener, Redis, RedisConfig};

/// The options of a pool's cache, checked by `lib/options/cache.js`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheConfig {
    /// What tier 1 may hold.
    pub max_bytes: usize,
    /// Whether the server's log of changes is followed, so that what others write is known.
    pub follow_binlog: bool,
    /// How long a result may be given that other processes have written meanwhile.
    pub max_staleness_ms: u64,
    pub redis: Option<RedisConfig>,
}

/// What everything that is kept of one server has in common: who writes what, and others who are told and heard of it.
pub struct Shared {
    pub ledger: Arc<Ledger>,
    /// Tier 2, with those who are told what it hears.
    pub redis: Option<Arc<Redis>>,
    _ear: Option<Arc<Ear>>,
    /// How long a result is given while others can not be heard of.
    bound: Duration,
}

impl Shared {
    /// From now on writes are entered in the ledger. Tier 2 is kept up on `runtime`.
    pub fn new(
        ledger: Arc<Ledger>,
        redis: Option<&RedisConfig>,
        bound: Duration,
        runtime: &Handle,
    ) -> Result<Shared> {
        let ear = redis.map(|_| {
            Arc::new(Ear {
                ledger: ledger.clone(),
                bound,
            })
        });
        let redis = match (redis, &ear) {
            (Some(options), Some(ear)) => {
                let listener: Weak<Ear> = Arc::downgrade(ear);
                let redis = Redis::start(options.clone(), listener, runtime)?;
                ledger.share(&redis);
                Some(redis)
            }
            _ => None,
        };
        ledger.open();
        Ok(Shared {
            ledger,
            redis,
            _ear: ear,
            bound,
        })
    }

    /// The same for what belongs to no pool and so has a ledger of its own.
    pub fn alone(
        redis: Option<&RedisConfig>,
        bound: Duration,
        runtime: &Handle,
    ) -> Result<Arc<Shared>> {
        Shared::new(Arc::default(), redis, bound, runtime).map(Arc::new)
    }

    /// Resolves when other processes can know of everything that was written here so far; false if that takes too long.
    pub async fn has_told_others(&self) -> bool {
        const PATIENCE: Duration = Duration::from_secs(1);
        match &self.redis {
            Some(redis) => redis.settled(PATIENCE).await,
            None => true,
        }
    }

    /// Tells others what is left to tell, and is not heard of any more.
    pub async fn leave(&self) {
        if let Some(redis) = &self.redis {
            redis.close().await;
            // Those who go on hear of nobody by it any more.
            self.ledger.unshare(redis);
        }
    }

    /// How long a result is given while others can not be heard of.
    pub fn bound(&self) -> Duration {
        self.bound
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(redis) = &self.redis {
            self.ledger.unshare(redis);
        }
        self.ledger.close();
    }
}

/// What a pool keeps.
pub struct Cache<W> {
    pub shared: Arc<Shared>,
    pub memory: Memory,
    pub flights: Flights<W>,
    pub counts: Counts,
    /// What became of following the server's log.
    pub binlog: binlog::State,
    /// Part of every digest: what makes the same statement mean something else.
    scope: Box<[u8]>,
}

/// Whether results are kept without looking at what was written meanwhile.
static UNFENCED: AtomicBool = AtomicBool::new(false);

/// Has this process keep whatever it loads, stale or not. The check of freshness calls it to show that it would find out;
/// nothing else may.
pub fn remove_fence() {
    UNFENCED.store(true, Ordering::SeqCst);
}

fn is_unfenced() -> bool {
    UNFENCED.load(Ordering::Relaxed)
}

/// What a result is recognised by: a statement, its parameters, the form of the result and what it is to depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 16]);

impl Digest {
    /// The digest of these parts, in their order, by SHA-256.
    pub fn of(parts: &[&[u8]]) -> Digest {
        Digest::behind(&[], parts.iter().copied())
    }

    fn behind<'a>(scope: &[u8], parts: impl IntoIterator<Item = &'a [u8]>) -> Digest {
        let mut context = Context::new(&SHA256);
        context.update(scope);
        for part in parts {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part);
        }
        let hash = context.finish();
        let mut digest = [0; 16];
        digest.copy_from_slice(&hash.as_ref()[..16]);
        Digest(digest)
    }

    /// In 22 letters, digits, - and _ (RFC 4648, section 5, without padding).
    pub fn base64(&self) -> String {
        const LETTERS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let number = u128::from_be_bytes(self.0);
        // 132 bits, the last four of them zero.
        let letter = |at: u32| {
            let shift = 122_i32 - 6 * at as i32;
            let bits = if shift >= 0 {
                number >> shift
            } else {
                number << -shift
            };
            char::from(LETTERS[(bits & 63) as usize])
        };
        (0..22).map(letter).collect()
    }

    /// The key of a result that its caller gave no name.
    pub fn key(&self) -> Box<str> {
        let digits: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("query:{digits}").into()
    }
}

impl<W> Cache<W> {
    /// The cache of a pool; `scope` tells it from pools whose same statement has other results. Tier 2 is kept up on
    /// `runtime`.
    pub fn new(
        ledger: Arc<Ledger>,
        config: &CacheConfig,
        scope: &[u8],
        runtime: &Handle,
    ) -> Result<Cache<W>> {
        let bound = Duration::from_millis(config.max_staleness_ms);
        let shared = Shared::new(ledger, config.redis.as_ref(), bound, runtime)?;
        Ok(Cache {
            shared: Arc::new(shared),
            memory: Memory::new(config.max_bytes),
            flights: Flights::default(),
            counts: Counts::default(),
            binlog: binlog::State::default(),
            scope: scope.into(),
        })
    }

    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.shared.ledger
    }

    pub fn redis(&self) -> Option<&Arc<Redis>> {
        self.shared.redis.as_ref()
    }

    /// What a result that was read since `stamp` is to be kept under; `None` if it is not to be.
    pub fn fence(&self, stamp: &Stamp) -> Option<Stamp> {
        let epochs = self.ledger().epochs();
        if is_unfenced() {
            return Some(epochs.stamp_again(stamp));
        }
        epochs.allow(stamp).then(|| stamp.clone())
    }

    /// Keeps a value in tier 1, if there is room for it.
    pub fn keep(&self, digest: Digest, draft: Draft) -> Arc<Entry> {
        let (entry, forgotten) = self.memory.put(digest, draft);
        self.counts.evict(forgotten);
        entry
    }

    /// Whether what was read then is no older than the bound, whatever others have written since.
    pub fn is_heard_of(&self, read: Instant, now: Instant) -> bool {
        let horizon = self.ledger().epochs().horizon();
        horizon.is_none_or(|horizon| now < horizon || now < read + self.shared.bound)
    }

    /// Whether a result may still be given in place of another.
    pub fn will_do(&self, older: &Entry) -> bool {
        let now = Instant::now();
        let Times { read, grace, .. } = older.times;
        now < grace && self.ledger().epochs().are(&older.stamp) && self.is_heard_of(read, now)
    }

    /// The figures of the cache as `db.stats().cache` has them.
    pub fn stats(&self) -> serde_json::Value {
        let (prefixes, bypassed, evicted) = self.counts.read();
        serde_json::json!({
            "entries": self.memory.entries(),
            "bytes": self.memory.bytes(),
            "maxBytes": self.memory.max_bytes(),
            "evicted": evicted,
            "bypassed": bypassed,
            "prefixes": prefixes,
            "binlog": self.binlog.stats(),
            "redis": self.redis().map(|redis| redis.stats()),
        })
    }

    /// The digest of these parts for this pool.
    pub fn digest<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>) -> Digest {
        Digest::behind(&self.scope, parts)
    }
}

/// What tier 2 hears, entered in the ledger.
#[derive(Debug)]
struct Ear {
    ledger: Arc<Ledger>,
    bound: Duration,
}

impl Listener for Ear {
    fn bumped(&self, marks: &[&str]) {
        for mark in marks {
            self.ledger.epochs().bump(place_of(mark));
        }
    }

    fn flush(&self) {
        self.ledger.epochs().bump(Place::EVERYTHING);
    }

    fn contact(&self, at: std::time::Instant) {
        self.ledger.epochs().extend_horizon(at.into(), self.bound);
    }
}

/// What a result depends on, as marks.
pub fn marks_of<'a>(
    tables: &[Box<str>],
    tags: impl IntoIterator<Item = &'a Box<str>>,
    key: Option<&str>,
) -> Vec<Box<str>> {
    let mut marks: Vec<Box<str>> = tables.iter().map(|table| table_mark(table)).collect();
    marks.extend(tags.into_iter().map(|tag| tag_mark(tag)));
    if let Some(key) = key {
        marks.push(key_mark(key));
        let ends = key.match_indices(':').map(|(at, _)| at + 1);
        marks.extend(ends.filter_map(|end| key.get(..end)).map(prefix_mark));
    }
    marks
}

/// The mark of a tag.
pub fn tag_mark(tag: &str) -> Box<str> {
    format!("g:{tag}").into()
}

/// The mark of one key.
pub fn key_mark(key: &str) -> Box<str> {
    format!("k:{key}").into()
}

/// The mark of all keys that begin so; a prefix ends in a colon.
pub fn prefix_mark(prefix: &str) -> Box<str> {
    format!("p:{prefix}").into()
}

/// The places of marks in the table of epochs.
pub fn places_of(marks: &[Box<str>]) -> impl Iterator<Item = Place> {
    marks.iter().map(|mark| place_of(mark))
}
