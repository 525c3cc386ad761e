//! GEOMETRY values as the JSON of what mysql2's `parseGeometryValue` returns.
//!
//! A point is `{"x":…,"y":…}`, a line an array of points, a polygon an array of lines, a collection
//! an array of geometries, and whatever is cut short or unknown is `null`. A count never makes the
//! output larger than the bytes that are there allow.

use super::number::write_f64;

/// Geometries nest no deeper than this; what lies below is `null`. Servers stop far earlier.
const MAX_DEPTH: usize = 64;

const POINT_BYTES: usize = 16;

/// Appends the geometry of `value`: a four-byte SRID, which is skipped, and well-known binary.
///
/// With `for_parse` the text is meant for `JSON.parse`, so -0 and the infinities are written in a
/// form that reads back as themselves (`-0`, `1e999`) instead of as `JSON.stringify` prints them.
/// NaN has no such form and stays `null`.
pub fn write_geometry_json(value: &[u8], for_parse: bool, out: &mut Vec<u8>) {
    let mut reader = Reader {
        rest: value.get(4..).unwrap_or_default(),
        for_parse,
    };
    reader.geometry(MAX_DEPTH, out);
}

struct Reader<'a> {
    rest: &'a [u8],
    for_parse: bool,
}

impl Reader<'_> {
    fn geometry(&mut self, depth: usize, out: &mut Vec<u8>) {
        let start = out.len();
        if depth == 0 || self.shape(depth, out).is_none() {
            out.truncate(start);
            out.extend_from_slice(b"null");
        }
    }

    /// `None` says that mysql2 gives null. What was read until then stays read, as it does there,
    /// because the next member of a collection starts where this one stopped.
    fn shape(&mut self, depth: usize, out: &mut Vec<u8>) -> Option<()> {
        if self.rest.len() < 5 {
            return None;
        }
        let little = self.take::<1>()? != [0];
        match self.count(little)? {
            1 => self.point(little, out),
            2 => {
                let points = self.count(little)?;
                if points > self.rest.len() / POINT_BYTES {
                    return None;
                }
                self.points(points, little, out);
                Some(())
            }
            3 => {
                let rings = self.count(little)?;
                if rings > self.rest.len() / 4 {
                    return None;
                }
                list(rings, out, |out| {
                    let points = self.count(little)?;
                    self.points(points, little, out);
                    Some(())
                });
                Some(())
            }
            4..=7 => {
                let members = self.count(little)?;
                // A member has at least its byte order, its type and a count.
                if members > self.rest.len() / 9 {
                    return None;
                }
                list(members, out, |out| {
                    self.geometry(depth - 1, out);
                    Some(())
                });
                Some(())
            }
            _ => None,
        }
    }

    fn points(&mut self, count: usize, little: bool, out: &mut Vec<u8>) {
        list(count, out, |out| self.point(little, out));
    }

    fn point(&mut self, little: bool, out: &mut Vec<u8>) -> Option<()> {
        if self.rest.len() < POINT_BYTES {
            return None;
        }
        out.extend_from_slice(b"{\"x\":");
        self.coordinate(little, out)?;
        out.extend_from_slice(b",\"y\":");
        self.coordinate(little, out)?;
        out.push(b'}');
        Some(())
    }

    fn coordinate(&mut self, little: bool, out: &mut Vec<u8>) -> Option<()> {
        let bytes = self.take::<8>()?;
        let value = if little {
            f64::from_le_bytes(bytes)
        } else {
            f64::from_be_bytes(bytes)
        };
        if self.for_parse && value == 0.0 && value.is_sign_negative() {
            out.extend_from_slice(b"-0");
        } else if self.for_parse && value.is_infinite() {
            out.extend_from_slice(if value > 0.0 { b"1e999" } else { b"-1e999" });
        } else {
            write_f64(value, out);
        }
        Some(())
    }

    fn count(&mut self, little: bool) -> Option<usize> {
        let bytes = self.take::<4>()?;
        let count = if little {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        };
        usize::try_from(count).ok()
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*bytes)
    }
}

