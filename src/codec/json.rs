//! Rows as JSON, written while they arrive: the bytes equal `JSON.stringify(rows)` of mysql2's rows.

use std::sync::{Arc, atomic::Ordering};

use crate::{
    error::{Error, Kind, Result},
    wire::{Columns, Memo, Row, RowSink},
};

use super::{buffers, format::Format, shape::Shape};

mod plan;

use plan::{Cells, Plan};

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
    /// Stop keeping rows after this many; the rest is read and dropped.
    limit: usize,
    /// The rows that have been taken.
    taken: usize,
    framing: Framing,
    cells: Cells,
    /// Why these rows can not be written as the caller wants them. What is left of them is read and dropped, so that
    /// the connection can go on.
    failed: Option<Box<Error>>,
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

impl<'a> JsonRows<'a> {
    pub fn new(format: &'a Format, shape: Option<&'a Shape>, capacity: usize) -> JsonRows<'a> {
        JsonRows {
            format,
            shape,
            plan: None,
            out: Vec::with_capacity(capacity),
            rows: 0,
            limit: usize::MAX,
            taken: 0,
            framing: Framing::Array,
            cells: Cells::default(),
            failed: None,
        }
    }

    /// Puts bytes in front of the array, for a caller that wraps it.
    pub fn with_head(mut self, head: &[u8]) -> JsonRows<'a> {
        self.out.extend_from_slice(head);
        self
    }

    /// At most this many rows.
    pub fn with_limit(mut self, limit: usize) -> JsonRows<'a> {
        self.limit = limit;
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
    pub fn close(&mut self) -> Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(*error);
        }
        if self.plan.is_some() {
            self.out.extend_from_slice(self.framing.after(self.rows));
        }
        Ok(())
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
    pub fn finish(mut self) -> Result<Option<Vec<u8>>> {
        if let Some(error) = self.failed {
            return Err(*error);
        }
        let Some(plan) = self.plan.take() else {
            return Ok(None);
        };
        self.out.extend_from_slice(self.framing.after(self.rows));
        if self.out.len() >= TRIMMED {
            self.out.shrink_to_fit();
        }
        // Only a guess for the next call; nothing is ordered by it.
        plan.last.store(self.out.len(), Ordering::Relaxed);
        Ok(Some(self.out))
    }
}

impl RowSink for JsonRows<'_> {
    fn begin(&mut self, columns: &Columns, memo: &mut Memo) -> Result<()> {
        // Objects have the odd numbers.
        let key = self.shape.map_or(0, Shape::id) << 1;
        let (format, shape) = (self.format, self.shape);
        let plan = match memo.get_or_try_insert(key, || Plan::new(columns.clone(), format, shape)) {
            Ok(plan) => plan,
            Err(error) => {
                self.failed = Some(error.into());
                return Ok(());
            }
        };
        let last = plan.last.load(Ordering::Relaxed).min(GUESSED);
        if last > LARGE && self.out.capacity() < last {
            let mut larger = buffers::take(last + last / 16 + SPARE);
            larger.extend_from_slice(&self.out);
            self.out = larger;
        }
        self.plan = Some(plan);
        Ok(())
    }

    fn row(&mut self, row: Row<'_>) -> Result<()> {
        let Some(plan) = &self.plan else {
            return Ok(());
        };
        if self.rows >= self.limit {
            return Ok(());
        }
        self.out.extend_from_slice(self.framing.before(self.rows));
        self.rows += 1;
        if let Err(error) = plan.write(row, self.format, &mut self.cells, &mut self.out) {
            return self.fail(error);
        }
        if self.out.len() > LARGE && self.out.capacity() - self.out.len() < SPARE {
            self.grow();
        }
        Ok(())
    }
}

impl JsonRows<'_> {
    /// A value that can not be written is nobody's fault but its own; after any other error the server is not
    /// understood any more.
    #[cold]
    fn fail(&mut self, error: Error) -> Result<()> {
        if !matches!(error.kind(), Kind::Unsupported) {
            return Err(error);
        }
        self.plan = None;
        self.out = Vec::new();
        self.failed = Some(error.into());
        Ok(())
    }

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
