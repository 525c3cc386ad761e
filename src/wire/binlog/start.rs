//! Before the log is followed: whether it can be, whether it tells everything, and where it ends at present.

use std::collections::BTreeMap;

use ring::rand::{SecureRandom, SystemRandom};

use crate::error::{Error, Kind, Result};

use super::{
    super::{
        connection::Connection,
        row::{Discard, Texts},
    },
    HEARTBEAT_NS,
};

const SYNTAX_ERROR: u16 = 1064;
const ACCESS_DENIED: u16 = 1045;
const SPECIFIC_ACCESS_DENIED: u16 = 1227;
/// Schemas of the server itself. Old manuals advise not to log them, and nobody keeps results of theirs.
const SYSTEM_SCHEMAS: [&str; 4] = ["mysql", "information_schema", "performance_schema", "sys"];

/// An end of the log.
#[derive(Debug)]
pub struct Place {
    pub file: String,
    pub position: u32,
}

/// Checks that the log tells what everybody changes, readies the session for it and asks for the log's present end.
pub async fn prepare(connection: &mut Connection) -> Result<Place> {
    let settings = settings(connection).await?;
    check_settings(&settings)?;
    // MySQL has two names for each since 8.0.26, and MariaDB the old one alone; a variable that nobody reads does no harm.
    // Without the checksums a server refuses who cannot read them. With capability 4 MariaDB sends its own kinds of events
    // as they are, instead of texts that older replicas understand.
    let sql = format!(
        "SET @master_binlog_checksum = @@global.binlog_checksum, @source_binlog_checksum = @@global.binlog_checksum, \
         @master_heartbeat_period = {HEARTBEAT_NS}, @source_heartbeat_period = {HEARTBEAT_NS}, \
         @mariadb_slave_capability = 4"
    );
    connection.query(&sql, &mut Discard).await?;
    place(&status(connection).await.map_err(explain)?)
}

/// A number for the follower that no server has: two with the same end each other's sessions. People number servers from
/// one up or by their addresses; 240.0.0.0 and up is nobody's address.
pub fn follower() -> Result<u32> {
    let mut bytes = [0; 4];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Error::new(Kind::Internal, "the system has no random numbers"))?;
    Ok(u32::from_le_bytes(bytes) | 0xF000_0000)
}

/// What a refusal of the server means here.
pub fn explain(error: Error) -> Error {
    match error.errno() {
        Some(ACCESS_DENIED | SPECIFIC_ACCESS_DENIED) => Error::new(
            Kind::Binlog,
            format!(
                "following the binary log needs the privileges REPLICATION SLAVE and REPLICATION CLIENT, which MariaDB calls \
                 BINLOG MONITOR; run GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO the user of the pool ({})",
                error.message()
            ),
        ),
        _ => error,
    }
}

async fn settings(connection: &mut Connection) -> Result<BTreeMap<String, String>> {
    let mut read = Texts::default();
    let sql = "SHOW GLOBAL VARIABLES WHERE Variable_name IN \
               ('log_bin', 'binlog_format', 'log_slave_updates', 'wsrep_on')";
    connection.query(sql, &mut read).await?;
    let sql = "SHOW GLOBAL STATUS WHERE Variable_name IN ('Slaves_running', 'Slave_running')";
    connection.query(sql, &mut read).await?;
    let pairs = read.rows.into_iter().filter_map(|row| {
        let mut cells = row.into_iter();
        Some((cells.next()?.to_ascii_lowercase(), cells.next()?))
    });
    Ok(pairs.collect())
}

/// A MIXED log is refused as one of statements is: a statement names neither the tables that triggers and functions
/// change nor those behind views, so each would have to count as a change of everything.
fn check_settings(settings: &BTreeMap<String, String>) -> Result<()> {
    let is = |name: &str, value: &str| {
        settings
            .get(name)
            .is_some_and(|found| found.eq_ignore_ascii_case(value))
    };
    let is_on = |name: &str| is(name, "ON") || is(name, "1");
    if !is_on("log_bin") {
        return refuse(
            "the server keeps no binary log (log_bin is OFF), which tells what others change; start it with log-bin, \
             binlog-format=ROW and a server-id",
        );
    }
    // Where the setting is gone, rows are all there is.
    if let Some(format) = settings
        .get("binlog_format")
        .filter(|_| !is("binlog_format", "ROW"))
    {
        return refuse(format!(
            "the server's binlog_format is {format}, and statements do not tell which tables they change; run SET GLOBAL \
             binlog_format = ROW, set it in the server's options too, and let the other clients connect anew"
        ));
    }
    let replicates = is_on("wsrep_on")
        || is_on("slave_running")
        || settings
            .get("slaves_running")
            .is_some_and(|running| running != "0");
    if replicates && is("log_slave_updates", "OFF") {
        return refuse(
            "the server replicates from others and does not log what comes from them; start it with log-slave-updates",
        );
    }
    Ok(())
}

/// The end of the log, by the name that the server has for the question.
async fn status(connection: &mut Connection) -> Result<Vec<String>> {
    let mut read = Texts::default();
    match connection.query("SHOW MASTER STATUS", &mut read).await {
        // MySQL since 8.4.
        Err(error) if error.errno() == Some(SYNTAX_ERROR) => {
            connection
                .query("SHOW BINARY LOG STATUS", &mut read)
                .await?;
        }
        answer => drop(answer?),
    }
    Ok(read.rows.into_iter().next().unwrap_or_default())
}

/// Reads file, position, and the databases that are logged and that are not.
fn place(status: &[String]) -> Result<Place> {
    let [file, position, logged, ignored, ..] = status else {
        return refuse("the server says that it keeps a binary log, but not where it ends");
    };
    let is_system = |schema: &str| {
        SYSTEM_SCHEMAS
            .iter()
            .any(|system| schema.trim().eq_ignore_ascii_case(system))
    };
    if !logged.is_empty() {
        return refuse(format!(
            "the server logs nothing but {logged} (binlog-do-db), so changes elsewhere go unheard; log every database"
        ));
    }
    if !ignored.is_empty() && !ignored.split(',').all(is_system) {
        return refuse(format!(
            "the server does not log {ignored} (binlog-ignore-db), so changes there go unheard; log every database"
        ));
    }
    let Ok(position) = position.parse() else {
        return refuse(format!(
            "the binary log ends at {position}, farther than the protocol can say; run FLUSH BINARY LOGS"
        ));
    };
    Ok(Place {
        file: file.clone(),
        position,
    })
}

fn refuse<T>(message: impl Into<String>) -> Result<T> {
    Err(Error::new(Kind::Binlog, message))
}

#[cfg(test)]
mod tests;
