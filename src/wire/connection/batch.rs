//! One statement for many rows, in the quickest way that the server has for it.
//!
//! MariaDB takes many rows in one packet. Elsewhere the row of a plain INSERT is written several times into one
//! statement, and any other statement is executed for each row. Commands are sent several in one write, their answers
//! read in their order.
//!
//! A server may end a transaction at any of them, by a deadlock, and goes on with those behind it, each then committed by
//! itself. So several commands are only sent with autocommit off, until the transaction has ended, and a savepoint in
//! front of them: if that is gone after an error, so is the transaction, and what ran behind its end is undone.

use crate::{
    codec::rows::Rows,
    error::{Error, Kind, Result},
    sql::Tuple,
    statement::Statement,
};

use super::{
    super::{
        column::{Column, Columns},
        command,
        reply::Done,
        row::{Cell, Row, RowSink},
        statements::{Key, Memo},
    },
    Announced, Connection, MAX_PREPARED_REACHED, MariadbCapabilities, UNSUPPORTED_PREPARED,
    is_answered, is_forgotten,
};

mod plan;

use plan::{Part, Way, at_rows, changes_rows, inserts, plan_one, too_long};

/// Commands of one write. Their answers, errors at worst, have to fit into the buffers of a socket, because nobody
/// reads them while the commands are written.
const MAX_COMMANDS: usize = 64;
/// A write ends with the command that reaches this.
const WRITE_BYTES: usize = 64 * 1024;
const AUTOCOMMIT_OFF: &str = "SET autocommit = 0";
const AUTOCOMMIT_ON: &str = "SET autocommit = 1";
const SAVEPOINT: &str = "SAVEPOINT hegar_rows";
const TO_SAVEPOINT: &str = "ROLLBACK TO SAVEPOINT hegar_rows";

/// Asks for the row that failed last, without a trace in the session.
const ROW_NUMBER: &str = "BEGIN NOT ATOMIC DECLARE n INT; \
    GET DIAGNOSTICS CONDITION 1 n = ROW_NUMBER; SELECT n; END";

impl Connection {
    /// Runs `statement` for each of `rows`. The answer sums up what they did, with the first id that was generated.
    /// An error names the rows that it may be of; rows before and behind them may have been executed.
    pub async fn batch(&mut self, statement: &Statement, rows: &Rows) -> Result<Done> {
        let limit = self.server_limit().await?;
        let tuple = Tuple::find(statement.template().text()).filter(|_| inserts(statement));
        self.prepare_times(statement, None, 1).await?;
        let mut way = self.way(statement, rows, tuple.as_ref())?;
        let mut total = Done::default();
        let mut at = 0;
        while at < rows.len() {
            let parts = self.plan(statement, rows, at, way, limit).await?;
            let end = parts.last().map_or(rows.len(), |part| part.rows.end);
            let is_alone = parts.len() == 1;
            match self.run_parts(parts, rows, &mut total).await {
                // Only a refusal at the first try, when nothing has been executed, makes it go another way.
                Err(_) if matches!(way, Way::Bulk) && self.takes_bulk(statement) == Some(false) => {
                    way = tuple.as_ref().map_or(Way::Single, Way::Tuple);
                }
                Err(error) if is_alone => return Err(self.with_row(statement, error).await),
                Err(error) => return Err(error),
                Ok(()) => at = end,
            }
        }
        Ok(total)
    }

    /// The error with the row that failed, where the server knows it: MariaDB 10.7 counts the rows of an insertion.
    async fn with_row(&mut self, statement: &Statement, error: Error) -> Error {
        let Some((first, last)) = error.rows().filter(|(first, last)| first < last) else {
            return error;
        };
        let is_asked = error.errno().is_some() && is_answered::<()>(&Err(error.clone()));
        if !is_asked || !inserts(statement) || !self.is_mariadb() {
            return error;
        }
        let mut answer = Number::default();
        // The answer of an older server is an error, and of no use.
        let _ = self.query(ROW_NUMBER, &mut answer).await;
        let row = answer
            .value
            .and_then(|row| first.checked_add(row as u64)?.checked_sub(1));
        match row.filter(|row| (first..=last).contains(row)) {
            Some(row) => error.at_rows(row, row),
            None => error,
        }
    }

    fn is_mariadb(&self) -> bool {
        self.mariadb.bits() != 0
    }

