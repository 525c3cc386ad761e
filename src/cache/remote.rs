//! A result as the bytes that tier 2 keeps: of JSON the number of rows and the text, of packed rows their shape and the
//! segments. A digest is of one version of the package (`Config::scope`), so none reads what another wrote.

use std::sync::Arc;

use crate::codec::{buffers, packed::RowShapes};

use super::entry::{Rows, Value};

const JSON: u8 = 1;
const ROWS: u8 = 2;

/// The value as bytes.
pub fn pack(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.size() + 64);
    match value {
        Value::Json { bytes, rows } => {
            out.push(JSON);
            out.extend_from_slice(&(*rows as u64).to_le_bytes());
            out.extend_from_slice(bytes);
        }
        Value::Rows(rows) => {
            out.push(ROWS);
            out.extend_from_slice(&(rows.rows as u64).to_le_bytes());
            put(rows.shape.json.as_bytes(), &mut out);
            for segment in &rows.segments {
                put(segment, &mut out);
            }
        }
    }
    out
}

fn put(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// The value that these bytes are, or `None` if they are none of ours. Its rows get a shape of this pool.
pub fn unpack(bytes: &[u8], shapes: &RowShapes) -> Option<Value> {
    let (&kind, rest) = bytes.split_first()?;
    let (rows, mut rest) = take_number(rest)?;
    match kind {
        JSON => Some(Value::Json {
            bytes: Arc::new(copied(rest)),
            rows,
        }),
        ROWS => {
            let shape = take(&mut rest)?;
            let shape = shapes.get(std::str::from_utf8(shape).ok()?.to_owned());
            let mut segments = Vec::new();
            while !rest.is_empty() {
                segments.push(take(&mut rest)?.to_vec());
            }
            Some(Value::Rows(Arc::new(Rows {
                shape,
                segments,
                rows,
            })))
        }
        _ => None,
    }
}

/// A copy in memory that goes round, see [`buffers`].
fn copied(bytes: &[u8]) -> Vec<u8> {
    let mut copy = buffers::take(bytes.len());
    copy.extend_from_slice(bytes);
    copy
}

fn take_number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<8>()?;
    Some((usize::try_from(u64::from_le_bytes(*number)).ok()?, rest))
}

fn take<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = take_number(bytes)?;
    let (part, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    Some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(shapes: &RowShapes) -> Value {
        Value::Rows(Arc::new(Rows {
            shape: shapes.get(r#"{"kinds":"i","row":{}}"#.to_owned()),
            segments: vec![vec![1, 2, 3], Vec::new(), vec![4]],
            rows: 7,
        }))
    }

    #[test]
    fn a_value_is_read_back_as_it_was() {
        let shapes = RowShapes::default();
        let json = Value::Json {
            bytes: Arc::new(b"[1]".to_vec()),
            rows: 1,
        };
        for value in [json, rows(&shapes)] {
            let read = unpack(&pack(&value), &shapes).expect("a value");
            assert_eq!(format!("{read:?}"), format!("{value:?}"));
        }
    }

    #[test]
    fn bytes_that_are_cut_or_foreign_are_no_value_and_no_panic() {
        let shapes = RowShapes::default();
        let whole = pack(&rows(&shapes));
        for end in 0..whole.len() {
            let cut = whole.get(..end).unwrap_or_default();
            // Between two segments the end can not be told from a shorter value; tier 2 checks lengths of its own.
            let _ = unpack(cut, &shapes);
        }
        assert!(unpack(&[], &shapes).is_none());
        assert!(unpack(&[9; 20], &shapes).is_none());
        assert!(
            unpack(
                &[
                    ROWS, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255
                ],
                &shapes
            )
            .is_none()
        );
    }
}
