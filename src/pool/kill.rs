//! Ending what a session does, from another one: the server takes no command from a session that is busy.

use std::{sync::Arc, time::Duration};

use tokio::{
    runtime::Handle,
    time::{sleep, timeout},
};
use tracing::debug;

use crate::{
    error::Result,
    wire::{Connection, Discard},
};

use super::Pool;

/// How long the first try to connect may take. A lost SYN is repeated after a second only, so a new try is sooner there.
const FIRST_TRY: Duration = Duration::from_millis(400);
/// The pause after a server that takes no connection.
const PAUSE: Duration = Duration::from_millis(100);

impl Pool {
    /// Ends the statement of a session, which goes on. Whether the server has confirmed that within the connect deadline
    /// is the answer; without that, nobody knows whether the order is still on its way.
    pub async fn kill_query(&self, id: u32) -> bool {
        debug!(id, "ending a statement whose caller has left");
        self.order(format!("KILL QUERY {id}")).await
    }

    /// Ends a session that a deadline left busy, so that the server does not work on for nobody.
    pub(super) fn kill(self: &Arc<Pool>, id: u32) {
        debug!(id, "ending a session that was left busy");
        // Killing is clean-up after the caller has its answer, so it goes by itself and within a deadline.
        if let Ok(runtime) = Handle::try_current() {
            let pool = self.clone();
            runtime.spawn(async move { pool.order(format!("KILL CONNECTION {id}")).await });
        }
    }

    /// Runs a statement on a short connection of its own, beyond `connectionLimit`.
    async fn order(&self, sql: String) -> bool {
        let work = async {
            let mut connection = self.control_connection().await;
            connection.query(&sql, &mut Discard).await?;
            connection.close().await;
            Result::Ok(())
        };
        matches!(
            timeout(self.config.connect_timeout(), work).await,
            Ok(Ok(()))
        )
    }

    /// Connects, however often that takes: a server that is full has room again soon. A try that is given up has sent no
    /// order.
    async fn control_connection(&self) -> Connection {
        let login = self.login();
        let mut limit = FIRST_TRY.min(self.config.connect_timeout());
        loop {
            match timeout(limit, Connection::open(&login)).await {
                Ok(Ok(connection)) => return connection,
                Ok(Err(error)) => {
                    debug!(%error, "no connection to end a statement from");
                    sleep(PAUSE).await;
                }
                Err(_) => {}
            }
            limit = self.config.connect_timeout();
        }
    }
}