    fn way<'a>(
        &self,
        statement: &Statement,
        rows: &Rows,
        tuple: Option<&'a Tuple<'a>>,
    ) -> Result<Way<'a>> {
        let prepared = self.statements.peek(&Key::times(statement, 1));
        let prepared = prepared.ok_or_else(not_prepared)?;
        if usize::from(prepared.params) != rows.columns() {
            let message = format!(
                "the server counts {} parameters in this statement, each row has {}",
                prepared.params,
                rows.columns()
            );
            return Err(Error::new(Kind::Parameters, message));
        }
        // MariaDB does not tell the columns of RETURNING before the execution.
        if !prepared.columns.is_empty()
            || (self.is_mariadb() && statement.template().is_returning())
        {
            return Err(returns_rows());
        }
        let has_bulk = self.mariadb.contains(MariadbCapabilities::BULK_OPERATIONS);
        if has_bulk && changes_rows(statement) && prepared.takes_bulk != Some(false) {
            return Ok(Way::Bulk);
        }
        Ok(tuple.map_or(Way::Single, Way::Tuple))
    }

    /// The commands of the next write; statements that they need are prepared before.
    async fn plan(
        &mut self,
        statement: &Statement,
        rows: &Rows,
        mut at: usize,
        way: Way<'_>,
        limit: usize,
    ) -> Result<Vec<Part>> {
        let (mut parts, mut size) = (Vec::new(), 0);
        let most = self.most_commands(statement, way);
        while at < rows.len() && parts.len() < most && size < WRITE_BYTES {
            let part = plan_one(statement, rows, at, way, limit)?;
            if part.size > limit {
                if parts.is_empty() {
                    return Err(too_long(&part, rows, limit));
                }
                break;
            }
            if self.statements.peek(&part.key).is_none() {
                if !parts.is_empty() {
                    break;
                }
                let tuple = match way {
                    Way::Tuple(tuple) => Some(tuple),
                    Way::Bulk | Way::Single => None,
                };
                self.prepare_times(statement, tuple, part.rows.len())
                    .await?;
            }
            at = part.rows.end;
            size += part.size;
            parts.push(part);
        }
        Ok(parts)
    }

    fn takes_bulk(&self, statement: &Statement) -> Option<bool> {
        let prepared = self.statements.peek(&Key::times(statement, 1));
        prepared.and_then(|prepared| prepared.takes_bulk)
    }

    fn most_commands(&self, statement: &Statement, way: Way<'_>) -> usize {
        match way {
            Way::Bulk if self.takes_bulk(statement).is_none() => 1,
            // Only answers whose length is known are left in the socket: a CALL may return rows.
            Way::Single if !changes_rows(statement) => 1,
            _ => MAX_COMMANDS,
        }
    }

    /// Puts the statement for so many rows among the prepared ones.
    async fn prepare_times(
        &mut self,
        statement: &Statement,
        tuple: Option<&Tuple<'_>>,
        rows: usize,
    ) -> Result<()> {
        let key = Key::times(statement, rows);
        if self.statements.peek(&key).is_some() {
            return Ok(());
        }
        let text = tuple.filter(|_| rows > 1).map(|tuple| tuple.times(rows));
        let text = text.as_deref().unwrap_or(statement.template().text());
        let prepared = match Box::pin(self.prepare(text)).await {
            Err(error)
                if error.errno() == Some(MAX_PREPARED_REACHED) && !self.statements.is_empty() =>
            {
                self.statements.close_all();
                Box::pin(self.prepare(text)).await?
            }
            prepared => prepared?,
        };
        self.statements.insert(key, prepared);
        Ok(())
    }

    /// Sends the commands in one write and adds up their answers. All answers are read, also behind an error.
    async fn run_parts(
        &mut self,
        mut parts: Vec<Part>,
        rows: &Rows,
        total: &mut Done,
    ) -> Result<()> {
        let is_guarded = parts.len() > 1 && self.in_transaction();
        self.start();
        let result = if is_guarded {
            self.exchange_guarded(&mut parts, rows, total).await
        } else {
            self.exchange(&mut parts, rows, total).await
        };
        self.finish(result)
    }

    async fn exchange(&mut self, parts: &mut [Part], rows: &Rows, total: &mut Done) -> Result<()> {
        self.write_parts(parts, rows)?;
        self.packets.flush().await?;
        self.read_answers(parts, rows, total).await
    }

    async fn exchange_guarded(
        &mut self,
        parts: &mut [Part],
        rows: &Rows,
        total: &mut Done,
    ) -> Result<()> {
        if self.status.autocommit() {
            self.simple_query(AUTOCOMMIT_OFF).await?;
            self.autocommit_taken = true;
        }
        self.simple_query(SAVEPOINT).await?;
        let result = self.exchange(parts, rows, total).await;
        if result.is_ok() || !is_answered(&result) {
            return result;
        }
        let undone = self.simple_query(TO_SAVEPOINT).await;
        if undone.is_err() {
            if !is_answered(&undone) {
                return undone;
            }
            self.simple_query("ROLLBACK").await?;
        }
        result
    }

    async fn simple_query(&mut self, sql: &str) -> Result<()> {
        self.packets.begin();
        self.packets.push(|out| command::query(out, sql));
        self.simple().await.map(drop)
    }

    /// Whether autocommit is off because a batch needed that.
    pub fn has_autocommit_taken(&self) -> bool {
        self.autocommit_taken
    }

    /// Gives autocommit back as soon as no transaction is open, which that would commit.
    pub async fn give_autocommit_back(&mut self) -> Result<()> {
        if !self.autocommit_taken || self.in_transaction() {
            return Ok(());
        }
        self.start();
        let result = self.simple_query(AUTOCOMMIT_ON).await;
        self.autocommit_taken = result.is_err();
        self.finish(result)
    }

    fn write_parts(&mut self, parts: &mut [Part], rows: &Rows) -> Result<()> {
        for part in parts {
            let id = self.statements.peek(&part.key).ok_or_else(not_prepared)?.id;
            let mut written = Ok(());
            self.packets.begin();
            self.packets.push(|out| {
                written = match &part.bulk {
                    Some(packet) => packet.write(out, id, rows),
                    None => {
                        let count = part.rows.len() * rows.columns();
                        command::execute_values(out, id, count, || rows.values(part.rows.clone()))
                    }
                }
            });
            written?;
            part.sequence = self.packets.answer_sequence();
        }
        Ok(())
    }

    async fn read_answers(&mut self, parts: &[Part], rows: &Rows, total: &mut Done) -> Result<()> {
        let mut failure = None;
        for part in parts {
            self.packets.expect_answer_at(part.sequence);
            let mut prepared = self.statements.take(&part.key).ok_or_else(not_prepared)?;
            let mut sink = NoRows::default();
            let result = self
                .read_results(
                    &mut Announced::Prepared {
                        columns: &mut prepared.columns,
                        memo: &mut prepared.memo,
                    },
                    &mut sink,
                )
                .await;
            if part.bulk.is_some() && prepared.takes_bulk.is_none() {
                let refused = matches!(&result, Err(error) if refuses_bulk(error));
                prepared.takes_bulk = Some(!refused);
            }
            if is_forgotten(&result) {
                self.statements.close_later(prepared.id);
            } else {
                self.statements.insert(part.key.clone(), prepared);
            }
            let goes_on = is_answered(&result);
            let result = result.and_then(|done| {
                if sink.is_used {
                    return Err(returns_rows());
                }
                Ok(done)
            });
            match result {
                Ok(done) if failure.is_none() => add(total, done),
                Ok(_) => {}
                Err(error) => {
                    let error = at_rows(error, part, rows);
                    if !goes_on {
                        return Err(error);
                    }
                    failure.get_or_insert(error);
                }
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// The longest command that the server takes. It is asked once; it does not change for a session.
    async fn server_limit(&mut self) -> Result<usize> {
        if let Some(limit) = self.server_limit {
            return Ok(limit);
        }
        let mut answer = Number::default();
        self.query("SELECT @@max_allowed_packet", &mut answer)
            .await?;
        let limit = answer.value.ok_or_else(|| {
            Error::protocol("the server did not tell its max_allowed_packet as a number")
        })?;
        self.server_limit = Some(limit);
        Ok(limit)
    }
}

fn add(total: &mut Done, done: Done) {
    total.affected_rows = total.affected_rows.saturating_add(done.affected_rows);
    total.warnings = total.warnings.saturating_add(done.warnings);
    if total.last_insert_id == 0 {
        total.last_insert_id = done.last_insert_id;
    }
    total.status = done.status;
}

/// Whether the server has no bulk execution for a statement, or something before it, such as a proxy, for any.
fn refuses_bulk(error: &Error) -> bool {
    const UNKNOWN_COMMAND: u16 = 1047;
    matches!(error.errno(), Some(UNSUPPORTED_PREPARED | UNKNOWN_COMMAND))
}

fn returns_rows() -> Error {
    Error::new(
        Kind::Unsupported,
        "a statement that returns rows has no place in a batch; run it with query or execute",
    )
}

#[cold]
fn not_prepared() -> Error {
    Error::new(Kind::Internal, "a statement of a batch was not prepared")
}

/// Notices rows and drops them.
#[derive(Default)]
struct NoRows {
    is_used: bool,
}

impl RowSink for NoRows {
    fn begin(&mut self, _columns: &Columns, _memo: &mut Memo) -> Result<()> {
        self.is_used = true;
        Ok(())
    }

    fn row(&mut self, _row: Row<'_>) -> Result<()> {
        Ok(())
    }
}

/// Reads one number.
#[derive(Default)]
struct Number {
    column: Option<Column>,
    value: Option<usize>,
}

impl RowSink for Number {
    fn begin(&mut self, columns: &Columns, _memo: &mut Memo) -> Result<()> {
        self.column = columns.first().cloned();
        Ok(())
    }

    fn row(&mut self, mut row: Row<'_>) -> Result<()> {
        if let Some(column) = &self.column {
            self.value = match row.cell(0, column)? {
                Cell::Int(value) => usize::try_from(value).ok(),
                Cell::UInt(value) => usize::try_from(value).ok(),
                _ => None,
            };
        }
        Ok(())
    }
}
