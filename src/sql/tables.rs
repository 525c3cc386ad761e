//! Which tables a statement reads and which it writes, and whether its result may be kept.
//!
//! Invariant: every doubt is decided for forgetting too much. A read in doubt is not kept, a write in doubt writes
//! [`Writes::Anything`].
//!
//! The text does not tell what a view reads, what a trigger or a foreign key writes along, what a stored function does,
//! which name is a sequence or a temporary table, or that a table stands for others (MERGE, FEDERATED). Nor does it
//! tell what the session adds: its database, its settings, its transaction. Whoever keeps results has to know these.
//! And where a server makes a date of a TIME, it takes today's, which only the types of the columns would tell.

mod head;
mod name;
mod query;
mod scan;
mod survey;
mod verdict;

pub use name::TableName;

use super::{Mode, lexer::Reading, statement};

/// What a statement does to tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effects {
    /// The tables it reads, views and names of WITH among them; None where that is not known, as of all statements
    /// but queries, INSERT, REPLACE, UPDATE and DELETE.
    pub reads: Option<Box<[TableName]>>,
    pub change: Change,
    /// Why its result must not be kept; None if it may be, as long as none of the unknown functions is a user's.
    pub uncacheable: Option<Uncacheable>,
}

/// What may be different behind a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub writes: Writes,
    /// Functions it calls that may be a user's, in lower case, `shop.f` where the call names a schema: those that are
    /// not known, and those that only newer servers have as their own. A stored function may read and write.
    pub unknown_functions: Box<[Box<str>]>,
    /// CREATE, ALTER, DROP, RENAME, TRUNCATE: what is known of the schema may be out of date behind it.
    pub changes_schema: bool,
    /// The database that a `USE x` goes to, in lower case.
    pub uses: Option<Box<str>>,
}

/// What a statement writes by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Writes {
    Nothing,
    Tables(Box<[TableName]>),
    Anything,
}

/// Why the result of a statement must not be kept. Of several reasons the first in this order is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Uncacheable {
    /// The text holds more than one statement, or may.
    Several,
    /// It is no SELECT, with or without WITH.
    NotARead,
    /// INTO or PROCEDURE.
    Stores,
    /// FOR UPDATE and everything else with FOR or LOCK.
    Locks,
    /// A user or system variable.
    Variable,
    /// The clock, chance, the user or the session.
    NotDeterministic,
    /// A table that the server keeps for itself.
    SystemTable,
    /// SQL_NO_CACHE, and SQL_CALC_FOUND_ROWS, which the next statement asks about.
    Asked,
    /// A function that is not known.
    Function,
    /// Servers may read the text in different ways.
    Doubtful,
    /// There is nothing against it but that its tables are not known.
    Unparsed,
}

/// What `sql` reads and writes. It may hold placeholders, written `?`.
///
/// The time is linear in the length. Texts of more than 64 KiB are not parsed: their tables are unknown, and so is
/// what an UPDATE or DELETE of several tables writes.
pub fn effects(sql: &str) -> Effects {
    let findings = survey::all_readings(sql);
    let reads = if findings.statements == 1 {
        query::reads(sql)
    } else {
        None
    };
    let uncacheable = findings.reason().or_else(|| {
        if !statement::nature(sql).computes {
            Some(Uncacheable::Doubtful)
        } else if reads.is_none() {
            Some(Uncacheable::Unparsed)
        } else {
            None
        }
    });
    Effects {
        reads,
        change: if is_quiet(sql) {
            Change::nothing()
        } else {
            findings.change
        },
        uncacheable,
    }
}

/// What `sql` writes, without looking for what it reads: most statements take no parser for that.
pub fn change(sql: &str) -> Change {
    if is_quiet(sql) {
        return Change::nothing();
    }
    survey::all_readings(sql).change
}

/// The same for a session whose `sql_mode` is known, where strings with escaped quotes leave no doubt.
pub fn change_in(sql: &str, mode: Mode) -> Change {
    if is_quiet(sql) {
        return Change::nothing();
    }
    let reading = Reading {
        single: !mode.no_backslash_escapes,
        double: !mode.no_backslash_escapes && !mode.ansi_quotes,
        ..Reading::DEFAULT
    };
    survey::one_reading(sql, reading).change
}

/// Whether it is a SELECT or SHOW that calls nothing and has no statement behind it, however it is split.
fn is_quiet(sql: &str) -> bool {
    let sql = sql.trim_ascii();
    let is_read = sql
        .split_once([' ', '\n', '\t', '\r'])
        .is_some_and(|(verb, _)| {
            verb.eq_ignore_ascii_case("SELECT") || verb.eq_ignore_ascii_case("SHOW")
        });
    is_read
        && !sql
            .bytes()
            .any(|byte| matches!(byte, b';' | b'(' | b'\\' | b'[' | b'!'))
}

impl Effects {
    /// Whether its result may be kept by someone who says himself which tables it reads.
    pub fn is_cacheable_by_tags(&self) -> bool {
        matches!(self.uncacheable, None | Some(Uncacheable::Unparsed))
    }
}

impl Change {
    fn nothing() -> Self {
        Self {
            writes: Writes::Nothing,
            unknown_functions: Box::default(),
            changes_schema: false,
            uses: None,
        }
    }
}

impl Writes {
    fn add(&mut self, other: Writes) {
        match (&mut *self, other) {
            (_, Writes::Nothing) | (Writes::Anything, _) => {}
            (Writes::Tables(ours), Writes::Tables(theirs)) => {
                let mut tables = std::mem::take(ours).into_vec();
                tables.extend(theirs);
                tables.sort_unstable();
                tables.dedup();
                *ours = tables.into();
            }
            (_, other) => *self = other,
        }
    }
}

impl Uncacheable {
    const ALL: [Self; 11] = [
        Self::Several,
        Self::NotARead,
        Self::Stores,
        Self::Locks,
        Self::Variable,
        Self::NotDeterministic,
        Self::SystemTable,
        Self::Asked,
        Self::Function,
        Self::Doubtful,
        Self::Unparsed,
    ];

    /// Its name in statistics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Several => "several",
            Self::NotARead => "notARead",
            Self::Stores => "stores",
            Self::Locks => "locks",
            Self::Variable => "variable",
            Self::NotDeterministic => "notDeterministic",
            Self::SystemTable => "systemTable",
            Self::Asked => "asked",
            Self::Function => "function",
            Self::Doubtful => "doubtful",
            Self::Unparsed => "unparsed",
        }
    }
}
