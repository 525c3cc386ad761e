//! Tier 1: results in the memory of the process, the least used one forgotten first, bounded by bytes.
//!
//! JavaScript keeps what it was given and uses it again without asking (`lib/cache/front.js`). So that this is one memory
//! with one bound, each entry has a token in memory that both read: a generation, by which JavaScript sees that the
//! entry is gone, and a mark by which it says that it used the entry. One that is about to be forgotten and was used
//! goes to the other end of the list instead (a second chance, as in the clock algorithm).

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU32, AtomicUsize, Ordering},
};

use lru::LruCache;

use super::{
    Digest,
    entry::{Entry, Times, Value, Weigh},
    epochs::Stamp,
};

/// So many that threads seldom meet at one.
const SHARDS: usize = 16;
/// The most entries, which is what there are tokens for.
pub const MAX_ENTRIES: usize = 1 << 16;
/// How many used entries are spared for one that is forgotten, so that forgetting takes no longer.
const MAX_SPARED: usize = 16;

/// By which JavaScript knows an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    pub index: u32,
    pub generation: u32,
}

/// Results by their digest.
#[derive(Debug)]
pub struct Memory<V = Value> {
    /// Each guards its list; held for a look-up or to forget some.
    shards: Box<[Mutex<Shard<V>>]>,
    tokens: Tokens,
    /// The weights of all entries.
    bytes: AtomicUsize,
    max_bytes: usize,
}

#[derive(Debug)]
struct Shard<V> {
    entries: LruCache<Digest, Arc<Entry<V>>>,
}

/// A value that is to be kept.
#[derive(Debug)]
pub struct Draft<V = Value> {
    pub value: V,
    pub stamp: Stamp,
    pub times: Times,
    pub prefix: u32,
}

impl<V> Draft<V> {
    /// The entry of a value that is given and not kept.
    pub fn unkept(self) -> Arc<Entry<V>> {
        Arc::new(self.entry(None))
    }

    fn entry(self, token: Option<Token>) -> Entry<V> {
        let Draft {
            value,
            stamp,
            times,
            prefix,
        } = self;
        Entry {
            value,
            stamp,
            times,
            prefix,
            token,
        }
    }
}

impl<V: Weigh> Memory<V> {
    pub fn new(max_bytes: usize) -> Memory<V> {
        let shard = |_| {
            Mutex::new(Shard {
                // Bounded by weight, and given no memory in advance.
                entries: LruCache::unbounded(),
            })
        };
        Memory {
            shards: (0..SHARDS).map(shard).collect(),
            tokens: Tokens::default(),
            bytes: AtomicUsize::new(0),
            max_bytes,
        }
    }

    /// The weight of all entries.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    pub fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// How many entries there are.
    pub fn entries(&self) -> usize {
        let lists = (0..SHARDS).map(|index| self.shard(index).entries.len());
        lists.sum()
    }

    /// The memory of the tokens: two words for each, the generation and whether it was used.
    pub fn tokens(&self) -> &[AtomicU32] {
        &self.tokens.words
    }

    /// The entry of this digest, whatever its age.
    pub fn get(&self, digest: &Digest) -> Option<Arc<Entry<V>>> {
        self.shard_of(digest).entries.get(digest).cloned()
    }

    /// Keeps a value in place of the one before. How many others were forgotten for it is the second answer.
    pub fn put(&self, digest: Digest, draft: Draft<V>) -> (Arc<Entry<V>>, usize) {
        let weight = draft.value.weight();
        if weight > self.max_bytes {
            return (draft.unkept(), 0);
        }
        let mut forgotten = self.make_room(&digest, weight);
        let mut token = self.tokens.take();
        while token.is_none() {
            let freed = self.forget_one(&digest);
            forgotten += freed;
            token = self.tokens.take();
            if freed == 0 && token.is_none() {
                return (draft.unkept(), forgotten);
            }
        }
        let entry = Arc::new(draft.entry(token));
        self.bytes.fetch_add(weight, Ordering::Relaxed);
        let before = self.shard_of(&digest).entries.put(digest, entry.clone());
        if let Some(before) = before {
            self.drop_entry(&before);
        }
        (entry, forgotten)
    }

