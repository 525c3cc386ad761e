//! What anybody writes at the server, from its binary log: each table that rows were changed in is entered in the ledger,
//! whoever changed them.
//!
//! The log is written before a change can be seen, so a table counts as being written for a moment longer than until the
//! log has its end. While the log can not be followed, nothing is known of what others write, and that is told: by
//! `stats().cache.binlog` and by a warning.

use std::{
    collections::{BTreeMap, VecDeque},
    future::pending,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    config::Config,
    error::{Error, Kind, Result},
    sql::tables,
    wire::{Binlog, Change},
};

use super::{
    ledger::{EVERYTHING, Entry, Ledger, table_mark},
    schema::Written,
};

/// How long a committed change may take to be seen after the log has it. With semi-synchronous replication that waits for
/// a replica before the engine commits (AFTER_SYNC) it takes as long as the replica does.
const UNSEEN: Duration = Duration::from_millis(50);
/// Between attempts to follow, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How following goes.
#[derive(Debug, Default)]
pub struct State {
    /// Guards the figures; held to read or change them.
    figures: Mutex<Figures>,
}

#[derive(Debug, Default, Clone)]
struct Figures {
    is_wanted: bool,
    is_followed: bool,
    changes: u64,
    attempts: u64,
    error: Option<String>,
}

impl State {
    /// The figures for `db.stats()`; null where the log is not followed.
    pub fn stats(&self) -> Value {
        let figures = self.read(|figures| figures.clone());
        if !figures.is_wanted {
            return Value::Null;
        }
        json!({
            "isFollowed": figures.is_followed,
            "changes": figures.changes,
            "attempts": figures.attempts,
            "error": figures.error,
        })
    }

    fn read<T>(&self, read: impl FnOnce(&mut Figures) -> T) -> T {
        let mut figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        read(&mut figures)
    }

    /// The log is to be followed.
    pub fn want(&self) {
        self.read(|figures| figures.is_wanted = true);
    }

    /// Notes why it can not be followed; whether that is new is the answer.
    fn fail(&self, error: &Error) -> bool {
        self.read(|figures| {
            figures.is_followed = false;
            let before = figures.error.replace(error.message().to_owned());
            before != figures.error
        })
    }
}

/// Follows the log for as long as it is polled, over and over. `tell` gets each reason why it can not be followed, once.
pub async fn follow(config: &Config, ledger: &Arc<Ledger>, state: &State, tell: impl Fn(Error)) {
    let mut pause = FIRST_PAUSE;
    loop {
        state.read(|figures| figures.attempts += 1);
        let error = match Binlog::open(config).await {
            Ok(binlog) => {
                pause = FIRST_PAUSE;
                // Whatever was written before is not in what follows.
                ledger.bump(&[EVERYTHING.into()]);
                state.read(|figures| {
                    figures.is_followed = true;
                    figures.error = None;
                });
                let error = read(binlog, ledger, state).await;
                // From here on nobody knows.
                ledger.bump(&[EVERYTHING.into()]);
                error
            }
            Err(error) => error,
        };
        if state.fail(&error) {
            tell(error);
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn read(mut binlog: Binlog, ledger: &Arc<Ledger>, state: &State) -> Error {
    let mut open = Open::new(ledger);
    loop {
        let change = tokio::select! {
            biased;
            () = open.due() => {
                open.end_due();
                continue;
            }
            change = binlog.next() => change,
        };
        match change.and_then(|change| open.take(change)) {
            Ok(()) => state.read(|figures| figures.changes += 1),
            Err(error) => return error,
        }
    }
}

/// Changes whose end has not come, or not long ago.
struct Open<'a> {
    ledger: &'a Arc<Ledger>,
    /// Of the transaction that is being read, by their marks.
    current: BTreeMap<Box<str>, Entry>,
    /// Of those that were read, and when they are seen for certain.
    ended: VecDeque<(Instant, Vec<Entry>)>,
}

/// More transactions that are not over than this are more than can be followed.
const MAX_ENDED: usize = 10_000;

impl Open<'_> {
    fn new(ledger: &Arc<Ledger>) -> Open<'_> {
        Open {
            ledger,
            current: BTreeMap::new(),
            ended: VecDeque::new(),
        }
    }

    fn take(&mut self, change: Change) -> Result<()> {
        let ledger = self.ledger;
        match change {
            Change::Table { table, .. } => self.begin(&[table.to_lowercase().into()]),
            Change::Statement { schema, sql } => {
                ledger.schema().want(&schema);
                let change = tables::change(&sql);
                if change.changes_schema {
                    ledger.schema().change();
                }
                match ledger.schema().written(&change) {
                    Written::Nothing => {}
                    Written::Tables(tables) => {
                        let tables: Vec<Box<str>> = tables.into_iter().collect();
                        self.begin(&tables);
                    }
                    Written::Anything => self.enter(EVERYTHING.into()),
                }
            }
            Change::Anything => self.enter(EVERYTHING.into()),
            Change::Committed => {
                let entries: Vec<Entry> = std::mem::take(&mut self.current).into_values().collect();
                entries.iter().for_each(Entry::bump);
                if !entries.is_empty() {
                    self.ended.push_back((Instant::now() + UNSEEN, entries));
                }
                if self.ended.len() > MAX_ENDED {
                    let message = "more is written than can be followed";
                    return Err(Error::new(Kind::Binlog, message));
                }
            }
        }
        Ok(())
    }

    /// Rows of these tables were changed, and of those that follow them by foreign keys, which servers do not log.
    fn begin(&mut self, tables: &[Box<str>]) {
        match self.ledger.schema().reached(tables) {
            Written::Tables(tables) => {
                for table in tables {
                    self.enter(table_mark(&table));
                }
            }
            Written::Nothing => {}
            Written::Anything => self.enter(EVERYTHING.into()),
        }
    }

    fn enter(&mut self, mark: Box<str>) {
        let ledger = self.ledger;
        let begin = || ledger.begin(vec![mark.clone()]);
        self.current.entry(mark.clone()).or_insert_with(begin);
    }

    async fn due(&self) {
        match self.ended.front() {
            Some(&(at, _)) => sleep_until(at).await,
            None => pending().await,
        }
    }

    fn end_due(&mut self) {
        let now = Instant::now();
        let due = self.ended.partition_point(|&(at, _)| at <= now);
        self.ended.drain(..due);
    }
}
