//! Statements and shapes as JavaScript holds them: opaque, freed by the garbage collector.

use std::sync::Arc;

use napi::{Error, Result, Status};
use napi_derive::napi;

use crate::{
    codec::shape::{Envelope, Shape},
    sql::{self, Mode, Placeholders, Script},
    statement::Statement,
};

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

    /// A statement that is sent as it is, without being prepared.
    #[napi(factory, catch_unwind)]
    pub fn text(sql: String) -> Result<NativeStatement> {
        let inner = Statement::text(&sql)
            .map_err(|error| Error::new(Status::InvalidArg, error.to_string()))?;
        Ok(NativeStatement {
            inner: Arc::new(inner),
        })
    }

    /// The same without looking at the text; `literal_backslash` says how literals were written into it, if any were.
    #[napi(factory, catch_unwind)]
    pub fn opaque(sql: String, literal_backslash: Option<bool>) -> NativeStatement {
        NativeStatement {
            inner: Arc::new(Statement::opaque(&sql, literal_backslash)),
        }
    }

    /// Whether the statement may change what a text means: `sql_mode`, or anything else of the session.
    #[napi(getter, catch_unwind)]
    pub fn changes_session(&self) -> bool {
        self.inner.template().changes_session()
    }

    /// The file that it names if it is a LOAD DATA LOCAL.
    #[napi(getter, catch_unwind)]
    pub fn local_file(&self) -> Option<String> {
        sql::local_file(self.inner.template().text()).map(str::to_owned)
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

/// A script, cut into its statements one at a time.
#[napi]
pub struct NativeScript {
    inner: Script,
}

/// A statement of a script.
#[napi(object)]
pub struct NativePiece {
    pub sql: String,
    /// The line that its first word is in, from 1.
    pub line: u32,
    /// Whether `sql_mode` decides where it ends.
    pub depends_on_mode: bool,
}

#[napi]
impl NativeScript {
    #[napi(constructor, catch_unwind)]
    pub fn new(text: String) -> NativeScript {
        NativeScript {
            inner: Script::new(text),
        }
    }

    /// The next statement as `sql_mode` has it, again and again until `pass` is called; null at the end.
    #[napi(catch_unwind)]
    pub fn peek(&mut self, no_backslash_escapes: bool, ansi_quotes: bool) -> Option<NativePiece> {
        let piece = self.inner.peek(mode(no_backslash_escapes, ansi_quotes))?;
        Some(NativePiece {
            sql: piece.sql.to_owned(),
            line: u32::try_from(piece.line).unwrap_or(u32::MAX),
            depends_on_mode: piece.depends_on_mode,
        })
    }

    /// Goes on behind the statement that `peek` gave for the same modes.
    #[napi(catch_unwind)]
    pub fn pass(&mut self, no_backslash_escapes: bool, ansi_quotes: bool) {
        self.inner.pass(mode(no_backslash_escapes, ansi_quotes));
    }
}

fn mode(no_backslash_escapes: bool, ansi_quotes: bool) -> Mode {
    Mode {
        no_backslash_escapes,
        ansi_quotes,
    }
}

/// How a call wants its rows, checked by `lib/row-options.js`.
#[napi]
pub struct NativeShape {
    inner: Arc<Shape>,
    /// Of JSON alone.
    envelope: Option<Arc<Envelope>>,
}

#[napi]
impl NativeShape {
    #[napi(constructor, catch_unwind)]
    pub fn new(json: String) -> Result<NativeShape> {
        let inner = Shape::from_json(&json)
            .map_err(|error| Error::new(Status::InvalidArg, error.message().to_owned()))?;
        Ok(NativeShape {
            inner: Arc::new(inner),
            envelope: None,
        })
    }

    /// The same with text in front of the rows and behind them.
    #[napi(catch_unwind)]
    pub fn enveloped(&self, head: String, tail: String) -> NativeShape {
        NativeShape {
            inner: self.inner.clone(),
            envelope: Some(Arc::new(Envelope {
                head: head.into(),
                tail: tail.into(),
            })),
        }
    }
}

impl NativeShape {
    pub fn inner(&self) -> Arc<Shape> {
        self.inner.clone()
    }

    pub fn envelope(&self) -> Option<Arc<Envelope>> {
        self.envelope.clone()
    }
}
