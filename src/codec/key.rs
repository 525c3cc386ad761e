//! The values by which rows are sorted, taken from the wire as they are, so that they go back to the server unchanged: an
//! object's Date has lost the microseconds and a number the digits of a DECIMAL.
//!
//! They are written in the packed form of [`super::params`].

use crate::{
    error::{Error, Kind, Result},
    wire::{Cell, Column, ColumnType},
};

/// The server sorts text by its first 1,024 bytes of weights (`max_sort_length`), two for a character as a rule, and
/// compares all of it.
const MAX_CHARACTERS: usize = 512;
const MAX_BYTES: usize = 1024;
const NOT_NULL: u16 = 1;
const ENUM: u16 = 256;
const SET: u16 = 2048;

/// Whether the server says that the column may hold NULL.
pub fn is_nullable(column: &Column) -> bool {
    column.flags & NOT_NULL == 0
}

/// Why rows can not be sorted by this column and compared with its values in the same order.
pub fn refusal(column: &Column) -> Option<&'static str> {
    if column.flags & (ENUM | SET) != 0 {
        return Some(
            "is an ENUM or SET, which sorts by number and compares as text; sort by its number, as in `status + 0`",
        );
    }
    let is_document = matches!(
        column.column_type,
        ColumnType::Json | ColumnType::Geometry | ColumnType::Vector
    );
    (is_document || column.is_json)
        .then_some("is of a type that has no order; sort by something in it")
}

/// Appends a value as a packed parameter.
pub fn write_key(cell: Cell<'_>, column: &Column, out: &mut Vec<u8>) -> Result<()> {
    match cell {
        Cell::Null => out.push(0),
        Cell::Double(value) => fixed(2, &value.to_le_bytes(), out),
        // A FLOAT is compared as the double that it is exactly.
        Cell::Float(value) => fixed(2, &f64::from(value).to_le_bytes(), out),
        Cell::Int(value) => fixed(3, &value.to_le_bytes(), out),
        Cell::UInt(value) => fixed(4, &value.to_le_bytes(), out),
        Cell::Bytes(bytes) if column.column_type == ColumnType::Decimal => block(11, bytes, out),
        Cell::Bytes(bytes) if column.column_type == ColumnType::Bit => {
            let value = bytes
                .iter()
                .fold(0u64, |value, &byte| value << 8 | u64::from(byte));
            fixed(4, &value.to_le_bytes(), out);
        }
        Cell::Bytes(bytes) => {
            if bytes.len() > MAX_BYTES || is_long(bytes) {
                return Err(Error::new(
                    Kind::Parameters,
                    format!(
                        "a value of column '{}' is longer than {MAX_CHARACTERS} characters, past which the server does \
                         not sort; sort by its beginning, as in `LEFT(name, 100)`",
                        column.name
                    ),
                ));
            }
            block(if column.is_binary() { 6 } else { 5 }, bytes, out);
        }
        Cell::Date(parts) => {
            out.push(7);
            parts.write(out);
        }
        Cell::Time(parts) => {
            out.extend_from_slice(&[12, u8::from(parts.negative)]);
            out.extend_from_slice(&parts.hours.to_le_bytes());
            out.extend_from_slice(&[parts.minutes, parts.seconds]);
            out.extend_from_slice(&parts.micros.to_le_bytes());
        }
    }
    Ok(())
}

/// The packed value at the beginning of `bytes` and what is behind it; `None` when it is cut or of no type above.
pub fn split_key(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    const BLOCK: usize = 5;
    let size = match bytes.first()? {
        0 => 1,
        2..=4 => 9,
        5 | 6 | 11 => {
            let length = bytes.get(1..BLOCK)?.first_chunk::<4>()?;
            BLOCK.checked_add(u32::from_le_bytes(*length) as usize)?
        }
        7 => 12,
        12 => 12,
        _ => return None,
    };
    bytes.split_at_checked(size)
}

fn is_long(bytes: &[u8]) -> bool {
    bytes.len() > MAX_CHARACTERS && String::from_utf8_lossy(bytes).chars().count() > MAX_CHARACTERS
}

fn fixed(tag: u8, value: &[u8; 8], out: &mut Vec<u8>) {
    out.push(tag);
    out.extend_from_slice(value);
}

fn block(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    // Bounded above, and the server's decimals have 65 digits.
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{
        date::{DateParts, TimeParts},
        params::{Param, Params},
    };

    fn column(column_type: ColumnType, character_set: u16) -> Column {
        Column {
            schema: "".into(),
            table: "t".into(),
            org_table: "t".into(),
            name: "c".into(),
            org_name: "c".into(),
            character_set,
            length: 0,
            column_type,
            type_code: 0,
            flags: 0,
            decimals: 0,
            is_json: false,
            extended_type: None,
        }
    }

    fn packed(cell: Cell<'_>, column: &Column) -> Vec<u8> {
        let mut out = Vec::new();
        write_key(cell, column, &mut out).expect("a key");
        out
    }

    #[test]
    fn values_come_back_as_parameters_of_their_type() {
        let moment = DateParts {
            year: 2024,
            month: 2,
            day: 29,
            hour: 23,
            minute: 59,
            second: 58,
            micros: 123_457,
        };
        let time = TimeParts {
            negative: true,
            hours: 838,
            minutes: 59,
            seconds: 58,
            micros: 7,
        };
        let text = column(ColumnType::Text, 224);
        for (cell, column, wanted) in [
            (Cell::Null, &text, Param::Null),
            (Cell::Int(i64::MIN), &text, Param::Int(i64::MIN)),
            (Cell::UInt(u64::MAX), &text, Param::UInt(u64::MAX)),
            (Cell::Double(0.1), &text, Param::Double(0.1)),
            (Cell::Float(0.1), &text, Param::Double(f64::from(0.1f32))),
            (
                Cell::Bytes("é".as_bytes()),
                &text,
                Param::Text("é".as_bytes()),
            ),
            (
                Cell::Bytes(&[0, 255]),
                &column(ColumnType::Text, 63),
                Param::Bytes(&[0, 255]),
            ),
            (
                Cell::Bytes(b"1.50"),
                &column(ColumnType::Decimal, 63),
                Param::Decimal(b"1.50"),
            ),
            (
                Cell::Bytes(&[1, 2]),
                &column(ColumnType::Bit, 63),
                Param::UInt(258),
            ),
            (Cell::Date(moment), &text, Param::DateTime(moment)),
            (Cell::Time(time), &text, Param::Time(time)),
        ] {
            let bytes = packed(cell, column);
            let params = Params::unpack(&bytes).expect("well formed");
            let values: Vec<_> = params.iter().map(Result::unwrap).collect();
            assert_eq!(values, [wanted]);
            assert_eq!(split_key(&bytes), Some((&*bytes, &[][..])));
            for cut in 0..bytes.len() {
                assert_eq!(split_key(&bytes[..cut]), None);
            }
        }
    }

    #[test]
    fn long_text_is_refused_because_the_server_does_not_sort_by_its_end() {
        let text = column(ColumnType::Text, 224);
        let mut out = Vec::new();
        assert!(write_key(Cell::Bytes("é".repeat(512).as_bytes()), &text, &mut out).is_ok());
        assert!(write_key(Cell::Bytes("é".repeat(513).as_bytes()), &text, &mut out).is_err());
        assert!(write_key(Cell::Bytes("e".repeat(513).as_bytes()), &text, &mut out).is_err());
        assert!(write_key(Cell::Bytes("漢".repeat(400).as_bytes()), &text, &mut out).is_err());
    }
}
