//! Following the server's binary log, by the protocol of replication: what anybody changed, as it is committed.
//!
//! Invariant: nothing is passed over. What is not understood is [`Change::Anything`]; what contradicts itself, and a
//! server that is silent, is an error, after which anything may have changed as well.
//!
//! What no log tells: statements of sessions with `sql_log_bin = 0`; rows that a foreign key changes with CASCADE or SET
//! NULL, which the engine does by itself (until MySQL 9.6); and on a replica what it replicates, unless it has
//! `log_slave_updates`.

use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use crate::{
    config::Config,
    error::{Error, Kind, Result},
};

use super::{
    command,
    connection::Connection,
    packet::{Head, Packets},
    reply,
};

mod event;
mod group;
mod start;
mod text;

use event::Format;
use group::Group;

/// How often a server without news says that it is there, in nanoseconds, as servers want it.
const HEARTBEAT_NS: u64 = 1_000_000_000;
/// How long a server may say nothing. It is gone, or something in between has forgotten the connection.
const SILENCE: Duration = Duration::from_secs(3);
/// What a reader gets once that comes back after the limit: what has arrived meanwhile is only noticed by waiting for it.
const GRACE: Duration = Duration::from_millis(100);
/// What is kept of an event. Rows may have any length and say what they are of in front; a statement that is longer than
/// this is not read.
const HEAD: usize = 64 * 1024;
/// What the answers to a few questions may take, whatever the options allow for results.
const SETTINGS: usize = 1024 * 1024;

/// A session that follows the binary log.
pub struct Binlog {
    packets: Packets,
    format: Format,
    group: Group,
    id: u32,
    /// When a server that has said nothing is given up.
    deadline: Instant,
    /// Whether the deadline has been put off, because nobody was waiting when it passed.
    put_off: bool,
}

/// What somebody changed. [`Change::Committed`] follows each of the others, at once or at the end of their transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Rows of this table were written, updated or deleted; names as the server has them. Told once for each statement.
    Table { schema: String, table: String },
    /// A statement was logged as text: DDL, or a change by a session that does not log rows. `schema` is the database it
    /// ran in, which its names without one are of. What else it changes by triggers, views and functions it does not say.
    Statement { schema: String, sql: String },
    /// What changed can not be told.
    Anything,
    /// The transaction of the changes since the last one is in the log. Servers write it there first and make it visible
    /// behind that, so a read that begins now may still see the state before: for some microseconds, or for as long as the
    /// server waits for a replica where that is to confirm first (semi-synchronous, `AFTER_SYNC`), 10 seconds by default.
    Committed,
}

impl Binlog {
    /// Opens a session of its own and follows the log from its present end. Every transaction that enters the log after
    /// this is told; those before it are not. Takes `connectTimeoutMs` at most.
    ///
    /// Fails with [`Kind::Binlog`] when the server keeps no log, logs no rows (`binlog_format` other than ROW) or not of
    /// every database, or when the user lacks REPLICATION SLAVE or REPLICATION CLIENT.
    pub async fn open(config: &Config) -> Result<Binlog> {
        let opened = timeout(config.connect_timeout(), Binlog::begin(config)).await;
        opened.unwrap_or_else(|_| {
            Err(Error::new(
                Kind::ConnectTimeout,
                format!(
                    "no binary log of {} within {} ms; check host, port and firewall, or raise connectTimeout",
                    config.target(),
                    config.connect_timeout_ms
                ),
            ))
        })
    }

    /// The server's number for the session, the one KILL takes.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The next change. May be dropped at any time. After an error the session is of no more use.
    ///
    /// Fails with [`Kind::ConnectionLost`] when the server has been silent for 3 seconds, though it says every second that
    /// it is there.
    pub async fn next(&mut self) -> Result<Change> {
        loop {
            if let Some(change) = self.group.next() {
                return Ok(change);
            }
            self.read_event().await?;
        }
    }

    async fn begin(config: &Config) -> Result<Binlog> {
        let config = Config {
            max_result_bytes: SETTINGS,
            keeps_sessions: false,
            session_track: false,
            ..config.clone()
        };
        let mut connection = Connection::open(&config).await?;
        let place = start::prepare(&mut connection).await?;
        let id = connection.id();
        let mut packets = connection.into_packets();
        let follower = start::follower()?;
        packets.begin();
        packets.push(|out| command::dump_binlog(out, &place.file, place.position, follower));
        packets.flush().await?;
        let mut binlog = Binlog {
            packets,
            format: Format::default(),
            group: Group::default(),
            id,
            deadline: Instant::now() + SILENCE,
            put_off: false,
        };
        // What the server has against it, it says in the place of the first event.
        while !binlog.format.is_known() {
            binlog.read_event().await.map_err(start::explain)?;
        }
        Ok(binlog)
    }

    async fn read_event(&mut self) -> Result<()> {
        let Head { body, whole } = self.next_head().await?;
        let bytes = self.packets.body(&body);
        match bytes.split_first() {
            Some((0x00, event)) => {
                let event = self.format.read(event, whole)?;
                self.group.take(event);
                Ok(())
            }
            Some((0xFF, _)) => Err(reply::read_err(bytes, true)),
            Some((0xFE, _)) => Err(Error::new(
                Kind::ConnectionLost,
                "the server has ended the stream of its binary log",
            )),
            _ => Err(Error::protocol(
                "the server sent a packet that is no event of its binary log",
            )),
        }
    }

    async fn next_head(&mut self) -> Result<Head> {
        loop {
            if let Some(head) = self.packets.try_head(HEAD)? {
                return Ok(head);
            }
            let now = Instant::now();
            if now >= self.deadline && !self.put_off {
                (self.deadline, self.put_off) = (now + GRACE, true);
            }
            match timeout_at(self.deadline, self.packets.fill()).await {
                Ok(filled) => filled?,
                Err(_) => {
                    return Err(Error::new(
                        Kind::ConnectionLost,
                        format!(
                            "the server has said nothing for {} s, not even that it is there",
                            SILENCE.as_secs()
                        ),
                    ));
                }
            }
            (self.deadline, self.put_off) = (Instant::now() + SILENCE, false);
        }
    }
}

#[cfg(test)]
mod tests;
