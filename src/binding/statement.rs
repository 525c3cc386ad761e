//! Statements and shapes as JavaScript holds them: opaque, freed by the garbage collector.

use std::sync::Arc;

use napi::{Error, Result, Status};
use napi_derive::napi;

use crate::{codec::shape::Shape, sql::Placeholders, statement::Statement};

/// A statement's text, analysed once; `lib/statements.js` keeps one for each text in use.
#[napi]
pub struct NativeStatement {
    inner: Arc<Statement>,
}

#[napi]
impl NativeStatement {
    /// Finds the placeholders of `sql`: `?`, or `:name` when `named`. Throws when the two are mixed.
    #[napi(constructor, catch_unwind)]
    pub fn new(sql: String, named: bool) -> Result<NativeStatement> {
        let style = if named {
            Placeholders::Named
        } else {
            Placeholders::Positional
        };
        let inner = Statement::parse(&sql, style)
            .map_err(|error| Error::new(Status::InvalidArg, error.to_string()))?;
        Ok(NativeStatement {
            inner: Arc::new(inner),
        })
    }

    /// How many placeholders the text has.
    #[napi(getter, catch_unwind)]
    pub fn placeholders(&self) -> u32 {
        self.inner.template().placeholders() as u32
    }

    /// The name of each placeholder in order; empty for positional ones.
    #[napi(getter, catch_unwind)]
    pub fn names(&self) -> Vec<String> {
        self.inner
            .template()
            .names()
            .iter()
            .map(|name| name.to_string())
            .collect()
    }
}

impl NativeStatement {
    pub fn inner(&self) -> Arc<Statement> {
        self.inner.clone()
    }
}

/// What `queryJson` changes on the way, checked by `lib/shape.js`.
#[napi]
pub struct NativeShape {
    inner: Arc<Shape>,
}

#[napi]
impl NativeShape {
    #[napi(constructor, catch_unwind)]
    pub fn new(json: String) -> Result<NativeShape> {
        let inner = Shape::from_json(&json)
            .map_err(|error| Error::new(Status::InvalidArg, error.message().to_owned()))?;
        Ok(NativeShape {
            inner: Arc::new(inner),
        })
    }
}

impl NativeShape {
    pub fn inner(&self) -> Arc<Shape> {
        self.inner.clone()
    }
}
