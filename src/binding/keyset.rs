//! What pages by cursor need on the JavaScript side: the place for their condition, and their cursors.

use std::sync::Arc;

use napi::{
    Error, Result, Status,
    bindgen_prelude::{Buffer, BufferSlice},
};
use napi_derive::napi;
use serde::Deserialize;

use crate::{
    codec::cursor::Signer,
    engine::{KeyColumn, Keyset, Turn},
    error,
    sql::slot,
};

use super::calls::thrown;

/// A statement cut at its marker.
#[napi(object)]
pub struct NativeSlot {
    pub before: String,
    pub after: String,
    /// How many `?` stand before the marker.
    pub placeholders: u32,
}

/// Cuts `sql` at its one `:name`; null when it has none. With `open`, an ORDER BY and LIMIT are to follow. Throws the
/// reason why a condition can not stand there.
#[napi(catch_unwind)]
pub fn find_slot(sql: String, name: String, open: bool) -> Result<Option<NativeSlot>> {
    let found = slot::find(&sql, &name, open)
        .map_err(|error| Error::new(Status::InvalidArg, error.to_string()))?;
    Ok(found.map(|slot| NativeSlot {
        before: sql.get(..slot.start).unwrap_or_default().to_owned(),
        after: sql.get(slot.end..).unwrap_or_default().to_owned(),
        placeholders: slot.placeholders as u32,
    }))
}

/// The columns of one statement's order, and the signature of its cursors.
#[napi]
pub struct NativeKeyset {
    inner: Arc<Keyset>,
}

#[derive(Deserialize)]
struct Column {
    name: Box<str>,
    table: Option<Box<str>>,
    nullable: Option<bool>,
}

#[napi]
impl NativeKeyset {
    /// `columns` is the JSON of `{name, table, nullable}`, `context` what the cursors belong to. The first of the
    /// secrets signs.
    #[napi(constructor, catch_unwind)]
    pub fn new(columns: String, context: String, secrets: Vec<Buffer>) -> Result<NativeKeyset> {
        let columns: Vec<Column> = serde_json::from_str(&columns)
            .map_err(|error| Error::new(Status::InvalidArg, error.to_string()))?;
        let columns: Vec<KeyColumn> = columns
            .into_iter()
            .map(|column| KeyColumn {
                name: column.name,
                table: column.table,
                nullable: column.nullable,
            })
            .collect();
        let signer = Signer::new(secrets.iter().map(|secret| &**secret), context.as_bytes());
        Ok(NativeKeyset {
            inner: Arc::new(Keyset::new(columns, signer)),
        })
    }

    /// Checks a cursor and copies what it says into `into`, which has room for the longest; the answer is its length, or
    /// 0 if the cursor is not one of ours. `src/codec/cursor.rs` has the layout and `lib/keyset.js` reads it.
    #[napi(catch_unwind)]
    pub fn open(&self, cursor: String, mut into: BufferSlice<'_>) -> u32 {
        let Some(payload) = self.inner.open(&cursor) else {
            return 0;
        };
        match into.get_mut(..payload.len()) {
            Some(room) => {
                room.copy_from_slice(&payload);
                payload.len() as u32
            }
            None => 0,
        }
    }
}

impl NativeKeyset {
    /// The page that begins at `place`, what `open` said of its cursor.
    pub fn turn(&self, place: Option<BufferSlice<'_>>) -> Result<Turn> {
        Turn::new(self.inner.clone(), place.as_deref()).ok_or_else(|| {
            let message = "the place of a page is malformed";
            thrown(error::Error::new(error::Kind::Internal, message))
        })
    }
}
