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
    /// The protocol's number for the type.
    pub type_code: u8,
    pub flags: u16,
    /// Digits after the point: of a fraction of a second for temporal types, 31 or more when not fixed.
    pub decimals: u8,
    /// Whether MariaDB says that this text is JSON.
    pub is_json: bool,
    /// MariaDB's name of a type that the protocol has no number for, such as `uuid`.
    pub extended_type: Option<Box<str>>,
}

/// The number of the binary character set: bytes, not text.
pub const BINARY: u16 = 63;
const UNSIGNED: u16 = 32;
const ZEROFILL: u16 = 64;
const ENUM: u16 = 256;
const SET: u16 = 2048;

impl Column {
    pub fn is_unsigned(&self) -> bool {
        self.flags & UNSIGNED != 0
    }

    pub fn is_zerofill(&self) -> bool {
        self.flags & ZEROFILL != 0
    }

    pub fn is_binary(&self) -> bool {
        self.character_set == BINARY
    }

    /// The name of the type in SQL. How long texts and blobs may be does not show.
    pub fn type_name(&self) -> &'static str {
        const FIXED: u8 = 254;
        const VARYING: [u8; 2] = [15, 253];
        if self.is_json {
            return "JSON";
        }
        match self.column_type {
            ColumnType::Tiny => "TINYINT",
            ColumnType::Short => "SMALLINT",
            ColumnType::Int24 => "MEDIUMINT",
            ColumnType::Long => "INT",
            ColumnType::LongLong => "BIGINT",
            ColumnType::Float => "FLOAT",
            ColumnType::Double => "DOUBLE",
            ColumnType::Decimal => "DECIMAL",
            ColumnType::Null => "NULL",
            ColumnType::Year => "YEAR",
            ColumnType::Date => "DATE",
            ColumnType::Time => "TIME",
            ColumnType::DateTime => "DATETIME",
            ColumnType::Timestamp => "TIMESTAMP",
            ColumnType::Bit => "BIT",
            ColumnType::Json => "JSON",
            ColumnType::Geometry => "GEOMETRY",
            ColumnType::Vector => "VECTOR",
            ColumnType::Enum => "ENUM",
            ColumnType::Set => "SET",
            ColumnType::Text if self.flags & ENUM != 0 => "ENUM",
            ColumnType::Text if self.flags & SET != 0 => "SET",
            ColumnType::Text => match (self.is_binary(), self.type_code) {
                (true, FIXED) => "BINARY",
                (false, FIXED) => "CHAR",
                (true, code) if VARYING.contains(&code) => "VARBINARY",
                (false, code) if VARYING.contains(&code) => "VARCHAR",
                (true, _) => "BLOB",
                (false, _) => "TEXT",
            },
        }
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
        let extended = if extended {
            Extended::read(cursor.string()?)?
        } else {
            Extended::default()
        };
        let _fixed_length = cursor.length()?;
        let (character_set, length, type_code) = (cursor.u16()?, cursor.u32()?, cursor.u8()?);
        Ok(Column {
            schema,
            table,
            org_table,
            name,
            org_name,
            character_set,
            length,
            column_type: ColumnType::from_code(type_code)?,
            type_code,
            flags: cursor.u16()?,
            decimals: cursor.u8()?,
            is_json: extended.is_json,
            extended_type: extended.type_name,
        })
    }
}

fn text(bytes: &[u8]) -> Box<str> {
    String::from_utf8_lossy(bytes).into()
}

/// What MariaDB's extended metadata says.
#[derive(Default)]
struct Extended {
    is_json: bool,
    type_name: Option<Box<str>>,
}

impl Extended {
    /// A list of a kind (0 a type name, 1 a format) and a string.
    fn read(bytes: &[u8]) -> Result<Extended> {
        const TYPE: u8 = 0;
        const FORMAT: u8 = 1;
        let mut read = Extended::default();
        let mut cursor = Cursor::new(bytes);
        while !cursor.is_empty() {
            let kind = cursor.u8()?;
            let value = cursor.string()?;
            match kind {
                TYPE => read.type_name = Some(text(value)),
                FORMAT if value == b"json" => read.is_json = true,
                _ => {}
            }
        }
        Ok(read)
    }
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
