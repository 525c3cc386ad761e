//! Where a statement has room for a condition of ours: the one place where it says `:keyset` or `:page`.
//!
//! The condition that is put there narrows the rows only if it is AND-ed to everything else, so a place beside an OR is
//! refused instead of giving wrong pages.

use std::fmt;

use super::lexer::{Lexer, Reading, Token};

/// The place of a marker in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Where its colon is, in bytes.
    pub start: usize,
    pub end: usize,
    /// How many `?` stand before it.
    pub placeholders: usize,
}

/// Why a text has no usable place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotError {
    /// The marker is there twice.
    Twice,
    /// It is no condition that is AND-ed to others.
    Beside(&'static str),
    /// It is in a query within the statement.
    Inner,
    /// What follows would have to stand behind the ORDER BY and LIMIT that are put at the end.
    Closed(&'static str),
}

impl fmt::Display for SlotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SlotError::Twice => f.write_str("stands in the statement twice; it has one place"),
            SlotError::Beside(word) => write!(
                f,
                "stands beside {word}, which would let rows of other pages in; write AND before it and put the rest of \
                 the condition in parentheses"
            ),
            SlotError::Inner => f.write_str(
                "stands in a subquery, where it does not narrow the rows of the statement; write it into the outer WHERE",
            ),
            SlotError::Closed(word) => write!(
                f,
                "needs a statement without {word} of its own; ORDER BY and LIMIT are written from the options, and a UNION \
                 goes into a derived table"
            ),
        }
    }
}

/// Finds `:name` in `sql`. With `open`, the statement must end where an ORDER BY can be put behind it.
pub fn find(sql: &str, name: &str, open: bool) -> Result<Option<Slot>, SlotError> {
    let mut slot = None;
    let mut placeholders = 0;
    let mut scopes = vec![Scope::default()];
    let mut closed = None;
    let mut before = None;
    for (at, token) in Lexer::new(sql, Reading::DEFAULT) {
        // `t.order` is a column.
        let is_member = before == Some(Token::Symbol(b'.'));
        let depth = scopes.len();
        match token {
            Token::Question => placeholders += 1,
            Token::Named(marker) if marker == name => {
                if slot.is_some() {
                    return Err(SlotError::Twice);
                }
                if scopes.iter().skip(1).any(|scope| scope.is_query) {
                    return Err(SlotError::Inner);
                }
                if !follows_and(before) || !narrows(&scopes) {
                    return Err(SlotError::Beside(
                        "something other than WHERE, HAVING or AND",
                    ));
                }
                slot = Some(Slot {
                    start: at,
                    end: at + ":".len() + marker.len(),
                    placeholders,
                });
                if let Some(scope) = scopes.last_mut() {
                    scope.holds = true;
                }
            }
            Token::Symbol(b'(') => scopes.push(Scope::default()),
            Token::Symbol(b')') if depth > 1 => {
                let inner = scopes.pop().unwrap_or_default();
                inner.check()?;
                if let Some(scope) = scopes.last_mut() {
                    scope.holds |= inner.held || inner.holds;
                }
            }
            Token::Symbol(b'|') if before == Some(Token::Symbol(b'|')) => mark(&mut scopes, "||"),
            Token::Word(word) if !is_member => match keyword(word) {
                Some(Keyword::Alternative(word)) => mark(&mut scopes, word),
                Some(Keyword::Clause(word)) => {
                    if let Some(scope) = scopes.last_mut() {
                        scope.check()?;
                        scope.begin_clause(word);
                    }
                    let ends = match word {
                        "UNION" | "EXCEPT" | "INTERSECT" => true,
                        _ => open && matches!(word, "ORDER" | "LIMIT"),
                    };
                    if ends && depth == 1 {
                        closed = closed.or(Some(word));
                    }
                }
                None => {}
            },
            _ => {}
        }
        before = Some(token);
    }
    for scope in &scopes {
        scope.check()?;
    }
    match (slot, closed) {
        (Some(_), Some(word)) => Err(SlotError::Closed(word)),
        _ => Ok(slot),
    }
}

/// One level of parentheses.
#[derive(Default)]
struct Scope {
    /// Whether it is a query of its own.
    is_query: bool,
    /// The present clause, where it begins on this level.
    clause: Option<&'static str>,
    /// What the present clause has on this level that is no AND.
    alternative: Option<&'static str>,
    /// Whether the marker is in the present clause.
    holds: bool,
    /// Whether it was in a clause before.
    held: bool,
}

impl Scope {
    fn check(&self) -> Result<(), SlotError> {
        match self.alternative {
            Some(word) if self.holds => Err(SlotError::Beside(word)),
            _ => Ok(()),
        }
    }

    fn begin_clause(&mut self, word: &'static str) {
        self.clause = Some(word);
        self.is_query |= word == "SELECT";
        self.held |= self.holds;
        self.holds = false;
        self.alternative = None;
    }
}

fn mark(scopes: &mut [Scope], word: &'static str) {
    if let Some(scope) = scopes.last_mut() {
        scope.alternative = Some(word);
    }
}

/// Whether a condition here belongs to a WHERE or HAVING: one in the ON of a LEFT JOIN keeps all rows.
fn narrows(scopes: &[Scope]) -> bool {
    let clause = scopes.iter().rev().find_map(|scope| scope.clause);
    matches!(clause, Some("WHERE" | "HAVING"))
}

