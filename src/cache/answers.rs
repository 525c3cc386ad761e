//! HTTP answers that are kept. JavaScript has their bytes, because Node sends them; here is what they weigh, what they
//! depend on, and the way to other processes.
//!
//! Invariant, as for results of statements: an answer whose making began before a write of its marks was known to be over
//! is never kept. Some of the marks may be known only when it is made, so the number of the last change stands for all of
//! them before it (`epochs`).

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::time::{self, timeout_at};

use super::{
    Digest, Shared,
    entry::{Entry, Times, Weigh},
    is_unfenced,
    memory::{Draft, Memory},
    places_of,
    redis::{self, Fill, Lookup},
};

/// How often somebody waits for another process before making an answer by itself, as for results of statements.
const MAX_WAITS: u32 = 3;

/// Answers by their numbers, which JavaScript gives them.
pub struct Answers {
    shared: Arc<Shared>,
    memory: Memory<Held>,
    evicted: AtomicU64,
}

/// The bytes that JavaScript holds for an answer.
#[derive(Debug)]
pub struct Held(usize);

impl Weigh for Held {
    fn weight(&self) -> usize {
        self.0
    }
}

/// What other processes know of an answer.
#[derive(Debug)]
pub enum Found {
    /// They have it: how long it is fresh, and the number of the last change before they were asked.
    Hit {
        bytes: bytes::Bytes,
        fresh_for: Duration,
        since: u32,
    },
    /// Nobody makes it: make it, then [`Answers::store`] it. Dropping the fill gives up.
    Lead(Fill),
    /// Make it, and keep it to yourself.
    Alone,
}

impl Answers {
    /// Answers that depend on what `shared` knows of, `max_bytes` of them.
    pub fn new(shared: Arc<Shared>, max_bytes: usize) -> Answers {
        Answers {
            shared,
            memory: Memory::new(max_bytes),
            evicted: AtomicU64::new(0),
        }
    }

    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Keeps an answer that was made after the change with the number `since`; `None` if what it depends on has changed, or
    /// there is no room for it.
    pub fn hold(
        &self,
        number: u64,
        weight: usize,
        marks: &[Box<str>],
        since: u32,
    ) -> Option<Arc<Entry<Held>>> {
        let epochs = self.shared.ledger.epochs();
        let stamp = epochs.stamp(places_of(marks));
        if !epochs.are_quiet_since(&stamp, since) && !is_unfenced() {
            return None;
        }
        let draft = Draft {
            value: Held(weight),
            stamp,
            // JavaScript minds the times.
            times: Times::never(time::Instant::now()),
            prefix: 0,
        };
        let (entry, forgotten) = self.memory.put(digest(number), draft);
        self.evicted.fetch_add(forgotten as u64, Ordering::Relaxed);
        entry.token.is_some().then_some(entry)
    }

    /// JavaScript has dropped it.
    pub fn forget(&self, number: u64) {
        self.memory.remove(&digest(number));
    }

    /// The tokens of the answers, for JavaScript.
    pub fn tokens(&self) -> &[AtomicU32] {
        self.memory.tokens()
    }

    /// Asks other processes for an answer, and waits for the one that is making it, until `deadline` at the latest.
    pub async fn find(&self, key: &str, marks: &[Box<str>], deadline: Instant) -> Found {
        let Some(redis) = &self.shared.redis else {
            return Found::Alone;
        };
        let digest: redis::Digest = Digest::of(&[key.as_bytes()]).0;
        for waits in 0..=MAX_WAITS {
            let since = self.shared.ledger.epochs().now();
            match redis.lookup(key, &digest, marks, waits < MAX_WAITS).await {
                Lookup::Hit(hit) if !hit.fresh_for.is_zero() => {
                    return Found::Hit {
                        bytes: hit.value,
                        fresh_for: hit.fresh_for,
                        since,
                    };
                }
                Lookup::Hit(hit) => return hit.lead.map_or(Found::Alone, Found::Lead),
                Lookup::Lead(fill) => return Found::Lead(fill),
                Lookup::Wait(wait) if waits < MAX_WAITS => {
                    if timeout_at(deadline.into(), redis.woken(&wait))
                        .await
                        .is_err()
                    {
                        break;
                    }
                }
                Lookup::Wait(_) | Lookup::Off => break,
            }
        }
        Found::Alone
    }

