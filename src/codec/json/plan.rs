//! How to write the rows of a set of columns, compiled once: the bytes between the values, in order.

use std::sync::{Arc, atomic::AtomicUsize};

use crate::{
    error::Result,
    wire::{Cell, Column, Columns, Row},
};

use super::super::{
    cast,
    change::{Change, Scratch},
    format::{Form, Format},
    layout::{Layout, Node, Object},
    shape::Shape,
    string,
    value::write_cell,
};

pub struct Plan {
    columns: Columns,
    cells: Vec<CellPlan>,
    /// Set when the values are not written in the order in which they come.
    steps: Option<Vec<Step>>,
    /// Behind the last value of a row.
    close: Box<[u8]>,
    /// The bytes of the last result, as a guess for the next one.
    pub last: AtomicUsize,
}

struct CellPlan {
    /// What stands in front of the value, a brace or comma, the escaped name and a colon; empty where there are steps.
    before: Box<[u8]>,
    form: Form,
    change: Option<Change>,
    is_omitted: bool,
}

/// A piece of a row.
enum Step {
    Bytes(Box<[u8]>),
    Cell(usize),
    /// Bytes, then null if all of these cells are, and on with the step at `next`.
    UnlessNull {
        before: Box<[u8]>,
        cells: Box<[usize]>,
        next: usize,
    },
}

/// The cells of a row that are not written as they come.
#[derive(Default)]
pub struct Cells {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    nulls: Vec<bool>,
    scratch: Scratch,
}

impl Plan {
    pub fn new(columns: Columns, format: &Format, shape: Option<&Shape>) -> Result<Arc<Plan>> {
        let layout = Layout::new(&columns, shape)?;
        let mut writer = Writer::default();
        match &layout {
            Layout::Array(cells) => writer.array(cells),
            Layout::Object(object) => writer.object(object),
        }
        let Writer { steps, pending } = writer;
        let mut befores = direct(&steps, columns.len());
        let is_direct = befores.is_some();
        let cells = columns
            .iter()
            .enumerate()
            .map(|(index, column)| {
                let (form, change) = cast::plan(column, format, shape)?;
                let before = befores.as_mut().and_then(|befores| befores.get_mut(index));
                Ok(CellPlan {
                    before: before.map(std::mem::take).unwrap_or_default(),
                    form,
                    change,
                    is_omitted: shape
                        .and_then(|shape| shape.column(&column.name))
                        .is_some_and(|wishes| wishes.omit),
                })
            })
            .collect::<Result<_>>()?;
        Ok(Arc::new(Plan {
            columns,
            cells,
            steps: (!is_direct).then_some(steps),
            close: pending.into(),
            last: AtomicUsize::new(0),
        }))
    }

    /// Writes one row.
    #[inline(always)]
    pub fn write(
        &self,
        mut row: Row<'_>,
        format: &Format,
        rest: &mut Cells,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        if let Some(steps) = &self.steps {
            rest.rearrange(row, self, steps, format, out)?;
        } else {
            for (index, (cell, column)) in self.cells.iter().zip(self.columns.iter()).enumerate() {
                out.extend_from_slice(&cell.before);
                let value = row.cell(index, column)?;
                match &cell.change {
                    None => write_cell(cell.form, value, column, format, out)?,
                    Some(change) => {
                        let form = cell.form;
                        write_changed(change, form, value, column, format, &mut rest.scratch, out)?;
                    }
                }
            }
        }
        match &*self.close {
            // As good as always; a call that copies one byte takes longer than the byte.
            &[brace] => out.push(brace),
            close => out.extend_from_slice(close),
        }
        Ok(())
    }
}

/// Apart, so that the loop over cells that nobody changes has the registers for itself.
#[inline(never)]
fn write_changed(
    change: &Change,
    form: Form,
    cell: Cell<'_>,
    column: &Column,
    format: &Format,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) -> Result<()> {
    let changed = change.convert(cell, column, format, scratch)?;
    write_cell(form, changed, column, format, out)
}

/// What stands in front of each value, if all of them are written in their order.
fn direct(steps: &[Step], columns: usize) -> Option<Vec<Box<[u8]>>> {
    let pairs = steps.chunks(2).enumerate().map(|(index, pair)| match pair {
        [Step::Bytes(before), Step::Cell(cell)] if *cell == index => Some(before.clone()),
        _ => None,
    });
    let befores = pairs.collect::<Option<Vec<_>>>()?;
    (befores.len() == columns).then_some(befores)
}

