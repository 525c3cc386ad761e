//! Values by name, so many and no more: the one that was used longest ago makes room. What is over goes by itself, a
//! little with each value that comes.

use std::{collections::hash_map::RandomState, num::NonZeroUsize, time::Instant};

use lru::LruCache;

/// How many of the oldest values are looked at for each that comes, so that there are fewer of those that are over.
const SWEPT: usize = 2;

/// What is over at some time.
pub trait Lasting {
    fn ends(&self) -> Instant;
}

#[derive(Debug)]
pub struct Recent<V> {
    // Strangers choose the names, so the hash has a key of its own.
    kept: LruCache<Box<str>, V, RandomState>,
    max: NonZeroUsize,
}

impl<V: Lasting> Recent<V> {
    pub fn new(max: NonZeroUsize) -> Recent<V> {
        Recent {
            // Bounded by `put`: a bound of its own would take the memory for all of them at once.
            kept: LruCache::unbounded_with_hasher(RandomState::new()),
            max,
        }
    }

    /// The value of a name, over or not, which is then the one used last.
    pub fn get(&mut self, name: &str) -> Option<&mut V> {
        self.kept.get_mut(name)
    }

    /// The same without using it, if it is not over.
    pub fn peek(&self, name: &str, now: Instant) -> Option<&V> {
        self.kept.peek(name).filter(|value| now < value.ends())
    }

    pub fn put(&mut self, name: &str, value: V, now: Instant) {
        for _ in 0..SWEPT {
            if self.oldest_is_over(now) {
                self.kept.pop_lru();
            }
        }
        self.kept.put(name.into(), value);
        if self.kept.len() > self.max.get() {
            self.kept.pop_lru();
        }
    }

    pub fn remove(&mut self, name: &str) {
        self.kept.pop(name);
    }

    pub fn clear(&mut self) {
        // Not `clear`, which keeps the memory of the table.
        self.kept = LruCache::unbounded_with_hasher(RandomState::new());
    }

    pub fn len(&self) -> usize {
        self.kept.len()
    }

    fn oldest_is_over(&self, now: Instant) -> bool {
        let oldest = self.kept.peek_lru();
        oldest.is_some_and(|(_, value)| value.ends() <= now)
    }
}
