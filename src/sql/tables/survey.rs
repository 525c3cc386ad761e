//! One pass over the tokens of a text: what each of its statements writes, what it calls, and why its result may not
//! be kept.

use super::{
    Change, Uncacheable, Writes,
    head::Statement,
    name::{fold, is_any},
    query,
    verdict::Found,
};
use crate::sql::{
    functions::{Call, Calls, Known},
    lexer::{Lexer, Reading, Token},
    statement::Doubts,
};

/// What was found in a text, in all of its readings.
pub(super) struct Findings {
    pub(super) change: Change,
    /// How many statements the text holds.
    pub(super) statements: usize,
    /// Whether the first of them begins with SELECT or WITH.
    pub(super) is_read: bool,
    /// What speaks against keeping the result, in the order of [`Uncacheable`].
    reasons: u16,
}

impl Findings {
    /// The first reason not to keep the result.
    pub(super) fn reason(&self) -> Option<Uncacheable> {
        Uncacheable::ALL
            .into_iter()
            .find(|&reason| self.reasons & bit(reason) != 0)
    }
}

/// More names of functions are not listed: then anything may be written.
const MOST_FUNCTIONS: usize = 64;

/// Reads `sql` in each way in which a server may read it.
pub(super) fn all_readings(sql: &str) -> Findings {
    let (mut findings, doubts) = read(sql, Reading::DEFAULT);
    let mut certain = doubts.executables == 0 && !doubts.odd;
    for reading in doubts.readings() {
        let (other, more) = read(sql, reading);
        certain &= more.executables == 0 && !more.odd;
        findings.add(other);
    }
    if !certain {
        findings.change.writes = Writes::Anything;
    }
    findings
}

/// Reads `sql` in the one way in which a session is known to read it.
pub(super) fn one_reading(sql: &str, reading: Reading) -> Findings {
    let (mut findings, doubts) = read(sql, reading);
    if doubts.executables > 0 || doubts.odd {
        findings.change.writes = Writes::Anything;
    }
    findings
}

impl Findings {
    fn add(&mut self, other: Findings) {
        let change = &mut self.change;
        let theirs = other.change;
        if change.uses != theirs.uses {
            change.writes = Writes::Anything;
        }
        change.writes.add(theirs.writes);
        change.changes_schema |= theirs.changes_schema;
        let mut functions = std::mem::take(&mut change.unknown_functions).into_vec();
        functions.extend(theirs.unknown_functions);
        functions.sort_unstable();
        functions.dedup();
        change.unknown_functions = functions.into();
        self.statements = self.statements.max(other.statements);
        self.is_read &= other.is_read;
        self.reasons |= other.reasons;
    }
}

struct Survey<'a> {
    sql: &'a str,
    calls: Calls<'a>,
    statement: Statement<'a>,
    statements: usize,
    is_read: bool,
    writes: Writes,
    /// The tables of the only statement, still to be found by the parser.
    joined: Option<&'a str>,
    changes_schema: bool,
    uses: Option<Box<str>>,
    functions: Vec<Box<str>>,
    reasons: u16,
    /// The last three tokens, the latest first.
    before: [Option<Token<'a>>; 3],
}

fn read(sql: &str, reading: Reading) -> (Findings, Doubts) {
    let mut lexer = Lexer::new(sql, reading);
    let mut survey = Survey::new(sql);
    while let Some((at, token)) = lexer.next() {
        survey.read(at, lexer.position(), token);
    }
    survey.end_statement();
    (survey.findings(), Doubts::of(&lexer))
}

impl<'a> Survey<'a> {
    fn new(sql: &'a str) -> Self {
        Self {
            sql,
            calls: Calls::default(),
            statement: Statement::new(sql),
            statements: 0,
            is_read: false,
            writes: Writes::Nothing,
            joined: None,
            changes_schema: false,
            uses: None,
            functions: Vec::new(),
            reasons: 0,
            before: [None; 3],
        }
    }

    fn read(&mut self, at: usize, end: usize, token: Token<'a>) {
        if token == Token::Symbol(b';') {
            self.end_statement();
            return;
        }
        let depth = self.calls.depth();
        if let Some(call) = self.calls.read(at, token) {
            self.call(call, depth);
        }
        match token {
            Token::Word(word) => self.word(word),
            Token::Quoted(name) if is_any(name, &["CURRVAL", "NEXTVAL"]) => {
                self.refuse(Uncacheable::NotDeterministic);
            }
            Token::Symbol(b'@') | Token::Assign => self.refuse(Uncacheable::Variable),
            Token::Symbol(b'.') => {
                if let Some(Token::Word(name) | Token::Quoted(name)) = self.before[0]
                    && is_any(name, SYSTEM_SCHEMAS)
                {
                    self.refuse(Uncacheable::SystemTable);
                }
            }
            Token::Symbol(b')') => self.without_argument(),
            _ => {}
        }
        self.statement.read(at, end, token, depth);
        self.before.rotate_right(1);
        self.before[0] = Some(token);
    }

