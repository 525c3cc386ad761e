//! One event of the log: what of it tells that something changed. Rows are not decoded.
//!
//! The layout is that of version 4, which every server since 5.0 writes: a header of 19 bytes, then fixed fields, then
//! the rest, and four bytes of checksum where the format says so (`sql/log_event.h` of MariaDB,
//! `libs/mysql/binlog/event` of MySQL). What is not known here is [`Event::Unclear`]; what contradicts its own lengths is
//! an error. Neither is passed over.

use std::ops::RangeInclusive;

use crate::error::{Error, Result};

use super::{super::read::Cursor, text};

const HEADER: usize = 19;
const CHECKSUM: usize = 4;
/// Who does not know such an event may go on without it, says the server.
const IGNORABLE: u16 = 0x80;
/// The last rows event of a statement: the numbers of its tables mean nothing from here on.
const STATEMENT_END: u16 = 1;
/// MariaDB: the group is one event long and has no COMMIT.
const STANDALONE: u8 = 1;

/// What an event says to somebody who wants to know what changed.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// Nothing has changed by it.
    Nothing,
    /// A group of events begins; `open` says whether it lasts until [`Event::End`], as far as is known now.
    Group {
        open: bool,
    },
    /// What follows belongs to a transaction.
    Begin,
    Table {
        id: u64,
        schema: &'a str,
        table: &'a str,
    },
    Rows {
        id: u64,
        ends_statement: bool,
    },
    Statement {
        schema: &'a str,
        sql: &'a str,
    },
    /// Something may have changed.
    Unclear,
    /// The same, and the group ends with it.
    UnclearEnd,
    End,
}

/// Reads events as the format description in front of them says.
#[derive(Default)]
pub struct Format {
    /// Whether events end in a checksum; `None` before the description has come.
    checksums: Option<bool>,
}

impl Format {
    pub fn is_known(&self) -> bool {
        self.checksums.is_some()
    }

    /// Reads an event, or the beginning of one when it is not `whole`.
    pub fn read<'a>(&mut self, bytes: &'a [u8], whole: bool) -> Result<Event<'a>> {
        let mut cursor = Cursor::new(bytes);
        cursor.bytes(4)?; // the time
        let kind = cursor.u8()?;
        cursor.bytes(4)?; // the server
        let size = cursor.u32()? as usize;
        cursor.bytes(4)?; // where the next one begins
        let flags = cursor.u16()?;
        if size < HEADER || (whole && size != bytes.len()) {
            return Err(Error::protocol(
                "an event of the binary log has another length than it says",
            ));
        }
        let checksums = match (kind, self.checksums) {
            (15, _) => {
                self.checksums = Some(read_description(cursor)?);
                // A file begins. What was open in the one before it, a crash has cut off.
                return Ok(Event::Group { open: false });
            }
            // Where the stream begins, and signs of life.
            (4 | 27 | 41, _) => return Ok(Event::Nothing),
            (_, Some(checksums)) => checksums,
            (_, None) => {
                return Err(Error::protocol(
                    "the binary log does not begin with the description of its format",
                ));
            }
        };
        if whole && checksums {
            let end = cursor.rest().len().checked_sub(CHECKSUM);
            let end = end.ok_or_else(|| Error::protocol("an event without its checksum"))?;
            cursor = Cursor::new(cursor.bytes(end)?);
        }
        match kind {
            2 => read_query(cursor, whole),
            19 => read_table_map(cursor),
            // Rows written, updated and deleted, versions 1 and 2; updates of parts of JSON; MariaDB's compressed ones.
            23..=25 | 30..=32 | 39 | 166..=171 => read_rows(cursor),
            // XID, and a prepared transaction, whose XA COMMIT comes as text.
            16 | 38 => Ok(Event::End),
            // MySQL's GTID, also an anonymous and a tagged one. BEGIN follows where there is a transaction.
            33 | 34 | 42 => Ok(Event::Group { open: false }),
            162 => read_mariadb_gtid(cursor),
            // A whole transaction, compressed.
            40 => Ok(Event::UnclearEnd),
            // The server stops; values for the statement that follows, which is judged by its text; rows queries and
            // annotations, which comment on rows; members of a group of servers; what the log has of itself.
            3 | 5 | 13 | 14 | 28 | 29 | 35..=37 | 160 | 161 | 163 | 164 => Ok(Event::Nothing),
            _ if flags & IGNORABLE != 0 => Ok(Event::Nothing),
            // Incidents (26), files of LOAD DATA (6, 8 to 12, 17, 18), compressed statements (165), rows of servers before
            // 5.1.16 (20 to 22), and what servers have thought of since.
            _ => Ok(Event::Unclear),
        }
    }
}

