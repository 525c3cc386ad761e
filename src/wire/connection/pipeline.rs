//! Several executions in one write, their answers read one after the other.
//!
//! A server takes the commands of a session in the order in which they arrive and answers each before it looks at the
//! next; an error of one does not touch the others. What pipelining saves is the sends and receives on both sides.

use std::time::{Duration, Instant};

use crate::{
    codec::params::Params,
    error::{Error, Kind, Result},
    statement::Statement,
};

use super::{
    super::{
        command,
        reply::Done,
        row::RowSink,
        statements::{Key, Prepared},
    },
    Announced, Connection, NEED_REPREPARE, UNKNOWN_STATEMENT, is_answered,
};

/// The most that the parameters of one call may take: all commands of a pipeline together have to fit into the buffers
/// of a socket, because nobody reads answers while they are written.
const MAX_PARAM_BYTES: usize = 1024;

/// The same of a statement that is sent as text, with its values in it.
const MAX_TEXT_BYTES: usize = 2048;

/// Answers that a pipeline still owes.
#[derive(Default)]
pub(super) struct Owed {
    answers: usize,
    /// When the last answer ended, or the commands were sent.
    since: Option<Instant>,
    /// Statements that the server forgot, to be closed after the last answer.
    stale: Vec<Key>,
}

impl Connection {
    /// Whether an execution may share a pipeline: it is prepared here or a text, small, and has been quick lately.
    pub fn is_quick(&self, statement: &Statement, params: &Params) -> bool {
        if statement.is_written() {
            return statement.suits(self.no_backslash_escapes())
                && statement.template().text().len() <= MAX_TEXT_BYTES
                && self
                    .layouts
                    .pace(statement)
                    .is_some_and(|pace| pace.is_quick(self.round_trip));
        }
        params.size() <= MAX_PARAM_BYTES
            && self
                .statements
                .find(statement, params)
                .is_some_and(|prepared| {
                    usize::from(prepared.params) == params.len()
                        && prepared.pace.is_quick(self.round_trip)
                })
    }

    /// Sends the executions in one write. Every call must be quick, see [`Connection::is_quick`]; each answer has to
    /// be taken with [`Connection::receive`], in order, before anything else is done with the connection.
    pub async fn send<'a>(
        &mut self,
        calls: impl Iterator<Item = (&'a Statement, &'a Params)>,
    ) -> Result<()> {
        self.start();
        for (statement, params) in calls {
            if statement.is_written() {
                self.packets.begin();
                self.packets
                    .push(|out| command::query(out, statement.template().text()));
                self.owed.answers += 1;
                continue;
            }
            let key = self.statements.key(statement, params);
            let Some(prepared) = self.statements.peek(&key) else {
                return Err(Error::new(
                    Kind::Internal,
                    "a statement of a pipeline was not prepared",
                ));
            };
            let id = prepared.id;
            let mut written = Ok(());
            self.packets.begin();
            self.packets
                .push(|out| written = command::execute(out, id, params));
            written?;
            self.owed.answers += 1;
        }
        self.owed.since = Some(Instant::now());
        self.packets.flush().await
    }

    /// Reads the next answer of a pipeline. `statement` and `params` must be those of the call that it answers.
    pub async fn receive(
        &mut self,
        statement: &Statement,
        params: &Params,
        sink: &mut impl RowSink,
    ) -> Result<Done> {
        if statement.is_written() {
            self.packets.expect_answer();
            let result = self.read_results(&mut Announced::Text, sink).await;
            let took = self.took();
            let pace = self.layouts.pace_mut(statement);
            pace.observe(took, self.result_bytes);
            return self.settle(result);
        }
        let key = self.statements.key(statement, params);
        let Some(mut prepared) = self.statements.take(&key) else {
            return Err(Error::new(
                Kind::Internal,
                "an answer was taken that no pipeline owes",
            ));
        };
        self.packets.expect_answer();
        let result = self
            .read_results(
                &mut Announced::Prepared {
                    columns: &mut prepared.columns,
                    memo: &mut prepared.memo,
                },
                sink,
            )
            .await;
        let took = self.took();
        prepared.pace.observe(took, self.result_bytes);
        // Kept until the last answer: others of this pipeline may need its columns.
        self.statements.insert(key.clone(), prepared);
        if is_forgotten(&result) {
            self.owed.stale.push(key);
        }
        self.settle(result)
    }

    /// How long the answer took that has just been read.
    fn took(&mut self) -> Duration {
        let now = Instant::now();
        self.owed
            .since
            .replace(now)
            .map_or(Duration::ZERO, |since| now - since)
    }

    /// Counts an answer, the last of which ends the command.
    fn settle<T>(&mut self, result: Result<T>) -> Result<T> {
        self.owed.answers = self.owed.answers.saturating_sub(1);
        if !is_answered(&result) {
            self.owed.answers = 0;
        }
        if self.owed.answers > 0 {
            return result;
        }
        for key in std::mem::take(&mut self.owed.stale) {
            if let Some(Prepared { id, .. }) = self.statements.take(&key) {
                self.statements.close_later(id);
            }
        }
        self.finish(result)
    }

    /// How many answers a pipeline still owes; 0 also when the connection broke.
    pub fn owes(&self) -> usize {
        self.owed.answers
    }
}

/// Whether the server forgot a statement or wants it prepared anew: the call may simply be made again.
pub fn is_forgotten<T>(result: &Result<T>) -> bool {
    matches!(result, Err(error) if matches!(error.errno(), Some(UNKNOWN_STATEMENT | NEED_REPREPARE)))
}
