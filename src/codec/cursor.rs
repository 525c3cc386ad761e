//! Cursors: the place between two rows of a sorted statement, as text that clients keep and can not change.
//!
//! A cursor is base64url of a payload and its HMAC-SHA256. The payload is a version, a kind, and for each column by which
//! is sorted one byte, 1 if it may hold NULL, and its value in the packed form of [`super::params`]. The signature also
//! covers what the cursor belongs to, so that it is of no use with another statement or order. A client can read the
//! values; it has had them in the rows.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{digest, hmac};

use super::key;

const VERSION: u8 = 1;
const TAG: usize = 32;
/// Bytes of the payload: a few columns of the longest text that is taken.
const MAX_PAYLOAD: usize = 4096;
/// Characters of a cursor of that length.
pub const MAX_CURSOR: usize = (MAX_PAYLOAD + TAG).div_ceil(3) * 4;

const BEFORE: u8 = 1;
const INCLUSIVE: u8 = 2;

/// Which rows a cursor asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    /// The rows before the place instead of those after it.
    pub before: bool,
    /// With the row at the place, if it is still there.
    pub inclusive: bool,
}

/// The values at a place: for each column whether it may hold NULL, and the packed value.
#[derive(Debug, PartialEq, Eq)]
pub struct Position<'a> {
    pub side: Side,
    pub values: Vec<(bool, &'a [u8])>,
}

/// Signs cursors of one statement and order, and checks them.
pub struct Signer {
    /// The first one signs, all are accepted. `ring` keeps its keys out of Debug.
    keys: Vec<hmac::Key>,
    context: digest::Digest,
}

impl Signer {
    /// `context` says what the cursors belong to.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a [u8]>, context: &[u8]) -> Signer {
        Signer {
            keys: secrets
                .into_iter()
                .map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret))
                .collect(),
            context: digest::digest(&digest::SHA256, context),
        }
    }

    /// The cursor for a place whose values were written by [`write_value`]; `None` if it would be too long.
    pub fn sign(&self, side: Side, values: &[u8]) -> Option<String> {
        let key = self.keys.first()?;
        let kind = u8::from(side.before) * BEFORE + u8::from(side.inclusive) * INCLUSIVE;
        let mut signed = self.context.as_ref().to_vec();
        signed.extend_from_slice(&[VERSION, kind]);
        signed.extend_from_slice(values);
        let tag = hmac::sign(key, &signed);
        let payload = signed.get(self.context.as_ref().len()..)?;
        if payload.len() > MAX_PAYLOAD {
            return None;
        }
        Some(URL_SAFE_NO_PAD.encode([payload, tag.as_ref()].concat()))
    }

    /// The payload of a cursor of ours; `None` for anything else.
    pub fn open(&self, cursor: &str) -> Option<Vec<u8>> {
        if cursor.len() > MAX_CURSOR {
            return None;
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let tag = bytes.split_off(bytes.len().checked_sub(TAG)?);
        let signed = [self.context.as_ref(), &bytes].concat();
        // Compares in constant time.
        let is_ours = |key| hmac::verify(key, &signed, &tag).is_ok();
        self.keys.iter().any(is_ours).then_some(bytes)
    }
}

/// Appends the value of one column.
pub fn write_value(nullable: bool, packed: &[u8], out: &mut Vec<u8>) {
    out.push(u8::from(nullable));
    out.extend_from_slice(packed);
}

/// Reads a payload of `columns` values.
pub fn read(payload: &[u8], columns: usize) -> Option<Position<'_>> {
    let (&[version, kind], mut rest) = payload.split_first_chunk::<2>()?;
    if version != VERSION || kind > BEFORE + INCLUSIVE {
        return None;
    }
    let mut values = Vec::with_capacity(columns);
    for _ in 0..columns {
        let (&nullable, value) = rest.split_first()?;
        let (packed, more) = key::split_key(value)?;
        values.push((nullable != 0, packed));
        rest = more;
    }
    let side = Side {
        before: kind & BEFORE != 0,
        inclusive: kind & INCLUSIVE != 0,
    };
    rest.is_empty().then_some(Position { side, values })
}

/// The values of a payload, as they were written.
pub fn values(payload: &[u8]) -> &[u8] {
    payload.get(2..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER: Side = Side {
        before: false,
        inclusive: false,
    };

    fn signer(secrets: &[&str], context: &str) -> Signer {
        Signer::new(
            secrets.iter().map(|secret| secret.as_bytes()),
            context.as_bytes(),
        )
    }

    fn sample() -> Vec<u8> {
        let mut values = Vec::new();
        write_value(true, &[0], &mut values);
        write_value(false, &[5, 2, 0, 0, 0, b'h', b'i'], &mut values);
        values
    }

    #[test]
    fn a_cursor_comes_back_as_it_was() {
        let signer = signer(&["secret"], "statement");
        for (before, inclusive) in [(false, false), (true, false), (false, true), (true, true)] {
            let side = Side { before, inclusive };
            let cursor = signer.sign(side, &sample()).expect("short");
            assert!(
                cursor
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            );
            let payload = signer.open(&cursor).expect("ours");
            let position = read(&payload, 2).expect("well formed");
            assert_eq!(position.side, side);
            assert_eq!(
                position.values,
                [(true, &[0][..]), (false, &[5, 2, 0, 0, 0, b'h', b'i'][..])]
            );
            assert_eq!(values(&payload), sample());
            assert_eq!(read(&payload, 1), None);
            assert_eq!(read(&payload, 3), None);
        }
    }

    #[test]
    fn any_change_cut_or_addition_makes_it_invalid() {
        let signer = signer(&["secret"], "statement");
        let cursor = signer.sign(AFTER, &sample()).expect("short");
        for at in 0..cursor.len() {
            for other in ['A', 'z', '_', '=', ' ', '+'] {
                let mut changed: Vec<char> = cursor.chars().collect();
                if changed[at] == other {
                    continue;
                }
                changed[at] = other;
                let changed: String = changed.into_iter().collect();
                assert_eq!(signer.open(&changed), None, "{at} {other}");
            }
            assert_eq!(signer.open(&cursor[..at]), None, "cut at {at}");
        }
        assert_eq!(signer.open(&format!("{cursor}A")), None);
        assert_eq!(signer.open(&"A".repeat(MAX_CURSOR + 1)), None);
        assert_eq!(signer.open(&"A".repeat(MAX_CURSOR)), None);
    }

    #[test]
    fn a_cursor_belongs_to_its_statement_and_secret_and_old_secrets_stay_good() {
        let old = signer(&["old"], "statement");
        let cursor = old.sign(AFTER, &sample()).expect("short");
        assert_eq!(signer(&["old"], "another").open(&cursor), None);
        assert_eq!(signer(&["new"], "statement").open(&cursor), None);
        let rotated = signer(&["new", "old"], "statement");
        assert!(rotated.open(&cursor).is_some());
        let renewed = rotated.sign(AFTER, &sample()).expect("short");
        assert_eq!(old.open(&renewed), None);
    }

    #[test]
    fn values_that_would_make_it_too_long_give_none() {
        let signer = signer(&["secret"], "statement");
        assert!(signer.sign(AFTER, &vec![0; MAX_PAYLOAD - 2]).is_some());
        assert_eq!(signer.sign(AFTER, &vec![0; MAX_PAYLOAD - 1]), None);
    }
}
