//! What a statement writes, by its first words.
//!
//! The target of an INSERT stands before everything that may be long or hard to read, and so does that of most other
//! writes. What is not recognised writes anything.

use super::{
    Writes,
    head::{CLAUSES, Statement, target},
    name::{TableName, Words, fold, is_any},
};
use crate::sql::lexer::Token;

/// What a statement does, as far as its words tell.
pub(super) struct Verdict<'a> {
    pub(super) writes: Found<'a>,
    pub(super) changes_schema: bool,
    pub(super) uses: Option<Box<str>>,
}

pub(super) enum Found<'a> {
    Writes(Writes),
    /// Every table in this list of joined tables.
    Joined(&'a str),
}

impl<'a> Statement<'a> {
    pub(super) fn verdict(&self) -> Verdict<'a> {
        let mut words = self.words();
        while words.eat_symbol(b'(') {}
        let is_enclosed = self.head.len() > 1 && words.position() != self.words().position();
        let Some(Token::Word(verb)) = words.peek() else {
            return if self.is_empty() {
                nothing()
            } else {
                anything()
            };
        };
        words.skip();
        let verb = verb.to_ascii_uppercase();
        match verb.as_str() {
            "SELECT" | "VALUES" | "TABLE" => nothing(),
            _ if is_enclosed => anything(),
            "INSERT" | "REPLACE" => tables(target(&mut words).map(|name| vec![name])),
            "UPDATE" => self.update(words),
            "DELETE" => self.delete(words),
            _ if self.is_with => anything(),
            "LOAD" => tables(load(words)),
            "CREATE" | "ALTER" | "DROP" | "RENAME" | "TRUNCATE" => Verdict {
                changes_schema: true,
                ..tables(self.definition(&verb, words))
            },
            "USE" => Verdict {
                uses: words.identifier().map(|name| fold(&name)),
                ..nothing()
            },
            _ if self.is_harmless(&verb, words) => nothing(),
            _ => anything(),
        }
    }

    fn is_harmless(&self, verb: &str, mut words: Words<'_, 'a>) -> bool {
        match verb {
            "SHOW" | "COMMIT" | "ROLLBACK" | "SAVEPOINT" | "RELEASE" | "KILL" | "PREPARE"
            | "DEALLOCATE" | "LOCK" | "UNLOCK" | "FLUSH" | "GRANT" | "REVOKE" | "CHECK"
            | "CHECKSUM" | "OPTIMIZE" | "HELP" => true,
            "SET" => !words.eat(&["STATEMENT"]),
            "START" => words.eat(&["TRANSACTION"]),
            "BEGIN" => {
                words.eat(&["WORK"]);
                words.peek().is_none()
            }
            "XA" => words.eat(&["START", "BEGIN", "END", "PREPARE", "ROLLBACK", "RECOVER"]),
            "EXPLAIN" | "DESCRIBE" | "DESC" => !(words.eat(&["ANALYZE"]) && self.has_write),
            // ANALYZE before a statement runs it.
            "ANALYZE" => {
                words.eat(&["TABLE", "TABLES", "LOCAL", "NO_WRITE_TO_BINLOG"])
                    || self.selects && !self.has_write
            }
            _ => false,
        }
    }

    fn update(&self, mut words: Words<'_, 'a>) -> Verdict<'a> {
        words.eat_all(&["LOW_PRIORITY", "IGNORE"]);
        self.one(words, &["SET", "FOR"])
            .or_else(|| {
                let (end, clause) = self.clause?;
                is_any(clause, &["SET"]).then(|| self.joined(words.position()?, end))?
            })
            .unwrap_or_else(anything)
    }

    fn delete(&self, mut words: Words<'_, 'a>) -> Verdict<'a> {
        words.eat_all(&["LOW_PRIORITY", "QUICK", "IGNORE", "HISTORY"]);
        let names_first = !words.eat(&["FROM"]);
        self.one(words, CLAUSES)
            .filter(|_| !names_first)
            .or_else(|| {
                let from = if names_first { self.from? } else { self.using? };
                match self.clause {
                    // It may be the hint for an index, with more tables behind.
                    Some((_, clause)) if is_any(clause, &["FOR", "BEFORE"]) => None,
                    Some((at, _)) => self.joined(from, at),
                    None => self.joined(from, self.end),
                }
            })
            .unwrap_or_else(anything)
    }

    /// A single table, with a clause behind it or nothing.
    fn one(&self, mut words: Words<'_, 'a>, clauses: &[&str]) -> Option<Verdict<'a>> {
        let name = words.name()?;
        if words.eat(&["PARTITION"]) {
            words.eat_parentheses()?;
        }
        if !words.is_at(clauses) && !words.is_at(&["USING", "JOIN"]) {
            words.eat(&["AS"]);
            words.identifier();
        }
        let is_last = words.peek().is_none() && !self.is_long;
        (is_last || words.is_at(clauses)).then(|| tables(Some(vec![name])))
    }

    /// The tables between two offsets. A backslash there may mean something else to the server.
    fn joined(&self, from: usize, to: usize) -> Option<Verdict<'a>> {
        let list = self.sql.get(from..to)?;
        (!list.contains('\\')).then_some(Verdict {
            writes: Found::Joined(list),
            ..nothing()
        })
    }

    fn definition(&self, verb: &str, mut words: Words<'_, 'a>) -> Option<Vec<TableName>> {
        match verb {
            "TRUNCATE" => {
                words.eat(&["TABLE"]);
                Some(vec![words.name()?])
            }
            _ if self.is_long && matches!(verb, "DROP" | "RENAME") => None,
            "RENAME" => renamed(words),
            "ALTER" => {
                words.eat_all(&["ONLINE", "OFFLINE", "IGNORE"]);
                if !words.eat(&["TABLE", "VIEW"]) || self.exchanges {
                    return None;
                }
                words.eat_condition();
                Some(vec![words.name()?])
            }
            _ => {
                if words.eat(&["OR"]) {
                    words.eat(&["REPLACE"]);
                }
                words.eat_all(&[
                    "TEMPORARY",
                    "UNIQUE",
                    "FULLTEXT",
                    "SPATIAL",
                    "ONLINE",
                    "OFFLINE",
                ]);
                if words.eat(&["INDEX"]) {
                    words.eat_condition();
                    words.identifier()?;
                    if words.eat(&["USING", "TYPE"]) {
                        words.skip();
                    }
                    return words
                        .eat(&["ON"])
                        .then(|| words.name().map(|name| vec![name]))?;
                }
                if !words.eat(&["TABLE", "TABLES", "VIEW"]) {
                    return None;
                }
                words.eat_condition();
                if verb == "DROP" {
                    words.names()
                } else {
                    Some(vec![words.name()?])
                }
            }
        }
    }
}

