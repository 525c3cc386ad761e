//! Rows of a batch on a held connection. JavaScript sends them some at a time, within a transaction that it began.

use std::{pin::pin, sync::Arc, time::Duration};

use tokio::time::timeout;

use crate::{
    codec::rows::Rows,
    error::{Error, Kind, Result},
    metrics::Operation,
    pool::Lease,
    statement::Statement,
    wire::Done,
};

use super::{Command, Host, Order, Reply, Session};

/// A statement to run for each of these rows.
pub struct BatchCall {
    pub statement: Arc<Statement>,
    pub rows: Rows,
    /// What is left of the time for the whole batch; `None` for no limit.
    pub limit: Option<Duration>,
}

impl Session {
    pub fn batch(&self, call: BatchCall, reply: Box<dyn Reply>) {
        let order = Order::new(&self.engine, Operation::Batch, reply);
        self.send(Command::Batch(Box::new(call), order));
    }
}

impl Host {
    pub(super) async fn batch(
        &mut self,
        lease: Option<Lease>,
        call: &BatchCall,
    ) -> (Option<Lease>, Result<Done>) {
        let mut lease = match self.ready(lease) {
            Ok(lease) => lease,
            Err(refused) => return refused,
        };
        if let Err(error) = self.in_transaction(&mut lease) {
            return (Some(lease), Err(error));
        }
        self.session_changed |= call.statement.template().changes_session();
        let (lease, result) = self
            .unless_destroyed(pin!(self.run_batch(lease, call)))
            .await;
        let lease = self.look_after(lease, &result).await;
        (lease, result)
    }

    async fn run_batch(&self, mut lease: Lease, call: &BatchCall) -> (Option<Lease>, Result<Done>) {
        lease.note(&self.engine.ledger, &call.statement);
        let limit = call.limit.unwrap_or(Duration::MAX);
        let work = lease.connection().batch(&call.statement, &call.rows);
        match timeout(limit, work).await {
            Ok(result) => {
                self.engine.count_statements(&mut lease);
                (Some(lease), result)
            }
            Err(_) => {
                lease.abandon();
                let message = "the batch did not finish in its time (queryTimeoutMs) and was ended on the server";
                (None, Err(Error::new(Kind::QueryTimeout, message)))
            }
        }
    }
}
