//! The right to load a value, which one process has at a time.
//!
//! A lease dies with its process: Redis lets it go after `lease_ms`, and it is renewed while the load lasts. It also goes
//! when the [`Fill`](super::Fill) that holds it is dropped, whatever happened to the load.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use super::{Core, Digest};

/// Nothing that is loaded for longer keeps other processes waiting.
const LONGEST: Duration = Duration::from_secs(60);
/// Leases that are renewed. Others last for `lease_ms`.
const MOST: usize = 10_000;

/// The leases of this process.
#[derive(Debug, Default)]
pub struct Leases {
    next: AtomicU64,
    // Held for a look-up, never across an await.
    held: Mutex<HashMap<u64, (Digest, Instant)>>,
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

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, (Digest, Instant)>> {
        self.held
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
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
        if !self.given_back {
            self.core.clone().give_back(self.digest, self.holder());
        }
    }
}

pub fn holder(member: &str, number: u64) -> String {
    format!("{member}:{number}")
}
