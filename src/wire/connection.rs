//! One session with the server: prepare, execute, report its state.

use std::time::{Duration, Instant};

use crate::{
    codec::params::Params,
    config::Config,
    error::{Error, Kind, Result},
    statement::Statement,
};

use super::{
    auth, command,
    flags::{Capabilities, MariadbCapabilities, Status},
    layouts::Layouts,
    packet::Packets,
    read::Cursor,
    reply::{self, Done},
    row::RowSink,
    statements::{Kinds, Memo, Pace, Prepared, StatementCounts, Statements},
    stream::Stream,
};

mod batch;
mod file;
mod pipeline;
mod reset;
mod results;

pub use file::FileAnswer;
use pipeline::Owed;
pub use pipeline::is_forgotten;
use reset::collation_name;
use results::Announced;

/// A statement that the server can not prepare.
const UNSUPPORTED_PREPARED: u16 = 1295;
/// The server forgot the statement, or its tables changed under it.
const UNKNOWN_STATEMENT: u16 = 1243;
const NEED_REPREPARE: u16 = 1615;
const MAX_PREPARED_REACHED: u16 = 1461;
/// Packets of the login are small. Before it is over nobody knows who speaks, so no more memory is risked.
const LOGIN_PACKET: usize = 64 * 1024;

pub struct Connection {
    packets: Packets,
    id: u32,
    capabilities: Capabilities,
    mariadb: MariadbCapabilities,
    status: Status,
    statements: Statements,
    layouts: Layouts,
    max_result_bytes: usize,
    /// The longest packet that the server takes, once it has been asked.
    server_limit: Option<usize>,
    /// Whether a batch has turned autocommit off and not on again.
    autocommit_taken: bool,
    /// Whether its holders look after the session themselves.
    keeps_session: bool,
    /// The database of the options, which a reset goes back to.
    database: Option<String>,
    /// What a proof of who we are is made with.
    challenge: auth::Challenge,
    /// The name of the collation of the options.
    collation: Option<&'static str>,
    /// The bytes of rows of the last command.
    result_bytes: usize,
    /// The shortest wait for an answer so far, which is little more than the way to the server and back.
    round_trip: Duration,
    owed: Owed,
    /// False while a command is under way: a connection dropped or timed out in the middle never becomes usable.
    usable: bool,
}

impl Connection {
    /// Connects and logs in. The caller holds the deadline.
    pub async fn open(config: &Config) -> Result<Connection> {
        let stream = Stream::open(config)
            .await
            .map_err(|error| Error::connect_failed(&config.target(), &error))?;
        let mut packets = Packets::new(stream, LOGIN_PACKET);
        let session = auth::log_in(&mut packets, config).await?;
        packets.set_max_packet(config.max_allowed_packet);
        let mut connection = Connection {
            packets,
            id: session.id,
            capabilities: session.capabilities,
            mariadb: session.mariadb,
            status: session.status,
            statements: Statements::new(
                config.max_prepared_statements,
                // Who has none of MariaDB's flags is MySQL, or too old to care.
                session.mariadb.bits() == 0,
            ),
            layouts: Layouts::default(),
            max_result_bytes: config.max_result_bytes,
            server_limit: None,
            autocommit_taken: false,
            keeps_session: config.keeps_sessions,
            database: config.database.clone(),
            challenge: session.challenge,
            collation: collation_name(config.collation),
            result_bytes: 0,
            round_trip: Duration::MAX,
            owed: Owed::default(),
            usable: true,
        };
        // The server's own statements for new sessions (`init_connect`) come behind the login, and may change how literals
        // are read, which its answers tell.
        if config.keeps_sessions {
            connection.ping().await?;
        }
        Ok(connection)
    }

    /// Registers the socket with the caller's runtime instead of the one it was opened on. Not to be called in the
    /// middle of a command. The answer is whether that is possible; TLS keeps its socket to itself.
    pub fn register(&mut self) -> bool {
        match self.packets.stream.register() {
            Ok(done) => done,
            Err(_) => {
                self.usable = false;
                false
            }
        }
    }

    /// Whether an idle connection is known to have been ended by the server. After a yes it is of no more use.
    pub fn has_ended(&self) -> bool {
        self.packets.stream.has_ended()
    }

    /// The server's number for this session, the one KILL takes.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Whether the session is between commands and in a known state.
    pub fn is_usable(&self) -> bool {
        self.usable && !self.packets.has_leftovers()
    }

    pub fn in_transaction(&self) -> bool {
        self.status.in_transaction()
    }

    /// The state of the session, as the answer to a command that has nothing else to say.
    pub fn state(&self) -> Done {
        Done {
            status: self.status,
            ..Done::default()
        }
    }

