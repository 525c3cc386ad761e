//! Which rows of a batch go into which command.

use std::ops::Range;

use crate::{
    codec::rows::Rows,
    error::{Error, Kind, Result},
    sql::{StatementKind, Tuple},
    statement::Statement,
};

use super::super::super::{
    bulk::{Packet, longest},
    statements::Key,
};

/// Longer packets gain nothing and would only hold memory. A row that is longer goes alone.
const PACKET_BYTES: usize = 1024 * 1024;
/// The placeholders of a statement of several rows: more make its preparation longer, and servers stop at 65,535.
const MAX_PLACEHOLDERS: usize = 4096;
/// What an execution adds to its values, for each value and at all.
const VALUE_OVERHEAD: usize = 3;
const EXECUTION_OVERHEAD: usize = 16;

/// How the rows of a batch are sent.
#[derive(Clone, Copy)]
pub enum Way<'a> {
    Bulk,
    Tuple(&'a Tuple<'a>),
    Single,
}

/// One command of a batch.
pub struct Part {
    pub rows: Range<usize>,
    pub key: Key,
    /// `None` for an execution.
    pub bulk: Option<Packet>,
    pub size: usize,
    /// Whether the server counts its rows, as it does for an insertion.
    pub is_counted: bool,
    /// Where its answer begins, once it has been written.
    pub sequence: u8,
}

/// The command that takes the rows from `at` on; only one for a single row may be longer than `limit`.
pub fn plan_one(
    statement: &Statement,
    rows: &Rows,
    at: usize,
    way: Way<'_>,
    limit: usize,
) -> Result<Part> {
    let preferred = limit.min(PACKET_BYTES);
    let (range, size, bulk) = match way {
        Way::Bulk => {
            let packet = Packet::plan(rows, at, preferred)?;
            (packet.rows.clone(), packet.size, Some(packet))
        }
        Way::Tuple(_) => {
            let (range, size) = several(rows, at, preferred)?;
            (range, size, None)
        }
        Way::Single => {
            let range = at..at + 1;
            (range.clone(), execution_size(rows, range)?, None)
        }
    };
    let repeats = if bulk.is_some() { 1 } else { range.len() };
    Ok(Part {
        key: Key::times(statement, repeats),
        rows: range,
        bulk,
        size,
        is_counted: inserts(statement),
        sequence: 0,
    })
}

/// As many rows as fit, rounded down to a power of two, so that few different statements are prepared.
fn several(rows: &Rows, at: usize, limit: usize) -> Result<(Range<usize>, usize)> {
    let most = (MAX_PLACEHOLDERS / rows.columns()).min(rows.len() - at);
    let (mut count, mut size) = (1, execution_size(rows, at..at + 1)?);
    while count * 2 <= most {
        let longer = size + execution_size(rows, at + count..at + count * 2)?;
        if longer > limit {
            break;
        }
        size = longer;
        count *= 2;
    }
    Ok((at..at + count, size))
}

/// The most bytes that an execution for these rows takes.
fn execution_size(rows: &Rows, range: Range<usize>) -> Result<usize> {
    rows.values(range)
        .try_fold(EXECUTION_OVERHEAD, |size, value| {
            Ok(size + VALUE_OVERHEAD + longest(&value?))
        })
}

pub fn inserts(statement: &Statement) -> bool {
    matches!(
        statement.template().kind(),
        StatementKind::Insert | StatementKind::Replace
    )
}

/// Whether this is one of the statements that answer with a count, and that MariaDB takes in bulk.
pub fn changes_rows(statement: &Statement) -> bool {
    inserts(statement)
        || matches!(
            statement.template().kind(),
            StatementKind::Update | StatementKind::Delete
        )
}

/// The error with its row, if the server named it, otherwise with the rows of its command.
pub fn at_rows(error: Error, part: &Part, rows: &Rows) -> Error {
    // A connection that is lost is lost to all rows.
    if error.kind() == Kind::ConnectionLost {
        return error;
    }
    let Range { start, end } = part.rows;
    let named =
        row_in(error.message()).filter(|row| part.is_counted && (1..=end - start).contains(row));
    let (first, last) = match named {
        Some(row) => (start + row - 1, start + row - 1),
        None => (start, end.saturating_sub(1)),
    };
    error.at_rows(rows.first() + first as u64, rows.first() + last as u64)
}

/// The number in `… at row 12`.
fn row_in(message: &str) -> Option<usize> {
    let (_, number) = message.rsplit_once(" at row ")?;
    number.trim_end().parse().ok()
}

pub fn too_long(part: &Part, rows: &Rows, limit: usize) -> Error {
    let message = format!(
        "a row of up to {} bytes is more than one packet of the server takes ({limit} bytes, its max_allowed_packet)",
        part.size
    );
    at_rows(Error::new(Kind::Parameters, message), part, rows)
}
