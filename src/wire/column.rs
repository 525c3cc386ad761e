//! Column definitions: what the server says about each column of a result.

use std::sync::Arc;

use crate::error::{Error, Result};

use super::read::Cursor;

/// The columns of one result, shared by everything that is compiled from them.
pub type Columns = Arc<[Column]>;

/// One column as the server defines it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub schema: Box<str>,
    pub table: Box<str>,
    pub org_table: Box<str>,
    pub name: Box<str>,
    pub org_name: Box<str>,
    pub character_set: u16,
    pub length: u32,
    pub column_type: ColumnType,
    pub flags: u16,
    /// Digits after the point: of a fraction of a second for temporal types, 31 or more when not fixed.
    pub decimals: u8,
    /// Whether MariaDB says that this text is JSON.
    pub is_json: bool,
}

/// The number of the binary character set: bytes, not text.
pub const BINARY: u16 = 63;
const UNSIGNED: u16 = 32;

impl Column {
    pub fn is_unsigned(&self) -> bool {
        self.flags & UNSIGNED != 0
    }

    pub fn is_binary(&self) -> bool {
        self.character_set == BINARY
    }

    /// Reads one definition. `extended` says whether MariaDB's extended metadata was agreed on.
    pub fn read(bytes: &[u8], extended: bool) -> Result<Column> {
        let mut cursor = Cursor::new(bytes);
        let _catalog = cursor.string()?;
        let schema = text(cursor.string()?);
        let table = text(cursor.string()?);
        let org_table = text(cursor.string()?);
        let name = text(cursor.string()?);
        let org_name = text(cursor.string()?);
        let is_json = extended && has_json_format(cursor.string()?)?;
        let _fixed_length = cursor.length()?;
        Ok(Column {
            schema,
            table,
            org_table,
            name,
            org_name,
            character_set: cursor.u16()?,
            length: cursor.u32()?,
            column_type: ColumnType::from_code(cursor.u8()?)?,
            flags: cursor.u16()?,
            decimals: cursor.u8()?,
            is_json,
        })
    }
}

fn text(bytes: &[u8]) -> Box<str> {
    String::from_utf8_lossy(bytes).into()
}

/// Extended metadata is a list of a kind (0 a type name, 1 a format) and a string.
fn has_json_format(bytes: &[u8]) -> Result<bool> {
    const FORMAT: u8 = 1;
    let mut cursor = Cursor::new(bytes);
    while !cursor.is_empty() {
        let kind = cursor.u8()?;
        let value = cursor.string()?;
        if kind == FORMAT && value == b"json" {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The types that can stand in a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    Tiny,
    Short,
    Int24,
    Long,
    LongLong,
    Float,
    Double,
    Decimal,
    Null,
    Year,
    Date,
    Time,
    DateTime,
    Timestamp,
    Bit,
    Json,
    Geometry,
    Vector,
    Enum,
    Set,
    /// CHAR to LONGTEXT and BINARY to LONGBLOB; the character set tells which.
    Text,
}

impl ColumnType {
    fn from_code(code: u8) -> Result<ColumnType> {
        Ok(match code {
            1 => ColumnType::Tiny,
            2 => ColumnType::Short,
            3 => ColumnType::Long,
            4 => ColumnType::Float,
            5 => ColumnType::Double,
            6 => ColumnType::Null,
            7 => ColumnType::Timestamp,
            8 => ColumnType::LongLong,
            9 => ColumnType::Int24,
            10 | 14 => ColumnType::Date,
            11 => ColumnType::Time,
            12 => ColumnType::DateTime,
            13 => ColumnType::Year,
            16 => ColumnType::Bit,
            242 => ColumnType::Vector,
            245 => ColumnType::Json,
            0 | 246 => ColumnType::Decimal,
            247 => ColumnType::Enum,
            248 => ColumnType::Set,
            255 => ColumnType::Geometry,
            15 | 249..=254 => ColumnType::Text,
            other => {
                return Err(Error::protocol(format!(
                    "the server sent a column of the unknown type {other}"
                )));
            }
        })
    }
}

#[cfg(test)]
pub(super) mod tests;
