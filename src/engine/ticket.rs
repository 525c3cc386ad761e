//! Calls that can be answered before their statements have ended: by a caller who gives up, or by a deadline of their
//! own.
//!
//! Whoever comes first takes the reply out of the ticket, so a call is answered once. The statement is told by the
//! ticket's [`Abort`]: waiting, it leaves the queue; running, it is ended on the server (`serve`, `session`).

use std::{
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
    time::Duration,
};

use tokio::{
    task::AbortHandle,
    time::{Instant, sleep_until},
};

use crate::{
    abort::Abort,
    call::{Answer, Reader, Stop},
    error::{Error, Kind, Result},
    metrics::Operation,
    pool::Wake,
    wire::Done,
};

use super::{Engine, Reply};

/// Who waits for the outcome of a call.
pub enum Caller {
    /// Until the statement has ended.
    Patient(Box<dyn Reply>),
    /// Until the statement has ended or the ticket does.
    Impatient(Arc<Ticket>),
}

impl From<Box<dyn Reply>> for Caller {
    fn from(reply: Box<dyn Reply>) -> Caller {
        Caller::Patient(reply)
    }
}

impl Caller {
    pub(super) fn settle(
        self,
        engine: &Engine,
        operation: Operation,
        started: Instant,
        result: Result<Answer>,
    ) -> Option<Arc<dyn Wake>> {
        match self {
            Caller::Patient(reply) => engine.settle(operation, started, result, reply),
            Caller::Impatient(ticket) => ticket.settle(result),
        }
    }

    /// The same for a call whose statement is counted elsewhere.
    pub(super) fn settle_uncounted(
        self,
        engine: &Engine,
        result: Result<Answer>,
        slow: Option<Duration>,
    ) -> Option<Arc<dyn Wake>> {
        let reply = match self {
            Caller::Patient(reply) => reply,
            Caller::Impatient(ticket) => ticket.take()?,
        };
        engine.end_uncounted();
        reply.send(result, slow, None)
    }

    /// The statement of a cached call is its own after all.
    pub(super) fn count_as(&self, operation: Operation) {
        if let Caller::Impatient(ticket) = self {
            let _ = ticket.operation.set(operation);
        }
    }

    /// What tells the statements of the call that it is over.
    pub(super) fn stop(&self) -> Option<Stop> {
        match self {
            Caller::Patient(_) => None,
            Caller::Impatient(ticket) => Some(Stop {
                abort: ticket.abort.clone(),
                has_deadline: ticket.timeout.is_some(),
            }),
        }
    }
}

/// A call that can end early.
pub struct Ticket {
    engine: Arc<Engine>,
    /// Not set for a cached call: its statement is counted by itself, and goes on for others.
    operation: OnceLock<Operation>,
    started: Instant,
    timeout: Option<Duration>,
    /// Guards who answers; `None` after that. Held for taking it out, and for handing over a piece of a stream.
    reply: Mutex<Option<Box<dyn Reply>>>,
    abort: Arc<Abort>,
    /// Ends the task that keeps the deadline.
    timer: OnceLock<AbortHandle>,
}

impl Engine {
    /// A ticket for a call that begins now; past `timeout` it ends by itself.
    pub fn ticket(
        self: &Arc<Self>,
        operation: Option<Operation>,
        timeout: Option<Duration>,
        reply: Box<dyn Reply>,
    ) -> Arc<Ticket> {
        let started = Instant::now();
        let ticket = Arc::new(Ticket {
            engine: self.clone(),
            operation: operation.map(OnceLock::from).unwrap_or_default(),
            started,
            timeout,
            reply: Mutex::new(Some(reply)),
            abort: Arc::default(),
            timer: OnceLock::new(),
        });
        if let Some(timeout) = timeout {
            let timer = expire(Arc::downgrade(&ticket), started + timeout);
            ticket
                .timer
                .get_or_init(|| self.pool.spawn(timer).abort_handle());
        }
        ticket
    }
}

impl Ticket {
    /// Ends the call for its caller, at once; nothing happens when it has been answered.
    pub fn abort(&self) {
        let message = if self.operation.get().is_some() {
            "the call was aborted by its signal; a statement that was running has been ended on the server, and one \
             that writes may have been done before that"
        } else {
            "the call was aborted by its signal; the load of its result goes on for others"
        };
        self.end(Err(Error::new(Kind::Aborted, message)));
    }

    /// Ends a stream that its reader wants no more of; that is no failure.
    pub fn leave(&self) {
        self.end(Ok(Answer::Done(Done::default())));
    }

    fn expire(&self) {
        let limit = self.timeout.unwrap_or_default().as_millis();
        let message = if self.operation.get().is_some() {
            format!(
                "the call was not done within {limit} ms (timeoutMs), the wait for a connection included; if its \
                 statement was running it has been ended on the server"
            )
        } else {
            format!(
                "the result was not there within {limit} ms (hardTimeoutMs); its load goes on and is kept for those who \
                 ask next"
            )
        };
        self.end(Err(Error::new(Kind::CallTimeout, message)));
    }

    fn end(&self, result: Result<Answer>) {
        let Some(reply) = self.take() else { return };
        // First, so that who has the answer finds the call gone from the queue.
        self.abort.call();
        self.engine.pool.one_left();
        let sleeper = self.hand_over(result, reply);
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }

    /// Answers the call, unless that has happened.
    fn settle(&self, result: Result<Answer>) -> Option<Arc<dyn Wake>> {
        let reply = self.take()?;
        self.hand_over(result, reply)
    }

    fn hand_over(&self, result: Result<Answer>, reply: Box<dyn Reply>) -> Option<Arc<dyn Wake>> {
        let engine = &self.engine;
        match self.operation.get().copied() {
            Some(operation) => engine.settle(operation, self.started, result, reply),
            None => {
                engine.end_uncounted();
                reply.send(result, None, None)
            }
        }
    }

    fn take(&self) -> Option<Box<dyn Reply>> {
        let mut reply = self.reply.lock().unwrap_or_else(PoisonError::into_inner);
        reply.take()
    }
}

impl Reader for Ticket {
    fn read(&self, piece: Answer) {
        let engine = &self.engine;
        engine.metrics.rows.add(piece.rows() as u64);
        engine.metrics.result_bytes.add(piece.size() as u64);
        let sleeper = {
            // Handed over under the lock, so that no piece comes after the outcome.
            let reply = self.reply.lock().unwrap_or_else(PoisonError::into_inner);
            let claim = engine.memory.claim(piece.size());
            reply
                .as_ref()
                .and_then(|reply| reply.send_piece(piece, claim))
        };
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(timer) = self.timer.get() {
            timer.abort();
        }
    }
}

async fn expire(ticket: Weak<Ticket>, deadline: Instant) {
    sleep_until(deadline).await;
    if let Some(ticket) = ticket.upgrade() {
        ticket.expire();
    }
}
