//! How often somebody came within a window of time: the counters of a rate limiter, in memory or in Redis.
//!
//! - `windows` are counted in memory, all of them or those for which Redis gave no answer.
//! - `notes` are what is known of windows in Redis; whoever is past his limit is counted there no more.
//! - `recent` bounds both.
//!
//! Invariants: a hit is counted once, in memory or in Redis, and taken back where it was counted. No name is kept that is
//! longer than [`LONGEST`], and no more of them than the limiter says.

use std::{
    borrow::Cow,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use crate::cache::{
    Digest,
    redis::{Redis, Tallies},
};

use notes::{Notes, Undo};
use windows::Windows;

mod notes;
mod recent;
mod windows;

/// Longer names are kept as their hash.
const LONGEST: usize = 256;
/// How long somebody is blocked whose hits may be taken back again, by other processes too.
const RELENTING: Duration = Duration::from_secs(1);

/// The counters of one limiter.
#[derive(Debug)]
pub struct Limits {
    tallies: Option<Tallies>,
    /// Guards what is in memory; held for a look-up.
    memory: Mutex<Memory>,
    hits: AtomicU64,
    blocked: AtomicU64,
    insured: AtomicU64,
}

#[derive(Debug)]
struct Memory {
    windows: Windows,
    notes: Notes,
}

/// What a limiter wants.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    pub window: Duration,
    /// Whoever has more hits is blocked.
    pub block_past: u64,
    /// Whether hits are taken back, so that somebody who is past his limit may not be so for the whole window.
    pub relents: bool,
}

/// What is counted of a window, and how much of it is left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Count {
    pub hits: u64,
    pub left: Duration,
}

/// What became of a hit that Redis had to be asked for.
#[derive(Debug)]
pub struct Answer {
    pub count: Count,
    /// Counted in memory, because Redis did not answer.
    pub is_insured: bool,
}

impl Limits {
    /// Counters of at most `max` names in memory, or in `redis` under names with that prefix.
    pub fn new(max: NonZeroUsize, redis: Option<Arc<Redis>>, prefix: &str) -> Limits {
        Limits {
            tallies: redis.map(|redis| Tallies::new(redis, prefix)),
            memory: Mutex::new(Memory {
                windows: Windows::new(max),
                notes: Notes::new(max),
            }),
            hits: AtomicU64::new(0),
            blocked: AtomicU64::new(0),
            insured: AtomicU64::new(0),
        }
    }

    /// Whether counting takes Redis.
    pub fn is_remote(&self) -> bool {
        self.tallies.is_some()
    }

    /// Counts a hit, unless Redis has to be asked.
    pub fn hit(&self, key: &str, rules: &Rules) -> Option<Count> {
        let name = name_of(key);
        let now = Instant::now();
        let mut memory = self.lock();
        let count = match self.tallies {
            None => memory.windows.hit(&name, rules.window, now),
            Some(_) => {
                let count = memory.notes.hit(&name, now)?;
                self.blocked.fetch_add(1, Relaxed);
                count
            }
        };
        self.hits.fetch_add(1, Relaxed);
        Some(count)
    }

    /// Counts a hit of each key in Redis, or in memory if that gives no answer in time.
    pub async fn ask(&self, keys: &[String], rules: &Rules) -> Vec<Answer> {
        self.hits.fetch_add(keys.len() as u64, Relaxed);
        let names: Vec<_> = keys.iter().map(|key| name_of(key)).collect();
        let names = names.iter().map(AsRef::as_ref);
        let sent = Instant::now();
        let counted = match &self.tallies {
            Some(tallies) => tallies.hit(names.clone(), rules.window).await,
            None => None,
        };
        let mut memory = self.lock();
        let Some(counted) = counted else {
            self.insured.fetch_add(keys.len() as u64, Relaxed);
            let now = Instant::now();
            let insured = names.map(|name| Answer {
                count: memory.windows.hit(name, rules.window, now),
                is_insured: true,
            });
            return insured.collect();
        };
        let most = if rules.relents {
            RELENTING
        } else {
            Duration::MAX
        };
        let told = names.zip(counted).map(|(name, tally)| {
            let block = (tally.hits > rules.block_past).then_some(most);
            memory.notes.learn(name, &tally, rules.window, sent, block);
            Answer {
                count: tally.count(),
                is_insured: false,
            }
        });
        told.collect()
    }

