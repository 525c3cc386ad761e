//! The class behind `createPool`: takes calls over on the JavaScript thread and starts them on the runtime.

use std::{sync::Arc, time::Duration};

use napi::{Result, bindgen_prelude::BufferSlice};
use napi_derive::napi;

use crate::{
    config::{Config, Secret},
    engine::{Caller, Engine},
    metrics::Operation,
};

use super::{
    background::Background,
    calls::{self, Known, Reply, thrown},
    completions::{NativeCompletions, Outcome},
    group::NativeGroup,
    keyset::NativeKeyset,
    session::NativeSession,
    statement::{NativeShape, NativeStatement},
    ticket::NativeTicket,
};

/// A pool. Every call carries a number under which its outcome comes back through the completions.
#[napi]
pub struct NativePool {
    engine: Arc<Engine>,
    background: Background,
}

#[napi]
impl NativePool {
    /// `config` is the JSON that `lib/options.js` made.
    #[napi(constructor, catch_unwind)]
    pub fn new(config: String, completions: &NativeCompletions) -> Result<NativePool> {
        let config = Config::from_json(&config).map_err(thrown)?;
        let background = Background::new(config.worker_threads, completions)?;
        let workers = background.workers().clone();
        let engine = Arc::new(Engine::new(config, workers).map_err(thrown)?);
        engine.attend();
        Ok(NativePool { engine, background })
    }

