//! A lent connection. However its holder ends, by return, error, deadline or panic, the pool's books stay right.

use std::{sync::Arc, time::Duration};

use tokio::{runtime::Handle, time::timeout};

use crate::{
    cache::ledger::Ledger,
    metrics::CloseReason,
    runtime::Home,
    statement::Statement,
    wire::{Connection, Discard},
};

use super::{Pool, Pooled};

/// Cleaning a session is one round trip; a server that needs longer loses the connection instead.
const CLEAN_TIMEOUT: Duration = Duration::from_secs(5);

pub struct Lease {
    pub(super) pool: Arc<Pool>,
    /// `None` only after it has been given back or discarded.
    pooled: Option<Pooled>,
}

impl Lease {
    pub(super) fn new(pool: Arc<Pool>, pooled: Pooled) -> Lease {
        Lease {
            pool,
            pooled: Some(pooled),
        }
    }

    /// The connection, for as long as the lease lasts.
    pub fn connection(&mut self) -> &mut Connection {
        match &mut self.pooled {
            Some(pooled) => &mut pooled.connection,
            // `release` and `discard` consume the lease, and `drop` comes after every use.
            None => unreachable!("a lease holds its connection until it ends"),
        }
    }

    /// The lease if its connection can be used; otherwise the connection is closed.
    pub fn if_usable(mut self) -> Option<Lease> {
        if self.connection().is_usable() {
            return Some(self);
        }
        self.discard(CloseReason::Error);
        None
    }

    /// The connection's number in this process.
    pub fn serial(&self) -> u64 {
        self.pooled.as_ref().map_or(0, |pooled| pooled.serial)
    }

    /// Whether nobody has held the connection before; from now on somebody has.
    pub fn is_first_session(&mut self) -> bool {
        self.pooled
            .as_mut()
            .is_some_and(|pooled| !std::mem::replace(&mut pooled.was_held, true))
    }

    /// A statement is about to be sent, whose writes are to be known.
    pub fn note(&mut self, ledger: &Arc<Ledger>, statement: &Statement) {
        if let Some(pooled) = &mut self.pooled {
            pooled.unsettled.begin(ledger, statement);
        }
    }

    /// To be called when a command has ended and before anybody is told: what was written is known to be over, unless
    /// it belongs to a transaction that is open.
    pub fn settle(&mut self) {
        let Some(pooled) = &mut self.pooled else {
            return;
        };
        if pooled.unsettled.is_empty() || !pooled.connection.is_usable() {
            return;
        }
        if pooled.connection.in_transaction() {
            // The one before may have been committed all the same, by COMMIT AND CHAIN or another BEGIN.
            pooled.unsettled.bump();
        } else {
            pooled.unsettled.settle();
        }
    }

    /// The same after an error, which comes without the state of the session, so that is asked for first. Where the server
    /// does not say, the connection is not to be used any more, and the answer is false.
    pub async fn settle_after_error(&mut self) -> bool {
        let has_written = self
            .pooled
            .as_ref()
            .is_some_and(|pooled| !pooled.unsettled.is_empty());
        if !has_written || !self.connection().is_usable() {
            return true;
        }
        let answers = self.answers(CLEAN_TIMEOUT).await;
        if answers {
            self.settle();
        }
        answers
    }

    /// Whether the server gives a sign of life within the limit.
    pub async fn answers(&mut self, limit: Duration) -> bool {
        let answer = timeout(limit, self.connection().ping()).await;
        matches!(answer, Ok(Ok(())))
    }

    /// Whether the session can go on after a KILL QUERY. One that comes when the statement has ended by itself ends the
    /// next one, so a statement is sent that nobody needs.
    pub async fn outlives_kill(&mut self) -> bool {
        const QUERY_INTERRUPTED: u16 = 1317;
        if !self.connection().is_usable() {
            return false;
        }
        let mut sink = Discard;
        let query = self.connection().query("DO 0", &mut sink);
        // Marked cancellation point: dropped here, the connection is unusable.
        match timeout(CLEAN_TIMEOUT, query).await {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => {
                error.errno() == Some(QUERY_INTERRUPTED) && self.connection().is_usable()
            }
            Err(_) => false,
        }
    }