    fn word(&mut self, word: &str) {
        let Some(reason) = reason(word) else { return };
        // Behind a dot it is the name of a column.
        let is_name = self.before[0] == Some(Token::Symbol(b'.'));
        if !is_name || is_any(word, &["CURRVAL", "NEXTVAL"]) {
            self.refuse(reason);
        }
    }

    /// `UNIX_TIMESTAMP()` asks the clock.
    fn without_argument(&mut self) {
        if let [Some(Token::Symbol(b'(')), Some(Token::Word(name)), _] = self.before
            && name.eq_ignore_ascii_case("UNIX_TIMESTAMP")
        {
            self.refuse(Uncacheable::NotDeterministic);
        }
    }

    fn call(&mut self, call: Call<'a>, depth: usize) {
        match call.known {
            Some(Known::Computes | Known::Keyword | Known::Window) => return,
            Some(Known::Varies | Known::Session) => {
                return self.refuse(Uncacheable::NotDeterministic);
            }
            Some(Known::NewerSession) => self.refuse(Uncacheable::NotDeterministic),
            Some(Known::Newer) => {}
            None if self.statement.is_no_call(call.name, depth) => return,
            None => self.refuse(Uncacheable::Function),
        }
        let name = match call.schema {
            Some(schema) => format!("{}.{}", fold(schema), fold(call.name)).into(),
            None => fold(call.name),
        };
        if self.functions.len() == MOST_FUNCTIONS {
            self.writes = Writes::Anything;
        } else if !self.functions.contains(&name) {
            self.functions.push(name);
        }
    }

    fn refuse(&mut self, reason: Uncacheable) {
        self.reasons |= bit(reason);
    }

    fn end_statement(&mut self) {
        if let Some(call) = self.calls.end() {
            self.call(call, 0);
        }
        self.calls = Calls::default();
        self.before = [None; 3];
        let statement = std::mem::replace(&mut self.statement, Statement::new(self.sql));
        if statement.is_empty() {
            return;
        }
        self.statements += 1;
        let verdict = statement.verdict();
        self.changes_schema |= verdict.changes_schema;
        if verdict.uses.is_some() {
            self.uses = verdict.uses;
        }
        let is_only = self.statements == 1;
        if is_only {
            self.is_read = statement.is_read();
        }
        match verdict.writes {
            Found::Writes(Writes::Nothing)
                if self.joined.is_none() && self.writes == Writes::Nothing => {}
            Found::Writes(writes) if is_only => self.writes.add(writes),
            Found::Joined(list) if is_only => self.joined = Some(list),
            _ => self.writes = Writes::Anything,
        }
    }

    fn findings(mut self) -> Findings {
        if let Some(list) = self.joined
            && self.writes != Writes::Anything
        {
            self.writes = match query::joined(list) {
                Some(tables) => Writes::Tables(tables),
                None => Writes::Anything,
            };
        }
        if self.statements > 1 {
            self.refuse(Uncacheable::Several);
        }
        if !self.is_read {
            self.refuse(Uncacheable::NotARead);
        }
        Findings {
            change: Change {
                writes: self.writes,
                unknown_functions: self.functions.into(),
                changes_schema: self.changes_schema,
                uses: self.uses,
            },
            statements: self.statements,
            is_read: self.is_read,
            reasons: self.reasons,
        }
    }
}

fn bit(reason: Uncacheable) -> u16 {
    1 << reason as u16
}

/// Schemas whose tables change without being written.
const SYSTEM_SCHEMAS: &[&str] = &["information_schema", "performance_schema", "mysql", "sys"];

/// Words that are enough to keep a result from being kept.
fn reason(word: &str) -> Option<Uncacheable> {
    Some(match word.len() {
        3 if is_any(word, &["FOR"]) => Uncacheable::Locks,
        4 if is_any(word, &["LOCK"]) => Uncacheable::Locks,
        4 if is_any(word, &["INTO"]) => Uncacheable::Stores,
        7 if is_any(word, &["CURRVAL", "NEXTVAL", "SYSDATE"]) => Uncacheable::NotDeterministic,
        8 | 9 | 12.. if is_any(word, CLOCKS) => Uncacheable::NotDeterministic,
        9 if is_any(word, &["PROCEDURE"]) => Uncacheable::Stores,
        12 | 19 if is_any(word, &["SQL_NO_CACHE", "SQL_CALC_FOUND_ROWS"]) => Uncacheable::Asked,
        _ => return None,
    })
}

/// They need no parentheses.
const CLOCKS: &[&str] = &[
    "CURRENT_DATE",
    "CURRENT_ROLE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "CURRENT_USER",
    "LOCALTIME",
    "LOCALTIMESTAMP",
    "UTC_DATE",
    "UTC_TIME",
    "UTC_TIMESTAMP",
];
