//! The class behind `createPool`: takes calls over on the JavaScript thread and starts them on the runtime.

use std::{sync::Arc, time::Duration};

use napi::{Error, Result, Status, bindgen_prelude::BufferSlice};
use napi_derive::napi;

use crate::{
    call::{Answer, Call, Wanted},
    codec::params::Params,
    config::Config,
    engine::{self, Claim, Engine, Page, PageCall},
    error,
    metrics::Operation,
    pool::Wake,
    runtime::Workers,
};

use super::{
    completions::{NativeCompletions, Outcome, Queue},
    statement::{NativeShape, NativeStatement},
};

/// A pool. Every call carries a number under which its outcome comes back through the completions.
#[napi]
pub struct NativePool {
    engine: Arc<Engine>,
    queue: Arc<Queue>,
    workers: Arc<Workers>,
}

#[napi]
impl NativePool {
    /// `config` is the JSON that `lib/options.js` made.
    #[napi(constructor, catch_unwind)]
    pub fn new(config: String, completions: &NativeCompletions) -> Result<NativePool> {
        let config = Config::from_json(&config).map_err(thrown)?;
        let workers = Workers::shared(config.worker_threads)
            .map_err(|message| thrown(error::Error::new(error::Kind::Internal, message)))?;
        let engine = Engine::new(config, workers.clone()).map_err(thrown)?;
        Ok(NativePool {
            engine: Arc::new(engine),
            queue: completions.queue(),
            workers,
        })
    }

    /// Runs a statement for rows as objects, at most `limit` of them (0: all), or for what it did.
    #[napi(catch_unwind)]
    pub fn query(
        &self,
        call: u32,
        statement: &NativeStatement,
        params: BufferSlice<'_>,
        length: u32,
        limit: u32,
        execute: bool,
    ) -> Result<()> {
        let limit = if limit == 0 {
            usize::MAX
        } else {
            limit as usize
        };
        let operation = if execute {
            Operation::Execute
        } else {
            Operation::Query
        };
        let wanted = Wanted::Rows { limit, operation };
        self.start(call, statement, unpack(&params, length)?, wanted);
        Ok(())
    }

    /// Runs a statement for rows as JSON.
    #[napi(catch_unwind)]
    pub fn query_json(
        &self,
        call: u32,
        statement: &NativeStatement,
        params: BufferSlice<'_>,
        length: u32,
        shape: Option<&NativeShape>,
    ) -> Result<()> {
        let wanted = Wanted::Json {
            shape: shape.map(NativeShape::inner),
        };
        self.start(call, statement, unpack(&params, length)?, wanted);
        Ok(())
    }

    /// Reads one page and, with `count`, the number of all rows, as a whole response body.
    #[napi(catch_unwind)]
    #[allow(
        clippy::too_many_arguments,
        reason = "an object would cost a property lookup each on every call"
    )]
    pub fn paginate_json(
        &self,
        call: u32,
        statement: &NativeStatement,
        params: BufferSlice<'_>,
        length: u32,
        count: Option<&NativeStatement>,
        count_params: BufferSlice<'_>,
        count_length: u32,
        shape: Option<&NativeShape>,
        page: f64,
        limit: f64,
        message: String,
    ) -> Result<()> {
        let count = match count {
            Some(count) => Some((count.inner(), unpack(&count_params, count_length)?)),
            None => None,
        };
        let page_call = PageCall {
            statement: statement.inner(),
            params: unpack(&params, length)?,
            count,
            shape: shape.map(NativeShape::inner),
            // Whole numbers below 2^53, checked by lib/pagination.js.
            page: Page {
                page: page as u64,
                limit: limit as u64,
            },
            message,
        };
        let reply = Reply::new(&self.queue, call);
        self.engine.start_page(page_call, Box::new(reply));
        Ok(())
    }

    /// Pings the server; the outcome is the milliseconds it took.
    #[napi(catch_unwind)]
    pub fn health(&self, call: u32) {
        let engine = self.engine.clone();
        let reply = Reply::new(&self.queue, call);
        self.spawn(async move {
            let outcome = match engine.health().await {
                Ok(took) => Outcome::Number(took.as_secs_f64() * 1000.0),
                Err(error) => Outcome::Error(error),
            };
            reply.finish(outcome);
        });
    }

    /// Closes the pool; the outcome is 1 if all connections were gone within `drain_ms`, otherwise 0.
    #[napi(catch_unwind)]
    pub fn close(&self, call: u32, drain_ms: f64) {
        let engine = self.engine.clone();
        let reply = Reply::new(&self.queue, call);
        let drain = Duration::from_millis(drain_ms as u64);
        self.spawn(async move {
            let drained = engine.close(drain).await;
            let outcome = Outcome::Number(if drained { 1.0 } else { 0.0 });
            reply.finish(outcome);
        });
    }

    /// The figures behind `db.stats()`, as JSON.
    #[napi(catch_unwind)]
    pub fn stats(&self) -> String {
        self.engine.metrics().stats_json(&self.engine.gauges())
    }

    /// The metrics in Prometheus' text format.
    #[napi(catch_unwind)]
    pub fn metrics_text(&self, label: String) -> String {
        self.engine
            .metrics()
            .prometheus(&self.engine.gauges(), &label)
    }
}

impl NativePool {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.workers.handle(self.workers.calm()).spawn(task);
    }

    fn start(&self, call: u32, statement: &NativeStatement, params: Params, wanted: Wanted) {
        let reply = Reply::new(&self.queue, call);
        let call = Call {
            statement: statement.inner(),
            params,
            wanted,
        };
        self.engine.start(call, Box::new(reply));
    }
}

impl Drop for NativePool {
    /// A pool that was never closed ends with its environment: waiters are refused and connections hang up.
    fn drop(&mut self) {
        let engine = self.engine.clone();
        self.spawn(async move {
            engine.close(Duration::ZERO).await;
        });
    }
}

fn unpack(params: &BufferSlice<'_>, length: u32) -> Result<Params> {
    let packed = params.get(..length as usize).unwrap_or_default();
    Params::unpack(packed).map_err(thrown)
}

/// An error that a function throws at once. `lib/errors.js` reads the JSON.
fn thrown(error: error::Error) -> Error {
    Error::new(
        Status::GenericFailure,
        String::from_utf8_lossy(&error.to_json()).into_owned(),
    )
}

/// The promise of an outcome. If the call's task ends without one, by a panic, its promise is rejected.
struct Reply {
    queue: Option<Arc<Queue>>,
    call: u32,
}

impl Reply {
    fn new(queue: &Arc<Queue>, call: u32) -> Reply {
        Reply {
            queue: Some(queue.clone()),
            call,
        }
    }

    fn finish(mut self, outcome: Outcome) {
        if let Some(queue) = self.queue.take() {
            queue.push_now(self.call, outcome);
        }
    }
}

impl engine::Reply for Reply {
    fn send(
        mut self: Box<Self>,
        result: error::Result<Answer>,
        slow: Option<Duration>,
        claim: Option<Claim>,
    ) -> Option<Arc<dyn Wake>> {
        let queue = self.queue.take()?;
        let outcome = match result {
            Ok(answer) => Outcome::Answer(answer),
            Err(error) => Outcome::Error(error),
        };
        let must_wake = queue.push(self.call, outcome, slow, claim);
        must_wake.then_some(queue as Arc<dyn Wake>)
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(queue) = self.queue.take() {
            let error = error::Error::new(
                error::Kind::Internal,
                "the call ended by a defect in hegar-native; please report it with the statement that caused it",
            );
            queue.push_now(self.call, Outcome::Error(error));
        }
    }
}