    /// Turns autocommit on again if a batch needed it off and its transaction is over, within the limit; whether that is
    /// settled is the answer. After an error, which comes without the state of the session, that is asked for first.
    pub async fn settle_autocommit(&mut self, after_error: bool, limit: Duration) -> bool {
        if !self.connection().has_autocommit_taken() {
            return true;
        }
        if after_error && !self.answers(limit).await {
            return false;
        }
        let settled = timeout(limit, self.connection().give_autocommit_back()).await;
        matches!(settled, Ok(Ok(())))
    }

    /// Whether giving the connection back takes a round trip to the server.
    pub fn needs_reset(&mut self, session_changed: bool) -> bool {
        let config = self.pool.config();
        if config.keeps_sessions {
            return config.reset_on_release;
        }
        let always = config.reset_on_release;
        session_changed || always || self.connection().in_transaction()
    }

    /// Gives the connection back. `session_changed` says that the statements run on it may have left traces.
    pub async fn release(mut self, session_changed: bool) {
        if self.connection().is_usable() && self.needs_reset(session_changed) {
            self.pool.metrics().resets.increment();
            // Marked cancellation point: dropped here, the connection is unusable and `drop` discards it.
            let cleaned = timeout(CLEAN_TIMEOUT, self.connection().reset()).await;
            if !matches!(cleaned, Ok(Ok(()))) {
                return self.discard(CloseReason::Reset);
            }
        }
        self.put_back();
    }

    /// Gives back a connection that needs no reset.
    pub fn put_back(mut self) {
        if !self.connection().is_usable() {
            return self.discard(CloseReason::Error);
        }
        if self.is_outlived() {
            return self.discard(CloseReason::Lifetime);
        }
        self.settle();
        if let Some(pooled) = self.pooled.take() {
            self.pool.put_back(pooled);
        }
    }

    /// Whether the connection may serve the next call without a detour.
    pub(super) fn is_fit(&mut self) -> bool {
        self.connection().is_usable() && !self.is_outlived() && !self.needs_reset(false)
    }

    /// The runtime of the thread that the connection lives on.
    pub fn runtime(&self) -> Handle {
        let workers = &self.pool.workers;
        let home = self.home().unwrap_or_else(|| workers.here());
        workers.handle(home).clone()
    }

    /// Ends an open transaction, within a deadline, and nothing else; whether that worked is the answer.
    pub async fn roll_back(&mut self) -> bool {
        self.pool.metrics().rollbacks.increment();
        // Marked cancellation point: dropped here, the connection is unusable and `drop` discards it.
        let mut sink = Discard;
        let query = self.connection().query("ROLLBACK", &mut sink);
        let rolled_back = timeout(CLEAN_TIMEOUT, query).await;
        matches!(rolled_back, Ok(Ok(_))) && !self.connection().in_transaction()
    }

    pub(super) fn home(&self) -> Option<Home> {
        self.pooled.as_ref().map(|pooled| pooled.home)
    }

    /// Whether the connection could be moved to that thread.
    pub(super) fn rehome(&mut self, home: Home) -> bool {
        let Some(pooled) = &mut self.pooled else {
            return false;
        };
        let context = self.pool.workers.handle(home).enter();
        let moved = pooled.connection.register();
        drop(context);
        if moved {
            pooled.home = home;
        }
        moved
    }

    fn is_outlived(&self) -> bool {
        let lifetime = Duration::from_millis(self.pool.config().max_lifetime_ms);
        let opened = self.pooled.as_ref().map(|pooled| pooled.opened);
        !lifetime.is_zero() && opened.is_some_and(|opened| opened.elapsed() >= lifetime)
    }

    /// Closes the connection instead of giving it back.
    pub fn discard(mut self, reason: CloseReason) {
        if let Some(pooled) = self.pooled.take() {
            self.pool.retire(pooled, reason);
        }
    }

    /// Closes the connection of a statement that missed its deadline, and ends the statement on the server.
    pub fn abandon(mut self) {
        if let Some(pooled) = self.pooled.take() {
            self.pool.kill(pooled.connection.id());
            self.pool.retire(pooled, CloseReason::Timeout);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Only reached by a holder that was cancelled or panicked: what it left behind is unknown.
        if let Some(pooled) = self.pooled.take() {
            if !pooled.connection.is_usable() {
                self.pool.kill(pooled.connection.id());
            }
            self.pool.retire(pooled, CloseReason::Error);
        }
    }
}
