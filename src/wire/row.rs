//! Rows where they lie in the receive buffer: cells are read one after the other and borrow from it.

use crate::{
    codec::date::{self, DateParts, TimeParts},
    error::{Error, Result},
};

use super::{
    column::{Column, ColumnType},
    read::Cursor,
};

/// One value of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    Null,
    Int(i64),
    UInt(u64),
    Float(f32),
    Double(f64),
    Date(DateParts),
    Time(TimeParts),
    /// Text in utf8mb4, or bytes, as the column's character set says; a temporal value the server wrote in a form
    /// of its own also comes as its text.
    Bytes(&'a [u8]),
}

/// Takes what a statement returns, row by row. Each row is gone when the call returns.
pub trait RowSink {
    /// A result begins. Statements such as CALL have several, of which the first is given, and others on [`RowSink::next`].
    /// `memo` lives as long as the columns stay the same.
    fn begin(&mut self, columns: &super::Columns, memo: &mut super::Memo) -> Result<()>;
    fn row(&mut self, row: Row<'_>) -> Result<()>;
    /// Whether rows are handed on while they are read, so that the length of a result is no matter.
    fn passes_on(&self) -> bool {
        false
    }
    /// A result ended so, and another one follows; whether that is to be given too.
    fn next(&mut self, _ended: &super::Done) -> Result<bool> {
        Ok(false)
    }
    /// Awaited before more is read from the server; a sink that is ahead of its reader waits here.
    fn room(&mut self) -> impl Future<Output = Result<()>> + Send {
        std::future::ready(Ok(()))
    }
}

/// A sink for rows that nobody wants.
pub struct Discard;

impl RowSink for Discard {
    fn begin(&mut self, _columns: &super::Columns, _memo: &mut super::Memo) -> Result<()> {
        Ok(())
    }

    fn row(&mut self, _row: Row<'_>) -> Result<()> {
        Ok(())
    }
}

/// Keeps rows as text, for questions of our own; NULL is empty.
#[derive(Default)]
pub struct Texts {
    columns: super::Columns,
    pub rows: Vec<Vec<String>>,
}

impl RowSink for Texts {
    fn begin(&mut self, columns: &super::Columns, _memo: &mut super::Memo) -> Result<()> {
        self.columns = columns.clone();
        Ok(())
    }

    fn row(&mut self, mut row: Row<'_>) -> Result<()> {
        let cells = self.columns.iter().enumerate().map(|(index, column)| {
            let cell = row.wire(index, column)?.unwrap_or_default();
            Ok(String::from_utf8_lossy(cell).into_owned())
        });
        self.rows.push(cells.collect::<Result<_>>()?);
        Ok(())
    }
}

/// The cells of one row, to be read in order and each once; a clone reads them once more.
#[derive(Clone)]
pub struct Row<'a> {
    cursor: Cursor<'a>,
    /// The bitmap of NULLs of the binary protocol; `None` in the text protocol.
    nulls: Option<&'a [u8]>,
}

impl<'a> Row<'a> {
    pub fn binary(body: &'a [u8], columns: usize) -> Result<Row<'a>> {
        let mut cursor = Cursor::new(body);
        if cursor.u8()? != 0 {
            return Err(Error::protocol(
                "the server sent a row that does not begin with zero",
            ));
        }
        let nulls = cursor.bytes((columns + 7 + 2) / 8)?;
        Ok(Row {
            cursor,
            nulls: Some(nulls),
        })
    }

    pub fn text(body: &'a [u8]) -> Row<'a> {
        Row {
            cursor: Cursor::new(body),
            nulls: None,
        }
    }

    /// The cell of column `index`, which must be the one after the cell read before.
    #[inline]
    pub fn cell(&mut self, index: usize, column: &Column) -> Result<Cell<'a>> {
        match self.nulls {
            Some(nulls) => {
                if is_null(nulls, index) {
                    return Ok(Cell::Null);
                }
                binary_cell(&mut self.cursor, column)
            }
            None => text_cell(&mut self.cursor, column),
        }
    }

    /// The bytes of the cell as they came, without their length; `None` for NULL. The same order as for [`Row::cell`].
    pub fn wire(&mut self, index: usize, column: &Column) -> Result<Option<&'a [u8]>> {
        let cursor = &mut self.cursor;
        let Some(nulls) = self.nulls else {
            return text_bytes(cursor);
        };
        if is_null(nulls, index) {
            return Ok(None);
        }
        let length = match column.column_type {
            ColumnType::Tiny => 1,
            ColumnType::Short | ColumnType::Year => 2,
            ColumnType::Long | ColumnType::Int24 | ColumnType::Float => 4,
            ColumnType::LongLong | ColumnType::Double => 8,
            ColumnType::Date | ColumnType::DateTime | ColumnType::Timestamp | ColumnType::Time => {
                usize::from(cursor.u8()?)
            }
            ColumnType::Null => 0,
            _ => return cursor.string().map(Some),
        };
        cursor.bytes(length).map(Some)
    }
}

/// Whether the bitmap of NULLs of a binary row has the cell of column `index`.
#[inline]
fn is_null(nulls: &[u8], index: usize) -> bool {
    let bit = index + 2;
    let byte = nulls.get(bit / 8).copied().unwrap_or_default();
    byte >> (bit % 8) & 1 == 1
}

