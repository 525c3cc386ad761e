//! What pools and sessions have in common: arguments to calls, and the way of an answer.

use std::{sync::Arc, time::Duration};

use napi::{Error, Result, Status, bindgen_prelude::BufferSlice};

use crate::{
    call::{Answer, Call, Reader, StreamCall, StreamForm, Wanted},
    codec::{params::Params, rows::Rows},
    engine::{self, BatchCall, Claim, Page, PageCall, Total},
    error,
    flow::Flow,
    metrics::Operation,
    pool::Wake,
    statement::Statement,
};

use super::{
    completions::{Outcome, Queue},
    keyset::NativeKeyset,
    statement::{NativeShape, NativeStatement},
};

/// Rows as objects, at most `limit` of them (0: all), or what the statement did; with `keyset` one page by cursor.
#[allow(
    clippy::too_many_arguments,
    reason = "an object would cost a property lookup each on every call"
)]
pub fn rows(
    statement: &NativeStatement,
    params: BufferSlice<'_>,
    length: u32,
    limit: u32,
    execute: bool,
    shape: Option<&NativeShape>,
    keyset: Option<&NativeKeyset>,
    place: Option<BufferSlice<'_>>,
) -> Result<Call> {
    if let Some(keyset) = keyset {
        return Ok(Call {
            statement: statement.inner(),
            params: unpack(&params, length)?,
            wanted: Wanted::Page {
                limit: limit as usize,
                turn: keyset.turn(place)?,
                shape: shape.map(NativeShape::inner),
            },
            stop: None,
        });
    }
    let limit = unless_zero(limit);
    let operation = if execute {
        Operation::Execute
    } else {
        Operation::Query
    };
    Ok(Call {
        statement: statement.inner(),
        params: unpack(&params, length)?,
        wanted: Wanted::Rows {
            limit,
            operation,
            shape: shape.map(NativeShape::inner),
            is_whole: false,
        },
        stop: None,
    })
}

/// All results of a statement. Where it `unwraps`, a single one is the answer.
pub fn results(
    statement: &NativeStatement,
    params: BufferSlice<'_>,
    length: u32,
    shape: Option<&NativeShape>,
    unwraps: bool,
) -> Result<Call> {
    let operation = if unwraps {
        Operation::Execute
    } else {
        Operation::Query
    };
    Ok(Call {
        statement: statement.inner(),
        params: unpack(&params, length)?,
        wanted: Wanted::Results {
            shape: shape.map(NativeShape::inner),
            unwraps,
            operation,
        },
        stop: None,
    })
}

/// All results of a text, which is sent as it is, and along with others if it `shares`.
pub fn text(
    sql: &str,
    shape: Option<&NativeShape>,
    literal_backslash: Option<bool>,
    shares: bool,
) -> Call {
    let opaque = || Statement::opaque(sql, literal_backslash);
    let statement = if shares {
        // Refused are names among placeholders, and there are none.
        Statement::written(sql, literal_backslash).unwrap_or_else(|_| opaque())
    } else {
        opaque()
    };
    Call {
        statement: Arc::new(statement),
        params: Params::default(),
        wanted: Wanted::Results {
            shape: shape.map(NativeShape::inner),
            unwraps: true,
            operation: Operation::Query,
        },
        stop: None,
    }
}

/// Rows as JSON, at most `limit` of them (0: all).
pub fn json(
    statement: &NativeStatement,
    params: BufferSlice<'_>,
    length: u32,
    shape: Option<&NativeShape>,
    limit: u32,
) -> Result<Call> {
    Ok(Call {
        statement: statement.inner(),
        params: unpack(&params, length)?,
        wanted: Wanted::Json {
            limit: unless_zero(limit),
            shape: shape.map(NativeShape::inner),
            envelope: shape.and_then(NativeShape::envelope),
        },
        stop: None,
    })
}

/// All rows piece by piece, in one of the forms that `lib/stream.js` names.
pub fn stream(
    statement: &NativeStatement,
    params: BufferSlice<'_>,
    length: u32,
    form: u32,
    shape: Option<&NativeShape>,
) -> Result<impl FnOnce(Arc<Flow>, Arc<dyn Reader>) -> Call> {
    let shape = shape.map(NativeShape::inner);
    let form = match form {
        0 => StreamForm::Objects(shape),
        1 => StreamForm::Json(shape),
        2 => StreamForm::Lines(shape),
        3 => StreamForm::Results(shape),
        other => {
            let message = format!("{other} is no form of a stream");
            return Err(Error::new(Status::InvalidArg, message));
        }
    };
    let statement = statement.inner();
    let params = unpack(&params, length)?;
    Ok(|flow, reader| Call {
        statement,
        params,
        wanted: Wanted::Stream(StreamCall { form, flow, reader }),
        stop: None,
    })
}