    /// Forgets an entry.
    pub fn remove(&self, digest: &Digest) {
        let removed = self.shard_of(digest).entries.pop(digest);
        if let Some(entry) = removed {
            self.drop_entry(&entry);
        }
    }

    fn make_room(&self, digest: &Digest, weight: usize) -> usize {
        let mut forgotten = 0;
        while self.bytes() + weight > self.max_bytes {
            let freed = self.forget_one(digest);
            forgotten += freed;
            if freed == 0 {
                break;
            }
        }
        forgotten
    }

    /// Forgets the least used entry of the digest's shard, or of the next one that has an unused one; the second time
    /// round, any.
    fn forget_one(&self, digest: &Digest) -> usize {
        let first = shard_index(digest);
        for turn in 0..SHARDS * 2 {
            let forgotten = {
                let mut shard = self.shard((first + turn) % SHARDS);
                self.least_used(&mut shard.entries, turn < SHARDS)
            };
            if let Some(entry) = forgotten {
                self.drop_entry(&entry);
                return 1;
            }
        }
        0
    }

    fn least_used(
        &self,
        entries: &mut LruCache<Digest, Arc<Entry<V>>>,
        spares: bool,
    ) -> Option<Arc<Entry<V>>> {
        for _ in 0..entries.len().min(MAX_SPARED) {
            let (digest, entry) = entries.pop_lru()?;
            if !(self.tokens.take_use(entry.token) && spares) {
                return Some(entry);
            }
            entries.put(digest, entry);
        }
        None
    }

    fn drop_entry(&self, entry: &Entry<V>) {
        self.bytes
            .fetch_sub(entry.value.weight(), Ordering::Relaxed);
        if let Some(token) = entry.token {
            self.tokens.give(token);
        }
    }

    fn shard_of(&self, digest: &Digest) -> MutexGuard<'_, Shard<V>> {
        self.shard(shard_index(digest))
    }

    fn shard(&self, index: usize) -> MutexGuard<'_, Shard<V>> {
        let shard = self.shards[index].lock();
        shard.unwrap_or_else(PoisonError::into_inner)
    }
}

fn shard_index(digest: &Digest) -> usize {
    usize::from(digest.0[0]) % SHARDS
}

#[derive(Debug)]
struct Tokens {
    words: Box<[AtomicU32]>,
    /// Guards the indexes that nobody has. Held for a push or pop.
    free: Mutex<Free>,
}

#[derive(Debug, Default)]
struct Free {
    given_back: Vec<u32>,
    /// From here on none has been given away yet.
    next: u32,
}

impl Default for Tokens {
    fn default() -> Tokens {
        Tokens {
            words: (0..MAX_ENTRIES * 2).map(|_| AtomicU32::new(0)).collect(),
            free: Mutex::default(),
        }
    }
}

impl Tokens {
    fn take(&self) -> Option<Token> {
        let index = {
            let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            match free.given_back.pop() {
                Some(index) => index,
                None if (free.next as usize) < MAX_ENTRIES => {
                    free.next += 1;
                    free.next - 1
                }
                None => return None,
            }
        };
        let [generation, used] = self.words(index);
        used.store(0, Ordering::Relaxed);
        Some(Token {
            index,
            generation: generation.load(Ordering::Acquire),
        })
    }

    fn give(&self, token: Token) {
        let [generation, _] = self.words(token.index);
        generation.fetch_add(1, Ordering::AcqRel);
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.given_back.push(token.index);
    }

    /// Whether JavaScript has used the entry since this was last asked.
    fn take_use(&self, token: Option<Token>) -> bool {
        token.is_some_and(|token| self.words(token.index)[1].swap(0, Ordering::Relaxed) != 0)
    }

    fn words(&self, index: u32) -> [&AtomicU32; 2] {
        let at = index as usize * 2;
        [&self.words[at], &self.words[at + 1]]
    }
}

#[cfg(test)]
mod tests;