    /// Runs a statement for rows as objects, at most `limit` of them (0: all), or for what it did; with `keyset` one
    /// page by cursor.
    #[napi(catch_unwind)]
    #[allow(
        clippy::too_many_arguments,
        reason = "an object would cost a property lookup each on every call"
    )]
    pub fn query(
        &self,
        call: u32,
        statement: &NativeStatement,
        params: BufferSlice<'_>,
        length: u32,
        limit: u32,
        execute: bool,
        shape: Option<&NativeShape>,
        ticket: Option<&NativeTicket>,
        keyset: Option<&NativeKeyset>,
        place: Option<BufferSlice<'_>>,
    ) -> Result<()> {
        let rows = calls::rows(
            statement, params, length, limit, execute, shape, keyset, place,
        )?;
        let caller = self.caller(call, rows.operation(), ticket);
        self.engine.start(rows, caller);
        Ok(())
    }

    /// Runs a statement for all of its results. Where it `unwraps`, as for `execute` of the drop-ins, a single one is the
    /// outcome.
    #[napi(catch_unwind)]
    #[allow(
        clippy::too_many_arguments,
        reason = "an object would cost a property lookup each on every call"
    )]
    pub fn results(
        &self,
        call: u32,
        statement: &NativeStatement,
        params: BufferSlice<'_>,
        length: u32,
        shape: Option<&NativeShape>,
        ticket: Option<&NativeTicket>,
        unwraps: Option<bool>,
    ) -> Result<()> {
        let unwraps = unwraps.unwrap_or_default();
        let results = calls::results(statement, params, length, shape, unwraps)?;
        let caller = self.caller(call, results.operation(), ticket);
        self.engine.start(results, caller);
        Ok(())
    }

    /// Runs a text as it is, for all of its results. `literal_backslash` says how literals were written into it, if any
    /// were; a session that reads them otherwise refuses it.
    #[napi(catch_unwind)]
    pub fn text(
        &self,
        call: u32,
        sql: String,
        shape: Option<&NativeShape>,
        ticket: Option<&NativeTicket>,
        literal_backslash: Option<bool>,
    ) {
        let text = calls::text(
            &sql,
            shape,
            literal_backslash,
            self.engine.config().pipelining,
        );
        let caller = self.caller(call, text.operation(), ticket);
        self.engine.start(text, caller);
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
        ticket: Option<&NativeTicket>,
    ) -> Result<()> {
        let json = calls::json(statement, params, length, shape, 0)?;
        let caller = self.caller(call, json.operation(), ticket);
        self.engine.start(json, caller);
        Ok(())
    }

    /// Runs the reads of a group, each on a connection of its own where there are any; their results come together.
    #[napi(catch_unwind)]
    pub fn all(&self, call: u32, group: &NativeGroup, ticket: Option<&NativeTicket>) -> Result<()> {
        let group = group.take()?;
        let caller = self.caller(call, group.operation(), ticket);
        self.engine.start_group(group, caller);
        Ok(())
    }

    /// Runs a statement for rows piece by piece, in a form that `lib/stream.js` names.
    #[napi(catch_unwind)]
    #[allow(
        clippy::too_many_arguments,
        reason = "an object would cost a property lookup each on every call"
    )]
    pub fn stream(
        &self,
        call: u32,
        statement: &NativeStatement,
        params: BufferSlice<'_>,
        length: u32,
        form: u32,
        shape: Option<&NativeShape>,
        stall_ms: f64,
        ticket: &NativeTicket,
    ) -> Result<()> {
        let stream = calls::stream(statement, params, length, form, shape)?;
        let (ticket, flow) = ticket.stream(&self.engine, stall_ms, self.reply(call));
        self.engine
            .start(stream(flow, ticket.clone()), Caller::Impatient(ticket));
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
        ticket: Option<&NativeTicket>,
        peeks: bool,
        total: Option<f64>,
        is_estimate: bool,
        keyset: Option<&NativeKeyset>,
        place: Option<BufferSlice<'_>>,
    ) -> Result<()> {
        let known = Known {
            peeks,
            total,
            is_estimate,
            keyset,
            place,
        };
        let page = calls::page(
            statement,
            params,
            length,
            count,
            count_params,
            count_length,
            shape,
            page,
            limit,
            message,
            known,
        )?;
        let caller = self.caller(call, Operation::Paginate, ticket);
        self.engine.start_page(page, caller);
        Ok(())
    }

    /// Takes a connection until the session is released; the outcome is the server's number for it.
    #[napi(catch_unwind)]
    pub fn open_session(&self, call: u32, ticket: Option<&NativeTicket>) -> NativeSession {
        let patience = NativeTicket::patience(ticket);
        let (session, host) = self.engine.open_session(self.reply(call), patience);
        self.spawn(host);
        NativeSession::new(session, self.background.queue().clone())
    }

    /// Pings the server; the outcome is the milliseconds it took.
    #[napi(catch_unwind)]
    pub fn health(&self, call: u32) {
        let engine = self.engine.clone();
        let reply = self.reply(call);
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
        let reply = self.reply(call);
        let drain = Duration::from_millis(drain_ms as u64);
        // At once, so that nothing that is given back from now on goes to those who wait.
        engine.shut();
        self.spawn(async move {
            let drained = engine.close(drain).await;
            let outcome = Outcome::Number(if drained { 1.0 } else { 0.0 });
            reply.finish(outcome);
        });
    }

    /// Has new connections log in with another password.
    #[napi(catch_unwind)]
    pub fn set_password(&self, password: String) {
        self.engine.set_password(Secret::from(&*password));
    }

    /// The attempts to connect since this was last asked, as a JSON array; they are kept from the first time on.
    #[napi(catch_unwind)]
    pub fn take_connects(&self) -> String {
        self.engine.take_connects()
    }

    /// The figures behind `db.stats()`, as JSON.
    #[napi(catch_unwind)]
    pub fn stats(&self) -> String {
        self.engine.stats()
    }

    /// The metrics in Prometheus' text format.
    #[napi(catch_unwind)]
    pub fn metrics_text(&self, label: String) -> String {
        self.engine.prometheus(&label)
    }
}

impl NativePool {
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.background.spawn(task);
    }

    fn caller(&self, call: u32, operation: Operation, ticket: Option<&NativeTicket>) -> Caller {
        NativeTicket::caller(ticket, &self.engine, Some(operation), self.reply(call))
    }

    pub(super) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    pub(super) fn reply(&self, call: u32) -> Box<Reply> {
        Box::new(self.background.reply(call))
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