    /// Takes a hit back; the window in Redis to take it back from, if it was counted there.
    pub fn undo(&self, key: &str) -> Option<u64> {
        let name = name_of(key);
        let now = Instant::now();
        let mut memory = self.lock();
        if memory.windows.undo(&name, now) || self.tallies.is_none() {
            return None;
        }
        match memory.notes.undo(&name, now) {
            Undo::Of(window) => Some(window),
            Undo::Done | Undo::Nowhere => None,
        }
    }

    /// Takes a hit back from a window in Redis. Without an answer it stays counted.
    pub async fn undo_there(&self, key: &str, window: u64, rules: &Rules) {
        let name = name_of(key);
        let Some(tallies) = &self.tallies else {
            return;
        };
        if let Some(tally) = tallies.undo(&name, rules.window, window).await
            && tally.hits <= rules.block_past
        {
            self.lock().notes.unblock(&name, &tally, window);
        }
    }

    /// What is counted, as far as it is known without asking Redis.
    pub fn look(&self, key: &str) -> Option<Count> {
        let name = name_of(key);
        let now = Instant::now();
        let memory = self.lock();
        match self.tallies {
            None => memory.windows.look(&name, now),
            Some(_) => memory.notes.look(&name, now),
        }
    }

    /// What is counted in Redis, or in memory if that gives no answer.
    pub async fn look_there(&self, key: &str) -> Option<Answer> {
        let name = name_of(key);
        if let Some(tallies) = &self.tallies
            && let Some(tally) = tallies.look(&name).await
        {
            return tally.map(|tally| Answer {
                count: tally.count(),
                is_insured: false,
            });
        }
        let count = self.lock().windows.look(&name, Instant::now())?;
        Some(Answer {
            count,
            is_insured: true,
        })
    }

    /// Forgets what is counted under a key; false if Redis does not answer.
    pub async fn reset(&self, key: &str) -> bool {
        let name = name_of(key);
        let forgotten = match &self.tallies {
            Some(tallies) => tallies.forget(&name).await,
            None => true,
        };
        // Last, because an answer that was under way may have been noted meanwhile.
        let mut memory = self.lock();
        memory.windows.forget(&name);
        memory.notes.forget(&name);
        forgotten
    }

    /// Forgets everything; false if Redis does not answer.
    pub async fn reset_all(&self) -> bool {
        let forgotten = match &self.tallies {
            Some(tallies) => tallies.forget_all().await,
            None => true,
        };
        self.clear();
        forgotten
    }

    /// Forgets what is in memory.
    pub fn clear(&self) {
        let mut memory = self.lock();
        memory.windows.clear();
        memory.notes.clear();
    }

    /// Figures as a JSON object.
    pub fn stats(&self) -> serde_json::Value {
        let memory = self.lock();
        let tallies = self.tallies.as_ref();
        serde_json::json!({
            "hits": self.hits.load(Relaxed),
            "blockedInMemory": self.blocked.load(Relaxed),
            "insured": self.insured.load(Relaxed),
            "keys": memory.windows.len() + memory.notes.len(),
            "redisCalls": tallies.map_or(0, Tallies::calls),
            "redis": tallies.map(|tallies| tallies.redis().stats()),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Count {
    pub fn of(hits: u64, left: Duration) -> Count {
        Count { hits, left }
    }
}

/// What a key is counted under. A hash begins with #, and no key that is kept as it is does.
fn name_of(key: &str) -> Cow<'_, str> {
    if key.len() <= LONGEST && !key.starts_with('#') {
        return key.into();
    }
    format!("#{}", Digest::of(&[key.as_bytes()]).base64()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_counted_as_the_hash_of_another() {
        let long = "é".repeat(LONGEST);
        let hash = name_of(&long).into_owned();
        assert_eq!(hash.len(), 23);
        assert_ne!(name_of(&hash), hash);
        assert_eq!(name_of(""), "");
        assert_eq!(name_of(&long[..LONGEST]), long[..LONGEST]);
    }

    #[test]
    fn a_key_is_counted_taken_back_and_forgotten_in_memory() {
        let limits = Limits::new(NonZeroUsize::MIN, None, "rl:");
        let rules = Rules {
            window: Duration::from_secs(60),
            block_past: 1,
            relents: false,
        };
        let hits = |count: Option<Count>| count.map(|count| count.hits);
        assert_eq!(hits(limits.hit("a", &rules)), Some(1));
        assert_eq!(hits(limits.hit("a", &rules)), Some(2));
        assert_eq!(limits.undo("a"), None);
        assert_eq!(hits(limits.look("a")), Some(1));
        limits.clear();
        assert_eq!(limits.look("a"), None);
        assert_eq!(limits.stats()["hits"], 2);
    }
}
