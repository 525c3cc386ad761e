//! A result that is kept: its bytes, what it depends on, and for how long it is good.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    call::Answer,
    codec::{
        buffers,
        packed::{Packed, RowShape},
    },
};

use super::{epochs::Stamp, memory::Token};

/// JSON of at least this many bytes is lent to JavaScript; below, a copy costs less than a Buffer's own memory and
/// finaliser. What is kept would be in memory twice, for as long as it is kept.
pub const LENT: usize = 4 * 1024;

/// What an entry takes beside its bytes: its place in the list, the stamp, and most of all what JavaScript keeps for it,
/// measured as the growth of a process by 65,536 small results, of JSON and of rows.
const JSON_OVERHEAD: usize = 3 * 1024;
const ROWS_OVERHEAD: usize = 5 * 1024;

/// What is kept, by the memory that it takes.
pub trait Weigh {
    /// In bytes, JavaScript's part included.
    fn weight(&self) -> usize;
}

/// A result in the form that callers want.
#[derive(Debug, Clone)]
pub enum Value {
    Json { bytes: Arc<Vec<u8>>, rows: usize },
    Rows(Arc<Rows>),
}

/// Packed rows, each segment in one piece.
#[derive(Debug)]
pub struct Rows {
    pub shape: Arc<RowShape>,
    pub segments: Vec<Vec<u8>>,
    pub rows: usize,
}

impl Value {
    /// The answer of a statement as a value; the answer back if it is none that can be kept.
    pub fn of(answer: Answer) -> Result<Value, Answer> {
        match answer {
            Answer::Json { bytes, rows } => Ok(Value::Json {
                bytes: Arc::new(bytes),
                rows,
            }),
            Answer::Rows(Packed {
                shape,
                segments,
                rows,
            }) => {
                // The sink was asked for whole segments.
                let segments = segments.into_iter().map(|packet| packet.bytes).collect();
                Ok(Value::Rows(Arc::new(Rows {
                    shape,
                    segments,
                    rows,
                })))
            }
            other => Err(other),
        }
    }

    /// The value in memory of its own size, to be kept for long. What it was written in goes round.
    pub fn compact(self) -> Value {
        match self {
            Value::Json { bytes, rows } => Value::Json {
                bytes: Arc::new(exact(Arc::unwrap_or_clone(bytes))),
                rows,
            },
            Value::Rows(rows) => match Arc::try_unwrap(rows) {
                Ok(rows) => Value::Rows(Arc::new(Rows {
                    segments: rows.segments.into_iter().map(exact).collect(),
                    ..rows
                })),
                Err(shared) => Value::Rows(shared),
            },
        }
    }

    pub fn rows(&self) -> usize {
        match self {
            Value::Json { rows, .. } => *rows,
            Value::Rows(rows) => rows.rows,
        }
    }

    pub fn size(&self) -> usize {
        match self {
            Value::Json { bytes, .. } => bytes.len(),
            Value::Rows(rows) => rows.segments.iter().map(Vec::len).sum(),
        }
    }
}

impl Weigh for Value {
    /// JavaScript has a copy of all but JSON that is lent.
    fn weight(&self) -> usize {
        let size = self.size();
        match self {
            Value::Json { .. } if size >= LENT => JSON_OVERHEAD + size,
            Value::Json { .. } => JSON_OVERHEAD + size * 2,
            Value::Rows(_) => ROWS_OVERHEAD + size * 2,
        }
    }
}

fn exact(bytes: Vec<u8>) -> Vec<u8> {
    if bytes.capacity() == bytes.len() {
        return bytes;
    }
    let copy = bytes.as_slice().to_vec();
    buffers::give(bytes);
    copy
}

/// When a value is what.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// When its statement was about to be sent.
    pub read: Instant,
    /// How long it took to be had, which is what refreshing it early is weighed against.
    pub took: Duration,
    /// Until then it is fresh,
    pub fresh: Instant,
    /// until then it may be given while another is on its way,
    pub stale: Instant,
    /// and until then if no other can be had.
    pub grace: Instant,
}

impl Times {
    /// Of a value that is given once.
    pub fn never(read: Instant) -> Times {
        Times {
            read,
            took: Duration::ZERO,
            fresh: read,
            stale: read,
            grace: read,
        }
    }
}

/// A result and what is known of it.
#[derive(Debug)]
pub struct Entry<V = Value> {
    pub value: V,
    pub stamp: Stamp,
    pub times: Times,
    /// Whose figures it belongs to.
    pub prefix: u32,
    /// By which JavaScript knows whether it is still kept; `None` if it never was.
    pub token: Option<Token>,
}
