//! The right to load a value, which one process has at a time.
//!
//! A lease dies with its process: Redis lets it go after `lease_ms`, and it is renewed while the load lasts. It also goes
//! when the [`Fill`](super::Fill) that holds it is dropped, whatever happened to the load. If Redis can not be told then, it
//! is as soon as it answers again.

use std::{
    collections::HashMap,
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use fred::clients::{Client, WithOptions};
use tokio::time::timeout;

use super::{Core, Digest, keys, scripts};

/// Nothing that is loaded for longer keeps other processes waiting.
const LONGEST: Duration = Duration::from_secs(60);
/// Leases that are renewed. Others last for `lease_ms`.
const MOST: usize = 10_000;
/// Leases that Redis is to be told of later. Others last for `lease_ms`.
const MOST_OWED: usize = 10_000;

/// The leases of this process.
#[derive(Debug, Default)]
pub struct Leases {
    next: AtomicU64,
    // Held for a look-up, never across an await.
    held: Mutex<HashMap<u64, (Digest, Instant)>>,
    /// Those that Redis could not be told of. Held to add one or to take all.
    owed: Mutex<Vec<Owed>>,
}

/// A lease that is to be given back.
#[derive(Debug)]
struct Owed {
    digest: Digest,
    number: u64,
    /// When it is over by itself.
    ends: Instant,
}

/// One lease, or the question for it. Dropped, it is given back.
#[derive(Debug)]
pub struct Lease {
    core: Arc<Core>,
    digest: Digest,
    number: u64,
    given_back: bool,
}

impl Leases {
    /// Those to renew, and who holds them.
    pub fn to_renew(&self) -> Vec<(u64, Digest)> {
        let mut held = self.lock();
        held.retain(|_, (_, since)| since.elapsed() < LONGEST);
        held.iter()
            .map(|(&number, &(digest, _))| (number, digest))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, (Digest, Instant)>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn owed(&self) -> MutexGuard<'_, Vec<Owed>> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn owe(&self, lease: Owed) {
        let mut owed = self.owed();
        if owed.len() < MOST_OWED {
            owed.push(lease);
        }
    }
}

impl Core {
    /// Gives back, in the background, what could not be when it ended.
    pub fn give_back_owed(self: &Arc<Self>) {
        let owed = mem::take(&mut *self.leases.owed());
        if owed.is_empty() {
            return;
        }
        let core = self.clone();
        self.runtime.spawn(async move {
            for lease in owed {
                if Instant::now() < lease.ends {
                    core.give_back(lease).await;
                }
            }
        });
    }

    /// Gives a lease back and wakes who waits for it; later, if Redis does not answer.
    async fn give_back(&self, lease: Owed) {
        let is_told = match self.any_link() {
            Some(link) => self.release(&link, &lease).await,
            None => false,
        };
        if !is_told {
            self.leases.owe(lease);
        }
    }

    async fn release(&self, link: &WithOptions<Client>, lease: &Owed) -> bool {
        let keys = vec![self.keys.epochs.clone(), self.keys.lease(&lease.digest)];
        let args = vec![
            holder(&self.member, lease.number).into(),
            self.keys.wake.clone().into(),
            keys::hex(&lease.digest).into(),
        ];
        let question = scripts::RELEASE.call(link, keys, args);
        let answer = timeout(self.config.patience(), question).await;
        matches!(answer, Ok(Ok(_)))
    }
}

impl Lease {
    /// To be made before Redis is asked: a question that gets no answer in time may have been granted.
    pub fn ask(core: &Arc<Core>, digest: Digest) -> Lease {
        Lease {
            core: core.clone(),
            digest,
            number: core.leases.next.fetch_add(1, Relaxed),
            given_back: false,
        }
    }

    /// The name under which Redis knows it.
    pub fn holder(&self) -> String {
        holder(&self.core.member, self.number)
    }

    /// It was granted, and is renewed from now on.
    pub fn granted(self) -> Lease {
        let mut held = self.core.leases.lock();
        if held.len() < MOST {
            held.insert(self.number, (self.digest, Instant::now()));
        }
        drop(held);
        self
    }

    /// Redis does not hold it for us: it was not granted, or has been given back.
    pub fn over(mut self) {
        self.given_back = true;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.core.leases.lock().remove(&self.number);
        if self.given_back {
            return;
        }
        let core = self.core.clone();
        let lease = Owed {
            digest: self.digest,
            number: self.number,
            ends: Instant::now() + Duration::from_millis(core.config.lease_ms),
        };
        let runtime = core.runtime.clone();
        runtime.spawn(async move { core.give_back(lease).await });
    }
}

pub fn holder(member: &str, number: u64) -> String {
    format!("{member}:{number}")
}