/// Writes an array of up to `count` members and ends it at the first that is not there.
fn list(count: usize, out: &mut Vec<u8>, mut member: impl FnMut(&mut Vec<u8>) -> Option<()>) {
    out.push(b'[');
    for index in 0..count {
        let end = out.len();
        if index > 0 {
            out.push(b',');
        }
        if member(out).is_none() {
            out.truncate(end);
            break;
        }
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(body: &[u8]) -> String {
        parsed(body, false)
    }

    fn parsed(body: &[u8], for_parse: bool) -> String {
        let mut out = Vec::new();
        write_geometry_json(&[&[0xe6, 0x10, 0, 0], body].concat(), for_parse, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn shape(kind: u32, counts: &[u32], points: &[(f64, f64)]) -> Vec<u8> {
        let mut bytes = vec![1];
        bytes.extend(kind.to_le_bytes());
        bytes.extend(counts.iter().flat_map(|count| count.to_le_bytes()));
        bytes.extend(
            points
                .iter()
                .flat_map(|(x, y)| [x.to_le_bytes(), y.to_le_bytes()])
                .flatten(),
        );
        bytes
    }

    #[test]
    fn points_lines_and_polygons_take_mysql2s_shape() {
        assert_eq!(
            json(&shape(1, &[], &[(106.8, -6.2)])),
            r#"{"x":106.8,"y":-6.2}"#
        );
        let line = shape(2, &[2], &[(0.0, 1.0), (2.5, 3.0)]);
        assert_eq!(json(&line), r#"[{"x":0,"y":1},{"x":2.5,"y":3}]"#);
        let polygon = shape(3, &[1, 1], &[(1.0, 2.0)]);
        assert_eq!(json(&polygon), r#"[[{"x":1,"y":2}]]"#);
        let collection = [
            shape(7, &[2], &[]),
            shape(1, &[], &[(1.0, 2.0)]),
            shape(2, &[0], &[]),
        ]
        .concat();
        assert_eq!(json(&collection), r#"[{"x":1,"y":2},[]]"#);
    }

    #[test]
    fn big_endian_values_read_the_same() {
        let mut point = vec![0, 0, 0, 0, 1];
        point.extend([1.5f64.to_be_bytes(), (-2.0f64).to_be_bytes()].concat());
        assert_eq!(json(&point), r#"{"x":1.5,"y":-2}"#);
    }

    #[test]
    fn what_is_cut_short_or_unknown_is_null() {
        let mut out = Vec::new();
        write_geometry_json(b"", false, &mut out);
        write_geometry_json(&[0; 8], false, &mut out);
        assert_eq!(out, b"nullnull");
        let point = shape(1, &[], &[(1.0, 2.0)]);
        assert_eq!(json(&point[..point.len() - 1]), "null");
        assert_eq!(json(&shape(8, &[1, 2, 3], &[])), "null");
        assert_eq!(json(&shape(2, &[2], &[(1.0, 2.0)])), "null");
        let collection = [shape(4, &[2], &[]), point, shape(9, &[], &[(0.0, 0.0)])].concat();
        assert_eq!(json(&collection), r#"[{"x":1,"y":2},null]"#);
    }

    #[test]
    fn counts_and_depth_are_bounded_by_the_bytes_and_by_64() {
        assert_eq!(json(&shape(7, &[u32::MAX], &[(0.0, 0.0)])), "null");
        assert_eq!(
            json(&shape(3, &[1, u32::MAX], &[(1.0, 2.0)])),
            r#"[[{"x":1,"y":2}]]"#
        );
        let nested = [shape(7, &[1], &[]).repeat(100), vec![0; 16]].concat();
        assert_eq!(
            json(&nested),
            format!("{}null{}", "[".repeat(64), "]".repeat(64))
        );
    }

    #[test]
    fn only_text_for_json_parse_keeps_negative_zero_and_infinity() {
        let point = shape(1, &[], &[(-0.0, f64::NEG_INFINITY)]);
        assert_eq!(json(&point), r#"{"x":0,"y":null}"#);
        assert_eq!(parsed(&point, true), r#"{"x":-0,"y":-1e999}"#);
    }
}
