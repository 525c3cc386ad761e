//! The prepared statements of one connection, bounded, the least recently used closed first.

use std::{any::Any, num::NonZeroUsize, sync::Arc, time::Duration};

use lru::LruCache;

use crate::{
    codec::params::{Param, Params},
    error::Result,
    statement::Statement,
};

use super::column::Columns;

/// What the server knows as a prepared statement.
pub struct Prepared {
    pub id: u32,
    pub params: u16,
    /// The columns of the last execution; MariaDB leaves them out when they did not change.
    pub columns: Columns,
    pub memo: Memo,
    pub pace: Pace,
    /// The kind of value that each parameter has had; empty for servers that do not mind.
    pub kinds: Kinds,
    /// Whether MariaDB takes many rows for it in one packet; `None` before that was tried.
    pub takes_bulk: Option<bool>,
}

/// Which text a prepared statement stands for: a statement, and how many values each list in it takes. MySQL has up to
/// [`VARIANTS`] of one text, for values of different kinds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    statement: u64,
    lengths: Box<[u32]>,
    variant: u8,
    /// How many rows the text inserts of which the statement has one.
    rows: usize,
}

/// As many as there are kinds of values, so that one parameter may be of any kind.
const VARIANTS: u8 = 6;

/// The kinds of a statement's parameters, as far as values of them have been seen.
///
/// Since 8.0.22 MySQL decides once what type `?` has where nothing else says so, from the first value it gets, and
/// converts later values to that: after a number, `SELECT ?` gives 0 for the text 'abc'. MariaDB takes each value as it
/// is.
#[derive(Debug, Default, Clone)]
pub struct Kinds(Box<[Option<Kind>]>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Integer,
    Double,
    Decimal,
    Text,
    Date,
    Time,
}

impl Kinds {
    fn of(params: &Params) -> Kinds {
        Kinds(params.iter().map(kind_of).collect())
    }

    /// NULL has no kind and fits all: a statement for each choice of columns that are NULL would be too many.
    fn fit(&self, params: &Params) -> bool {
        self.0
            .iter()
            .zip(params.iter().map(kind_of))
            .all(|pair| !matches!(pair, (Some(known), Some(kind)) if *known != kind))
    }

    /// Whether there is nothing to learn from these.
    fn know(&self, params: &Params) -> bool {
        self.0
            .iter()
            .zip(params.iter().map(kind_of))
            .all(|(known, kind)| kind.is_none() || known.is_some())
    }

    fn learn(&mut self, params: &Params) {
        for (known, param) in self.0.iter_mut().zip(params.iter()) {
            *known = known.or_else(|| kind_of(param));
        }
    }
}

fn kind_of(param: Result<Param<'_>>) -> Option<Kind> {
    match param.ok()? {
        Param::Null => None,
        Param::Bool(_) | Param::Int(_) | Param::UInt(_) => Some(Kind::Integer),
        Param::Double(_) => Some(Kind::Double),
        Param::Text(_) | Param::Bytes(_) => Some(Kind::Text),
        Param::Decimal(_) => Some(Kind::Decimal),
        Param::DateTime(_) => Some(Kind::Date),
        Param::Time(_) => Some(Kind::Time),
    }
}

