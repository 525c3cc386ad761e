//! JSON columns: the bytes of `JSON.stringify(JSON.parse(text))` without building a value.
//!
//! Tokens are checked and rewritten straight into the output. An object's members stay where they
//! were written unless JavaScript would order them otherwise (keys that are array indices come
//! first, a repeated key keeps its first place and its last value); then the finished object is put
//! together again. No recursion, so depth costs no stack.

mod embed;
mod order;
mod scan;

use std::fmt;

pub use self::embed::embed;

use self::order::{Member, has_repeated_key, rewrite};
use self::scan::Scan;
use super::number::write_f64;
use super::string::{decode_utf8, special_at, write_escaped};

/// Arrays and objects nest no deeper than this. Servers stop at 100 or before.
const MAX_DEPTH: usize = 1_000;

/// Why a text is not JSON, and where, in bytes of the text as decoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JsonTextError {
    pub position: usize,
    pub reason: &'static str,
}

impl fmt::Display for JsonTextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid JSON at byte {}: {}", self.position, self.reason)
    }
}

impl std::error::Error for JsonTextError {}

/// Appends `text` as JavaScript would print it after parsing it. Leaves `out` as it was on an error.
pub fn normalise(text: &[u8], out: &mut Vec<u8>) -> Result<(), JsonTextError> {
    let decoded = decode_utf8(text);
    let start = out.len();
    out.reserve(decoded.len());
    let mut writer = Writer {
        scan: Scan::new(decoded.as_bytes()),
        out,
        containers: Vec::new(),
        members: Vec::new(),
    };
    let result = writer.document();
    if result.is_err() {
        out.truncate(start);
    }
    result
}

/// An array or object that is still open.
enum Container {
    Array,
    Object {
        /// Where its members begin in the output and in the list of members.
        start: usize,
        first_member: usize,
        has_index: bool,
    },
}

struct Writer<'a> {
    scan: Scan<'a>,
    out: &'a mut Vec<u8>,
    containers: Vec<Container>,
    /// The members of all open objects, the innermost one's last.
    members: Vec<Member>,
}

