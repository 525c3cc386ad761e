//! The class behind a connection that JavaScript holds, whether by itself or for a transaction.

use std::sync::Arc;

use napi::{Error, Result, Status, bindgen_prelude::BufferSlice};
use napi_derive::napi;

use crate::{
    config::Secret,
    engine::{Caller, Control, FileStep, Service, Session},
    metrics::Operation,
};

use super::{
    calls::{self, Known, Reply},
    completions::Queue,
    group::NativeGroup,
    keyset::NativeKeyset,
    statement::{NativeShape, NativeStatement},
    ticket::NativeTicket,
};

/// A held connection. Its calls are answered in their order; dropped unreleased, the connection goes back by itself.
#[napi]
pub struct NativeSession {
    session: Session,
    queue: Arc<Queue>,
}

#[napi]
impl NativeSession {
    /// As `NativePool.query`.
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
        self.session.start(rows, caller);
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
        self.session.start(results, caller);
        Ok(())
    }

    /// As `NativePool.text`.
    #[napi(catch_unwind)]
    pub fn text(
        &self,
        call: u32,
        sql: String,
        shape: Option<&NativeShape>,
        ticket: Option<&NativeTicket>,
        literal_backslash: Option<bool>,
    ) {
        let text = calls::text(&sql, shape, literal_backslash, false);
        let caller = self.caller(call, text.operation(), ticket);
        self.session.start(text, caller);
    }

    /// As `NativePool.queryJson`.
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
        self.session.start(json, caller);
        Ok(())
    }

    /// As `NativePool.all`; the reads are run one after the other.
    #[napi(catch_unwind)]
    pub fn all(&self, call: u32, group: &NativeGroup, ticket: Option<&NativeTicket>) -> Result<()> {
        let group = group.take()?;
        let caller = self.caller(call, group.operation(), ticket);
        self.session.start_group(group, caller);
        Ok(())
    }

    /// As `NativePool.stream`.
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
        let (ticket, flow) = ticket.stream(self.session.engine(), stall_ms, self.reply(call));
        self.session
            .start(stream(flow, ticket.clone()), Caller::Impatient(ticket));
        Ok(())
    }

    /// As `NativePool.paginateJson`; rows and count are read one after the other.
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
        self.session.start_page(page, caller);
        Ok(())
    }

    /// Runs a statement for each of the rows of `columns` values in `rows`, of which the first has the place `first` in
    /// the whole batch, within `timeout_ms` (0: any time).
    #[napi(catch_unwind)]
    #[allow(
        clippy::too_many_arguments,
        reason = "an object would cost a property lookup each on every call"
    )]
    pub fn batch(
        &self,
        call: u32,
        statement: &NativeStatement,
        rows: BufferSlice<'_>,
        length: u32,
        columns: u32,
        first: f64,
        timeout_ms: f64,
    ) -> Result<()> {
        let batch = calls::batch(statement, rows, length, columns, first, timeout_ms)?;
        self.session.batch(batch, self.reply(call));
        Ok(())
    }

    /// Runs a statement that `lib/transaction.js` wrote: `prepare`, `begin`, `savepoint`, `commit` or `rollback`.
    #[napi(catch_unwind)]
    pub fn control(&self, call: u32, control: String, sql: String) -> Result<()> {
        let control = match control.as_str() {
            "prepare" => Control::Prepare,
            "begin" => Control::Begin,
            "savepoint" => Control::Savepoint,
            "commit" => Control::Commit,
            "rollback" => Control::Rollback,
            other => {
                let message = format!("{other} is no step of a transaction");
                return Err(Error::new(Status::InvalidArg, message));
            }
        };
        self.session.control(control, sql, self.reply(call));
        Ok(())
    }

    /// Begins to run a LOAD DATA LOCAL on a connection opened for it; the outcome is 1 if the server waits for the file.
    #[napi(catch_unwind)]
    pub fn file_begin(&self, call: u32, sql: String, literal_backslash: Option<bool>) {
        let begin = FileStep::Begin {
            sql,
            literal_backslash,
        };
        self.session.file(begin, self.reply(call));
    }

    /// Sends a part of the file; the outcome comes when the socket has taken it.
    #[napi(catch_unwind)]
    pub fn file_part(&self, call: u32, bytes: BufferSlice<'_>) {
        let part = FileStep::Part(bytes.as_ref().into());
        self.session.file(part, self.reply(call));
    }

    /// Ends the file; the outcome is what the statement did.
    #[napi(catch_unwind)]
    pub fn file_end(&self, call: u32) {
        self.session.file(FileStep::End, self.reply(call));
    }

    /// Asks the server for a sign of life.
    #[napi(catch_unwind)]
    pub fn ping(&self, call: u32) {
        self.session.service(Service::Ping, self.reply(call));
    }

    /// Brings the session back to how it was after the login.
    #[napi(catch_unwind)]
    pub fn reset(&self, call: u32) {
        self.session.service(Service::Reset, self.reply(call));
    }

    /// Goes on as somebody else, in a session as new. What is not given stays as the options have it. Where it `has_to` be
    /// somebody else, a refusal ends the connection.
    #[napi(catch_unwind)]
    pub fn change_user(
        &self,
        call: u32,
        user: Option<String>,
        password: Option<String>,
        database: Option<String>,
        collation: Option<u32>,
        has_to: bool,
    ) {
        let mut config = (*self.session.engine().login()).clone();
        if let Some(user) = user {
            config.user = user;
        }
        if let Some(password) = password {
            config.password = Secret::from(&*password);
        }
        config.database = database.or(config.database);
        config.collation = collation.map_or(config.collation, |number| number as u16);
        let config = Box::new(config);
        let service = Service::ChangeUser { config, has_to };
        self.session.service(service, self.reply(call));
    }

    /// Prepares a statement for later. The outcome counts its parameters, and its columns times 65,536.
    #[napi(catch_unwind)]
    pub fn prepare(&self, call: u32, statement: &NativeStatement) {
        let service = Service::Prepare(statement.inner());
        self.session.service(service, self.reply(call));
    }

    /// Closes a prepared statement.
    #[napi(catch_unwind)]
    pub fn unprepare(&self, call: u32, statement: &NativeStatement) {
        let service = Service::Unprepare(statement.inner());
        self.session.service(service, self.reply(call));
    }

    /// The outcome is an error when the connection is lost while it is idle. A session that ends otherwise may answer
    /// anything.
    #[napi(catch_unwind)]
    pub fn watch(&self, call: u32) {
        self.session.watch(self.reply(call));
    }

    /// Gives the connection back after the calls before; the outcome comes when it is clean.
    #[napi(catch_unwind)]
    pub fn release(&self, call: u32) {
        self.session.release(self.reply(call));
    }

    /// Closes the connection at once.
    #[napi(catch_unwind)]
    pub fn destroy(&self) {
        self.session.destroy();
    }
}

impl NativeSession {
    pub fn new(session: Session, queue: Arc<Queue>) -> NativeSession {
        NativeSession { session, queue }
    }

    fn caller(&self, call: u32, operation: Operation, ticket: Option<&NativeTicket>) -> Caller {
        NativeTicket::caller(
            ticket,
            self.session.engine(),
            Some(operation),
            self.reply(call),
        )
    }

    fn reply(&self, call: u32) -> Box<Reply> {
        Box::new(Reply::new(&self.queue, call))
    }
}