    /// Gives an answer to other processes, for as long as it is fresh; `cost` is how long it took to make.
    pub async fn store(&self, fill: Fill, bytes: &[u8], fresh: Duration, cost: Duration) -> bool {
        let times = redis::Times {
            fresh,
            stale: Duration::ZERO,
            cost,
        };
        match &self.shared.redis {
            Some(redis) => redis.store(fill, bytes, times).await,
            None => false,
        }
    }

    /// Figures as a JSON object.
    pub fn stats(&self) -> serde_json::Value {
        serde_json::json!({
            "entries": self.memory.entries(),
            "bytes": self.memory.bytes(),
            "maxBytes": self.memory.max_bytes(),
            "evicted": self.evicted.load(Ordering::Relaxed),
            "redis": self.shared.redis.as_ref().map(|redis| redis.stats()),
        })
    }
}

/// Numbers are given in turn, so their lowest bytes spread over the lists of the memory.
fn digest(number: u64) -> Digest {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    Digest(bytes)
}

/// An entity tag for these bytes: 128 bits of their SHA-256, so that nobody can make two answers that have the same.
pub fn entity_tag(bytes: &[u8]) -> String {
    Digest::of(&[bytes]).base64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::ledger::Ledger;

    fn answers(max_bytes: usize) -> Answers {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let shared = Shared::new(
            Arc::<Ledger>::default(),
            None,
            Duration::from_secs(1),
            runtime.handle(),
        );
        Answers::new(Arc::new(shared.expect("no Redis to start")), max_bytes)
    }

    fn marks(names: &[&str]) -> Vec<Box<str>> {
        names.iter().map(|&name| name.into()).collect()
    }

    #[test]
    fn an_answer_is_kept_unless_something_was_written_while_it_was_made() {
        let answers = answers(1000);
        let ledger = answers.shared.ledger.clone();
        let since = ledger.epochs().now();
        assert!(answers.hold(1, 100, &marks(&["t:a"]), since).is_some());
        ledger.bump(&marks(&["t:b"]));
        assert!(answers.hold(2, 100, &marks(&["t:a"]), since).is_some());
        assert!(answers.hold(3, 100, &marks(&["t:b"]), since).is_none());
        let write = ledger.begin(marks(&["t:a"]));
        let during = ledger.epochs().now();
        assert!(answers.hold(4, 100, &marks(&["t:a"]), during).is_none());
        drop(write);
        assert!(answers.hold(5, 100, &marks(&["t:a"]), during).is_none());
        let after = ledger.epochs().now();
        assert!(answers.hold(6, 100, &marks(&["t:a"]), after).is_some());
    }

    #[test]
    fn the_least_used_answer_makes_room_and_none_is_larger_than_all_of_it() {
        let answers = answers(1000);
        for number in 0..1_000 {
            answers.hold(number, 100, &[], 0);
        }
        assert_eq!(answers.memory.bytes(), 1000);
        assert_eq!(answers.memory.entries(), 10);
        assert!(answers.hold(2_000, 1001, &[], 0).is_none());
        answers.forget(999);
        assert_eq!(answers.memory.bytes(), 900);
    }

    #[test]
    fn tags_differ_with_the_bytes_and_need_no_quoting() {
        let tag = entity_tag(b"{}");
        assert_ne!(tag, entity_tag(b"{ }"));
        assert_eq!(tag.len(), 22);
        assert!(
            tag.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        );
    }
}