    /// Whether a backslash in a literal stands for itself, as of the last answer.
    pub fn no_backslash_escapes(&self) -> bool {
        self.status.no_backslash_escapes()
    }

    pub fn take_statement_counts(&mut self) -> StatementCounts {
        std::mem::take(&mut self.statements.counts)
    }

    /// Runs `statement` with `params` as a prepared statement and gives the rows of its results to `sink`.
    ///
    /// A statement that the server can not prepare is sent as text if it has no parameters and is one statement.
    pub async fn execute(
        &mut self,
        statement: &Statement,
        params: &Params,
        sink: &mut impl RowSink,
    ) -> Result<Done> {
        self.check_size(statement, params)?;
        if statement.is_text() {
            self.check_mode(statement)?;
            let sent = Instant::now();
            let result = Box::pin(self.query(statement.template().text(), sink)).await;
            if statement.is_written() && result.is_ok() {
                let took = sent.elapsed();
                self.round_trip = self.round_trip.min(took);
                let pace = self.layouts.pace_mut(statement);
                pace.observe(took, self.result_bytes);
            }
            return result;
        }
        let key = self.statements.key(statement, params);
        let mut retried = false;
        loop {
            let mut prepared = match self.statements.take(&key) {
                Some(prepared) => prepared,
                None => match Box::pin(self.prepare_text(statement, params)).await {
                    Err(error) if error.errno() == Some(UNSUPPORTED_PREPARED) => {
                        if params.is_empty() && statement.template().is_single_statement() {
                            return Box::pin(self.query(statement.template().text(), sink)).await;
                        }
                        return Err(error);
                    }
                    Err(error)
                        if error.errno() == Some(MAX_PREPARED_REACHED)
                            && !self.statements.is_empty() =>
                    {
                        self.statements.close_all();
                        continue;
                    }
                    other => other?,
                },
            };
            if usize::from(prepared.params) != params.len() {
                let message = format!(
                    "the server counts {} parameters in this statement, {} were given",
                    prepared.params,
                    params.len()
                );
                self.statements.close_later(prepared.id);
                return Err(Error::new(Kind::Parameters, message));
            }
            let sent = Instant::now();
            let result = self.execute_prepared(&mut prepared, params, sink).await;
            if !retried && is_forgotten(&result) {
                retried = true;
                self.statements.close_later(prepared.id);
                continue;
            }
            let took = sent.elapsed();
            self.round_trip = self.round_trip.min(took);
            prepared.pace.observe(took, self.result_bytes);
            self.statements.insert(key, prepared);
            return result;
        }
    }

    /// Refuses a text whose literals this session would read otherwise than they were written.
    pub fn check_mode(&self, statement: &Statement) -> Result<()> {
        if statement.suits(self.no_backslash_escapes()) {
            return Ok(());
        }
        Err(Error::new(
            Kind::SqlMode,
            "the values in the statement were written for another sql_mode (NO_BACKSLASH_ESCAPES) than the session has",
        ))
    }

    /// Refuses what would not fit into a packet, which the server would answer by hanging up.
    fn check_size(&self, statement: &Statement, params: &Params) -> Result<()> {
        let most = self.packets.max_packet();
        for (what, bytes) in [
            ("statement takes", statement.template().text().len()),
            ("parameters take", params.size()),
        ] {
            if bytes > most {
                return Err(Error::new(
                    Kind::Parameters,
                    format!("the {what} {bytes} bytes, more than maxAllowedPacketBytes, {most}"),
                ));
            }
        }
        Ok(())
    }

    /// The packets of the session, for a command whose answer has no end.
    pub(super) fn into_packets(self) -> Packets {
        self.packets
    }

    /// Runs one statement without parameters in the text protocol.
    pub async fn query(&mut self, sql: &str, sink: &mut impl RowSink) -> Result<Done> {
        self.start();
        self.packets.push(|out| command::query(out, sql));
        let result = self.run_query(sink).await;
        self.finish(result)
    }

    /// Prepares a statement that is to be executed later, and tells how many parameters and columns it has.
    pub async fn prepare_for_later(&mut self, statement: &Statement) -> Result<(u16, usize)> {
        let params = Params::default();
        self.check_size(statement, &params)?;
        let key = self.statements.key(statement, &params);
        let prepared = match self.statements.take(&key) {
            Some(prepared) => prepared,
            None => self.prepare_text(statement, &params).await?,
        };
        let counts = (prepared.params, prepared.columns.len());
        self.statements.insert(key, prepared);
        Ok(counts)
    }

    /// Closes a prepared statement, with the next command.
    pub fn unprepare(&mut self, statement: &Statement) {
        self.statements.forget(statement);
    }

