//! Statements whose callers have left: they are ended on the server, and their connections looked after.

use std::{
    future::pending,
    pin::{Pin, pin},
    time::Duration,
};

use tokio::time::timeout;

use crate::{
    call::{Call, Wanted},
    error::{Error, Kind, Result},
};

use super::Engine;

/// Most statements end by themselves sooner than a connection is there to end them from.
const GRACE: Duration = Duration::from_millis(20);
/// How long a statement of a pipeline is waited for: those behind it can not go on without their answers, and to end it
/// might end one of theirs.
const PIPELINE_GRACE: Duration = Duration::from_millis(200);
/// An order that comes between preparing a statement and running it is lost, so it is given again.
const AGAIN: Duration = Duration::from_millis(100);
/// How long ending a statement may take. Past it the connection is closed.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// How a statement came to its end.
pub(super) enum Ending<T> {
    Done(T),
    /// The deadline of the pool passed, and its answer may be on the way.
    Late(Error),
    /// Its caller has left, and its answer may be on the way.
    Left,
    /// Its caller has left, and the server ended it. The order to do so may still be due.
    Stopped,
}

impl Engine {
    /// Awaits a statement until its deadline, or until its caller leaves.
    pub(super) async fn until_over<T>(
        &self,
        work: Pin<&mut impl Future<Output = T>>,
        call: &Call,
    ) -> Ending<T> {
        let Some(stop) = &call.stop else {
            return self.until_late(work).await;
        };
        let work = async {
            // A stream may take as long as its reader does; whether anything moves is watched.
            if stop.has_deadline || matches!(call.wanted, Wanted::Stream(_)) {
                Ending::Done(work.await)
            } else {
                self.until_late(work).await
            }
        };
        let stalled = async {
            match &call.wanted {
                Wanted::Stream(stream) => {
                    let limit = self.config().query_timeout();
                    stream
                        .flow
                        .watch(limit.filter(|_| !stop.has_deadline))
                        .await
                }
                _ => pending().await,
            }
        };
        tokio::select! {
            biased;
            ending = work => ending,
            () = stop.abort.wait() => Ending::Left,
            error = stalled => Ending::Late(error),
        }
    }

    async fn until_late<T>(&self, work: Pin<&mut impl Future<Output = T>>) -> Ending<T> {
        match self.within_deadline(work).await {
            Ok(result) => Ending::Done(result),
            Err(late) => Ending::Late(late),
        }
    }

    /// Ends the statement that session `id` runs and awaits its end, so that the session can go on.
    pub(super) async fn stop<T>(
        &self,
        id: u32,
        mut work: Pin<&mut impl Future<Output = T>>,
    ) -> Ending<T> {
        if let Ok(result) = timeout(GRACE, work.as_mut()).await {
            return Ending::Done(result);
        }
        let orders = async {
            loop {
                let (confirmed, ended) =
                    tokio::join!(self.pool.kill_query(id), timeout(AGAIN, work.as_mut()));
                if !confirmed || ended.is_ok() {
                    return confirmed;
                }
            }
        };
        match timeout(STOP_TIMEOUT, pin!(orders)).await {
            Ok(true) => Ending::Stopped,
            // Nobody knows when an order that was not confirmed comes to be carried out.
            _ => Ending::Left,
        }
    }

    /// Awaits the answer to a statement of a pipeline whose caller has left.
    pub(super) async fn sit_out<T>(&self, work: Pin<&mut impl Future<Output = T>>) -> Ending<T> {
        match timeout(PIPELINE_GRACE, work).await {
            Ok(result) => Ending::Done(result),
            Err(_) => Ending::Left,
        }
    }

    /// Awaits `work`; past the query deadline the answer is the error for that.
    pub(super) async fn within_deadline<T>(
        &self,
        work: Pin<&mut impl Future<Output = T>>,
    ) -> Result<T> {
        let Some(limit) = self.config().query_timeout() else {
            return Ok(work.await);
        };
        timeout(limit, work).await.map_err(|_| {
            Error::new(
                Kind::QueryTimeout,
                format!(
                    "the statement did not finish within {} ms (queryTimeoutMs) and was ended on the server",
                    limit.as_millis()
                ),
            )
        })
    }
}

/// What a statement comes to whose caller has been answered already.
pub(super) fn over() -> Error {
    Error::new(Kind::Aborted, "the call was answered before this")
}
