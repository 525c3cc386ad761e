//! Commands of the protocol beside statements, for the drop-in replacements: their callers look after sessions
//! themselves.

use std::{pin::pin, sync::Arc};

use crate::{
    call::Answer, config::Config, error::Result, metrics::Operation, pool::Lease,
    statement::Statement,
};

use super::{
    Command, Host, Order, Reply, Session,
    host::{given_back, kept},
};

/// What a session can be asked for.
pub enum Service {
    Ping,
    /// Brings the session back to how it was after the login.
    Reset,
    /// Goes on as somebody else, in a session as new. Where it has to be somebody else, a refusal ends the connection.
    ChangeUser {
        config: Box<Config>,
        has_to: bool,
    },
    /// Prepares a statement for later. The answer counts its parameters, and its columns times 65,536.
    Prepare(Arc<Statement>),
    /// Closes a prepared statement.
    Unprepare(Arc<Statement>),
}

impl Session {
    pub fn service(&self, service: Service, reply: Box<dyn Reply>) {
        let order = Order::new(&self.engine, Operation::Query, reply);
        self.send(Command::Service(service, order));
    }

    /// Tells `reply` when the connection is lost while nothing runs on it. A session that ends otherwise may tell
    /// anything.
    pub fn watch(&self, reply: Box<dyn Reply>) {
        self.send(Command::Watch(reply));
    }
}

impl Host {
    pub(super) async fn service(
        &mut self,
        lease: Option<Lease>,
        service: Service,
    ) -> (Option<Lease>, Result<Answer>) {
        let lease = match self.ready(lease) {
            Ok(lease) => lease,
            Err(refused) => return refused,
        };
        let (lease, result) = self
            .unless_destroyed(pin!(self.serve_session(lease, service)))
            .await;
        let lease = self.look_after(lease, &result).await;
        (lease, result)
    }

    async fn serve_session(
        &self,
        mut lease: Lease,
        service: Service,
    ) -> (Option<Lease>, Result<Answer>) {
        let result = {
            let connection = lease.connection();
            let work = pin!(async {
                match service {
                    Service::Ping => connection.ping().await?,
                    Service::Reset => connection.reset().await?,
                    Service::ChangeUser { config, has_to } => {
                        if let Some(database) = &config.database {
                            self.engine.ledger.schema().want(database);
                        }
                        connection.change_user(&config, has_to).await?;
                    }
                    Service::Prepare(statement) => {
                        let (params, columns) = connection.prepare_for_later(&statement).await?;
                        let columns = (columns as u64).min(0xFFFF);
                        return Ok(Answer::Count(u64::from(params) | columns << 16));
                    }
                    Service::Unprepare(statement) => connection.unprepare(&statement),
                }
                Ok(Answer::Done(connection.state()))
            });
            self.engine.within_deadline(work).await
        };
        kept(lease, result)
    }

    /// Tells whoever wants to know that the connection is gone. Who gave it back or destroyed it knows.
    pub(super) fn tell_loss(&mut self) {
        if let Some(watch) = self.watch.take() {
            let error = self.lost.clone().unwrap_or_else(given_back);
            if let Some(sleeper) = watch.send(Err(error), None, None) {
                sleeper.wake();
            }
        }
    }
}