/// Reads the description of the format: whether events carry checksums. Fixed fields of another length than we read
/// would make nonsense of the rest, so they are checked.
fn read_description(mut cursor: Cursor<'_>) -> Result<bool> {
    let odd = || Error::protocol("the format of the binary log is not one that this driver reads");
    if cursor.u16()? != 4 {
        return Err(odd());
    }
    cursor.bytes(50)?; // the version of the server
    cursor.bytes(4)?; // the time
    if usize::from(cursor.u8()?) != HEADER {
        return Err(odd());
    }
    let rest = cursor.rest();
    let (lengths, end) = rest
        .len()
        .checked_sub(1 + CHECKSUM)
        .and_then(|at| rest.split_at_checked(at))
        .ok_or_else(odd)?;
    let length = |kind: usize| lengths.get(kind - 1).copied().unwrap_or_default();
    // Zero is for events that the server does not write, as version 1 on MySQL 9.
    let rows = |kinds: RangeInclusive<usize>, fixed: u8| {
        kinds.clone().all(|kind| [0, fixed].contains(&length(kind)))
    };
    if length(2) != 13 || length(19) != 8 || !rows(23..=25, 8) || !rows(30..=32, 10) {
        return Err(odd());
    }
    match end.first() {
        Some(0) => Ok(false),
        Some(1) => Ok(true),
        _ => Err(odd()),
    }
}

fn read_query(mut cursor: Cursor<'_>, whole: bool) -> Result<Event<'_>> {
    cursor.bytes(8)?; // the session, how long it took
    let schema_length = usize::from(cursor.u8()?);
    cursor.bytes(2)?; // the error
    let status_length = usize::from(cursor.u16()?);
    let status = cursor.bytes(status_length)?;
    let schema = cursor.bytes(schema_length)?;
    cursor.bytes(1)?;
    if !whole {
        return Ok(Event::Unclear);
    }
    Ok(text::judge(schema, cursor.rest(), status))
}

fn read_table_map(mut cursor: Cursor<'_>) -> Result<Event<'_>> {
    let id = table_id(&mut cursor)?;
    cursor.bytes(2)?; // flags
    let schema = name(&mut cursor)?;
    let table = name(&mut cursor)?;
    Ok(match (str::from_utf8(schema), str::from_utf8(table)) {
        (Ok(schema), Ok(table)) => Event::Table { id, schema, table },
        _ => Event::Unclear,
    })
}

fn read_rows(mut cursor: Cursor<'_>) -> Result<Event<'_>> {
    let id = table_id(&mut cursor)?;
    let flags = cursor.u16()?;
    Ok(Event::Rows {
        id,
        ends_statement: flags & STATEMENT_END != 0,
    })
}

fn read_mariadb_gtid(mut cursor: Cursor<'_>) -> Result<Event<'_>> {
    cursor.bytes(12)?; // the number and its domain
    let flags = cursor.u8()?;
    Ok(Event::Group {
        open: flags & STANDALONE == 0,
    })
}

fn table_id(cursor: &mut Cursor<'_>) -> Result<u64> {
    let low = u64::from(cursor.u32()?);
    Ok(low | u64::from(cursor.u16()?) << 32)
}

/// A name behind its length and before a zero.
fn name<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8]> {
    let length = usize::from(cursor.u8()?);
    let name = cursor.bytes(length)?;
    cursor.bytes(1)?;
    Ok(name)
}

#[cfg(test)]
pub(super) mod tests;
