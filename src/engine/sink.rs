//! The rows of a call in the form that it wants.

use crate::{
    call::{self, Answer, Call, Wanted},
    codec::{
        format::Format,
        json::JsonRows,
        packed::{PackedRows, RowShapes},
        shape::Shape,
        string::write_json_string,
        value::MAX_SAFE,
    },
    error::{Error, Kind, Result},
    wire::{Cell, Columns, Done, Memo, Row, RowSink},
};

use super::{memory::Held, page_rows::PageRows, stream::StreamSink};

/// The most results of one statement: a procedure may loop.
const MAX_RESULTS: usize = 10_000;
/// A guess for the first JSON result of a call; it grows from here.
const JSON_CAPACITY: usize = 1024;

pub enum Sink<'a> {
    Rows(PackedRows<'a>),
    Stream(StreamSink<'a>),
    /// The text goes behind the rows.
    Json(JsonRows<'a>, &'a str),
    /// Boxed, because a task has room for the largest of these and most calls want none.
    Page(Box<PageRows<'a>>),
    Results(Box<Results<'a>>),
    Count(Count),
}

impl<'a> Sink<'a> {
    pub fn new(call: &'a Call, format: &'a Format, shapes: &'a RowShapes) -> Sink<'a> {
        match &call.wanted {
            Wanted::Rows {
                limit,
                shape,
                is_whole,
                ..
            } => {
                let rows = PackedRows::new(format, shape.as_deref(), shapes, *limit);
                Sink::Rows(if *is_whole { rows.whole() } else { rows })
            }
            Wanted::Page { limit, turn, shape } => {
                let rows = PackedRows::new(format, shape.as_deref(), shapes, *limit);
                Sink::Page(Box::new(PageRows::packed(rows, *limit, turn)))
            }
            Wanted::Results { shape, unwraps, .. } => {
                let results = Results::new(format, shape.as_deref(), shapes, *unwraps);
                Sink::Results(Box::new(results))
            }
            Wanted::Json {
                limit,
                shape,
                envelope,
            } => {
                let rows = JsonRows::new(format, shape.as_deref(), JSON_CAPACITY);
                let rows = rows.with_limit(*limit);
                match envelope {
                    None => Sink::Json(rows, ""),
                    Some(envelope) => {
                        Sink::Json(rows.with_head(envelope.head.as_bytes()), &envelope.tail)
                    }
                }
            }
            Wanted::Body {
                shape,
                message,
                limit,
                turn,
            } => {
                let mut head = b"{\"status\":\"success\",\"message\":".to_vec();
                write_json_string(message.as_bytes(), &mut head);
                head.extend_from_slice(b",\"data\":");
                let rows = JsonRows::new(format, shape.as_deref(), JSON_CAPACITY);
                let rows = rows.with_head(&head);
                let page = PageRows::json(rows, head.len(), *limit, turn.as_ref());
                Sink::Page(Box::new(page))
            }
            Wanted::Count => Sink::Count(Count::default()),
            Wanted::Stream(stream) => {
                Sink::Stream(StreamSink::new(stream, call.abort(), format, shapes))
            }
        }
    }

    /// What the call came to; without rows, what the statement did.
    pub fn answer(self, done: Done) -> Result<Answer> {
        Ok(match self {
            Sink::Rows(rows) => answer_of(rows, done)?,
            Sink::Results(results) => results.finish(done)?,
            Sink::Json(json, tail) => {
                let rows = json.rows();
                match json.finish()? {
                    None => Answer::Done(done),
                    Some(mut bytes) => {
                        bytes.extend_from_slice(tail.as_bytes());
                        Answer::Json { bytes, rows }
                    }
                }
            }
            Sink::Stream(stream) => stream.finish(done)?,
            Sink::Page(page) => return page.answer(done),
            Sink::Count(count) => count.value.map_or(Answer::Done(done), Answer::Count),
        })
    }
}

impl RowSink for Sink<'_> {
    fn begin(&mut self, columns: &Columns, memo: &mut Memo) -> Result<()> {
        match self {
            Sink::Rows(rows) => rows.begin(columns, memo),
            Sink::Stream(stream) => stream.begin(columns, memo),
            Sink::Results(results) => results.current.begin(columns, memo),
            Sink::Json(json, _) => json.begin(columns, memo),
            Sink::Page(page) => page.begin(columns, memo),
            Sink::Count(count) => {
                count.columns = columns.clone();
                Ok(())
            }
        }
    }

    #[inline]
    fn row(&mut self, row: Row<'_>) -> Result<()> {
        match self {
            Sink::Rows(rows) => rows.row(row),
            Sink::Stream(stream) => stream.row(row),
            Sink::Results(results) => results.current.row(row),
            Sink::Json(json, _) => json.row(row),
            Sink::Page(page) => page.row(row),
            Sink::Count(count) => count.row(row),
        }
    }

    fn passes_on(&self) -> bool {
        matches!(self, Sink::Stream(_))
    }

    async fn room(&mut self) -> Result<()> {
        match self {
            Sink::Stream(stream) => stream.room().await,
            Sink::Rows(_) | Sink::Results(_) | Sink::Json(..) | Sink::Page(_) | Sink::Count(_) => {
                Ok(())
            }
        }
    }

    fn next(&mut self, ended: &Done) -> Result<bool> {
        match self {
            Sink::Results(results) => results.next(ended),
            Sink::Stream(stream) => stream.next(ended),
            Sink::Rows(_) | Sink::Json(..) | Sink::Page(_) | Sink::Count(_) => Ok(false),
        }
    }
}

impl Held for Sink<'_> {
    fn size(&self) -> usize {
        match self {
            Sink::Rows(rows) => rows.size(),
            Sink::Results(results) => results.size(),
            Sink::Json(json, _) => json.size(),
            Sink::Page(page) => page.size(),
            Sink::Stream(_) | Sink::Count(_) => 0,
        }
    }
}

/// Keeps every result of a statement.
pub struct Results<'a> {
    format: &'a Format,
    wishes: Option<&'a Shape>,
    shapes: &'a RowShapes,
    current: PackedRows<'a>,
    list: Vec<Answer>,
    /// The size of the list.
    size: usize,
    out: Option<usize>,
    /// Whether a single result is the answer.
    unwraps: bool,
}

impl<'a> Results<'a> {
    fn new(
        format: &'a Format,
        wishes: Option<&'a Shape>,
        shapes: &'a RowShapes,
        unwraps: bool,
    ) -> Results<'a> {
        Results {
            unwraps,
            format,
            wishes,
            shapes,
            current: PackedRows::new(format, wishes, shapes, usize::MAX),
            list: Vec::new(),
            size: 0,
            out: None,
        }
    }

    fn next(&mut self, ended: &Done) -> Result<bool> {
        if self.list.len() >= MAX_RESULTS {
            let message = format!("the statement has more than {MAX_RESULTS} results");
            return Err(Error::new(Kind::ResultTooLarge, message));
        }
        if ended.status.out_parameters() {
            self.out = Some(self.list.len());
        }
        let rows = PackedRows::new(self.format, self.wishes, self.shapes, usize::MAX);
        let rows = std::mem::replace(&mut self.current, rows);
        let answer = answer_of(rows, ended.clone())?;
        self.size += answer.size();
        self.list.push(answer);
        Ok(true)
    }

    fn finish(mut self, done: Done) -> Result<Answer> {
        if self.unwraps && self.list.is_empty() {
            return answer_of(self.current, done);
        }
        self.list.push(answer_of(self.current, done)?);
        Ok(Answer::Results(call::Results {
            list: self.list,
            out: self.out,
        }))
    }

    fn size(&self) -> usize {
        self.size + self.current.size()
    }
}

fn answer_of(rows: PackedRows<'_>, done: Done) -> Result<Answer> {
    Ok(rows.finish()?.map_or(Answer::Done(done), Answer::Rows))
}

/// Reads the first cell of the first row as a count.
#[derive(Default)]
pub struct Count {
    columns: Columns,
    value: Option<u64>,
}

impl Count {
    fn row(&mut self, mut row: Row<'_>) -> Result<()> {
        if let (None, Some(column)) = (self.value, self.columns.first()) {
            self.value = match row.cell(0, column)? {
                Cell::Int(value) => u64::try_from(value).ok(),
                Cell::UInt(value) => Some(value),
                // SUM gives a DECIMAL, and so do some servers for `? + ?`, or a DOUBLE.
                Cell::Bytes(text) => std::str::from_utf8(text)
                    .ok()
                    .and_then(|text| text.parse().ok().or_else(|| whole(text.parse().ok()?))),
                Cell::Double(value) => whole(value),
                _ => None,
            };
        }
        Ok(())
    }
}

fn whole(value: f64) -> Option<u64> {
    let is_exact = value.fract() == 0.0 && (0.0..=MAX_SAFE as f64).contains(&value);
    is_exact.then_some(value as u64)
}
