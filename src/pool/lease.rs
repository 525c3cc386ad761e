//! A lent connection. However its holder ends, by return, error, deadline or panic, the pool's books stay right.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use crate::{metrics::CloseReason, wire::Connection};

use super::{Grant, Pool, Pooled};

/// Cleaning a session is one round trip; a server that needs longer loses the connection instead.
const CLEAN_TIMEOUT: Duration = Duration::from_secs(5);

pub struct Lease {
    pool: Arc<Pool>,
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

    /// Whether giving the connection back takes a round trip to the server.
    pub fn needs_reset(&mut self, session_changed: bool) -> bool {
        let always = self.pool.config().reset_on_release;
        session_changed || always || self.connection().in_transaction()
    }

    /// Gives the connection back. `session_changed` says that the statements run on it may have left traces.
    pub async fn release(mut self, session_changed: bool) {
        let Some(pooled) = &mut self.pooled else {
            return;
        };
        let config = self.pool.config();
        let connection = &mut pooled.connection;
        if !connection.is_usable() {
            return self.discard(CloseReason::Error);
        }
        let lifetime = Duration::from_millis(config.max_lifetime_ms);
        if !lifetime.is_zero() && pooled.opened.elapsed() >= lifetime {
            return self.discard(CloseReason::Lifetime);
        }
        if session_changed || connection.in_transaction() || config.reset_on_release {
            self.pool.metrics().resets.increment();
            // Marked cancellation point: dropped here, the connection is unusable and `drop` discards it.
            let cleaned = timeout(CLEAN_TIMEOUT, connection.reset()).await;
            if !matches!(cleaned, Ok(Ok(()))) {
                return self.discard(CloseReason::Reset);
            }
        }
        if let Some(pooled) = self.pooled.take() {
            self.pool.put_back(pooled);
        }
    }

    /// Closes the connection instead of giving it back.
    pub fn discard(mut self, reason: CloseReason) {
        if let Some(pooled) = self.pooled.take() {
            self.pool.retire(Grant::Connection(pooled), reason);
        }
    }

    /// Closes the connection of a statement that missed its deadline, and ends the statement on the server.
    pub fn abandon(mut self) {
        if let Some(pooled) = self.pooled.take() {
            self.pool.kill(pooled.connection.id());
            self.pool
                .retire(Grant::Connection(pooled), CloseReason::Timeout);
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
            self.pool
                .retire(Grant::Connection(pooled), CloseReason::Error);
        }
    }
}