impl Key {
    /// The statement of a batch, with its row written `rows` times. It is one of its own, because what kinds of values
    /// it has had is not followed: where many rows are put their columns have types.
    pub fn times(statement: &Statement, rows: usize) -> Key {
        Key {
            statement: statement.id(),
            lengths: Box::default(),
            variant: u8::MAX,
            rows,
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
    /// Whether the server keeps the types of the first values, see [`Kinds`].
    pins_types: bool,
    /// The variant that gives way next when there is one of every number.
    next_variant: u8,
    pub counts: StatementCounts,
}

impl Statements {
    pub fn new(limit: usize, pins_types: bool) -> Statements {
        // Unbounded, because a bounded one reserves all of its memory at once; `insert` keeps the limit.
        Statements {
            prepared: LruCache::unbounded(),
            limit: NonZeroUsize::new(limit).map_or(1, usize::from),
            closing: Vec::new(),
            pins_types,
            next_variant: 0,
            counts: StatementCounts::default(),
        }
    }

    /// The key of the statement that fits these parameters, which from now on is one for their kinds; or of none that
    /// is there, under which to keep the one to be prepared.
    pub fn key(&mut self, statement: &Statement, params: &Params) -> Key {
        let mut key = first_key(statement, params);
        if !self.pins_types || params.is_empty() {
            return key;
        }
        for variant in 0..VARIANTS {
            key.variant = variant;
            match self.prepared.peek_mut(&key) {
                Some(prepared) if prepared.kinds.fit(params) => {
                    prepared.kinds.learn(params);
                    return key;
                }
                Some(_) => {}
                None => return key,
            }
        }
        key.variant = self.next_variant;
        self.next_variant = (self.next_variant + 1) % VARIANTS;
        if let Some(other) = self.prepared.pop(&key) {
            self.closing.push(other.id);
        }
        key
    }

    /// What a statement that is prepared for these parameters has to remember of them.
    pub fn kinds(&self, params: &Params) -> Kinds {
        if self.pins_types {
            Kinds::of(params)
        } else {
            Kinds::default()
        }
    }

    /// Takes the statement out for use, so that it can be changed while the connection is borrowed.
    pub fn take(&mut self, key: &Key) -> Option<Prepared> {
        let found = self.prepared.pop(key);
        self.counts.hits += u64::from(found.is_some());
        found
    }

    /// Looks at a statement without counting this as a use.
    pub fn peek(&self, key: &Key) -> Option<&Prepared> {
        self.prepared.peek(key)
    }

    /// Looks for the statement that fits these parameters, whose kinds it has seen before: so nothing is learnt between
    /// looking and sending.
    pub fn find(&self, statement: &Statement, params: &Params) -> Option<&Prepared> {
        let mut key = first_key(statement, params);
        loop {
            let prepared = self.prepared.peek(&key)?;
            if prepared.kinds.fit(params) {
                return prepared.kinds.know(params).then_some(prepared);
            }
            key.variant += 1;
        }
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

    /// Closes what is prepared for a statement without lists.
    pub fn forget(&mut self, statement: &Statement) {
        let mut key = first_key(statement, &Params::default());
        for variant in 0..VARIANTS {
            key.variant = variant;
            if let Some(prepared) = self.prepared.pop(&key) {
                self.closing.push(prepared.id);
            }
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

fn first_key(statement: &Statement, params: &Params) -> Key {
    Key {
        statement: statement.id(),
        lengths: params.lengths().into(),
        variant: 0,
        rows: 1,
    }
}

/// What the codecs compiled for a statement's columns, kept beside the statement so that it is compiled once.
#[derive(Default)]
pub struct Memo {
    entries: Vec<(u64, Arc<dyn Any + Send + Sync>)>,
}

impl Memo {
    /// A statement is rarely read in more forms than objects and JSON in a few shapes.
    const LIMIT: usize = 8;

    /// The value under `key`, compiled by `compile` the first time.
    pub fn get_or_try_insert<T: Any + Send + Sync>(
        &mut self,
        key: u64,
        compile: impl FnOnce() -> Result<Arc<T>>,
    ) -> Result<Arc<T>> {
        let found = self.entries.iter().find(|(entry, _)| *entry == key);
        if let Some(value) = found.and_then(|(_, value)| Arc::clone(value).downcast::<T>().ok()) {
            return Ok(value);
        }
        let value = compile()?;
        if self.entries.len() >= Self::LIMIT {
            self.entries.remove(0);
        }
        self.entries.push((key, value.clone()));
        Ok(value)
    }

    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

/// How long a statement's executions take and how much they return, recent ones counting most.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pace {
    runs: u32,
    micros: f32,
    bytes: f32,
}

impl Pace {
    /// Executions before a statement is judged.
    const TRIAL: u32 = 4;
    /// The share of the latest execution in the averages.
    const WEIGHT: f32 = 1.0 / 8.0;
    /// What a quick statement may take beyond the way to the server and back. A caller behind it in a pipeline waits
    /// that much longer, of the order of what it would have waited for a connection.
    const QUICK_MICROS: f32 = 3_000.0;
    /// What a quick statement may return: results of this size cost more to write and read than to send.
    const QUICK_BYTES: f32 = 16.0 * 1024.0;

    pub fn observe(&mut self, took: Duration, bytes: usize) {
        let micros = took.as_secs_f32() * 1e6;
        let weight = if self.runs == 0 { 1.0 } else { Self::WEIGHT };
        self.runs = self.runs.saturating_add(1);
        self.micros += (micros - self.micros) * weight;
        self.bytes += (bytes as f32 - self.bytes) * weight;
    }

    /// Whether the statement has been quick lately, on a connection with this shortest `round_trip`.
    pub fn is_quick(&self, round_trip: Duration) -> bool {
        self.runs >= Self::TRIAL
            && self.bytes <= Self::QUICK_BYTES
            && self.micros <= round_trip.as_secs_f32() * 1e6 + Self::QUICK_MICROS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUND_TRIP: Duration = Duration::from_micros(200);

    fn pace(runs: u32, micros: u64, bytes: usize) -> Pace {
        let mut pace = Pace::default();
        for _ in 0..runs {
            pace.observe(Duration::from_micros(micros), bytes);
        }
        pace
    }

    #[test]
    fn a_statement_is_quick_after_a_trial() {
        assert!(!pace(Pace::TRIAL - 1, 300, 100).is_quick(ROUND_TRIP));
        assert!(pace(Pace::TRIAL, 300, 100).is_quick(ROUND_TRIP));
    }

    #[test]
    fn the_way_to_a_distant_server_makes_no_statement_slow() {
        let pace = pace(100, 20_300, 100);
        assert!(!pace.is_quick(ROUND_TRIP));
        assert!(pace.is_quick(Duration::from_millis(20)));
    }

    #[test]
    fn slow_and_long_answers_are_not_quick() {
        assert!(!pace(100, 5_000, 100).is_quick(ROUND_TRIP));
        assert!(!pace(100, 300, 100_000).is_quick(ROUND_TRIP));
    }

    #[test]
    fn one_execution_of_50_ms_ends_it_for_a_while() {
        let mut pace = pace(100, 300, 100);
        pace.observe(Duration::from_millis(50), 100);
        assert!(!pace.is_quick(ROUND_TRIP));
        for _ in 0..20 {
            pace.observe(Duration::from_micros(300), 100);
        }
        assert!(pace.is_quick(ROUND_TRIP));
    }
}