/// The table of LOAD DATA … INTO TABLE.
fn load(mut words: Words<'_, '_>) -> Option<Vec<TableName>> {
    if !words.eat(&["DATA", "XML"]) {
        return None;
    }
    while words.peek().is_some() {
        if words.eat(&["INTO"]) {
            return words
                .eat(&["TABLE"])
                .then(|| words.name().map(|name| vec![name]))?;
        }
        words.skip();
    }
    None
}

/// `RENAME TABLE a TO b, c TO d`.
fn renamed(mut words: Words<'_, '_>) -> Option<Vec<TableName>> {
    if !words.eat(&["TABLE", "TABLES"]) {
        return None;
    }
    words.eat_condition();
    let mut names = Vec::new();
    loop {
        names.push(words.name()?);
        if !words.eat(&["TO"]) {
            return None;
        }
        names.push(words.name()?);
        if !words.eat_symbol(b',') {
            return words.peek().is_none().then_some(names);
        }
    }
}

fn nothing<'a>() -> Verdict<'a> {
    Verdict {
        writes: Found::Writes(Writes::Nothing),
        changes_schema: false,
        uses: None,
    }
}

fn anything<'a>() -> Verdict<'a> {
    tables(None)
}

fn tables<'a>(names: Option<Vec<TableName>>) -> Verdict<'a> {
    Verdict {
        writes: Found::Writes(names.map_or(Writes::Anything, |names| Writes::Tables(names.into()))),
        ..nothing()
    }
}
