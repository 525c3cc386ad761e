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
    metrics::Operation,
};

/// What one call may be ended by: a deadline of its own, its caller, or both.
#[napi]
pub struct NativeTicket {
    timeout: Option<Duration>,
    /// Set when the call starts.
    target: OnceLock<Target>,
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
}

impl NativeTicket {
    /// The caller of a call that begins now.
    pub fn caller(
        ticket: Option<&NativeTicket>,
        engine: &Arc<Engine>,
        operation: Operation,
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
