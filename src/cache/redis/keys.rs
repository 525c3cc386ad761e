//! The names in Redis. Those of ours begin with # after the prefix; a key of a caller that does so is not stored.

use std::fmt::Write;

use fred::types::Key;

use super::Digest;

/// Longer keys are not stored.
const LONGEST: usize = 1024;

#[derive(Debug)]
pub struct Keys {
    prefix: String,
    /// The epochs, the era and the number of the last message.
    pub epochs: Key,
    /// The processes, by when they were last heard of.
    pub members: Key,
    /// What was written, in numbered messages.
    pub bus: String,
    /// What was loaded or given up.
    pub wake: String,
}

impl Keys {
    pub fn new(prefix: &str) -> Keys {
        Keys {
            prefix: prefix.to_owned(),
            epochs: format!("{prefix}#epochs").into(),
            members: format!("{prefix}#members").into(),
            bus: format!("{prefix}#bus"),
            wake: format!("{prefix}#wake"),
        }
    }

    /// Where a value is, if it can be kept under that key.
    pub fn entry(&self, key: &str) -> Option<Key> {
        let fits = !key.is_empty() && key.len() <= LONGEST && !key.starts_with('#');
        fits.then(|| format!("{}{key}", self.prefix).into())
    }

    pub fn lease(&self, digest: &Digest) -> Key {
        format!("{}#lease:{}", self.prefix, hex(digest)).into()
    }
}

pub fn hex(digest: &Digest) -> String {
    digest
        .iter()
        .fold(String::with_capacity(32), |mut hex, byte| {
            // Writing into a string does not fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

/// The digest of a wake-up, if it is one.
pub fn unhex(text: &[u8]) -> Option<Digest> {
    let text = std::str::from_utf8(text)
        .ok()
        .filter(|text| text.len() == 32)?;
    u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_comes_back_from_its_text() {
        let digest: Digest = *b"\x00\xff0123456789abcd";
        assert_eq!(unhex(hex(&digest).as_bytes()), Some(digest));
        assert_eq!(unhex(b"abc"), None);
        assert_eq!(unhex("é".repeat(16).as_bytes()), None);
    }

    #[test]
    fn a_key_cannot_be_one_of_ours() {
        let keys = Keys::new("{hegar}:");
        assert!(keys.entry("product:7").is_some());
        for key in ["", "#epochs", &"k".repeat(1025)] {
            assert!(keys.entry(key).is_none());
        }
    }
}
