//! A connection that JavaScript holds: its calls run one after the other, until it is given back.
//!
//! A task on the connection's thread owns the connection and takes commands from a channel. When JavaScript gives the
//! connection back, or nobody holds it any more, what was left in the session is cleaned up: an open transaction is
//! rolled back, a changed session reset.
//!
//! In a transaction that was begun here, the status of each answer tells whether the server still has it open. After
//! an error, which comes without one, a ping asks. So no statement that was meant for a transaction runs outside of it,
//! also when the server rolled it back (a deadlock) or committed it (an ALTER TABLE).

use std::{future::pending, pin::pin, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::{Instant, sleep},
};

use crate::{
    abort::Abort,
    call::{Answer, Call},
    error::{Error, Kind, Result},
    metrics::{CloseReason, Operation},
    pool::{Lease, Passenger, Wake},
    wire::{Discard, Done},
};

use super::{
    Caller, Engine, GroupCall, PageCall, Reply,
    job::{Outlet, closed},
    news::News,
    stop::over,
};

mod batch;
mod file;

pub use batch::BatchCall;
pub use file::FileStep;

/// How long asking for the state of a transaction may take.
const LIVENESS_TIMEOUT: Duration = Duration::from_secs(2);

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
    /// number for the connection, or why there is none.
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
        let host = Host {
            engine: self.clone(),
            commands: receiver,
            destroyed,
            expects_transaction: false,
            was_over: None,
            is_set_up: false,
            session_changed: false,
            lost: None,
            load: None,
        };
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
            Command::Control(_, _, order) | Command::Batch(_, order) | Command::File(_, order) => {
                order.finish(Err(error))
            }
            Command::Release(reply) => reply.send(Err(error), None, None),
        }
    }
}

/// The task behind a session.
struct Host {
    engine: Arc<Engine>,
    commands: UnboundedReceiver<Command>,
    destroyed: Arc<Abort>,
    /// Whether a transaction that was begun here has not been ended from here.
    expects_transaction: bool,
    /// How the server came to end that transaction.
    was_over: Option<String>,
    /// Whether something waits for the next transaction to begin.
    is_set_up: bool,
    session_changed: bool,
    /// Why there is no connection any more.
    lost: Option<Error>,
    load: Option<file::Load>,
}

impl Host {
    async fn open(self, reply: Box<dyn Reply>, patience: Option<Patience>) {
        let engine = self.engine.clone();
        let lent = tokio::select! {
            biased;
            lent = engine.pool.acquire() => lent,
            () = engine.abort.wait() => Err(closed()),
            error = Patience::end(patience) => Err(error),
        };
        match lent {
            Ok(mut lease) => {
                let id = Answer::Count(u64::from(lease.connection().id()));
                // Told before the task moves: a connection that nobody takes comes back by itself.
                if let Some(sleeper) = reply.send(Ok(id), None, None) {
                    sleeper.wake();
                }
                lease.runtime().spawn(self.attend(lease));
            }
            Err(error) => {
                engine.metrics.errors.record(&error.label());
                if let Some(sleeper) = reply.send(Err(error), None, None) {
                    sleeper.wake();
                }
            }
        }
    }

    async fn attend(self, lease: Lease) {
        let engine = self.engine.clone();
        let work = pin!(self.serve(lease));
        tokio::select! {
            biased;
            () = work => {}
            // Dropping the work discards its connection, ends its statement on the server and answers its calls.
            () = engine.abort.wait() => {}
        }
    }

