//! One value as JSON: the bytes of `JSON.stringify` of what mysql2 gives for it.

use crate::{
    error::{Error, Kind, Result},
    wire::{Cell, Column},
};

use super::{
    date,
    format::{Form, Format},
    geometry,
    json_text::{self, JsonTextError},
    number, string,
};

/// Writes the cell of a column in the form that the column has.
#[inline]
pub fn write_cell(
    form: Form,
    cell: Cell<'_>,
    column: &Column,
    format: &Format,
    out: &mut Vec<u8>,
) -> Result<()> {
    match (form, cell) {
        (_, Cell::Null) => out.extend_from_slice(b"null"),
        (Form::Text, Cell::Bytes(bytes)) => string::write_json_string(bytes, out),
        (Form::Int | Form::BigInt, Cell::Int(value)) => number::write_i64(value, out),
        (Form::Int | Form::BigInt, Cell::UInt(value)) => number::write_u64(value, out),
        (Form::Number, Cell::Int(value)) => number::i64_as_js_number(value, out),
        (Form::Number, Cell::UInt(value)) => number::u64_as_js_number(value, out),
        (Form::ExactNumber, Cell::Int(value)) if value.unsigned_abs() <= MAX_SAFE => {
            number::write_i64(value, out)
        }
        (Form::ExactNumber, Cell::UInt(value)) if value <= MAX_SAFE => {
            number::write_u64(value, out)
        }
        (Form::ExactNumber | Form::IntText, Cell::Int(_) | Cell::UInt(_)) => {
            quoted(out, |out| write_integer_text(cell, column, out));
        }
        (Form::Float, Cell::Float(value)) => number::write_f32_shortest(value, out),
        (Form::Float, Cell::Double(value)) => number::write_f64(value, out),
        (Form::Double(decimals), Cell::Double(value)) => {
            number::write_f64(number::double_as_text_reads(value, decimals), out);
        }
        (Form::DecimalNumber, Cell::Bytes(bytes)) => {
            number::write_f64(number::decimal_to_f64(bytes), out)
        }
        (Form::Date, Cell::Date(parts)) => {
            date::write_iso(format.zone.date_ms(parts.year, parts.month, parts.day), out);
        }
        (Form::DateTime, Cell::Date(parts)) => {
            date::write_iso(format.zone.datetime_ms(&parts), out)
        }
        (Form::DateText, Cell::Date(parts)) => {
            quoted(out, |out| {
                date::write_date(parts.year, parts.month, parts.day, out)
            });
        }
        (Form::DateTimeText(decimals), Cell::Date(parts)) => {
            quoted(out, |out| date::write_datetime(&parts, decimals, out));
        }
        (Form::TimeText(decimals), Cell::Time(parts)) => {
            quoted(out, |out| date::write_time(&parts, decimals, out));
        }
        (Form::Json, Cell::Bytes(bytes)) => write_json_text(bytes, column, out)?,
        (Form::Geometry, Cell::Bytes(bytes)) => geometry::write_geometry_json(bytes, false, out),
        (Form::Vector, Cell::Bytes(bytes)) => write_vector(bytes, out),
        (Form::Bytes, Cell::Bytes(bytes)) => write_buffer(bytes, out),
        (Form::Boolean, Cell::UInt(value)) => {
            out.extend_from_slice(if value == 0 { b"false" } else { b"true" });
        }
        (Form::Exact, Cell::Double(value)) => number::write_f64(value, out),
        (Form::Digits | Form::JsonArray, Cell::Bytes(bytes)) => out.extend_from_slice(bytes),
        (Form::Raw, Cell::Bytes(bytes)) => write_raw(bytes, column, out)?,
        (form, _) => return Err(mismatch(form, column)),
    }
    Ok(())
}

/// The largest integer that a double and its neighbours tell apart, `Number.MAX_SAFE_INTEGER`.
pub const MAX_SAFE: u64 = (1 << 53) - 1;

/// The digits of an integer as the server's text has them: a ZEROFILL column, which is unsigned, is as wide as declared.
pub fn write_integer_text(cell: Cell<'_>, column: &Column, out: &mut Vec<u8>) {
    // The widest integer that can be declared has 255 digits; a length beyond is no display width.
    let width = if column.is_zerofill() {
        column.length.min(255) as usize
    } else {
        0
    };
    match cell {
        Cell::Int(value) => number::write_i64(value, out),
        Cell::UInt(value) => number::write_u64_padded(value, width, out),
        _ => {}
    }
}

#[cold]
pub fn mismatch(form: Form, column: &Column) -> Error {
    Error::protocol(format!(
        "column '{}' came in another type than it was announced ({form:?})",
        column.name
    ))
}

fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}

fn write_json_text(bytes: &[u8], column: &Column, out: &mut Vec<u8>) -> Result<()> {
    // A value cut off by the server, say by GROUP_CONCAT, is not JSON any more; mysql2 throws here too.
    json_text::normalise(bytes, out).map_err(|error| no_json(column, error))
}

/// Apart, because the one place that calls it is the hottest there is, and grows slower with what is built into it.
#[inline(never)]
fn write_raw(bytes: &[u8], column: &Column, out: &mut Vec<u8>) -> Result<()> {
    json_text::embed(bytes, out).map_err(|error| no_json(column, error))
}

#[cold]
pub fn no_json(column: &Column, error: JsonTextError) -> Error {
    Error::new(
        Kind::Unsupported,
        format!(
            "column '{}' holds text that is no JSON: {error}; set jsonStrings, or a cast to 'string', to read it as text",
            column.name
        ),
    )
}

/// `JSON.stringify` of a Buffer.
fn write_buffer(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"type\":\"Buffer\",\"data\":[");
    for (index, &byte) in bytes.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        number::write_u64(u64::from(byte), out);
    }
    out.extend_from_slice(b"]}");
}

/// MySQL's VECTOR: single-precision numbers, which mysql2 reads as doubles.
pub fn write_vector(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, chunk) in bytes.chunks_exact(4).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let value = chunk
            .first_chunk::<4>()
            .map_or(0.0, |bytes| f32::from_le_bytes(*bytes));
        number::write_f64(f64::from(value), out);
    }
    out.push(b']');
}
