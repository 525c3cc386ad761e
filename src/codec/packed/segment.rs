//! A segment while it is filled, and its bytes when it is closed.

use crate::{
    error::Result,
    wire::{Cell, Column},
};

use super::{
    super::{
        buffers, date,
        format::{Form, Format},
        geometry, number, string,
        value::{MAX_SAFE, mismatch, write_integer_text, write_vector},
    },
    HEADER_WORDS, Packet,
};

/// ASCII text from this length on is kept apart: below, a copy costs less than a string with a finaliser.
const TEXT_APART: usize = 16 * 1024;
/// Room for the text of a segment.
const TEXT: usize = 128 * 1024;

#[derive(Default)]
pub struct Segment {
    pub rows: u32,
    doubles: Vec<u64>,
    words: Vec<u32>,
    /// Latin-1.
    narrow: Vec<u8>,
    /// UTF-16.
    wide: Vec<u16>,
    bytes: Vec<u8>,
}

impl Segment {
    /// The bytes it has so far, its header aside.
    pub fn len(&self) -> usize {
        self.doubles.len() * 8
            + self.words.len() * 4
            + self.narrow.len()
            + self.wide.len() * 2
            + self.bytes.len()
    }

    /// Begins a row of so many columns. The answer is where its bits for NULL are.
    #[inline]
    pub fn begin_row(&mut self, columns: usize) -> usize {
        let nulls = self.words.len();
        self.words.resize(nulls + columns.div_ceil(32), 0);
        nulls
    }

    #[inline]
    pub fn set_null(&mut self, nulls: usize, column: usize) {
        if let Some(word) = self.words.get_mut(nulls + column / 32) {
            *word |= 1 << (column % 32);
        }
    }

    /// Adds a cell that is not NULL.
    #[inline(always)]
    pub fn push(
        &mut self,
        form: Form,
        cell: Cell<'_>,
        column: &Column,
        format: &Format,
    ) -> Result<()> {
        match (form, cell) {
            (Form::Text, Cell::Bytes(bytes)) => self.text(bytes),
            (Form::Int, Cell::Int(value)) => self.words.push(value as i32 as u32),
            (Form::Int, Cell::UInt(value)) => self.words.push(value as u32),
            (Form::Number, Cell::Int(value)) => self.double(value as f64),
            (Form::Number, Cell::UInt(value)) => self.double(value as f64),
            (Form::BigInt, Cell::Int(value)) => self.doubles.push(value as u64),
            (Form::BigInt, Cell::UInt(value)) => self.doubles.push(value),
            (Form::ExactNumber, Cell::Int(value)) if value.unsigned_abs() <= MAX_SAFE => {
                self.words.push(0);
                self.double(value as f64);
            }
            (Form::ExactNumber, Cell::UInt(value)) if value <= MAX_SAFE => {
                self.words.push(0);
                self.double(value as f64);
            }
            (Form::ExactNumber, Cell::Int(_) | Cell::UInt(_)) => {
                self.words.push(1);
                self.ascii(|out| write_integer_text(cell, column, out));
            }
            (Form::IntText, Cell::Int(_) | Cell::UInt(_)) => {
                self.ascii(|out| write_integer_text(cell, column, out))
            }
            (Form::Float, Cell::Float(value)) => self.double(number::f32_as_f64(value)),
            // As the text protocol has it.
            (Form::Float, Cell::Double(value)) => self.double(value),
            (Form::AnyFloat, Cell::Float(value)) => self.double(f64::from(value)),
            (Form::AnyFloat, Cell::Double(value)) => self.double(value),
            (Form::Double(decimals), Cell::Double(value)) => {
                self.double(number::double_as_text_reads(value, decimals));
            }
            (Form::DecimalNumber, Cell::Bytes(bytes)) => self.double(number::decimal_to_f64(bytes)),
            (Form::Date, Cell::Date(parts)) => {
                self.double(format.zone.date_ms(parts.year, parts.month, parts.day));
            }
            (Form::DateTime, Cell::Date(parts)) => self.double(format.zone.datetime_ms(&parts)),
            (Form::DateOrText, Cell::Date(parts)) => {
                let ms = format.zone.date_ms(parts.year, parts.month, parts.day);
                self.date_or_text(ms, &parts, |out| {
                    date::write_date(parts.year, parts.month, parts.day, out);
                });
            }
            (Form::DateTimeOrText(decimals), Cell::Date(parts)) => {
                let ms = format.zone.datetime_ms(&parts);
                self.date_or_text(ms, &parts, |out| {
                    date::write_datetime(&parts, decimals, out)
                });
            }
            (Form::NumberOrPadded { is_text }, Cell::Int(_) | Cell::UInt(_)) => {
                let mut digits = Vec::new();
                write_integer_text(cell, column, &mut digits);
                self.number_or_text(&digits, is_text, true);
            }
            (
                Form::DecimalOrText {
                    is_text,
                    is_zerofill,
                },
                Cell::Bytes(bytes),
            ) => self.number_or_text(bytes, is_text, is_zerofill),
            (Form::DateText, Cell::Date(parts)) => {
                self.ascii(|out| date::write_date(parts.year, parts.month, parts.day, out));
            }
            (Form::DateTimeText(decimals), Cell::Date(parts)) => {
                self.ascii(|out| date::write_datetime(&parts, decimals, out));
            }
            (Form::TimeText(decimals), Cell::Time(parts)) => {
                self.ascii(|out| date::write_time(&parts, decimals, out));
            }
            (Form::Json | Form::Raw | Form::JsonArray | Form::Digits, Cell::Bytes(bytes)) => {
                self.text(bytes);
            }
            (Form::Geometry, Cell::Bytes(bytes)) => {
                self.ascii(|out| geometry::write_geometry_json(bytes, true, out));
            }
            (Form::Vector, Cell::Bytes(bytes)) => self.ascii(|out| write_vector(bytes, out)),
            (Form::Bytes, Cell::Bytes(bytes)) => {
                self.bytes.extend_from_slice(bytes);
                self.words.push(self.bytes.len() as u32);
            }
            (Form::Boolean, Cell::UInt(value)) => self.words.push(value as u32),
            (Form::Exact, Cell::Double(value)) => self.double(value),
            (form, _) => return Err(mismatch(form, column)),
        }
        Ok(())
    }

