//! What the text of a query event means: the end of a transaction, a statement, or nothing that can be told.

use super::{super::read::Cursor, event::Event};

/// What a text says that ran with `schema` as its database. `status` is the state of its session as the event has it.
///
/// The server writes the words of transactions itself, without comments or spaces around them.
pub fn judge<'a>(schema: &'a [u8], sql: &'a [u8], status: &[u8]) -> Event<'a> {
    let is = |word: &[u8]| sql.eq_ignore_ascii_case(word);
    let begins = |word: &[u8]| {
        sql.get(..word.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(word))
    };
    if is(b"BEGIN") || begins(b"XA START ") {
        return Event::Begin;
    }
    // A transaction is logged with ROLLBACK when it has changed tables that can not roll back.
    if is(b"COMMIT") || is(b"ROLLBACK") || begins(b"XA ROLLBACK ") {
        return Event::End;
    }
    // Its rows came when it was prepared, which may be long ago.
    if begins(b"XA COMMIT ") {
        return Event::UnclearEnd;
    }
    const SILENT: [&[u8]; 5] = [
        b"SAVEPOINT ",
        b"ROLLBACK TO ",
        b"RELEASE SAVEPOINT ",
        b"XA END ",
        b"XA PREPARE ",
    ];
    if SILENT.into_iter().any(begins) {
        return Event::Nothing;
    }
    // The text is in the character set of its session. Where that is not known to be ours, only ASCII is sure to be what
    // it seems: no character set that a client may have writes ASCII otherwise.
    if !sql.is_ascii() && !client_collation(status).is_some_and(is_utf8) {
        return Event::Unclear;
    }
    match (str::from_utf8(schema), str::from_utf8(sql)) {
        (Ok(schema), Ok(sql)) => Event::Statement { schema, sql },
        _ => Event::Unclear,
    }
}

/// The collation of the client, from the variables of a query event. They come in the order of their age, and only those
/// that may stand in front of it are known here.
fn client_collation(status: &[u8]) -> Option<u16> {
    let mut cursor = Cursor::new(status);
    loop {
        let length = match cursor.u8().ok()? {
            0 => 4, // flags
            1 => 8, // the SQL mode
            3 => 4, // the step and the offset of AUTO_INCREMENT
            4 => return cursor.u16().ok(),
            6 => usize::from(cursor.u8().ok()?), // the catalog
            _ => return None,
        };
        cursor.bytes(length).ok()?;
    }
}

/// The collations of utf8mb3 and utf8mb4, those of UCA 14 (2048 and up) among them. MariaDB's that do not pad have their
/// numbers 1024 higher.
fn is_utf8(collation: u16) -> bool {
    matches!(
        collation & !1024,
        33 | 45 | 46 | 76 | 83 | 192..=215 | 223..=247 | 255..=323 | 576..=578 | 608..=610 | 2048..=2559
    )
}

#[cfg(test)]
mod tests;
