//! A call of JavaScript from its start to its answer, and what is counted about it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    call::{Answer, Call},
    error::{Error, Kind, Result},
    pool::{Passenger, Seat, Wake},
};

use super::{Claim, Engine};

/// Where the answer of a call goes.
pub trait Reply: Send + Sync {
    /// Hands over the outcome. `slow` is the time of a call past the limit; the claim counts the answer's memory until
    /// it is dropped. Where somebody has to be woken for it, that is left to the caller.
    fn send(
        self: Box<Self>,
        result: Result<Answer>,
        slow: Option<Duration>,
        claim: Option<Claim>,
    ) -> Option<Arc<dyn Wake>>;
}

impl Engine {
    /// Starts a call. Its answer goes to `reply`, whatever happens. Calls are served in the order of these starts.
    pub fn start(self: &Arc<Self>, call: Call, reply: Box<dyn Reply>) {
        let shares = self.config().pipelining && call.statement.template().is_plain_read();
        // A gauge on its own: nothing is ordered by it.
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.pool.admit(Box::new(Job {
            engine: self.clone(),
            call,
            started: Instant::now(),
            shares,
            reply: Some(reply),
        }));
    }
}

struct Job {
    engine: Arc<Engine>,
    call: Call,
    started: Instant,
    shares: bool,
    /// `None` only after the answer has been given.
    reply: Option<Box<dyn Reply>>,
}

impl Job {
    fn answer(&mut self, result: Result<Answer>) -> Option<Arc<dyn Wake>> {
        let reply = self.reply.take()?;
        let engine = &self.engine;
        let took = self.started.elapsed();
        engine.in_flight.fetch_sub(1, Ordering::Relaxed);
        engine.record(self.call.operation(), &result, took);
        let slow = engine.is_slow(took).then_some(took);
        let claim = result
            .as_ref()
            .ok()
            .map(|answer| engine.memory.claim(answer.size()));
        reply.send(result, slow, claim)
    }
}

impl Passenger for Job {
    fn call(&self) -> &Call {
        &self.call
    }

    fn shares(&self) -> bool {
        self.shares
    }

    fn board(self: Box<Self>, seat: Seat) {
        let engine = self.engine.clone();
        let home = seat.home().clone();
        home.spawn(engine.serve(seat, self));
    }

    fn again(mut self: Box<Self>) {
        // Not a second time in company, so that it is answered in the end.
        self.shares = false;
        self.engine.pool.clone().admit(self);
    }

    fn finish(mut self: Box<Self>, result: Result<Answer>) -> Option<Arc<dyn Wake>> {
        self.answer(result)
    }
}

impl Drop for Job {
    /// A task that ends without an answer was ended by `close` or by a defect.
    fn drop(&mut self) {
        if self.reply.is_none() {
            return;
        }
        let error = if self.engine.abort.is_called() {
            closed()
        } else {
            Error::new(
                Kind::Internal,
                "the call ended by a defect in hegar-native; please report it with the statement that caused it",
            )
        };
        if let Some(sleeper) = self.answer(Err(error)) {
            sleeper.wake();
        }
    }
}

pub(super) fn closed() -> Error {
    Error::new(
        Kind::PoolClosed,
        "the pool was closed before the call was done",
    )
}

/// Counts a call while it runs, however it ends.
pub(super) struct InFlight<'a>(&'a AtomicU64);

impl<'a> InFlight<'a> {
    pub fn enter(count: &'a AtomicU64) -> InFlight<'a> {
        count.fetch_add(1, Ordering::Relaxed);
        InFlight(count)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
