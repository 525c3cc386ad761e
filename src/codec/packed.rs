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
//! | `o` | a word, 0 or 1, a boolean |
//! | `s` `j` `a` `g` | a word: where the text ends, times two, plus one in the wide text; `j` is JSON, `a` JSON of an array that NULL is an empty one of, `g` the digits of a BigInt |
//! | `b` | a word: where the bytes end among the segment's bytes |
//! | `r` | as `b`, the bytes that a cell before came as |
//! | `m` `w` | a word 0 and a double, or a word 1 and a word as for `s`; of `w` the double is a date |
//!
//! Text that Latin-1 can write goes to the segment's narrow text, the rest to its wide text, so that one emoji does not
//! double the memory of all its neighbours. JavaScript makes one string of each and cuts cells out of them.
//!
//! A segment is: eight words (rows, doubles, words, bytes of narrow text, bytes of wide text, bytes, whether the narrow
//! text is apart, whether the wide one is), the doubles, the words, the wide text in UTF-16, the narrow text in Latin-1, the bytes; its
//! length is a multiple of 8. A long text is kept apart, so that it can become a string without a copy. Segments are
//! small because a substring keeps the whole string it was cut from alive.

use std::sync::Arc;

use crate::{
    error::{Error, Kind, Result},
    wire::{Cell, Columns, Memo, Row, RowSink},
};

use super::{
    change::Scratch,
    format::{Form, Format},
    shape::Shape,
};

mod plan;
mod segment;

use plan::{Plan, Treatment};
pub use plan::{RowShape, RowShapes};
use segment::Segment;

/// A segment is closed when it has this many bytes.
const SEGMENT: usize = 96 * 1024;
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

/// Collects the rows of one result.
pub struct PackedRows<'a> {
    format: &'a Format,
    wishes: Option<&'a Shape>,
    shapes: &'a RowShapes,
    plan: Option<Arc<Plan>>,
    scratch: Scratch,
    /// Why these rows can not be given as the caller wants them. What is left of them is read and dropped, so that the
    /// connection can go on.
    failed: Option<Box<Error>>,
    /// Stop keeping rows after this many; the rest is read and dropped.
    limit: usize,
    segment: Segment,
    segments: Vec<Packet>,
    /// The memory of `segments`.
    size: usize,
    rows: usize,
    /// How many segments may keep their text apart.
    segments_apart: usize,
}

impl<'a> PackedRows<'a> {
    pub fn new(
        format: &'a Format,
        wishes: Option<&'a Shape>,
        shapes: &'a RowShapes,
        limit: usize,
    ) -> PackedRows<'a> {
        PackedRows {
            format: wishes.and_then(Shape::format).unwrap_or(format),
            wishes,
            shapes,
            plan: None,
            scratch: Scratch::default(),
            failed: None,
            limit,
            segment: Segment::default(),
            segments: Vec::new(),
            size: 0,
            rows: 0,
            segments_apart: SEGMENTS_APART,
        }
    }

    /// The same with every segment in one piece.
    pub fn whole(mut self) -> Self {
        self.segments_apart = 0;
        self
    }

    /// Whether all rows could be given as the caller wants them.
    pub fn check(&mut self) -> Result<()> {
        self.failed.take().map_or(Ok(()), |error| Err(*error))
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

    /// The shape of the rows that follow, as a result without any.
    pub fn head(&self) -> Option<Packed> {
        Some(Packed {
            shape: self.plan.as_ref()?.shape.clone(),
            segments: Vec::new(),
            rows: 0,
        })
    }

    /// The memory of finished segments.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The rows, or `None` if the statement had no result.
    pub fn finish(mut self) -> Result<Option<Packed>> {
        if let Some(error) = self.failed {
            return Err(*error);
        }
        let Some(plan) = self.plan else {
            return Ok(None);
        };
        if self.segment.rows > 0 {
            let packet = self
                .segment
                .close(self.segments.len() < self.segments_apart);
            self.segments.push(packet);
        }
        Ok(Some(Packed {
            shape: plan.shape.clone(),
            segments: self.segments,
            rows: self.rows,
        }))
    }
}

