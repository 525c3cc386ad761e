//! Cells turned into those of another form, so that the writers of JSON and of packed rows know nothing of casts.
//!
//! A value that can not be read as asked becomes null.

use crate::{
    error::Result,
    wire::{Cell, Column, ColumnType},
};

use super::{
    date,
    format::{Form, Format},
    json_text,
    number::{write_f64, write_u64},
    shape::Cast,
    string::write_json_string,
    value::{no_json, write_cell},
};

/// How the cells of a column are turned into others.
#[derive(Debug)]
pub struct Change {
    /// The form of the cells as they come.
    pub from: Form,
    pub how: How,
}

#[derive(Debug)]
pub enum How {
    Boolean,
    Number,
    /// Milliseconds since 1970.
    Epoch,
    /// A whole number of any length as its digits.
    Digits,
    /// As the text that it has.
    Text,
    Date,
    Base64,
    Hex,
    Prefix(Box<str>),
    /// A JSON array of the parts.
    Split {
        separator: Box<str>,
        prefix: Box<str>,
        each: Option<Cast>,
    },
}

/// Memory for what cells become.
#[derive(Default)]
pub struct Scratch {
    text: Vec<u8>,
    out: Vec<u8>,
}

impl Change {
    /// The cell that `cell` becomes.
    pub fn convert<'a>(
        &'a self,
        cell: Cell<'a>,
        column: &Column,
        format: &Format,
        scratch: &'a mut Scratch,
    ) -> Result<Cell<'a>> {
        let Scratch { text, out } = scratch;
        out.clear();
        match (&self.how, cell) {
            (How::Split { .. }, Cell::Null) => return Ok(Cell::Bytes(b"[]")),
            (_, Cell::Null) => return Ok(Cell::Null),
            (How::Boolean, Cell::Int(value)) => return Ok(truth(value != 0)),
            (How::Boolean, Cell::UInt(value)) => return Ok(truth(value != 0)),
            (How::Boolean, Cell::Float(value)) => return Ok(truth(value != 0.0)),
            (How::Boolean, Cell::Double(value)) => return Ok(truth(value != 0.0)),
            (How::Epoch, Cell::Date(parts)) => {
                let ms = match column.column_type {
                    ColumnType::Date => format.zone.date_ms(parts.year, parts.month, parts.day),
                    _ => format.zone.datetime_ms(&parts),
                };
                return Ok(finite(ms));
            }
            (How::Base64, Cell::Bytes(bytes)) => {
                write_base64(bytes, out);
                return Ok(Cell::Bytes(out));
            }
            (How::Hex, Cell::Bytes(bytes)) => {
                write_hex(bytes, out);
                return Ok(Cell::Bytes(out));
            }
            _ => {}
        }
        let text = text_of(self.from, cell, column, format, text)?;
        Ok(match &self.how {
            How::Boolean => read_boolean(text).map_or(Cell::Null, truth),
            How::Number => finite(read_number(text)),
            How::Digits => match read_digits(text) {
                None => Cell::Null,
                Some((is_negative, digits)) => {
                    if is_negative {
                        out.push(b'-');
                    }
                    out.extend_from_slice(digits);
                    Cell::Bytes(out)
                }
            },
            How::Epoch => Cell::Null,
            How::Text => Cell::Bytes(text),
            How::Date => date::parse_datetime(text)
                .or_else(|| date::parse_date(text))
                .map_or(Cell::Null, Cell::Date),
            How::Base64 => {
                write_base64(text, out);
                Cell::Bytes(out)
            }
            How::Hex => {
                write_hex(text, out);
                Cell::Bytes(out)
            }
            How::Prefix(prefix) => {
                out.extend_from_slice(prefix.as_bytes());
                out.extend_from_slice(text);
                Cell::Bytes(out)
            }
            How::Split {
                separator,
                prefix,
                each,
            } => {
                write_split(text, separator.as_bytes(), out, |part, out| {
                    write_part(part, *each, prefix, column, out)
                })?;
                Cell::Bytes(out)
            }
        })
    }
}

fn truth(value: bool) -> Cell<'static> {
    Cell::UInt(u64::from(value))
}

fn finite(value: f64) -> Cell<'static> {
    if value.is_finite() {
        Cell::Double(value)
    } else {
        Cell::Null
    }
}

/// The text of a cell: as it came, else as JSON has it, without its quotes.
fn text_of<'a>(
    form: Form,
    cell: Cell<'a>,
    column: &Column,
    format: &Format,
    out: &'a mut Vec<u8>,
) -> Result<&'a [u8]> {
    out.clear();
    match (form, cell) {
        (_, Cell::Bytes(bytes)) if column.column_type == ColumnType::Bit => {
            let number = bytes
                .iter()
                .fold(0, |number: u64, &byte| number << 8 | u64::from(byte));
            write_u64(number, out);
            return Ok(out);
        }
        (Form::Text | Form::Bytes, Cell::Bytes(bytes)) => return Ok(bytes),
        _ => write_cell(form, cell, column, format, out)?,
    }
    let unquoted = out
        .strip_prefix(b"\"")
        .and_then(|text| text.strip_suffix(b"\""));
    Ok(unquoted.unwrap_or(out))
}

fn read_number(text: &[u8]) -> f64 {
    std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(f64::NAN)
}