impl Writer<'_> {
    fn document(&mut self) -> Result<(), JsonTextError> {
        loop {
            if self.opens_container()? {
                continue;
            }
            loop {
                let Some(container) = self.containers.last() else {
                    return match self.scan.next() {
                        None => Ok(()),
                        Some(_) => Err(self.scan.error("expected the end of the text")),
                    };
                };
                let is_object = matches!(container, Container::Object { .. });
                if is_object && let Some(member) = self.members.last_mut() {
                    member.end = self.out.len();
                }
                match self.scan.next() {
                    Some(b',') => {
                        self.scan.position += 1;
                        self.out.push(b',');
                        if is_object {
                            self.key()?;
                        }
                        break;
                    }
                    Some(b'}') if is_object => self.close(b'}'),
                    Some(b']') if !is_object => self.close(b']'),
                    _ if is_object => return Err(self.scan.error("expected ',' or '}'")),
                    _ => return Err(self.scan.error("expected ',' or ']'")),
                }
            }
        }
    }

    /// Reads a value. True says that it opened a container whose first value comes next.
    fn opens_container(&mut self) -> Result<bool, JsonTextError> {
        match self.scan.next() {
            Some(b'"') => self.string()?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(open @ (b'{' | b'[')) => {
                if self.containers.len() == MAX_DEPTH {
                    return Err(self.scan.error("nested deeper than 1000 levels"));
                }
                self.scan.position += 1;
                self.out.push(open);
                let (container, close) = if open == b'[' {
                    (Container::Array, b']')
                } else {
                    let (start, first_member) = (self.out.len(), self.members.len());
                    (
                        Container::Object {
                            start,
                            first_member,
                            has_index: false,
                        },
                        b'}',
                    )
                };
                self.containers.push(container);
                if self.scan.next() == Some(close) {
                    self.close(close);
                    return Ok(false);
                }
                if open == b'{' {
                    self.key()?;
                }
                return Ok(true);
            }
            Some(b't') => self.literal(b"true")?,
            Some(b'f') => self.literal(b"false")?,
            Some(b'n') => self.literal(b"null")?,
            Some(_) => return Err(self.scan.error("expected a value")),
            None => {
                return Err(self
                    .scan
                    .error("expected a value, found the end of the text"));
            }
        }
        Ok(false)
    }

    fn close(&mut self, byte: u8) {
        self.scan.position += 1;
        if let Some(Container::Object {
            start,
            first_member,
            has_index,
        }) = self.containers.pop()
        {
            let members = self.members.get(first_member..).unwrap_or_default();
            if members.len() > 1 && (has_index || has_repeated_key(members, self.out)) {
                rewrite(members, start, self.out);
            }
            self.members.truncate(first_member);
        }
        self.out.push(byte);
    }

    fn key(&mut self) -> Result<(), JsonTextError> {
        if self.scan.next() != Some(b'"') {
            return Err(self.scan.error("expected a key in quotes"));
        }
        let start = self.out.len();
        self.string()?;
        let key_end = self.out.len();
        self.members.push(Member {
            start,
            key_end,
            end: key_end,
        });
        if let Some(Container::Object { has_index, .. }) = self.containers.last_mut() {
            *has_index |= self.out.get(start + 1).is_some_and(u8::is_ascii_digit);
        }
        if self.scan.next() != Some(b':') {
            return Err(self.scan.error("expected ':' after a key"));
        }
        self.scan.position += 1;
        self.out.push(b':');
        Ok(())
    }

    fn string(&mut self) -> Result<(), JsonTextError> {
        self.scan.position += 1;
        self.out.push(b'"');
        loop {
            let rest = self.scan.rest();
            let (clean, rest) = rest
                .split_at_checked(special_at(rest))
                .unwrap_or((rest, b""));
            self.out.extend_from_slice(clean);
            self.scan.position += clean.len();
            match rest {
                [b'"', ..] => {
                    self.scan.position += 1;
                    self.out.push(b'"');
                    return Ok(());
                }
                [b'\\', b'u', ..] => self.unicode_escape()?,
                [b'\\', escaped, ..] => {
                    match escaped {
                        b'/' => self.out.push(b'/'),
                        b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' => {
                            self.out.extend_from_slice(&[b'\\', *escaped]);
                        }
                        _ => return Err(self.scan.error("unknown escape in a string")),
                    }
                    self.scan.position += 2;
                }
                [] | [b'\\'] => {
                    self.scan.position = self.scan.text.len();
                    return Err(self.scan.error("the text ends inside a string"));
                }
                _ => return Err(self.scan.error("control character in a string")),
            }
        }
    }

    /// `\uXXXX`: the character itself, or JSON's own escape where it has one. A surrogate without
    /// its partner stays an escape, in lower case.
    fn unicode_escape(&mut self) -> Result<(), JsonTextError> {
        let Some(unit) = self.code_unit() else {
            return Err(self
                .scan
                .error("expected four hexadecimal digits after \\u"));
        };
        self.scan.position += 6;
        let mut code = unit;
        if (0xd800..0xdc00).contains(&unit)
            && let Some(low @ 0xdc00..0xe000) = self.code_unit()
        {
            self.scan.position += 6;
            code = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        }
        match char::from_u32(code) {
            Some(character) => {
                write_escaped(character.encode_utf8(&mut [0; 4]).as_bytes(), self.out);
            }
            None => {
                self.out.extend_from_slice(b"\\u");
                let digit = |shift: u32| {
                    char::from_digit(code >> shift & 15, 16).map_or(b'0', |digit| digit as u8)
                };
                self.out
                    .extend_from_slice(&[digit(12), digit(8), digit(4), digit(0)]);
            }
        }
        Ok(())
    }

    /// The unit of the `\uXXXX` here, if there is one.
    fn code_unit(&self) -> Option<u32> {
        let &[b'\\', b'u', ref digits @ ..] = self
            .scan
            .text
            .get(self.scan.position..self.scan.position + 6)?
        else {
            return None;
        };
        digits.iter().try_fold(0, |unit, &digit| {
            Some(unit << 4 | char::from(digit).to_digit(16)?)
        })
    }

    fn number(&mut self) -> Result<(), JsonTextError> {
        let start = self.scan.position;
        let negative = self.scan.eat(b"-");
        let whole_start = self.scan.position;
        let whole = self.scan.digits();
        if whole == 0 {
            return Err(self.scan.error("expected a digit"));
        }
        let leading_zero = self.scan.text.get(whole_start) == Some(&b'0');
        if leading_zero && whole > 1 {
            self.scan.position = whole_start + 1;
            return Err(self.scan.error("a number begins with a needless zero"));
        }
        let mut fraction = 0;
        if self.scan.eat(b".") {
            fraction = self.scan.digits();
            if fraction == 0 {
                return Err(self.scan.error("expected a digit after the point"));
            }
        }
        let plain = fraction == 0 || self.scan.text.get(self.scan.position - 1) != Some(&b'0');
        let has_exponent = self.scan.eat(b"eE");
        if has_exponent {
            let _sign = self.scan.eat(b"+-");
            if self.scan.digits() == 0 {
                return Err(self.scan.error("expected a digit in the exponent"));
            }
        }
        let literal = self
            .scan
            .text
            .get(start..self.scan.position)
            .unwrap_or_default();
        // A double keeps fifteen digits, and JavaScript prints them without an exponent from 1e-6 on.
        // Such a number stays as it is, unless it ends in needless zeros or is -0.
        let is_small = || match fraction {
            0 => negative,
            _ => literal
                .iter()
                .skip(whole + 1 + usize::from(negative))
                .take(6)
                .all(|&byte| byte == b'0'),
        };
        let canonical =
            plain && !has_exponent && whole + fraction <= 15 && !(leading_zero && is_small());
        if canonical {
            self.out.extend_from_slice(literal);
        } else {
            let literal = std::str::from_utf8(literal).unwrap_or_default();
            write_f64(literal.parse().unwrap_or(f64::NAN), self.out);
        }
        Ok(())
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), JsonTextError> {
        self.scan.word(word)?;
        self.out.extend_from_slice(word);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        let mut out = Vec::new();
        normalise(text.as_bytes(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn failure(text: &str) -> JsonTextError {
        let mut out = b"before".to_vec();
        let error = normalise(text.as_bytes(), &mut out).unwrap_err();
        assert_eq!(out, b"before");
        error
    }

    #[test]
    fn white_space_goes_and_values_stay() {
        let text = " { \"a\" : [ 1 , true ,\tfalse,\r\nnull , { } , [ ] ] , \"b\" : \"x y\" } ";
        assert_eq!(json(text), r#"{"a":[1,true,false,null,{},[]],"b":"x y"}"#);
    }

    #[test]
    fn numbers_print_as_javascript_prints_them() {
        for (text, expected) in [
            ("1.0", "1"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("0.50", "0.5"),
            ("-12.25", "-12.25"),
            ("0.000001", "0.000001"),
            ("0.0000001", "1e-7"),
            ("1E400", "null"),
            ("1e2", "100"),
            ("12345678901234567890", "12345678901234567000"),
            ("0.1234567890123456789", "0.12345678901234568"),
        ] {
            assert_eq!(json(text), expected);
        }
    }

    #[test]
    fn string_escapes_take_json_stringifys_form() {
        assert_eq!(
            json(r#""\u0041\/\u00e9\u001F\u0008\u0022\u005c\u2028""#),
            "\"A/é\\u001f\\b\\\"\\\\\u{2028}\""
        );
        assert_eq!(json(r#""\ud83D\uDE00""#), "\"😀\"");
        assert_eq!(
            json(r#""\uD83D \uDE00\uD83D\uD83D\uDE00""#),
            "\"\\ud83d \\ude00\\ud83d😀\""
        );
    }

    #[test]
    fn a_repeated_key_keeps_its_first_place_and_its_last_value() {
        assert_eq!(
            json(r#"{"a":1,"b":2,"\u0061":{"c":3,"c":4}}"#),
            r#"{"a":{"c":4},"b":2}"#
        );
        let many = (0..40)
            .map(|n| format!("\"k{}\":{n}", n % 20))
            .collect::<Vec<_>>()
            .join(",");
        let kept = (20..40)
            .map(|n| format!("\"k{}\":{n}", n % 20))
            .collect::<Vec<_>>()
            .join(",");
        assert_eq!(json(&format!("{{{many}}}")), format!("{{{kept}}}"));
    }

    #[test]
    fn keys_that_are_array_indices_come_first_in_ascending_order() {
        let text = r#"{"b":1,"10":2,"9":3,"007":4,"4294967295":5,"4294967294":6,"-1":7,"a":8}"#;
        let expected = r#"{"9":3,"10":2,"4294967294":6,"b":1,"007":4,"4294967295":5,"-1":7,"a":8}"#;
        assert_eq!(json(text), expected);
    }

    #[test]
    fn a_key_called_proto_is_data() {
        assert_eq!(
            json(r#"{"__proto__":{"a":1},"b":2}"#),
            r#"{"__proto__":{"a":1},"b":2}"#
        );
    }

    #[test]
    fn malformed_utf8_is_decoded_as_node_decodes_it() {
        let mut out = Vec::new();
        normalise(b"\"\xff\"", &mut out).unwrap();
        assert_eq!(out, "\"\u{fffd}\"".as_bytes());
    }

    #[test]
    fn what_is_not_json_is_an_error_with_its_position() {
        for (text, position) in [
            ("", 0),
            ("\u{feff}1", 0),
            ("[1,]", 3),
            ("{\"a\":1,}", 7),
            ("{a:1}", 1),
            ("01", 1),
            ("1.", 2),
            ("-", 1),
            ("1e+", 3),
            ("\"\t\"", 1),
            ("\"\\x\"", 1),
            ("\"\\u12g4\"", 1),
            ("\"open", 5),
            ("\"open\\", 6),
            ("nul", 0),
            ("1 2", 2),
            ("[1}", 2),
            ("{\"a\" 1}", 5),
        ] {
            assert_eq!(failure(text).position, position, "{text}");
        }
        assert_eq!(
            failure("[1 2]").to_string(),
            "invalid JSON at byte 3: expected ',' or ']'"
        );
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(json(&nested(1_000)), nested(1_000));
        assert_eq!(
            failure(&nested(1_001)).reason,
            "nested deeper than 1000 levels"
        );
        assert_eq!(failure(&"{\"a\":".repeat(100_000)).position, 5_000);
    }
}