#[derive(Default)]
struct Writer {
    steps: Vec<Step>,
    /// Bytes that are in no step yet.
    pending: Vec<u8>,
}

impl Writer {
    fn array(&mut self, cells: &[usize]) {
        self.pending.push(b'[');
        for (at, &cell) in cells.iter().enumerate() {
            if at > 0 {
                self.pending.push(b',');
            }
            self.cell(cell);
        }
        self.pending.push(b']');
    }

    fn object(&mut self, object: &Object) {
        self.pending.push(b'{');
        for (at, member) in object.members.iter().enumerate() {
            if at > 0 {
                self.pending.push(b',');
            }
            string::write_json_string(member.name.as_bytes(), &mut self.pending);
            self.pending.push(b':');
            match &member.node {
                Node::Cell(cell) => self.cell(*cell),
                Node::Object(nested) if nested.is_nullable => self.nullable(nested),
                Node::Object(nested) => self.object(nested),
            }
        }
        self.pending.push(b'}');
    }

    fn nullable(&mut self, object: &Object) {
        let at = self.steps.len();
        let before = std::mem::take(&mut self.pending).into();
        // Its place is held, and taken when it is known where it ends.
        self.steps.push(Step::Bytes(Box::default()));
        self.object(object);
        self.flush();
        let step = Step::UnlessNull {
            before,
            cells: object.cells().into(),
            next: self.steps.len(),
        };
        if let Some(place) = self.steps.get_mut(at) {
            *place = step;
        }
    }

    fn cell(&mut self, index: usize) {
        self.flush();
        self.steps.push(Step::Cell(index));
    }

    fn flush(&mut self) {
        let bytes = std::mem::take(&mut self.pending);
        self.steps.push(Step::Bytes(bytes.into()));
    }
}

impl Cells {
    /// Apart, as `write_changed` is.
    #[inline(never)]
    fn rearrange(
        &mut self,
        mut row: Row<'_>,
        plan: &Plan,
        steps: &[Step],
        format: &Format,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        self.read(&mut row, plan, format)?;
        self.write(steps, out);
        Ok(())
    }

    fn read(&mut self, row: &mut Row<'_>, plan: &Plan, format: &Format) -> Result<()> {
        self.bytes.clear();
        self.ends.clear();
        self.nulls.clear();
        for (index, (cell, column)) in plan.cells.iter().zip(plan.columns.iter()).enumerate() {
            let mut value = row.cell(index, column)?;
            let mut is_null = value == Cell::Null;
            if cell.is_omitted {
                // Read, because the next one lies behind it.
            } else if let Some(change) = &cell.change {
                value = change.convert(value, column, format, &mut self.scratch)?;
                is_null |= value == Cell::Null;
                write_cell(cell.form, value, column, format, &mut self.bytes)?;
            } else {
                write_cell(cell.form, value, column, format, &mut self.bytes)?;
            }
            self.ends.push(self.bytes.len());
            self.nulls.push(is_null);
        }
        Ok(())
    }

    fn write(&self, steps: &[Step], out: &mut Vec<u8>) {
        let mut at = 0;
        while let Some(step) = steps.get(at) {
            at += 1;
            match step {
                Step::Bytes(bytes) => out.extend_from_slice(bytes),
                Step::Cell(index) => out.extend_from_slice(self.cell(*index)),
                Step::UnlessNull {
                    before,
                    cells,
                    next,
                } => {
                    out.extend_from_slice(before);
                    let is_null = |cell: &usize| self.nulls.get(*cell).copied().unwrap_or(true);
                    if cells.iter().all(is_null) {
                        out.extend_from_slice(b"null");
                        at = *next;
                    }
                }
            }
        }
    }

    fn cell(&self, index: usize) -> &[u8] {
        let start = index
            .checked_sub(1)
            .and_then(|before| self.ends.get(before))
            .copied()
            .unwrap_or(0);
        let end = self.ends.get(index).copied().unwrap_or(start);
        self.bytes.get(start..end).unwrap_or_default()
    }
}
