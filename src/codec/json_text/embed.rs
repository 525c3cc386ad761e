//! JSON in its writer's own words: checked, and copied as it is.
//!
//! The check takes one pass without a stack of its own, as the kinds of the open containers fit into bits.

use super::super::string::special_at;
use super::scan::Scan;
use super::{JsonTextError, MAX_DEPTH};

/// Appends `text` as it is if it is one JSON value in UTF-8. Leaves `out` as it was on an error.
///
/// White space around the value goes; inside of it, it stays.
pub fn embed(text: &[u8], out: &mut Vec<u8>) -> Result<(), JsonTextError> {
    if let Err(error) = std::str::from_utf8(text) {
        return Err(JsonTextError {
            position: error.valid_up_to(),
            reason: "malformed UTF-8",
        });
    }
    Scan::new(text).document()?;
    out.extend_from_slice(text.trim_ascii());
    Ok(())
}

/// Which of the open containers are objects, the innermost one's bit last.
#[derive(Default)]
struct Open {
    depth: usize,
    bits: [u64; MAX_DEPTH.div_ceil(64)],
}

impl Open {
    fn push(&mut self, is_object: bool) {
        if let Some(bits) = self.bits.get_mut(self.depth / 64) {
            let bit = 1 << (self.depth % 64);
            *bits = if is_object { *bits | bit } else { *bits & !bit };
        }
        self.depth += 1;
    }

    fn is_object(&self) -> bool {
        let at = self.depth.saturating_sub(1);
        self.bits
            .get(at / 64)
            .is_some_and(|bits| bits >> (at % 64) & 1 == 1)
    }
}

