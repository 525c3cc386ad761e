//! Ending what a session does, from another one: the server takes no command from a session that is busy.

use std::sync::Arc;

use tokio::{runtime::Handle, time::timeout};
use tracing::debug;

use crate::{
    error::Result,
    wire::{Connection, Discard},
};

use super::Pool;

impl Pool {
    /// Ends the statement of a session, which goes on. Whether the server has confirmed that is the answer, within the
    /// connect deadline.
    pub async fn kill_query(&self, id: u32) -> bool {
        debug!(id, "ending a statement whose caller has left");
        self.control(format!("KILL QUERY {id}")).await
    }

    /// Ends a session that a deadline left busy, so that the server does not work on for nobody.
    pub(super) fn kill(self: &Arc<Pool>, id: u32) {
        debug!(id, "ending a session that was left busy");
        // Killing is clean-up after the caller has its answer, so it goes by itself and within a deadline.
        if let Ok(runtime) = Handle::try_current() {
            let pool = self.clone();
            runtime.spawn(async move { pool.control(format!("KILL CONNECTION {id}")).await });
        }
    }

    /// Runs a statement on a short connection of its own, beyond `connectionLimit`.
    async fn control(&self, sql: String) -> bool {
        let work = async {
            let mut connection = Connection::open(&self.config).await?;
            connection.query(&sql, &mut Discard).await?;
            connection.close().await;
            Result::Ok(())
        };
        matches!(
            timeout(self.config.connect_timeout(), work).await,
            Ok(Ok(()))
        )
    }
}
