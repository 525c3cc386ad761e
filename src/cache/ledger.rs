//! Who writes what: the book that all pools of a process keep for one server.
//!
//! A pool whose results are cached and one that writes need not be the same, so the epochs belong to the server, as its
//! address says. A write is entered when it begins and when it has ended, for all that it may have changed; what that
//! is, `sql::effects` and `schema` say.

use std::{
    collections::HashMap,
    sync::{
        Arc, LazyLock, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::{
    config::Config,
    sql::tables::{Change, Writes},
    statement::Statement,
};

use super::{
    epochs::{Epochs, Place},
    schema::{Schema, Written},
};

/// How long a write whose outcome nobody knows may go on at the server: a statement that is being ended, or a COMMIT
/// whose answer was lost.
const AFTERMATH: Duration = Duration::from_secs(10);

/// The book of one server.
#[derive(Debug, Default)]
pub struct Ledger {
    epochs: Epochs,
    schema: Schema,
    /// How many caches depend on it. Without any, writes are not looked at.
    readers: AtomicUsize,
    others: OnceLock<Weak<dyn Others>>,
}

/// Who tells other processes.
pub trait Others: Send + Sync + std::fmt::Debug {
    /// A write of these marks begins; the number is for its end.
    fn begin(&self, marks: &[Box<str>]) -> u64;
    fn end(&self, write: u64, marks: &[Box<str>]);
}

/// The ledgers in use, by the address of their server. Guards the map, held to find or add one.
static LEDGERS: LazyLock<Mutex<HashMap<String, Weak<Ledger>>>> = LazyLock::new(Mutex::default);

impl Ledger {
    /// The ledger of the server that these options name.
    pub fn of(config: &Config) -> Arc<Ledger> {
        let mut ledgers = LEDGERS.lock().unwrap_or_else(PoisonError::into_inner);
        ledgers.retain(|_, ledger| ledger.strong_count() > 0);
        let known = ledgers.get(&config.target()).and_then(Weak::upgrade);
        let ledger = known.unwrap_or_else(|| {
            let ledger = Arc::<Ledger>::default();
            ledgers.insert(config.target(), Arc::downgrade(&ledger));
            ledger
        });
        if let Some(database) = &config.database {
            ledger.schema.want(database);
        }
        ledger
    }

    pub fn epochs(&self) -> &Epochs {
        &self.epochs
    }

    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// From now on writes are entered.
    pub fn open(&self) {
        self.readers.fetch_add(1, Ordering::SeqCst);
    }

    /// One who depended on it is gone.
    pub fn close(&self) {
        self.readers.fetch_sub(1, Ordering::SeqCst);
    }

    /// Who else is told of writes from now on. The first one stays.
    pub fn tell(&self, others: Weak<dyn Others>) -> bool {
        self.others.set(others).is_ok()
    }

    /// These have changed, by somebody whose writes are not entered.
    pub fn bump(&self, marks: &[Box<str>]) {
        for mark in marks {
            self.epochs.bump(place_of(mark));
        }
    }

    fn is_read(&self) -> bool {
        self.readers.load(Ordering::SeqCst) > 0
    }

    fn others(&self) -> Option<Arc<dyn Others>> {
        self.others.get()?.upgrade()
    }

    /// The marks that a statement may change.
    fn marks(&self, change: &Change) -> Vec<Box<str>> {
        if change.changes_schema {
            self.schema.change();
        }
        if let Some(database) = &change.uses {
            self.schema.want(database);
        }
        match self.schema.written(change) {
            Written::Nothing => Vec::new(),
            Written::Tables(tables) => tables.iter().map(|table| table_mark(table)).collect(),
            Written::Anything => vec![EVERYTHING.into()],
        }
    }
}

/// The mark of everything.
pub const EVERYTHING: &str = "*";

/// The mark of a table.
pub fn table_mark(table: &str) -> Box<str> {
    format!("t:{table}").into()
}

pub fn place_of(mark: &str) -> Place {
    match mark {
        EVERYTHING => Place::EVERYTHING,
        mark => Place::of(mark),
    }
}

/// What one session has written and not committed, as far as anybody knows. Kept with its connection.
#[derive(Debug, Default)]
pub struct Unsettled {
    entries: Vec<Entry>,
    /// The ledger of what was written while nobody depended on it.
    unread: Option<Arc<Ledger>>,
}

#[derive(Debug)]
struct Entry {
    ledger: Arc<Ledger>,
    marks: Vec<Box<str>>,
    changes_schema: bool,
    /// The number of the write for other processes.
    told: Option<u64>,
}

impl Unsettled {
    /// A statement is about to be sent.
    pub fn begin(&mut self, ledger: &Arc<Ledger>, statement: &Statement) {
        if statement.template().is_plain_read() {
            return;
        }
        if !ledger.is_read() {
            self.unread.get_or_insert_with(|| ledger.clone());
            return;
        }
        let change = statement.change();
        // Most statements that are no plain reads end transactions or set something.
        if matches!(change.writes, Writes::Nothing)
            && change.uses.is_none()
            && change.unknown_functions.is_empty()
            && !change.changes_schema
        {
            return;
        }
        let mut marks = ledger.marks(&change);
        marks.retain(|mark| !self.entries.iter().any(|entry| entry.marks.contains(mark)));
        if !marks.is_empty() || change.changes_schema {
            self.enter(ledger, marks, change.changes_schema);
        }
    }

    fn enter(&mut self, ledger: &Arc<Ledger>, marks: Vec<Box<str>>, changes_schema: bool) {
        for mark in &marks {
            ledger.epochs.begin(place_of(mark));
        }
        let told = ledger.others().map(|others| others.begin(&marks));
        self.entries.push(Entry {
            ledger: ledger.clone(),
            marks,
            changes_schema,
            told,
        });
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.unread.is_none()
    }

    /// What was written is committed or rolled back. To be called before anybody is told so.
    pub fn settle(&mut self) {
        for entry in self.entries.drain(..) {
            entry.end();
        }
        if let Some(ledger) = self.unread.take()
            && ledger.is_read()
        {
            // Somebody began to depend on it in the middle.
            ledger.epochs.bump(Place::EVERYTHING);
        }
    }
}

impl Entry {
    fn end(&self) {
        if self.changes_schema {
            self.ledger.schema.change();
        }
        for mark in &self.marks {
            self.ledger.epochs.end(place_of(mark));
        }
        if let (Some(write), Some(others)) = (self.told, self.ledger.others()) {
            others.end(write, &self.marks);
        }
    }
}

impl Drop for Unsettled {
    /// The session is gone and its outcome unknown: the server may still be at work for it.
    fn drop(&mut self) {
        if self.entries.is_empty() {
            return self.settle();
        }
        let mut left = std::mem::take(self);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                tokio::time::sleep(AFTERMATH).await;
                left.settle();
            });
        } else {
            left.settle();
        }
    }
}

#[cfg(test)]
mod tests;
