//! Rows as JSON, written while they arrive: the bytes equal `JSON.stringify(rows)` of mysql2's rows.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::{
    error::{Error, Result},
    wire::{Cell, Column, Columns, Memo, Row, RowSink},
};

use super::{
    buffers, date,
    format::{Form, Format},
    geometry, json_text, number,
    shape::{Change, Shape},
    string,
};

/// Past this many bytes a result is likely to become much larger.
const LARGE: usize = 16 * 1024;
const LARGE_CAPACITY: usize = 128 * 1024;
/// Room for a usual row; a larger one makes its own.
const SPARE: usize = 2 * 1024;
/// A guess from the last result is trusted up to here.
const GUESSED: usize = 4 * 1024 * 1024;
/// From this many bytes on, unused memory is given back before JavaScript may keep it for long.
const TRIMMED: usize = 512 * 1024;

/// Collects the rows of one result as a JSON array.
pub struct JsonRows<'a> {
    format: &'a Format,
    shape: Option<&'a Shape>,
    plan: Option<Arc<Plan>>,
    out: Vec<u8>,
    rows: usize,
    /// The rows that have been taken.
    taken: usize,
    framing: Framing,
    /// Cells of one row when they are not written in the order in which they come.
    scratch: Scratch,
}

/// What stands around and between the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// One JSON array.
    Array,
    /// A line for each row.
    Lines,
}

impl Framing {
    fn before(self, rows: usize) -> &'static [u8] {
        match (self, rows) {
            (Framing::Array, 0) => b"[",
            (Framing::Array, _) => b",",
            (Framing::Lines, 0) => b"",
            (Framing::Lines, _) => b"\n",
        }
    }

    fn after(self, rows: usize) -> &'static [u8] {
        match (self, rows) {
            (Framing::Array, 0) => b"[]",
            (Framing::Array, _) => b"]",
            (Framing::Lines, 0) => b"",
            (Framing::Lines, _) => b"\n",
        }
    }
}

/// How to write the rows of a set of columns.
struct Plan {
    columns: Columns,
    cells: Vec<CellPlan>,
    /// The bytes of the last result, as a guess for the next one.
    last: AtomicUsize,
    /// Set when the order of the output is not that of the columns: which cells are written, in order.
    order: Option<Vec<usize>>,
}

struct CellPlan {
    /// The escaped name with its colon, and the comma or brace in front of it.
    key: Box<[u8]>,
    form: Form,
    change: Option<Change>,
}

#[derive(Default)]
struct Scratch {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl<'a> JsonRows<'a> {
    pub fn new(format: &'a Format, shape: Option<&'a Shape>, capacity: usize) -> JsonRows<'a> {
        JsonRows {
            format,
            shape,
            plan: None,
            out: Vec::with_capacity(capacity),
            rows: 0,
            taken: 0,
            framing: Framing::Array,
            scratch: Scratch::default(),
        }
    }

    /// Puts bytes in front of the array, for a caller that wraps it.
    pub fn with_head(mut self, head: &[u8]) -> JsonRows<'a> {
        self.out.extend_from_slice(head);
        self
    }

    /// Something else than one array.
    pub fn with_framing(mut self, framing: Framing) -> JsonRows<'a> {
        self.framing = framing;
        self
    }

    /// The bytes that can be taken.
    pub fn pending(&self) -> usize {
        self.out.len()
    }

    /// Takes what has been written, and how many rows that are, so that the next bytes go on from there.
    pub fn take(&mut self) -> Option<(Vec<u8>, usize)> {
        if self.out.is_empty() {
            return None;
        }
        let next = buffers::take(self.out.len());
        let rows = self.rows - std::mem::replace(&mut self.taken, self.rows);
        Some((std::mem::replace(&mut self.out, next), rows))
    }

    /// Writes the end, if the statement had a result.
    pub fn close(&mut self) {
        if self.plan.is_some() {
            self.out.extend_from_slice(self.framing.after(self.rows));
        }
    }

    /// The memory held so far.
    pub fn size(&self) -> usize {
        self.out.capacity()
    }

    /// The bytes written so far, the head included.
    pub fn written(&self) -> usize {
        self.out.len()
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The array, or `None` if the statement had no result.
    pub fn finish(mut self) -> Option<Vec<u8>> {
        let plan = self.plan.take()?;
        self.out.extend_from_slice(self.framing.after(self.rows));
        if self.out.len() >= TRIMMED {
            self.out.shrink_to_fit();
        }
        // Only a guess for the next call; nothing is ordered by it.
        plan.last.store(self.out.len(), Ordering::Relaxed);
        Some(self.out)
    }
}