    async fn serve(mut self, lease: Lease) {
        let mut held = Some(lease);
        let mut news = News::default();
        while let Some(command) = self.next(&mut held, &mut news).await {
            let (lease, sleeper) = match command {
                Command::Run(passenger) => {
                    let (lease, result) = {
                        let work = pin!(self.run(held.take(), &*passenger));
                        news.during(work).await
                    };
                    (lease, passenger.finish(result))
                }
                Command::Control(control, sql, mut order) => {
                    order.commits = control == Control::Commit;
                    let (lease, result) = {
                        let work = pin!(self.control(held.take(), control, &sql));
                        news.during(work).await
                    };
                    (lease, order.finish(result.map(Answer::Done)))
                }
                Command::Batch(call, order) => {
                    let (lease, result) = {
                        let work = pin!(self.batch(held.take(), &call));
                        news.during(work).await
                    };
                    (lease, order.finish(result.map(Answer::Done)))
                }
                Command::File(step, order) => {
                    let result = news.during(pin!(self.file(step))).await;
                    (held.take(), order.finish(result))
                }
                Command::Release(reply) => {
                    if let Some(lease) = held.take() {
                        self.give_back(lease).await;
                    }
                    news.add(reply.send(Ok(Answer::Done(Done::default())), None, None));
                    break;
                }
            };
            held = lease;
            news.add(sleeper);
        }
        if let Some(lease) = held {
            self.give_back(lease).await;
        }
        self.commands.close();
        while let Ok(command) = self.commands.try_recv() {
            news.add(command.refuse(given_back()));
        }
        news.tell().await;
    }

    /// The next command; `None` when nobody can send one any more.
    async fn next(&mut self, held: &mut Option<Lease>, news: &mut News) -> Option<Command> {
        if held.is_none() {
            return news.during(pin!(self.commands.recv())).await;
        }
        let (destroyed_now, commands) = (&self.destroyed, &mut self.commands);
        let command = {
            let work = pin!(async {
                tokio::select! {
                    biased;
                    () = destroyed_now.wait() => None,
                    command = commands.recv() => Some(command),
                }
            });
            news.during(work).await
        };
        if let Some(command) = command {
            return command;
        }
        if let Some(lease) = held.take() {
            lease.discard(CloseReason::Closed);
        }
        self.lost = Some(destroyed());
        news.during(pin!(self.commands.recv())).await
    }

    async fn run(
        &mut self,
        lease: Option<Lease>,
        passenger: &dyn Passenger,
    ) -> (Option<Lease>, Result<Answer>) {
        let mut lease = match self.ready(lease) {
            Ok(lease) => lease,
            Err(refused) => return refused,
        };
        if passenger.call().is_over() {
            return (Some(lease), Err(over()));
        }
        if let Err(error) = self.in_transaction(&mut lease) {
            return (Some(lease), Err(error));
        }
        let deadline = Instant::now() + self.engine.config().acquire_timeout();
        if let Err(error) = self.engine.memory.room(deadline).await {
            return (Some(lease), Err(error));
        }
        let call = passenger.call();
        self.session_changed |= call.statement.template().changes_session();
        let (lease, result) = {
            let work = pin!(self.engine.run(lease, call));
            tokio::select! {
                biased;
                done = work => done,
                () = self.destroyed.wait() => (None, Err(destroyed())),
            }
        };
        let lease = self.look_after(lease, &result).await;
        (lease, result)
    }

    async fn control(
        &mut self,
        lease: Option<Lease>,
        control: Control,
        sql: &str,
    ) -> (Option<Lease>, Result<Done>) {
        let mut lease = match self.ready(lease) {
            Ok(lease) => lease,
            Err(refused) => return refused,
        };
        match control {
            Control::Prepare | Control::Begin => {
                if lease.connection().in_transaction() {
                    let message = "a transaction is open on this connection and another one would commit it; commit or \
                                   roll it back first, or use a savepoint";
                    return (Some(lease), Err(Error::new(Kind::TransactionOpen, message)));
                }
            }
            Control::Savepoint | Control::Commit => {
                if let Err(error) = self.in_transaction(&mut lease) {
                    return (Some(lease), Err(error));
                }
            }
            Control::Rollback => {
                let is_open = lease.connection().in_transaction();
                self.expects_transaction = false;
                if !is_open {
                    return (Some(lease), Ok(Done::default()));
                }
            }
        }
        self.is_set_up |= control == Control::Prepare;
        let (lease, mut result) = {
            let work = pin!(self.send(lease, sql));
            tokio::select! {
                biased;
                done = work => done,
                () = self.destroyed.wait() => (None, Err(destroyed())),
            }
        };
        match (control, &result) {
            (Control::Begin, Ok(_)) => {
                self.is_set_up = false;
                self.expects_transaction = true;
                self.was_over = None;
            }
            (Control::Commit, Ok(_)) => self.expects_transaction = false,
            (Control::Commit, Err(error)) if error.is_fatal() => {
                result = Err(commit_unknown(error));
            }
            _ => {}
        }
        let lease = self.look_after(lease, &result).await;
        (lease, result)
    }

