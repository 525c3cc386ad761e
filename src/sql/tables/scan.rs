//! The names that stand where a statement names a table, found by splitting the text alone.

use std::collections::BTreeSet;

use super::name::{TableName, Words, is_any};
use crate::sql::lexer::{Lexer, Reading, Token};

/// What is between two parentheses.
#[derive(Clone, Copy, Default)]
struct Frame {
    /// Whether it is a list of tables, where a comma comes before the next one.
    is_list: bool,
    /// Whether a table comes next.
    is_next: bool,
    /// Whether FROM has another meaning: `EXTRACT(YEAR FROM a)`.
    is_call: bool,
}

/// The tables named behind FROM, JOIN and their commas; None where one is not named in a way that is known.
pub(super) fn tables(sql: &str, reading: Reading) -> Option<BTreeSet<TableName>> {
    let tokens: Vec<_> = Lexer::new(sql, reading).collect();
    let mut words = Words::new(sql, &tokens);
    let mut names = BTreeSet::new();
    let mut outer = Vec::new();
    let mut frame = Frame::default();
    let mut before = None;
    while let Some(token) = words.peek() {
        let mut is_passed = false;
        match token {
            Token::Symbol(b'(') => {
                outer.push(Frame {
                    is_next: false,
                    ..frame
                });
                frame = Frame {
                    is_list: frame.is_next,
                    is_next: frame.is_next,
                    is_call: matches!(before, Some(Token::Word(word)) if is_any(word, WITH_FROM)),
                };
            }
            Token::Symbol(b')') => frame = outer.pop().unwrap_or_default(),
            Token::Symbol(b',') => frame.is_next = frame.is_list,
            Token::Word(_) if before == Some(Token::Symbol(b'.')) => {}
            Token::Word(word) if is_any(word, &["SELECT"]) => frame = Frame::default(),
            Token::Word(word) if is_any(word, &["FROM"]) && !frame.is_call => {
                frame = Frame {
                    is_list: true,
                    is_next: true,
                    is_call: false,
                };
            }
            Token::Word(word) if is_any(word, &["JOIN", "STRAIGHT_JOIN"]) && frame.is_list => {
                frame.is_next = true;
            }
            Token::Word(word) if is_any(word, ENDS) => {
                frame = Frame {
                    is_call: frame.is_call,
                    ..Frame::default()
                }
            }
            Token::Word(word) if frame.is_next && is_any(word, &["LATERAL", "TABLE"]) => {}
            Token::Word(word) if frame.is_next && is_any(word, &["DUAL"]) => frame.is_next = false,
            Token::Word(_) | Token::Quoted(_) if frame.is_next => {
                let name = words.name()?;
                is_passed = true;
                frame.is_next = false;
                // `JSON_TABLE(…)` is no table of the server's.
                if words.peek() != Some(Token::Symbol(b'(')) {
                    names.insert(name);
                }
            }
            _ if frame.is_next => return None,
            _ => {}
        }
        before = Some(token);
        if !is_passed {
            words.skip();
        }
    }
    Some(names)
}

/// Functions whose arguments may have a FROM between them.
const WITH_FROM: &[&str] = &["EXTRACT", "MID", "SUBSTR", "SUBSTRING", "TRIM"];

/// Words that end a list of tables.
const ENDS: &[&str] = &[
    "WHERE",
    "GROUP",
    "HAVING",
    "ORDER",
    "LIMIT",
    "WINDOW",
    "UNION",
    "EXCEPT",
    "INTERSECT",
    "SET",
    "VALUES",
    "RETURNING",
    "PROCEDURE",
    "INTO",
];
