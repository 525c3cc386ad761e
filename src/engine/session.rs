//! A connection that JavaScript holds: its calls run one after the other, until it is given back.
//!
//! A task on the connection's thread owns the connection and takes commands from a channel. When JavaScript gives the
//! connection back, or nobody holds it any more, what was left in the session is cleaned up: an open transaction is
//! rolled back, a changed session reset.

use std::{future::pending, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc::{UnboundedSender, unbounded_channel},
    time::{Instant, sleep},
};

use crate::{
    abort::Abort,
    call::{Answer, Call},
    error::{Error, Kind, Result},
    metrics::Operation,
    pool::{Passenger, Wake},
};

use super::{
    Caller, Engine, GroupCall, PageCall, Reply,
    job::{Outlet, closed},
};

mod batch;
mod file;
mod host;
mod service;

pub use batch::BatchCall;
pub use file::FileStep;
use host::{Host, commit_unknown, destroyed, given_back};
pub use service::Service;

/// What a statement of ours does with the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Sets up the next transaction.
    Prepare,
    Begin,
    /// Makes, releases or goes back to a savepoint.
    Savepoint,
    Commit,
    Rollback,
}

enum Command {
    Run(Box<dyn Passenger>),
    Control(Control, String, Order),
    Batch(Box<BatchCall>, Order),
    File(FileStep, Order),
    Service(Service, Order),
    Watch(Box<dyn Reply>),
    Release(Box<dyn Reply>),
}

/// Who waits for the end of a command.
struct Order {
    engine: Arc<Engine>,
    operation: Operation,
    started: Instant,
    /// Whether it is a COMMIT that is on its way.
    commits: bool,
    /// `None` only after it has been answered.
    reply: Option<Box<dyn Reply>>,
}

impl Order {
    fn new(engine: &Arc<Engine>, operation: Operation, reply: Box<dyn Reply>) -> Order {
        engine.begin();
        Order {
            engine: engine.clone(),
            operation,
            started: Instant::now(),
            commits: false,
            reply: Some(reply),
        }
    }

    fn finish(mut self, result: Result<Answer>) -> Option<Arc<dyn Wake>> {
        self.settle(result)
    }

    fn settle(&mut self, result: Result<Answer>) -> Option<Arc<dyn Wake>> {
        let reply = self.reply.take()?;
        self.engine
            .settle(self.operation, self.started, result, reply)
    }
}

impl Drop for Order {
    /// Only when the pool is closed is a command dropped without an answer.
    fn drop(&mut self) {
        let error = if self.commits {
            commit_unknown(&closed())
        } else {
            closed()
        };
        if let Some(sleeper) = self.settle(Err(error)) {
            sleeper.wake();
        }
    }
}

/// How long somebody waits for a connection to hold, within the acquire deadline.
pub struct Patience {
    pub abort: Arc<Abort>,
    pub timeout: Option<Duration>,
}

impl Patience {
    /// Resolves when it is at an end.
    async fn end(patience: Option<Patience>) -> Error {
        let Some(Patience { abort, timeout }) = patience else {
            return pending().await;
        };
        let late = async {
            match timeout {
                Some(limit) => sleep(limit).await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = abort.wait() => Error::new(Kind::Aborted, "the wait for a connection was aborted by its signal"),
            () = late => Error::new(
                Kind::PoolTimeout,
                format!(
                    "no connection became free within {} ms (timeoutMs)",
                    timeout.unwrap_or_default().as_millis()
                ),
            ),
        }
    }
}

/// A held connection, as JavaScript has it.
pub struct Session {
    engine: Arc<Engine>,
    commands: UnboundedSender<Command>,
    destroyed: Arc<Abort>,
}

impl Engine {
    /// Takes a connection for as long as the session lives. The future has to be spawned; `reply` gets the server's
    /// number for the connection, with bit 32 if nobody has held it before, bit 33 under NO_BACKSLASH_ESCAPES, and from
    /// bit 34 on a number that tells it from others of the process, or why there is none.
    pub fn open_session(
        self: &Arc<Self>,
        reply: Box<dyn Reply>,
        patience: Option<Patience>,
    ) -> (Session, impl Future<Output = ()> + Send + 'static) {
        let (sender, receiver) = unbounded_channel();
        let destroyed = Arc::new(Abort::default());
        let session = Session {
            engine: self.clone(),
            commands: sender,
            destroyed: destroyed.clone(),
        };
        let host = Host::new(self.clone(), receiver, destroyed);
        (session, host.open(reply, patience))
    }
}

impl Session {
    pub fn start(&self, call: Call, caller: Caller) {
        self.engine.begin();
        self.admit(call, Outlet::Caller(caller));
    }

    pub fn start_page(&self, call: PageCall, caller: Caller) {
        self.engine
            .split_page(call, caller, |call, outlet| self.admit(call, outlet));
    }

    /// As [`Engine::start_group`]; the reads are run one after the other.
    pub fn start_group(&self, group: GroupCall, caller: Caller) {
        self.engine
            .split_group(group, caller, |call, outlet| self.admit(call, outlet));
    }

    /// Whose calls these are.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    fn admit(&self, call: Call, outlet: Outlet) {
        self.send(Command::Run(self.engine.passenger(call, outlet)));
    }

    /// Runs a statement of ours, which is known to leave nothing but a transaction.
    pub fn control(&self, control: Control, sql: String, reply: Box<dyn Reply>) {
        self.send(Command::Control(
            control,
            sql,
            Order::new(&self.engine, Operation::Transaction, reply),
        ));
    }

    /// Gives the connection back when the calls before have ended; answers when it is clean.
    pub fn release(&self, reply: Box<dyn Reply>) {
        self.send(Command::Release(reply));
    }

    /// Closes the connection now and ends what it does.
    pub fn destroy(&self) {
        self.destroyed.call();
    }

    fn send(&self, command: Command) {
        let Err(unsent) = self.commands.send(command) else {
            return;
        };
        let error = if self.engine.abort.is_called() {
            closed()
        } else {
            given_back()
        };
        if let Some(sleeper) = unsent.0.refuse(error) {
            sleeper.wake();
        }
    }
}

impl Command {
    fn refuse(self, error: Error) -> Option<Arc<dyn Wake>> {
        match self {
            Command::Run(passenger) => passenger.finish(Err(error)),
            Command::Control(_, _, order)
            | Command::Batch(_, order)
            | Command::File(_, order)
            | Command::Service(_, order) => order.finish(Err(error)),
            Command::Watch(reply) | Command::Release(reply) => reply.send(Err(error), None, None),
        }
    }
}