impl Scan<'_> {
    fn document(&mut self) -> Result<(), JsonTextError> {
        let mut open = Open::default();
        loop {
            if self.opens(&mut open)? {
                continue;
            }
            loop {
                let next = self.next();
                if open.depth == 0 {
                    return next
                        .map_or(Ok(()), |_| Err(self.error("expected the end of the text")));
                }
                let is_object = open.is_object();
                match next {
                    Some(b',') => {
                        self.position += 1;
                        if is_object {
                            self.key()?;
                        }
                        break;
                    }
                    Some(b'}') if is_object => {}
                    Some(b']') if !is_object => {}
                    _ if is_object => return Err(self.error("expected ',' or '}'")),
                    _ => return Err(self.error("expected ',' or ']'")),
                }
                self.position += 1;
                open.depth -= 1;
            }
        }
    }

    /// Reads a value. True says that it opened a container whose first value comes next.
    fn opens(&mut self, open: &mut Open) -> Result<bool, JsonTextError> {
        match self.next() {
            Some(b'"') => self.string()?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(byte @ (b'{' | b'[')) => {
                if open.depth == MAX_DEPTH {
                    return Err(self.error("nested deeper than 1000 levels"));
                }
                self.position += 1;
                let is_object = byte == b'{';
                if self.next() == Some(if is_object { b'}' } else { b']' }) {
                    self.position += 1;
                    return Ok(false);
                }
                open.push(is_object);
                if is_object {
                    self.key()?;
                }
                return Ok(true);
            }
            Some(b't') => self.word(b"true")?,
            Some(b'f') => self.word(b"false")?,
            Some(b'n') => self.word(b"null")?,
            Some(_) => return Err(self.error("expected a value")),
            None => return Err(self.error("expected a value, found the end of the text")),
        }
        Ok(false)
    }

    fn key(&mut self) -> Result<(), JsonTextError> {
        if self.next() != Some(b'"') {
            return Err(self.error("expected a key in quotes"));
        }
        self.string()?;
        if self.next() != Some(b':') {
            return Err(self.error("expected ':' after a key"));
        }
        self.position += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<(), JsonTextError> {
        self.position += 1;
        loop {
            let rest = self.rest();
            let clean = special_at(rest);
            self.position += clean;
            match rest.get(clean..).unwrap_or_default() {
                [b'"', ..] => {
                    self.position += 1;
                    return Ok(());
                }
                [
                    b'\\',
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't',
                    ..,
                ] => {
                    self.position += 2;
                }
                [b'\\', b'u', a, b, c, d, ..]
                    if [a, b, c, d].iter().all(|byte| byte.is_ascii_hexdigit()) =>
                {
                    self.position += 6;
                }
                [] | [b'\\'] => return Err(self.error("the text ends inside a string")),
                [b'\\', ..] => return Err(self.error("unknown escape in a string")),
                _ => return Err(self.error("control character in a string")),
            }
        }
    }

    fn number(&mut self) -> Result<(), JsonTextError> {
        self.eat(b"-");
        let whole_start = self.position;
        match self.digits() {
            0 => return Err(self.error("expected a digit")),
            1 => {}
            _ if self.text.get(whole_start) == Some(&b'0') => {
                return Err(self.error("a number begins with a needless zero"));
            }
            _ => {}
        }
        if self.eat(b".") && self.digits() == 0 {
            return Err(self.error("expected a digit after the point"));
        }
        if self.eat(b"eE") {
            self.eat(b"+-");
            if self.digits() == 0 {
                return Err(self.error("expected a digit in the exponent"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::normalise;
    use super::*;

    fn embedded(text: &[u8]) -> Option<Vec<u8>> {
        let mut out = b"before".to_vec();
        let result = embed(text, &mut out);
        if result.is_err() {
            assert_eq!(out, b"before");
        }
        result.ok().map(|()| out.split_off(6))
    }

    #[test]
    fn a_document_stays_as_it_was_written() {
        for text in [
            r#"{"b" : 1.50, "1": [ ], "b": "\u0041\/é"}"#,
            "[0, -0, 1e400, 12345678901234567890]",
            "null",
            "\"x\"",
        ] {
            assert_eq!(embedded(text.as_bytes()), Some(text.as_bytes().to_vec()));
        }
        assert_eq!(embedded(b" \n{}\t"), Some(b"{}".to_vec()));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in [
            "",
            " ",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "01",
            "-",
            "1.",
            "1e+",
            "+1",
            "\"\t\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"open",
            "\"open\\",
            "nul",
            "1 2",
            "[1}",
            "{\"a\" 1}",
            "\u{feff}1",
            "[",
            "{\"a\":",
            "NaN",
            "'a'",
            "[1 2]",
            "\u{b}1",
        ] {
            assert_eq!(embedded(text.as_bytes()), None, "{text}");
        }
        assert_eq!(embedded(b"\"\xff\""), None);
        assert_eq!(embedded("\"\u{1}\"".as_bytes()), None);
    }

    #[test]
    fn depth_is_bounded() {
        let nested =
            |open: &str, close: &str, depth| open.repeat(depth) + "1" + &close.repeat(depth);
        for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
            let levels = open
                .len()
                .min(2)
                .min(if open == "[{\"a\":" { 2 } else { 1 });
            let deepest = MAX_DEPTH / levels;
            assert!(embedded(nested(open, close, deepest).as_bytes()).is_some());
            assert!(embedded(nested(open, close, deepest + 1).as_bytes()).is_none());
        }
    }

    #[test]
    fn it_takes_what_the_rewriting_reader_takes_and_nothing_else() {
        // Every text of up to five of these pieces.
        let pieces = [
            "{", "}", "[", "]", ":", ",", "\"a\"", "0", "-", "1.5", "e", " ", "true",
        ];
        let mut texts = vec![String::new()];
        for _ in 0..5 {
            texts = texts
                .iter()
                .flat_map(|text| pieces.iter().map(move |piece| format!("{text}{piece}")))
                .collect();
            for text in &texts {
                let is_json = normalise(text.as_bytes(), &mut Vec::new()).is_ok();
                assert_eq!(embedded(text.as_bytes()).is_some(), is_json, "{text}");
            }
        }
    }
}