fn read_boolean(text: &[u8]) -> Option<bool> {
    let word = text.trim_ascii();
    if word.eq_ignore_ascii_case(b"true") {
        return Some(true);
    }
    if word.eq_ignore_ascii_case(b"false") {
        return Some(false);
    }
    let number = read_number(word);
    number.is_finite().then_some(number != 0.0)
}

/// Whether a whole number is negative, and its digits; a fraction may be there if it is nothing but zeros.
fn read_digits(text: &[u8]) -> Option<(bool, &[u8])> {
    let text = text.trim_ascii();
    let (is_negative, digits) = match text.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix(b"+").unwrap_or(text)),
    };
    let whole = match digits.iter().position(|&byte| byte == b'.') {
        None => digits,
        Some(point) => {
            let (whole, fraction) = digits.split_at_checked(point)?;
            if fraction.iter().skip(1).any(|&byte| byte != b'0') {
                return None;
            }
            whole
        }
    };
    if whole.is_empty() || !whole.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let zeros = whole.iter().take_while(|&&byte| byte == b'0').count();
    let significant = whole.get(zeros..).filter(|rest| !rest.is_empty());
    Some((
        is_negative && significant.is_some(),
        significant.unwrap_or(b"0"),
    ))
}

/// Writes the parts of `text` as a JSON array; an empty text has none.
fn write_split(
    text: &[u8],
    separator: &[u8],
    out: &mut Vec<u8>,
    mut write: impl FnMut(&[u8], &mut Vec<u8>) -> Result<()>,
) -> Result<()> {
    out.push(b'[');
    let mut rest = text;
    while !text.is_empty() {
        let Some(at) = find(rest, separator) else {
            write(rest, out)?;
            break;
        };
        let (part, after) = rest.split_at(at);
        write(part, out)?;
        out.push(b',');
        rest = after.get(separator.len()..).unwrap_or_default();
    }
    out.push(b']');
    Ok(())
}

fn write_part(
    part: &[u8],
    each: Option<Cast>,
    prefix: &str,
    column: &Column,
    out: &mut Vec<u8>,
) -> Result<()> {
    match each {
        Some(Cast::Number) => write_f64(read_number(part), out),
        Some(Cast::Boolean) => out.extend_from_slice(match read_boolean(part) {
            Some(true) => b"true",
            Some(false) => b"false",
            None => b"null",
        }),
        Some(Cast::Json) => {
            json_text::normalise(part, out).map_err(|error| no_json(column, error))?
        }
        _ if prefix.is_empty() => write_json_string(part, out),
        _ => write_json_string(&[prefix.as_bytes(), part].concat(), out),
    }
    Ok(())
}

fn find(text: &[u8], separator: &[u8]) -> Option<usize> {
    match separator {
        [byte] => text.iter().position(|candidate| candidate == byte),
        _ => text
            .windows(separator.len().max(1))
            .position(|window| window == separator),
    }
}

fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out.reserve(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = (0..3).fold(0u32, |group, at| {
            group << 8 | u32::from(chunk.get(at).copied().unwrap_or(0))
        });
        for place in 0..4 {
            out.push(if place > chunk.len() {
                b'='
            } else {
                DIGITS[(group >> (18 - 6 * place) & 63) as usize]
            });
        }
    }
}

fn write_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.reserve(bytes.len() * 2);
    for &byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn a_split_text_is_its_parts() {
        let split = |text: &str, separator: &str| {
            written(|out| {
                let each = |part: &[u8], out: &mut Vec<u8>| {
                    write_json_string(part, out);
                    Ok(())
                };
                write_split(text.as_bytes(), separator.as_bytes(), out, each).expect("no JSON");
            })
        };
        assert_eq!(split("a,b", ","), r#"["a","b"]"#);
        assert_eq!(split("a,,b,", ","), r#"["a","","b",""]"#);
        assert_eq!(split("", ","), "[]");
        assert_eq!(split("a||b", "||"), r#"["a","b"]"#);
    }

    #[test]
    fn base64_is_that_of_the_standard() {
        for (bytes, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("\u{3ff}\u{ffff}", "z7/vv78="),
        ] {
            assert_eq!(written(|out| write_base64(bytes.as_bytes(), out)), expected);
        }
    }

    #[test]
    fn whole_numbers_are_read_at_any_length() {
        let read = |text: &str| {
            read_digits(text.as_bytes()).map(|(is_negative, digits)| {
                let sign = if is_negative { "-" } else { "" };
                format!("{sign}{}", String::from_utf8_lossy(digits))
            })
        };
        for (text, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("007", "7"),
            (" -12.00 ", "-12"),
            ("+5.", "5"),
            (
                "123456789012345678901234567890",
                "123456789012345678901234567890",
            ),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "-", ".", ".0", "1.5", "1e3", "0x10", "1 2", "--1"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn truth_is_a_number_or_a_word() {
        for (text, expected) in [
            ("1", Some(true)),
            ("0.00", Some(false)),
            ("TRUE", Some(true)),
            (" false", Some(false)),
            ("", None),
            ("yes", None),
            ("nan", None),
        ] {
            assert_eq!(read_boolean(text.as_bytes()), expected, "{text}");
        }
    }
}
