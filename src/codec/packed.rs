//! Rows for objects: numbers and strings packed so that JavaScript builds each object in one expression.
//!
//! A result is a list of segments, each with whole rows and readable by itself. Per row it holds one word of NULL
//! bits for every 32 columns and then one entry a cell, in order, NULLs left out:
//!
//! | kind | entry |
//! |-|-|
//! | `i` | a word, the integer |
//! | `d` `t` | a double; of a date its milliseconds, NaN when invalid |
//! | `n` `u` | 64 bits among the doubles, a BigInt, signed or not |
//! | `s` `j` | a word: where the text ends, times two, plus one in the wide text; `j` is JSON |
//! | `b` | a word: where the bytes end among the segment's bytes |
//! | `m` | a word 0 and a double, or a word 1 and a word as for `s` |
//!
//! Text that Latin-1 can write goes to the segment's narrow text, the rest to its wide text, so that one emoji does not
//! double the memory of all its neighbours. JavaScript makes one string of each and cuts cells out of them.
//!
//! A segment is: eight words (rows, doubles, words, bytes of narrow text, bytes of wide text, bytes, whether the narrow
//! text is apart, whether the wide one is), the doubles, the words, the wide text in UTF-16, the narrow text in Latin-1, the bytes; its
//! length is a multiple of 8. A long text is kept apart, so that it can become a string without a copy. Segments are
//! small because a substring keeps the whole string it was cut from alive.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use crate::{
    error::Result,
    wire::{Cell, Column, Columns, Memo, Row, RowSink},
};

use super::{
    buffers, date,
    format::{Form, Format},
    geometry,
    json::{MAX_SAFE, mismatch, write_integer_text, write_vector},
    number, string,
};

/// A segment is closed when it has this many bytes.
const SEGMENT: usize = 96 * 1024;
/// ASCII text from this length on is kept apart: below, a copy costs less than a string with a finaliser.
const TEXT_APART: usize = 16 * 1024;
/// Room for the text of a segment.
const TEXT: usize = 128 * 1024;
/// Only the first segments of a result keep their text apart. The rows of longer results outlive the collector's young
/// generation, and then memory outside of the heap, which it hardly counts, would pile up until a full collection.
const SEGMENTS_APART: usize = 4;
pub const HEADER_WORDS: usize = 8;

/// A finished result.
pub struct Packed {
    pub shape: Arc<RowShape>,
    pub segments: Vec<Packet>,
    pub rows: usize,
}

/// One segment: its bytes, and its text where that is apart.
#[derive(Default)]
pub struct Packet {
    pub bytes: Vec<u8>,
    pub text: Option<Vec<u8>>,
    pub wide: Option<Vec<u16>>,
}

impl Packet {
    /// The memory it holds.
    pub fn size(&self) -> usize {
        self.bytes.capacity()
            + self.text.as_ref().map_or(0, Vec::capacity)
            + self.wide.as_ref().map_or(0, |wide| wide.capacity() * 2)
    }
}

/// The names and kinds of a set of columns; JavaScript keeps one builder for each.
#[derive(Debug)]
pub struct RowShape {
    pub id: u32,
    /// `{"names":[…],"kinds":"…"}`
    pub json: String,
}

/// The shapes of a pool. The same columns get the same shape on every connection.
#[derive(Debug, Default)]
pub struct RowShapes {
    /// Guards the map; taken when a statement is prepared or its columns change, never per call.
    known: Mutex<HashMap<String, Arc<RowShape>>>,
}

static NEXT_SHAPE: AtomicU32 = AtomicU32::new(1);

/// Past this many shapes the map starts anew; a shape made again gets a new number, so nothing is mixed up.
const MAX_SHAPES: usize = 4096;

impl RowShapes {
    fn get(&self, json: String) -> Arc<RowShape> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shape) = known.get(&json) {
            return shape.clone();
        }
        if known.len() >= MAX_SHAPES {
            known.clear();
        }
        // Unique in the process, because the pools of a thread share its builders.
        let id = NEXT_SHAPE.fetch_add(1, Ordering::Relaxed);
        let shape = Arc::new(RowShape {
            id,
            json: json.clone(),
        });
        known.insert(json, shape.clone());
        shape
    }
}

/// Collects the rows of one result.
pub struct PackedRows<'a> {
    format: &'a Format,
    shapes: &'a RowShapes,
    plan: Option<Arc<Plan>>,
    /// Stop keeping rows after this many; the rest is read and dropped.
    limit: usize,
    segment: Segment,
    segments: Vec<Packet>,
    /// The memory of `segments`.
    size: usize,
    rows: usize,
}

struct Plan {
    columns: Columns,
    forms: Vec<Form>,
    shape: Arc<RowShape>,
}

#[derive(Default)]
struct Segment {
    rows: u32,
    doubles: Vec<u64>,
    words: Vec<u32>,
    /// Latin-1.
    narrow: Vec<u8>,
    /// UTF-16.
    wide: Vec<u16>,
    bytes: Vec<u8>,
}