/// Whether a condition that stands after this token is AND-ed to what is before it.
fn follows_and(before: Option<Token<'_>>) -> bool {
    match before {
        Some(Token::Word(word)) => ["WHERE", "AND", "HAVING"]
            .iter()
            .any(|allowed| word.eq_ignore_ascii_case(allowed)),
        Some(Token::Symbol(symbol)) => matches!(symbol, b'(' | b'&'),
        _ => false,
    }
}

enum Keyword {
    /// Joins conditions in another way than AND.
    Alternative(&'static str),
    /// Begins another part of a statement.
    Clause(&'static str),
}

fn keyword(word: &str) -> Option<Keyword> {
    const ALTERNATIVES: &[&str] = &["OR", "XOR"];
    const CLAUSES: &[&str] = &[
        "SELECT",
        "FROM",
        "JOIN",
        "ON",
        "WHERE",
        "GROUP",
        "HAVING",
        "WINDOW",
        "ORDER",
        "LIMIT",
        "UNION",
        "EXCEPT",
        "INTERSECT",
    ];
    let listed = |list: &[&'static str]| {
        list.iter()
            .copied()
            .find(|entry| entry.eq_ignore_ascii_case(word))
    };
    listed(ALTERNATIVES)
        .map(Keyword::Alternative)
        .or_else(|| listed(CLAUSES).map(Keyword::Clause))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(sql: &str) -> Result<Option<Slot>, SlotError> {
        find(sql, "keyset", true)
    }

    #[test]
    fn the_marker_is_found_with_the_placeholders_before_it() {
        let sql = "SELECT '?', ? FROM t WHERE a = ? AND :keyset GROUP BY b HAVING c > ?";
        let slot = found(sql).expect("usable").expect("there");
        assert_eq!(&sql[slot.start..slot.end], ":keyset");
        assert_eq!(slot.placeholders, 2);
    }

    #[test]
    fn text_that_only_looks_like_it_is_none() {
        for sql in [
            "SELECT ':keyset'",
            "SELECT 1 -- :keyset",
            "SELECT `:keyset`",
            "SELECT /* :keyset */ 1",
            "SELECT 1 WHERE :keysets",
            "SELECT a::keyset",
        ] {
            assert_eq!(found(sql), Ok(None), "{sql}");
        }
    }

    #[test]
    fn a_place_that_does_not_narrow_is_refused() {
        for sql in [
            "SELECT 1 FROM t WHERE a OR b AND :keyset",
            "SELECT 1 FROM t WHERE :keyset OR a",
            "SELECT 1 FROM t WHERE (:keyset AND a) OR b",
            "SELECT 1 FROM t WHERE ((:keyset)) XOR b",
            "SELECT 1 FROM t WHERE a || b AND :keyset",
            "SELECT 1 FROM t WHERE NOT :keyset",
            "SELECT :keyset FROM t",
            "SELECT 1 FROM t WHERE a = :keyset",
            "SELECT 1 FROM t WHERE a OR :keyset",
            "SELECT 1 FROM t LEFT JOIN u ON a AND (:keyset)",
            "SELECT (:keyset) FROM t",
        ] {
            assert!(
                matches!(found(sql), Err(SlotError::Beside(_))),
                "{sql}: {:?}",
                found(sql)
            );
        }
    }

    #[test]
    fn a_place_in_a_subquery_is_refused() {
        for sql in [
            "SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM u WHERE :keyset)",
            "SELECT 1 FROM a LEFT JOIN (SELECT 1 FROM b WHERE (:keyset)) AS c ON d",
            "WITH c AS (SELECT 1 FROM t WHERE :keyset) SELECT 1 FROM c",
        ] {
            assert_eq!(found(sql), Err(SlotError::Inner), "{sql}");
        }
        assert!(matches!(
            found("WITH c AS (SELECT 1) SELECT 1 FROM c WHERE :keyset"),
            Ok(Some(_))
        ));
    }

    #[test]
    fn an_or_elsewhere_is_no_hindrance() {
        for sql in [
            "SELECT a OR b FROM t JOIN u ON x OR y WHERE :keyset GROUP BY a OR b HAVING c OR d",
            "SELECT 1 FROM t WHERE (a OR b) AND :keyset AND (c OR d)",
            "SELECT 1 FROM t WHERE ((:keyset) AND a) AND b",
            "SELECT 1 FROM t WHERE a & b AND :keyset",
            "SELECT 1 FROM (SELECT 1 FROM t WHERE a OR b ORDER BY c LIMIT 5) AS d WHERE :keyset",
            "SELECT GROUP_CONCAT(x ORDER BY x), t.`order`, t.limit FROM t WHERE :keyset",
        ] {
            assert!(matches!(found(sql), Ok(Some(_))), "{sql}: {:?}", found(sql));
        }
    }

    #[test]
    fn a_statement_that_has_an_end_of_its_own_is_refused() {
        for end in ["ORDER BY a", "LIMIT 5", "UNION SELECT 1"] {
            let sql = format!("SELECT 1 FROM t WHERE :keyset {end}");
            assert!(matches!(found(&sql), Err(SlotError::Closed(_))), "{sql}");
            let without = find(&sql, "keyset", false);
            assert_eq!(without.is_ok(), !end.starts_with("UNION"), "{sql}");
        }
        assert_eq!(
            found("SELECT 1 FROM t WHERE :keyset AND :keyset"),
            Err(SlotError::Twice)
        );
    }
}
