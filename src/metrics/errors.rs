//! Failures by error code, bounded in the number of codes and in what a code may look like.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most codes that are told apart; each is a time series in Prometheus.
const MAX_CODES: usize = 64;

/// Longer than the longest code that MySQL and MariaDB name.
const MAX_CODE_LENGTH: usize = 96;

/// The code under which everything beyond the bounds is counted.
const OTHER: &str = "other";

/// How often each error code occurred.
///
/// The mutex protects the map alone. A lock is good enough, because errors are rare, it is held for
/// one map operation, and nothing awaits under it.
#[derive(Debug, Default)]
pub struct ErrorCounts(Mutex<BTreeMap<String, u64>>);

impl ErrorCounts {
    /// Counts one failure. A code is letters, digits and underscores; anything else counts as
    /// `other`, so that no message, and with it no SQL, can become a label.
    pub fn record(&self, code: &str) {
        let mut counts = self.lock();
        if let Some(count) = counts.get_mut(code) {
            *count += 1;
            return;
        }
        let distinct = counts.len() - usize::from(counts.contains_key(OTHER));
        let code = if distinct < MAX_CODES && is_plain(code) {
            code
        } else {
            OTHER
        };
        *counts.entry(code.to_owned()).or_insert(0) += 1;
    }

    pub fn total(&self) -> u64 {
        self.lock().values().sum()
    }

    /// The counts in the order of their codes.
    pub fn by_code(&self) -> BTreeMap<String, u64> {
        self.lock().clone()
    }

    /// A panic elsewhere cannot leave the map half changed, so a poisoned lock is as good as any.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_plain(code: &str) -> bool {
    (1..=MAX_CODE_LENGTH).contains(&code.len())
        && code
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_beyond_the_bound_count_as_other_and_known_ones_go_on() {
        let errors = ErrorCounts::default();
        for code in 0..MAX_CODES + 10 {
            errors.record(&format!("ER_{code:03}"));
        }
        errors.record("ER_000");
        let counts = errors.by_code();
        assert_eq!(counts.len(), MAX_CODES + 1);
        assert_eq!(counts.get("other"), Some(&10));
        assert_eq!(counts.get("ER_000"), Some(&2));
        assert_eq!(errors.total(), MAX_CODES as u64 + 11);
    }

    #[test]
    fn other_takes_no_place_of_a_code() {
        let errors = ErrorCounts::default();
        errors.record("other");
        for code in 0..MAX_CODES {
            errors.record(&format!("ER_{code:03}"));
        }
        let counts = errors.by_code();
        assert_eq!(counts.get("other"), Some(&1));
        assert_eq!(counts.len(), MAX_CODES + 1);
    }

    #[test]
    fn what_is_not_a_plain_name_is_never_kept() {
        let errors = ErrorCounts::default();
        let long = "E".repeat(MAX_CODE_LENGTH + 1);
        for code in [
            "", "SELECT 1", "near 'x'", "a\"b", "a\nb", "ER-1", "é", &long,
        ] {
            errors.record(code);
        }
        assert_eq!(errors.by_code(), BTreeMap::from([("other".to_owned(), 8)]));
    }
}
