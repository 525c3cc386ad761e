//! What a caller of `queryJson` wants changed on the way: comma-joined text split into arrays, prefixes, numbers.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
};

use serde::Deserialize;

use crate::error::{Error, Kind, Result};

/// The changes by column name, with a number by which compiled plans remember them.
#[derive(Debug)]
pub struct Shape {
    id: u64,
    columns: HashMap<String, Change>,
}

/// The change of one column. NULL stays null, but under `split` it is an empty array.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The separator of a joined text that becomes an array of strings.
    #[serde(default)]
    pub split: Option<String>,
    /// Put in front of the text, or of each part of a split one.
    #[serde(default)]
    pub prefix: String,
    /// Read the text, such as a DECIMAL's, as a number.
    #[serde(default)]
    pub number: bool,
}

static NEXT: AtomicU64 = AtomicU64::new(1);

impl Shape {
    /// Reads a shape that `lib/shape.js` has checked.
    pub fn from_json(json: &str) -> Result<Shape> {
        let columns = serde_json::from_str(json)
            .map_err(|error| Error::new(Kind::Parameters, format!("shape: {error}")))?;
        Ok(Shape {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            columns,
        })
    }

    pub fn id(&self) -> u64 {
        self.id
    }

    pub fn change(&self, column: &str) -> Option<&Change> {
        self.columns.get(column)
    }
}