impl RowSink for JsonRows<'_> {
    fn begin(&mut self, columns: &Columns, memo: &mut Memo) -> Result<()> {
        // Objects use no number below 1, so zero stands for JSON without a shape.
        let key = self.shape.map_or(0, Shape::id) << 1;
        let (format, shape) = (self.format, self.shape);
        let plan = memo.get_or_insert(key, || Arc::new(Plan::new(columns.clone(), format, shape)));
        let last = plan.last.load(Ordering::Relaxed).min(GUESSED);
        if last > LARGE && self.out.capacity() < last {
            let mut larger = buffers::take(last + last / 16 + SPARE);
            larger.extend_from_slice(&self.out);
            self.out = larger;
        }
        self.plan = Some(plan);
        Ok(())
    }

    fn row(&mut self, mut row: Row<'_>) -> Result<()> {
        let Some(plan) = &self.plan else {
            return Ok(());
        };
        self.out.extend_from_slice(self.framing.before(self.rows));
        self.rows += 1;
        match &plan.order {
            None => {
                for (index, (cell, column)) in
                    plan.cells.iter().zip(plan.columns.iter()).enumerate()
                {
                    self.out.extend_from_slice(&cell.key);
                    cell.write(row.cell(index, column)?, column, self.format, &mut self.out)?;
                }
            }
            Some(order) => self
                .scratch
                .write(&mut row, plan, order, self.format, &mut self.out)?,
        }
        self.out.push(b'}');
        if self.out.len() > LARGE && self.out.capacity() - self.out.len() < SPARE {
            self.grow();
        }
        Ok(())
    }
}

impl JsonRows<'_> {
    /// Makes room in a result that turns out to be large: first in memory that a large result has used before, then
    /// by a half at a time, because doubling would leave a third of it unused on average.
    fn grow(&mut self) {
        if self.out.capacity() < LARGE_CAPACITY {
            let mut larger = buffers::take(LARGE_CAPACITY);
            larger.extend_from_slice(&self.out);
            self.out = larger;
        } else {
            self.out.reserve_exact(self.out.len() / 2);
        }
    }
}

impl Scratch {
    fn write(
        &mut self,
        row: &mut Row<'_>,
        plan: &Plan,
        order: &[usize],
        format: &Format,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        self.bytes.clear();
        self.ends.clear();
        for (index, (cell, column)) in plan.cells.iter().zip(plan.columns.iter()).enumerate() {
            cell.write(row.cell(index, column)?, column, format, &mut self.bytes)?;
            self.ends.push(self.bytes.len());
        }
        for &index in order {
            let start = index
                .checked_sub(1)
                .and_then(|before| self.ends.get(before))
                .copied()
                .unwrap_or(0);
            let end = self.ends.get(index).copied().unwrap_or(start);
            if let (Some(cell), Some(value)) = (plan.cells.get(index), self.bytes.get(start..end)) {
                out.extend_from_slice(&cell.key);
                out.extend_from_slice(value);
            }
        }
        Ok(())
    }
}

impl Plan {
    fn new(columns: Columns, format: &Format, shape: Option<&Shape>) -> Plan {
        let order = object_order(&columns);
        let first = order
            .as_ref()
            .map_or(Some(0), |order| order.first().copied());
        let cells = columns
            .iter()
            .enumerate()
            .map(|(index, column)| {
                let mut key = vec![if Some(index) == first { b'{' } else { b',' }];
                string::write_json_string(column.name.as_bytes(), &mut key);
                key.push(b':');
                CellPlan {
                    key: key.into(),
                    form: format.form(column),
                    change: shape.and_then(|shape| shape.change(&column.name)).cloned(),
                }
            })
            .collect();
        Plan {
            columns,
            cells,
            last: AtomicUsize::new(0),
            order,
        }
    }
}

