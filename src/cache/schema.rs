//! What the server's schema adds to a statement: views are read through, and writing a table may write others by its
//! foreign keys and triggers, or through functions.
//!
//! It is read from `information_schema` when the first result is to be cached, again after a statement that changes it,
//! and every minute, because others may have changed it. Until it is known, a write may have written anything.
//! Tables are told apart by their names alone: two of one name in two databases are invalidated together.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::{
    error::Result,
    sql::tables::{self, Change, Effects, TableName, Writes},
    wire::{Connection, Texts},
};

/// How often the schema is read.
pub const PERIOD: Duration = Duration::from_secs(60);
/// How long it is taken to be what it was when it can not be read.
const LIFETIME: Duration = Duration::from_secs(3 * 60);
/// More databases than this are not looked into: whatever names another one may write anything.
const MAX_DATABASES: usize = 32;

/// What is known of the databases that statements have named.
#[derive(Debug, Default)]
pub struct Schema {
    /// Guards pointers and small sets, held for look-ups.
    state: Mutex<State>,
    /// Rings when a write was taken for one of anything because the schema is not known.
    missed: Notify,
}

#[derive(Debug, Default)]
struct State {
    wanted: BTreeSet<Box<str>>,
    /// Whether statements run in more databases than are looked into, so that nothing is certain any more.
    has_more: bool,
    facts: Option<Arc<Facts>>,
    /// Whether the facts are to be read again.
    is_due: bool,
    /// Counts changes, so that what was read before one is not taken for what is after it.
    changes: u64,
}

/// What was read of some databases.
#[derive(Debug)]
struct Facts {
    databases: BTreeSet<Box<str>>,
    read: Instant,
    /// Tables that stand for others: views, sequences, and those whose rows are kept by other tables or servers.
    views: HashSet<Box<str>>,
    /// The tables whose rows change when those of the key's table do.
    followers: HashMap<Box<str>, Vec<Box<str>>>,
    /// Tables with triggers that may write anything.
    wild: HashSet<Box<str>>,
    /// Stored functions, and whether each may write.
    functions: HashMap<Box<str>, bool>,
}

/// What a statement may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    Nothing,
    Tables(BTreeSet<Box<str>>),
    Anything,
}

/// What has to be known of the tables that a statement reads.
#[derive(Debug, PartialEq, Eq)]
pub enum Readiness {
    Tables(Vec<Box<str>>),
    /// One of them is a view.
    View,
    /// It calls a stored function.
    Function,
    /// The schema has to be read first.
    Unknown,
}

/// What is to be read, see [`Schema::read`].
#[derive(Debug)]
pub struct Question {
    databases: BTreeSet<Box<str>>,
    changes: u64,
    is_open: bool,
}

impl Question {
    /// Whether it has not been answered yet.
    pub fn is_open(&self) -> bool {
        self.is_open
    }
}

impl Schema {
    /// Statements of sessions in this database are to be understood.
    pub fn want(&self, database: &str) {
        let mut state = self.lock();
        let name = database.to_lowercase().into_boxed_str();
        if state.wanted.contains(&name) {
            return;
        }
        if state.wanted.len() < MAX_DATABASES {
            state.wanted.insert(name);
        } else {
            state.has_more = true;
        }
    }

    /// A statement has changed the schema, or is about to.
    pub fn change(&self) {
        let mut state = self.lock();
        state.facts = None;
        state.changes += 1;
    }

    /// What the statement may have changed.
    pub fn written(&self, change: &Change) -> Written {
        let functions = &change.unknown_functions;
        let has_functions = !functions.is_empty();
        let named: &[TableName] = match &change.writes {
            Writes::Anything => return Written::Anything,
            Writes::Nothing if !has_functions => return Written::Nothing,
            Writes::Nothing => &[],
            Writes::Tables(tables) => tables,
        };
        let Some(facts) = self.facts(named, functions, LIFETIME) else {
            // Whoever looks after it is told that it is missed.
            self.missed.notify_one();
            return Written::Anything;
        };
        if functions
            .iter()
            .any(|name| facts.function(name) == Some(true))
        {
            return Written::Anything;
        }
        facts.reached(named, true)
    }

