//! The rows of one page: at most `limit` of those that come, and in the order of the statement whichever way they came.

use crate::{
    call::Answer,
    codec::{json::JsonRows, packed::PackedRows},
    error::Result,
    wire::{Columns, Done, Memo, Row, RowSink},
};

use super::keyset::{Taker, Turn};

pub struct PageRows<'a> {
    rows: Rows<'a>,
    limit: usize,
    seen: usize,
    taker: Option<Taker<'a>>,
    /// The end of each row in the JSON, when the rows come in reverse.
    ends: Option<Vec<usize>>,
}

enum Rows<'a> {
    /// Reversed, if need be, in JavaScript, which has them in an array.
    Packed(PackedRows<'a>),
    Json {
        rows: JsonRows<'a>,
        head: usize,
    },
}

impl<'a> PageRows<'a> {
    pub fn packed(rows: PackedRows<'a>, limit: usize, turn: &'a Turn) -> PageRows<'a> {
        PageRows {
            rows: Rows::Packed(rows),
            limit,
            seen: 0,
            taker: Some(Taker::new(turn, limit)),
            ends: None,
        }
    }

    /// `head` is how many bytes stand in front of the rows.
    pub fn json(
        rows: JsonRows<'a>,
        head: usize,
        limit: usize,
        turn: Option<&'a Turn>,
    ) -> PageRows<'a> {
        PageRows {
            rows: Rows::Json { rows, head },
            limit,
            seen: 0,
            taker: turn.map(|turn| Taker::new(turn, limit)),
            ends: turn.filter(|turn| turn.is_backward()).map(|_| Vec::new()),
        }
    }

    pub fn size(&self) -> usize {
        match &self.rows {
            Rows::Packed(rows) => rows.size(),
            Rows::Json { rows, .. } => rows.size(),
        }
    }

    pub fn answer(self, done: Done) -> Result<Answer> {
        let rows = self.seen.min(self.limit);
        let has_more = self.seen > self.limit;
        let ends = self.taker.map(Taker::finish).transpose();
        Ok(match self.rows {
            Rows::Packed(packed) => match packed.finish()? {
                None => Answer::Done(done),
                Some(packed) => Answer::Page {
                    rows: packed,
                    ends: ends?.unwrap_or_default(),
                },
            },
            Rows::Json { rows: json, head } => match json.finish()? {
                None => Answer::Done(done),
                Some(bytes) => Answer::Body {
                    bytes: match self.ends {
                        Some(row_ends) => reversed(&bytes, head, &row_ends),
                        None => bytes,
                    },
                    rows,
                    has_more,
                    ends: ends?,
                },
            },
        })
    }
}

impl RowSink for PageRows<'_> {
    fn begin(&mut self, columns: &Columns, memo: &mut Memo) -> Result<()> {
        if let Some(taker) = &mut self.taker {
            taker.begin(columns);
        }
        match &mut self.rows {
            Rows::Packed(rows) => rows.begin(columns, memo),
            Rows::Json { rows, .. } => rows.begin(columns, memo),
        }
    }

    fn row(&mut self, row: Row<'_>) -> Result<()> {
        if let Some(taker) = &mut self.taker {
            taker.row(&row);
        }
        self.seen += 1;
        if self.seen > self.limit {
            return Ok(());
        }
        match &mut self.rows {
            Rows::Packed(rows) => rows.row(row),
            Rows::Json { rows, .. } => {
                rows.row(row)?;
                if let Some(ends) = &mut self.ends {
                    ends.push(rows.written());
                }
                Ok(())
            }
        }
    }
}

/// The array behind `head` with its elements, which end at `ends`, the other way round.
fn reversed(bytes: &[u8], head: usize, ends: &[usize]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 256);
    out.extend_from_slice(bytes.get(..head).unwrap_or_default());
    out.push(b'[');
    for (index, &end) in ends.iter().enumerate().rev() {
        let before = index.checked_sub(1).and_then(|index| ends.get(index));
        // Behind the bracket or comma in front of the element.
        let start = before.copied().unwrap_or(head) + 1;
        if out.len() > head + 1 {
            out.push(b',');
        }
        out.extend_from_slice(bytes.get(start..end).unwrap_or_default());
    }
    out.push(b']');
    out
}

#[cfg(test)]
mod tests {
    use super::reversed;

    #[test]
    fn an_array_is_reversed_behind_its_head() {
        for (bytes, ends, wanted) in [
            (&b"head[]"[..], &[][..], &b"head[]"[..]),
            (b"head[{}]", &[7], b"head[{}]"),
            (b"head[1,22,333]", &[6, 9, 13], b"head[333,22,1]"),
        ] {
            assert_eq!(reversed(bytes, 4, ends), wanted);
        }
    }
}
