//! In which form each column reaches JavaScript: mysql2's defaults and options, applied once per result.

use crate::{
    config::Values,
    error::{Error, Kind, Result},
    wire::{Column, ColumnType},
};

use super::date::Zone;

/// The options of a pool that decide how values look.
#[derive(Debug, Clone)]
pub struct Format {
    pub zone: Zone,
    date_text: bool,
    datetime_text: bool,
    timestamp_text: bool,
    big_number: BigNumber,
    decimal_numbers: bool,
    json_strings: bool,
    odd_as_text: bool,
    exact_floats: bool,
}

/// What becomes of 64-bit integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BigNumber {
    /// A number, rounded past 2^53 as mysql2 rounds it.
    Rounded,
    /// A number while it is safe, text past that.
    Exact,
    Text,
    BigInt,
}

/// The form of one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// An integer of at most 32 bits, sign included.
    Int,
    /// An integer that a double holds.
    Number,
    /// A number while it is safe, text past that.
    ExactNumber,
    /// A 64-bit integer as text.
    IntText,
    BigInt,
    /// Single precision, as the shortest decimal that means it.
    Float,
    /// Single or double precision, as the double that it is.
    AnyFloat,
    /// Double precision, with the column's fixed decimals (31 and more: not fixed).
    Double(u8),
    /// DECIMAL as a number.
    DecimalNumber,
    Text,
    Bytes,
    /// Text that is JSON, as the value it means.
    Json,
    Geometry,
    Vector,
    Date,
    DateTime,
    /// A date, or the server's text of one that is none.
    DateOrText,
    DateTimeOrText(u8),
    /// A whole number, or its text where that begins with a zero, or where it `is_text` past 2^53.
    NumberOrPadded {
        is_text: bool,
    },
    /// DECIMAL as a number, or as text under the same conditions.
    DecimalOrText {
        is_text: bool,
        is_zerofill: bool,
    },
    DateText,
    DateTimeText(u8),
    TimeText(u8),
    /// 0 or 1, from here on only where `cast` leads to them.
    Boolean,
    /// A double as it is.
    Exact,
    /// A whole number of any length as its digits.
    Digits,
    /// A JSON array that was written here; NULL is an empty one.
    JsonArray,
    /// JSON in the server's own words.
    Raw,
}

impl Format {
    pub fn new(values: &Values) -> Result<Format> {
        let zone = Zone::new(&values.timezone, values.local_zone.as_ref())
            .map_err(|error| Error::new(Kind::Options, format!("timezone: {error}")))?;
        let big_number = if values.big_int {
            BigNumber::BigInt
        } else if values.support_big_numbers && values.big_number_strings {
            BigNumber::Text
        } else if values.support_big_numbers {
            BigNumber::Exact
        } else {
            BigNumber::Rounded
        };
        Ok(Format {
            zone,
            date_text: values.date_strings.date,
            datetime_text: values.date_strings.datetime,
            timestamp_text: values.date_strings.timestamp,
            big_number,
            decimal_numbers: values.decimal_numbers,
            json_strings: values.json_strings,
            odd_as_text: values.odd_as_text,
            exact_floats: values.exact_floats,
        })
    }

    pub fn form(&self, column: &Column) -> Form {
        if column.is_json {
            return if self.json_strings {
                Form::Text
            } else {
                Form::Json
            };
        }
        match column.column_type {
            ColumnType::Tiny
            | ColumnType::Short
            | ColumnType::Int24
            | ColumnType::Long
            | ColumnType::LongLong
            | ColumnType::Year
                if self.odd_as_text && column.is_zerofill() =>
            {
                if self.big_number == BigNumber::Text && column.column_type == ColumnType::LongLong
                {
                    return Form::IntText;
                }
                Form::NumberOrPadded {
                    is_text: self.big_number == BigNumber::Exact,
                }
            }
            ColumnType::Decimal if self.odd_as_text => match self.big_number {
                BigNumber::Text => Form::Text,
                big => Form::DecimalOrText {
                    is_text: big == BigNumber::Exact,
                    is_zerofill: column.is_zerofill(),
                },
            },
            ColumnType::Tiny | ColumnType::Short | ColumnType::Int24 | ColumnType::Year => {
                Form::Int
            }
            ColumnType::Long if column.is_unsigned() => Form::Number,
            ColumnType::Long => Form::Int,
            ColumnType::LongLong => match self.big_number {
                BigNumber::Rounded => Form::Number,
                BigNumber::Exact => Form::ExactNumber,
                BigNumber::Text => Form::IntText,
                BigNumber::BigInt => Form::BigInt,
            },
            ColumnType::Float | ColumnType::Double if self.exact_floats => Form::AnyFloat,
            ColumnType::Float => Form::Float,
            ColumnType::Double => Form::Double(column.decimals),
            ColumnType::Decimal if self.decimal_numbers => Form::DecimalNumber,
            ColumnType::Decimal => Form::Text,
            ColumnType::Date if self.date_text => Form::DateText,
            ColumnType::Date if self.odd_as_text => Form::DateOrText,
            ColumnType::Date => Form::Date,
            ColumnType::DateTime if self.datetime_text => Form::DateTimeText(column.decimals),
            ColumnType::Timestamp if self.timestamp_text => Form::DateTimeText(column.decimals),
            ColumnType::DateTime | ColumnType::Timestamp if self.odd_as_text => {
                Form::DateTimeOrText(column.decimals)
            }
            ColumnType::DateTime | ColumnType::Timestamp => Form::DateTime,
            ColumnType::Time => Form::TimeText(column.decimals),
            ColumnType::Json if self.json_strings => Form::Text,
            ColumnType::Json => Form::Json,
            ColumnType::Geometry => Form::Geometry,
            ColumnType::Vector => Form::Vector,
            ColumnType::Null
            | ColumnType::Bit
            | ColumnType::Enum
            | ColumnType::Set
            | ColumnType::Text => {
                if column.is_binary() {
                    Form::Bytes
                } else {
                    Form::Text
                }
            }
        }
    }
}