/// One page and, with `count`, the number of all rows, as a whole response body.
#[allow(
    clippy::too_many_arguments,
    reason = "an object would cost a property lookup each on every call"
)]
pub fn page(
    statement: &NativeStatement,
    params: BufferSlice<'_>,
    length: u32,
    count: Option<&NativeStatement>,
    count_params: BufferSlice<'_>,
    count_length: u32,
    shape: Option<&NativeShape>,
    page: f64,
    limit: f64,
    message: String,
    known: Known<'_>,
) -> Result<PageCall> {
    let count = match count {
        Some(count) => Some((count.inner(), unpack(&count_params, count_length)?)),
        None => None,
    };
    Ok(PageCall {
        statement: statement.inner(),
        params: unpack(&params, length)?,
        count,
        shape: shape.map(NativeShape::inner),
        // Whole numbers below 2^53, checked by lib/pagination.js.
        page: Page {
            number: (page > 0.0).then_some(page as u64),
            limit: limit as u64,
            peeks: known.peeks,
            total: known.total.map(|rows| Total {
                rows: rows as u64,
                is_estimate: known.is_estimate,
            }),
        },
        turn: known
            .keyset
            .map(|keyset| keyset.turn(known.place))
            .transpose()?,
        message,
    })
}

/// What JavaScript knows of a page before its rows are read.
pub struct Known<'a> {
    /// One row more than the limit was asked for.
    pub peeks: bool,
    pub total: Option<f64>,
    pub is_estimate: bool,
    pub keyset: Option<&'a NativeKeyset>,
    /// What its cursor says.
    pub place: Option<BufferSlice<'a>>,
}

/// Rows for a statement.
pub fn batch(
    statement: &NativeStatement,
    rows: BufferSlice<'_>,
    length: u32,
    columns: u32,
    first: f64,
    timeout_ms: f64,
) -> Result<BatchCall> {
    let packed = rows.get(..length as usize).unwrap_or_default();
    Ok(BatchCall {
        statement: statement.inner(),
        rows: Rows::unpack(packed, columns as usize, first as u64).map_err(thrown)?,
        limit: (timeout_ms > 0.0).then(|| Duration::from_secs_f64(timeout_ms.min(1e12) / 1000.0)),
    })
}

fn unless_zero(limit: u32) -> usize {
    match limit {
        0 => usize::MAX,
        limit => limit as usize,
    }
}

fn unpack(params: &BufferSlice<'_>, length: u32) -> Result<Params> {
    let packed = params.get(..length as usize).unwrap_or_default();
    Params::unpack(packed).map_err(thrown)
}

/// An error that a function throws at once. `lib/errors.js` reads the JSON.
pub fn thrown(error: error::Error) -> Error {
    Error::new(
        Status::GenericFailure,
        String::from_utf8_lossy(&error.to_json()).into_owned(),
    )
}

/// The promise of an outcome. If the call's task ends without one, by a panic, its promise is rejected.
pub struct Reply {
    queue: Option<Arc<Queue>>,
    call: u32,
}

impl Reply {
    pub fn new(queue: &Arc<Queue>, call: u32) -> Reply {
        Reply {
            queue: Some(queue.clone()),
            call,
        }
    }

    pub fn finish(mut self, outcome: Outcome) {
        if let Some(queue) = self.queue.take() {
            queue.push_now(self.call, outcome);
        }
    }
}

impl engine::Reply for Reply {
    fn send(
        mut self: Box<Self>,
        result: error::Result<Answer>,
        slow: Option<Duration>,
        claim: Option<Claim>,
    ) -> Option<Arc<dyn Wake>> {
        let queue = self.queue.take()?;
        let outcome = match result {
            Ok(answer) => Outcome::Answer(answer),
            Err(error) => Outcome::Error(error),
        };
        let must_wake = queue.push(self.call, outcome, slow, claim);
        must_wake.then_some(queue as Arc<dyn Wake>)
    }

    fn send_piece(&self, piece: Answer, claim: Claim) -> Option<Arc<dyn Wake>> {
        let queue = self.queue.as_ref()?;
        let must_wake = queue.push(self.call, Outcome::Piece(piece), None, Some(claim));
        must_wake.then(|| queue.clone() as Arc<dyn Wake>)
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(queue) = self.queue.take() {
            let error = error::Error::new(
                error::Kind::Internal,
                "the call ended by a defect in hegar-native; please report it with the statement that caused it",
            );
            queue.push_now(self.call, Outcome::Error(error));
        }
    }
}
