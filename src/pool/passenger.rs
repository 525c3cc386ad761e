//! Calls that wait without a task of their own.
//!
//! Waking a task for every call costs more than a small query. So a call waits in the queue as it is, and whoever
//! holds a connection and is done takes the next one, or several that can share one write. Only when nobody does is a
//! task started for it.

use std::sync::{Arc, MutexGuard, Weak};

use tokio::{
    runtime::Handle,
    time::{Instant, sleep_until},
};

use crate::{
    call::{Answer, Call},
    error::{Error, Result},
};

use super::{
    Claim, Grant, Lease, Pool, Pooled, State, Waiter,
    acquire::{Slot, check_queue},
};

/// A call on its way through the pool.
pub trait Passenger: Send + Sync {
    fn call(&self) -> &Call;

    /// When the call began to wait for a connection; its acquire deadline counts from here.
    fn entered(&self) -> Instant;

    /// Whether the call may share a write with others, and be run again when that fails.
    fn shares(&self) -> bool;

    /// Starts the task that runs the call. Never called under a lock.
    fn board(self: Box<Self>, seat: Seat);

    /// Goes back to the pool, at the front, for a connection of its own. Never called under a lock.
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
    entered: Instant,
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
    /// most `acquireTimeoutMs` from the moment the call entered the pool. `None` means that the idle connection was
    /// dead and is gone; the call has to go back to the pool.
    pub async fn take(self) -> Result<Option<Lease>> {
        let Seat {
            pool,
            entered,
            place,
        } = self;
        let deadline = entered + pool.config.acquire_timeout();
        let taken = match place {
            Place::Running(lease) => return Ok(Some(lease)),
            Place::Lease(lease) => Ok(lease),
            Place::Idle(lease, since) if pool.trusts(since) => Ok(lease),
            Place::Idle(lease, _) => match pool.validate(lease, deadline).await {
                Some(lease) => Ok(lease),
                None => return Ok(None),
            },
            Place::Slot(slot) => pool.open(slot, entered, deadline).await,
        };
        pool.metrics.acquire.observe(entered.elapsed());
        taken.map(Some)
    }
}

impl Pool {
    /// Takes a call in: it gets an idle connection or a free slot at once, or waits in the queue at most
    /// `acquireTimeoutMs`. Must not be called under a lock.
    pub fn admit(self: &Arc<Pool>, passenger: Box<dyn Passenger>) {
        self.place(passenger, false);
    }

    /// Takes a call back that had been let out of the queue: to the front, and even when the queue is full.
    pub fn readmit(self: &Arc<Pool>, passenger: Box<dyn Passenger>) {
        self.place(passenger, true);
    }

    fn place(self: &Arc<Pool>, passenger: Box<dyn Passenger>, comes_back: bool) {
        let mut ended = Vec::new();
        self.place_or_queue(passenger, comes_back, &mut ended);
        self.retire_all(ended);
    }

    fn place_or_queue(
        self: &Arc<Pool>,
        passenger: Box<dyn Passenger>,
        comes_back: bool,
        ended: &mut Vec<Pooled>,
    ) {
        // Declared first, so that what is in it is dropped without the lock.
        let mut gone = Vec::new();
        let mut state = self.lock();
        let place = if state.closed {
            Err(super::closed())
        } else if let Some(idle) = state.take_idle(ended) {
            let lease = Lease::new(self.clone(), idle.connection);
            Ok(Place::Idle(lease, idle.since))
        } else if state.total < self.config.connection_limit {
            state.total += 1;
            Ok(Place::Slot(Slot::new(self)))
        } else if comes_back {
            state.queue_first(passenger);
            return self.watch_over(state);
        } else {
            match check_queue(self, &mut state, &mut gone) {
                Err(full) => Err(full),
                Ok(()) => {
                    state.queue(Claim::Call(passenger));
                    return self.watch_over(state);
                }
            }
        };
        drop(state);
        match place {
            Ok(place) => self.lead(passenger, place),
            Err(error) => refuse(passenger, error),
        }
    }

    fn lead(self: &Arc<Pool>, passenger: Box<dyn Passenger>, place: Place) {
        let seat = Seat {
            pool: self.clone(),
            entered: passenger.entered(),
            place,
        };
        passenger.board(seat);
    }

    /// Sees to it that the deadlines of waiting calls are kept.
    fn watch_over(self: &Arc<Pool>, mut state: MutexGuard<'_, State>) {
        let is_watched = std::mem::replace(&mut state.is_watched, true);
        drop(state);
        if !is_watched {
            self.workers
                .handle(self.workers.calm())
                .spawn(watch(Arc::downgrade(self)));
        }
    }