#[inline]
fn binary_cell<'a>(cursor: &mut Cursor<'a>, column: &Column) -> Result<Cell<'a>> {
    let unsigned = column.is_unsigned();
    Ok(match column.column_type {
        ColumnType::Long | ColumnType::Int24 => match cursor.u32()? {
            value if unsigned => Cell::UInt(u64::from(value)),
            value => Cell::Int(i64::from(value as i32)),
        },
        ColumnType::LongLong => match cursor.u64()? {
            value if unsigned => Cell::UInt(value),
            value => Cell::Int(value as i64),
        },
        ColumnType::Tiny => match cursor.u8()? {
            value if unsigned => Cell::UInt(u64::from(value)),
            value => Cell::Int(i64::from(value as i8)),
        },
        ColumnType::Short | ColumnType::Year => match cursor.u16()? {
            value if unsigned => Cell::UInt(u64::from(value)),
            value => Cell::Int(i64::from(value as i16)),
        },
        ColumnType::Float => Cell::Float(cursor.f32()?),
        ColumnType::Double => Cell::Double(cursor.f64()?),
        ColumnType::Date | ColumnType::DateTime | ColumnType::Timestamp => {
            Cell::Date(binary_date(cursor)?)
        }
        ColumnType::Time => Cell::Time(binary_time(cursor)?),
        ColumnType::Null => Cell::Null,
        ColumnType::Decimal
        | ColumnType::Bit
        | ColumnType::Json
        | ColumnType::Geometry
        | ColumnType::Vector
        | ColumnType::Enum
        | ColumnType::Set
        | ColumnType::Text => Cell::Bytes(cursor.string()?),
    })
}

fn binary_date(cursor: &mut Cursor<'_>) -> Result<DateParts> {
    let length = cursor.u8()?;
    let mut parts = DateParts::default();
    if !matches!(length, 0 | 4 | 7 | 11) {
        return Err(Error::protocol(format!(
            "the server sent a date of {length} bytes"
        )));
    }
    if length >= 4 {
        parts.year = cursor.u16()?;
        parts.month = cursor.u8()?;
        parts.day = cursor.u8()?;
    }
    if length >= 7 {
        parts.hour = cursor.u8()?;
        parts.minute = cursor.u8()?;
        parts.second = cursor.u8()?;
    }
    if length >= 11 {
        parts.micros = cursor.u32()?;
    }
    Ok(parts)
}

fn binary_time(cursor: &mut Cursor<'_>) -> Result<TimeParts> {
    let length = cursor.u8()?;
    let mut parts = TimeParts::default();
    if !matches!(length, 0 | 8 | 12) {
        return Err(Error::protocol(format!(
            "the server sent a time of {length} bytes"
        )));
    }
    if length >= 8 {
        parts.negative = cursor.u8()? != 0;
        let days = cursor.u32()?;
        parts.hours = days
            .saturating_mul(24)
            .saturating_add(u32::from(cursor.u8()?));
        parts.minutes = cursor.u8()?;
        parts.seconds = cursor.u8()?;
    }
    if length >= 12 {
        parts.micros = cursor.u32()?;
    }
    Ok(parts)
}

/// The bytes of a cell of the text protocol; `None` for NULL.
#[inline]
fn text_bytes<'a>(cursor: &mut Cursor<'a>) -> Result<Option<&'a [u8]>> {
    const NULL: u8 = 0xFB;
    if cursor.rest().first() == Some(&NULL) {
        cursor.u8()?;
        return Ok(None);
    }
    cursor.string().map(Some)
}

/// A cell of the text protocol, brought to the form the binary protocol would have given it.
fn text_cell<'a>(cursor: &mut Cursor<'a>, column: &Column) -> Result<Cell<'a>> {
    let Some(bytes) = text_bytes(cursor)? else {
        return Ok(Cell::Null);
    };
    let unreadable = || {
        Error::protocol(format!(
            "the server sent no readable value for column '{}'",
            column.name
        ))
    };
    let number = || std::str::from_utf8(bytes).map_err(|_| unreadable());
    Ok(match column.column_type {
        ColumnType::Tiny
        | ColumnType::Short
        | ColumnType::Int24
        | ColumnType::Long
        | ColumnType::LongLong
        | ColumnType::Year => {
            if column.is_unsigned() {
                Cell::UInt(number()?.parse().map_err(|_| unreadable())?)
            } else {
                Cell::Int(number()?.parse().map_err(|_| unreadable())?)
            }
        }
        // Text has more digits of a FLOAT(M,D) than single precision holds.
        ColumnType::Float | ColumnType::Double => {
            Cell::Double(number()?.parse().map_err(|_| unreadable())?)
        }
        ColumnType::Date => Cell::Date(date::parse_date(bytes).ok_or_else(unreadable)?),
        ColumnType::DateTime | ColumnType::Timestamp => {
            Cell::Date(date::parse_datetime(bytes).ok_or_else(unreadable)?)
        }
        ColumnType::Time => Cell::Time(date::parse_time(bytes).ok_or_else(unreadable)?),
        _ => Cell::Bytes(bytes),
    })
}

#[cfg(test)]
mod tests;
