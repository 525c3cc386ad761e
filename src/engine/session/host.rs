//! The task behind a session: it owns the connection and runs the commands that come.
//!
//! In a transaction that was begun here, the status of each answer tells whether the server still has it open. After
//! an error, which comes without one, a ping asks. So no statement that was meant for a transaction runs outside of it,
//! also when the server rolled it back (a deadlock) or committed it (an ALTER TABLE).

use std::{
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::mpsc::UnboundedReceiver, time::Instant};

use crate::{
    abort::Abort,
    call::Answer,
    error::{Error, Kind, Result},
    metrics::CloseReason,
    pool::{Lease, Passenger},
    wire::{Discard, Done},
};

use super::{
    super::{Engine, Reply, job::closed, news::News, stop::over},
    Command, Control, Patience, file,
};

/// How long asking for the state of a transaction may take.
const LIVENESS_TIMEOUT: Duration = Duration::from_secs(2);

/// The task behind a session.
pub(super) struct Host {
    pub(super) engine: Arc<Engine>,
    pub(super) commands: UnboundedReceiver<Command>,
    pub(super) destroyed: Arc<Abort>,
    /// Whether a transaction that was begun here has not been ended from here.
    pub(super) expects_transaction: bool,
    /// How the server came to end that transaction.
    pub(super) was_over: Option<String>,
    /// Whether something waits for the next transaction to begin.
    pub(super) is_set_up: bool,
    pub(super) session_changed: bool,
    /// Why there is no connection any more.
    pub(super) lost: Option<Error>,
    pub(super) load: Option<file::Load>,
    /// Who is told when the connection is lost.
    pub(super) watch: Option<Box<dyn Reply>>,
}

impl Host {
    pub(super) fn new(
        engine: Arc<Engine>,
        commands: UnboundedReceiver<Command>,
        destroyed: Arc<Abort>,
    ) -> Host {
        Host {
            engine,
            commands,
            destroyed,
            expects_transaction: false,
            was_over: None,
            is_set_up: false,
            session_changed: false,
            lost: None,
            load: None,
            watch: None,
        }
    }

    pub(super) async fn open(self, reply: Box<dyn Reply>, patience: Option<Patience>) {
        let engine = self.engine.clone();
        let lent = tokio::select! {
            biased;
            lent = engine.pool.acquire() => lent,
            () = engine.abort.wait() => Err(closed()),
            error = Patience::end(patience) => Err(error),
        };
        match lent {
            Ok(mut lease) => {
                let is_first = u64::from(lease.is_first_session());
                // JavaScript's numbers hold 19 bits more than the others take.
                let serial = lease.serial() & 0x7_FFFF;
                let connection = lease.connection();
                let is_literal = u64::from(connection.no_backslash_escapes());
                let id =
                    u64::from(connection.id()) | is_first << 32 | is_literal << 33 | serial << 34;
                let id = Answer::Count(id);
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
                    let (lease, result) = {
                        let work = pin!(self.file(held.take(), step));
                        news.during(work).await
                    };
                    (lease, order.finish(result))
                }
                Command::Service(service, order) => {
                    let (lease, result) = {
                        let work = pin!(self.service(held.take(), service));
                        news.during(work).await
                    };
                    (lease, order.finish(result))
                }
                Command::Watch(reply) => {
                    self.watch = Some(reply);
                    (held.take(), None)
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
            if held.is_none() {
                self.tell_loss();
            }
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
        let Some(mut lease) = held.take() else {
            return news.during(pin!(self.commands.recv())).await;
        };
        let is_watched = self.watch.is_some();
        let (destroyed_now, commands) = (&self.destroyed, &mut self.commands);
        let next = {
            let connection = lease.connection();
            let work = pin!(async {
                tokio::select! {
                    biased;
                    () = destroyed_now.wait() => Err(destroyed()),
                    command = commands.recv() => Ok(command),
                    error = connection.lost(), if is_watched => Err(error),
                }
            });
            news.during(work).await
        };
        match next {
            Ok(command) => {
                *held = Some(lease);
                return command;
            }
            Err(error) => {
                let reason = if self.destroyed.is_called() {
                    CloseReason::Closed
                } else {
                    CloseReason::Error
                };
                lease.discard(reason);
                self.lost = Some(error);
                self.tell_loss();
            }
        }
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
        let (lease, result) = self
            .unless_destroyed(pin!(self.engine.run(lease, call)))
            .await;
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
        let (lease, mut result) = self.unless_destroyed(pin!(self.send(lease, sql))).await;
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
        kept(lease, result)
    }

    /// What the work comes to, unless the session is destroyed first, which drops it where it stands.
    pub(super) async fn unless_destroyed<T>(
        &self,
        work: Pin<&mut impl Future<Output = (Option<Lease>, Result<T>)>>,
    ) -> (Option<Lease>, Result<T>) {
        tokio::select! {
            biased;
            done = work => done,
            () = self.destroyed.wait() => (None, Err(destroyed())),
        }
    }

    /// The connection, or why there is none.
    pub(super) fn ready<T>(
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
    pub(super) fn in_transaction(&self, lease: &mut Lease) -> Result<()> {
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
    pub(super) async fn look_after<T>(
        &mut self,
        lease: Option<Lease>,
        result: &Result<T>,
    ) -> Option<Lease> {
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
        if result.is_ok() {
            lease.settle();
        } else if !lease.settle_after_error().await {
            lease.discard(CloseReason::Error);
            self.lost = result.as_ref().err().cloned();
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
        lease.settle();
        if !lease.connection().in_transaction() {
            self.was_over = Some(match result {
                Ok(_) => "a statement in it committed it, as CREATE, ALTER and DROP do".to_owned(),
                Err(error) => format!("the server rolled it back: {}", error.message()),
            });
        }
        Some(lease)
    }

    async fn give_back(&mut self, mut lease: Lease) {
        if self.engine.config().keeps_sessions {
            return lease.release(false).await;
        }
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

pub(super) fn given_back() -> Error {
    Error::new(
        Kind::ConnectionLost,
        "the connection has been given back to the pool",
    )
}

pub(super) fn destroyed() -> Error {
    Error::new(Kind::ConnectionLost, "the connection was destroyed")
}

pub(super) fn commit_unknown(error: &Error) -> Error {
    Error::new(
        Kind::CommitUnknown,
        format!(
            "the connection ended before the server answered COMMIT, so the transaction may have been committed or \
             not ({}); look whether its changes are there before you repeat it",
            error.message()
        ),
    )
}

/// The connection behind what came of work within a deadline; one that missed it is given up.
pub(super) fn kept<T>(lease: Lease, timed: Result<Result<T>>) -> (Option<Lease>, Result<T>) {
    match timed {
        Ok(result) => (Some(lease), result),
        Err(late) => {
            lease.abandon();
            (None, Err(late))
        }
    }
}
