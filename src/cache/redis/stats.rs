//! Counters of the second tier. They only rise.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use serde::Serialize;

use super::breaker::BreakerState;

/// What is counted while it happens.
#[derive(Debug, Default)]
pub struct Counters {
    pub hits: AtomicU64,
    pub misses: AtomicU64,
    pub waits: AtomicU64,
    pub off: AtomicU64,
    pub stores: AtomicU64,
    pub fenced: AtomicU64,
    pub timeouts: AtomicU64,
    pub errors: AtomicU64,
    pub bumps_told: AtomicU64,
    pub bumps_heard: AtomicU64,
    pub flushes: AtomicU64,
    pub connects: AtomicU64,
    pub bytes_read: AtomicU64,
    pub bytes_written: AtomicU64,
    pub connected: AtomicBool,
    // Written when something fails, read by people.
    last_error: Mutex<Option<String>>,
}

/// The counters at one moment.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    pub connected: bool,
    pub breaker: BreakerState,
    /// Marks that Redis has not confirmed yet.
    pub bumps_waiting: usize,
    pub hits: u64,
    pub misses: u64,
    /// Lookups that were told to wait for another process.
    pub waits: u64,
    /// Lookups that went on without Redis.
    pub off: u64,
    pub stores: u64,
    /// Values that were not stored because something was written meanwhile.
    pub fenced: u64,
    pub timeouts: u64,
    pub errors: u64,
    pub breaker_opened: u64,
    /// Marks that this process told the others, and that it was told.
    pub bumps_told: u64,
    pub bumps_heard: u64,
    /// How often all of the first tier had to go.
    pub flushes: u64,
    pub connects: u64,
    /// Of payloads, as they go over the network.
    pub bytes_read: u64,
    pub bytes_written: u64,
    pub last_error: Option<String>,
}

/// One more.
pub fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

pub fn add(counter: &AtomicU64, amount: usize) {
    counter.fetch_add(amount as u64, Relaxed);
}

impl Counters {
    /// Keeps what went wrong, cut to what a log line holds.
    pub fn note(&self, error: &str) {
        let text = error.chars().take(200).collect();
        *self
            .last_error
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(text);
    }

    pub fn read(&self, breaker: &super::breaker::Breaker, bumps_waiting: usize) -> Stats {
        let last_error = self
            .last_error
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        Stats {
            connected: self.connected.load(Relaxed),
            breaker: breaker.state(),
            bumps_waiting,
            hits: self.hits.load(Relaxed),
            misses: self.misses.load(Relaxed),
            waits: self.waits.load(Relaxed),
            off: self.off.load(Relaxed),
            stores: self.stores.load(Relaxed),
            fenced: self.fenced.load(Relaxed),
            timeouts: self.timeouts.load(Relaxed),
            errors: self.errors.load(Relaxed),
            breaker_opened: breaker.opened(),
            bumps_told: self.bumps_told.load(Relaxed),
            bumps_heard: self.bumps_heard.load(Relaxed),
            flushes: self.flushes.load(Relaxed),
            connects: self.connects.load(Relaxed),
            bytes_read: self.bytes_read.load(Relaxed),
            bytes_written: self.bytes_written.load(Relaxed),
            last_error: last_error.clone(),
        }
    }
}