impl RowSink for PackedRows<'_> {
    fn begin(&mut self, columns: &Columns, memo: &mut Memo) -> Result<()> {
        // JSON has the even numbers.
        let key = self.wishes.map_or(0, Shape::id) << 1 | 1;
        let compile = || Plan::new(columns.clone(), self.format, self.wishes, self.shapes);
        match memo.get_or_try_insert(key, compile) {
            Ok(plan) => self.plan = Some(plan),
            Err(error) => self.failed = Some(error.into()),
        }
        Ok(())
    }

    fn row(&mut self, row: Row<'_>) -> Result<()> {
        let Some(plan) = &self.plan else {
            return Ok(());
        };
        if self.rows >= self.limit {
            return Ok(());
        }
        let pushed = match &plan.changes {
            None if plan.is_wire => push_wire(&mut self.segment, plan, row, self.format),
            None => push(&mut self.segment, plan, row, self.format),
            Some(changes) => {
                let scratch = &mut self.scratch;
                push_changed(&mut self.segment, plan, changes, row, self.format, scratch)
            }
        };
        if let Err(error) = pushed {
            return self.fail(error);
        }
        self.segment.rows += 1;
        self.rows += 1;
        if self.segment.len() >= SEGMENT {
            let packet = self
                .segment
                .close(self.segments.len() < self.segments_apart);
            self.size += packet.size();
            self.segments.push(packet);
        }
        Ok(())
    }
}

impl PackedRows<'_> {
    /// As in `JsonRows`.
    #[cold]
    fn fail(&mut self, error: Error) -> Result<()> {
        if !matches!(error.kind(), Kind::Unsupported) {
            return Err(error);
        }
        self.plan = None;
        self.segments = Vec::new();
        self.size = 0;
        self.failed = Some(error.into());
        Ok(())
    }
}

#[inline(always)]
fn push(segment: &mut Segment, plan: &Plan, mut row: Row<'_>, format: &Format) -> Result<()> {
    let nulls = segment.begin_row(plan.forms.len());
    for (index, (&form, column)) in plan.forms.iter().zip(plan.columns.iter()).enumerate() {
        let cell = row.cell(index, column)?;
        if let Cell::Null = cell {
            segment.set_null(nulls, index);
        } else {
            segment.push(form, cell, column, format)?;
        }
    }
    Ok(())
}

/// Packs the cells, and behind them the bytes that they came as.
#[inline(never)]
fn push_wire(segment: &mut Segment, plan: &Plan, mut row: Row<'_>, format: &Format) -> Result<()> {
    let count = plan.columns.len();
    let nulls = segment.begin_row(count * 2);
    let mut raw = row.clone();
    for (index, (&form, column)) in plan.forms.iter().zip(plan.columns.iter()).enumerate() {
        let cell = row.cell(index, column)?;
        if let Cell::Null = cell {
            segment.set_null(nulls, index);
        } else {
            segment.push(form, cell, column, format)?;
        }
    }
    for (index, column) in plan.columns.iter().enumerate() {
        match raw.wire(index, column)? {
            None => segment.set_null(nulls, count + index),
            Some(bytes) => segment.push(Form::Bytes, Cell::Bytes(bytes), column, format)?,
        }
    }
    Ok(())
}

#[inline(never)]
fn push_changed(
    segment: &mut Segment,
    plan: &Plan,
    changes: &[Treatment],
    mut row: Row<'_>,
    format: &Format,
    scratch: &mut Scratch,
) -> Result<()> {
    let nulls = segment.begin_row(plan.forms.len());
    let cells = plan.forms.iter().zip(plan.columns.iter()).zip(changes);
    for (index, ((&form, column), treatment)) in cells.enumerate() {
        let cell = match (treatment, row.cell(index, column)?) {
            // JavaScript knows what NULL becomes.
            (_, Cell::Null) | (Treatment::Omit, _) => Cell::Null,
            (Treatment::Keep, cell) => cell,
            (Treatment::Change(change), cell) => change.convert(cell, column, format, scratch)?,
        };
        if let Cell::Null = cell {
            segment.set_null(nulls, index);
        } else {
            segment.push(form, cell, column, format)?;
        }
    }
    Ok(())
}