    async fn send(&self, mut lease: Lease, sql: &str) -> (Option<Lease>, Result<Done>) {
        let result = {
            let mut sink = Discard;
            let work = pin!(lease.connection().query(sql, &mut sink));
            self.engine.within_deadline(work).await
        };
        match result {
            Ok(result) => (Some(lease), result),
            Err(late) => {
                lease.abandon();
                (None, Err(late))
            }
        }
    }

    /// The connection, or why there is none.
    fn ready<T>(
        &self,
        lease: Option<Lease>,
    ) -> std::result::Result<Lease, (Option<Lease>, Result<T>)> {
        lease.ok_or_else(|| {
            let cause = self.lost.as_ref().map_or("", Error::message);
            let message = format!("this connection was lost before: {cause}");
            (None, Err(Error::new(Kind::ConnectionLost, message)))
        })
    }

    /// Refuses a statement when the transaction that it is meant for is over.
    fn in_transaction(&self, lease: &mut Lease) -> Result<()> {
        if !self.expects_transaction || lease.connection().in_transaction() {
            return Ok(());
        }
        let how = self.was_over.as_deref().unwrap_or("it was ended");
        Err(Error::new(
            Kind::TransactionOver,
            format!(
                "the transaction is over ({how}); nothing runs in it any more, begin another one"
            ),
        ))
    }

    /// Sees what became of the connection and of its transaction.
    async fn look_after<T>(&mut self, lease: Option<Lease>, result: &Result<T>) -> Option<Lease> {
        let Some(mut lease) = lease.and_then(Lease::if_usable) else {
            self.lost = result.as_ref().err().cloned();
            return None;
        };
        let settled = lease
            .settle_autocommit(result.is_err(), LIVENESS_TIMEOUT)
            .await;
        if !settled {
            lease.discard(CloseReason::Reset);
            self.lost = Some(Error::new(
                Kind::ConnectionLost,
                "autocommit could not be turned on again after a batch",
            ));
            return None;
        }
        if !self.expects_transaction || self.was_over.is_some() {
            return Some(lease);
        }
        if result.is_err() && !lease.answers(LIVENESS_TIMEOUT).await {
            lease.discard(CloseReason::Error);
            self.lost = result.as_ref().err().cloned();
            return None;
        }
        if !lease.connection().in_transaction() {
            self.was_over = Some(match result {
                Ok(_) => "a statement in it committed it, as CREATE, ALTER and DROP do".to_owned(),
                Err(error) => format!("the server rolled it back: {}", error.message()),
            });
        }
        Some(lease)
    }

    async fn give_back(&mut self, mut lease: Lease) {
        let changed = self.session_changed || self.is_set_up;
        if lease.connection().is_usable()
            && lease.connection().in_transaction()
            && !lease.roll_back().await
        {
            return lease.discard(CloseReason::Reset);
        }
        let changed = changed || lease.connection().has_autocommit_taken();
        lease.release(changed).await;
    }
}

fn given_back() -> Error {
    Error::new(
        Kind::ConnectionLost,
        "the connection has been given back to the pool",
    )
}

fn destroyed() -> Error {
    Error::new(Kind::ConnectionLost, "the connection was destroyed")
}

fn commit_unknown(error: &Error) -> Error {
    Error::new(
        Kind::CommitUnknown,
        format!(
            "the connection ended before the server answered COMMIT, so the transaction may have been committed or \
             not ({}); look whether its changes are there before you repeat it",
            error.message()
        ),
    )
}
