//! The second tier of the cache: values in Redis, shared by processes, and never older than a write that Redis was told.
//!
//! - `entry`, `store` and `write` are what a process does. Each step is one script (`scripts`, `lua/`), but for the look that
//!   most lookups end with (`glance`).
//! - `session` keeps the contact: it joins, hears, tells and beats. `connect` makes its two connections.
//! - `outbox` is what was written and not confirmed; `leases` and `wakes` are who loads and who waits.
//! - `limit` are the counters of rate limiters, which have nothing to do with values.
//! - `breaker` leaves a slow Redis alone; `payload` is a value as bytes; `keys` has the names.
//!
//! Invariants: only this folder names `fred`. No query waits for Redis longer than `command_timeout_ms`, and what Redis can
//! not answer is answered by the database. The process uses nothing that depends on a mark which it has written and Redis
//! does not know. What another process wrote and could not tell is used for `max_staleness_ms` at most, see `lua/beat.lua`.

use std::{
    sync::{
        Arc, Mutex, RwLock, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use fred::clients::{Client, WithOptions};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::{
    runtime::Handle,
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout, timeout_at},
};

use crate::error::Result;

pub use breaker::BreakerState;
pub use config::{BreakerConfig, Cluster, Node, RedisConfig, Sentinel};
pub use entry::{Fill, Hit, Lookup, Times, Wait};
pub use limit::{Tallies, Tally};
pub use stats::Stats;
pub use write::Write;

use breaker::Breaker;
use connect::Dialer;
use keys::Keys;
use leases::Leases;
use outbox::Outbox;
use stats::{Counters, count};
use wakes::{Turn, Wakes};

mod answer;
mod breaker;
mod config;
mod connect;
mod entry;
mod glance;
mod keys;
mod leases;
mod limit;
mod outbox;
mod payload;
mod scripts;
mod session;
mod stats;
mod store;
mod wakes;
mod write;

/// What a value is of: the statement, its parameters and the form of the result.
pub type Digest = [u8; 16];

/// For how long after the start somebody waits for the first connection.
const STARTING: Duration = Duration::from_secs(1);

/// How long an orderly end may take.
const CLOSING: Duration = Duration::from_secs(2);

/// The first tier, which is told what other processes do. Its methods are called on a worker thread and must not wait.
pub trait Listener: Send + Sync {
    /// Another process wrote these marks.
    fn bumped(&self, marks: &[&str]);

    /// Anything may have been missed: all entries have to go, and those that are being loaded must not be kept.
    fn flush(&self);

    /// Everything that anybody wrote before `at` has been told, or was thrown away because it could not be known. Entries may
    /// be used until `at` and the longest staleness, and no longer without another contact.
    fn contact(&self, at: Instant);
}

/// A process's share in the second tier. Dropped without [`Redis::close`] it is gone like a process that was killed.
#[derive(Debug)]
pub struct Redis {
    core: Arc<Core>,
    // Taken once, by whoever closes first.
    session: Mutex<Option<JoinHandle<()>>>,
}

/// What the parts share.
struct Core {
    config: RedisConfig,
    keys: Keys,
    /// The name of this process, unlike any other.
    member: String,
    // Read by each command for as long as it takes to clone, written when a connection comes or goes.
    link: RwLock<Option<WithOptions<Client>>>,
    /// When the last beat that was answered had been sent, in milliseconds since `born`.
    heard: AtomicU64,
    born: Instant,
    breaker: Breaker,
    outbox: Outbox,
    wakes: Wakes,
    leases: Leases,
    counters: Counters,
    listener: Weak<dyn Listener>,
    runtime: Handle,
    /// Whether the first attempt to connect has ended.
    tried: watch::Sender<bool>,
    closing: watch::Sender<bool>,
}

impl Redis {
    /// Begins to connect, in the background and for as long as it takes. Fails only when the options cannot be right.
    pub fn start(
        config: RedisConfig,
        listener: Weak<dyn Listener>,
        runtime: &Handle,
    ) -> Result<Arc<Redis>> {
        let dialer = Dialer::new(&config)?;
        let core = Arc::new(Core {
            keys: Keys::new(&config.key_prefix),
            member: member(),
            link: RwLock::new(None),
            heard: AtomicU64::new(0),
            born: Instant::now(),
            breaker: Breaker::new(config.breaker),
            outbox: Outbox::default(),
            wakes: Wakes::default(),
            leases: Leases::default(),
            counters: Counters::default(),
            listener,
            runtime: runtime.clone(),
            tried: watch::Sender::new(false),
            closing: watch::Sender::new(false),
            config,
        });
        let session = runtime.spawn(session::keep(core.clone(), Arc::new(dialer)));
        Ok(Arc::new(Redis {
            core,
            session: Mutex::new(Some(session)),
        }))
    }

    /// Resolves when the other process has stored the value or given up, or when its lease is over. Then ask again.
    pub async fn woken(&self, wait: &Wait) {
        match self.core.wakes.wait(&wait.digest, wait.since) {
            Turn::Now => {}
            Turn::Later(woken) => {
                // The end of the lease is the only timer.
                let _ = timeout(wait.left, woken).await;
            }
            Turn::Alone => sleep(wait.left).await,
        }
    }

    /// Resolves when Redis knows everything that this process has written so far; false when it does not in time.
    pub async fn settled(&self, within: Duration) -> bool {
        timeout(within, self.core.outbox.settled()).await.is_ok()
    }

    /// Whether Redis can be asked now.
    pub fn is_connected(&self) -> bool {
        self.core.counters.connected.load(Relaxed)
    }

    /// Tells what is left to tell, leaves, and ends. After it everything is `Off`.
    pub async fn close(&self) {
        self.core.closing.send_replace(true);
        let session = self.lock().take();
        if let Some(mut session) = session
            && timeout(CLOSING, &mut session).await.is_err()
        {
            session.abort();
        }
        self.core.disconnect();
    }

    pub fn stats(&self) -> Stats {
        let core = &self.core;
        core.counters.read(&core.breaker, core.outbox.waiting())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<JoinHandle<()>>> {
        self.session
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if let Some(session) = self.lock().take() {
            session.abort();
        }
        self.core.disconnect();
    }
}

impl Core {
    /// The connection, if it may be used now: not when the last contact is so long ago that others may have been silent.
    fn link(&self) -> Option<WithOptions<Client>> {
        let heard = self.born + Duration::from_millis(self.heard.load(Relaxed));
        if heard.elapsed() > self.config.trust() {
            return None;
        }
        self.any_link()
    }

    /// The connection, for what does not use values.
    fn any_link(&self) -> Option<WithOptions<Client>> {
        let link = self.link.read();
        link.unwrap_or_else(|poisoned| poisoned.into_inner())
            .clone()
    }

    /// The same; the first one is waited for, by those who ask soon after the start.
    async fn link_by(&self, deadline: Instant) -> Option<WithOptions<Client>> {
        if let Some(link) = self.any_link() {
            return Some(link);
        }
        let deadline = deadline.min(self.born + STARTING);
        let mut tried = self.tried.subscribe();
        let ended = timeout_at(deadline.into(), tried.wait_for(|ended| *ended)).await;
        ended.ok()?.ok()?;
        self.any_link()
    }

    fn connect(&self, link: WithOptions<Client>) {
        *self
            .link
            .write()
            .unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(link);
        self.counters.connected.store(true, Relaxed);
        count(&self.counters.connects);
        self.tried.send_replace(true);
    }

    fn disconnect(&self) {
        *self
            .link
            .write()
            .unwrap_or_else(|poisoned| poisoned.into_inner()) = None;
        self.counters.connected.store(false, Relaxed);
        self.tried.send_replace(true);
        self.wakes.wake_all();
    }

    fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    async fn closing(&self) {
        // The sender lives as long as this, so it only ends with the value.
        let _ = self.closing.subscribe().wait_for(|closing| *closing).await;
    }

    fn flush(&self) {
        count(&self.counters.flushes);
        if let Some(listener) = self.listener.upgrade() {
            listener.flush();
        }
    }

    fn bumped(&self, marks: &[&str]) {
        if let Some(listener) = self.listener.upgrade() {
            listener.bumped(marks);
        }
    }

    /// A beat that was sent at that moment was answered, and all messages before it have come.
    fn contact(&self, sent: Instant) {
        let since = sent.saturating_duration_since(self.born);
        self.heard.store(
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            Relaxed,
        );
        if let Some(listener) = self.listener.upgrade() {
            // What a process wrote shortly before may be untold, and its silence not noticed yet.
            let unsure = self.config.max_staleness() - self.config.trust();
            listener.contact(sent.checked_sub(unsure).unwrap_or(sent));
        }
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core")
            .field("member", &self.member)
            .finish_non_exhaustive()
    }
}

/// Random bytes; `None` when the system has none.
fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).ok().map(|()| bytes)
}

/// A name for this process: letters and digits, as the scripts expect it.
fn member() -> String {
    let bytes = random::<16>().unwrap_or_else(|| {
        // Without randomness the address of something and the time are unlike those of others.
        let here = std::ptr::from_ref(&CLOSING).addr() as u64 ^ u64::from(std::process::id());
        let now = std::time::UNIX_EPOCH
            .elapsed()
            .map_or(0, |time| time.as_nanos() as u64);
        ((u128::from(here) << 64) | u128::from(now)).to_be_bytes()
    });
    keys::hex(&bytes)[..16].to_owned()
}
