//! The two packets that end a command: OK and ERR.

use crate::error::{Error, Kind, Result};

use super::{
    flags::{Capabilities, Status},
    read::Cursor,
};

/// What a statement did, as the OK packet tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    pub affected_rows: u64,
    pub last_insert_id: u64,
    pub warnings: u16,
    pub status: Status,
    /// The server's remark, such as `Rows matched: 1  Changed: 1  Warnings: 0`.
    pub info: String,
    /// What changed in the session, as the server wrote it, where that was asked for.
    pub changes: Box<[u8]>,
}

pub fn read_ok(bytes: &[u8], capabilities: Capabilities) -> Result<Done> {
    let mut cursor = Cursor::new(bytes);
    cursor.u8()?;
    let affected_rows = cursor.length()?;
    let last_insert_id = cursor.length()?;
    let (mut status, mut warnings) = (Status::default(), 0);
    if capabilities.contains(Capabilities::PROTOCOL_41) {
        status = Status::from_bits(cursor.u16()?);
        warnings = cursor.u16()?;
    }
    // Servers put a length before the remark even without session tracking; older ones sent the bare text.
    let rest = cursor.rest();
    let info = cursor.string().unwrap_or(rest);
    let tracks = capabilities.contains(Capabilities::SESSION_TRACK) && status.session_changed();
    let changes = if tracks && !cursor.is_empty() {
        cursor.string()?.into()
    } else {
        Box::default()
    };
    Ok(Done {
        affected_rows,
        last_insert_id,
        warnings,
        status,
        info: remark(info),
        changes,
    })
}

/// Turns an ERR packet into an error. Before the login is over there may be no state in it.
pub fn read_err(bytes: &[u8], with_state: bool) -> Error {
    let mut cursor = Cursor::new(bytes);
    let (Ok(_), Ok(errno)) = (cursor.u8(), cursor.u16()) else {
        return Error::protocol("the server sent an error without a number");
    };
    let mut sql_state = *b"HY000";
    let mut text = cursor.rest();
    if let (true, Some((b"#", rest))) = (
        with_state || text.starts_with(b"#"),
        text.split_at_checked(1),
    ) && let Some((state, rest)) = rest.split_first_chunk::<5>()
    {
        sql_state = *state;
        text = rest;
    }
    Error::new(
        Kind::Server {
            errno,
            sql_state,
            fatal: is_fatal(errno),
        },
        remark(text),
    )
}

/// What a server says in words. Servers stop at 512 bytes; a longer text is cut before it fills a log.
fn remark(text: &[u8]) -> String {
    const MOST: usize = 4096;
    let Some((head, [_, ..])) = text.split_at_checked(MOST) else {
        return String::from_utf8_lossy(text).into_owned();
    };
    let mut shown = String::from_utf8_lossy(head).into_owned();
    // The cut may have gone through a character.
    while shown.ends_with(char::REPLACEMENT_CHARACTER) {
        shown.pop();
    }
    shown.push('…');
    shown
}

/// Errors after which the server closes the session, or the session is of no more use.
fn is_fatal(errno: u16) -> bool {
    const SERVER_SHUTDOWN: u16 = 1053;
    const NEW_ABORTING_CONNECTION: u16 = 1184;
    const ABORTING_CONNECTION: u16 = 1152;
    const NET_PACKET_TOO_LARGE: u16 = 1153;
    const NET_ERRORS: std::ops::RangeInclusive<u16> = 1154..=1161;
    const CONNECTION_KILLED: u16 = 1927;
    const CLIENT_INTERACTION_TIMEOUT: u16 = 4031;
    const TOO_MANY_CONNECTIONS: u16 = 1040;
    const ACCESS_DENIED: u16 = 1045;
    matches!(
        errno,
        SERVER_SHUTDOWN
            | NEW_ABORTING_CONNECTION
            | ABORTING_CONNECTION
            | NET_PACKET_TOO_LARGE
            | CONNECTION_KILLED
            | CLIENT_INTERACTION_TIMEOUT
            | TOO_MANY_CONNECTIONS
            | ACCESS_DENIED
    ) || NET_ERRORS.contains(&errno)
}
