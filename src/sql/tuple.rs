//! Finds the row of an INSERT that stands for many, so that one statement can insert as many rows as fit.
//!
//! In doubt there is none: then each row is a statement of its own, which is slower and never wrong.

use std::ops::Range;

use super::lexer::{Lexer, Reading, Token};

/// A plain `INSERT … VALUES (…)` or `REPLACE … VALUES (…)` whose placeholders are all in its one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tuple<'a> {
    text: &'a str,
    /// From the opening to the closing parenthesis.
    row: Range<usize>,
}

impl<'a> Tuple<'a> {
    /// Looks for it in a text whose placeholders are all written `?`.
    pub fn find(text: &'a str) -> Option<Tuple<'a>> {
        let mut lexer = Lexer::new(text, Reading::DEFAULT);
        let mut stage = Stage::Start;
        let (mut depth, mut row) = (0_u32, 0..0);
        for (at, token) in lexer.by_ref() {
            match token {
                Token::Symbol(b'(') => depth += 1,
                Token::Symbol(b')') => depth = depth.checked_sub(1)?,
                // What is counted in a variable is counted for each statement.
                Token::Symbol(b'@') | Token::Assign | Token::Named(_) => return None,
                Token::Question if stage != Stage::Row => return None,
                _ => {}
            }
            stage = match (stage, token) {
                (Stage::Start, Token::Word(word)) if is(word, &["INSERT", "REPLACE"]) => {
                    Stage::Target
                }
                (Stage::Target, Token::Word(word))
                    if depth == 0 && is(word, &["VALUES", "VALUE"]) =>
                {
                    Stage::Values
                }
                // `INSERT … SELECT` and `INSERT … SET`.
                (Stage::Target, Token::Word(word)) if is(word, &["SELECT", "SET", "WITH"]) => {
                    return None;
                }
                (Stage::Target, _) => Stage::Target,
                (Stage::Values, Token::Symbol(b'(')) => {
                    row.start = at;
                    Stage::Row
                }
                // What a query or the last id gives may change with each row.
                (Stage::Row, Token::Word(word)) if is(word, &["SELECT", "LAST_INSERT_ID"]) => {
                    return None;
                }
                (Stage::Row, Token::Symbol(b')')) if depth == 0 => {
                    row.end = at + 1;
                    Stage::After
                }
                (Stage::Row, _) => Stage::Row,
                // `ON DUPLICATE KEY UPDATE` and MySQL's name for the new row before it.
                (Stage::After, Token::Word(word)) if is(word, &["ON", "AS"]) => Stage::Clause,
                (Stage::After | Stage::Clause | Stage::Ended, Token::Symbol(b';')) => Stage::Ended,
                (Stage::Clause, _) => Stage::Clause,
                _ => return None,
            };
        }
        let is_certain = !lexer.escaped_quote && lexer.executables == 0 && !lexer.odd;
        (is_certain && matches!(stage, Stage::After | Stage::Clause | Stage::Ended))
            .then_some(Tuple { text, row })
    }

    /// The statement for `rows` rows.
    pub fn times(&self, rows: usize) -> String {
        let (head, rest) = self.text.split_at(self.row.end);
        let row = head.get(self.row.start..).unwrap_or_default();
        let more = rows.saturating_sub(1);
        let mut text = String::with_capacity(self.text.len() + more * (row.len() + 1));
        text.push_str(head);
        for _ in 0..more {
            text.push(',');
            text.push_str(row);
        }
        text.push_str(rest);
        text
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Start,
    Target,
    Values,
    Row,
    After,
    Clause,
    Ended,
}

fn is(word: &str, words: &[&str]) -> bool {
    words.iter().any(|entry| entry.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn twice(sql: &str) -> Option<String> {
        Tuple::find(sql).map(|tuple| tuple.times(2))
    }

    #[test]
    fn the_row_of_a_plain_insert_is_repeated() {
        for (sql, expected) in [
            (
                "INSERT INTO t VALUES (?, NOW(), ')')",
                "INSERT INTO t VALUES (?, NOW(), ')'),(?, NOW(), ')')",
            ),
            (
                "replace into `values` (a, b) value (?,?);",
                "replace into `values` (a, b) value (?,?),(?,?);",
            ),
            (
                "INSERT IGNORE INTO t (a) VALUES (?) /* , (?) */ ON DUPLICATE KEY UPDATE a = VALUES(a)",
                "INSERT IGNORE INTO t (a) VALUES (?),(?) /* , (?) */ ON DUPLICATE KEY UPDATE a = VALUES(a)",
            ),
            (
                "INSERT INTO t (a) VALUES (?) AS new ON DUPLICATE KEY UPDATE a = new.a",
                "INSERT INTO t (a) VALUES (?),(?) AS new ON DUPLICATE KEY UPDATE a = new.a",
            ),
        ] {
            assert_eq!(twice(sql).as_deref(), Some(expected));
        }
    }

    #[test]
    fn everything_else_stays_a_statement_for_each_row() {
        for sql in [
            "UPDATE t SET a = ?",
            "INSERT INTO t SET a = ?",
            "INSERT INTO t SELECT ?",
            "INSERT INTO t VALUES (?), (?)",
            "INSERT INTO t VALUES (1), (?)",
            "INSERT INTO t VALUES (?) ON DUPLICATE KEY UPDATE a = ?",
            "INSERT INTO t VALUES (?, (SELECT MAX(a) FROM u))",
            "INSERT INTO t VALUES (?, LAST_INSERT_ID())",
            "INSERT INTO t VALUES (?, @a := 1)",
            "INSERT INTO t VALUES (?) RETURNING a",
            "INSERT INTO t VALUES (?); SELECT 1",
            "INSERT INTO value (a) VALUES (?)",
            "INSERT INTO t VALUES (?, 'a\\'b')",
            "INSERT INTO t /*!50000 (a) */ VALUES (?)",
            "INSERT INTO t VALUES (?",
            "INSERT INTO t VALUES ?",
            "",
        ] {
            assert_eq!(twice(sql), None, "{sql}");
        }
    }
}
