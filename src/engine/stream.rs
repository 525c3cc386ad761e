//! Results that are handed over piece by piece while they are read, as fast as they are used.
//!
//! Where the reader falls behind the wire stops reading, the socket fills up, and the server waits with the rows that
//! follow. Nothing of a stream is kept here but the piece in the making.

use std::pin::pin;

use crate::{
    abort::Abort,
    call::{Answer, StreamCall, StreamForm},
    codec::{
        format::Format,
        json::{Framing, JsonRows},
        packed::{PackedRows, RowShapes},
    },
    error::Result,
    wire::{Columns, Done, Memo, Row, RowSink},
};

/// A piece is handed over when it has this size, or when the server has sent nothing more yet.
const PIECE: usize = 60 * 1024;
/// Room for a piece and the row that completes it.
const JSON_CAPACITY: usize = 64 * 1024;

/// The rows of a stream on their way to its reader.
pub struct StreamSink<'a> {
    rows: Form<'a>,
    /// Whether the results are told apart.
    announces: bool,
    /// Whether the result that is being read has rows, be there none of them.
    has_rows: bool,
    call: &'a StreamCall,
    /// Called when nobody reads on.
    abort: &'a Abort,
}

enum Form<'a> {
    Objects(PackedRows<'a>),
    Json(JsonRows<'a>),
}

impl<'a> StreamSink<'a> {
    pub fn new(
        call: &'a StreamCall,
        abort: &'a Abort,
        format: &'a Format,
        shapes: &'a RowShapes,
    ) -> StreamSink<'a> {
        let json = |framing, shape| {
            let rows = JsonRows::new(format, shape, JSON_CAPACITY);
            Form::Json(rows.with_framing(framing))
        };
        StreamSink {
            rows: match &call.form {
                StreamForm::Objects(shape) | StreamForm::Results(shape) => {
                    let packed = PackedRows::new(format, shape.as_deref(), shapes, usize::MAX);
                    Form::Objects(packed)
                }
                StreamForm::Json(shape) => json(Framing::Array, shape.as_deref()),
                StreamForm::Lines(shape) => json(Framing::Lines, shape.as_deref()),
            },
            announces: matches!(call.form, StreamForm::Results(_)),
            has_rows: false,
            call,
            abort,
        }
    }

    /// Hands over what is left; the answer says what the statement did.
    pub fn finish(mut self, done: Done) -> Result<Answer> {
        match &mut self.rows {
            Form::Objects(rows) => rows.check()?,
            Form::Json(rows) => rows.close()?,
        }
        self.hand_over();
        if self.announces && !self.has_rows {
            self.pass_on(Answer::Done(done.clone()));
        }
        Ok(Answer::Done(done))
    }

    fn hand_over(&mut self) {
        let piece = match &mut self.rows {
            Form::Objects(rows) => rows.take().map(Answer::Rows),
            Form::Json(rows) => rows
                .take()
                .map(|(bytes, rows)| Answer::Json { bytes, rows }),
        };
        if let Some(piece) = piece {
            self.pass_on(piece);
        }
    }

    fn pass_on(&self, piece: Answer) {
        self.call.flow.handed_over(piece.weight());
        self.call.reader.read(piece);
    }
}

impl RowSink for StreamSink<'_> {
    fn begin(&mut self, columns: &Columns, memo: &mut Memo) -> Result<()> {
        match &mut self.rows {
            Form::Objects(rows) => {
                rows.begin(columns, memo)?;
                self.has_rows = true;
                if let (true, Some(head)) = (self.announces, rows.head()) {
                    self.pass_on(Answer::Rows(head));
                }
                Ok(())
            }
            Form::Json(rows) => rows.begin(columns, memo),
        }
    }

    fn next(&mut self, ended: &Done) -> Result<bool> {
        if !self.announces {
            return Ok(false);
        }
        if let Form::Objects(rows) = &mut self.rows {
            rows.check()?;
        }
        self.hand_over();
        if !std::mem::take(&mut self.has_rows) {
            self.pass_on(Answer::Done(ended.clone()));
        }
        Ok(true)
    }

    fn row(&mut self, row: Row<'_>) -> Result<()> {
        // Nobody reads on; the server sends what it has begun.
        if self.abort.is_called() {
            return Ok(());
        }
        self.call.flow.moved();
        let size = match &mut self.rows {
            Form::Objects(rows) => {
                rows.row(row)?;
                rows.pending()
            }
            Form::Json(rows) => {
                rows.row(row)?;
                rows.pending()
            }
        };
        if size >= PIECE {
            self.hand_over();
        }
        Ok(())
    }

    fn passes_on(&self) -> bool {
        true
    }

    async fn room(&mut self) -> Result<()> {
        if self.abort.is_called() {
            return Ok(());
        }
        self.hand_over();
        if self.call.flow.has_room() {
            return Ok(());
        }
        let room = pin!(self.call.flow.room());
        tokio::select! {
            () = room => {}
            () = self.abort.wait() => {}
        }
        Ok(())
    }
}
