//! A call and its answer: what passes between the binding, the engine and the queue of the pool.

use std::sync::Arc;

use crate::{
    abort::Abort,
    cache::entry::Entry,
    codec::{
        packed::{Packed, Packet},
        params::Params,
        shape::{Envelope, Shape},
    },
    engine::{Ends, Turn},
    flow::Flow,
    metrics::Operation,
    statement::Statement,
    wire::Done,
};

/// One statement to run.
pub struct Call {
    pub statement: Arc<Statement>,
    pub params: Params,
    pub wanted: Wanted,
    /// For a call that can be over before its statement has ended.
    pub stop: Option<Stop>,
}

/// What tells a statement that nobody waits for it any more.
pub struct Stop {
    pub abort: Arc<Abort>,
    /// Whether the call keeps a deadline of its own, in place of the pool's for queries.
    pub has_deadline: bool,
}

impl Call {
    /// What tells the statement that the call is over; silent where that comes with its answer alone.
    pub fn abort(&self) -> &Abort {
        static SILENT: Abort = Abort::new();
        self.stop.as_ref().map_or(&SILENT, |stop| &stop.abort)
    }

    /// Whether the call has been answered before its statement has ended.
    pub fn is_over(&self) -> bool {
        self.stop
            .as_ref()
            .is_some_and(|stop| stop.abort.is_called())
    }

    /// What the metrics count it as.
    pub fn operation(&self) -> Operation {
        match &self.wanted {
            Wanted::Rows { operation, .. } => *operation,
            // As a page by number, whose rows are asked for like any others.
            Wanted::Page { .. } => Operation::Query,
            Wanted::Results { operation, .. } => *operation,
            Wanted::Json { .. } => Operation::Json,
            Wanted::Body { .. } | Wanted::Count => Operation::Paginate,
            Wanted::Stream(_) => Operation::Stream,
        }
    }
}

/// In which form the caller wants the rows.
pub enum Wanted {
    /// All rows as objects, or what the statement did.
    Rows {
        limit: usize,
        operation: Operation,
        shape: Option<Arc<Shape>>,
        /// Whether each segment is to be in one piece, to be kept.
        is_whole: bool,
    },
    /// One page of rows as objects, of `limit` and one more, and where its neighbours begin.
    Page {
        limit: usize,
        turn: Turn,
        shape: Option<Arc<Shape>>,
    },
    /// All results of a statement, which may have several, as objects. Where it `unwraps`, a single one is the answer.
    Results {
        shape: Option<Arc<Shape>>,
        unwraps: bool,
        operation: Operation,
    },
    /// All rows as JSON, at most `limit` of them.
    Json {
        limit: usize,
        shape: Option<Arc<Shape>>,
        envelope: Option<Arc<Envelope>>,
    },
    /// The first `limit` rows as JSON behind the beginning of a response body, and where a page by cursor ends.
    Body {
        shape: Option<Arc<Shape>>,
        message: String,
        limit: usize,
        turn: Option<Turn>,
    },
    /// The whole number in the first cell.
    Count,
    /// All rows piece by piece; what the statement did is the answer.
    Stream(StreamCall),
}

/// A result that is handed over while it is read. Its call can be over before its statement has ended.
pub struct StreamCall {
    pub form: StreamForm,
    pub flow: Arc<Flow>,
    pub reader: Arc<dyn Reader>,
}

pub enum StreamForm {
    Objects(Option<Arc<Shape>>),
    /// Objects of all results, each announced before its first row; those without rows say what was done.
    Results(Option<Arc<Shape>>),
    /// One JSON array.
    Json(Option<Arc<Shape>>),
    /// JSON, a line for each row.
    Lines(Option<Arc<Shape>>),
}

/// Who gets the pieces of a stream.
pub trait Reader: Send + Sync {
    /// Takes rows; the size of the answer counts as handed over until the reader has used them.
    fn read(&self, piece: Answer);
}

/// What a call came to.
pub enum Answer {
    Rows(Packed),
    Page {
        rows: Packed,
        ends: Ends,
    },
    Done(Done),
    Results(Results),
    Json {
        bytes: Vec<u8>,
        rows: usize,
    },
    /// A response body without its end, which [`crate::engine`] writes.
    Body {
        bytes: Vec<u8>,
        rows: usize,
        /// Whether there were more rows than the limit.
        has_more: bool,
        ends: Option<Ends>,
    },
    Count(u64),
    /// A result that is kept, or could have been.
    Cached(Arc<Entry>),
}

/// The results of one statement in their order.
pub struct Results {
    /// Rows, or what was done; the last one says what the statement did.
    pub list: Vec<Answer>,
    /// Which of them holds the values of OUT parameters.
    pub out: Option<usize>,
}

impl Answer {
    /// The memory it holds until JavaScript takes it.
    pub fn size(&self) -> usize {
        match self {
            Answer::Rows(packed) | Answer::Page { rows: packed, .. } => {
                packed.segments.iter().map(Packet::size).sum()
            }
            Answer::Json { bytes, .. } | Answer::Body { bytes, .. } => bytes.capacity(),
            Answer::Results(results) => results.list.iter().map(Answer::size).sum(),
            // It is held by others too.
            Answer::Done(_) | Answer::Count(_) | Answer::Cached(_) => 0,
        }
    }

    /// What a piece of a stream counts for until it is used; one without rows takes memory too.
    pub fn weight(&self) -> usize {
        const LEAST: usize = 256;
        self.size().max(LEAST)
    }

    pub fn rows(&self) -> usize {
        match self {
            Answer::Rows(packed) | Answer::Page { rows: packed, .. } => packed.rows,
            Answer::Json { rows, .. } | Answer::Body { rows, .. } => *rows,
            Answer::Results(results) => results.list.iter().map(Answer::rows).sum(),
            Answer::Cached(entry) => entry.value.rows(),
            Answer::Done(_) | Answer::Count(_) => 0,
        }
    }
}
