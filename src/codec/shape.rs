//! What a caller of `queryJson` wants changed on the way: comma-joined text split into arrays, prefixes, numbers.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
};

use serde::Deserialize;

use crate::error::{Error, Kind, Result};

use super::{number, string};

/// The changes by column name, with a number by which compiled plans remember them.
#[derive(Debug)]
pub struct Shape {
    id: u64,
    columns: HashMap<String, Change>,
}

/// The change of one column. NULL stays null, but under `split` it is an empty array.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The separator of a joined text that becomes an array of strings.
    #[serde(default)]
    pub split: Option<String>,
    /// Put in front of the text, or of each part of a split one.
    #[serde(default)]
    pub prefix: String,
    /// Read the text, such as a DECIMAL's, as a number.
    #[serde(default)]
    pub number: bool,
}

static NEXT: AtomicU64 = AtomicU64::new(1);

impl Shape {
    /// Reads a shape that `lib/shape.js` has checked.
    pub fn from_json(json: &str) -> Result<Shape> {
        let columns = serde_json::from_str(json)
            .map_err(|error| Error::new(Kind::Parameters, format!("shape: {error}")))?;
        Ok(Shape {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            columns,
        })
    }

    pub fn id(&self) -> u64 {
        self.id
    }

    pub fn change(&self, column: &str) -> Option<&Change> {
        self.columns.get(column)
    }
}

impl Change {
    /// Writes what NULL becomes.
    pub fn write_null(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.split.is_some() { b"[]" } else { b"null" });
    }

    /// Writes `text` changed, as JSON.
    pub fn write(&self, text: &[u8], out: &mut Vec<u8>) {
        match &self.split {
            Some(separator) => self.write_split(text, separator.as_bytes(), out),
            None => self.write_part(text, out),
        }
    }

    fn write_split(&self, text: &[u8], separator: &[u8], out: &mut Vec<u8>) {
        out.push(b'[');
        let mut rest = text;
        let mut first = true;
        while !text.is_empty() {
            if !first {
                out.push(b',');
            }
            first = false;
            let Some(at) = find(rest, separator) else {
                self.write_part(rest, out);
                break;
            };
            let (part, after) = rest.split_at(at);
            self.write_part(part, out);
            rest = after.get(separator.len()..).unwrap_or_default();
        }
        out.push(b']');
    }

    fn write_part(&self, part: &[u8], out: &mut Vec<u8>) {
        if self.number {
            let value = std::str::from_utf8(part)
                .ok()
                .and_then(|text| text.trim().parse().ok());
            return number::write_f64(value.unwrap_or(f64::NAN), out);
        }
        if self.prefix.is_empty() {
            return string::write_json_string(part, out);
        }
        let mut whole = self.prefix.clone().into_bytes();
        whole.extend_from_slice(part);
        string::write_json_string(&whole, out);
    }
}

fn find(text: &[u8], separator: &[u8]) -> Option<usize> {
    match separator {
        [byte] => text.iter().position(|candidate| candidate == byte),
        _ => text
            .windows(separator.len().max(1))
            .position(|window| window == separator),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str, separator: &str, prefix: &str) -> String {
        let change = Change {
            split: Some(separator.into()),
            prefix: prefix.into(),
            number: false,
        };
        let mut out = Vec::new();
        change.write(text.as_bytes(), &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn a_split_text_is_an_array_of_its_parts() {
        assert_eq!(split("a,b", ",", ""), r#"["a","b"]"#);
        assert_eq!(split("a", ",", "x/"), r#"["x/a"]"#);
        assert_eq!(split("a,,b,", ",", ""), r#"["a","","b",""]"#);
        assert_eq!(split("", ",", ""), "[]");
        assert_eq!(split("a||b", "||", ""), r#"["a","b"]"#);
    }
}