    /// Digits as a number, or as text where they have a zero in front or are not to be rounded.
    fn number_or_text(&mut self, digits: &[u8], is_text: bool, is_zerofill: bool) {
        const LIMIT: f64 = 9_007_199_254_740_992.0;
        let value = number::decimal_to_f64(digits);
        let is_padded = is_zerofill && digits.first() == Some(&b'0');
        if is_padded || (is_text && value.abs() >= LIMIT) {
            self.words.push(1);
            self.text(digits);
        } else {
            self.words.push(0);
            self.double(value);
        }
    }

    fn date_or_text(&mut self, ms: f64, parts: &date::DateParts, write: impl FnOnce(&mut Vec<u8>)) {
        if ms.is_nan() || parts.month == 0 || parts.day == 0 {
            self.words.push(1);
            self.ascii(write);
        } else {
            self.words.push(0);
            self.double(ms);
        }
    }

    #[inline]
    fn double(&mut self, value: f64) {
        self.doubles.push(value.to_bits());
    }

    #[inline]
    fn text(&mut self, bytes: &[u8]) {
        if self.narrow.capacity() - self.narrow.len() < bytes.len() {
            self.grow_narrow();
        }
        if bytes.is_ascii() {
            self.narrow.extend_from_slice(bytes);
            self.end_narrow();
        } else {
            self.other_text(bytes);
        }
    }

    fn other_text(&mut self, bytes: &[u8]) {
        let text = string::decode_utf8(bytes);
        if text.chars().all(|character| character <= '\u{FF}') {
            self.narrow
                .extend(text.chars().map(|character| character as u8));
            self.end_narrow();
        } else {
            self.wide.extend(text.encode_utf16());
            self.words.push((self.wide.len() as u32) << 1 | 1);
        }
    }

    #[inline]
    fn end_narrow(&mut self) {
        self.words.push((self.narrow.len() as u32) << 1);
    }

    /// A text that outgrows a small buffer goes on in one that holds a whole segment's, at once and not by doubling.
    fn grow_narrow(&mut self) {
        if (1024..TEXT).contains(&self.narrow.capacity()) {
            let mut larger = buffers::take(TEXT);
            larger.extend_from_slice(&self.narrow);
            self.narrow = larger;
        }
    }

    fn ascii(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.narrow);
        self.end_narrow();
    }

    /// Writes the segment and empties it, its memory kept for the next one.
    pub fn close(&mut self, may_part: bool) -> Packet {
        let is_apart = may_part && self.narrow.len() >= TEXT_APART;
        let text = is_apart.then(|| std::mem::take(&mut self.narrow));
        let wide =
            (may_part && self.wide.len() * 2 >= TEXT_APART).then(|| std::mem::take(&mut self.wide));
        let mut out = buffers::take((HEADER_WORDS * 4 + self.len()).next_multiple_of(8));
        let header = [
            self.rows,
            self.doubles.len() as u32,
            self.words.len() as u32,
            self.narrow.len() as u32,
            self.wide.len() as u32 * 2,
            self.bytes.len() as u32,
            u32::from(is_apart),
            u32::from(wide.is_some()),
        ];
        out.extend(header.iter().flat_map(|word| word.to_le_bytes()));
        out.extend(self.doubles.iter().flat_map(|double| double.to_le_bytes()));
        out.extend(self.words.iter().flat_map(|word| word.to_le_bytes()));
        out.extend(self.wide.iter().flat_map(|unit| unit.to_le_bytes()));
        out.extend_from_slice(&self.narrow);
        out.extend_from_slice(&self.bytes);
        out.resize(out.len().next_multiple_of(8), 0);
        self.rows = 0;
        self.doubles.clear();
        self.words.clear();
        self.narrow.clear();
        self.wide.clear();
        self.bytes.clear();
        Packet {
            bytes: out,
            text,
            wide,
        }
    }
}