    /// Gives a call that waited what has come free.
    pub(super) fn seat(self: &Arc<Pool>, passenger: Box<dyn Passenger>, grant: Grant) {
        let place = match grant {
            Grant::Connection(pooled) => Place::Lease(Lease::new(self.clone(), pooled)),
            Grant::Slot => Place::Slot(Slot::new(self)),
        };
        self.lead(passenger, place);
    }
}

impl Lease {
    /// Takes the call that waits next, to be run on this connection; without one the connection goes back.
    pub fn next(mut self) -> Option<(Lease, Box<dyn Passenger>)> {
        if !self.is_fit() {
            if self.connection().is_usable() && self.needs_reset(false) {
                tokio::spawn(self.release(false));
            } else {
                self.put_back();
            }
            return None;
        }
        let passenger = {
            let mut state = self.pool.lock();
            match state.waiters.front() {
                Some(waiter) if matches!(waiter.claim, Claim::Call(_)) => pop_call(&mut state),
                _ => None,
            }
        };
        match passenger {
            Some(passenger) => {
                let waited = passenger.entered().elapsed();
                self.pool.metrics.acquire.observe(waited);
                Some((self, passenger))
            }
            None => {
                self.put_back();
                None
            }
        }
    }

    /// To be called between calls on the connection's thread: moves the connection to another thread if that is better
    /// for it. Whether it moved is told; then its next call has to be boarded anew.
    pub fn relocate(mut self) -> (Lease, bool) {
        let workers = self.pool.workers.clone();
        let better = self.home().and_then(|home| workers.better(home));
        let moved = better.is_some_and(|home| self.connection().is_usable() && self.rehome(home));
        (self, moved)
    }

    /// A seat on this connection for a call that has been let out of the queue.
    pub fn into_seat(self) -> Seat {
        Seat {
            pool: self.pool.clone(),
            entered: Instant::now(),
            place: Place::Running(self),
        }
    }

    /// Takes calls from the front of the queue, in their order, while they share and are quick on this connection: no
    /// more than this connection's part of those who wait, and at most `most`.
    pub fn riders(&mut self, most: usize) -> Vec<Box<dyn Passenger>> {
        let pool = self.pool.clone();
        let connection = self.connection();
        let mut riders = Vec::new();
        let mut state = pool.lock();
        // Twice its part, because about half of the connections are in the middle of their own when one comes free.
        let part = (2 * state.waiters.len())
            .div_ceil(state.total.max(1))
            .min(most);
        while riders.len() < part {
            let rides = match state.waiters.front().map(|waiter| &waiter.claim) {
                Some(Claim::Call(passenger)) => {
                    let call = passenger.call();
                    passenger.shares() && connection.is_quick(&call.statement, &call.params)
                }
                _ => false,
            };
            let Some(passenger) = rides.then(|| pop_call(&mut state)).flatten() else {
                break;
            };
            riders.push(passenger);
        }
        drop(state);
        for rider in &riders {
            pool.metrics.acquire.observe(rider.entered().elapsed());
        }
        riders
    }
}

fn pop_call(state: &mut State) -> Option<Box<dyn Passenger>> {
    match state.waiters.pop_front()?.claim {
        Claim::Call(passenger) => Some(passenger),
        Claim::Task(_) => None,
    }
}

/// Ends a call at once.
pub(super) fn refuse(passenger: Box<dyn Passenger>, error: Error) {
    if let Some(sleeper) = passenger.finish(Err(error)) {
        sleeper.wake();
    }
}

/// Ends the calls that wait for too long. All have the same limit, and those who come back stand before the others, so
/// the first of the queue is due first. The task
/// ends when no call waits any more, and with the pool.
async fn watch(pool: Weak<Pool>) {
    loop {
        let due =
            {
                let Some(pool) = pool.upgrade() else { return };
                let limit = pool.config.acquire_timeout();
                loop {
                    let mut state = pool.lock();
                    let first = state.waiters.iter().enumerate().find_map(|(at, waiter)| {
                        match &waiter.claim {
                            Claim::Call(passenger) => Some((at, passenger.entered() + limit)),
                            Claim::Task(_) => None,
                        }
                    });
                    let Some((at, due)) = first else {
                        state.is_watched = false;
                        return;
                    };
                    if Instant::now() < due {
                        break due;
                    }
                    let expired = state.waiters.remove(at);
                    drop(state);
                    if let Some(Waiter {
                        claim: Claim::Call(passenger),
                        ..
                    }) = expired
                    {
                        let entered = passenger.entered();
                        pool.metrics.acquire.observe(entered.elapsed());
                        refuse(passenger, pool.acquire_timeout(entered));
                    }
                }
            };
        sleep_until(due).await;
    }
}
