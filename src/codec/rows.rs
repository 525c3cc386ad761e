//! The rows of a batch: packed values in one buffer, in the form that `params` describes, row behind row.

use std::ops::Range;

use crate::error::Result;

use super::params::{Param, Reader, malformed};

/// Rows of the same number of values, none of them a list.
#[derive(Debug)]
pub struct Rows {
    bytes: Box<[u8]>,
    /// Where each row ends.
    ends: Vec<usize>,
    columns: usize,
    /// The place of the first row among all rows of its batch, from 0.
    first: u64,
}

impl Rows {
    /// Takes over the packed form and checks it from end to end.
    pub fn unpack(bytes: &[u8], columns: usize, first: u64) -> Result<Rows> {
        if columns == 0 {
            return Err(malformed());
        }
        let mut reader = Reader { rest: bytes };
        let mut ends = Vec::new();
        while !reader.rest.is_empty() {
            for _ in 0..columns {
                reader.param()?;
            }
            ends.push(bytes.len() - reader.rest.len());
        }
        Ok(Rows {
            bytes: bytes.into(),
            ends,
            columns,
            first,
        })
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many values each row has.
    pub fn columns(&self) -> usize {
        self.columns
    }

    pub fn first(&self) -> u64 {
        self.first
    }

    /// The values of these rows, one row after the other.
    pub fn values(&self, rows: Range<usize>) -> Values<'_> {
        let end_of = |row: usize| row.checked_sub(1).and_then(|row| self.ends.get(row));
        let from = end_of(rows.start).copied().unwrap_or(0);
        let to = end_of(rows.end).copied().unwrap_or(0);
        Values {
            reader: Reader {
                rest: self.bytes.get(from..to).unwrap_or_default(),
            },
        }
    }
}

/// See [`Rows::values`].
#[derive(Clone)]
pub struct Values<'a> {
    reader: Reader<'a>,
}

impl<'a> Iterator for Values<'a> {
    type Item = Result<Param<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.reader.rest.is_empty()).then(|| self.reader.param())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(rows: &Rows, range: Range<usize>) -> Vec<Param<'_>> {
        rows.values(range)
            .map(|value| value.expect("well formed"))
            .collect()
    }

    #[test]
    fn rows_are_cut_where_their_values_end() {
        let bytes = [5, 1, 0, 0, 0, b'a', 8, 0, 9];
        let rows = Rows::unpack(&bytes, 2, 7).expect("well formed");
        assert_eq!((rows.len(), rows.first()), (2, 7));
        assert_eq!(values(&rows, 1..2), [Param::Null, Param::Bool(false)]);
        assert_eq!(values(&rows, 0..2).len(), 4);
        assert_eq!(values(&rows, 1..1), []);
        assert_eq!(values(&rows, 5..9), []);
    }

    #[test]
    fn an_incomplete_row_a_list_and_rows_without_values_are_refused() {
        assert!(Rows::unpack(&[0, 0, 0], 2, 0).is_err());
        assert!(Rows::unpack(&[10, 1, 0, 0, 0, 0], 1, 0).is_err());
        assert!(Rows::unpack(&[0], 0, 0).is_err());
    }
}
