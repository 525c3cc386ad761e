//! What a caller wants of the rows beyond the pool's options: how a row is laid out, and what becomes of its values.
//!
//! Compiled once for each set of options in use. `layout` has the places of the values, `cast` their forms.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
};

use serde::Deserialize;

use crate::{
    config::Values,
    error::{Error, Kind, Result},
    wire::Column,
};

use super::format::Format;

/// The wishes of a call, with a number by which compiled plans remember them.
#[derive(Debug)]
pub struct Shape {
    id: u64,
    wishes: Wishes,
    format: Option<Format>,
}

/// What `lib/row-options.js` writes.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Wishes {
    rows: Rows,
    /// Between the two names that make a key, for `Rows::Prefixed`.
    separator: String,
    /// What parts a name into those of nested objects.
    nest: Option<String>,
    null_objects: bool,
    describes: bool,
    /// Whether the rows come with the definitions of their columns as the protocol has them.
    fields: bool,
    /// Whether a row is an array of its cells and behind them the bytes that they came as.
    wire: bool,
    /// In place of the pool's.
    values: Option<Values>,
    columns: HashMap<String, ColumnShape>,
    /// By name; `None` keeps a column from the cast of its type.
    casts: HashMap<String, Option<Cast>>,
    /// By type, in upper case, such as `TINYINT(1)` or `TINYINT`.
    type_casts: HashMap<String, Cast>,
}

/// What a row is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rows {
    /// An object by column name.
    #[default]
    Objects,
    /// An array in the order of the columns.
    Arrays,
    /// An object by table of objects by column name.
    Tables,
    /// An object by table and column name in one.
    Prefixed,
}

/// What a value is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cast {
    Boolean,
    Number,
    BigInt,
    String,
    Json,
    Raw,
    Base64,
    Hex,
    Buffer,
    Date,
}

/// The changes of one column. NULL stays null, but under `split` it is an empty array.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ColumnShape {
    #[serde(rename = "as")]
    pub name: Option<String>,
    pub omit: bool,
    /// The separator of a joined text that becomes an array of strings.
    pub split: Option<String>,
    /// Put in front of the text, or of each part of a split one.
    pub prefix: String,
    number: bool,
    boolean: bool,
    json: bool,
}

impl ColumnShape {
    /// What the text, or each part of it, is read as.
    pub fn cast(&self) -> Option<Cast> {
        match self {
            ColumnShape { number: true, .. } => Some(Cast::Number),
            ColumnShape { boolean: true, .. } => Some(Cast::Boolean),
            ColumnShape { json: true, .. } => Some(Cast::Json),
            _ => None,
        }
    }
}

/// Numbers below belong to plans without a shape.
static NEXT: AtomicU64 = AtomicU64::new(1);

impl Shape {
    /// Reads wishes that `lib/row-options.js` has checked.
    pub fn from_json(json: &str) -> Result<Shape> {
        let wishes: Wishes = serde_json::from_str(json)
            .map_err(|error| Error::new(Kind::Parameters, format!("row options: {error}")))?;
        Ok(Shape {
            format: wishes.values.as_ref().map(Format::new).transpose()?,
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            wishes,
        })
    }

    pub fn id(&self) -> u64 {
        self.id
    }

    pub fn rows(&self) -> Rows {
        self.wishes.rows
    }

    pub fn separator(&self) -> &str {
        &self.wishes.separator
    }

    pub fn nest(&self) -> Option<&str> {
        self.wishes.nest.as_deref()
    }

    /// Whether a nested object is null when all of its columns are.
    pub fn null_objects(&self) -> bool {
        self.wishes.null_objects
    }

    /// Whether the caller wants to know the columns.
    pub fn describes(&self) -> bool {
        self.wishes.describes
    }

    pub fn has_fields(&self) -> bool {
        self.wishes.fields
    }

    pub fn is_wire(&self) -> bool {
        self.wishes.wire
    }

    /// How values look, where not as the pool has it.
    pub fn format(&self) -> Option<&Format> {
        self.format.as_ref()
    }

    pub fn column(&self, name: &str) -> Option<&ColumnShape> {
        self.wishes.columns.get(name)
    }

    /// The cast that was asked for the column by its name.
    pub fn named_cast(&self, column: &Column) -> Option<Cast> {
        self.wishes.casts.get(&*column.name).copied().flatten()
    }

    /// The cast of the column: by its name, else by its type with the length, else by its type.
    pub fn cast(&self, column: &Column) -> Option<Cast> {
        if let Some(named) = self.wishes.casts.get(&*column.name) {
            return *named;
        }
        if self.wishes.type_casts.is_empty() {
            return None;
        }
        let name = column.type_name();
        let with_length = format!("{name}({})", column.length);
        let casts = &self.wishes.type_casts;
        casts.get(&with_length).or_else(|| casts.get(name)).copied()
    }
}

/// What stands around the rows of `queryJson`.
#[derive(Debug)]
pub struct Envelope {
    pub head: Box<str>,
    pub tail: Box<str>,
}
