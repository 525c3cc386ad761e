//! The prepared statements of one connection, bounded, the least recently used closed first.

use std::{any::Any, num::NonZeroUsize, sync::Arc};

use lru::LruCache;

use crate::{codec::params::Params, statement::Statement};

use super::column::Columns;

/// What the server knows as a prepared statement.
pub struct Prepared {
    pub id: u32,
    pub params: u16,
    /// The columns of the last execution; MariaDB leaves them out when they did not change.
    pub columns: Columns,
    pub memo: Memo,
}

/// Which text a prepared statement stands for: a statement, and how many values each list in it takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    statement: u64,
    lengths: Box<[u32]>,
}

impl Key {
    pub fn new(statement: &Statement, params: &Params) -> Key {
        Key {
            statement: statement.id(),
            lengths: params.lengths().into(),
        }
    }
}

/// Counters for the metrics, read and cleared by the pool after each call.
#[derive(Debug, Clone, Copy, Default)]
pub struct StatementCounts {
    pub hits: u64,
    pub prepared: u64,
}

pub struct Statements {
    prepared: LruCache<Key, Prepared>,
    limit: usize,
    /// Statements to close with the next command; closing has no answer to wait for.
    closing: Vec<u32>,
    pub counts: StatementCounts,
}

impl Statements {
    pub fn new(limit: usize) -> Statements {
        // Unbounded, because a bounded one reserves all of its memory at once; `insert` keeps the limit.
        Statements {
            prepared: LruCache::unbounded(),
            limit: NonZeroUsize::new(limit).map_or(1, usize::from),
            closing: Vec::new(),
            counts: StatementCounts::default(),
        }
    }

    /// Takes the statement out for use, so that it can be changed while the connection is borrowed.
    pub fn take(&mut self, key: &Key) -> Option<Prepared> {
        let found = self.prepared.pop(key);
        self.counts.hits += u64::from(found.is_some());
        found
    }

    pub fn insert(&mut self, key: Key, statement: Prepared) {
        self.prepared.put(key, statement);
        while self.prepared.len() > self.limit {
            if let Some((_, oldest)) = self.prepared.pop_lru() {
                self.closing.push(oldest.id);
            }
        }
    }

    pub fn close_later(&mut self, id: u32) {
        self.closing.push(id);
    }

    /// Closes everything, for when the server is short of statements.
    pub fn close_all(&mut self) {
        while let Some((_, statement)) = self.prepared.pop_lru() {
            self.closing.push(statement.id);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.prepared.is_empty()
    }

    /// Forgets everything without closing: the server has reset the session.
    pub fn forget_all(&mut self) {
        self.prepared.clear();
        self.closing.clear();
    }

    pub fn take_closing(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.closing)
    }
}

/// What the codecs compiled for a statement's columns, kept beside the statement so that it is compiled once.
#[derive(Default)]
pub struct Memo {
    entries: Vec<(u64, Arc<dyn Any + Send + Sync>)>,
}

impl Memo {
    /// A statement is rarely read in more forms than objects and two or three JSON shapes.
    const LIMIT: usize = 4;

    /// The value under `key`, compiled by `compile` the first time.
    pub fn get_or_insert<T: Any + Send + Sync>(
        &mut self,
        key: u64,
        compile: impl FnOnce() -> Arc<T>,
    ) -> Arc<T> {
        let found = self.entries.iter().find(|(entry, _)| *entry == key);
        if let Some(value) = found.and_then(|(_, value)| Arc::clone(value).downcast::<T>().ok()) {
            return value;
        }
        let value = compile();
        if self.entries.len() >= Self::LIMIT {
            self.entries.remove(0);
        }
        self.entries.push((key, value.clone()));
        value
    }

    pub fn clear(&mut self) {
        self.entries.clear();
    }
}
