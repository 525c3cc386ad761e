//! For how long results are kept and given: the options of `cachedQuery`, as `lib/cache/options.js` hands them over.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use tokio::time::Instant;

use crate::error::{Error, Kind, Result};

use super::entry::{Times, Value};

/// What is checked and complete when it comes. Times are in seconds, as Redis has them.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    #[serde(deserialize_with = "seconds")]
    pub ttl: Duration,
    /// For results without rows, in place of `ttl`; zero keeps none.
    #[serde(deserialize_with = "seconds")]
    pub negative_ttl: Duration,
    #[serde(deserialize_with = "seconds")]
    pub stale_ttl: Duration,
    #[serde(deserialize_with = "seconds")]
    pub grace_ttl: Duration,
    /// How long a caller waits for a fresh result while there is an older one; `None` waits to the end.
    #[serde(deserialize_with = "milliseconds")]
    pub soft_timeout_ms: Option<Duration>,
    /// The share of `ttl` by which it is cut at random, 0 to 1.
    pub jitter: f64,
    /// Larger results are given and not kept.
    pub max_bytes: usize,
    pub tags: Box<[Box<str>]>,
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Duration, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    Duration::try_from_secs_f64(seconds).map_err(serde::de::Error::custom)
}

fn milliseconds<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<Duration>, D::Error> {
    let milliseconds = f64::deserialize(deserializer)?;
    Ok((milliseconds > 0.0).then(|| Duration::from_secs_f64(milliseconds / 1000.0)))
}

impl Policy {
    /// Reads options that JavaScript has checked.
    pub fn from_json(json: &str) -> Result<Policy> {
        serde_json::from_str(json)
            .map_err(|error| Error::new(Kind::Options, format!("options of the cache: {error}")))
    }

    /// When a value that was read then is what; `None` if it is not to be kept.
    pub fn times(&self, value: &Value, read: Instant, took: Duration) -> Option<Times> {
        let ttl = if value.rows() == 0 {
            self.negative_ttl
        } else {
            self.ttl
        };
        if ttl.is_zero() || value.size() > self.max_bytes {
            return None;
        }
        let ttl = ttl.mul_f64(1.0 - self.jitter * fraction());
        let fresh = read + ttl;
        Some(Times {
            read,
            took,
            fresh,
            stale: fresh + self.stale_ttl,
            grace: fresh + self.grace_ttl,
        })
    }
}

/// A random number from 0 up to 1, good enough to spread what would come together (xorshift64*, Vigna 2014).
pub fn fraction() -> f64 {
    use std::{
        cell::Cell,
        hash::{BuildHasher, RandomState},
    };
    thread_local! {
        static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0) | 1);
    }
    STATE.with(|state| {
        let mut bits = state.get();
        bits ^= bits >> 12;
        bits ^= bits << 25;
        bits ^= bits >> 27;
        state.set(bits);
        let mixed = bits.wrapping_mul(0x2545_F491_4F6C_DD1D);
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(more: &str) -> Policy {
        let mut options = serde_json::json!({
            "ttl": 10, "negativeTtl": 10, "staleTtl": 0, "graceTtl": 0, "softTimeoutMs": 0, "jitter": 0,
            "maxBytes": 100, "tags": [],
        });
        let more: serde_json::Value = serde_json::from_str(more).expect("JSON");
        for (name, value) in more.as_object().expect("an object") {
            options[name] = value.clone();
        }
        Policy::from_json(&options.to_string()).expect("a policy")
    }

    fn json(size: usize, rows: usize) -> Value {
        Value::Json {
            bytes: vec![0; size].into(),
            rows,
        }
    }

    #[test]
    fn a_result_is_fresh_for_its_ttl_then_stale_and_of_grace_as_long_as_was_said() {
        let policy = policy(r#"{"staleTtl": 5, "graceTtl": 60}"#);
        let now = Instant::now();
        let times = policy
            .times(&json(1, 1), now, Duration::ZERO)
            .expect("to be kept");
        let at = |seconds| now + Duration::from_secs(seconds);
        assert_eq!(
            [times.fresh, times.stale, times.grace],
            [at(10), at(15), at(70)]
        );
    }

    #[test]
    fn results_without_rows_have_a_ttl_of_their_own() {
        let now = Instant::now();
        let kept = |policy: &Policy, rows| policy.times(&json(1, rows), now, Duration::ZERO);
        let short = policy(r#"{"negativeTtl": 1}"#);
        assert_eq!(
            kept(&short, 0).map(|times| times.fresh),
            Some(now + Duration::from_secs(1))
        );
        assert_eq!(
            kept(&short, 1).map(|times| times.fresh),
            Some(now + Duration::from_secs(10))
        );
        assert!(kept(&policy(r#"{"negativeTtl": 0}"#), 0).is_none());
    }

    #[test]
    fn what_is_too_large_is_not_kept() {
        let now = Instant::now();
        assert!(
            policy("{}")
                .times(&json(100, 1), now, Duration::ZERO)
                .is_some()
        );
        assert!(
            policy("{}")
                .times(&json(101, 1), now, Duration::ZERO)
                .is_none()
        );
    }

    #[test]
    fn jitter_makes_lives_shorter_by_at_most_its_share() {
        let policy = policy(r#"{"jitter": 0.2}"#);
        let now = Instant::now();
        let lives: Vec<f64> = (0..200)
            .filter_map(|_| policy.times(&json(1, 1), now, Duration::ZERO))
            .map(|times| (times.fresh - now).as_secs_f64())
            .collect();
        assert!(
            lives.iter().all(|&life| (8.0..=10.0).contains(&life)),
            "{lives:?}"
        );
        assert!(lives.iter().any(|&life| life < 9.0) && lives.iter().any(|&life| life > 9.0));
    }
}
