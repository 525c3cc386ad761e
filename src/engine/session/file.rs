//! LOAD DATA LOCAL for whoever holds a connection: it runs on another one, opened for this file alone, while the held one
//! rests. So the number of such loads is bounded as that of connections is.

use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use crate::{
    cache::ledger::Unsettled,
    call::Answer,
    error::{Error, Kind, Result},
    metrics::Operation,
    pool::Lease,
    sql,
    statement::Statement,
    wire::{Connection, FileAnswer},
};

use super::{Command, Host, Order, Reply, Session, destroyed};

/// How long saying good-bye may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A step of a load. The answer of the first one is a count when the server waits for the file; everything else is what
/// the statement did.
pub enum FileStep {
    /// The statement, and how literals were written into it, if any were.
    Begin {
        sql: String,
        literal_backslash: Option<bool>,
    },
    Part(Box<[u8]>),
    End,
}

/// The connection of a load under way. Dropped before its end, the server gets no end of the file and undoes the load.
pub struct Load {
    /// `None` if it runs on the held connection itself.
    connection: Option<Connection>,
    deadline: Option<Instant>,
    /// What is written on a connection of its own.
    unsettled: Unsettled,
}

impl Session {
    pub fn file(&self, step: FileStep, reply: Box<dyn Reply>) {
        let order = Order::new(&self.engine, Operation::Execute, reply);
        self.send(Command::File(step, order));
    }
}

impl Host {
    pub(super) async fn file(
        &mut self,
        mut lease: Option<Lease>,
        step: FileStep,
    ) -> (Option<Lease>, Result<Answer>) {
        let load = self.load.take();
        let done = tokio::select! {
            biased;
            done = self.step(load, &mut lease, step) => done,
            () = self.destroyed.wait() => {
                return (None, Err(destroyed()));
            }
        };
        let result = done.map(|(load, answer)| {
            self.load = load;
            answer
        });
        // In the middle of a file its own connection is not to be used, and not lost either.
        if self.load.is_none() && lease.is_some() {
            lease = self.look_after(lease, &result).await;
        }
        (lease, result)
    }

    async fn step(
        &self,
        load: Option<Load>,
        lease: &mut Option<Lease>,
        step: FileStep,
    ) -> Result<(Option<Load>, Answer)> {
        let statement = match step {
            FileStep::Begin {
                sql,
                literal_backslash,
            } => Statement::opaque(&sql, literal_backslash),
            FileStep::Part(bytes) => {
                let mut load = load.ok_or_else(not_begun)?;
                let deadline = load.deadline;
                let connection = connection_of(&mut load, lease)?;
                within(deadline, connection.send_file(&bytes)).await?;
                return Ok((Some(load), Answer::Count(0)));
            }
            FileStep::End => {
                let mut load = load.ok_or_else(not_begun)?;
                let deadline = load.deadline;
                let connection = connection_of(&mut load, lease)?;
                let ended = within(deadline, connection.end_file()).await;
                if connection.is_usable() {
                    load.unsettled.settle();
                }
                let done = ended?;
                if let Some(connection) = load.connection {
                    close(connection);
                }
                return Ok((None, Answer::Done(done)));
            }
        };
        let config = self.engine.config();
        let text = statement.template().text();
        if config.local_files {
            let deadline = config.query_timeout().map(|limit| Instant::now() + limit);
            let held = lease.as_mut().ok_or_else(not_begun)?.connection();
            held.check_mode(&statement)?;
            let name = sql::local_file_in(text, held.no_backslash_escapes()).ok_or_else(no_file)?;
            let load = Load {
                connection: None,
                deadline,
                unsettled: Unsettled::default(),
            };
            if let Some(lease) = lease {
                lease.note(&self.engine.ledger, &statement);
            }
            let held = lease.as_mut().ok_or_else(not_begun)?.connection();
            return match within(deadline, held.begin_file(text, &name)).await? {
                FileAnswer::Asked => Ok((Some(load), Answer::Count(1))),
                FileAnswer::Done(done) => Ok((None, Answer::Done(done))),
            };
        }
        let name = sql::local_file(text).ok_or_else(no_file)?;
        let opened = timeout(config.connect_timeout(), Connection::open_for_file(config)).await;
        let mut connection = opened.map_err(|_| {
            let message = format!("no connection to {} in time", config.target());
            Error::new(Kind::ConnectTimeout, message)
        })??;
        let deadline = config.query_timeout().map(|limit| Instant::now() + limit);
        let mut unsettled = Unsettled::default();
        unsettled.begin(&self.engine.ledger, &statement);
        match within(deadline, connection.begin_file(text, name)).await {
            Err(error) => {
                if connection.is_usable() {
                    unsettled.settle();
                }
                if connection.is_usable() {
                    close(connection);
                }
                Err(error)
            }
            Ok(FileAnswer::Asked) => {
                let load = Load {
                    connection: Some(connection),
                    deadline,
                    unsettled,
                };
                Ok((Some(load), Answer::Count(1)))
            }
            Ok(FileAnswer::Done(done)) => {
                unsettled.settle();
                close(connection);
                Ok((None, Answer::Done(done)))
            }
        }
    }
}

/// The connection that the load runs on.
fn connection_of<'a>(
    load: &'a mut Load,
    lease: &'a mut Option<Lease>,
) -> Result<&'a mut Connection> {
    match (&mut load.connection, lease) {
        (Some(connection), _) => Ok(connection),
        (None, Some(lease)) => Ok(lease.connection()),
        (None, None) => Err(not_begun()),
    }
}

/// Says good-bye without letting anybody wait for it.
fn close(connection: Connection) {
    tokio::spawn(timeout(CLOSE_TIMEOUT, connection.close()));
}

async fn within<T>(deadline: Option<Instant>, work: impl Future<Output = Result<T>>) -> Result<T> {
    let Some(deadline) = deadline else {
        return work.await;
    };
    timeout_at(deadline, work).await.map_err(|_| {
        Error::new(
            Kind::QueryTimeout,
            "the load did not finish in its time (queryTimeoutMs) and was ended",
        )
    })?
}

#[cold]
fn no_file() -> Error {
    Error::new(
        Kind::Parameters,
        "the statement is no LOAD DATA LOCAL INFILE",
    )
}

#[cold]
fn not_begun() -> Error {
    Error::new(
        Kind::ConnectionLost,
        "the load has ended before all of its file was sent",
    )
}
