//! Who writes what: the book that all pools of a process keep for one server.
//!
//! A pool whose results are cached and one that writes need not be the same, so the epochs belong to the server, as its
//! address says. A write is entered when it begins and when it has ended, for all that it may have changed; what that
//! is, `sql::tables` and `schema` say.

use std::{
    collections::HashMap,
    sync::{
        Arc, LazyLock, Mutex, PoisonError, RwLock, RwLockWriteGuard, Weak,
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
    redis::{Redis, Write},
    schema::{Schema, Written},
};

/// How long a write whose outcome nobody knows may go on at the server: a statement that is being ended, or a COMMIT
/// whose answer was lost. Longer than a statement waits for a lock by default (`innodb_lock_wait_timeout`, 50 s), should
/// the order to end it not come through.
const AFTERMATH: Duration = Duration::from_secs(75);

/// The book of one server.
#[derive(Debug, Default)]
pub struct Ledger {
    epochs: Epochs,
    schema: Schema,
    /// How many caches depend on it. Without any, writes are not looked at.
    readers: AtomicUsize,
    /// Where other processes are told of writes. Guards a short list, held to look at it or change it.
    others: RwLock<Vec<Weak<Redis>>>,
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

    /// Other processes are told there from now on, and heard of.
    pub fn share(&self, others: &Arc<Redis>) {
        self.epochs.close_horizon();
        self.lock_others().push(Arc::downgrade(others));
    }

    /// The opposite of [`Ledger::share`].
    pub fn unshare(&self, others: &Arc<Redis>) {
        let mut all = self.lock_others();
        all.retain(|known| {
            known
                .upgrade()
                .is_some_and(|known| !Arc::ptr_eq(&known, others))
        });
        if all.is_empty() {
            self.epochs.open_horizon();
        }
    }

    /// These have changed, by somebody whose writes are not entered.
    pub fn bump(&self, marks: &[Box<str>]) {
        for mark in marks {
            self.epochs.bump(place_of(mark));
        }
        for others in self.others() {
            others.bump(marks.to_vec());
        }
    }

    /// A write of these begins.
    pub fn begin(self: &Arc<Ledger>, marks: Vec<Box<str>>) -> Entry {
        for mark in &marks {
            self.epochs.begin(place_of(mark));
        }
        let told = self.others().into_iter();
        Entry {
            ledger: self.clone(),
            told: told.map(|others| others.begin(marks.clone())).collect(),
            marks,
            changes_schema: false,
        }
    }

    fn is_read(&self) -> bool {
        self.readers.load(Ordering::SeqCst) > 0
    }

    fn others(&self) -> Vec<Arc<Redis>> {
        let others = self.others.read().unwrap_or_else(PoisonError::into_inner);
        others.iter().filter_map(Weak::upgrade).collect()
    }

    fn lock_others(&self) -> RwLockWriteGuard<'_, Vec<Weak<Redis>>> {
        self.others.write().unwrap_or_else(PoisonError::into_inner)
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

/// A write that has begun. Dropped, it has ended.
#[derive(Debug)]
pub struct Entry {
    ledger: Arc<Ledger>,
    marks: Vec<Box<str>>,
    changes_schema: bool,
    /// The same for other processes.
    told: Vec<Write>,
}

impl Unsettled {
    /// A statement is about to be sent.
    pub fn begin(&mut self, ledger: &Arc<Ledger>, statement: &Statement) {
        if statement.template().is_plain_read() {
            return;
        }
        if !ledger.is_read() {
            self.unread.get_or_insert_with(|| ledger.clone());
            let text = statement.template().text().trim_start();
            if text
                .get(..3)
                .is_some_and(|word| word.eq_ignore_ascii_case("USE"))
                && let Some(database) = &statement.change().uses
            {
                ledger.schema.want(database);
            }
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
            let mut entry = ledger.begin(marks);
            entry.changes_schema = change.changes_schema;
            self.entries.push(entry);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.unread.is_none()
    }

    /// What was written may have been committed, and more may follow.
    pub fn bump(&self) {
        self.entries.iter().for_each(Entry::bump);
    }

    /// Whether there are writes whose end is not known.
    pub fn is_open(&self) -> bool {
        !self.entries.is_empty()
    }

    /// What was written is committed or rolled back. To be called before anybody is told so.
    pub fn settle(&mut self) {
        self.entries.clear();
        if let Some(ledger) = self.unread.take()
            && ledger.is_read()
        {
            // Somebody began to depend on it in the middle.
            ledger.bump(&[EVERYTHING.into()]);
        }
    }
}

impl Entry {
    /// What was written can be seen now, or soon.
    pub fn bump(&self) {
        self.ledger.bump(&self.marks);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.changes_schema {
            self.ledger.schema.change();
        }
        for mark in &self.marks {
            self.ledger.epochs.end(place_of(mark));
        }
        // Before anybody is told that the write is over, as the epochs. Those who came after its beginning hear of it too.
        let others = self.ledger.others();
        if others.len() > self.told.len() {
            others
                .iter()
                .for_each(|others| others.bump(self.marks.clone()));
        }
        self.told.clear();
    }
}

impl Drop for Unsettled {
    /// The session is gone and its outcome unknown: the server may still be at work for it.
    fn drop(&mut self) {
        if self.entries.is_empty() {
            return self.settle();
        }
        self.bump();
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
