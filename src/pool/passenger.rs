//! Calls that wait without a task of their own.
//!
//! Waking a task for every call costs more than a small query. So a call waits in the queue as it is, and whoever
//! holds a connection and is done takes the next one, or several that can share one write. Only when nobody does is a
//! task started for it.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    time::{Instant, sleep_until, timeout_at},
};

use crate::{
    call::{Answer, Call},
    error::{Error, Result},
};

use super::{
    Claim, Grant, Lease, Pool, State, Waiter,
    entry::{Slot, check_queue},
};

/// A call on its way through the pool.
pub trait Passenger: Send + Sync {
    fn call(&self) -> &Call;

    /// Whether the call may share a write with others, and be run again when that fails.
    fn shares(&self) -> bool;

    /// Starts the task that runs the call. Never called under a lock.
    fn board(self: Box<Self>, seat: Seat);

    /// Enters the pool once more, for a connection of its own. Never called under a lock.
    fn again(self: Box<Self>);

    /// Ends the call. Where the answer needs somebody woken, that is left to the caller.
    fn finish(self: Box<Self>, result: Result<Answer>) -> Option<Arc<dyn Wake>>;
}

/// Somebody who sleeps until there are answers.
pub trait Wake: Send + Sync {
    fn wake(&self);
}

/// What a call gets from the pool.
pub struct Seat {
    pool: Arc<Pool>,
    since: Instant,
    place: Place,
}

enum Place {
    Lease(Lease),
    /// A connection that was lent already and moved to another thread.
    Running(Lease),
    /// A connection that has been idle since.
    Idle(Lease, Instant),
    /// The right to open one.
    Slot(Slot),
}

impl Seat {
    /// Where the call is to run: with its connection.
    pub fn home(&self) -> &Handle {
        let home = match &self.place {
            Place::Lease(lease) | Place::Idle(lease, _) | Place::Running(lease) => lease.home(),
            Place::Slot(slot) => Some(slot.home()),
        };
        let workers = &self.pool.workers;
        workers.handle(home.unwrap_or_else(|| workers.calm()))
    }

    /// Comes to the connection: checks one that has been idle for long, opens one where there is none yet. Waits at
    /// most `acquireTimeoutMs` from the moment the call entered the pool.
    pub async fn take(self) -> Result<Lease> {
        let (pool, since) = (self.pool.clone(), self.since);
        let deadline = since + pool.config.acquire_timeout();
        let taken = match self.place {
            Place::Running(lease) => return Ok(lease),
            Place::Lease(lease) => Ok(lease),
            Place::Idle(lease, idle_since) if pool.trusts(idle_since) => Ok(lease),
            // A dead connection is replaced by whatever the queue comes to next.
            Place::Idle(lease, _) => match pool.validate(lease, deadline).await {
                Some(lease) => Ok(lease),
                None => {
                    return match timeout_at(deadline, pool.enter().lend()).await {
                        Ok(lent) => lent,
                        Err(_) => Err(pool.acquire_timeout(since)),
                    };
                }
            },
            Place::Slot(slot) => pool.open(slot, since, deadline).await,
        };
        pool.metrics.acquire.observe(since.elapsed());
        taken
    }
}

impl Pool {
    /// Takes a call in: it gets an idle connection or a free slot at once, or waits in the queue at most
    /// `acquireTimeoutMs`. Must not be called under a lock.
    pub fn admit(self: &Arc<Pool>, passenger: Box<dyn Passenger>) {
        let since = Instant::now();
        let mut state = self.lock();
        let place = if state.closed {
            Err(super::closed())
        } else if let Some(idle) = state.idle.pop() {
            let lease = Lease::new(self.clone(), idle.connection);
            Ok(Place::Idle(lease, idle.since))
        } else if state.total < self.config.connection_limit {
            state.total += 1;
            Ok(Place::Slot(Slot::new(self)))
        } else {
            match check_queue(self, &state) {
                Err(full) => Err(full),
                Ok(()) => {
                    state.queue(Claim::Call { passenger, since });
                    let is_watched = std::mem::replace(&mut state.is_watched, true);
                    drop(state);
                    if !is_watched {
                        self.workers
                            .handle(self.workers.calm())
                            .spawn(watch(Arc::downgrade(self)));
                    }
                    return;
                }
            }
        };
        drop(state);
        match place {
            Ok(place) => passenger.board(Seat {
                pool: self.clone(),
                since,
                place,
            }),
            Err(error) => refuse(passenger, error),
        }
    }

