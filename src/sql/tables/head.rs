//! The first words of a statement, and where its clauses begin.

use super::name::{TableName, Words, is_any};
use crate::sql::lexer::Token;

/// No more tokens of a statement are kept.
const LONGEST: usize = 64;

/// One statement of a text, as far as it tells what is written.
pub(super) struct Statement<'a> {
    pub(super) sql: &'a str,
    pub(super) head: Vec<(usize, Token<'a>)>,
    pub(super) is_long: bool,
    /// The first clause outside of parentheses that may end a list of tables, and where it is.
    pub(super) clause: Option<(usize, &'a str)>,
    /// Where the first FROM outside of parentheses ends, and the USING of a DELETE.
    pub(super) from: Option<usize>,
    pub(super) using: Option<usize>,
    /// The end of a USING whose next token is not known yet.
    open_using: Option<usize>,
    /// Whether SELECT or VALUES stands anywhere.
    pub(super) selects: bool,
    /// Whether the keyword of a write stands outside of parentheses.
    pub(super) has_write: bool,
    /// Whether an ALTER TABLE may name a second table.
    pub(super) exchanges: bool,
    /// Whether WITH was before the first word that is kept.
    pub(super) is_with: bool,
    before: Option<Token<'a>>,
    pub(super) end: usize,
}

impl<'a> Statement<'a> {
    pub(super) fn new(sql: &'a str) -> Self {
        Self {
            sql,
            head: Vec::with_capacity(16),
            is_long: false,
            clause: None,
            from: None,
            using: None,
            open_using: None,
            selects: false,
            has_write: false,
            exchanges: false,
            is_with: false,
            before: None,
            end: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.head.is_empty() && !self.is_with
    }

    /// Reads a token that is in `depth` parentheses.
    pub(super) fn read(&mut self, at: usize, end: usize, token: Token<'a>, depth: usize) {
        if let Some(using) = self.open_using.take()
            && token != Token::Symbol(b'(')
        {
            self.using.get_or_insert(using);
        }
        if let Token::Word(word) = token
            && self.before != Some(Token::Symbol(b'.'))
        {
            self.word(at, end, word, depth);
        }
        if self.head.len() < LONGEST {
            self.head.push((at, token));
        } else {
            self.is_long = true;
        }
        self.before = Some(token);
        self.end = end;
    }

    fn word(&mut self, at: usize, end: usize, word: &'a str, depth: usize) {
        self.selects |= is_any(word, &["SELECT", "VALUES"]);
        if depth > 0 {
            return;
        }
        if self.is_at_with() && is_any(word, BEHIND_WITH) {
            *self = Self {
                selects: self.selects,
                is_with: true,
                before: self.before,
                ..Self::new(self.sql)
            };
        }
        let is_first = self.head.is_empty();
        match word.len() {
            3 if word.eq_ignore_ascii_case("SET") => {
                self.clause.get_or_insert((at, word));
            }
            4 if word.eq_ignore_ascii_case("FROM") => {
                self.from.get_or_insert(end);
            }
            5 if word.eq_ignore_ascii_case("USING") => self.open_using = Some(end),
            5 if word.eq_ignore_ascii_case("TABLE") => self.exchanges |= self.head.len() > 3,
            3 | 5..=9 if is_any(word, CLAUSES) => {
                self.clause.get_or_insert((at, word));
            }
            6 | 8 if is_any(word, &["RENAME", "EXCHANGE"]) => self.exchanges |= !is_first,
            6 | 7 if is_any(word, WRITES) => self.has_write |= !is_first,
            _ => {}
        }
    }

    fn is_at_with(&self) -> bool {
        matches!(self.head.first(), Some((_, Token::Word(word))) if word.eq_ignore_ascii_case("WITH"))
    }

    pub(super) fn words(&self) -> Words<'_, 'a> {
        Words::new(self.sql, &self.head)
    }

    /// Whether the parenthesis behind `name` in `depth` others belongs to no call: what comes before it is the target
    /// of an INSERT, columns, or the definition of a table.
    pub(super) fn is_no_call(&self, name: &str, depth: usize) -> bool {
        let mut words = self.words();
        if words.eat(&["INSERT", "REPLACE"]) {
            let is_target = target(&mut words).is_some() && words.peek().is_none();
            let is_values =
                name.eq_ignore_ascii_case("VALUE") && !self.selects && self.clause.is_none();
            depth == 0 && (is_target && !self.is_long || is_values)
        } else if words.is_at(&["LOAD"]) {
            depth == 0 && self.clause.is_none()
        } else if words.is_at(DEFINITIONS) {
            !self.selects
        } else {
            depth == 0 && words.is_at(&["WITH"])
        }
    }

    /// Whether it begins with SELECT or with WITH before it.
    pub(super) fn is_read(&self) -> bool {
        let mut words = self.words();
        while words.eat_symbol(b'(') {}
        words.is_at(&["SELECT"])
    }
}

/// The table of an INSERT or REPLACE, behind that word.
pub(super) fn target(words: &mut Words<'_, '_>) -> Option<TableName> {
    words.eat_all(&["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE"]);
    words.eat(&["INTO"]);
    words.name()
}

const BEHIND_WITH: &[&str] = &[
    "SELECT", "VALUES", "TABLE", "INSERT", "REPLACE", "UPDATE", "DELETE",
];
const WRITES: &[&str] = &["INSERT", "REPLACE", "UPDATE", "DELETE"];
const DEFINITIONS: &[&str] = &["CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE"];

/// What may come behind the tables of a DELETE, in any form of it.
pub(super) const CLAUSES: &[&str] = &["WHERE", "ORDER", "LIMIT", "RETURNING", "FOR", "BEFORE"];
