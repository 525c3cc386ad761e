//! How a stream and its reader keep in step: what has been handed over and not been used yet is counted, and the stream
//! waits where it is too much.

use std::{
    future::pending,
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

use tokio::{sync::Notify, time::sleep};

use crate::error::{Error, Kind};

/// How much may be handed over and not used. Small enough for any number of streams, large enough for the server to be
/// at work while rows are used.
const AHEAD: usize = 256 * 1024;

/// What a stream and its reader tell each other.
#[derive(Debug)]
pub struct Flow {
    /// Bytes handed over and not used.
    ahead: AtomicUsize,
    used: Notify,
    /// Rises with every row and whenever something has been used.
    moves: AtomicU64,
    /// Whether the stream waits for its reader, or else for the server.
    waits_for_reader: AtomicBool,
    /// How long the reader may use nothing.
    stall_limit: Option<Duration>,
}

impl Flow {
    pub fn new(stall_limit: Option<Duration>) -> Flow {
        Flow {
            ahead: AtomicUsize::new(0),
            used: Notify::new(),
            moves: AtomicU64::new(0),
            waits_for_reader: AtomicBool::new(false),
            stall_limit,
        }
    }

    /// This much has been handed over.
    pub fn handed_over(&self, bytes: usize) {
        self.ahead.fetch_add(bytes, Ordering::AcqRel);
    }

    /// The reader has used this much of it.
    pub fn used(&self, bytes: usize) {
        self.ahead.fetch_sub(bytes, Ordering::AcqRel);
        self.moved();
        self.used.notify_waiters();
    }

    // A sign of life; nothing is ordered by it.
    pub fn moved(&self) {
        self.moves.fetch_add(1, Ordering::Relaxed);
    }

    pub fn has_room(&self) -> bool {
        self.ahead.load(Ordering::Acquire) < AHEAD
    }

    /// Waits until the reader has used enough.
    pub async fn room(&self) {
        while !self.has_room() {
            let used = self.used.notified();
            if self.has_room() {
                return;
            }
            self.waits_for_reader.store(true, Ordering::Release);
            used.await;
            self.waits_for_reader.store(false, Ordering::Release);
        }
    }

    /// Resolves when nothing has moved for too long: on the side of the server for `query_limit`, on the side of the
    /// reader for its own limit, each within a quarter more.
    pub async fn watch(&self, query_limit: Option<Duration>) -> Error {
        const PARTS: u32 = 4;
        let Some(shortest) = query_limit.into_iter().chain(self.stall_limit).min() else {
            return pending().await;
        };
        let period = shortest / PARTS;
        let mut still = Duration::ZERO;
        let mut seen = (0, false);
        loop {
            sleep(period).await;
            let now = (
                self.moves.load(Ordering::Relaxed),
                self.waits_for_reader.load(Ordering::Acquire),
            );
            still = if now == seen {
                still + period
            } else {
                Duration::ZERO
            };
            seen = now;
            let limit = if now.1 { self.stall_limit } else { query_limit };
            match limit {
                Some(limit) if still >= limit => return stalled(now.1, limit),
                _ => {}
            }
        }
    }
}

#[cold]
fn stalled(waits_for_reader: bool, limit: Duration) -> Error {
    let ms = limit.as_millis();
    if waits_for_reader {
        return Error::new(
            Kind::StreamStalled,
            format!(
                "the rows of the stream were not used for {ms} ms (stallTimeoutMs), and its connection is needed"
            ),
        );
    }
    Error::new(
        Kind::QueryTimeout,
        format!("the server sent nothing of the stream for {ms} ms (queryTimeoutMs)"),
    )
}
