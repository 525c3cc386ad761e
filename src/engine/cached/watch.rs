//! What a cache has to know of its server: the schema, read when it is needed and from time to time, and the log of changes.

use std::{
    sync::{Arc, Mutex, PoisonError, Weak, atomic::Ordering},
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};

use crate::{
    cache::{
        binlog,
        schema::{PERIOD, Schema},
    },
    call::Answer,
    error::{Error, Kind, Result},
    wire::Done,
};

use super::super::{Engine, Reply};

impl Engine {
    /// Follows the server's log of changes until the pool is closed. `told` gets the first reason why it can not be, or none.
    pub fn follow_binlog(self: &Arc<Self>, told: Box<dyn Reply>) {
        let engine = self.clone();
        let told = Arc::new(Mutex::new(Some(told)));
        let teller = told.clone();
        let tell = move |error| {
            let told = teller.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(sleeper) = told.and_then(|told| told.send(Err(error), None, None)) {
                sleeper.wake();
            }
        };
        if let Some(cache) = &self.cache {
            cache.binlog.want();
        }
        self.pool.spawn(async move {
            let Some(cache) = &engine.cache else { return };
            let login = engine.login();
            tokio::select! {
                () = binlog::follow(&login, cache.ledger(), &cache.binlog, tell) => {}
                () = engine.abort.wait() => {}
            }
            // Nothing was wrong.
            let told = told.lock().unwrap_or_else(PoisonError::into_inner).take();
            let done = Ok(Answer::Done(Done::default()));
            if let Some(sleeper) = told.and_then(|told| told.send(done, None, None)) {
                sleeper.wake();
            }
        });
    }

    /// Keeps the schema up to date from now on.
    pub fn attend_schema(self: &Arc<Self>) {
        if self.cache.is_some() && !self.schema_watched.swap(true, Ordering::AcqRel) {
            self.pool.spawn(keep_schema(Arc::downgrade(self)));
        }
    }

    /// Has the schema known for writes that others are told of, before anything is read here.
    pub fn attend(self: &Arc<Self>) {
        let cache = self.config().cache.as_ref();
        if cache.is_some_and(|cache| cache.redis.is_some() || cache.follow_binlog) {
            self.attend_schema();
        }
    }

    /// Reads the schema, once for all who need it, within the deadlines of a call.
    pub(super) async fn read_schema(self: &Arc<Self>) -> Result<()> {
        let Some(cache) = &self.cache else {
            return Ok(());
        };
        let schema = cache.ledger().schema();
        let came = Instant::now();
        let mut last = self.schema_turn.lock().await;
        if !schema.question().is_open() {
            return Ok(());
        }
        match &*last {
            // Somebody has tried while this one waited for the turn.
            Some((tried, error)) if *tried > came => return Err(error.clone()),
            _ => {}
        }
        let result = self.ask_schema(schema).await;
        *last = result
            .as_ref()
            .err()
            .map(|error| (Instant::now(), error.clone()));
        result
    }

    async fn ask_schema(self: &Arc<Self>, schema: &Schema) -> Result<()> {
        let question = schema.question();
        let mut lease = self.pool.acquire().await?;
        // All cached calls wait for it, so it has a deadline also where queries have none.
        const LONGEST: Duration = Duration::from_secs(10);
        let limit = self.config().query_timeout().unwrap_or(LONGEST);
        // Marked cancellation point: dropped here, the connection is unusable and the lease discards it.
        match timeout(
            limit.min(LONGEST),
            schema.read(question, lease.connection()),
        )
        .await
        {
            Ok(result) => {
                lease.put_back();
                result
            }
            Err(_) => {
                lease.abandon();
                Err(Error::new(
                    Kind::QueryTimeout,
                    "the schema was not read in time (10 seconds or queryTimeoutMs)",
                ))
            }
        }
    }
}

/// Reads the schema from time to time and when it is missed, for as long as there is a pool.
async fn keep_schema(engine: Weak<Engine>) {
    /// Between two attempts.
    const PAUSE: Duration = Duration::from_secs(1);
    loop {
        let Some(ledger) = engine.upgrade().map(|engine| engine.ledger.clone()) else {
            return;
        };
        tokio::select! {
            () = sleep(PERIOD) => ledger.schema().expire(),
            () = ledger.schema().missed() => {}
        }
        let Some(engine) = engine.upgrade().filter(|engine| !engine.abort.is_called()) else {
            return;
        };
        // What it fails by, the next call will tell.
        let _ = engine.read_schema().await;
        drop(engine);
        sleep(PAUSE).await;
    }
}
