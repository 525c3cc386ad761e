//! A place in a JSON text and the steps that need no more than that.

use super::JsonTextError;

pub(super) struct Scan<'a> {
    pub(super) text: &'a [u8],
    pub(super) position: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a [u8]) -> Scan<'a> {
        Scan { text, position: 0 }
    }

    /// What has not been read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.get(self.position..).unwrap_or_default()
    }

    /// The next byte that is not white space; it stays unread.
    pub(super) fn next(&mut self) -> Option<u8> {
        while let Some(&byte) = self.text.get(self.position) {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
            self.position += 1;
        }
        None
    }

    /// Reads the next byte if it is one of these.
    pub(super) fn eat(&mut self, bytes: &[u8]) -> bool {
        let next = self.text.get(self.position);
        let found = next.is_some_and(|byte| bytes.contains(byte));
        self.position += usize::from(found);
        found
    }

    /// Reads digits and counts them.
    pub(super) fn digits(&mut self) -> usize {
        let count = self
            .rest()
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        self.position += count;
        count
    }

    pub(super) fn word(&mut self, word: &[u8]) -> Result<(), JsonTextError> {
        if !self.rest().starts_with(word) {
            return Err(self.error("expected true, false or null"));
        }
        self.position += word.len();
        Ok(())
    }

    pub(super) fn error(&self, reason: &'static str) -> JsonTextError {
        JsonTextError {
            position: self.position,
            reason,
        }
    }
}
