//! How a task comes to a connection: it waits in the queue among the calls, and keeps its own deadline.

use std::sync::Arc;

use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};

use crate::{error::Result, runtime::Home};

use super::{Claim, Grant, Lease, Pool, Pooled, State, Waiter, closed};

enum Held {
    /// An idle connection, and the moment since when it has been idle.
    Idle(Lease, Instant),
    Slot(Slot),
    Place(Place),
}

impl Pool {
    /// Lends a connection to a task, waiting at most `acquireTimeoutMs`.
    pub async fn acquire(self: &Arc<Pool>) -> Result<Lease> {
        let started = Instant::now();
        let deadline = started + self.config.acquire_timeout();
        let lent = self.lend(started, deadline).await;
        self.metrics.acquire.observe(started.elapsed());
        lent
    }

    async fn lend(self: &Arc<Pool>, started: Instant, deadline: Instant) -> Result<Lease> {
        let mut held = enter(self)?;
        loop {
            held = match held {
                Held::Idle(lease, since) if self.trusts(since) => return Ok(lease),
                Held::Idle(lease, _) => match self.validate(lease, deadline).await {
                    Some(lease) => return Ok(lease),
                    None => enter(self)?,
                },
                Held::Slot(slot) => return self.open(slot, started, deadline).await,
                Held::Place(place) => match place.wait(started, deadline).await? {
                    Grant::Connection(pooled) => return Ok(Lease::new(self.clone(), pooled)),
                    Grant::Slot => Held::Slot(Slot::new(self)),
                },
            };
        }
    }
}

/// An idle connection, a free slot, or a place in the queue.
fn enter(pool: &Arc<Pool>) -> Result<Held> {
    let mut ended = Vec::new();
    let held = hold(pool, &mut ended);
    pool.retire_all(ended);
    held
}

fn hold(pool: &Arc<Pool>, ended: &mut Vec<Pooled>) -> Result<Held> {
    // Declared first, so that what is in it is dropped without the lock.
    let mut gone = Vec::new();
    let mut state = pool.lock();
    if state.closed {
        return Err(closed());
    }
    if let Some(idle) = state.take_idle(ended) {
        drop(state);
        return Ok(Held::Idle(
            Lease::new(pool.clone(), idle.connection),
            idle.since,
        ));
    }
    if state.total < pool.config.connection_limit {
        state.total += 1;
        drop(state);
        return Ok(Held::Slot(Slot::new(pool)));
    }
    check_queue(pool, &mut state, &mut gone)?;
    let (grant, receiver) = oneshot::channel();
    let number = state.queue(Claim::Task(grant));
    Ok(Held::Place(Place {
        pool: pool.clone(),
        number,
        receiver,
    }))
}

/// Whether the queue takes one more. Calls that have left it without being taken out go to `gone` when it is full.
pub(super) fn check_queue(pool: &Pool, state: &mut State, gone: &mut Vec<Waiter>) -> Result<()> {
    if !pool.config.wait_for_connections {
        let what = "waitForConnections is false and no connection is free";
        return Err(pool.queue_full(state, what));
    }
    let is_full = |state: &State| {
        pool.config.queue_limit > 0 && state.waiters.len() >= pool.config.queue_limit
    };
    if is_full(state) {
        gone.append(&mut state.sweep());
    }
    if is_full(state) {
        return Err(pool.queue_full(state, "the queue for connections is full"));
    }
    Ok(())
}

/// A place in the queue. However its holder ends, the entry goes, and what was granted unseen goes back.
struct Place {
    pool: Arc<Pool>,
    number: u64,
    receiver: oneshot::Receiver<Grant>,
}

impl Place {
    async fn wait(mut self, started: Instant, deadline: Instant) -> Result<Grant> {
        // Marked cancellation point: dropped here, the place gives back what it was granted.
        match timeout_at(deadline, &mut self.receiver).await {
            Ok(Ok(grant)) => Ok(grant),
            // The sender goes away unsent only when the pool closes.
            Ok(Err(_)) => Err(closed()),
            // A grant may have come between the deadline and leaving the queue.
            Err(_) => self
                .leave()
                .ok_or_else(|| self.pool.acquire_timeout(started)),
        }
    }

    /// Leaves the queue with what has been granted, if anything has. Grants are sent under the lock, so none comes
    /// after the entry is gone.
    fn leave(&mut self) -> Option<Grant> {
        self.pool.lock().leave(self.number);
        self.receiver.try_recv().ok()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        match self.leave() {
            Some(Grant::Connection(pooled)) => self.pool.put_back(pooled),
            Some(Grant::Slot) => self.pool.free_slot(),
            None => {}
        }
    }
}

/// A counted slot without a connection; it is given up unless kept.
pub struct Slot {
    pool: Option<Arc<Pool>>,
    /// Where its connection will live.
    home: Home,
}

impl Slot {
    pub(super) fn new(pool: &Arc<Pool>) -> Slot {
        Slot {
            pool: Some(pool.clone()),
            home: pool.workers.calm(),
        }
    }

    pub(super) fn home(&self) -> Home {
        self.home
    }

    pub(super) fn keep(mut self) {
        self.pool = None;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            pool.free_slot();
        }
    }
}
