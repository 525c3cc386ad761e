//! The handle by which JavaScript ends a call early.

use std::{
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};

use napi::Result;
use napi_derive::napi;

use crate::{
    abort::Abort,
    engine::{Caller, Engine, Patience, Reply, Ticket},
    flow::Flow,
    metrics::Operation,
};

/// What one call may be ended by: a deadline of its own, its caller, or both.
#[napi]
pub struct NativeTicket {
    timeout: Option<Duration>,
    /// Set when the call starts.
    target: OnceLock<Target>,
    /// Set when a stream starts.
    flow: OnceLock<Arc<Flow>>,
}

enum Target {
    Call(Weak<Ticket>),
    Session(Arc<Abort>),
}

#[napi]
impl NativeTicket {
    /// `timeout_ms` of 0 means no deadline.
    #[napi(constructor, catch_unwind)]
    pub fn new(timeout_ms: f64) -> Result<NativeTicket> {
        let timeout = (timeout_ms > 0.0).then(|| Duration::from_millis(timeout_ms as u64));
        Ok(NativeTicket {
            timeout,
            target: OnceLock::new(),
            flow: OnceLock::new(),
        })
    }

    /// Ends the call now. Its outcome has the error; one that is done already stays as it is.
    #[napi(catch_unwind)]
    pub fn abort(&self) {
        match self.target.get() {
            Some(Target::Call(ticket)) => {
                if let Some(ticket) = ticket.upgrade() {
                    ticket.abort();
                }
            }
            Some(Target::Session(abort)) => abort.call(),
            None => {}
        }
    }

    /// Ends a stream whose reader wants no more of it.
    #[napi(catch_unwind)]
    pub fn leave(&self) {
        if let Some(Target::Call(ticket)) = self.target.get()
            && let Some(ticket) = ticket.upgrade()
        {
            ticket.leave();
        }
    }

    /// The reader of a stream has used pieces that count for this much.
    #[napi(catch_unwind)]
    pub fn used(&self, size: f64) {
        if let Some(flow) = self.flow.get() {
            flow.used(size as usize);
        }
    }
}

impl NativeTicket {
    /// The caller of a call that begins now.
    pub fn caller(
        ticket: Option<&NativeTicket>,
        engine: &Arc<Engine>,
        operation: Option<Operation>,
        reply: Box<dyn Reply>,
    ) -> Caller {
        let Some(native) = ticket else {
            return Caller::Patient(reply);
        };
        let ticket = engine.ticket(operation, native.timeout, reply);
        // A handle is for one call, so this is its first.
        let _ = native.target.set(Target::Call(Arc::downgrade(&ticket)));
        Caller::Impatient(ticket)
    }

    /// The ticket of a stream that begins now, and its flow. `stall_ms` of 0 means that its reader has all time.
    pub fn stream(
        &self,
        engine: &Arc<Engine>,
        stall_ms: f64,
        reply: Box<dyn Reply>,
    ) -> (Arc<Ticket>, Arc<Flow>) {
        let stall_limit = (stall_ms > 0.0).then(|| Duration::from_millis(stall_ms as u64));
        let flow = Arc::new(Flow::new(stall_limit));
        let ticket = engine.ticket(Some(Operation::Stream), self.timeout, reply);
        let _ = self.target.set(Target::Call(Arc::downgrade(&ticket)));
        let _ = self.flow.set(flow.clone());
        (ticket, flow)
    }

    /// How long a caller waits for a connection.
    pub fn patience(ticket: Option<&NativeTicket>) -> Option<Patience> {
        let native = ticket?;
        let abort = Arc::<Abort>::default();
        let _ = native.target.set(Target::Session(abort.clone()));
        Some(Patience {
            abort,
            timeout: native.timeout,
        })
    }
}
