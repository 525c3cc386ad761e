//! The books of a pool: idle connections, who waits, and how many there are.

use std::collections::VecDeque;

use tokio::{sync::oneshot, time::Instant};

use crate::{cache::ledger::Unsettled, runtime::Home, wire::Connection};

use super::passenger::Passenger;

pub(super) struct State {
    /// The connection used last is lent first, so that the rest can grow idle and be closed.
    pub(super) idle: Vec<Idle>,
    pub(super) waiters: VecDeque<Waiter>,
    pub(super) next_waiter: u64,
    /// Whether a task ends calls that wait for too long.
    pub(super) is_watched: bool,
    /// How many of the waiting calls may have been answered before their turn.
    pub(super) left: usize,
    pub(super) total: usize,
    pub(super) closed: bool,
    /// Why the last attempt to connect failed; cleared by the next success.
    pub(super) last_connect_error: Option<String>,
}

pub(super) struct Idle {
    pub(super) connection: Pooled,
    pub(super) since: Instant,
}

/// A connection and what the pool knows about it.
pub(super) struct Pooled {
    /// Boxed, because it is handed from place to place.
    pub(super) connection: Box<Connection>,
    pub(super) opened: Instant,
    /// The thread that it lives on.
    pub(super) home: Home,
    /// Whether somebody has held it.
    pub(super) was_held: bool,
    /// Tells it from all others of this process, which servers' own numbers do not.
    pub(super) serial: u64,
    /// What its session has written and not committed. Boxed, because leases are handed from place to place.
    pub(super) unsettled: Box<Unsettled>,
}

pub(super) struct Waiter {
    /// Rises along the queue. A task keeps it to leave by; calls may have the number of a task that has left.
    pub(super) number: u64,
    pub(super) claim: Claim,
}

/// Who waits.
pub(super) enum Claim {
    /// A task, which keeps its own deadline.
    Task(oneshot::Sender<Grant>),
    /// A call without a task; the pool keeps its deadline.
    Call(Box<dyn Passenger>),
}

pub(super) enum Grant {
    Connection(Pooled),
    /// The right to open a connection; it is already counted.
    Slot,
}

/// The first waiter's number. Those who come back to the front count down from here, a few at a time.
const FIRST_NUMBER: u64 = 1 << 63;

impl Default for State {
    fn default() -> State {
        State {
            idle: Vec::new(),
            waiters: VecDeque::new(),
            next_waiter: FIRST_NUMBER,
            is_watched: false,
            left: 0,
            total: 0,
            closed: false,
            last_connect_error: None,
        }
    }
}

impl State {
    /// Appends a waiter and returns its number.
    pub(super) fn queue(&mut self, claim: Claim) -> u64 {
        let number = self.next_waiter;
        self.next_waiter += 1;
        self.waiters.push_back(Waiter { number, claim });
        number
    }

    /// The idle connection used last. Those that the server has ended go to `ended`, to be retired without the lock.
    pub(super) fn take_idle(&mut self, ended: &mut Vec<Pooled>) -> Option<Idle> {
        while let Some(idle) = self.idle.pop() {
            if !idle.connection.connection.has_ended() {
                return Some(idle);
            }
            ended.push(idle.connection);
        }
        None
    }

    /// Puts a call before all others.
    pub(super) fn queue_first(&mut self, passenger: Box<dyn Passenger>) {
        let claim = Claim::Call(passenger);
        match self.waiters.front() {
            None => {
                self.queue(claim);
            }
            Some(first) => {
                let number = first.number - 1;
                self.waiters.push_front(Waiter { number, claim });
            }
        }
    }

    /// Takes the calls out of the queue that have been answered before their turn. They are to be dropped without the
    /// lock.
    pub(super) fn sweep(&mut self) -> Vec<Waiter> {
        if std::mem::take(&mut self.left) == 0 {
            return Vec::new();
        }
        let (gone, waiting) = std::mem::take(&mut self.waiters)
            .into_iter()
            .partition::<VecDeque<_>, _>(|waiter| match &waiter.claim {
                Claim::Call(passenger) => passenger.call().is_over(),
                Claim::Task(_) => false,
            });
        self.waiters = waiting;
        gone.into()
    }

    /// Removes a task if it still waits.
    pub(super) fn leave(&mut self, number: u64) {
        let found = self
            .waiters
            .binary_search_by_key(&number, |waiter| waiter.number);
        if let Ok(at) = found
            && let Some(Waiter {
                claim: Claim::Task(_),
                ..
            }) = self.waiters.get(at)
        {
            self.waiters.remove(at);
        }
    }
}