/// The order in which a JavaScript object with these names gives them: array indexes first, rising; a name that
/// comes twice stands where it came first with the value that came last. `None` when that is the order they are in.
fn object_order(columns: &[Column]) -> Option<Vec<usize>> {
    let mut last = std::collections::HashMap::with_capacity(columns.len());
    let mut names: Vec<(&str, usize)> = Vec::with_capacity(columns.len());
    for (index, column) in columns.iter().enumerate() {
        if last.insert(&*column.name, index).is_none() {
            names.push((&column.name, index));
        }
    }
    let is_plain =
        names.len() == columns.len() && !names.iter().any(|(name, _)| array_index(name).is_some());
    if is_plain {
        return None;
    }
    // Stable: names that are no index keep their order behind those that are.
    names.sort_by_key(|(name, _)| array_index(name).map_or((1, 0), |index| (0, index)));
    Some(
        names
            .into_iter()
            .filter_map(|(name, _)| last.get(name).copied())
            .collect(),
    )
}

/// The number that `name` is when an object treats it as an array index.
fn array_index(name: &str) -> Option<u32> {
    let index: u32 = name.parse().ok().filter(|&index| index < u32::MAX)?;
    let is_canonical = name == "0" || !name.starts_with(['0', '+']);
    is_canonical.then_some(index)
}

impl CellPlan {
    #[inline]
    fn write(
        &self,
        cell: Cell<'_>,
        column: &Column,
        format: &Format,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        match &self.change {
            None => write_cell(self.form, cell, column, format, out),
            Some(change) => write_changed(change, self.form, cell, column, format, out),
        }
    }
}

#[inline]
fn write_cell(
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
        (form, _) => return Err(mismatch(form, column)),
    }
    Ok(())
}

/// The largest integer that a double and its neighbours tell apart, `Number.MAX_SAFE_INTEGER`.
pub const MAX_SAFE: u64 = (1 << 53) - 1;

/// The digits of an integer as the server's text has them: a ZEROFILL column, which is unsigned, is as wide as declared.
pub fn write_integer_text(cell: Cell<'_>, column: &Column, out: &mut Vec<u8>) {
    const ZEROFILL: u16 = 64;
    // The widest integer that can be declared has 255 digits; a length beyond is no display width.
    let width = if column.flags & ZEROFILL == 0 {
        0
    } else {
        column.length.min(255) as usize
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
    json_text::normalise(bytes, out).map_err(|error| {
        Error::new(
            crate::error::Kind::Unsupported,
            format!("column '{}' holds text that is no JSON: {error}; set jsonStrings to read it as text", column.name),
        )
    })
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

fn write_changed(
    change: &Change,
    form: Form,
    cell: Cell<'_>,
    column: &Column,
    format: &Format,
    out: &mut Vec<u8>,
) -> Result<()> {
    if let Cell::Null = cell {
        change.write_null(out);
        return Ok(());
    }
    let mut rendered = Vec::new();
    let text: &[u8] = match cell {
        Cell::Bytes(bytes) if form == Form::Text => bytes,
        // Anything else is changed as the text that JSON has for it, without its quotes.
        other => {
            write_cell(form, other, column, format, &mut rendered)?;
            rendered
                .strip_prefix(b"\"")
                .and_then(|text| text.strip_suffix(b"\""))
                .unwrap_or(&rendered)
        }
    };
    change.write(text, out);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_numbers_are_array_indexes() {
        assert_eq!(array_index("0"), Some(0));
        assert_eq!(array_index("4294967294"), Some(4_294_967_294));
        for name in ["4294967295", "01", "+1", "-1", "1.0", "", "a"] {
            assert_eq!(array_index(name), None, "{name}");
        }
    }
}