    /// The tables whose rows change when those of these do, foreign keys followed and triggers left out: a log has what
    /// those did.
    pub fn reached(&self, tables: &[Box<str>]) -> Written {
        let named: Vec<TableName> = tables
            .iter()
            .map(|name| TableName {
                schema: None,
                name: name.clone(),
            })
            .collect();
        match self.facts(&[], &[], LIFETIME) {
            Some(facts) => facts.reached(&named, false),
            None => Written::Anything,
        }
    }

    /// What is known of the tables that a statement reads.
    pub fn readiness(&self, effects: &Effects) -> Readiness {
        self.readiness_of(effects, LIFETIME)
    }

    /// The same by what was known last, for as long as the server can not be asked.
    pub fn last_readiness(&self, effects: &Effects) -> Readiness {
        self.readiness_of(effects, Duration::MAX)
    }

    fn readiness_of(&self, effects: &Effects, age: Duration) -> Readiness {
        let named = effects.reads.as_deref().unwrap_or_default();
        let functions = &effects.change.unknown_functions;
        let Some(facts) = self.facts(named, functions, age) else {
            return Readiness::Unknown;
        };
        if functions.iter().any(|name| facts.function(name).is_some()) {
            return Readiness::Function;
        }
        if named.iter().any(|table| facts.views.contains(&table.name)) {
            return Readiness::View;
        }
        Readiness::Tables(named.iter().map(|table| table.name.clone()).collect())
    }

    /// The facts, if they are of all databases that matter.
    fn facts(
        &self,
        named: &[TableName],
        functions: &[Box<str>],
        age: Duration,
    ) -> Option<Arc<Facts>> {
        let mut state = self.lock();
        let of_tables = named.iter().filter_map(|table| table.schema.as_deref());
        let of_functions = functions
            .iter()
            .filter_map(|name| Some(name.split_once('.')?.0));
        for database in of_tables.chain(of_functions) {
            if !state.wanted.contains(database) {
                if state.wanted.len() >= MAX_DATABASES {
                    return None;
                }
                state.wanted.insert(database.into());
            }
        }
        if state.has_more {
            return None;
        }
        let facts = state.facts.as_ref()?;
        let is_complete = state.wanted.is_subset(&facts.databases);
        let is_recent = facts.read.elapsed() < age;
        (is_complete && is_recent).then(|| facts.clone())
    }

    /// Resolves when somebody needed the schema and did not have it.
    pub async fn missed(&self) {
        self.missed.notified().await;
    }

    /// What is to be read now.
    pub fn question(&self) -> Question {
        let state = self.lock();
        let known = state.facts.as_ref();
        let is_known = known.is_some_and(|facts| {
            state.wanted.is_subset(&facts.databases) && facts.read.elapsed() < LIFETIME
        });
        Question {
            databases: state.wanted.clone(),
            changes: state.changes,
            is_open: state.is_due || !is_known,
        }
    }

    /// The schema is to be read again; until then it is what it was.
    pub fn expire(&self) {
        self.lock().is_due = true;
    }