    /// Resolves when an idle connection is lost, with the server's last words if it had any. May be dropped at any time.
    pub async fn lost(&mut self) -> Error {
        self.packets.watch().await
    }

    /// Asks the server for a sign of life.
    pub async fn ping(&mut self) -> Result<()> {
        self.start();
        self.packets.push(command::ping);
        let result = self.simple().await;
        self.finish(result).map(drop)
    }

    /// Says good-bye and waits until the server has ended the session. The caller holds the deadline.
    pub async fn close(mut self) {
        self.packets.begin();
        self.packets.push(command::quit);
        // A server that is gone can not be told; the socket closes either way.
        if self.packets.flush().await.is_ok() {
            self.packets.until_end().await;
        }
    }

    async fn run_query(&mut self, sink: &mut impl RowSink) -> Result<Done> {
        self.packets.flush().await?;
        self.read_results(&mut Announced::Text, sink).await
    }

    async fn simple(&mut self) -> Result<Done> {
        self.packets.flush().await?;
        let body = self.packets.next().await?;
        let bytes = self.packets.body(&body);
        match bytes.first() {
            Some(0x00) => {
                let done = reply::read_ok(bytes, self.capabilities)?;
                self.status = done.status;
                Ok(done)
            }
            Some(0xFF) => Err(reply::read_err(bytes, true)),
            _ => Err(Error::protocol(
                "the server answered a command with an unknown packet",
            )),
        }
    }

    async fn prepare_text(&mut self, statement: &Statement, params: &Params) -> Result<Prepared> {
        let mut prepared = if params.lengths().is_empty() {
            self.prepare(statement.template().text()).await?
        } else {
            let text = statement.template().expand(params.lengths());
            self.prepare(&text).await?
        };
        prepared.kinds = self.statements.kinds(params);
        Ok(prepared)
    }

    async fn prepare(&mut self, text: &str) -> Result<Prepared> {
        self.start();
        self.packets.push(|out| command::prepare(out, text));
        let sent = Instant::now();
        let result = self.run_prepare().await;
        // The server does little for it. Without this, the quickest of slow executions would count as the way there.
        self.round_trip = self.round_trip.min(sent.elapsed());
        self.finish(result)
    }

    async fn run_prepare(&mut self) -> Result<Prepared> {
        self.packets.flush().await?;
        let body = self.packets.next().await?;
        let bytes = self.packets.body(&body);
        if bytes.first() == Some(&0xFF) {
            return Err(reply::read_err(bytes, true));
        }
        let mut cursor = Cursor::new(bytes);
        if cursor.u8()? != 0 {
            return Err(Error::protocol(
                "the server answered a prepare with an unknown packet",
            ));
        }
        let id = cursor.u32()?;
        let columns = usize::from(cursor.u16()?);
        let params = cursor.u16()?;
        for _ in 0..params {
            self.packets.next().await?;
        }
        if params > 0 {
            self.skip_eof().await?;
        }
        let columns = self.read_columns(columns).await?;
        self.statements.counts.prepared += 1;
        Ok(Prepared {
            id,
            params,
            columns,
            memo: Memo::default(),
            pace: Pace::default(),
            kinds: Kinds::default(),
            takes_bulk: None,
        })
    }

    async fn execute_prepared(
        &mut self,
        prepared: &mut Prepared,
        params: &Params,
        sink: &mut impl RowSink,
    ) -> Result<Done> {
        self.start();
        let mut written = Ok(());
        self.packets
            .push(|out| written = command::execute(out, prepared.id, params));
        let result = match written {
            Ok(()) => match self.packets.flush().await {
                Ok(()) => {
                    let mut announced = Announced::Prepared {
                        columns: &mut prepared.columns,
                        memo: &mut prepared.memo,
                    };
                    self.read_results(&mut announced, sink).await
                }
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        self.finish(result)
    }

    /// Begins a command, with the statements that are to be closed in front of it.
    fn start(&mut self) {
        self.usable = false;
        for id in self.statements.take_closing() {
            self.packets.begin();
            self.packets.push(|out| command::close_statement(out, id));
        }
        self.packets.begin();
    }

    /// Ends a command: a session that answered in full, be it with an error, can go on.
    fn finish<T>(&mut self, result: Result<T>) -> Result<T> {
        self.usable = is_answered(&result);
        self.packets.relax();
        result
    }
}

/// Whether the server has answered in full, be it with an error, and takes the next command.
fn is_answered<T>(result: &Result<T>) -> bool {
    match result {
        Ok(_) => true,
        Err(error) => matches!(error.kind(), Kind::Server { .. }) && !error.is_fatal(),
    }
}