impl<'a> PackedRows<'a> {
    pub fn new(format: &'a Format, shapes: &'a RowShapes, limit: usize) -> PackedRows<'a> {
        PackedRows {
            format,
            shapes,
            plan: None,
            limit,
            segment: Segment::default(),
            segments: Vec::new(),
            size: 0,
            rows: 0,
        }
    }

    /// The bytes that can be taken.
    pub fn pending(&self) -> usize {
        self.size + self.segment.len()
    }

    /// Takes the rows so far, so that the next ones make a result of their own.
    pub fn take(&mut self) -> Option<Packed> {
        let plan = self.plan.as_ref()?;
        if self.segment.rows > 0 {
            // Rows that pass by die young, but not so young that memory outside of the heap is given back in time.
            self.segments.push(self.segment.close(false));
        }
        let rows = std::mem::take(&mut self.rows);
        self.size = 0;
        (rows > 0).then(|| Packed {
            shape: plan.shape.clone(),
            segments: std::mem::take(&mut self.segments),
            rows,
        })
    }

    /// The memory of finished segments.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The rows, or `None` if the statement had no result.
    pub fn finish(mut self) -> Option<Packed> {
        let plan = self.plan?;
        if self.segment.rows > 0 {
            let packet = self.segment.close(self.segments.len() < SEGMENTS_APART);
            self.segments.push(packet);
        }
        Some(Packed {
            shape: plan.shape.clone(),
            segments: self.segments,
            rows: self.rows,
        })
    }
}

impl RowSink for PackedRows<'_> {
    fn begin(&mut self, columns: &Columns, memo: &mut Memo) -> Result<()> {
        let (format, shapes) = (self.format, self.shapes);
        self.plan =
            Some(memo.get_or_insert(1, || Arc::new(Plan::new(columns.clone(), format, shapes))));
        Ok(())
    }

    fn row(&mut self, mut row: Row<'_>) -> Result<()> {
        let Some(plan) = &self.plan else {
            return Ok(());
        };
        if self.rows >= self.limit {
            return Ok(());
        }
        let nulls = self.segment.words.len();
        self.segment
            .words
            .resize(nulls + plan.forms.len().div_ceil(32), 0);
        for (index, (&form, column)) in plan.forms.iter().zip(plan.columns.iter()).enumerate() {
            let cell = row.cell(index, column)?;
            if let Cell::Null = cell {
                if let Some(word) = self.segment.words.get_mut(nulls + index / 32) {
                    *word |= 1 << (index % 32);
                }
            } else {
                self.segment.push(form, cell, column, self.format)?;
            }
        }
        self.segment.rows += 1;
        self.rows += 1;
        if self.segment.len() >= SEGMENT {
            let packet = self.segment.close(self.segments.len() < SEGMENTS_APART);
            self.size += packet.size();
            self.segments.push(packet);
        }
        Ok(())
    }
}

impl Plan {
    fn new(columns: Columns, format: &Format, shapes: &RowShapes) -> Plan {
        let forms: Vec<Form> = columns.iter().map(|column| format.form(column)).collect();
        let mut json = b"{\"names\":[".to_vec();
        for (index, column) in columns.iter().enumerate() {
            if index > 0 {
                json.push(b',');
            }
            string::write_json_string(column.name.as_bytes(), &mut json);
        }
        json.extend_from_slice(b"],\"kinds\":\"");
        json.extend(
            forms
                .iter()
                .zip(columns.iter())
                .map(|(&form, column)| kind(form, column)),
        );
        json.extend_from_slice(b"\"}");
        let shape = shapes.get(String::from_utf8_lossy(&json).into_owned());
        Plan {
            columns,
            forms,
            shape,
        }
    }
}

fn kind(form: Form, column: &Column) -> u8 {
    match form {
        Form::Int => b'i',
        Form::Number | Form::Float | Form::Double(_) | Form::DecimalNumber => b'd',
        Form::Date | Form::DateTime => b't',
        Form::BigInt if column.is_unsigned() => b'u',
        Form::BigInt => b'n',
        Form::ExactNumber => b'm',
        Form::Text | Form::IntText | Form::DateText | Form::DateTimeText(_) | Form::TimeText(_) => {
            b's'
        }
        Form::Json | Form::Geometry | Form::Vector => b'j',
        Form::Bytes => b'b',
    }
}

impl Segment {
    fn len(&self) -> usize {
        self.doubles.len() * 8
            + self.words.len() * 4
            + self.narrow.len()
            + self.wide.len() * 2
            + self.bytes.len()
    }

    #[inline]
    fn push(&mut self, form: Form, cell: Cell<'_>, column: &Column, format: &Format) -> Result<()> {
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
            (Form::Double(decimals), Cell::Double(value)) => {
                self.double(number::double_as_text_reads(value, decimals));
            }
            (Form::DecimalNumber, Cell::Bytes(bytes)) => self.double(number::decimal_to_f64(bytes)),
            (Form::Date, Cell::Date(parts)) => {
                self.double(format.zone.date_ms(parts.year, parts.month, parts.day));
            }
            (Form::DateTime, Cell::Date(parts)) => self.double(format.zone.datetime_ms(&parts)),
            (Form::DateText, Cell::Date(parts)) => {
                self.ascii(|out| date::write_date(parts.year, parts.month, parts.day, out));
            }
            (Form::DateTimeText(decimals), Cell::Date(parts)) => {
                self.ascii(|out| date::write_datetime(&parts, decimals, out));
            }
            (Form::TimeText(decimals), Cell::Time(parts)) => {
                self.ascii(|out| date::write_time(&parts, decimals, out));
            }
            (Form::Json, Cell::Bytes(bytes)) => self.text(bytes),
            (Form::Geometry, Cell::Bytes(bytes)) => {
                self.ascii(|out| geometry::write_geometry_json(bytes, true, out));
            }
            (Form::Vector, Cell::Bytes(bytes)) => self.ascii(|out| write_vector(bytes, out)),
            (Form::Bytes, Cell::Bytes(bytes)) => {
                self.bytes.extend_from_slice(bytes);
                self.words.push(self.bytes.len() as u32);
            }
            (form, _) => return Err(mismatch(form, column)),
        }
        Ok(())
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
    fn close(&mut self, may_part: bool) -> Packet {
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