    /// Reads the schema and keeps it, unless it has changed meanwhile. The caller holds the deadline.
    pub async fn read(&self, question: Question, connection: &mut Connection) -> Result<()> {
        let read = Instant::now();
        let databases = question.databases;
        let rows = async |connection: &mut Connection, columns: &str, table: &str, of: &str| {
            let names: Vec<String> = databases.iter().map(|name| quoted(name)).collect();
            if names.is_empty() {
                return Ok(Vec::new());
            }
            let names = names.join(", ");
            let text =
                format!("SELECT {columns} FROM information_schema.{table} WHERE {of} IN ({names})");
            let mut texts = Texts::default();
            connection.query(&text, &mut texts).await?;
            Ok(texts.rows)
        };
        let mut facts = Facts::new(databases.clone(), read);
        let columns = "TABLE_NAME, TABLE_TYPE, ENGINE";
        for row in rows(connection, columns, "TABLES", "TABLE_SCHEMA").await? {
            if let [table, kind, engine] = &row[..]
                && (!TABLES.contains(&&**kind) || ELSEWHERE.contains(&&*engine.to_uppercase()))
            {
                facts.views.insert(table.to_lowercase().into());
            }
        }
        let columns = "REFERENCED_TABLE_NAME, TABLE_NAME, DELETE_RULE, UPDATE_RULE";
        let (table, of) = ("REFERENTIAL_CONSTRAINTS", "CONSTRAINT_SCHEMA");
        for row in rows(connection, columns, table, of).await? {
            if let [parent, child, on_delete, on_update] = &row[..]
                && (acts(on_delete) || acts(on_update))
            {
                facts.follow(parent, child.to_lowercase().into());
            }
        }
        let columns = "EVENT_OBJECT_TABLE, ACTION_STATEMENT";
        for row in rows(connection, columns, "TRIGGERS", "TRIGGER_SCHEMA").await? {
            if let [table, action] = &row[..] {
                facts.trigger(table, action);
            }
        }
        let columns = "ROUTINE_NAME, SQL_DATA_ACCESS";
        for row in rows(connection, columns, "ROUTINES", "ROUTINE_SCHEMA").await? {
            // What a function is declared to do is not enforced, but who declares it to read alone means it.
            if let [name, access] = &row[..] {
                let may_write = !matches!(access.as_str(), "READS SQL DATA" | "NO SQL");
                let known = facts.functions.entry(name.to_lowercase().into());
                *known.or_default() |= may_write;
            }
        }
        let mut state = self.lock();
        if state.changes == question.changes {
            state.facts = Some(Arc::new(facts));
            state.is_due = false;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Facts {
    fn new(databases: BTreeSet<Box<str>>, read: Instant) -> Facts {
        Facts {
            databases,
            read,
            views: HashSet::new(),
            followers: HashMap::new(),
            wild: HashSet::new(),
            functions: HashMap::new(),
        }
    }

    /// Whether the function of this name, perhaps behind that of a database, may write; `None` if there is no such one.
    fn function(&self, name: &str) -> Option<bool> {
        let name = name.split_once('.').map_or(name, |(_, name)| name);
        self.functions.get(name).copied()
    }

    fn follow(&mut self, table: &str, follower: Box<str>) {
        let followers = self.followers.entry(table.to_lowercase().into());
        followers.or_default().push(follower);
    }

    fn trigger(&mut self, table: &str, action: &str) {
        let change = tables::change(action);
        // In a trigger this word begins a block and no transaction.
        let is_block = action
            .trim_start()
            .get(..5)
            .is_some_and(|word| word.eq_ignore_ascii_case("BEGIN"));
        match &change.writes {
            _ if is_block || !change.unknown_functions.is_empty() => {}
            Writes::Tables(tables) => {
                for written in tables {
                    self.follow(table, written.name.clone());
                }
                return;
            }
            // Such as one that sets values of its own row.
            Writes::Nothing => return,
            Writes::Anything => {}
        }
        self.wild.insert(table.to_lowercase().into());
    }

    /// The tables that a write of these reaches, and by their triggers if these are not known otherwise.
    fn reached(&self, named: &[TableName], by_triggers: bool) -> Written {
        let mut reached = BTreeSet::new();
        let mut next: Vec<&str> = named.iter().map(|table| &*table.name).collect();
        while let Some(table) = next.pop() {
            // The tables behind a view are not known.
            if by_triggers && self.wild.contains(table) || self.views.contains(table) {
                return Written::Anything;
            }
            if reached.insert(table.into()) {
                let followers = self.followers.get(table);
                next.extend(followers.into_iter().flatten().map(|name| &**name));
            }
        }
        if reached.is_empty() {
            return Written::Nothing;
        }
        Written::Tables(reached)
    }
}

/// The kinds of tables with rows of their own.
const TABLES: &[&str] = &["BASE TABLE", "SYSTEM VERSIONED"];
/// Engines whose tables have their rows elsewhere.
const ELSEWHERE: &[&str] = &["MRG_MYISAM", "FEDERATED", "CONNECT", "SPIDER"];

/// Whether the rule of a foreign key changes rows.
fn acts(rule: &str) -> bool {
    !matches!(rule, "RESTRICT" | "NO ACTION")
}

/// A name of a database as a literal in every `sql_mode`.
fn quoted(name: &str) -> String {
    let digits: String = name.bytes().map(|byte| format!("{byte:02X}")).collect();
    format!("CONVERT(X'{digits}' USING utf8mb4)")
}

#[cfg(test)]
mod tests;