    /// Gives a call that waited what has come free.
    pub(super) fn seat(
        self: &Arc<Pool>,
        passenger: Box<dyn Passenger>,
        since: Instant,
        grant: Grant,
    ) {
        let place = match grant {
            Grant::Connection(pooled) => Place::Lease(Lease::new(self.clone(), pooled)),
            Grant::Slot => Place::Slot(Slot::new(self)),
        };
        passenger.board(Seat {
            pool: self.clone(),
            since,
            place,
        });
    }

    fn trusts(&self, idle_since: Instant) -> bool {
        idle_since.elapsed() < Duration::from_millis(self.config.validate_after_idle_ms)
    }
}

impl Lease {
    /// Takes the call that waits next, to be run on this connection; without one the connection goes back.
    pub fn next(mut self) -> Option<(Lease, Box<dyn Passenger>)> {
        if !self.is_fit() {
            self.put_back();
            return None;
        }
        let passenger = {
            let mut state = self.pool.lock();
            match state.waiters.front() {
                Some(waiter) if matches!(waiter.claim, Claim::Call { .. }) => pop_call(&mut state),
                _ => None,
            }
        };
        match passenger {
            Some((passenger, since)) => {
                self.pool.metrics.acquire.observe(since.elapsed());
                Some((self, passenger))
            }
            None => {
                self.put_back();
                None
            }
        }
    }

    /// Moves the connection to another thread if that is better for it. The seat is for the call that it runs next,
    /// which has to be boarded anew.
    pub fn moved(mut self) -> std::result::Result<Seat, Lease> {
        let better = self.home().and_then(|home| self.pool.workers.better(home));
        match better {
            Some(home) if self.rehome(home) => Ok(Seat {
                pool: self.pool.clone(),
                since: Instant::now(),
                place: Place::Running(self),
            }),
            _ => Err(self),
        }
    }

    /// Takes calls from the front of the queue, in their order, while they share and are quick on this connection: no
    /// more than this connection's part of those who wait, and at most `most`.
    pub fn riders(&mut self, most: usize) -> Vec<Box<dyn Passenger>> {
        let pool = self.pool.clone();
        let connection = self.connection();
        let mut riders = Vec::new();
        let mut waited = Vec::new();
        let mut state = pool.lock();
        // Twice its part, because about half of the connections are in the middle of their own when one comes free.
        let part = (2 * state.waiters.len())
            .div_ceil(state.total.max(1))
            .min(most);
        while riders.len() < part {
            let rides = match state.waiters.front().map(|waiter| &waiter.claim) {
                Some(Claim::Call { passenger, .. }) => {
                    let call = passenger.call();
                    passenger.shares() && connection.is_quick(&call.statement, &call.params)
                }
                _ => false,
            };
            let Some((passenger, since)) = rides.then(|| pop_call(&mut state)).flatten() else {
                break;
            };
            waited.push(since);
            riders.push(passenger);
        }
        drop(state);
        for since in waited {
            pool.metrics.acquire.observe(since.elapsed());
        }
        riders
    }
}

fn pop_call(state: &mut State) -> Option<(Box<dyn Passenger>, Instant)> {
    match state.waiters.pop_front()?.claim {
        Claim::Call { passenger, since } => Some((passenger, since)),
        Claim::Task(_) => None,
    }
}

/// Ends a call at once.
pub(super) fn refuse(passenger: Box<dyn Passenger>, error: Error) {
    if let Some(sleeper) = passenger.finish(Err(error)) {
        sleeper.wake();
    }
}

/// Ends the calls that wait for too long. All have the same limit, so the first of the queue is due first. The task
/// ends when no call waits any more, and with the pool.
async fn watch(pool: Weak<Pool>) {
    loop {
        let due = {
            let Some(pool) = pool.upgrade() else { return };
            let limit = pool.config.acquire_timeout();
            loop {
                let mut state = pool.lock();
                let first = state
                    .waiters
                    .iter()
                    .position(|waiter| matches!(waiter.claim, Claim::Call { .. }));
                let Some(at) = first else {
                    state.is_watched = false;
                    return;
                };
                let Some(Waiter {
                    claim: Claim::Call { since, .. },
                    ..
                }) = state.waiters.get(at)
                else {
                    return;
                };
                let (since, due) = (*since, *since + limit);
                if Instant::now() < due {
                    break due;
                }
                let expired = state.waiters.remove(at);
                drop(state);
                if let Some(Waiter {
                    claim: Claim::Call { passenger, .. },
                    ..
                }) = expired
                {
                    pool.metrics.acquire.observe(since.elapsed());
                    refuse(passenger, pool.acquire_timeout(since));
                }
            }
        };
        sleep_until(due).await;
    }
}
