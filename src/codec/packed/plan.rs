//! How to pack the rows of a set of columns, compiled once, and what JavaScript has to know to build them.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use crate::{
    error::Result,
    wire::{Column, Columns},
};

use super::super::{
    cast,
    change::Change,
    columns::{write_columns, write_fields},
    format::{Form, Format},
    layout::Layout,
    shape::Shape,
};

/// The kind of a cell's bytes as they came.
const WIRE: u8 = b'r';

pub struct Plan {
    pub columns: Columns,
    pub forms: Vec<Form>,
    /// Set when a column is changed on the way or left out.
    pub changes: Option<Vec<Treatment>>,
    /// Whether the bytes that the cells came as are handed on behind them.
    pub is_wire: bool,
    pub shape: Arc<RowShape>,
}

/// What is done to the cells of a column.
pub enum Treatment {
    Keep,
    Omit,
    Change(Change),
}

impl Plan {
    pub fn new(
        columns: Columns,
        format: &Format,
        wishes: Option<&Shape>,
        shapes: &RowShapes,
    ) -> Result<Arc<Plan>> {
        let is_wire = wishes.is_some_and(Shape::is_wire);
        let layout = if is_wire {
            Layout::Array((0..columns.len() * 2).collect())
        } else {
            Layout::new(&columns, wishes)?
        };
        let mut forms = Vec::with_capacity(columns.len());
        let mut treatments = Vec::with_capacity(columns.len());
        for column in columns.iter() {
            let (form, change) = cast::plan(column, format, wishes)?;
            let is_omitted = wishes
                .and_then(|wishes| wishes.column(&column.name))
                .is_some_and(|wishes| wishes.omit);
            forms.push(form);
            treatments.push(match change {
                _ if is_omitted => Treatment::Omit,
                Some(change) => Treatment::Change(change),
                None => Treatment::Keep,
            });
        }
        let is_plain = treatments
            .iter()
            .all(|treatment| matches!(treatment, Treatment::Keep));
        let mut json = b"{\"kinds\":\"".to_vec();
        json.extend(
            forms
                .iter()
                .zip(columns.iter())
                .map(|(&form, column)| kind(form, column)),
        );
        if is_wire {
            json.extend(columns.iter().map(|_| WIRE));
        }
        json.extend_from_slice(b"\",\"row\":");
        layout.write_json(&mut json);
        if wishes.is_some_and(Shape::describes) {
            json.extend_from_slice(b",\"columns\":");
            write_columns(&columns, &mut json);
        }
        if wishes.is_some_and(Shape::has_fields) {
            json.extend_from_slice(b",\"fields\":");
            write_fields(&columns, &mut json);
        }
        json.push(b'}');
        Ok(Arc::new(Plan {
            shape: shapes.get(String::from_utf8_lossy(&json).into_owned()),
            changes: (!is_plain).then_some(treatments),
            is_wire,
            columns,
            forms,
        }))
    }
}

fn kind(form: Form, column: &Column) -> u8 {
    match form {
        Form::Int => b'i',
        Form::Number
        | Form::Float
        | Form::AnyFloat
        | Form::Double(_)
        | Form::DecimalNumber
        | Form::Exact => b'd',
        Form::Date | Form::DateTime => b't',
        Form::DateOrText | Form::DateTimeOrText(_) => b'w',
        Form::BigInt if column.is_unsigned() => b'u',
        Form::BigInt => b'n',
        Form::ExactNumber | Form::NumberOrPadded { .. } | Form::DecimalOrText { .. } => b'm',
        Form::Text | Form::IntText | Form::DateText | Form::DateTimeText(_) | Form::TimeText(_) => {
            b's'
        }
        Form::Json | Form::Raw | Form::Geometry | Form::Vector => b'j',
        Form::JsonArray => b'a',
        Form::Digits => b'g',
        Form::Boolean => b'o',
        Form::Bytes => b'b',
    }
}

/// The kinds of a set of columns and where their values stand; JavaScript keeps one builder for each.
#[derive(Debug)]
pub struct RowShape {
    pub id: u32,
    /// `{"kinds":"…","row":…}`, and `"columns"` for a caller who wants to know them.
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
    /// The shape of this description.
    pub fn get(&self, json: String) -> Arc<RowShape> {
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
