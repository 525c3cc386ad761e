//! A call of JavaScript from its start to its answer, and what is counted about it. A page is one call of two statements.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    call::{Answer, Call},
    error::{Error, Kind, Result},
    metrics::Operation,
    pool::{Passenger, Seat, Wake},
};

use super::{Caller, Claim, Engine, cached::Load, group::GroupPart, paginate::PagePart};

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

    /// Hands over rows of a stream, whose outcome is still to come.
    fn send_piece(&self, piece: Answer, claim: Claim) -> Option<Arc<dyn Wake>>;
}

impl Engine {
    /// Starts a call. Its answer goes to `caller`, whatever happens. Calls are served in the order of these starts.
    pub fn start(self: &Arc<Self>, call: Call, caller: Caller) {
        self.begin();
        self.admit(call, Outlet::Caller(caller));
    }

    /// Counts a call that begins; it ends with [`Engine::settle`].
    pub(super) fn begin(&self) {
        // A gauge on its own: nothing is ordered by it.
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// Sends a statement on its way through the pool.
    pub(super) fn admit(self: &Arc<Self>, call: Call, outlet: Outlet) {
        self.pool.admit(self.passenger(call, outlet));
    }

    /// A statement that is to be answered.
    pub(super) fn passenger(
        self: &Arc<Self>,
        mut call: Call,
        outlet: Outlet,
    ) -> Box<dyn Passenger> {
        call.stop = match &outlet {
            Outlet::Caller(caller) => caller.stop(),
            Outlet::Page(part) => part.stop(),
            Outlet::Group(part) => part.stop(),
            // Others may wait for it, or come.
            Outlet::Cached(_) => None,
        };
        let shares = self.config().pipelining && call.statement.template().is_plain_read();
        Box::new(Job {
            engine: self.clone(),
            call,
            entered: Instant::now(),
            shares,
            outlet: Some(outlet),
        })
    }

    /// Counts a call that has ended and hands over its outcome.
    pub(super) fn settle(
        &self,
        operation: Operation,
        started: Instant,
        result: Result<Answer>,
        reply: Box<dyn Reply>,
    ) -> Option<Arc<dyn Wake>> {
        self.end_uncounted();
        let slow = self.observe(operation, &result, started.elapsed());
        let claim = result
            .as_ref()
            .ok()
            .map(|answer| self.memory.claim(answer.size()));
        reply.send(result, slow, claim)
    }
}

impl Engine {
    /// Counts a statement that has ended; the answer is how long it took if that was long.
    pub(super) fn observe(
        &self,
        operation: Operation,
        result: &Result<Answer>,
        took: Duration,
    ) -> Option<Duration> {
        self.record(operation, result, took);
        // How long a stream takes is its reader's affair.
        let is_slow = operation != Operation::Stream && self.is_slow(took);
        if is_slow {
            self.metrics.slow_queries.increment();
        }
        is_slow.then_some(took)
    }

    /// A call that began has ended, and is counted by nobody or elsewhere.
    pub(super) fn end_uncounted(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Who gets the answer of a statement.
pub(super) enum Outlet {
    Caller(Caller),
    Page(PagePart),
    Group(GroupPart),
    /// Boxed, because it is larger than the others and rarer.
    Cached(Box<Load>),
}

struct Job {
    engine: Arc<Engine>,
    call: Call,
    entered: Instant,
    shares: bool,
    /// `None` only after the answer has been given.
    outlet: Option<Outlet>,
}

impl Job {
    fn answer(&mut self, result: Result<Answer>) -> Option<Arc<dyn Wake>> {
        match self.outlet.take()? {
            Outlet::Caller(caller) => {
                caller.settle(&self.engine, self.call.operation(), self.entered, result)
            }
            Outlet::Page(part) => part.put(&self.engine, result),
            Outlet::Group(part) => part.put(&self.engine, result),
            Outlet::Cached(load) => load.put(&self.engine, result, &self.call),
        }
    }
}

impl Passenger for Job {
    fn call(&self) -> &Call {
        &self.call
    }

    fn entered(&self) -> Instant {
        self.entered
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
        self.engine.pool.clone().readmit(self);
    }

    fn finish(mut self: Box<Self>, result: Result<Answer>) -> Option<Arc<dyn Wake>> {
        self.answer(result)
    }
}

impl Drop for Job {
    /// A task that ends without an answer was ended by `close` or by a defect.
    fn drop(&mut self) {
        if self.outlet.is_none() {
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
